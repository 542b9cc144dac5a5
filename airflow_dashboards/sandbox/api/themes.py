"""Data colour themes: contract 3.22."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_dashboards.sandbox.errors import forbidden, not_found
from airflow_dashboards.sandbox.fields import Json, Object, Text
from airflow_dashboards.sandbox.routing import Answer, endpoint
from airflow_dashboards.sandbox.store import Theme

if TYPE_CHECKING:
    from airflow_dashboards.sandbox.call import Call

_FIELDS = {"name": Text(max_length=100), "colors": Json(required=False)}
_BODY = Object(_FIELDS)
_CHANGES = Object(_FIELDS, partial=True)


@endpoint("GET", "data_color_themes", action="data_color_themes.list", scopes=("project:read",))
def list_themes(call: Call) -> Answer:
    """A bare array: the project's own and the global ones."""
    own = [theme for theme in call.store.themes.values() if theme.project_id in (None, call.project.id)]
    return Answer([call.serialize.theme(theme) for theme in own])


@endpoint("POST", "data_color_themes", action="data_color_themes.create", scopes=("project:write",))
def create(call: Call) -> Answer:
    """A theme of the project's own."""
    body = _BODY.clean(call.data)
    theme = Theme(
        id=call.store.new_id("theme"),
        project_id=call.project.id,
        name=body["name"],
        colors=body.get("colors", []),
        created_at=call.instance.clock.now(),
        created_by=call.user.id,
    )
    call.store.themes[theme.id] = theme
    return Answer(call.serialize.theme(theme), status=201)


@endpoint("GET", "data_color_themes/{id}", action="data_color_themes.retrieve", scopes=("project:read",))
def retrieve(call: Call) -> Answer:
    """One theme."""
    return Answer(call.serialize.theme(_find(call)))


@endpoint("PATCH|PUT", "data_color_themes/{id}", action="data_color_themes.update", scopes=("project:write",))
def update(call: Call) -> Answer:
    """Change a theme; PUT needs its name."""
    theme = _writable(call)
    body = (_BODY if call.incoming.method == "PUT" else _CHANGES).clean(call.data)
    theme.name = body.get("name", theme.name)
    theme.colors = body.get("colors", theme.colors)
    return Answer(call.serialize.theme(theme))


@endpoint("DELETE", "data_color_themes/{id}", action="data_color_themes.destroy", scopes=("project:write",))
def destroy(call: Call) -> Answer:
    """Really gone; dashboards that used it have none."""
    theme = _writable(call)
    del call.store.themes[theme.id]
    for dashboard in call.store.dashboards.values():
        if dashboard.data_color_theme_id == theme.id:
            dashboard.data_color_theme_id = None
    return Answer(status=204, empty=True)


def _find(call: Call) -> Theme:
    theme = call.store.themes.get(call.id())
    if theme is None or theme.project_id not in (None, call.project.id):
        raise not_found()
    return theme


def _writable(call: Call) -> Theme:
    theme = _find(call)
    if theme.project_id is None:
        raise forbidden("Only staff users can edit global themes.")
    if not call.instance.settings.paid_features:
        raise forbidden("This feature is only available on paid plans.")
    return theme
