"""What needs the AI: `snapshot` and `analyze_refresh_result` (A, B), `generate_metadata` (A). Contract 3.6 to 3.8."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from airflow_dashboards.sandbox import engine, uncertain
from airflow_dashboards.sandbox.ai import describe_board, describe_changes
from airflow_dashboards.sandbox.api import boards
from airflow_dashboards.sandbox.errors import RefusalError, bare, forbidden, invalid, server_error
from airflow_dashboards.sandbox.fields import Json, Mapped, Object, Text
from airflow_dashboards.sandbox.queries import prepare
from airflow_dashboards.sandbox.routing import SESSION_ONLY, Answer, endpoint
from airflow_dashboards.sandbox.serializers import in_layout_order, insight_level
from airflow_dashboards.sandbox.settings import AI, APRIL_ONLY, UNTIL_MAY, Build
from airflow_dashboards.sandbox.store import Level

if TYPE_CHECKING:
    from airflow_dashboards.sandbox.call import Call
    from airflow_dashboards.sandbox.store import Dashboard

NO_CHANGES: Final = "No significant changes detected in the dashboard data."
_EXPIRED: Final = "Analysis context expired or not found. Please refresh the dashboard again."
_VOLATILE: Final = frozenset({"persons_urls", "persons", "action"})


class _Data(Json):
    """A result: any JSON that is not empty."""

    def check(self, value: Any, path: tuple[str, ...]) -> Any:
        if not value:
            raise invalid("Data cannot be empty.", attr="__".join(path))
        return value


_SNAPSHOT = Object(
    {"client_results": Mapped(Object({"insight_name": Text(), "data": _Data()}), null=True, required=False)}
)


@endpoint("POST", "dashboards/{id}/snapshot", action="dashboards.snapshot", scopes=SESSION_ONLY, builds=UNTIL_MAY)
def snapshot(call: Call) -> Answer:
    """Keep a `before` picture for 30 minutes: the caller's, or what is cached."""
    _require_consent(call, in_april=False)
    dashboard = boards.find(call)
    results = _SNAPSHOT.clean(call.data).get("client_results")
    if results:
        try:
            tiles = {int(key): {**item, "data": _stripped(item["data"])} for key, item in results.items()}
        except ValueError:
            raise server_error() from None
    else:
        tiles = _picture(call, dashboard)
    key = f"dashboard_refresh_before_{dashboard.id}_{call.user.id}_{call.instance.clock.time()}"
    call.instance.cache.keep_snapshot(key, tiles)
    return Answer({"cache_key": key})


@endpoint(
    "POST",
    "dashboards/{id}/analyze_refresh_result",
    action="dashboards.analyze_refresh_result",
    scopes=SESSION_ONLY,
    builds=UNTIL_MAY,
)
def analyze_refresh_result(call: Call) -> Answer:
    """Compare a `before` picture with what is cached now, and tell the difference in words."""
    _require_consent(call, in_april=False)
    dashboard = boards.find(call)
    data = call.data
    if not isinstance(data, dict) or not data.get("cache_key"):
        raise bare(400, "error", "cache_key is required")
    key = str(data["cache_key"])
    before = call.instance.cache.snapshot(key)
    if before is None:
        if call.instance.cache.holds(key):
            raise server_error()
        raise bare(400, "error", _EXPIRED)
    after = _picture(call, dashboard)
    changed = [
        (before.tiles[tile_id], after[tile_id])
        for tile_id in before.tiles
        if tile_id in after and _canonical(before.tiles[tile_id]["data"]) != _canonical(after[tile_id]["data"])
    ]
    if not changed or call.instance.settings.ai is AI.FAILING:
        return Answer({"result": NO_CHANGES})
    return Answer({"result": describe_changes(changed)})


@endpoint(
    "POST",
    "dashboards/{id}/generate_metadata",
    action="dashboards.generate_metadata",
    scopes=("dashboard:write",),
    builds=APRIL_ONLY,
)
def generate_metadata(call: Call) -> Answer:
    """Suggest a name and a description; nothing is saved."""
    _require_consent(call, in_april=uncertain.GENERATE_METADATA_NEEDS_CONSENT)
    dashboard = boards.find(call)
    if call.instance.settings.ai is AI.FAILING:
        raise server_error(uncertain.GENERATE_METADATA_FAILED)
    subjects = []
    for tile in in_layout_order(call.store.live_tiles(dashboard.id)):
        if tile.insight_id is not None:
            insight = call.store.insights[tile.insight_id]
            subjects.append(insight.name or insight.derived_name or f"Insight {insight.id}")
        elif tile.text_id is not None:
            subjects.append(call.store.texts[tile.text_id].body)
    name, description = describe_board(subjects)
    return Answer({"name": name, "description": description})


def _require_consent(call: Call, *, in_april: bool) -> None:
    gated = call.build is not Build.APRIL or in_april
    if gated and not call.instance.settings.ai_consent:
        raise _consent_refusal()


def _consent_refusal() -> RefusalError:
    return forbidden("AI data processing must be approved by your organization")


def _picture(call: Call, dashboard: Dashboard) -> dict[int, dict[str, Any]]:
    """What is cached of the plain insights: without filters, variables and overrides, and no SQL (contract 5.3)."""
    picture: dict[int, dict[str, Any]] = {}
    for tile in call.store.live_tiles(dashboard.id):
        insight = call.store.insights.get(tile.insight_id) if tile.insight_id is not None else None
        if insight is None or insight.query is None or not engine.is_insight_viz(insight.query):
            continue
        if insight_level(call.instance, insight, call.user) is Level.NONE:
            continue
        prepared = prepare(call.instance, insight)
        cached = call.instance.cache.result(prepared.key) if prepared else None
        result = cached.result.value() if cached else None
        if result:
            name = insight.name or insight.derived_name or None
            picture[tile.id] = {"insight_name": name, "data": _stripped(result)}
    return picture


def _stripped(value: Any) -> Any:
    """The result without what changes from call to call."""
    if isinstance(value, dict):
        return {key: _stripped(item) for key, item in value.items() if key not in _VOLATILE}
    return [_stripped(item) for item in value] if isinstance(value, list) else value


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True)
