"""The name PostHog derives for an insight that has none. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_dashboards.sandbox.engine.errors import QuerySchemaError
from airflow_dashboards.sandbox.engine.parts import EventsNode, Math, Series
from airflow_dashboards.sandbox.engine.schema import (
    FunnelsQuery,
    LifecycleQuery,
    PathsQuery,
    RetentionEntity,
    RetentionQuery,
    StickinessQuery,
    TrendsQuery,
    source,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

_EVENTS = {
    "$pageview": "Pageview",
    "$pageleave": "Pageleave",
    "$screen": "Screen",
    "$autocapture": "Autocapture",
    "$identify": "Identify",
}
_MATHS = {
    Math.TOTAL: "count",
    Math.DAU: "unique users",
    Math.WEEKLY_ACTIVE: "WAUs",
    Math.MONTHLY_ACTIVE: "MAUs",
    Math.UNIQUE_SESSION: "unique sessions",
    Math.SUM: "sum",
    Math.AVG: "average",
    Math.MIN: "minimum",
    Math.MAX: "maximum",
    Math.MEDIAN: "median",
    Math.P75: "75th percentile",
    Math.P90: "90th percentile",
    Math.P95: "95th percentile",
    Math.P99: "99th percentile",
}


def derived_name(query: Mapping[str, Any]) -> str | None:
    """Return a name for an insight's query, None where there is nothing to make one of.

    Example:
        `Pageview count & order_paid's amount sum by $browser`
    """
    try:
        found = source(query)
    except QuerySchemaError:
        return None
    if isinstance(found, TrendsQuery):
        return _trends(found) or None
    if isinstance(found, FunnelsQuery):
        return f"{' → '.join(_node(node) for node in found.series)} user conversion rate" if found.series else None
    if isinstance(found, RetentionQuery):
        return _retention(found)
    if isinstance(found, LifecycleQuery):
        return f"User lifecycle based on {_node(found.series[0])}" if found.series else None
    if isinstance(found, StickinessQuery):
        return f"User stickiness based on {' & '.join(_node(node) for node in found.series)}" if found.series else None
    if isinstance(found, PathsQuery):
        kinds = " & ".join(
            _event(kind) if kind != "custom_event" else "custom events" for kind in found.paths.include or []
        )
        return f"User paths based on {kinds or 'all events'}"
    return None


def _trends(query: TrendsQuery) -> str:
    formula = query.trends.formula if query.trends else None
    names = [_measured(node) for node in query.series]
    if formula:
        names = [f"{chr(ord('A') + index)}. {name}" for index, name in enumerate(names)]
    text = " & ".join(names)
    if query.breakdown:
        by = [str(one.property) for one in query.breakdown.breakdowns or []]
        if not by and query.breakdown.breakdown:
            one = query.breakdown.breakdown
            by = [str(part) for part in one] if isinstance(one, list) else [str(one)]
        if by:
            text = f"{text} by {', '.join(by)}"
    return f"{formula} on {text}" if formula else text


def _measured(node: Series) -> str:
    name = _node(node)
    if isinstance(node, EventsNode):
        if node.math is Math.HOGQL:
            return f"{name} {node.math_hogql}"
        if node.math_property:
            return f"{name}'s {node.math_property} {_MATHS[node.math]}"
    return f"{name} {_MATHS.get(node.math, node.math.value)}"


def _retention(query: RetentionQuery) -> str:
    kind = "for the first time" if query.retention.type == "retention_first_time" else "recurringly"
    target, returning = (_entity(one) for one in (query.retention.target, query.retention.returning))
    return f"Retention of users based on doing {target} {kind} and returning with {returning}"


def _entity(entity: RetentionEntity | None) -> str:
    if entity is None:
        return _event("$pageview")
    return entity.name or (_event(str(entity.id)) if entity.id is not None else "All events")


def _node(node: Series) -> str:
    if node.custom_name:
        return node.custom_name
    if isinstance(node, EventsNode):
        return _event(node.event) if node.event else "All events"
    return node.name or f"Action {node.id}"


def _event(name: str) -> str:
    return _EVENTS.get(name, name)
