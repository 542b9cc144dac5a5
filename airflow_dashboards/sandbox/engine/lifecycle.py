"""LifecycleQuery: active persons told apart by what they were before (contract 4.7)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import exp

from airflow_dashboards.sandbox.engine import dates
from airflow_dashboards.sandbox.engine import expressions as sql
from airflow_dashboards.sandbox.engine.activity import active_persons
from airflow_dashboards.sandbox.engine.errors import InvalidQueryError
from airflow_dashboards.sandbox.engine.scope import Computed, Scope, events_nodes
from airflow_dashboards.sandbox.engine.trends import action, days, labels

if TYPE_CHECKING:
    from datetime import datetime

    from airflow_dashboards.sandbox.engine.parts import EventsNode, Interval
    from airflow_dashboards.sandbox.engine.schema import LifecycleQuery

STATUSES = ("new", "returning", "resurrecting", "dormant")


def compute(scope: Scope, query: LifecycleQuery) -> Computed:
    """Compute a LifecycleQuery of its first series: four series, the dormant ones counted below zero.

    New is who was never seen before with any event; returning who was active in the period before too; resurrecting who
    was seen before but not in the period before; dormant who was active in the period before and is not in this.

    Raises:
        InvalidQueryError: It has no series.
    """
    nodes = events_nodes(query.series)
    if not nodes:
        raise InvalidQueryError("A lifecycle needs a series")
    window = scope.window(query.date_range, query.interval).whole
    interval = query.interval
    early = dates.Window(dates.shift(window.start, -1, interval.value), window.end, window.timezone, interval)
    active = active_persons(scope, nodes[0], query.properties, early, interval)
    first = _first_seen(scope, interval)
    counts: dict[str, list[int]] = {status: [] for status in STATUSES}
    for period in window.periods:
        now = active.get(period, set())
        before = active.get(dates.shift(period, -1, interval.value), set())
        new = {person for person in now if first[person] == period}
        counts["new"].append(len(new))
        counts["returning"].append(len((now & before) - new))
        counts["resurrecting"].append(len(now - before - new))
        counts["dormant"].append(-len(before - now))
    result = [_series(nodes[0], status, counts[status], window) for status in STATUSES]
    return Computed(result=result, resolved_date_range=window.resolved)


def _first_seen(scope: Scope, interval: Interval) -> dict[str, datetime]:
    """Return the period of each person's first event of any kind: when PostHog made the person."""
    first = sql.call("MIN({0})", sql.column("timestamp")).as_("timestamp", quoted=True)
    firsts = exp.select(sql.column("person_id"), first).from_(scope.events).group_by(exp.Literal.number(1))
    statement = exp.select(sql.column("person_id"), sql.period(interval)).from_(firsts.subquery("firsts"))
    return dict(scope.rows(statement))


def _series(node: EventsNode, status: str, counts: list[int], window: dates.Window) -> dict[str, Any]:
    periods = window.periods
    return {
        "data": counts,
        "labels": labels(periods, window.interval),
        "days": days(periods, window.interval),
        "count": float(sum(counts)),
        "label": f"{node.event or 'All events'} - {status}",
        "status": status,
        "filter": {},
        "action": action(node, 0, periods, window.timezone),
    }
