"""Widgets: made in batches, run on their own (contract 3.16 to 3.18). Their products are empty in the sandbox."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from airflow_dashboards.sandbox import layout, uncertain
from airflow_dashboards.sandbox.api import boards
from airflow_dashboards.sandbox.errors import expected_available, invalid, limit_exceeded, not_found
from airflow_dashboards.sandbox.fields import Boolean, Field, Integer, Items, Json, Mapped, Object, Text
from airflow_dashboards.sandbox.routing import Answer, endpoint
from airflow_dashboards.sandbox.settings import CLOUD_ONLY, SINCE_MAY, Build
from airflow_dashboards.sandbox.store import Tile
from airflow_dashboards.sandbox.throttle import Bucket
from airflow_dashboards.sandbox.widget_types import check_widget, new_widget, require_widgets_enabled, widget_types

if TYPE_CHECKING:
    from airflow_dashboards.sandbox.call import Call
    from airflow_dashboards.sandbox.store import Dashboard

_MOST_TILES: Final = 10
_BATCH = Object({"widgets": Items(Json(), min_length=1, max_length=10)})
_PLACE: Final[dict[str, Field]] = {
    "layouts": layout.LAYOUTS_FIELD,
    "show_description": Boolean(null=True, required=False),
}
_CHANGE = Object(
    {
        "tile_id": Integer(),
        "config": Mapped(required=False),
        "name": Text(max_length=400, blank=True, null=True, required=False),
        "description": Text(blank=True, required=False),
        **_PLACE,
    }
)


@endpoint(
    "POST",
    "dashboards/{id}/widgets/batch",
    action="dashboards.widgets_batch",
    scopes=("dashboard:write",),
    builds=SINCE_MAY,
)
def create_batch(call: Call) -> Answer:
    """Up to ten widgets, all or none."""
    require_widgets_enabled(call, status=400)
    dashboard = boards.find(call)
    entries = _BATCH.clean(call.data)["widgets"]
    checked = [check_widget(call, entry, ("widgets", str(index)), _PLACE) for index, entry in enumerate(entries)]
    _check_limit(call, dashboard, len(checked))
    unplaced = sum(1 for values in checked if not values.get("layouts"))
    free = iter(layout.bottom_rows([tile.layouts for tile in call.store.live_tiles(dashboard.id)], unplaced))
    tiles = []
    for values in checked:
        tile = Tile(
            id=call.store.new_id("tile"),
            dashboard_id=dashboard.id,
            widget_id=new_widget(call, values).id,
            layouts=values.get("layouts") or next(free),
            show_description=values.get("show_description"),
        )
        tiles.append(call.store.add_tile(tile))
    return Answer({"tiles": [call.serialize.tile(tile) for tile in tiles]}, status=201)


@endpoint(
    "PATCH",
    "dashboards/{id}/widgets/batch_update",
    action="dashboards.widgets_batch_update",
    scopes=("dashboard:write",),
    builds=CLOUD_ONLY,
)
def update_batch(call: Call) -> Answer:
    """Change up to ten widgets, all or none."""
    require_widgets_enabled(call, status=400)
    dashboard = boards.find(call)
    changes = []
    for index, entry in enumerate(_BATCH.clean(call.data)["widgets"]):
        values = _CHANGE.clean(entry, ("widgets", str(index)))
        tile = boards.find_tile(call, dashboard, values["tile_id"])
        if tile.widget_id is None:
            raise not_found()
        widget = call.store.widgets[tile.widget_id]
        if "config" in values:
            values["config"] = widget_types(call.build)[widget.widget_type].clean(values["config"])
        changes.append((tile, widget, values))
    for tile, widget, values in changes:
        for name in ("config", "name", "description"):
            setattr(widget, name, values.get(name, getattr(widget, name)))
        tile.layouts = values.get("layouts", tile.layouts)
        tile.show_description = values.get("show_description", tile.show_description)
        widget.last_modified_by, widget.last_modified_at = call.user.id, call.instance.clock.now()
    return Answer({"tiles": [call.serialize.tile(tile) for tile, _, _ in changes]})


def _check_limit(call: Call, dashboard: Dashboard, added: int) -> None:
    current = sum(1 for tile in call.store.live_tiles(dashboard.id) if tile.widget_id is not None)
    if call.build is Build.CLOUD and current + added > uncertain.WIDGETS_PER_DASHBOARD:
        raise limit_exceeded("dashboard_widgets", uncertain.WIDGETS_PER_DASHBOARD, current)


@endpoint(
    "GET",
    "dashboards/{id}/run_widgets",
    action="dashboards.run_widgets",
    scopes=("dashboard:read",),
    builds=SINCE_MAY,
)
def run_widgets(call: Call) -> Answer:
    """The data of some widget tiles; what fails, fails inline."""
    require_widgets_enabled(call, status=403)
    tile_ids = _tile_ids(call.argument("tile_ids") or "")
    dashboard = boards.find(call)
    return Answer({"results": [_run(call, dashboard, tile_id) for tile_id in tile_ids]})


def _tile_ids(text: str) -> list[int]:
    if not text.strip():
        raise invalid("tile_ids is required.")
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not parts:
        raise invalid("tile_ids must include at least one tile ID.")
    try:
        tile_ids = list(dict.fromkeys(int(part) for part in parts))
    except ValueError:
        raise invalid("tile_ids must be a comma-separated list of integers.") from None
    if len(tile_ids) > _MOST_TILES:
        raise invalid(f"At most {_MOST_TILES} tile_ids may be requested at once.")
    return tile_ids


def _run(call: Call, dashboard: Dashboard, tile_id: int) -> dict[str, Any]:
    tile = call.store.tiles.get(tile_id)
    if tile is None or tile.dashboard_id != dashboard.id or tile.deleted or tile.widget_id is None:
        return _entry(tile_id, None, error="Tile not found or is not a widget tile.")
    widget = call.store.widgets[tile.widget_id]
    kind = widget_types(call.build).get(widget.widget_type)
    if kind is None:
        return _entry(tile_id, widget.widget_type, error=f"Unknown widget type: {widget.widget_type}")
    if not call.credential.covers(kind.scope):
        return _entry(tile_id, kind.name, error=f"API key missing required scope '{kind.scope}'")
    if call.instance.settings.rate_limits_enabled:
        who = call.credential.key.token if call.credential.key else f"user {call.user.id}"
        if wait := call.instance.throttle.wait(who, Bucket.WIDGETS, now=call.instance.clock.time()):
            return _entry(tile_id, kind.name, error=f"Rate limit exceeded. {expected_available(wait)}")
    result = {
        "results": [],
        "limit": widget.config.get("limit", 10),
        "hasMore": False,
        "totalCount": 0,
        "totalCountCapped": False,
    }
    return _entry(tile_id, kind.name, result=result)


def _entry(
    tile_id: int, widget_type: str | None, *, result: dict[str, Any] | None = None, error: str | None = None
) -> dict[str, Any]:
    return {"tile_id": tile_id, "widget_type": widget_type, "result": result, "error": error}


@endpoint(
    "GET",
    "dashboards/widget_catalog",
    action="dashboards.widget_catalog",
    scopes=("dashboard:read",),
    builds=SINCE_MAY,
)
def widget_catalog(call: Call) -> Answer:
    """What kinds there are; not gated by the flag."""
    schema_key = "config_schema" if call.build is Build.CLOUD else "config_schema_hints"
    return Answer(
        {
            "results": [
                {
                    "widget_type": kind.name,
                    "group_id": kind.group,
                    "group_label": kind.group.replace("_", " ").capitalize(),
                    "label": kind.label,
                    "description": kind.description,
                    schema_key: {"properties": {name: _hint(field) for name, field in kind.fields.items()}},
                    "required_product_access": kind.product,
                    "product_access_denied_message": kind.refusal,
                    "availability_requirements": [],
                }
                for kind in widget_types(call.build).values()
            ]
        }
    )


def _hint(field: Field) -> dict[str, Any]:
    choices = getattr(field, "choices", None)
    if choices:
        return {"enum": list(choices.values())}
    return {"type": "integer" if isinstance(field, Integer) else "object"}
