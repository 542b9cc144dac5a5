"""Insights: made, changed, read, and refreshed one by one in a dashboard's context (contract 3.23)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_dashboards.sandbox import engine
from airflow_dashboards.sandbox.api import boards
from airflow_dashboards.sandbox.api.paging import paginate
from airflow_dashboards.sandbox.call import computes_in_request
from airflow_dashboards.sandbox.errors import forbidden, invalid, not_found
from airflow_dashboards.sandbox.fields import Boolean, Integer, Items, Mapped, Object, Text
from airflow_dashboards.sandbox.queries import prepare
from airflow_dashboards.sandbox.refreshing import Mode, Purpose, show
from airflow_dashboards.sandbox.routing import Answer, endpoint
from airflow_dashboards.sandbox.serializers import insight_level
from airflow_dashboards.sandbox.store import Insight, Level, Tile, new_short_id
from airflow_dashboards.sandbox.throttle import Bucket

if TYPE_CHECKING:
    from airflow_dashboards.sandbox.call import Call
    from airflow_dashboards.sandbox.store import Dashboard

_BODY = Object(
    {
        "name": Text(max_length=400, blank=True, null=True, required=False),
        "derived_name": Text(max_length=400, blank=True, null=True, required=False),
        "description": Text(max_length=400, blank=True, null=True, required=False),
        "query": Mapped(null=True, required=False),
        "filters": Mapped(required=False),
        "dashboards": Items(Integer(), required=False),
        "tags": Items(Text(blank=True), null=True, required=False),
        "saved": Boolean(required=False),
        "favorited": Boolean(required=False),
        "deleted": Boolean(required=False),
    }
)
_PLAIN = ("name", "derived_name", "description", "filters", "saved", "favorited", "deleted")


@endpoint("GET", "insights", action="insights.list", scopes=("insight:read",), bucket=Bucket.CLICKHOUSE)
def list_insights(call: Call) -> Answer:
    """The project's insights, newest first, with what is cached of them."""
    short_id, search = call.argument("short_id"), (call.argument("search") or "").lower()
    only_saved = (call.argument("saved") or "").lower() == "true"
    found = [
        insight
        for insight in reversed(call.store.insights.values())
        if insight.project_id == call.project.id
        and not insight.deleted
        and short_id in (None, insight.short_id)
        and search in (insight.name or insight.derived_name or "").lower()
        and (insight.saved or not only_saved)
    ]
    return Answer(paginate(call, found, lambda insight: _show(call, insight, None, Mode.CACHE_ONLY)))


@endpoint("POST", "insights", action="insights.create", scopes=("insight:write",), bucket=Bucket.CLICKHOUSE)
def create(call: Call) -> Answer:
    """A new insight, with a tile on each listed dashboard."""
    body = _BODY.clean(call.data)
    dashboards = _dashboards(call, body.get("dashboards", []))
    insight = add_insight(call, body.get("query"))
    _apply(call, insight, body)
    for dashboard in dashboards:
        call.store.add_tile(Tile(id=call.store.new_id("tile"), dashboard_id=dashboard.id, insight_id=insight.id))
    return Answer(_show(call, insight, None, Mode.CACHE_ONLY), status=201)


@endpoint(
    "GET",
    "insights/{id}",
    action="insights.retrieve",
    scopes=("insight:read",),
    bucket=Bucket.CLICKHOUSE,
    computes=computes_in_request,
)
def retrieve(call: Call) -> Answer:
    """One insight, by id or short id, alone or `from_dashboard`."""
    with call.instance.lock:
        insight = _find(call)
        if insight_level(call.instance, insight, call.user) < Level.VIEWER:
            raise forbidden("You do not have viewer access to this resource.")
        dashboard = _context(call, insight)
    return Answer(_show(call, insight, dashboard, call.mode))


@endpoint("PATCH|PUT", "insights/{id}", action="insights.update", scopes=("insight:write",), bucket=Bucket.CLICKHOUSE)
def update(call: Call) -> Answer:
    """Change; `dashboards` replaces the whole list."""
    insight = _find(call, deleted=isinstance(call.data, dict) and call.data.get("deleted") is False)
    if insight_level(call.instance, insight, call.user) < Level.EDITOR:
        raise forbidden("You do not have editor access to this resource.")
    body = _BODY.clean(call.data)
    dashboards = _dashboards(call, body["dashboards"]) if "dashboards" in body else None
    if "query" in body and body["query"] != insight.query:
        insight.query = body["query"]
        insight.derived_name = _derived_name(insight.query)
        insight.revision += 1
    _apply(call, insight, body)
    now = call.instance.clock.now()
    insight.updated_at = insight.last_modified_at = now
    insight.last_modified_by = call.user.id
    if dashboards is not None:
        _place(call, insight, dashboards)
    return Answer(_show(call, insight, None, Mode.CACHE_ONLY))


def add_insight(call: Call, query: dict[str, Any] | None, **values: Any) -> Insight:
    """Make an insight in the call's project."""
    now = call.instance.clock.now()
    return call.store.add_insight(
        Insight(
            id=call.store.new_id("insight"),
            short_id=new_short_id(),
            project_id=call.project.id,
            created_at=now,
            created_by=call.user.id,
            derived_name=_derived_name(query),
            query=query,
            updated_at=now,
            last_modified_at=now,
            last_modified_by=call.user.id,
            **values,
        )
    )


def _derived_name(query: dict[str, Any] | None) -> str | None:
    try:
        return engine.derived_name(query) if query else None
    except engine.QuerySchemaError:
        return None


def _find(call: Call, *, deleted: bool = False) -> Insight:
    text = call.params["id"]
    key = int(text) if text.isdecimal() else call.store.insight_ids.get(text)
    insight = call.store.insights.get(key) if key is not None else None
    if insight is None or insight.project_id != call.project.id or (insight.deleted and not deleted):
        raise not_found()
    return insight


def _dashboards(call: Call, ids: list[int]) -> list[Dashboard]:
    found = []
    for dashboard_id in dict.fromkeys(ids):
        dashboard = call.store.dashboards.get(dashboard_id)
        if dashboard is None or dashboard.project_id != call.project.id or dashboard.deleted:
            detail = f'Invalid pk "{dashboard_id}" - object does not exist.'
            raise invalid(detail, code="does_not_exist", attr="dashboards")
        boards.check_edit(call, dashboard)
        found.append(dashboard)
    return found


def _apply(call: Call, insight: Insight, body: dict[str, Any]) -> None:
    for name in _PLAIN:
        if name in body:
            setattr(insight, name, body[name])
    if body.get("tags") is not None:
        insight.tags = boards.normalise_tags(body["tags"])
    if body.get("deleted"):
        for tile in call.store.insight_tiles(insight.id):
            tile.deleted = True


def _place(call: Call, insight: Insight, dashboards: list[Dashboard]) -> None:
    wanted = {dashboard.id for dashboard in dashboards}
    for tile in call.store.insight_tiles(insight.id):
        if tile.dashboard_id not in wanted:
            tile.deleted = True
    for dashboard in dashboards:
        tiles = [tile for tile in call.store.all_tiles(dashboard.id) if tile.insight_id == insight.id]
        if tiles:
            tiles[0].deleted = False
        else:
            call.store.add_tile(Tile(id=call.store.new_id("tile"), dashboard_id=dashboard.id, insight_id=insight.id))


def _context(call: Call, insight: Insight) -> tuple[Dashboard, Tile] | None:
    text = call.argument("from_dashboard") or ""
    for tile in call.store.insight_tiles(insight.id):
        if str(tile.dashboard_id) == text:
            return call.store.dashboards[tile.dashboard_id], tile
    return None


def _show(call: Call, insight: Insight, context: tuple[Dashboard, Tile] | None, mode: Mode) -> dict[str, Any]:
    dashboard, tile = context or (None, None)
    with call.instance.lock:
        prepared = prepare(call.instance, insight, dashboard, tile, call.overrides())
    place = (dashboard.id, tile.id) if dashboard is not None and tile is not None else (None, None)
    purpose = Purpose(call.incoming.origin, insight.id, *place)
    shown = show(call.instance, prepared, mode, purpose)
    if shown.problem is not None and mode is not Mode.CACHE_ONLY:
        raise invalid(shown.problem.message)
    with call.instance.lock:
        return call.serialize.insight(insight, dashboard=dashboard, prepared=prepared, shown=shown)
