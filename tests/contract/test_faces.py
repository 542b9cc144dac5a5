"""One list of cases, driven through all three faces: the same requests, the same results, the same errors."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

import httpx
import pytest
from pydantic import BaseModel

from airflow_dashboards.posthog import ACTIONS, AsyncClient, Client, FlowClient, PersonalAPIKey, RetryPolicy, run
from airflow_dashboards.posthog.endpoint import endpoint, streaming
from airflow_dashboards.posthog.resources.annotations import Annotations
from airflow_dashboards.posthog.resources.dashboards import Dashboards
from airflow_dashboards.posthog.resources.insights import Insights
from airflow_dashboards.posthog.resources.query import Query
from airflow_dashboards.posthog.resources.themes import DataColorThemes

HOST = "https://posthog.test"
ROOT = "/api/projects/7"
NOW = datetime(2026, 6, 1, 6, 0, tzinfo=timezone.utc)
BOARD = {
    "id": 42,
    "name": "Weekly KPIs",
    "tags": ["etl"],
    "tiles": [
        {"id": 1, "order": 0, "insight": {"id": 9, "short_id": "a", "name": "Orders", "result": [{"data": [1, 2]}]}},
        {"id": 2, "order": 1, "insight": {"id": 10, "short_id": "b", "user_access_level": "none"}},
        {"id": 3, "order": 2, "insight": None, "text": {"id": 5, "body": "## Loads"}},
    ],
}
TEMPLATE = {
    "template_name": "KPIs",
    "dashboard_description": "",
    "dashboard_filters": {},
    "tiles": [{"type": "TEXT", "body": "hello", "layouts": {}}],
}
TEXT_TILE = {"id": 900, "text": {"id": 55, "body": "x"}, "order": None}
THEME = {"id": 3, "name": "Corporate", "colors": ["#1d4aff"], "is_global": False}
STATUS = {"id": "cache_7", "complete": False, "error": False, "start_time": "2026-06-01T06:00:00Z"}


def sse(*values: Any) -> bytes:
    return "".join(f"data: {json.dumps(value)}\n\n" for value in values).encode()


STREAM = sse({"type": "metadata", "dashboard": BOARD}, {"type": "error", "tile_id": 7, "error": "boom"})


@dataclass
class Case:
    """A call, the answers to it, and the requests it must make."""

    name: str
    call: Callable[[Any], Any]
    answers: list[tuple[int, Any]]
    #: Method, path below the project, query parameters, body.
    sent: list[tuple[str, str, dict[str, str], Any]]
    headers: dict[str, str] = field(default_factory=lambda: {"date": "Mon, 01 Jun 2026 06:00:00 GMT"})


def one(
    name: str, call: Callable[[Any], Any], method: str, path: str, body: Any, status: int, answer: Any, **params: str
) -> Case:
    return Case(name, call, [(status, answer)], [(method, path, params, body)])


def page(*ids: int, more: bool) -> dict[str, Any]:
    return {"count": 3, "next": "https://evil.test/?offset=9" if more else None, "results": [{"id": i} for i in ids]}


CASES = [
    Case(
        "list",
        lambda c: c.dashboards.list(tags=["etl"], page_size=2),
        [(200, page(1, 2, more=True)), (200, page(3, more=False))],
        [
            ("GET", "/dashboards/", {"tags": "etl", "limit": "2", "offset": "0"}, None),
            ("GET", "/dashboards/", {"tags": "etl", "limit": "2", "offset": "2"}, None),
        ],
    ),
    Case(
        "list whose pages shift",
        lambda c: c.dashboards.list(page_size=2),
        [(200, page(1, 2, more=True)), (200, page(2, 3, more=False))],
        [("GET", "/dashboards/", {"limit": "2", "offset": str(n)}, None) for n in (0, 2)],
    ),
    Case(
        "list without an end",
        lambda c: c.dashboards.list(page_size=2),
        [(200, page(1, 2, more=True))] * 2,
        [("GET", "/dashboards/", {"limit": "2", "offset": str(n)}, None) for n in (0, 2)],
    ),
    one("page", lambda c: c.dashboards.page(limit=1), "GET", "/dashboards/", None, 200, page(1, more=True),
        limit="1", offset="0"),
    one("get", lambda c: c.dashboards.get(42), "GET", "/dashboards/42/", None, 200, BOARD, refresh="force_cache"),
    one("get, overridden",
        lambda c: c.dashboards.get(42, refresh="blocking", filters_override={"a": 1}, variables_override={}),
        "GET", "/dashboards/42/", None, 200, BOARD,
        refresh="blocking", filters_override='{"a":1}', variables_override="{}"),
    one("create", lambda c: c.dashboards.create(name="KPIs", tags=["etl"], create_in_folder="a/b"),
        "POST", "/dashboards/", {"name": "KPIs", "tags": ["etl"], "_create_in_folder": "a/b"}, 201, BOARD),
    one("create, nameless copy", lambda c: c.dashboards.create(name=None, use_dashboard=3, duplicate_tiles=True),
        "POST", "/dashboards/", {"name": None, "use_dashboard": 3, "duplicate_tiles": True}, 201, BOARD),
    one("update", lambda c: c.dashboards.update(42, name=None, data_color_theme_id=None, last_refresh=NOW),
        "PATCH", "/dashboards/42/",
        {"name": None, "data_color_theme_id": None, "last_refresh": "2026-06-01T06:00:00+00:00"}, 200, BOARD),
    one("delete", lambda c: c.dashboards.delete(42, delete_insights=True), "PATCH", "/dashboards/42/",
        {"deleted": True, "delete_insights": True}, 200, {**BOARD, "deleted": True, "tiles": []}),
    one("restore", lambda c: c.dashboards.restore(42), "PATCH", "/dashboards/42/", {"deleted": False}, 200, BOARD),
    one("snapshot", lambda c: c.dashboards.snapshot(42), "POST", "/dashboards/42/snapshot/", {}, 200,
        {"cache_key": "dashboard_refresh_before_42_7_1.5"}),
    one("snapshot, fed", lambda c: c.dashboards.snapshot(42, client_results={1: {"insight_name": "x", "data": [1]}}),
        "POST", "/dashboards/42/snapshot/", {"client_results": {"1": {"insight_name": "x", "data": [1]}}}, 200,
        {"cache_key": "k"}),
    one("analyze", lambda c: c.dashboards.analyze_refresh_result(42, cache_key="k"), "POST",
        "/dashboards/42/analyze_refresh_result/", {"cache_key": "k"}, 200, {"result": "- Orders fell"}),
    one("generate_metadata", lambda c: c.dashboards.generate_metadata(42), "POST",
        "/dashboards/42/generate_metadata/", {}, 200, {"name": "n", "description": "d"}),
    one("run_insights", lambda c: c.dashboards.run_insights(42, tile_ids=[1, 2], max_result_chars=9), "GET",
        "/dashboards/42/run_insights/", None, 200,
        {"results": [{"id": 1, "insight": {"id": 9, "result": None}, "order": 0, "is_cached": False}]},
        refresh="force_cache", output_format="json", tile_ids="1,2", max_result_chars="9"),
    one("bulk_update_tags", lambda c: c.dashboards.bulk_update_tags([1, 9], action="set", tags=[]), "POST",
        "/dashboards/bulk_update_tags/", {"ids": [1, 9], "action": "set", "tags": []}, 200,
        {"updated": [{"id": 1, "tags": []}], "skipped": [{"id": 9, "reason": "Not found"}]}),
    one("create_from_template_json", lambda c: c.dashboards.create_from_template_json(TEMPLATE, creation_context="x"),
        "POST", "/dashboards/create_from_template_json/", {"template": TEMPLATE, "creation_context": "x"}, 200, BOARD),
    one("create_unlisted", lambda c: c.dashboards.create_unlisted("llm-analytics"), "POST",
        "/dashboards/create_unlisted_dashboard/", {"tag": "llm-analytics"}, 201, BOARD),
    one("copy_tile", lambda c: c.dashboards.copy_tile(42, from_dashboard_id=3, tile_id=45), "POST",
        "/dashboards/42/copy_tile/", {"fromDashboardId": 3, "tileId": 45}, 200, BOARD),
    one("move_tile", lambda c: c.dashboards.move_tile(42, tile_id=345, to_dashboard=12), "PATCH",
        "/dashboards/42/move_tile/", {"to_dashboard": 12, "toDashboard": 12, "tile": {"id": 345}}, 200, BOARD),
    one("reorder_tiles", lambda c: c.dashboards.reorder_tiles(42, tile_order=[3, 1], layout="two_column"), "POST",
        "/dashboards/42/reorder_tiles/", {"tile_order": [3, 1], "layout": "two_column"}, 200, BOARD),
    one("reorder_tiles, server's layout", lambda c: c.dashboards.reorder_tiles(42, tile_order=[3]), "POST",
        "/dashboards/42/reorder_tiles/", {"tile_order": [3]}, 200, BOARD),
    one("create_text_tile", lambda c: c.dashboards.create_text_tile(42, body="x", layouts={"sm": {"w": 12}}), "POST",
        "/dashboards/42/create_text_tile/", {"body": "x", "layouts": {"sm": {"w": 12}}}, 201, TEXT_TILE),
    one("update_text_tile", lambda c: c.dashboards.update_text_tile(42, tile_id=900, body="y"), "POST",
        "/dashboards/42/update_text_tile/", {"tile_id": 900, "body": "y"}, 200, TEXT_TILE),
    one("update_text_tile, uncoloured", lambda c: c.dashboards.update_text_tile(42, tile_id=900, color=None), "POST",
        "/dashboards/42/update_text_tile/", {"tile_id": 900, "color": None}, 200, TEXT_TILE),
    one("delete_tile", lambda c: c.dashboards.delete_tile(42, tile_id=345), "POST", "/dashboards/42/delete_tile/",
        {"tile_id": 345}, 204, None),
    one("run_widgets", lambda c: c.dashboards.run_widgets(42, tile_ids=[7, 7, 8]), "GET",
        "/dashboards/42/run_widgets/", None, 200,
        {"results": [{"tile_id": 7, "widget_type": None, "result": None, "error": "Tile not found"}]},
        tile_ids="7,8"),
    one("add_widgets", lambda c: c.dashboards.add_widgets(42, widgets=[{"widget_type": "x", "config": {}}]), "POST",
        "/dashboards/42/widgets/batch/", {"widgets": [{"widget_type": "x", "config": {}}]}, 201,
        {"tiles": [{"id": 8, "widget": {"id": "u"}}]}),
    one("widget_catalog", lambda c: c.dashboards.widget_catalog(), "GET", "/dashboards/widget_catalog/", None, 200,
        {"results": [{"widget_type": "x", "config_schema": {}}]}),
    Case("stream_tiles", lambda c: c.dashboards.stream_tiles(42, layout_size="xs"),
         [(200, STREAM + sse({"type": "complete"}))],
         [("GET", "/dashboards/42/stream_tiles/", {"refresh": "force_cache", "layoutSize": "xs"}, None)]),
    Case("stream_tiles, cut", lambda c: c.dashboards.stream_tiles(42), [(200, STREAM)],
         [("GET", "/dashboards/42/stream_tiles/", {"refresh": "force_cache", "layoutSize": "sm"}, None)]),
    Case("stream_tiles, refused", lambda c: c.dashboards.stream_tiles(42),
         [(403, {"detail": "This action does not support personal API key access"})],
         [("GET", "/dashboards/42/stream_tiles/", {"refresh": "force_cache", "layoutSize": "sm"}, None)]),
    one("insights.get", lambda c: c.insights.get("hYp3", refresh="force_blocking", from_dashboard=42), "GET",
        "/insights/hYp3/", None, 200, {"id": 9, "result": []}, refresh="force_blocking", from_dashboard="42"),
    one("insights.create", lambda c: c.insights.create(query={"kind": "x"}, dashboards=[42], saved=True), "POST",
        "/insights/", {"query": {"kind": "x"}, "dashboards": [42], "saved": True}, 201,
        {"id": 9, "result": None, "dashboard_tiles": [{"id": 1, "dashboard_id": 42, "deleted": None}]}),
    one("insights.update", lambda c: c.insights.update(9, dashboards=[], deleted=True), "PATCH", "/insights/9/",
        {"dashboards": [], "deleted": True}, 200, {"id": 9, "result": None}),
    one("query.status, running", lambda c: c.query.status("a/b"), "GET", "/query/a%2Fb/", None, 202,
        {"query_status": STATUS}),
    one("query.status, failed", lambda c: c.query.status("q"), "GET", "/query/q/", None, 400,
        {"query_status": {**STATUS, "complete": True, "error": True, "error_message": "too big"}}),
    one("query.status, crashed", lambda c: c.query.status("q"), "GET", "/query/q/", None, 500,
        {"query_status": {**STATUS, "complete": True, "error": True}}),
    one("query.status, forgotten", lambda c: c.query.status("q"), "GET", "/query/q/", None, 404,
        {"type": "invalid_request", "detail": "Query q not found for team 7"}),
    one("query.status, refused", lambda c: c.query.status("q"), "GET", "/query/q/", None, 400, {"detail": "no"}),
    one("query.cancel", lambda c: c.query.cancel("q"), "DELETE", "/query/q/", None, 200, {"message": "cancelled"}),
    one("themes.list", lambda c: c.data_color_themes.list(), "GET", "/data_color_themes/", None, 200, [THEME]),
    one("themes.get", lambda c: c.data_color_themes.get(3), "GET", "/data_color_themes/3/", None, 200, THEME),
    one("themes.create", lambda c: c.data_color_themes.create(name="Corporate"), "POST", "/data_color_themes/",
        {"name": "Corporate", "colors": []}, 201, THEME),
    one("themes.update", lambda c: c.data_color_themes.update(3, colors=["#fff"]), "PATCH", "/data_color_themes/3/",
        {"colors": ["#fff"]}, 200, THEME),
    one("themes.delete", lambda c: c.data_color_themes.delete(3), "DELETE", "/data_color_themes/3/", None, 204, None),
    one("annotations.create",
        lambda c: c.annotations.create(content="x", date_marker=NOW, scope="dashboard", dashboard_id=42), "POST",
        "/annotations/",
        {"content": "x", "date_marker": "2026-06-01T06:00:00+00:00", "scope": "dashboard", "dashboard_id": 42}, 201,
        {"id": 1, "content": "x", "scope": "dashboard"}),
    # What goes wrong goes wrong alike.
    Case("throttled, then well", lambda c: c.dashboards.get(42),
         [(429, {"detail": "Request was throttled. Expected available in 0 seconds."}), (200, BOARD)],
         [("GET", "/dashboards/42/", {"refresh": "force_cache"}, None)] * 2),
    Case("busy to the end", lambda c: c.dashboards.update(42, name="x"), [(503, b"<html>busy</html>")] * 3,
         [("PATCH", "/dashboards/42/", {}, {"name": "x"})] * 3),
    Case("a creation is sent once", lambda c: c.dashboards.create(name="x"), [(502, b"")],
         [("POST", "/dashboards/", {}, {"name": "x"})]),
    Case("new content is sent once", lambda c: c.dashboards.update(42, tiles=[{"text": {"body": "x"}}]), [(502, b"")],
         [("PATCH", "/dashboards/42/", {}, {"tiles": [{"text": {"body": "x"}}]})]),
    one("unknown", lambda c: c.dashboards.get(43), "GET", "/dashboards/43/", None, 404, {"detail": "Not found."},
        refresh="force_cache"),
    one("a web page", lambda c: c.dashboards.get(42), "GET", "/dashboards/42/", None, 200, b"<html></html>",
        refresh="force_cache"),
    one("a web page for nothing", lambda c: c.dashboards.delete_tile(42, tile_id=1), "POST",
        "/dashboards/42/delete_tile/", {"tile_id": 1}, 200, b"<html></html>"),
    Case("refused unsent", lambda c: c.dashboards.get(0), [], []),
]  # fmt: skip

QUICK = RetryPolicy(attempts=3, first_delay=0.0, jitter=0.0)
KEY = PersonalAPIKey("phx_secret")


class Server:
    """Answers a case's requests in order and notes them."""

    def __init__(self, case: Case) -> None:
        self.case, self.answers, self.sent = case, list(case.answers), []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content) if request.content else None
        path = request.url.raw_path.decode().split("?")[0].removeprefix(ROOT)
        self.sent.append((request.method, path, dict(request.url.params), body))
        status, answer = self.answers.pop(0)
        if isinstance(answer, bytes) or answer is None:
            return httpx.Response(status, content=answer or b"", headers=self.case.headers)
        return httpx.Response(status, json=answer, headers=self.case.headers)


def plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return type(value).__name__, value.model_dump(), getattr(value, "server_time", None)
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


def outcome(server: Server, result: Callable[[], Any]) -> tuple[Any, ...]:
    try:
        got = ("returned", plain(result()))
    except Exception as error:
        facts = {name: value for name, value in vars(error).items() if name != "__notes__"}
        got = ("raised", type(error), str(error), facts)
    return (*got, server.sent)


def on_sync(case: Case) -> tuple[Any, ...]:
    server = Server(case)

    def result() -> Any:
        with Client(HOST, 7, KEY, retry=QUICK, transport=httpx.MockTransport(server)) as client:
            got = case.call(client)
            return list(got) if inspect.isgenerator(got) else got

    return outcome(server, result)


def on_async(case: Case) -> tuple[Any, ...]:
    server = Server(case)

    async def result() -> Any:
        async with AsyncClient(HOST, 7, KEY, retry=QUICK, transport=httpx.MockTransport(server)) as client:
            got = case.call(client)
            return [event async for event in got] if inspect.isasyncgen(got) else await got

    return outcome(server, lambda: asyncio.run(result()))


def on_flows(case: Case) -> tuple[Any, ...]:
    """A flow client that is a stranger to the client that runs its flows."""
    server = Server(case)

    def result() -> Any:
        with Client(HOST, 7, KEY, transport=httpx.MockTransport(server)) as client:
            flow = case.call(FlowClient(7, QUICK))
            if inspect.isgenerator(flow):
                return client.run(flow)
            opened = run(flow.opening, client._driver)
            events = [event for chunk in opened.chunks for event in flow.reader.feed(chunk)]
            flow.reader.end()
            return events

    return outcome(server, result)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_all_faces_agree(case):
    kind, *_, sent = sync = on_sync(case)
    assert sent == case.sent
    assert on_async(case) == sync
    assert on_flows(case) == sync
    assert kind in {"returned", "raised"}


FAILING = {
    "list without an end": "PostHogProtocolError",
    "stream_tiles, cut": "PostHogProtocolError",
    "stream_tiles, refused": "KeyNotAccepted",
    "query.status, forgotten": "NotFoundError",
    "query.status, refused": "BadRequestError",
    "busy to the end": "ServerError",
    "a creation is sent once": "ServerError",
    "new content is sent once": "ServerError",
    "unknown": "NotFoundError",
    "a web page": "PostHogProtocolError",
    "a web page for nothing": "PostHogProtocolError",
    "refused unsent": "PostHogArgumentError",
}


def test_exactly_the_expected_cases_fail():
    raised = {case.name: result[1].__name__ for case in CASES if (result := on_sync(case))[0] == "raised"}
    assert raised == FAILING


def test_results_are_what_was_answered():
    by_name = {case.name: on_sync(case)[1] for case in CASES if case.name not in FAILING}
    assert [entry[1]["id"] for entry in by_name["list"]] == [1, 2, 3]
    assert [entry[1]["id"] for entry in by_name["list whose pages shift"]] == [1, 2, 3]
    assert by_name["get"][2] == NOW
    assert by_name["get"][1]["tiles"][0]["insight"]["result"] == [{"data": [1, 2]}]
    assert by_name["query.status, failed"][1]["error_message"] == "too big"
    assert by_name["delete_tile"] is None
    assert [entry[0] for entry in by_name["stream_tiles"]] == ["StreamMetadata", "StreamError"]


RESOURCES = {
    "": Dashboards,
    "insights.": Insights,
    "query.": Query,
    "data_color_themes.": DataColorThemes,
    "annotations.": Annotations,
}
ENDPOINTS = {
    prefix + name: getattr(resource, name)
    for prefix, resource in RESOURCES.items()
    for name in dir(resource)
    if isinstance(getattr(resource, name), endpoint | streaming)
}


def test_every_action_of_the_capability_table_has_its_endpoint_and_the_other_way_round():
    own_names = {"create_unlisted_dashboard": "create_unlisted"}
    assert {own_names.get(name, name) for name in ACTIONS} == set(ENDPOINTS) - {"page"}


@pytest.mark.parametrize("name", sorted(ENDPOINTS))
def test_every_endpoint_documents_itself(name):
    text = ENDPOINTS[name].__doc__ or ""
    for part in ("Scope:", "Builds:", "Raises:", "Example:", "ontract 3."):
        assert part in text, part
