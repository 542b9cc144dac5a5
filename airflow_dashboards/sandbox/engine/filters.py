"""What a dashboard and a tile add to an insight's query before it is computed. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

_NODES = ("InsightVizNode", "DataVisualizationNode", "DataTableNode")
_SPLITTABLE = ("TrendsQuery", "FunnelsQuery", "RetentionQuery")


def apply(
    query: Mapping[str, Any],
    *,
    dashboard_filters: Mapping[str, Any] | None = None,
    variables: Mapping[str, Mapping[str, Any]] | None = None,
    tile_overrides: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the query as a dashboard shows it: with its date range, properties, breakdown and variables.

    A date or breakdown of the dashboard replaces the query's; properties are added to it. In SQL they take effect only
    where it says `{filters}`. What a tile overrides wins over the dashboard's own.

    Args:
        query: The insight's query; left as it is.
        dashboard_filters: `date_from`, `date_to`, `properties`, `breakdown_filter`, of which any may be missing.
        variables: Entries with `code_name` and `value`, by any key; for SQL that has such a variable.
        tile_overrides: Of the same form as `dashboard_filters`.

    Example:
        `apply(query, dashboard_filters={"date_from": "-7d"}, variables={}, tile_overrides={"date_from": "-30d"})`
        looks at thirty days.
    """
    applied = deepcopy(dict(query))
    source = applied["source"] if applied.get("kind") in _NODES and isinstance(applied.get("source"), dict) else applied
    overrides = {name: value for name, value in (tile_overrides or {}).items() if value}
    filters = {**(dashboard_filters or {}), **overrides}
    if overrides.get("date_from") or overrides.get("date_to"):
        # A range is one thing: half of the tile's and half of the dashboard's would be nobody's.
        filters.update(date_from=overrides.get("date_from"), date_to=overrides.get("date_to"))
    kind = source.get("kind")
    if kind == "HogQLQuery":
        _to_sql(source, filters, variables or {})
    elif kind == "EventsQuery":
        _to_events(source, filters)
    else:
        _to_insight(source, filters)
    return applied


def _to_insight(source: dict[str, Any], filters: Mapping[str, Any]) -> None:
    _dates(source, filters)
    _properties(source, filters)
    if filters.get("breakdown_filter") and source.get("kind") in _SPLITTABLE:
        source["breakdownFilter"] = deepcopy(filters["breakdown_filter"])


def _to_sql(source: dict[str, Any], filters: Mapping[str, Any], variables: Mapping[str, Mapping[str, Any]]) -> None:
    if filters.get("date_from") or filters.get("date_to") or filters.get("properties"):
        inner = source.get("filters")
        source["filters"] = inner = dict(inner) if isinstance(inner, Mapping) else {}
        _dates(inner, filters)
        _properties(inner, filters)
    own = source.get("variables")
    if not isinstance(own, dict):
        return
    for variable in variables.values():
        for entry in own.values():
            if (
                isinstance(entry, dict)
                and variable.get("code_name")
                and entry.get("code_name") == variable["code_name"]
            ):
                entry["value"] = deepcopy(variable.get("value"))


def _to_events(source: dict[str, Any], filters: Mapping[str, Any]) -> None:
    if filters.get("date_from") or filters.get("date_to"):
        source["after"], source["before"] = filters.get("date_from"), filters.get("date_to")
    _properties(source, filters)


def _dates(source: dict[str, Any], filters: Mapping[str, Any]) -> None:
    if filters.get("date_from") or filters.get("date_to"):
        own = source.get("dateRange")
        source["dateRange"] = {
            **(own if isinstance(own, Mapping) else {}),
            "date_from": filters.get("date_from"),
            "date_to": filters.get("date_to"),
        }


def _properties(source: dict[str, Any], filters: Mapping[str, Any]) -> None:
    added = filters.get("properties")
    if not added:
        return
    own = source.get("properties")
    if not own:
        source["properties"] = deepcopy(added)
    elif isinstance(own, list) and isinstance(added, list):
        source["properties"] = [*own, *deepcopy(added)]
    else:
        source["properties"] = {"type": "AND", "values": [_as_group(own), _as_group(deepcopy(added))]}


def _as_group(properties: Any) -> Any:
    return {"type": "AND", "values": properties} if isinstance(properties, list) else properties
