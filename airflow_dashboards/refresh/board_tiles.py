"""Tiles written from code: notes, copies, moves, order, removal, widgets; all safe to repeat (contract 5.5)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from airflow_dashboards.posthog import (
    BadRequestError,
    EndpointNotFoundError,
    KeyNotAccepted,
    NotFoundError,
    PostHogArgumentError,
    TileArrangement,
    arguments,
)
from airflow_dashboards.refresh.effects import BoardChange, BoardStateError, Effect
from airflow_dashboards.refresh.packing import Box, packed
from airflow_dashboards.refresh.template_schema import MAX_TEXT_BODY
from airflow_dashboards.refresh.tile_calls import add_text, change_text, remove_tile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_dashboards.posthog import Dashboard, FlowClient, Tile
    from airflow_dashboards.posthog.flow import Flow

#: Widgets per call (contract 3.17).
_WIDGETS_PER_CALL = 10
_NOTE_KEY = re.compile(r"^[\w.\-]{1,200}$")
#: The detail of contract 3.11 for a tile that was copied before.
_ALREADY_THERE = "already on the destination dashboard"


def note_marker(key: str) -> str:
    """Return the line that lets a note be found again: a Markdown link definition, which no page shows.

    Raises:
        PostHogArgumentError: the key is not 1 to 200 letters, digits, `_`, `.` or `-`.
    """
    if not isinstance(key, str) or not _NOTE_KEY.match(key):
        raise PostHogArgumentError(
            f"key: must be 1 to 200 letters, digits, '_', '.' or '-', so that the note can be found again, not {key!r}."
        )
    return f"[//]: # (airflow-note:{key})"


def note_body(body: str, key: str) -> str:
    """Return the whole body of a note: the text and its marker.

    Raises:
        PostHogArgumentError: the body is blank or, with its marker, longer than 4000 characters.
    """
    if not isinstance(body, str) or not body.strip():
        raise PostHogArgumentError("body: a text tile must not be blank.")
    whole = f"{body.strip()}\n\n{note_marker(key)}"
    if len(whole) > MAX_TEXT_BODY:
        raise PostHogArgumentError(
            f"body: a text tile has at most {MAX_TEXT_BODY} characters; with its marker this one has {len(whole)}."
        )
    return whole


def ensure_text_tile(
    flows: FlowClient,
    dashboard_id: int,
    *,
    body: str,
    key: str,
    layouts: Mapping[str, Any] | None = None,
    color: str | None = None,
    dry_run: bool = False,
) -> Flow[BoardChange]:
    """Write a note on a dashboard: added the first time, found again by its key and updated after that.

    Args:
        flows: the endpoints.
        dashboard_id: the dashboard.
        body: Markdown, up to 4000 characters with the marker.
        key: what the note is found again by; kept in the body, where no page shows it.
        layouts: e.g. `{"sm": {"x": 0, "y": 0, "w": 12, "h": 1}}`; None leaves the place of an existing note.
        color: e.g. `blue`; None leaves it.
        dry_run: only say what would be written.
    """
    whole = note_body(body, key)
    if layouts is not None:
        arguments.layouts(layouts)
    if color is not None:
        arguments.text(color, "color", limit=arguments.MAX_COLOR, blank=True)
    board = yield from flows.dashboards.get(dashboard_id)
    marker = note_marker(key)
    notes = sorted((tile for tile in board.tiles if marker in _text(tile)), key=lambda tile: tile.id)
    if not notes:
        if dry_run:
            return _change(dashboard_id, Effect.PLANNED, f"Would add the note {key}.", [])
        tile_id = yield from add_text(flows, dashboard_id, body=whole, layouts=layouts, color=color)
        return _change(dashboard_id, Effect.DONE, f"Added the note {key} as tile {tile_id}.", [tile_id])
    note, *twins = notes
    same = _text(note).strip() == whole
    placed = layouts is None or dict(note.layouts) == dict(layouts)
    coloured = color is None or (note.color or "") == color
    if dry_run and not (same and placed and coloured and not twins):
        return _change(dashboard_id, Effect.PLANNED, f"Would update the note {key} (tile {note.id}).", [note.id])
    for twin in twins:  # two runs that added it at the same moment; both carry our marker
        yield from remove_tile(flows, dashboard_id, twin.id)
    if same and placed and coloured:
        effect = Effect.DONE if twins else Effect.ALREADY_SO
        return _change(dashboard_id, effect, f"The note {key} is already so (tile {note.id}).", [note.id])
    yield from change_text(flows, dashboard_id, note, body=whole, layouts=layouts, color=color)
    return _change(dashboard_id, Effect.DONE, f"Updated the note {key} (tile {note.id}).", [note.id])


def copy_tile(flows: FlowClient, dashboard_id: int, *, from_dashboard_id: int, tile_id: int) -> Flow[BoardChange]:
    """Put a tile of another dashboard on this one; insights and texts are shared, widgets are cloned (contract 3.11).

    A tile whose insight, text or (for a widget) clone is already there is left alone.
    """
    arguments.positive_id(dashboard_id, "dashboard id")
    arguments.positive_id(tile_id, "tile_id")
    if arguments.positive_id(from_dashboard_id, "from_dashboard_id") == dashboard_id:
        raise PostHogArgumentError("from_dashboard_id is the destination itself.")
    source = yield from flows.dashboards.get(from_dashboard_id)
    tile = _tile(source, tile_id)
    if tile is None:
        raise BoardStateError(f"tile_id: dashboard {from_dashboard_id} has no tile {tile_id} to copy.")
    board = yield from flows.dashboards.get(dashboard_id)
    there = f"The content of tile {tile_id} is already there."
    if (twin := _twin(board, tile)) is not None:
        return _change(dashboard_id, Effect.ALREADY_SO, there, [twin.id])
    known = {each.id for each in board.tiles}
    try:
        after = yield from flows.dashboards.copy_tile(
            dashboard_id, from_dashboard_id=from_dashboard_id, tile_id=tile_id
        )
    except BadRequestError as error:
        if _ALREADY_THERE not in (error.detail or str(error)):
            raise
        return _change(dashboard_id, Effect.ALREADY_SO, there, [])
    new = [each.id for each in after.tiles if each.id not in known]
    return _change(dashboard_id, Effect.DONE, f"Copied tile {tile_id} of dashboard {from_dashboard_id}.", new)


def move_tile(flows: FlowClient, dashboard_id: int, *, tile_id: int, to_dashboard: int) -> Flow[BoardChange]:
    """Move a tile from `dashboard_id` to `to_dashboard`. One that is already there is left alone.

    It keeps its id, but for API keys on build 2026-04, where it is copied and removed.
    """
    arguments.positive_id(tile_id, "tile_id")
    arguments.positive_id(to_dashboard, "to_dashboard")
    source = yield from flows.dashboards.get(dashboard_id)
    if _tile(source, tile_id) is None:
        destination = yield from flows.dashboards.get(to_dashboard)
        if _tile(destination, tile_id) is None:
            raise BoardStateError(
                f"tile_id: tile {tile_id} is neither on dashboard {dashboard_id} nor on dashboard {to_dashboard}. "
                "With an API key on build 2026-04 a tile gets a new id when it moves; it may have been moved before."
            )
        detail = f"Tile {tile_id} is already on dashboard {to_dashboard}."
        return _change(dashboard_id, Effect.ALREADY_SO, detail, [tile_id])
    if dashboard_id == to_dashboard:
        return _change(dashboard_id, Effect.ALREADY_SO, f"Tile {tile_id} is already here.", [tile_id])
    done = f"Moved tile {tile_id} to dashboard {to_dashboard}."
    try:
        yield from flows.dashboards.move_tile(dashboard_id, tile_id=tile_id, to_dashboard=to_dashboard)
    except KeyNotAccepted:  # build 2026-04; in this order a failure in between leaves it twice and never nowhere
        copy = yield from copy_tile(flows, to_dashboard, from_dashboard_id=dashboard_id, tile_id=tile_id)
        yield from remove_tile(flows, dashboard_id, tile_id)
        return _change(dashboard_id, Effect.DONE, f"{done} By copy and removal: it has a new id.", copy.tile_ids)
    return _change(dashboard_id, Effect.DONE, done, [tile_id])


def delete_tile(flows: FlowClient, dashboard_id: int, *, tile_id: int) -> Flow[BoardChange]:
    """Remove a tile; its insight, text or widget survives. One that is not there is fine."""
    arguments.positive_id(tile_id, "tile_id")
    board = yield from flows.dashboards.get(dashboard_id)
    already = _change(dashboard_id, Effect.ALREADY_SO, f"Tile {tile_id} is not on the dashboard.", [tile_id])
    if _tile(board, tile_id) is None:
        return already
    try:
        yield from remove_tile(flows, dashboard_id, tile_id)
    except EndpointNotFoundError:
        raise
    except NotFoundError:  # somebody else was quicker
        return already
    return _change(dashboard_id, Effect.DONE, f"Removed tile {tile_id}.", [tile_id])


def reorder_tiles(
    flows: FlowClient,
    dashboard_id: int,
    *,
    tile_order: Sequence[int],
    layout: TileArrangement | str = TileArrangement.PRESERVE,
    dry_run: bool = False,
) -> Flow[BoardChange]:
    """Lay tiles out in the given order; tiles not named keep their place and may then overlap (contract 3.12).

    Args:
        flows: the endpoints.
        dashboard_id: the dashboard.
        tile_order: tile ids, each once.
        layout: `preserve` keeps each tile's size; `two_column` and `full_width` do not.
        dry_run: only say whether something would move.
    """
    try:
        wanted = TileArrangement(layout)
    except ValueError:
        choices = ", ".join(each.value for each in TileArrangement)
        raise PostHogArgumentError(f"layout: must be one of {choices}, not {layout!r}.") from None
    order = arguments.ids(tile_order, "tile_order", unique=True)
    board = yield from flows.dashboards.get(dashboard_id)
    present = {tile.id: tile for tile in board.tiles}
    if missing := sorted(set(order) - set(present)):
        raise BoardStateError(f"tile_order: dashboard {dashboard_id} has no tile {', '.join(map(str, missing))}.")
    target = dict(zip(order, packed([_size(present[tile_id]) for tile_id in order], wanted), strict=True))
    moving = _elsewhere(board, target)
    if not moving:
        return _change(dashboard_id, Effect.ALREADY_SO, "The tiles are already in this order.", order)
    if dry_run:
        return _change(dashboard_id, Effect.PLANNED, f"{len(moving)} of {len(order)} tiles would move.", order)
    after = yield from flows.dashboards.reorder_tiles(dashboard_id, tile_order=order, layout=wanted)
    detail = f"{len(moving)} of {len(order)} tiles moved."
    if _elsewhere(after, target):
        detail += f" PostHog did not follow the layout {wanted.value!r}; build 2026-04 always makes two columns."
    return _change(dashboard_id, Effect.DONE, detail, order)


def _elsewhere(board: Dashboard, target: Mapping[int, Box]) -> list[int]:
    """Return the tiles that do not stand where `target` says; on a phone they are stacked in its order."""
    tops = dict(zip(target, accumulate((box.h for box in target.values()), initial=0), strict=False))

    def stands(tile: Tile) -> bool:
        top = (tile.layouts.get("xs") or {}).get("y")
        return Box.of(tile.layouts) == target[tile.id] and top in (None, tops[tile.id])

    return [tile.id for tile in board.tiles if tile.id in target and not stands(tile)]


def ensure_widgets(
    flows: FlowClient, dashboard_id: int, *, widgets: Sequence[Mapping[str, Any]], dry_run: bool = False
) -> Flow[BoardChange]:
    """Add the widgets that are not there yet, matched by type, name and the asked configuration (contract 3.17).

    Calls of up to ten are all or nothing each; where there are more, a failure leaves the earlier calls' widgets, and
    running again adds the rest.
    """
    for index, asked in enumerate(arguments.objects(widgets, "widgets")):
        if not asked.get("widget_type"):
            raise PostHogArgumentError(f"widgets[{index}]: needs a widget_type, e.g. error_tracking_list.")
        if not isinstance(asked.get("config", {}), Mapping):
            raise PostHogArgumentError(f"widgets[{index}].config: must be a dict, may be empty.")
    board = yield from flows.dashboards.get(dashboard_id)
    free = [tile for tile in board.tiles if tile.widget]
    missing: list[dict[str, Any]] = []
    found: list[int] = []
    for widget in widgets:
        match = next((tile for tile in free if _same_widget(tile, widget)), None)
        if match is None:
            missing.append({"config": {}, **widget})
        else:
            free.remove(match)
            found.append(match.id)
    if not missing:
        return _change(dashboard_id, Effect.ALREADY_SO, "All the widgets are already there.", found)
    if dry_run:
        return _change(dashboard_id, Effect.PLANNED, f"{len(missing)} widgets would be added.", found)
    added: list[int] = []
    for start in range(0, len(missing), _WIDGETS_PER_CALL):
        part = missing[start : start + _WIDGETS_PER_CALL]
        tiles = yield from flows.dashboards.add_widgets(dashboard_id, widgets=part)
        added += [tile.id for tile in tiles]
    return _change(dashboard_id, Effect.DONE, f"Added {len(added)} widgets.", found + added)


def _change(dashboard_id: int, effect: Effect, detail: str, tile_ids: list[int]) -> BoardChange:
    return BoardChange(dashboard_id=dashboard_id, effect=effect, detail=detail, tile_ids=tile_ids)


def _text(tile: Tile) -> str:
    return str((tile.text or {}).get("body") or "")


def _tile(board: Dashboard, tile_id: int) -> Tile | None:
    return next((tile for tile in board.tiles if tile.id == tile_id), None)


def _size(tile: Tile) -> tuple[int | None, int | None]:
    sm = tile.layouts.get("sm") or {}
    return sm.get("w"), sm.get("h")


def _twin(board: Dashboard, tile: Tile) -> Tile | None:
    """Return the tile of `board` that already shows what `tile` shows."""
    if tile.insight is not None:
        return next((each for each in board.tiles if each.insight and each.insight.id == tile.insight.id), None)
    if tile.text:
        return next((each for each in board.tiles if each.text and each.text.get("id") == tile.text.get("id")), None)
    if tile.widget:
        # The contract does not say whether the clone of a nameless widget gets a name.
        name = tile.widget.get("name")
        clones = [{**tile.widget, "name": clone} for clone in ([f"{name} (Copy)"] if name else ["", "(Copy)"])]
        return next((each for each in board.tiles if any(_same_widget(each, clone) for clone in clones)), None)
    return None


def _same_widget(tile: Tile, widget: Mapping[str, Any]) -> bool:
    has = tile.widget or {}
    config = has.get("config") or {}
    return (
        has.get("widget_type") == widget["widget_type"]
        and (has.get("name") or "").strip() == (widget.get("name") or "").strip()
        and all(config.get(key) == value for key, value in (widget.get("config") or {}).items())
    )
