"""What a query says about itself before anything is computed: its window, its interval, its kind. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from airflow_dashboards.sandbox.engine import dates
from airflow_dashboards.sandbox.engine.errors import QuerySchemaError
from airflow_dashboards.sandbox.engine.parts import DateRange, Interval
from airflow_dashboards.sandbox.engine.retention import window_of
from airflow_dashboards.sandbox.engine.schema import EventsQuery, HogQLQuery, PathsQuery, RetentionQuery, source

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


def is_insight_viz(query: Mapping[str, Any]) -> bool:
    """Whether a query is an `InsightVizNode`: the only kind PostHog's own snapshot reads (contract 3.6)."""
    return query.get("kind") == "InsightVizNode"


def interval(query: Mapping[str, Any]) -> str | None:
    """Return the length of a query's periods, None where it has none; it decides when a result is stale (contract 5.2).

    Example:
        `interval({"kind": "TrendsQuery", "series": [], "interval": "hour"})` is `hour`.
    """
    try:
        found = source(query)
    except QuerySchemaError:
        return None
    if isinstance(found, (HogQLQuery, EventsQuery, PathsQuery)):
        return None
    if isinstance(found, RetentionQuery):
        return found.retention.period.interval.value
    return found.interval.value


def window(query: Mapping[str, Any], now: datetime, timezone: str) -> tuple[datetime | None, datetime | None]:
    """Return the aware instants between which a query looks, None for an end that is open.

    The second lies in the past exactly when the window is closed, so that no new event can fall into it. SQL without
    filters has no window: its text decides.

    Raises:
        QuerySchemaError: The query is none.
        InvalidQueryError: A date cannot be read.
    """
    found = source(query)
    if isinstance(found, EventsQuery):
        return _instant(found.after, now, timezone), _instant(found.before, now, timezone)
    zone = ZoneInfo(timezone)
    if isinstance(found, RetentionQuery):
        cohorts = window_of(found, now=now, timezone=timezone)
        return cohorts.start.replace(tzinfo=zone), cohorts.end.replace(tzinfo=zone)
    if isinstance(found, HogQLQuery):
        if found.filters is None or found.filters.date_range is None or "{filters" not in found.query:
            return None, None
        date_range: DateRange | None = found.filters.date_range
    else:
        date_range = found.date_range
    resolved = dates.resolve(date_range, Interval(interval(query) or "day"), now=now, timezone=timezone)
    start = None if date_range is not None and date_range.date_from == "all" else resolved.start.replace(tzinfo=zone)
    return start, resolved.end.replace(tzinfo=zone)


def _instant(text: str | None, now: datetime, timezone: str) -> datetime | None:
    if not text or text == "all":
        return None
    return dates.read(text, dates.local(now, timezone), timezone).replace(tzinfo=ZoneInfo(timezone))
