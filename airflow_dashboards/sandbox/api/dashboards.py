"""List, read, create, change and (not) delete dashboards: contract 3.1 to 3.5."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from airflow_dashboards.sandbox import uncertain
from airflow_dashboards.sandbox.api import boards
from airflow_dashboards.sandbox.api.content import edit_tiles
from airflow_dashboards.sandbox.api.paging import paginate
from airflow_dashboards.sandbox.api.templates import build_named_template
from airflow_dashboards.sandbox.call import computes_in_request
from airflow_dashboards.sandbox.errors import forbidden, invalid
from airflow_dashboards.sandbox.fields import Boolean, Choice, Identifier, Instant, Integer, Items, Json, Object, Text
from airflow_dashboards.sandbox.routing import Answer, endpoint
from airflow_dashboards.sandbox.serializers import dashboard_level
from airflow_dashboards.sandbox.settings import SINCE_MAY, Build
from airflow_dashboards.sandbox.store import RESTRICTION_COLLABORATORS, RESTRICTION_EVERYONE, Level, Tile, new_short_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_dashboards.sandbox.call import Call
    from airflow_dashboards.sandbox.store import Dashboard, Insight

_FIELDS = {
    "name": Text(max_length=400, blank=True, null=True, required=False),
    "description": Text(blank=True, required=False),
    "pinned": Boolean(required=False),
    "last_accessed_at": Instant(null=True, required=False),
    "deleted": Boolean(required=False),
    "breakdown_colors": Json(null=True, required=False),
    "data_color_theme_id": Integer(null=True, required=False),
    "tags": Items(Text(blank=True), null=True, required=False),
    "restriction_level": Choice((RESTRICTION_EVERYONE, RESTRICTION_COLLABORATORS), required=False),
    "last_refresh": Instant(null=True, required=False),
    "quick_filter_ids": Items(Identifier(), null=True, required=False),
    "use_template": Text(blank=True, required=False),
    "use_dashboard": Integer(null=True, required=False),
    "delete_insights": Boolean(required=False),
    "duplicate_tiles": Boolean(required=False),
    "_create_in_folder": Text(blank=True, required=False),
}
_BODY = Object(_FIELDS)
_PLAIN = (
    "name",
    "description",
    "pinned",
    "last_accessed_at",
    "breakdown_colors",
    "data_color_theme_id",
    "last_refresh",
)


@endpoint("GET", "dashboards", action="dashboards.list", scopes=("dashboard:read",))
def list_dashboards(call: Call) -> Answer:
    """3.1: pinned first, then by name."""
    search = (call.argument("search") or "").strip() if call.build in SINCE_MAY else ""
    if len(search) > 200:
        raise invalid(uncertain.SEARCH_TOO_LONG, code="max_length", attr="search")
    accept = _list_filter(call)
    found = []
    for dashboard in call.store.project_dashboards(call.project.id):
        match = _search_match(dashboard, search.lower(), call.build) if search else None
        visible = dashboard_level(call.instance, dashboard, call.user) > Level.NONE
        if visible and accept(dashboard) and (match is not None or not search):
            found.append((dashboard, match))
    rank = {kind: index for index, kind in enumerate(uncertain.SEARCH_MATCH_TYPES)}
    found.sort(
        key=lambda item: (rank.get(item[1] or "", 0), not item[0].pinned, (item[0].name or "").casefold(), item[0].id)
    )
    return Answer(paginate(call, found, lambda item: call.serialize.dashboard_item(*item)))


def _list_filter(call: Call) -> Callable[[Dashboard], bool]:
    tags = set(call.incoming.query.get("tags", ()))
    mode = call.argument("creation_mode")
    without_generated = (call.argument("exclude_generated") or "").lower() == "true"
    newest = call.build is Build.CLOUD
    only_pinned = newest and (call.argument("pinned") or "").lower() == "true"
    folder = call.argument("folder") if newest else None

    def accept(dashboard: Dashboard) -> bool:
        generated = (dashboard.name or "").startswith(uncertain.GENERATED_NAME_PREFIX)
        return (
            (dashboard.creation_mode == mode if mode else dashboard.creation_mode != "unlisted")
            and (not tags or not tags.isdisjoint(dashboard.tags))
            and not (without_generated and generated)
            and (dashboard.pinned or not only_pinned)
            and (folder is None or dashboard.folder == folder)
        )

    return accept


def _search_match(dashboard: Dashboard, search: str, build: Build) -> str | None:
    in_name, in_description, in_tag = uncertain.SEARCH_MATCH_TYPES
    if search in (dashboard.name or "").lower():
        return in_name
    if search in dashboard.description.lower():
        return in_description
    if build is Build.CLOUD and any(search in tag for tag in dashboard.tags):
        return in_tag
    return None


@endpoint(
    "GET",
    "dashboards/{id}",
    action="dashboards.retrieve",
    scopes=("dashboard:read",),
    computes=computes_in_request,
)
def retrieve(call: Call) -> Answer:
    """3.2: the whole dashboard; notes the access."""
    with call.instance.lock:
        dashboard = boards.find(call)
        overrides = call.overrides()
        dashboard.last_accessed_at = call.instance.clock.now()
    return Answer(boards.full(call, dashboard, call.mode, overrides))


@endpoint("POST", "dashboards", action="dashboards.create", scopes=("dashboard:write",))
def create(call: Call) -> Answer:
    """3.3: empty, from a template by name, or as a duplicate."""
    body = _BODY.clean(call.data)
    filters = _filters(call)
    _check_references(call, body)
    if body.get("use_template") and body.get("use_dashboard"):
        raise invalid("`use_template` and `use_dashboard` cannot be used together")
    original = _original(call, body.get("use_dashboard"))
    dashboard = boards.new_dashboard(call)
    try:
        _apply(call, dashboard, body, filters)
        if original is not None:
            dashboard.creation_mode = "duplicate"
            _copy_tiles(call, original, dashboard, deep=body.get("duplicate_tiles", False))
        elif body.get("use_template"):
            build_named_template(call, dashboard, body["use_template"], named=bool(body.get("name")))
    except Exception:
        if not uncertain.FAILED_CREATE_LEAVES_DASHBOARD:
            call.store.purge_dashboard(dashboard.id)
        raise
    return Answer(boards.full(call, dashboard), status=201)


@endpoint("PATCH|PUT", "dashboards/{id}", action="dashboards.update", scopes=("dashboard:write",))
def update(call: Call) -> Answer:
    """3.4: change, soft-delete, restore."""
    data = call.data
    restores = isinstance(data, dict) and "deleted" in data and str(data["deleted"]).lower() in ("false", "0")
    dashboard = boards.find(call, deleted=restores)
    body = _BODY.clean(data)
    filters = _filters(call)
    _check_references(call, body)
    new_level = body.get("restriction_level")
    if new_level not in (None, dashboard.restriction_level) and not _owns(call, dashboard):
        raise forbidden(
            "Only the dashboard owner and project admins have the restriction rights required to change the "
            "dashboard's restriction level."
        )
    if isinstance(data.get("tiles"), list) and not body.get("deleted"):
        edit_tiles(call, dashboard, data["tiles"])
    _apply(call, dashboard, body, filters)
    if body.get("deleted"):
        _soft_delete(call, dashboard, with_insights=body.get("delete_insights", False))
    elif restores and dashboard.deleted:
        _restore(call, dashboard)
    return Answer(boards.full(call, dashboard))


@endpoint("DELETE", "dashboards/{id}", action="dashboards.destroy", scopes=("dashboard:write",))
def destroy(call: Call) -> Answer:
    """3.5: never possible, whatever the id."""
    return Answer(status=405, empty=True)


def _owns(call: Call, dashboard: Dashboard) -> bool:
    return call.user.admin or dashboard.created_by == call.user.id


def _filters(call: Call) -> dict[str, Any] | None:
    """New filters; anything falsy is no change."""
    filters = call.data.get("filters") if isinstance(call.data, dict) else None
    if not filters:
        return None
    if not isinstance(filters, dict):
        raise invalid("Filters must be a dictionary", attr=uncertain.FILTERS_NOT_A_DICTIONARY_ATTR)
    if call.build is Build.CLOUD and _has_or_group(filters.get("properties")):
        raise invalid(uncertain.FILTERS_OR_GROUP, attr=uncertain.FILTERS_NOT_A_DICTIONARY_ATTR)
    return filters


def _has_or_group(properties: Any) -> bool:
    """Whether alternatives are among property filters; a dashboard's are ANDed only (contract 3.4, newest)."""
    if isinstance(properties, list):
        return any(_has_or_group(item) for item in properties)
    if not isinstance(properties, dict):
        return False
    return properties.get("type") == "OR" or _has_or_group(properties.get("values"))


def _check_references(call: Call, body: dict[str, Any]) -> None:
    boards.check_theme(call, body.get("data_color_theme_id"))
    if body.get("quick_filter_ids"):
        missing = ", ".join(body["quick_filter_ids"])
        raise invalid(f"Quick filters not found: {missing}", attr="quick_filter_ids")


def _apply(call: Call, dashboard: Dashboard, body: dict[str, Any], filters: dict[str, Any] | None) -> None:
    for name in _PLAIN:
        if name in body:
            setattr(dashboard, name, body[name])
    if body.get("tags") is not None:
        dashboard.tags = boards.normalise_tags(body["tags"])
    if "restriction_level" in body:
        dashboard.restriction_level = body["restriction_level"]
    if "_create_in_folder" in body:
        dashboard.folder = body["_create_in_folder"]
    variables = call.data.get("variables")
    if filters:
        dashboard.filters = filters
        dashboard.revision += 1
    if isinstance(variables, dict) and variables:
        dashboard.variables = variables
        dashboard.revision += 1


def _soft_delete(call: Call, dashboard: Dashboard, *, with_insights: bool) -> None:
    for tile in call.store.all_tiles(dashboard.id):
        tile.deleted = True
    dashboard.deleted = True
    if not with_insights:
        return
    for tile in call.store.all_tiles(dashboard.id):
        if tile.insight_id is not None and not call.store.insight_tiles(tile.insight_id):
            call.store.insights[tile.insight_id].deleted = True


def _restore(call: Call, dashboard: Dashboard) -> None:
    dashboard.deleted = False
    for tile in call.store.all_tiles(dashboard.id):
        tile.deleted = False
        if tile.insight_id is not None:
            call.store.insights[tile.insight_id].deleted = False


def _original(call: Call, dashboard_id: int | None) -> Dashboard | None:
    if not dashboard_id:
        return None
    original = call.store.dashboards.get(dashboard_id)
    if original is None or original.project_id != call.project.id or original.deleted:
        raise invalid("Invalid value provided", attr="use_dashboard")
    boards.check_view(call, original)
    return original


def _copy_tiles(call: Call, source: Dashboard, target: Dashboard, *, deep: bool) -> None:
    for tile in call.store.live_tiles(source.id):
        copy: Tile = replace(tile, id=call.store.new_id("tile"), dashboard_id=target.id)
        if tile.insight_id is not None and deep:
            copy.insight_id = _copy_insight(call, call.store.insights[tile.insight_id]).id
        if tile.text_id is not None and deep:
            text = replace(call.store.texts[tile.text_id], id=call.store.new_id("text"))
            call.store.texts[text.id] = text
            copy.text_id = text.id
        call.store.add_tile(copy)


def _copy_insight(call: Call, insight: Insight) -> Insight:
    name = insight.name + uncertain.COPIED_INSIGHT_SUFFIX if insight.name else insight.name
    now = call.instance.clock.now()
    copy = replace(
        insight,
        id=call.store.new_id("insight"),
        short_id=new_short_id(),
        name=name,
        created_by=call.user.id,
        created_at=now,
        updated_at=now,
    )
    return call.store.add_insight(copy)
