"""Dashboards from templates: make one once, find it again, bring it up to date, and write one out as a template.

A dashboard made from a template carries a tag, e.g. `template:weekly-kpis`, and is found again by its name and that
tag: so a run can be repeated, and a dashboard that a person made under the same name is never touched.
"""

from __future__ import annotations

import json
import re
from enum import Enum
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

from airflow_dashboards.posthog import PostHogArgumentError
from airflow_dashboards.refresh.effects import BoardStateError
from airflow_dashboards.refresh.placeholders import fill_placeholders
from airflow_dashboards.refresh.tags import normalised_tags
from airflow_dashboards.refresh.template_build import (
    TemplateStepError,
    build,
    remove_leftovers,
    unfinished,
)
from airflow_dashboards.refresh.template_match import pair, read_insights, spec_of, specs_of
from airflow_dashboards.refresh.template_schema import Template, TemplateError, TileType, tile_title, validated
from airflow_dashboards.refresh.template_update import bring_to_template

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from airflow_dashboards.posthog import Dashboard, FlowClient
    from airflow_dashboards.posthog.flow import Flow

__all__ = [
    "IfExists",
    "TemplateError",
    "TemplateResult",
    "TemplateStepError",
    "apply_template",
    "export_template",
    "file_of",
    "marker_of",
    "prepared",
]

_MARKER = "template:"
_OPENS_JINJA = re.compile(r"\{(?=[{%#])")
_VIA_UPDATE = "update"
_VIA_NOTHING = "nothing to write"


class IfExists(str, Enum):
    """What to do when the template's dashboard is already there."""

    SKIP = "skip"  # leave it as it is
    UPDATE = "update"  # bring it to the template; what people added stays
    FAIL = "fail"
    CREATE = "create"  # make another one


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True)


class TemplateTile(_Data):
    """A tile of the resulting dashboard."""

    id: int
    type: TileType
    name: str
    insight_id: int | None = None


class TemplateResult(_Data):
    """What came of a template; small enough for an XCom."""

    dashboard_id: int
    name: str
    url: str
    created: bool
    updated: bool
    #: `create_from_template_json`, `single calls`, `update` or `nothing to write`.
    via: str
    #: The template's tiles in its order; with `if_exists="skip"` those that are still there.
    tiles: list[TemplateTile] = Field(default_factory=list)
    #: What could not be brought about, in plain sentences.
    notes: list[str] = Field(default_factory=list)

    @property
    def summary(self) -> str:
        """One plain sentence."""
        what = "Created" if self.created else "Updated" if self.updated else "Already there, left as it is:"
        return f"{what} dashboard {self.dashboard_id} {self.name!r} (via {self.via}): {self.url}"


def marker_of(template: Mapping[str, Any]) -> str:
    """Return the tag by which a template's dashboards are found again.

    Example:
        >>> marker_of({"template_name": "Weekly KPIs (EU)"})
        'template:weekly-kpis-eu'
    """
    slug = re.sub(r"\W+", "-", str(template["template_name"]).lower()).strip("-")
    return _MARKER + (slug[:200] or "untitled")


def prepared(
    template: Any, *, variables: Mapping[str, Any] | None = None, name: str | None = None, tags: Iterable[str] = ()
) -> Template:
    """Return the template as it is sent: checked, placeholders filled in, under its name, with its tags.

    Args:
        template: contract 3.20's shape; `layouts` may be left out.
        variables: values for the template's variables, by id.
        name: the dashboard's name, in place of the template's.
        tags: besides the template's own.

    Raises:
        TemplateError: the template or its variables are not right; the message names the place.
        PostHogArgumentError: a tag is not right.
    """
    whole = fill_placeholders(validated(template), variables)
    if name is not None:
        whole["template_name"] = name
    whole["tags"] = normalised_tags([*whole["tags"], *normalised_tags(tags)])
    checked = validated(whole)  # a placeholder's value or the name may have brought in a flaw
    checked["template_name"] = checked["template_name"].strip()
    return checked


def apply_template(
    flows: FlowClient,
    template: Any,
    *,
    host: str,
    variables: Mapping[str, Any] | None = None,
    name: str | None = None,
    tags: Iterable[str] = (),
    if_exists: IfExists | str = IfExists.SKIP,
    prune: bool = False,
) -> Flow[TemplateResult]:
    """Make the dashboard of a template, or find the one made before; safe to run twice.

    Args:
        flows: the endpoints; `client.run(apply_template(client.flows, ...))` drives it.
        template: contract 3.20's shape.
        host: PostHog's origin, for the address of the dashboard.
        variables: values for the template's variables, by id.
        name: the dashboard's name, in place of the template's.
        tags: besides the template's own.
        if_exists: what to do when it is already there.
        prune: with `update`, also remove the tiles and tags that the template does not have.

    Raises:
        TemplateError: the template is not right; nothing was sent.
        BoardStateError: it is there and `if_exists` is `fail`, or `update` finds several.
        TemplateStepError: PostHog refused a step; says what, if anything, is left behind.
    """
    try:
        policy = IfExists(if_exists)
    except ValueError:
        choices = ", ".join(each.value for each in IfExists)
        raise PostHogArgumentError(f"if_exists: must be one of {choices}, not {if_exists!r}.") from None
    if prune and policy is not IfExists.UPDATE:
        raise PostHogArgumentError("prune: only goes with if_exists='update'.")
    whole = prepared(template, variables=variables, name=name, tags=tags)
    marker = marker_of(template)
    title = whole["template_name"]

    boards = yield from flows.dashboards.list(tags=(marker, unfinished(marker)))
    ours = [board for board in boards if board.name == title]
    leftovers = [board.id for board in ours if unfinished(marker) in board.tags]
    existing = sorted(board.id for board in ours if board.id not in leftovers)
    if left := (yield from remove_leftovers(flows, leftovers)):
        raise BoardStateError(
            f"{', '.join(left)} was left unfinished by an earlier run (tag {unfinished(marker)!r}) and can't be "
            "removed; remove it by hand and run again."
        )
    if existing and policy is IfExists.FAIL:
        raise BoardStateError(
            f"Dashboard {existing[0]} {title!r} is already there ({_url(flows, host, existing[0])}); "
            "if_exists='skip' or 'update' would accept it."
        )
    if not existing or policy is IfExists.CREATE:
        board, built_by = yield from build(flows, whole, marker=marker)
        return (yield from _result(flows, board, whole, host, created=True, via=built_by.value))
    if policy is IfExists.SKIP:
        board = yield from flows.dashboards.get(existing[0])
        return (yield from _result(flows, board, whole, host, via=_VIA_NOTHING))
    if len(existing) > 1:
        raise BoardStateError(
            f"Dashboards {', '.join(map(str, existing))} all are {title!r} with the tag {marker!r}, so it is not clear "
            "which to update; give them different names or remove all but one."
        )
    board, plan = yield from bring_to_template(flows, existing[0], whole, marker=marker, prune=prune)
    via = _VIA_NOTHING if plan.is_empty else _VIA_UPDATE
    return (yield from _result(flows, board, whole, host, updated=not plan.is_empty, via=via, notes=plan.notes))


def export_template(flows: FlowClient, dashboard_id: int) -> Flow[Template]:
    """Write a dashboard out as a template: the way back of `apply_template`.

    Insights come with their saved queries, without the dashboard's filters, which the template has itself. Tags by
    which a template's dashboards are found again are left out. `file_of` writes it as a file.

    Raises:
        TemplateError: an insight on it can't be read with this credential, or it is no template, e.g. without tiles.
    """
    board = yield from flows.dashboards.get(dashboard_id)
    saved = yield from read_insights(flows, board)
    template = {
        "template_name": board.name or f"Dashboard {board.id}",
        "dashboard_description": board.description or "",
        "dashboard_filters": dict(board.persisted_filters or {}),
        "tags": sorted(tag for tag in board.tags if not tag.startswith(_MARKER)),
        "variables": [],
        "tiles": [spec_of(tile, saved.get(tile.id)) for tile in board.tiles],
    }
    validated(template)
    return template


def file_of(template: Template) -> str:
    r"""Return a template as the JSON of a file that the operator reads as it is.

    The operator renders a file with Jinja, so what looks like Jinja in a dashboard's own texts is written in JSON's
    escapes.

    Example:
        >>> file_of({"template_name": "{{ sic }}"})
        '{\n  "template_name": "\\u007b{ sic }}"\n}\n'
    """
    text = json.dumps(template, indent=2, ensure_ascii=False)
    return _OPENS_JINJA.sub(r"\\u007b", text) + "\n"


def _url(flows: FlowClient, host: str, dashboard_id: int) -> str:
    return f"{host.rstrip('/')}/project/{flows.project_id}/dashboard/{dashboard_id}"


def _result(
    flows: FlowClient,
    board: Dashboard,
    template: Template,
    host: str,
    *,
    via: str,
    created: bool = False,
    updated: bool = False,
    notes: Iterable[str] = (),
) -> Flow[TemplateResult]:
    # Names are enough to tell which tile is which; saved queries are read only for insights without one.
    named = all(tile_title(spec) for spec in template["tiles"])
    specs = specs_of(board, {} if named else (yield from read_insights(flows, board)))
    by_id = {tile.id: tile for tile in board.tiles}
    tiles = []
    for index, tile_id in pair(template["tiles"], specs).matched:
        insight = by_id[tile_id].insight
        spec = template["tiles"][index]
        tiles.append(
            TemplateTile(
                id=tile_id,
                type=TileType(spec["type"]),
                name=tile_title(spec),
                insight_id=insight.id if insight else None,
            )
        )
    return TemplateResult(
        dashboard_id=board.id,
        name=board.name or "",
        url=_url(flows, host, board.id),
        created=created,
        updated=updated,
        via=via,
        tiles=tiles,
        notes=list(notes),
    )
