"""Move, copy, reorder and delete tiles: contract 3.10 to 3.12 and 3.14."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from airflow_dashboards.sandbox import layout, uncertain
from airflow_dashboards.sandbox.api import boards
from airflow_dashboards.sandbox.errors import bare, forbidden, invalid, not_found, server_error
from airflow_dashboards.sandbox.fields import Choice, Integer, Items, Object
from airflow_dashboards.sandbox.routing import SESSION_ONLY, Answer, endpoint
from airflow_dashboards.sandbox.serializers import dashboard_level, insight_level, may_edit
from airflow_dashboards.sandbox.settings import APRIL_ONLY, SINCE_MAY, Build
from airflow_dashboards.sandbox.store import Level
from airflow_dashboards.sandbox.widget_types import require_widgets_enabled

if TYPE_CHECKING:
    from airflow_dashboards.sandbox.call import Call
    from airflow_dashboards.sandbox.store import Dashboard, Tile

_MOVE = Object({"to_dashboard": Integer(), "tile": Object({"id": Integer()})})
_COPY = Object({"fromDashboardId": Integer(), "tileId": Integer()})
_ORDER = Items(Integer(), min_length=1)
_REORDER = Object(
    {"tile_order": _ORDER, "layout": Choice(("preserve", "two_column", "full_width"), default="preserve")}
)
_REORDER_APRIL = Object({"tile_order": _ORDER})
_DELETE = Object({"tile_id": Integer()})
_CANNOT_MOVE = "Invalid request data for moving tile."


@endpoint(
    "PATCH|POST",
    "dashboards/{id}/move_tile",
    action="dashboards.move_tile",
    scopes=("dashboard:write",),
    builds=SINCE_MAY,
)
def move_tile(call: Call) -> Answer:
    """To another dashboard, keeping its id; answers the source without it."""
    source = boards.find(call)
    body = _MOVE.clean(call.data)
    return _move(call, source, body["to_dashboard"], body["tile"]["id"])


@endpoint("PATCH", "dashboards/{id}/move_tile", action="dashboards.move_tile", scopes=SESSION_ONLY, builds=APRIL_ONLY)
def move_tile_april(call: Call) -> Answer:
    """Build A: other names, and a crash where they are missing."""
    source = boards.find(call)
    try:
        target, tile_id = int(call.data["toDashboard"]), int(call.data["tile"]["id"])
    except (KeyError, TypeError, ValueError):
        raise server_error() from None
    return _move(call, source, target, tile_id)


def _move(call: Call, source: Dashboard, target_id: int, tile_id: int) -> Answer:
    tile = boards.find_tile(call, source, tile_id)
    target = _live_dashboard(call, target_id)
    if not may_edit(call.instance, target, call.user):
        raise forbidden("You don't have edit permissions for the destination dashboard.")
    if tile.widget_id is not None and not call.instance.settings.widgets_enabled:
        require_widgets_enabled(call, status=400)
    if target.id != source.id:
        twin = _twin(call, target, tile)
        if twin is not None and not twin.deleted:
            raise invalid(_CANNOT_MOVE)
        if twin is not None:
            call.store.purge_tile(twin)
        call.store.place_tile(tile, target.id)
    return Answer(boards.full(call, source))


def _live_dashboard(call: Call, dashboard_id: int) -> Dashboard:
    dashboard = call.store.dashboards.get(dashboard_id)
    if dashboard is None or dashboard.deleted or dashboard.project_id != call.project.id:
        raise not_found()
    return dashboard


def _twin(call: Call, dashboard: Dashboard, tile: Tile) -> Tile | None:
    """A tile of the dashboard with the same insight or text; a live one before a deleted one."""
    if tile.insight_id is None and tile.text_id is None:
        return None
    content = (tile.insight_id, tile.text_id)
    twins = [other for other in call.store.all_tiles(dashboard.id) if (other.insight_id, other.text_id) == content]
    return min(twins, key=lambda twin: bool(twin.deleted), default=None)


@endpoint("POST", "dashboards/{id}/copy_tile", action="dashboards.copy_tile", scopes=("dashboard:write",))
def copy_tile(call: Call) -> Answer:
    """From another dashboard to this one: insights and texts are shared, widgets cloned."""
    target = boards.find(call)
    body = _COPY.clean(call.data)
    if body["fromDashboardId"] == target.id:
        raise invalid("Destination must be a different dashboard than the source.")
    source = _live_dashboard(call, body["fromDashboardId"])
    tile = boards.find_tile(call, source, body["tileId"])
    _check_readable(call, source, tile)
    if tile.button_id is not None or (tile.widget_id is not None and call.build is Build.APRIL):
        kinds = "insight and text" if call.build is Build.APRIL else "insight, text, and widget"
        raise invalid(f"Only {kinds} tiles can be copied.")
    if tile.widget_id is not None:
        _copy_widget(call, tile, target)
        return Answer(boards.full(call, target))
    twin = _twin(call, target, tile)
    if twin is not None and not twin.deleted:
        what = "insight" if tile.insight_id is not None else "text card"
        raise invalid(f"This {what} is already on the destination dashboard.")
    looks: dict[str, Any] = {
        "layouts": dict(tile.layouts),
        "color": tile.color,
        "filters_overrides": dict(tile.filters_overrides),
        "show_description": tile.show_description,
        "transparent_background": tile.transparent_background,
    }
    if twin is None:
        copy = replace(tile, id=call.store.new_id("tile"), dashboard_id=target.id, deleted=None, revision=0, **looks)
        call.store.add_tile(copy)
    else:
        for name, value in looks.items():
            setattr(twin, name, value)
        twin.deleted = False
        twin.revision += 1
    return Answer(boards.full(call, target))


def _check_readable(call: Call, source: Dashboard, tile: Tile) -> None:
    level = dashboard_level(call.instance, source, call.user)
    if tile.insight_id is not None:
        level = min(level, insight_level(call.instance, call.store.insights[tile.insight_id], call.user))
    if level < Level.VIEWER:
        raise forbidden("You do not have viewer access to this resource.")


def _copy_widget(call: Call, tile: Tile, target: Dashboard) -> None:
    require_widgets_enabled(call, status=400)
    original = call.store.widgets[str(tile.widget_id)]
    name = f"{original.name} (Copy)" if original.name else original.name
    widget = replace(original, id=str(uuid4()), name=name, config=dict(original.config), created_by=call.user.id)
    call.store.widgets[widget.id] = widget
    call.store.add_tile(
        replace(
            tile, id=call.store.new_id("tile"), dashboard_id=target.id, widget_id=widget.id, layouts=dict(tile.layouts)
        )
    )


@endpoint("POST", "dashboards/{id}/reorder_tiles", action="dashboards.reorder_tiles", scopes=("dashboard:write",))
def reorder_tiles(call: Call) -> Answer:
    """Lay the listed tiles out in their order; the others stay where they are."""
    dashboard = boards.find(call)
    april = call.build is Build.APRIL
    body = (_REORDER_APRIL if april else _REORDER).clean(call.data)
    order: list[int] = body["tile_order"]
    if len(set(order)) != len(order):
        raise bare(400, "detail", "tile_order must contain unique tile IDs")
    tiles = {tile.id: tile for tile in call.store.live_tiles(dashboard.id)}
    if missing := sorted(set(order) - set(tiles)):
        raise bare(404, "detail", f"Tile IDs not found on this dashboard: {missing}")
    if april:
        placed = layout.two_column(len(order), xs_width=6)
    elif body["layout"] == "preserve":
        placed = layout.preserve(tiles[tile_id].layouts for tile_id in order)
    else:
        placed = (layout.two_column if body["layout"] == "two_column" else layout.full_width)(len(order))
    for tile_id, layouts in zip(order, placed, strict=True):
        tiles[tile_id].layouts = layouts
    return Answer(boards.full(call, dashboard))


@endpoint(
    "POST",
    "dashboards/{id}/delete_tile",
    action="dashboards.delete_tile",
    scopes=("dashboard:write",),
    builds=SINCE_MAY,
)
def delete_tile(call: Call) -> Answer:
    """Softly; what it showed survives, and in C the others close the gap."""
    dashboard = boards.find(call)
    tile = boards.find_tile(call, dashboard, _DELETE.clean(call.data)["tile_id"])
    tile.deleted = True
    if call.build is Build.CLOUD or uncertain.DELETE_TILE_COMPACTS_IN_MAY:
        left = [other for other in call.store.live_tiles(dashboard.id) if other.layouts]
        for other, layouts in zip(left, layout.close_gaps([other.layouts for other in left]), strict=True):
            other.layouts = layouts
    return Answer(status=204, empty=True)
