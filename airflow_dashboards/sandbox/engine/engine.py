"""The engine: events in, the results of queries out, in the shapes of contract 4.7."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from airflow_dashboards.sandbox.engine import (
    funnels,
    lifecycle,
    paths,
    retention,
    schema,
    stickiness,
    tables,
    trends,
)
from airflow_dashboards.sandbox.engine.scope import Computed, Scope
from airflow_dashboards.sandbox.engine.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_COMPUTE: dict[type[Any], Callable[[Scope, Any], Computed]] = {
    schema.TrendsQuery: trends.compute,
    schema.FunnelsQuery: funnels.compute,
    schema.RetentionQuery: retention.compute,
    schema.LifecycleQuery: lifecycle.compute,
    schema.StickinessQuery: stickiness.compute,
    schema.PathsQuery: paths.compute,
    schema.HogQLQuery: tables.compute_sql,
    schema.EventsQuery: tables.compute_events,
}


class Engine:
    """Events of every project, and queries over them. Safe for threads.

    Example:
        >>> engine = Engine()
        >>> engine.add_events(1, [{"event": "signup", "distinct_id": "a", "timestamp": "2026-06-01T10:00:00Z"}])
        1
        >>> query = {"kind": "HogQLQuery", "query": "SELECT count() FROM events"}
        >>> engine.compute(1, query, now=datetime(2026, 6, 2, tzinfo=timezone.utc), timezone="UTC").result
        [[1]]
    """

    def __init__(self) -> None:
        self._store = Store()

    def close(self) -> None:
        """Forget everything and free the memory; the engine cannot be used afterwards."""
        self._store.close()

    def reset(self) -> None:
        """Forget every event of every project."""
        self._store.reset()

    def keep(self, name: str) -> None:
        """Remember all events as they are now under a name, over resets: adding them again would take seconds."""
        self._store.keep(name)

    def bring_back(self, name: str) -> bool:
        """Replace all events by those remembered under a name; False if there are none."""
        return self._store.bring_back(name)

    def add_events(self, project: int, events: Sequence[Mapping[str, Any]]) -> int:
        """Add events to a project, all of them or none; return how many.

        Args:
            project: Its id; it need not be known.
            events: Objects with `event`, `distinct_id`, `timestamp` (ISO 8601, UTC without an offset) and optionally
                `properties` (an object) and `uuid`.

        Raises:
            ValueError: One is malformed; the message names its index, e.g. `events[3].timestamp …`.
        """
        return self._store.add(project, events)

    def delete_events(self, project: int, where: str, *, now: datetime | None = None) -> int:
        """Delete a project's events that match a HogQL condition; return how many.

        Args:
            project: Its id.
            where: Such as `event = 'signup' and timestamp >= '2026-06-01'`, read in UTC.
            now: What `now()` means in it; the real clock by default.

        Raises:
            InvalidQueryError: The condition is none.
        """
        return self._store.delete(project, where, now or datetime.now(tz=timezone.utc))

    def compute(self, project: int, query: Mapping[str, Any], *, now: datetime, timezone: str) -> Computed:
        """Compute a query over a project's events.

        Args:
            project: Whose events.
            query: A node (`InsightVizNode`, `DataVisualizationNode`, `DataTableNode`) or a source, as JSON.
            now: The clock, aware: what relative dates and `now()` mean.
            timezone: IANA name of the project's timezone, in which periods are cut.

        Raises:
            QuerySchemaError: The JSON is no query.
            InvalidQueryError: The query cannot be computed; the message is what PostHog would show.
        """
        source = schema.source(query)
        return _COMPUTE[type(source)](Scope(self._store, project, now, timezone), source)
