"""Text tiles: contract 3.13."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_dashboards.sandbox.api import boards
from airflow_dashboards.sandbox.api.content import BODY_TOO_LONG, MAX_TEXT, new_text, write_text
from airflow_dashboards.sandbox.errors import invalid
from airflow_dashboards.sandbox.fields import Integer, Object, Text
from airflow_dashboards.sandbox.layout import LAYOUTS_FIELD
from airflow_dashboards.sandbox.routing import Answer, endpoint
from airflow_dashboards.sandbox.settings import SINCE_MAY
from airflow_dashboards.sandbox.store import Tile

if TYPE_CHECKING:
    from airflow_dashboards.sandbox.call import Call
    from airflow_dashboards.sandbox.fields import Field

_LOOKS: dict[str, Field] = {
    "layouts": LAYOUTS_FIELD,
    "color": Text(max_length=400, blank=True, null=True, required=False),
}
_CREATE = Object({"body": Text(max_length=MAX_TEXT, too_long=BODY_TOO_LONG), **_LOOKS})
_UPDATE = Object(
    {"tile_id": Integer(), "body": Text(max_length=MAX_TEXT, too_long=BODY_TOO_LONG, required=False), **_LOOKS}
)


@endpoint(
    "POST",
    "dashboards/{id}/create_text_tile",
    action="dashboards.create_text_tile",
    scopes=("dashboard:write",),
    builds=SINCE_MAY,
)
def create_text_tile(call: Call) -> Answer:
    """A new text at the end of the dashboard, unless placed."""
    dashboard = boards.find(call)
    body: dict[str, Any] = _CREATE.clean(call.data)
    tile = call.store.add_tile(
        Tile(
            id=call.store.new_id("tile"),
            dashboard_id=dashboard.id,
            text_id=new_text(call, body["body"]).id,
            layouts=body.get("layouts", {}),
            color=body.get("color"),
        )
    )
    return Answer(call.serialize.tile(tile), status=201)


@endpoint(
    "POST",
    "dashboards/{id}/update_text_tile",
    action="dashboards.update_text_tile",
    scopes=("dashboard:write",),
    builds=SINCE_MAY,
)
def update_text_tile(call: Call) -> Answer:
    """What is omitted stays; layouts are replaced whole."""
    dashboard = boards.find(call)
    body: dict[str, Any] = _UPDATE.clean(call.data)
    tile = boards.find_tile(call, dashboard, body["tile_id"])
    if tile.text_id is None:
        raise invalid("Tile is not a text tile.")
    write_text(call, tile, tile.text_id, body.get("body"))
    tile.layouts = body.get("layouts", tile.layouts)
    tile.color = body.get("color", tile.color)
    return Answer(call.serialize.tile(tile))
