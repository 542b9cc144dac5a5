"""One way to write a tile, whatever the build: its own endpoint where there is one, else the dashboard's `tiles`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_dashboards.posthog import EndpointNotFoundError
from airflow_dashboards.refresh.effects import BoardStateError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_dashboards.posthog import FlowClient, Tile
    from airflow_dashboards.posthog.flow import Flow


def add_text(
    flows: FlowClient,
    dashboard_id: int,
    *,
    body: str,
    layouts: Mapping[str, Any] | None = None,
    color: str | None = None,
) -> Flow[int]:
    """Add a text tile and return its id."""
    display: dict[str, Any] = {}
    if layouts:
        display["layouts"] = dict(layouts)
    if color:
        display["color"] = color
    try:
        tile = yield from flows.dashboards.create_text_tile(dashboard_id, body=body, **display)
    except EndpointNotFoundError:
        return (yield from add_content(flows, dashboard_id, {"text": {"body": body}, **display}))
    return tile.id


def change_text(
    flows: FlowClient,
    dashboard_id: int,
    tile: Tile,
    *,
    body: str,
    layouts: Mapping[str, Any] | None = None,
    color: str | None = None,
) -> Flow[None]:
    """Change a text tile; what is None stays as it is."""
    display: dict[str, Any] = {}
    if layouts is not None:
        display["layouts"] = dict(layouts)
    if color is not None:
        display["color"] = color
    try:
        yield from flows.dashboards.update_text_tile(dashboard_id, tile_id=tile.id, body=body, **display)
    except EndpointNotFoundError:
        text = {"id": (tile.text or {}).get("id"), "body": body}
        yield from flows.dashboards.update(dashboard_id, tiles=[{"id": tile.id, "text": text, **display}])


def remove_tile(flows: FlowClient, dashboard_id: int, tile_id: int) -> Flow[None]:
    """Remove a tile that is on the dashboard."""
    try:
        yield from flows.dashboards.delete_tile(dashboard_id, tile_id=tile_id)
    except EndpointNotFoundError:
        yield from flows.dashboards.update(dashboard_id, tiles=[{"id": tile_id, "deleted": True}])


def add_content(flows: FlowClient, dashboard_id: int, entry: Mapping[str, Any]) -> Flow[int]:
    """Add a tile through the dashboard's own `tiles` (contract 3.4), and return its id."""
    before = yield from flows.dashboards.get(dashboard_id)
    known = {tile.id for tile in before.tiles}
    after = yield from flows.dashboards.update(dashboard_id, tiles=[dict(entry)])
    new = sorted(tile.id for tile in after.tiles if tile.id not in known)
    if not new:
        raise BoardStateError(
            f"Dashboard {dashboard_id}: PostHog accepted a tile ({', '.join(entry)}) but did not add it; this build "
            "may not have this sort of tile."
        )
    return new[-1]
