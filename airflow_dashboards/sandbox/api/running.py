"""`run_insights`: all results of a dashboard in short form (contract 3.15)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_dashboards.sandbox import engine, uncertain
from airflow_dashboards.sandbox.api import boards
from airflow_dashboards.sandbox.call import computes_in_request
from airflow_dashboards.sandbox.encode import Raw, encode
from airflow_dashboards.sandbox.errors import invalid
from airflow_dashboards.sandbox.routing import Answer, endpoint
from airflow_dashboards.sandbox.serializers import in_layout_order
from airflow_dashboards.sandbox.settings import Build
from airflow_dashboards.sandbox.tabulate import as_lines, as_table

if TYPE_CHECKING:
    from airflow_dashboards.sandbox.call import Call
    from airflow_dashboards.sandbox.refreshing import Shown
    from airflow_dashboards.sandbox.store import Dashboard, Tile


@endpoint(
    "GET",
    "dashboards/{id}/run_insights",
    action="dashboards.run_insights",
    scopes=("query:read",),
    computes=computes_in_request,
)
def run_insights(call: Call) -> Answer:
    """One entry per insight tile with a query; neither freshness nor cache state is told."""
    with call.instance.lock:
        dashboard = boards.find(call)
        overrides = call.overrides(variables=call.build is not Build.APRIL)
        tiles = in_layout_order(call.store.live_tiles(dashboard.id))
        wanted = _wanted(call, tiles)
        prepared = [boards.prepare_tile(call, dashboard, tile, overrides) for tile in tiles]
    results = []
    for order, (tile, query) in enumerate(zip(tiles, prepared, strict=True)):
        if query is not None and (wanted is None or tile.id in wanted):
            shown = boards.show_tile(call, dashboard, tile, query, call.mode)
            results.append(_entry(call, dashboard, tile, order, shown))
    return Answer({"results": results})


def _wanted(call: Call, tiles: list[Tile]) -> set[int] | None:
    """`tile_ids`, where the build knows it."""
    text = call.argument("tile_ids")
    if not text or call.build is not Build.CLOUD:
        return None
    try:
        wanted = {int(part) for part in text.split(",") if part.strip()}
    except ValueError:
        raise invalid("tile_ids must be a comma-separated list of integers.", attr="tile_ids") from None
    if missing := sorted(wanted - {tile.id for tile in tiles}):
        raise invalid(uncertain.RUN_INSIGHTS_UNKNOWN_TILES.format(ids=missing), attr="tile_ids")
    return wanted


def _entry(call: Call, dashboard: Dashboard, tile: Tile, order: int, shown: Shown) -> dict[str, Any]:
    insight = call.store.insights[int(tile.insight_id or 0)]
    return {
        "id": tile.id,
        "insight": {
            "id": insight.id,
            "short_id": insight.short_id,
            "name": insight.name,
            "derived_name": insight.derived_name,
            "result": _result(call, insight.query, shown),
        },
        "order": order,
        "last_refresh": None,
        "is_cached": False,
    }


def _result(call: Call, query: dict[str, Any] | None, shown: Shown) -> Any:
    if shown.computed is None or query is None:
        return None
    result: Raw = shown.computed.result
    if (call.argument("output_format") or "optimized") != "optimized":
        return result
    newest = call.build is Build.CLOUD
    if engine.is_insight_viz(query):
        text = as_table(result.value())
    elif newest:
        text = as_lines([shown.computed.columns or [], *result.value()])
    else:
        return result
    most = call.argument("max_result_chars") if newest else None
    if most is not None and most.isdecimal():
        text = text[: int(most)]
    return Raw(encode(text))
