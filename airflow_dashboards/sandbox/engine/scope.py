"""One computation's surroundings: whose events, which clock, which timezone; handed to every kind of query."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from airflow_dashboards.sandbox.engine import dates, hogql
from airflow_dashboards.sandbox.engine import expressions as sql
from airflow_dashboards.sandbox.engine.errors import InvalidQueryError
from airflow_dashboards.sandbox.engine.parts import DateRange, EventsNode, Interval, Series
from airflow_dashboards.sandbox.engine.store import Row, Store, events_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime


@dataclass(frozen=True)
class Computed:
    """What computing a query gave, with all that an insight shows beside its result (contract 4.5, 4.7)."""

    result: list[Any] | dict[str, Any]
    columns: list[str] | None = None
    #: Pairs of column and ClickHouse type.
    types: list[list[str]] | None = None
    hogql: str | None = None
    has_more: bool = False
    resolved_date_range: dict[str, str] | None = None


@dataclass(frozen=True)
class Scope:
    """Whose events are read, and when and where it is."""

    store: Store
    project: int
    now: datetime
    timezone: str

    @property
    def clock(self) -> datetime:
        """The project's wall clock."""
        return dates.local(self.now, self.timezone)

    @property
    def context(self) -> hogql.Context:
        """What translating HogQL depends on."""
        return self.store.context(self.project, self.clock, self.timezone)

    @property
    def events(self) -> exp.Subquery:
        """The project's events, `timestamp` on its wall clock."""
        return events_of(self.project, self.timezone)

    def window(self, date_range: DateRange | None, interval: Interval) -> dates.Window:
        """Read a date range against the clock; `all` starts with the project's first event."""
        earliest = None
        if date_range is not None and date_range.date_from == "all":
            first = exp.select(sql.call("MIN({0})", sql.column("timestamp"))).from_(self.events)
            earliest = self.rows(first)[0][0]
        return dates.resolve(date_range, interval, now=self.now, timezone=self.timezone, earliest=earliest)

    def rows(self, query: exp.Query) -> list[Row]:
        """Run a query."""
        return self.store.rows(query)


def within(window: dates.Window) -> exp.Expr:
    """Return the condition that an event lies in a window."""
    return exp.Between(this=sql.column("timestamp"), low=sql.moment(window.start), high=sql.moment(window.end))


def named(event: str | None) -> exp.Expr:
    """Return the condition that an event has a name; true for all events."""
    if event is None:
        return exp.true()
    return exp.EQ(this=sql.column("event"), expression=sql.literal(event))


def events_nodes(series: Sequence[Series]) -> list[EventsNode]:
    """Return the series, all of which must be of events.

    Raises:
        InvalidQueryError: One is of a saved action: the sandbox has none.
    """
    nodes: list[EventsNode] = []
    for node in series:
        if not isinstance(node, EventsNode):
            raise InvalidQueryError(f"Action ID {node.id} does not exist!")
        nodes.append(node)
    return nodes
