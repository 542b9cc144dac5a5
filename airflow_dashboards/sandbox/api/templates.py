"""Dashboards from templates: by name, from JSON, and the unlisted ones (contract 3.3, 3.20, 3.21)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from airflow_dashboards.sandbox.api import boards
from airflow_dashboards.sandbox.api.content import new_text
from airflow_dashboards.sandbox.api.insights import add_insight
from airflow_dashboards.sandbox.errors import bare, invalid, server_error
from airflow_dashboards.sandbox.routing import SESSION_ONLY, Answer, endpoint
from airflow_dashboards.sandbox.settings import Build
from airflow_dashboards.sandbox.store import Button, Tile
from airflow_dashboards.sandbox.template_schema import NAMED_TEMPLATES, UNLISTED_TEMPLATES, first_problem
from airflow_dashboards.sandbox.widget_types import check_widget, new_widget

if TYPE_CHECKING:
    from airflow_dashboards.sandbox.call import Call
    from airflow_dashboards.sandbox.store import Dashboard

_TEMPLATE_VERSION: Final = {"__template_version": 1}


@endpoint(
    "POST",
    "dashboards/create_from_template_json",
    action="dashboards.create_from_template_json",
    scopes=SESSION_ONLY,
)
def create_from_template_json(call: Call) -> Answer:
    """A dashboard with all tiles of a template, or none at all."""
    data = call.incoming.json
    if not isinstance(data, dict) or "template" not in data:
        raise server_error()
    template = data["template"]
    if (problem := first_problem(template)) is not None:
        raise invalid(problem)
    dashboard = boards.new_dashboard(call, folder=data.get("_create_in_folder"))
    try:
        _build(call, dashboard, template)
    except Exception:
        call.store.purge_dashboard(dashboard.id)
        raise
    return Answer(boards.full(call, dashboard))


@endpoint(
    "POST",
    "dashboards/create_unlisted_dashboard",
    action="dashboards.create_unlisted_dashboard",
    scopes=SESSION_ONLY,
)
def create_unlisted_dashboard(call: Call) -> Answer:
    """The one unlisted dashboard of a tag."""
    tag = call.data.get("tag") if isinstance(call.data, dict) else None
    if not tag:
        raise bare(400, "error", "tag is required")
    template = UNLISTED_TEMPLATES.get(tag) if isinstance(tag, str) else None
    if template is None:
        raise bare(400, "error", f"Unknown template tag: {tag}")
    for dashboard in call.store.project_dashboards(call.project.id):
        if dashboard.creation_mode == "unlisted" and tag in dashboard.tags:
            raise bare(409, "error", f"Unlisted dashboard with tag '{tag}' already exists")
    dashboard = boards.new_dashboard(call)
    _build(call, dashboard, template)
    dashboard.creation_mode = "unlisted"
    dashboard.tags = [tag]
    dashboard.filters = {**dashboard.filters, **_TEMPLATE_VERSION}
    return Answer(boards.full(call, dashboard), status=201)


def build_named_template(call: Call, dashboard: Dashboard, name: str, *, named: bool) -> None:
    """Fill a new dashboard from one of the instance's templates.

    Raises:
        RefusalError: 400 for a name that is none.
    """
    template = NAMED_TEMPLATES.get(name)
    if template is None:
        raise invalid(f"Invalid template provided: {name}", attr="use_template")
    kept = dashboard.name
    _build(call, dashboard, template)
    if named:
        dashboard.name = kept
    dashboard.creation_mode = "template"


def _build(call: Call, dashboard: Dashboard, template: dict[str, Any]) -> None:
    dashboard.name = template["template_name"]
    dashboard.description = template["dashboard_description"]
    dashboard.filters = template["dashboard_filters"]
    dashboard.tags = boards.normalise_tags(template.get("tags") or [])
    dashboard.revision += 1
    for entry in template["tiles"]:
        kind = str(entry["type"]).upper() if "type" in entry else None
        if kind is None or not isinstance(entry.get("layouts", {}), dict):
            raise server_error()
        content = _content(call, kind, entry)
        if content is not None:
            call.store.add_tile(
                Tile(
                    id=call.store.new_id("tile"),
                    dashboard_id=dashboard.id,
                    layouts=entry.get("layouts", {}),
                    color=entry.get("color"),
                    **content,
                )
            )


def _content(call: Call, kind: str, entry: dict[str, Any]) -> dict[str, Any] | None:
    """The row a tile shows; None for a type that the build skips."""
    if kind == "INSIGHT":
        values = {"name": entry.get("name"), "description": entry.get("description") or ""}
        return {"insight_id": add_insight(call, entry.get("query"), **values, is_sample=True, saved=True).id}
    if kind == "TEXT":
        return {"text_id": new_text(call, entry.get("body") or "", authored=False).id}
    if call.build is not Build.CLOUD:
        return None
    if kind == "WIDGET":
        return {"widget_id": new_widget(call, check_widget(call, entry, ())).id}
    if kind == "BUTTON":
        button = Button(
            id=call.store.new_id("button"),
            project_id=call.project.id,
            url=str(entry.get("url", "")),
            text=str(entry.get("text", "")),
            placement=str(entry.get("placement", "left")),
            style=str(entry.get("style", "primary")),
            created_by=None,
            last_modified_by=None,
            last_modified_at=call.instance.clock.now(),
        )
        call.store.buttons[button.id] = button
        return {"button_id": button.id}
    return None
