"""A dashboard and a template side by side: a tile as a template would write it, and which tile is which."""

from __future__ import annotations

import contextlib
import copy
import json
from typing import TYPE_CHECKING, Any, NamedTuple

from airflow_dashboards.refresh.template_schema import DISPLAY_KEYS, TemplateError, TileType, tile_title

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_dashboards.posthog import Dashboard, FlowClient, Insight, Tile
    from airflow_dashboards.posthog.flow import Flow

#: A tile as a template writes it.
TileSpec = dict[str, Any]


class Pairing(NamedTuple):
    """Which tile of a dashboard is which of a template."""

    #: (position in the template, tile id)
    matched: list[tuple[int, int]]
    #: Positions of the template that no tile matches.
    missing: list[int]
    #: Ids of tiles the template does not have.
    extra: list[int]


def spec_of(tile: Tile, insight: Insight | None = None) -> TileSpec:
    """Return a tile as a template writes it.

    Args:
        tile: as the dashboard shows it.
        insight: the saved insight, where the tile's query is not the saved one because dashboard filters, variables or
            overrides are applied to it (contract 4.5).

    Raises:
        TemplateError: the insight can't be read with this credential, or the tile is of an unknown sort.
    """
    display: TileSpec = {"color": tile.color or None, "layouts": copy.deepcopy(dict(tile.layouts))}
    display |= {key: value for key in DISPLAY_KEYS if (value := getattr(tile, key)) not in (None, {})}
    if tile.insight is not None:
        source = insight or tile.insight
        if not source.query:
            reason = "has no query" if tile.insight.is_readable else "may not be read with this credential"
            raise TemplateError(
                f"Tile {tile.id}: its insight {tile.insight.id} {reason}, so it can't be in a template."
            )
        names = {"name": source.name or "", "description": source.description or ""}
        return {"type": TileType.INSIGHT.value, **names, "query": copy.deepcopy(source.query), **display}
    if tile.text:
        return {"type": TileType.TEXT.value, "body": str(tile.text.get("body") or ""), **display}
    if tile.button_tile:
        fields = _present(tile.button_tile, ("url", "text", "placement", "style"))
        return {"type": TileType.BUTTON.value, **fields, **display}
    if tile.widget:
        fields = _present(tile.widget, ("widget_type", "name", "description", "config"))
        return {"type": TileType.WIDGET.value, **fields, **display}
    raise TemplateError(f"Tile {tile.id} is neither insight, text, button nor widget, so it can't be in a template.")


def specs_of(board: Dashboard, saved: Mapping[int, Insight]) -> dict[int, TileSpec]:
    """Return tile id -> that tile as a template writes it; tiles that can't be in a template are left out."""
    specs: dict[int, TileSpec] = {}
    for tile in board.tiles:
        with contextlib.suppress(TemplateError):
            specs[tile.id] = spec_of(tile, saved.get(tile.id))
    return specs


def read_insights(flows: FlowClient, board: Dashboard) -> Flow[dict[int, Insight]]:
    """Return tile id -> saved insight, for the tiles whose query on the dashboard is not the saved one."""
    saved: dict[int, Insight] = {}
    for tile in board.tiles:
        if tile.insight is None or not tile.insight.is_readable:
            continue
        if board.filters or board.variables or tile.filters_overrides:
            saved[tile.id] = yield from flows.insights.get(tile.insight.id)
    return saved


def pair(specs: list[TileSpec], tiles: Mapping[int, TileSpec]) -> Pairing:
    r"""Match template tiles with the dashboard's: by type and title, equal content first; same names in their order.

    Args:
        specs: the template's tiles.
        tiles: tile id -> that tile as a spec.

    Example:
        >>> text = {"type": "TEXT", "body": "## Loads\nfine"}
        >>> pair([text], {7: {"type": "TEXT", "body": "## Loads\nlate"}, 8: {"type": "TEXT", "body": "by hand"}})
        Pairing(matched=[(0, 7)], missing=[], extra=[8])
    """
    free = dict(tiles)
    found: dict[int, int] = {}
    for same in (_same_content, _same_title):
        for index, spec in enumerate(specs):
            if index in found:
                continue
            twin = next((tile_id for tile_id, tile in free.items() if same(spec, tile)), None)
            if twin is not None:
                found[index] = twin
                del free[twin]
    missing = [index for index in range(len(specs)) if index not in found]
    return Pairing(matched=sorted(found.items()), missing=missing, extra=sorted(free))


def content_of(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a tile says, without where it stands and how it looks; absent and null are the same."""
    outside = {"layouts", "color", *DISPLAY_KEYS}
    return {key: _plain(value) for key, value in spec.items() if key not in outside and value not in (None, "")}


def display_of(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a template tile wishes for its place and looks; what it does not name is left alone."""
    wishes: dict[str, Any] = {}
    if spec.get("layouts"):
        wishes["layouts"] = spec["layouts"]
    if spec.get("color"):
        wishes["color"] = spec["color"]
    wishes |= {key: spec[key] for key in DISPLAY_KEYS if spec.get(key) is not None}
    return wishes


def _same_content(spec: TileSpec, tile: TileSpec) -> bool:
    return spec["type"] == tile["type"] and _canonical(content_of(spec)) == _canonical(content_of(tile))


def _same_title(spec: TileSpec, tile: TileSpec) -> bool:
    if spec["type"] != tile["type"] or tile_title(spec) != tile_title(tile):
        return False
    if spec["type"] == TileType.WIDGET:
        return bool(spec["widget_type"] == tile["widget_type"])
    return bool(tile_title(spec))


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items() if each is not None}
    return [_plain(each) for each in value] if isinstance(value, list) else value


def _present(part: Mapping[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    return {key: copy.deepcopy(part[key]) for key in keys if part.get(key) not in (None, "")}
