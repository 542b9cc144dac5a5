"""What kind of question a tile asks, read from its query, or from its result where the query does not say.

Pure, and forgiving: a query nobody has seen before is `QueryKind.UNKNOWN`, never an error.
"""

from __future__ import annotations

from typing import Any

from airflow_dashboards.analysis.model import QueryKind

#: Displays that show one aggregated value per series in place of a line (contract 4.7).
_TOTAL_DISPLAYS = frozenset({"BoldNumber", "ActionsPie", "ActionsTable", "ActionsBarValue", "WorldMap"})

_KINDS = {
    "TrendsQuery": QueryKind.TRENDS,
    "FunnelsQuery": QueryKind.FUNNEL,
    "RetentionQuery": QueryKind.RETENTION,
    "LifecycleQuery": QueryKind.LIFECYCLE,
    "StickinessQuery": QueryKind.STICKINESS,
    "PathsQuery": QueryKind.PATHS,
    "HogQLQuery": QueryKind.TABLE,
    "EventsQuery": QueryKind.TABLE,
    "ActorsQuery": QueryKind.TABLE,
    "GroupsQuery": QueryKind.TABLE,
    "SessionsQuery": QueryKind.TABLE,
    "SessionsTimelineQuery": QueryKind.TABLE,
}

_FUNNEL_VIEWS = {
    "steps": QueryKind.FUNNEL,
    "trends": QueryKind.FUNNEL_TRENDS,
    "time_to_convert": QueryKind.FUNNEL_TIME,
}

_INTERVALS = frozenset({"minute", "hour", "day", "week", "month"})


def source(query: Any) -> dict[str, Any]:
    """Return the query that is computed: what `InsightVizNode` and its like wrap, else the query itself.

    Example:
        >>> source({"kind": "InsightVizNode", "source": {"kind": "TrendsQuery"}})
        {'kind': 'TrendsQuery'}
    """
    for _ in range(4):  # DataVisualizationNode > DataTableNode > query is the deepest nesting there is
        if not isinstance(query, dict):
            return {}
        inner = query.get("source")
        # An EventsQuery-like node may have a `source` of its own; a wrapper is what names no computation.
        if not isinstance(inner, dict) or query.get("kind") in _KINDS:
            return query
        query = inner
    return query if isinstance(query, dict) else {}


def _section(query: dict[str, Any], name: str) -> dict[str, Any]:
    value = query.get(name)
    return value if isinstance(value, dict) else {}


def classify(query: Any, result: Any = None) -> QueryKind:
    """Say what shape a tile's result has (contract 4.7).

    The query decides; the result decides where the query does not (legacy insights) and corrects a trends query that
    shows totals. `QueryKind.NONE` is for the caller, who knows whether there is an insight at all.

    Example:
        >>> classify({"kind": "InsightVizNode", "source": {"kind": "TrendsQuery"}})
        <QueryKind.TRENDS: 'trends'>
    """
    inner = source(query)
    name = inner.get("kind")
    kind = _KINDS.get(name) if isinstance(name, str) else None
    if kind is QueryKind.TRENDS:
        display = _section(inner, "trendsFilter").get("display")
        total = (isinstance(display, str) and display in _TOTAL_DISPLAYS) or _shows_totals(result)
        return QueryKind.TRENDS_TOTAL if total else QueryKind.TRENDS
    if kind is QueryKind.FUNNEL:
        view = _section(inner, "funnelsFilter").get("funnelVizType")
        return _FUNNEL_VIEWS.get(view, QueryKind.FUNNEL) if isinstance(view, str) else QueryKind.FUNNEL
    if kind is not None:
        return kind
    return QueryKind.UNKNOWN if isinstance(name, str) else _by_shape(result)


def _shows_totals(result: Any) -> bool:
    return (
        isinstance(result, list)
        and bool(result)
        and all(isinstance(item, dict) and "aggregated_value" in item and not item.get("data") for item in result)
    )


def _by_shape(result: Any) -> QueryKind:
    if isinstance(result, dict) and "bins" in result:
        return QueryKind.FUNNEL_TIME
    if not isinstance(result, list) or not result:
        return QueryKind.UNKNOWN
    first = result[0]
    if isinstance(first, list):
        return QueryKind.FUNNEL if first and isinstance(first[0], dict) else QueryKind.TABLE
    if not isinstance(first, dict):
        return QueryKind.UNKNOWN
    if _shows_totals(result):
        return QueryKind.TRENDS_TOTAL
    for keys, kind in (
        ({"data", "days", "status"}, QueryKind.LIFECYCLE),
        ({"data", "days"}, QueryKind.TRENDS),
        ({"values", "date"}, QueryKind.RETENTION),
        ({"source", "target", "value"}, QueryKind.PATHS),
        ({"count", "order"}, QueryKind.FUNNEL),
    ):
        if keys <= first.keys():
            return kind
    return QueryKind.UNKNOWN


def interval(query: Any) -> str | None:
    """Return the length of a period of the query's result: minute, hour, day, week or month; None where it has none.

    PostHog cuts trends, lifecycle, stickiness and funnel trends by day when the query names no interval, and retention
    by its `period`.

    Example:
        >>> interval({"kind": "TrendsQuery", "interval": "hour"})
        'hour'
    """
    inner = source(query)
    kind = classify(query)
    if kind in (QueryKind.TRENDS, QueryKind.LIFECYCLE, QueryKind.STICKINESS, QueryKind.FUNNEL_TRENDS):
        named = inner.get("interval") or "day"
    elif kind is QueryKind.RETENTION:
        named = _section(inner, "retentionFilter").get("period") or "day"
    else:
        return None
    lowered = named.lower() if isinstance(named, str) else ""
    return lowered if lowered in _INTERVALS else None
