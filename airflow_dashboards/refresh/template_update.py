"""An existing dashboard brought to its template: adds what is missing, changes what differs, leaves the rest."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_dashboards.refresh.tags import normalised_tags
from airflow_dashboards.refresh.template_build import add_tile, placements, step_error
from airflow_dashboards.refresh.template_match import (
    TileSpec,
    content_of,
    display_of,
    pair,
    read_insights,
    specs_of,
)
from airflow_dashboards.refresh.template_schema import Template, TileType, tile_title
from airflow_dashboards.refresh.tile_calls import change_text, remove_tile

if TYPE_CHECKING:
    from airflow_dashboards.posthog import Dashboard, FlowClient
    from airflow_dashboards.posthog.flow import Flow


@dataclass(frozen=True)
class UpdatePlan:
    """What it takes to bring a dashboard to a template."""

    #: Fields of the dashboard itself that differ.
    fields: dict[str, Any] = field(default_factory=dict)
    #: Positions of the template whose tile is missing.
    add: list[int] = field(default_factory=list)
    #: (position, tile id) of tiles whose content differs.
    change: list[tuple[int, int]] = field(default_factory=list)
    #: (position, tile id) of tiles that stand elsewhere or look different.
    place: list[tuple[int, int]] = field(default_factory=list)
    #: Tiles the template does not have; only with `prune`.
    remove: list[int] = field(default_factory=list)
    #: (position, tile id) of every tile the template and the dashboard share.
    matched: list[tuple[int, int]] = field(default_factory=list)
    #: What can't be brought about, in plain sentences.
    notes: list[str] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        """Whether the dashboard is already as the template says."""
        return not (self.fields or self.add or self.change or self.place or self.remove)


def plan_update(
    template: Template, board: Dashboard, tiles: dict[int, TileSpec], *, marker: str, prune: bool = False
) -> UpdatePlan:
    """Return what differs between a dashboard and a validated template.

    Args:
        template: the template, placeholders filled in.
        board: the dashboard as read.
        tiles: tile id -> the tile as a template writes it.
        marker: the tag by which the dashboard is found again.
        prune: also remove tiles and tags that the template does not have.
    """
    notes = []
    fields: dict[str, Any] = {}
    if (board.description or "") != template["dashboard_description"]:
        fields["description"] = template["dashboard_description"]
    filters = board.persisted_filters or {}
    if filters != template["dashboard_filters"]:
        if template["dashboard_filters"]:
            fields["filters"] = template["dashboard_filters"]
        else:
            notes.append("The dashboard keeps its filters: PostHog ignores an update that would clear them.")
    wanted = set(normalised_tags([*template["tags"], marker]))
    kept = wanted if prune else wanted | set(board.tags)
    if kept != set(board.tags):
        fields["tags"] = sorted(kept)
    pairing = pair(template["tiles"], tiles)
    specs = template["tiles"]
    return UpdatePlan(
        fields=fields,
        add=pairing.missing,
        change=[(i, tile_id) for i, tile_id in pairing.matched if _content_differs(specs[i], tiles[tile_id])],
        place=[(i, tile_id) for i, tile_id in pairing.matched if _display_differs(specs[i], tiles[tile_id])],
        remove=pairing.extra if prune else [],
        matched=pairing.matched,
        notes=notes,
    )


def bring_to_template(
    flows: FlowClient, dashboard_id: int, template: Template, *, marker: str, prune: bool = False
) -> Flow[tuple[Dashboard, UpdatePlan]]:
    """Bring an existing dashboard to the template; return it as read back, and what was done.

    Raises:
        TemplateStepError: says which step failed. What was done before it stays; running again does the rest.
    """
    board = yield from flows.dashboards.get(dashboard_id)
    saved = yield from read_insights(flows, board)
    tiles = specs_of(board, saved)
    plan = plan_update(template, board, tiles, marker=marker, prune=prune)
    if plan.is_empty:
        return board, plan
    step = ["reading the dashboard"]
    try:
        yield from _apply(flows, board, template, plan, step)
        step[0] = "reading the dashboard back"
        return (yield from flows.dashboards.get(dashboard_id)), plan
    except Exception as error:
        ending = f"Dashboard {dashboard_id} is between its old state and the template; running again does the rest."
        raise step_error(step[0], error, ending, left_behind=[f"dashboard {dashboard_id}"]) from error


def _apply(flows: FlowClient, board: Dashboard, template: Template, plan: UpdatePlan, step: list[str]) -> Flow[None]:
    specs: list[TileSpec] = template["tiles"]
    now = {tile.id: tile for tile in board.tiles}
    for index, tile_id in plan.change:
        step[0] = f"changing tile {tile_id} ({tile_title(specs[index])!r})"
        yield from _change_content(flows, board, now[tile_id], specs[index])
    placed = list(plan.place)
    for index in plan.add:
        step[0] = f"adding tile {index + 1} of {len(specs)} ({tile_title(specs[index])!r})"
        placed.append((index, (yield from add_tile(flows, board.id, specs[index]))))
    step[0] = "updating the dashboard and the places of its tiles"
    changes = dict(plan.fields)
    if entries := placements([specs[index] for index, _ in placed], [tile_id for _, tile_id in placed]):
        changes["tiles"] = entries
    if changes:
        yield from flows.dashboards.update(board.id, **changes)
    for tile_id in plan.remove:
        step[0] = f"removing tile {tile_id}"
        yield from remove_tile(flows, board.id, tile_id)


def _change_content(flows: FlowClient, board: Dashboard, tile: Any, spec: TileSpec) -> Flow[None]:
    kind = TileType(spec["type"])
    if kind is TileType.INSIGHT:
        yield from flows.insights.update(
            tile.insight.id, name=spec["name"], description=spec["description"], query=spec["query"]
        )
    elif kind is TileType.TEXT:
        yield from change_text(flows, board.id, tile, body=spec["body"])
    elif kind is TileType.BUTTON:
        button = {
            **tile.button_tile,
            **{key: spec[key] for key in ("url", "text", "placement", "style") if key in spec},
        }
        yield from flows.dashboards.update(board.id, tiles=[{"id": tile.id, "button_tile": button}])
    else:
        widget = {**tile.widget, "config": {**(tile.widget.get("config") or {}), **spec["config"]}}
        widget |= {key: spec[key] for key in ("name", "description") if spec.get(key)}
        yield from flows.dashboards.update(board.id, tiles=[{"id": tile.id, "widget": widget}])


def _content_differs(spec: TileSpec, tile: TileSpec) -> bool:
    """Whether a tile says something else; a widget's configuration may have more than was asked for (contract 3.17)."""
    wanted, has = content_of(spec), content_of(tile)
    if spec["type"] == TileType.INSIGHT:
        return wanted != has
    if spec["type"] == TileType.WIDGET:
        wanted = {**wanted, **wanted.pop("config", {})}
        has = {**has, **has.pop("config", {})}
    return any(has.get(key) != value for key, value in wanted.items())


def _display_differs(spec: TileSpec, tile: TileSpec) -> bool:
    return any(tile.get(key) != value for key, value in display_of(spec).items())
