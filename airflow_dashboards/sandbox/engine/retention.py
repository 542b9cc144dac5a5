"""RetentionQuery: of those who did something in a period, how many came back in later ones (contract 4.7)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import exp

from airflow_dashboards.sandbox.engine import dates
from airflow_dashboards.sandbox.engine import expressions as sql
from airflow_dashboards.sandbox.engine.errors import InvalidQueryError
from airflow_dashboards.sandbox.engine.parts import DateRange, Interval, Properties
from airflow_dashboards.sandbox.engine.properties import matches
from airflow_dashboards.sandbox.engine.schema import RetentionEntity, RetentionFilter, RetentionQuery
from airflow_dashboards.sandbox.engine.scope import Computed, Scope, named, within

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

_PAGEVIEW = RetentionEntity(id="$pageview")


def compute(scope: Scope, query: RetentionQuery) -> Computed:
    """Compute a RetentionQuery: one cohort per period, the running one included, each as long as time has allowed.

    Raises:
        InvalidQueryError: It starts from a saved action, or a filter is wrong.
    """
    retention = query.retention
    interval = retention.period.interval
    window = window_of(query, now=scope.now, timezone=scope.timezone)
    periods = window.periods
    first_time = retention.type == "retention_first_time"
    started = _activity(scope, retention.target, query.properties, window, interval, first_time=first_time)
    returned = _activity(scope, retention.returning, query.properties, window, interval)
    result = [_cohort(retention, periods, place, started, returned) for place in range(len(periods))]
    return Computed(result=result, resolved_date_range=window.resolved)


def window_of(query: RetentionQuery, *, now: datetime, timezone: str) -> dates.Window:
    """Return the last periods up to the range's end; its start has no meaning for a retention.

    Raises:
        InvalidQueryError: The date cannot be read.
    """
    interval = query.retention.period.interval
    until = DateRange(date_from="-0d", date_to=query.date_range.date_to if query.date_range else None)
    end = dates.resolve(until, interval, now=now, timezone=timezone).end
    start = dates.shift(dates.floor(end, interval), 1 - query.retention.total_intervals, interval.value)
    return dates.Window(start, end, timezone, interval)


def _activity(
    scope: Scope,
    entity: RetentionEntity | None,
    properties: Properties,
    window: dates.Window,
    interval: Interval,
    *,
    first_time: bool = False,
) -> dict[datetime, set[str]]:
    """Return the persons per period; with `first_time` only in the period of their very first such event."""
    entity = entity or _PAGEVIEW
    if entity.type == "actions":
        raise InvalidQueryError(f"Action ID {entity.id} does not exist!")
    event = str(entity.id) if entity.id is not None else None
    conditions = [named(event), matches(scope, entity.properties, properties)]
    person = sql.column("person_id")
    if first_time:
        first = sql.call("MIN({0})", sql.column("timestamp")).as_("timestamp", quoted=True)
        firsts = exp.select(person, first).from_(scope.events).where(*conditions).group_by(exp.Literal.number(1))
        statement = (
            exp.select(sql.period(interval), person.copy()).from_(firsts.subquery("firsts")).where(within(window))
        )
    else:
        statement = (
            exp.select(sql.period(interval), person).distinct().from_(scope.events).where(within(window), *conditions)
        )
    return _grouped(scope.rows(statement))


def _grouped(rows: Iterable[tuple[datetime, str]]) -> dict[datetime, set[str]]:
    found: dict[datetime, set[str]] = {}
    for period, person in rows:
        found.setdefault(period, set()).add(person)
    return found


def _cohort(
    retention: RetentionFilter,
    periods: list[datetime],
    place: int,
    started: dict[datetime, set[str]],
    returned: dict[datetime, set[str]],
) -> dict[str, Any]:
    cohort = started.get(periods[place], set())
    counts = [len(cohort), *(len(cohort & returned.get(period, set())) for period in periods[place + 1 :])]
    name = retention.period.value
    return {
        "date": periods[place].isoformat() + "Z",
        "label": f"{name} {place}",
        "values": [{"count": count, "label": f"{name} {later}"} for later, count in enumerate(counts)],
    }
