"""Tiles inside a dashboard's PATCH: display fields, and text, button and widget content (contract 3.4, 3.23)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from airflow_dashboards.sandbox.errors import invalid, server_error
from airflow_dashboards.sandbox.fields import Choice, Object, Text
from airflow_dashboards.sandbox.settings import Build
from airflow_dashboards.sandbox.store import Button, TextCard, Tile
from airflow_dashboards.sandbox.widget_types import check_widget, new_widget, require_widgets_enabled

if TYPE_CHECKING:
    from airflow_dashboards.sandbox.call import Call
    from airflow_dashboards.sandbox.store import Dashboard

MAX_TEXT = 4000
BODY_TOO_LONG = "Text body cannot exceed 4000 characters"
Edit = Callable[[], None]

_DISPLAY = ("color", "layouts", "filters_overrides", "show_description", "transparent_background", "deleted")
_TEXT = Object({"body": Text(max_length=MAX_TEXT, too_long=BODY_TOO_LONG)})
_BUTTON = Object(
    {
        "url": Text(max_length=2000),
        "text": Text(max_length=400),
        "placement": Choice(("left", "right"), default="left"),
        "style": Choice(("primary", "secondary"), default="primary"),
    }
)


def edit_tiles(call: Call, dashboard: Dashboard, entries: list[Any]) -> None:
    """Apply the `tiles` of a PATCH, all or none."""
    edits = [_read(call, dashboard, entry) for entry in entries if isinstance(entry, dict)]
    for edit in edits:
        edit()


def new_text(call: Call, body: str, *, authored: bool = True) -> TextCard:
    """Make the content of a text tile; what a template makes has no author."""
    text = TextCard(
        id=call.store.new_id("text"),
        project_id=call.project.id,
        body=body,
        created_by=call.user.id if authored else None,
        last_modified_by=None,
        last_modified_at=call.instance.clock.now(),
    )
    call.store.texts[text.id] = text
    return text


def write_text(call: Call, tile: Tile, text_id: int, body: str | None) -> None:
    """Change what a text tile says; None changes nothing of it, and stamps it all the same.

    The newest build stamps only what has changed (contract 3.13), and gives a tile that shares its text with others
    one of its own then (contract 3.11).
    """
    text = call.store.texts[text_id]
    body = text.body if body is None else body
    if call.build is Build.CLOUD:
        if body == text.body:
            return
        if len(call.store.text_tiles(text_id)) > 1:
            text = replace(text, id=call.store.new_id("text"))
            call.store.own_text(tile, text)
    text.body = body
    stamp(call, text)


def _read(call: Call, dashboard: Dashboard, entry: dict[str, Any]) -> Edit:
    """Check an entry now; what it returns carries it out."""
    for name in ("layouts", "filters_overrides"):
        if not isinstance(entry.get(name), dict | None):
            raise invalid(f"{name} must be a dictionary.", attr="tiles")
    tile = _existing(call, dashboard, entry)
    for kind, edit in (("text", _edit_text), ("button_tile", _edit_button), ("widget", _edit_widget)):
        if isinstance(entry.get(kind), dict):
            return edit(call, dashboard, tile, entry)
    if tile is None:
        if call.build is Build.APRIL and "id" in entry:
            raise server_error()
        return lambda: None
    return lambda: _display(tile, entry)


def _existing(call: Call, dashboard: Dashboard, entry: dict[str, Any]) -> Tile | None:
    tile = call.store.tiles.get(entry["id"]) if isinstance(entry.get("id"), int) else None
    return tile if tile is not None and tile.dashboard_id == dashboard.id else None


def _display(tile: Tile, entry: dict[str, Any]) -> None:
    for name in _DISPLAY:
        if name in entry:
            setattr(tile, name, entry[name])
    tile.layouts = tile.layouts or {}
    tile.filters_overrides = tile.filters_overrides or {}
    tile.revision += 1


def _edit_text(call: Call, dashboard: Dashboard, tile: Tile | None, entry: dict[str, Any]) -> Edit:
    body = _TEXT.clean(entry["text"], ("text",))["body"]
    known = entry["text"].get("id")
    if known is not None:
        tile = tile or next((t for t in call.store.live_tiles(dashboard.id) if t.text_id == known), None)
        if tile is None or tile.text_id != known:
            raise invalid("Text tile does not belong to this dashboard.", attr="text")

    def carry_out() -> None:
        if tile is None or tile.text_id is None:
            _place(call, dashboard, entry, text_id=new_text(call, body).id)
            return
        write_text(call, tile, tile.text_id, body)
        _display(tile, entry)

    return carry_out


def _edit_button(call: Call, dashboard: Dashboard, tile: Tile | None, entry: dict[str, Any]) -> Edit:
    values = _BUTTON.clean(entry["button_tile"], ("button_tile",))

    def carry_out() -> None:
        if tile is not None and tile.button_id is not None:
            button = call.store.buttons[tile.button_id]
            for name, value in values.items():
                setattr(button, name, value)
            stamp(call, button)
            _display(tile, entry)
            return
        button = Button(
            id=call.store.new_id("button"),
            project_id=call.project.id,
            created_by=call.user.id,
            last_modified_by=None,
            last_modified_at=call.instance.clock.now(),
            **values,
        )
        call.store.buttons[button.id] = button
        _place(call, dashboard, entry, button_id=button.id)

    return carry_out


def _edit_widget(call: Call, dashboard: Dashboard, tile: Tile | None, entry: dict[str, Any]) -> Edit:
    if call.build is Build.APRIL:
        return lambda: None
    require_widgets_enabled(call, status=400)
    existing = call.store.widgets[tile.widget_id] if tile is not None and tile.widget_id is not None else None
    wanted = dict(entry["widget"])
    if existing is not None:
        if wanted.get("widget_type", existing.widget_type) != existing.widget_type:
            raise invalid("The type of a widget cannot be changed.", attr="widget")
        merged = {"widget_type": existing.widget_type, "name": existing.name, "description": existing.description}
        wanted = {**merged, "config": existing.config, **wanted}
    values = check_widget(call, wanted, ("widget",))

    def carry_out() -> None:
        if existing is None or tile is None:
            _place(call, dashboard, entry, widget_id=new_widget(call, values).id)
            return
        existing.name, existing.config = values["name"], values["config"]
        existing.description = values["description"]
        stamp(call, existing)
        _display(tile, entry)

    return carry_out


def stamp(call: Call, content: Any) -> None:
    """Note who changed a content last, and when."""
    content.last_modified_by = call.user.id
    content.last_modified_at = call.instance.clock.now()


def _place(call: Call, dashboard: Dashboard, entry: dict[str, Any], **content: Any) -> None:
    tile = Tile(id=call.store.new_id("tile"), dashboard_id=dashboard.id, **content)
    _display(tile, {name: value for name, value in entry.items() if name != "deleted"})
    call.store.add_tile(tile)
