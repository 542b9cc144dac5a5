"""A new dashboard from a template: all of it, or none.

By PostHog's own action where the credential and the build allow it, else by the calls an API key may make (contract
1.4, 3.20), with the same names, descriptions, filters, tags, queries, layouts and colours. While it is being built
a dashboard carries the tag `<marker>:unfinished`, so that one left behind by a killed process is known for what it
is and removed by the next run.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any

from airflow_dashboards.posthog import (
    EndpointNotFoundError,
    KeyNotAccepted,
    NotFoundError,
    PostHogError,
    ProjectNotFoundError,
)
from airflow_dashboards.refresh.tags import normalised_tags, server_action_worth_trying
from airflow_dashboards.refresh.template_match import TileSpec, display_of
from airflow_dashboards.refresh.template_schema import Template, TileType, server_can_build, tile_title
from airflow_dashboards.refresh.tile_calls import add_content, add_text

if TYPE_CHECKING:
    from airflow_dashboards.posthog import Dashboard, FlowClient
    from airflow_dashboards.posthog.flow import Flow


class BuiltBy(str, Enum):
    """Which way a dashboard was made."""

    SERVER_ACTION = "create_from_template_json"
    CALLS = "single calls"


class TemplateStepError(PostHogError):
    """A step of bringing a template to PostHog failed.

    Attributes:
        step: what was being done, e.g. `adding tile 2 of 5 ('Sign-ups')`.
        left_behind: what could not be removed again, e.g. `["dashboard 42"]`; empty when nothing is left.
        cause_retryable: whether the same step may succeed later.
    """

    def __init__(
        self, message: str, *, step: str, left_behind: list[str], cause_retryable: bool = False, **facts: Any
    ) -> None:
        super().__init__(message, **facts)
        self.step = step
        self.left_behind = left_behind
        self.cause_retryable = cause_retryable

    @property
    def retryable(self) -> bool:
        """Whether the failing step may succeed later; running again is safe."""
        return self.cause_retryable


def step_error(step: str, cause: Exception, ending: str, *, left_behind: list[str] | None = None) -> TemplateStepError:
    """Return the error of a failed step, with the facts of its cause."""
    facts: dict[str, Any] = {}
    if isinstance(cause, PostHogError):
        names = ("status", "code", "detail", "attr", "method", "path", "request_id", "retry_after")
        facts = {name: getattr(cause, name) for name in names} | {"cause_retryable": cause.retryable}
    message = f"{step[0].upper()}{step[1:]} failed: {cause} {ending}"
    return TemplateStepError(message, step=step, left_behind=left_behind or [], **facts)


def unfinished(marker: str) -> str:
    """Return the tag of a dashboard that is still being built."""
    return f"{marker}:unfinished"


class _Progress:
    """Where a build stands, for the error message."""

    def __init__(self) -> None:
        self.step = "creating the dashboard"
        self.dashboard_id: int | None = None


def build(flows: FlowClient, template: Template, *, marker: str) -> Flow[tuple[Dashboard, BuiltBy]]:
    """Make the dashboard and return it as read back, or remove what was made.

    Args:
        flows: the endpoints.
        template: validated, placeholders filled in.
        marker: the tag by which the dashboard is found again.

    Raises:
        TemplateStepError: says which step failed and what, if anything, is left behind. The cause is its `__cause__`.
    """
    progress = _Progress()
    try:
        return (yield from _build(flows, template, marker, progress))
    except Exception as error:
        left = yield from _clean_up(flows, template, marker, progress)
        if left:
            where = f"the clean-up failed as well. Left behind: {', '.join(left)}; running again takes care of it."
            raise step_error(progress.step, error, f"And {where}", left_behind=left) from error
        raise step_error(progress.step, error, "Nothing of the template is left in PostHog.") from error


def _build(flows: FlowClient, template: Template, marker: str, progress: _Progress) -> Flow[tuple[Dashboard, BuiltBy]]:
    building = normalised_tags([*template["tags"], unfinished(marker)])
    tile_ids: list[int] | None = None
    built_by = BuiltBy.SERVER_ACTION
    board = yield from _by_server_action(flows, template, building)
    if board is None:
        built_by = BuiltBy.CALLS
        board = yield from flows.dashboards.create(
            name=template["template_name"],
            description=template["dashboard_description"],
            tags=building,
            **({"filters": template["dashboard_filters"]} if template["dashboard_filters"] else {}),
        )
        progress.dashboard_id = board.id
        tile_ids = []
        for index, spec in enumerate(template["tiles"]):
            title = tile_title(spec)
            named = f" ({title!r})" if title else ""
            progress.step = f"adding tile {index + 1} of {len(template['tiles'])}{named}"
            tile_ids.append((yield from add_tile(flows, board.id, spec)))
    progress.dashboard_id = board.id
    if tile_ids is not None and (places := placements(template["tiles"], tile_ids)):
        progress.step = "giving the tiles their places"
        yield from flows.dashboards.update(board.id, tiles=places)
    progress.step = "reading the dashboard back"
    _check(template, (yield from flows.dashboards.get(board.id)), tile_ids)
    # Last, since this tag says that the dashboard is whole.
    progress.step = "giving the dashboard its tags"
    yield from flows.dashboards.update(board.id, tags=normalised_tags([*template["tags"], marker]))
    return (yield from flows.dashboards.get(board.id)), built_by


def _by_server_action(flows: FlowClient, template: Template, tags: list[str]) -> Flow[Dashboard | None]:
    """Let PostHog make it; None where it may not be asked or does not have the action."""
    if not server_can_build(template) or not server_action_worth_trying(flows, "create_from_template_json"):
        return None
    plain = {key: value for key, value in template.items() if key != "variables"} | {"tags": tags}
    try:
        return (yield from flows.dashboards.create_from_template_json(plain))
    except (KeyNotAccepted, EndpointNotFoundError):
        return None


def add_tile(flows: FlowClient, dashboard_id: int, spec: TileSpec) -> Flow[int]:
    """Add one tile of a template and return its id; its place and looks come with `placements`."""
    kind = TileType(spec["type"])
    if kind is TileType.TEXT:
        return (yield from add_text(flows, dashboard_id, body=spec["body"]))
    if kind is TileType.BUTTON:
        button = {key: spec[key] for key in ("url", "text", "placement", "style") if key in spec}
        return (yield from add_content(flows, dashboard_id, {"button_tile": button}))
    if kind is TileType.WIDGET:
        widget = {key: spec[key] for key in ("widget_type", "config", "name", "description") if spec.get(key)}
        tiles = yield from flows.dashboards.add_widgets(dashboard_id, widgets=[{"config": {}, **widget}])
        return tiles[0].id
    insight = yield from flows.insights.create(
        name=spec["name"],
        description=spec["description"],
        query=spec["query"],
        dashboards=[dashboard_id],
        saved=True,
    )
    for tile in insight.dashboard_tiles or []:
        if tile.get("dashboard_id") == dashboard_id:
            return int(tile["id"])
    board = yield from flows.dashboards.get(dashboard_id)
    return next(tile.id for tile in board.tiles if tile.insight is not None and tile.insight.id == insight.id)


def placements(specs: list[TileSpec], tile_ids: list[int]) -> list[dict[str, Any]]:
    """Return the `tiles` of a dashboard update that give each tile its place and looks; empty when nothing is asked."""
    entries = [{"id": tile_id, **display_of(spec)} for spec, tile_id in zip(specs, tile_ids, strict=True)]
    return [entry for entry in entries if len(entry) > 1]


def _check(template: Template, board: Dashboard, tile_ids: list[int] | None) -> None:
    """Compare what was read back with the template; PostHog skips what it does not understand in silence."""
    wanted = len(template["tiles"])
    if len(board.tiles) != wanted:
        raise ValueError(f"the dashboard has {len(board.tiles)} tiles, and the template {wanted}.")
    if tile_ids is None:
        return
    tiles = {tile.id: tile for tile in board.tiles}
    for spec, tile_id in zip(template["tiles"], tile_ids, strict=True):
        tile = tiles.get(tile_id)
        if tile is None or (spec["layouts"] and dict(tile.layouts) != spec["layouts"]):
            raise ValueError(f"tile {tile_id} ({tile_title(spec)!r}) is not where the template puts it.")


def _clean_up(flows: FlowClient, template: Template, marker: str, progress: _Progress) -> Flow[list[str]]:
    """Remove what was made; return what could not be removed."""
    if progress.dashboard_id is not None:
        return (yield from remove_leftovers(flows, [progress.dashboard_id]))
    # The dashboard may have been made although its answer was lost on the way.
    try:
        ids = yield from find_leftovers(flows, template["template_name"], marker)
    except Exception:
        return [f"perhaps a dashboard with the tag {unfinished(marker)!r} (looking for it failed)"]
    return (yield from remove_leftovers(flows, ids))


def find_leftovers(flows: FlowClient, name: str, marker: str) -> Flow[list[int]]:
    """Return the dashboards of this name that were never finished."""
    boards = yield from flows.dashboards.list(tags=(unfinished(marker),))
    return [board.id for board in boards if board.name == name]


def remove_leftovers(flows: FlowClient, ids: list[int]) -> Flow[list[str]]:
    """Delete these dashboards softly, with the insights that only they have; return those that could not be."""
    left = []
    for dashboard_id in ids:
        gone = yield from _removed(flows, dashboard_id)
        left += [] if gone else [f"dashboard {dashboard_id}"]
    return left


def _removed(flows: FlowClient, dashboard_id: int) -> Flow[bool]:
    try:
        yield from flows.dashboards.delete(dashboard_id, delete_insights=True)
    except Exception:
        return (yield from _is_gone(flows, dashboard_id))
    return True


def _is_gone(flows: FlowClient, dashboard_id: int) -> Flow[bool]:
    try:
        yield from flows.dashboards.get(dashboard_id)
    except NotFoundError as error:
        return not isinstance(error, ProjectNotFoundError | EndpointNotFoundError)
    except Exception:
        return False
    return False
