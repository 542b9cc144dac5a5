"""What only a session may do, the AI, tags, templates, streams; and widgets: contract 3.6 to 3.9, 3.16 to 3.21, 4.8."""

from __future__ import annotations

import json
import re
import time

import pytest

NO_CHANGE = "No significant changes detected in the dashboard data."
TREND = {
    "kind": "InsightVizNode",
    "source": {
        "kind": "TrendsQuery",
        "series": [{"kind": "EventsNode", "event": "signup"}],
        "dateRange": {"date_from": "-7d"},
    },
}
SQL = {
    "kind": "DataVisualizationNode",
    "source": {"kind": "HogQLQuery", "query": "select event, count() as n from events group by event"},
}


def refusal(reply, status=400):
    assert reply.status_code == status, reply.text
    body = reply.json()
    return body["code"], body["attr"]


def signups(sandbox, count):
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 60))
    sandbox.add_events([{"event": "signup", "distinct_id": "a", "timestamp": at}] * count)


class TestSnapshots:
    @pytest.fixture(params=["2026-04", "2026-05"])
    def board(self, request, sandbox, api):
        sandbox.settings(build=request.param)
        return api.dashboard()["id"]

    def snapshot(self, session, board, body=None):
        return session.ok("POST", f"dashboards/{board}/snapshot", body)["cache_key"]

    def analyze(self, session, board, key):
        return session.ok("POST", f"dashboards/{board}/analyze_refresh_result", {"cache_key": key})["result"]

    def test_a_change_is_told(self, sandbox, api, session, board):
        api.insight(board, name="Sign-ups")
        signups(sandbox, 10)
        api.tiles(board, refresh="force_blocking")
        key = self.snapshot(session, board)
        assert re.fullmatch(rf"dashboard_refresh_before_{board}_7_\d+\.\d+", key)
        assert self.analyze(session, board, key) == NO_CHANGE
        signups(sandbox, 10)
        assert self.analyze(session, board, key) == NO_CHANGE
        api.tiles(board, refresh="force_blocking")
        text = self.analyze(session, board, key)
        assert text == "- Sign-ups rose from 10 to 20 (+100.0%)."
        assert self.analyze(session, board, key) == text
        sandbox.settings(ai="failing")
        assert self.analyze(session, board, key) == NO_CHANGE

    def test_nothing_captured_is_no_error(self, api, session, board):
        assert self.analyze(session, board, self.snapshot(session, board)) == NO_CHANGE
        api.insight(board)
        assert self.analyze(session, board, self.snapshot(session, board)) == NO_CHANGE

    def test_a_filtered_dashboard_and_sql_are_not_seen(self, sandbox, api, session, board):
        filtered = api.dashboard(filters={"date_from": "-3d"})["id"]
        api.insight(filtered)
        api.insight(board, query=SQL)
        for number in (filtered, board):
            api.tiles(number, refresh="force_blocking")
        keys = {number: self.snapshot(session, number) for number in (filtered, board)}
        signups(sandbox, 5)
        for number, key in keys.items():
            api.tiles(number, refresh="force_blocking")
            assert self.analyze(session, number, key) == NO_CHANGE

    def test_client_results(self, sandbox, api, session, board):
        api.insight(board, name="Sign-ups")
        signups(sandbox, 4)
        tile = api.tiles(board, refresh="force_blocking")[0]
        before = json.loads(json.dumps(tile["insight"]["result"]))
        same = {"client_results": {str(tile["id"]): {"insight_name": "Sign-ups", "data": before}}}
        assert self.analyze(session, board, self.snapshot(session, board, same)) == NO_CHANGE
        before[0]["data"][-1] = 2
        other = {"client_results": {str(tile["id"]): {"insight_name": "Sign-ups", "data": before}}}
        assert self.analyze(session, board, self.snapshot(session, board, other)).startswith("- Sign-ups rose")

    @pytest.mark.parametrize(
        ("body", "expected"),
        [
            ([], ("invalid_input", None)),
            ({"client_results": []}, ("not_a_dict", "client_results")),
            ({"client_results": {"12": {"insight_name": "x"}}}, ("required", "client_results__12__data")),
            ({"client_results": {"12": {"data": [1]}}}, ("required", "client_results__12__insight_name")),
            (
                {"client_results": {"12": {"insight_name": "x", "data": []}}},
                ("invalid_input", "client_results__12__data"),
            ),
            (
                {"client_results": {"12": {"insight_name": "x", "data": 0}}},
                ("invalid_input", "client_results__12__data"),
            ),
            ({"client_results": {"12": {"insight_name": "x", "data": None}}}, ("null", "client_results__12__data")),
            (
                {"client_results": {"12": {"insight_name": " ", "data": 1}}},
                ("blank", "client_results__12__insight_name"),
            ),
        ],
    )
    def test_malformed_client_results(self, session, board, body, expected):
        assert refusal(session("POST", f"dashboards/{board}/snapshot", body)) == expected

    def test_a_key_that_is_no_number_is_a_server_error(self, session, board):
        body = {"client_results": {"x": {"insight_name": "x", "data": 1}}}
        assert session("POST", f"dashboards/{board}/snapshot", body).status_code == 500

    def test_null_means_the_server_reads(self, session, board):
        assert self.snapshot(session, board, {"client_results": None})
        assert self.snapshot(session, board, {"client_results": {}})

    def test_keys_expire_after_half_an_hour(self, sandbox, session, board):
        key = self.snapshot(session, board)
        sandbox.advance(1795)
        assert self.analyze(session, board, key) == NO_CHANGE
        sandbox.advance(10)
        path = f"dashboards/{board}/analyze_refresh_result"
        expired = "Analysis context expired or not found. Please refresh the dashboard again."
        for wrong in (key, "dashboard_refresh_before_1_7_0.0"):
            reply = session("POST", path, {"cache_key": wrong})
            assert (reply.status_code, reply.json()) == (400, {"error": expired})
        for body in ({}, {"cache_key": ""}, {"cache_key": None}, []):
            reply = session("POST", path, body)
            assert (reply.status_code, reply.json()) == (400, {"error": "cache_key is required"})

    def test_the_key_of_something_else_is_a_server_error(self, api, session, board):
        api.insight(board)
        key = api.tiles(board, refresh="force_blocking")[0]["insight"]["filters_hash"]
        assert session("POST", f"dashboards/{board}/analyze_refresh_result", {"cache_key": key}).status_code == 500

    def test_it_is_no_access(self, api, session, board):
        self.snapshot(session, board)
        assert api.get("dashboards").json()["results"][0]["last_accessed_at"] is None


@pytest.mark.parametrize(("name", "status"), [("2026-04", 404), ("2026-05", 403)])
def test_consent_comes_before_the_lookup_in_may(sandbox, session, name, status):
    sandbox.settings(build=name, ai_consent=False)
    for path in ("dashboards/999/snapshot", "dashboards/999/analyze_refresh_result"):
        reply = session("POST", path)
        assert reply.status_code == status
        if status == 403:
            assert reply.json()["detail"] == "AI data processing must be approved by your organization"


def test_generate_metadata(sandbox, api):
    sandbox.settings(build="2026-04")
    board = api.dashboard(name="kept")["id"]
    api.insight(board, name="Sign-ups " * 40)
    path = f"dashboards/{board}/generate_metadata"
    made = api.ok("POST", path)
    assert set(made) == {"name", "description"}
    assert len(made["name"]) == 100
    assert made["name"].endswith("...")
    assert api.get(f"dashboards/{board}").json()["name"] == "kept"
    sandbox.settings(ai="failing")
    assert api("POST", path).json()["type"] == "server_error"
    sandbox.settings(ai_consent=False)
    assert api("POST", path).status_code == 403


class TestStream:
    def events(self, session, board, **params):
        reply = session.get(f"dashboards/{board}/stream_tiles", **params)
        assert (reply.status_code, reply.headers["content-type"]) == (200, "text/event-stream")
        parts = reply.text.split("\n\n")
        assert parts.pop() == ""
        assert all(part.startswith("data: ") and "\n" not in part for part in parts)
        return [json.loads(part.removeprefix("data: ")) for part in parts]

    def test_an_empty_board(self, api, session):
        metadata, complete = self.events(session, api.dashboard()["id"])
        assert (metadata["type"], metadata["dashboard"]["tiles"]) == ("metadata", [])
        assert complete == {"type": "complete"}

    def test_two_tiles_then_one_by_one(self, api, session):
        board = api.dashboard()["id"]
        ids = [api.insight(board)["dashboard_tiles"][0]["id"] for _ in range(4)]
        metadata, *tiles, complete = self.events(session, board, refresh="force_blocking")
        assert [tile["id"] for tile in metadata["dashboard"]["tiles"]] == ids[:2]
        assert [(event["type"], event["order"], event["tile"]["id"]) for event in tiles] == [
            ("tile", 2, ids[2]),
            ("tile", 3, ids[3]),
        ]
        assert tiles[0]["tile"]["insight"]["result"] is not None
        assert complete == {"type": "complete"}
        assert api.get("dashboards").json()["results"][0]["last_accessed_at"] is not None

    def test_failures_are_events(self, api, session):
        board = api.dashboard()["id"]
        broken = {
            "kind": "DataVisualizationNode",
            "source": {"kind": "HogQLQuery", "query": "select amout from events"},
        }
        ids = [api.insight(board, query=broken)["dashboard_tiles"][0]["id"] for _ in range(3)]
        metadata, failure, complete = self.events(session, board, refresh="force_blocking")
        assert [tile["id"] for tile in metadata["dashboard"]["tiles"]] == ids[:2]
        assert set(metadata["dashboard"]["tiles"][0]["error"]) == {"type", "message"}
        assert (failure["type"], failure["tile_id"]) == ("error", ids[2])
        assert "amout" in failure["error"]
        assert complete == {"type": "complete"}

    def test_the_xs_order(self, api, session):
        board = api.dashboard()["id"]
        for x in (0, 1):
            layouts = {"sm": {"x": x, "y": 0}, "xs": {"x": 0, "y": 1 - x}}
            api.ok("POST", f"dashboards/{board}/create_text_tile", {"body": str(x), "layouts": layouts}, 201)
        for params, order in [({}, "01"), ({"layoutSize": "xs"}, "10"), ({"layout_size": "xs"}, "10")]:
            tiles = self.events(session, board, **params)[0]["dashboard"]["tiles"]
            assert "".join(tile["text"]["body"] for tile in tiles) == order

    def test_errors_before_the_start_are_ordinary(self, api, session):
        assert session.get("dashboards/999/stream_tiles").status_code == 404
        board = api.dashboard()["id"]
        assert session.get(f"dashboards/{board}/stream_tiles", filters_override="{").status_code == 400


class TestTags:
    def bulk(self, session, ids, action, tags):
        return session.ok("POST", "dashboards/bulk_update_tags", {"ids": ids, "action": action, "tags": tags})

    def test_add_remove_set(self, api, session):
        first, second = api.dashboard(tags=["b"])["id"], api.dashboard()["id"]
        assert self.bulk(session, [first, second], "add", [" ETL ", "etl", "A"]) == {
            "updated": [{"id": first, "tags": ["a", "b", "etl"]}, {"id": second, "tags": ["a", "etl"]}],
            "skipped": [],
        }
        assert self.bulk(session, [first], "remove", ["B", "none"])["updated"][0]["tags"] == ["a", "etl"]
        assert self.bulk(session, [first], "set", [])["updated"][0]["tags"] == []
        assert api.get(f"dashboards/{first}").json()["tags"] == []

    @pytest.mark.parametrize(
        ("name", "missing", "denied"),
        [
            ("2026-05", "Not found", "Permission denied"),
            ("cloud", "Not found or no edit access", "Not found or no edit access"),
        ],
    )
    def test_what_is_skipped(self, sandbox, api, login, name, missing, denied):
        sandbox.settings(build=name)
        closed = api.dashboard(restriction_level=37)["id"]
        answer = self.bulk(login("member@example.com"), [99, closed, 99], "add", ["x"])
        assert answer["updated"] == []
        assert [(item["id"], item["reason"]) for item in answer["skipped"]] == [
            (99, missing),
            (closed, denied),
            (99, missing),
        ]

    @pytest.mark.parametrize(
        ("body", "expected"),
        [
            ({"ids": [], "action": "add", "tags": ["x"]}, ("empty", "ids")),
            ({"ids": list(range(501)), "action": "add", "tags": ["x"]}, ("max_length", "ids")),
            ({"ids": ["x"], "action": "add", "tags": ["x"]}, ("invalid_input", "ids__0")),
            ({"ids": [1], "action": "merge", "tags": ["x"]}, ("invalid_choice", "action")),
            ({"ids": [1], "action": "add"}, ("required", "tags")),
            ({"ids": [1], "action": "add", "tags": []}, ("invalid_input", "tags")),
            ({"ids": [1], "action": "add", "tags": [""]}, ("blank", "tags__0")),
            ({"ids": [1], "action": "add", "tags": ["x" * 256]}, ("max_length", "tags__0")),
            ({"ids": [1], "action": "add", "tags": ["x"] * 101}, ("max_length", "tags")),
            ({}, ("required", "ids")),
        ],
    )
    def test_validation(self, session, body, expected):
        assert refusal(session("POST", "dashboards/bulk_update_tags", body)) == expected

    def test_the_words_for_too_many(self, session):
        body = {"ids": list(range(501)), "action": "add", "tags": ["x"]}
        reply = session("POST", "dashboards/bulk_update_tags", body)
        assert reply.json()["detail"] == "Ensure this field has no more than 500 elements."


TEMPLATE = {
    "template_name": "KPIs",
    "dashboard_description": "All of them",
    "dashboard_filters": {"date_from": "-7d"},
    "tags": ["Etl"],
    "tiles": [
        {"type": "TEXT", "body": "hello", "color": None, "layouts": {"sm": {"x": 0, "y": 0, "w": 12, "h": 1}}},
        {"type": "INSIGHT", "name": "I", "description": "d", "query": TREND, "color": "blue", "layouts": {}},
        {"type": "HOLOGRAM", "layouts": {}},
    ],
}


class TestTemplates:
    def create(self, session, **changes):
        return session("POST", "dashboards/create_from_template_json", {"template": {**TEMPLATE, **changes}})

    def test_it_is_made_whole(self, session):
        reply = self.create(session)
        assert reply.status_code == 200
        board = reply.json()
        assert (board["name"], board["description"], board["tags"]) == ("KPIs", "All of them", ["etl"])
        assert (board["filters"], board["creation_mode"]) == ({"date_from": "-7d"}, "default")
        text, chart = board["tiles"]
        assert (text["text"]["body"], text["text"]["created_by"]) == ("hello", None)
        insight = chart["insight"]
        assert (insight["name"], insight["is_sample"], insight["saved"], insight["result"]) == ("I", True, True, None)

    @pytest.mark.parametrize("key", ["template_name", "dashboard_description", "dashboard_filters", "tiles"])
    def test_a_missing_key(self, session, key):
        template = {name: value for name, value in TEMPLATE.items() if name != key}
        reply = session("POST", "dashboards/create_from_template_json", {"template": template})
        assert refusal(reply) == ("invalid_input", None)
        assert f"'{key}' is a required property" in reply.json()["detail"]

    @pytest.mark.parametrize("changes", [{"tiles": []}, {"tiles": ["x"]}, {"template_name": 5}, {"variables": [{}]}])
    def test_a_wrong_value(self, session, changes):
        assert refusal(self.create(session, **changes)) == ("invalid_input", None)

    def test_server_errors_leave_nothing_behind(self, session):
        assert session("POST", "dashboards/create_from_template_json", {}).status_code == 500
        for tile in ({"body": "x", "layouts": {}}, {"type": "TEXT", "body": "x", "layouts": None}):
            tiles = [*TEMPLATE["tiles"], tile]
            assert self.create(session, tiles=tiles).status_code == 500
        assert session.get("dashboards").json()["count"] == 0

    def test_the_unlisted_one(self, session):
        path = "dashboards/create_unlisted_dashboard"
        for body in ({}, {"tag": ""}):
            reply = session("POST", path, body)
            assert (reply.status_code, reply.json()) == (400, {"error": "tag is required"})
        reply = session("POST", path, {"tag": "x"})
        assert (reply.status_code, reply.json()) == (400, {"error": "Unknown template tag: x"})
        made = session.ok("POST", path, {"tag": "llm-analytics"}, 201)
        assert (made["creation_mode"], made["tags"]) == ("unlisted", ["llm-analytics"])
        assert made["filters"]["__template_version"] == 1
        again = session("POST", path, {"tag": "llm-analytics"})
        detail = "Unlisted dashboard with tag 'llm-analytics' already exists"
        assert (again.status_code, again.json()) == (409, {"error": detail})
        assert session.get("dashboards").json()["count"] == 0
        assert session.get(f"dashboards/{made['id']}").status_code == 200


class TestWidgets:
    def batch(self, api, board, *widgets):
        return api("POST", f"dashboards/{board}/widgets/batch", {"widgets": list(widgets)})

    def one(self, **changes):
        return {"widget_type": "error_tracking_list", "config": {}, **changes}

    @pytest.fixture
    def board(self, api):
        return api.dashboard()["id"]

    def test_a_batch(self, api, board):
        layouts = {"sm": {"x": 0, "y": 0, "w": 12, "h": 2}}
        api.ok("POST", f"dashboards/{board}/create_text_tile", {"body": "x", "layouts": layouts}, 201)
        replay = {"widget_type": "session_replay_list", "config": {"limit": 3}, "name": None}
        reply = self.batch(api, board, self.one(name="E"), replay, self.one())
        assert reply.status_code == 201
        first, second, third = reply.json()["tiles"]
        assert first["widget"]["config"] == {
            "limit": 10,
            "orderBy": "occurrences",
            "orderDirection": "DESC",
            "status": "active",
        }
        assert second["widget"]["config"] == {"limit": 3, "orderBy": "start_time", "orderDirection": "DESC"}
        boxes = [{"x": 0, "y": 2, "w": 6, "h": 5}, {"x": 6, "y": 2, "w": 6, "h": 5}, {"x": 0, "y": 7, "w": 6, "h": 5}]
        assert [tile["layouts"] for tile in (first, second, third)] == [{"sm": box, "xs": box} for box in boxes]
        assert first["order"] is None
        assert set(first["widget"]) == {
            *("id", "widget_type", "name", "description", "config", "team"),
            *("created_by", "last_modified_by", "last_modified_at", "dashboard_tiles"),
        }

    @pytest.mark.parametrize(
        ("widgets", "code", "attr"),
        [
            ([], "min_length", "widgets"),
            ([{"widget_type": "error_tracking_list", "config": {}}] * 11, "max_length", "widgets"),
            ([{"widget_type": "clock", "config": {}}], "invalid_choice", "widgets__0__widget_type"),
            ([{"widget_type": "error_tracking_list"}], "required", "widgets__0__config"),
            ([{"widget_type": "error_tracking_list", "config": {"limit": 26}}], "max_value", "config__limit"),
            ([{"widget_type": "error_tracking_list", "config": {"orderBy": "x"}}], "invalid_choice", "config__orderBy"),
        ],
    )
    def test_validation(self, api, board, widgets, code, attr):
        assert refusal(self.batch(api, board, *widgets)) == (code, attr)
        assert api.tiles(board) == []

    def test_all_or_none(self, api, board):
        assert self.batch(api, board, self.one(), {"widget_type": "clock", "config": {}}).status_code == 400
        assert api.tiles(board) == []

    def test_cloud_knows_more_kinds_and_a_limit(self, sandbox, api, board):
        assert self.batch(api, board, {"widget_type": "surveys", "config": {}}).status_code == 201
        replies = [self.batch(api, board, *[self.one()] * 10).status_code for _ in range(5)]
        assert replies == [201] * 4 + [402]
        sandbox.settings(build="2026-05")
        assert self.batch(api, board, {"widget_type": "surveys", "config": {}}).status_code == 400
        assert self.batch(api, board, *[self.one()] * 10).status_code == 201

    def test_a_batch_of_changes(self, api, board):
        tile = self.batch(api, board, self.one()).json()["tiles"][0]["id"]
        body = {"widgets": [{"tile_id": tile, "name": "N", "config": {"limit": 5}}]}
        changed = api.ok("PATCH", f"dashboards/{board}/widgets/batch_update", body)["tiles"][0]
        assert (changed["widget"]["name"], changed["widget"]["config"]["limit"]) == ("N", 5)
        body = {"widgets": [{"tile_id": 999}]}
        assert api("PATCH", f"dashboards/{board}/widgets/batch_update", body).status_code == 404

    def test_a_widgets_kind_stays(self, api, board):
        tile = self.batch(api, board, self.one()).json()["tiles"][0]["id"]
        entry = {"id": tile, "widget": {"widget_type": "session_replay_list"}}
        assert refusal(api("PATCH", f"dashboards/{board}", {"tiles": [entry]})) == ("invalid_input", "widget")
        entry = {"id": tile, "widget": {"config": {"limit": 7}}}
        changed = api.ok("PATCH", f"dashboards/{board}", {"tiles": [entry]})["tiles"][0]
        assert changed["widget"]["config"]["limit"] == 7

    def test_running(self, sandbox, api, caller, board):
        tile = self.batch(api, board, self.one()).json()["tiles"][0]["id"]
        text = api.ok("POST", f"dashboards/{board}/create_text_tile", {"body": "x"}, 201)["id"]
        path = f"dashboards/{board}/run_widgets"
        seen = api.get(path, tile_ids=f"{text},{tile},{tile},999").json()["results"]
        missing = {"widget_type": None, "result": None, "error": "Tile not found or is not a widget tile."}
        assert seen == [
            {"tile_id": text, **missing},
            {
                "tile_id": tile,
                "widget_type": "error_tracking_list",
                "result": {"results": [], "limit": 10, "hasMore": False, "totalCount": 0, "totalCountCapped": False},
                "error": None,
            },
            {"tile_id": 999, **missing},
        ]
        narrow = caller(scopes=["dashboard:read"]).get(path, tile_ids=str(tile)).json()["results"][0]
        assert narrow["error"] == "API key missing required scope 'error_tracking:read'"
        wide = caller(scopes=["dashboard:read", "error_tracking:write"]).get(path, tile_ids=str(tile))
        assert wide.json()["results"][0]["error"] is None
        sandbox.settings(rate_limits_enabled=True)
        errors = {
            result["error"]
            for _ in range(121)
            for result in api.get(path, tile_ids=str(tile)).json()["results"]
            if result["error"]
        }
        assert len(errors) == 1
        assert re.fullmatch(r"Rate limit exceeded\. Expected available in \d+ seconds\.", errors.pop())

    @pytest.mark.parametrize(
        ("params", "words"),
        [
            ({}, "tile_ids is required."),
            ({"tile_ids": ""}, "tile_ids is required."),
            ({"tile_ids": ",,"}, "tile_ids must include at least one tile ID."),
            ({"tile_ids": "1,x"}, "tile_ids must be a comma-separated list of integers."),
            ({"tile_ids": ",".join(map(str, range(11)))}, "At most 10 tile_ids may be requested at once."),
        ],
    )
    def test_tile_ids_are_checked_before_the_dashboard_is_looked_up(self, api, params, words):
        reply = api.get("dashboards/999/run_widgets", **params)
        assert (reply.status_code, reply.json()["detail"]) == (400, words)
        assert api.get("dashboards/999/run_widgets", tile_ids="1").status_code == 404

    def test_the_flag(self, sandbox, api, board):
        sandbox.settings(widgets_enabled=False)
        words = "Dashboard widgets are not enabled for this project."
        run, batch = api.get("dashboards/999/run_widgets"), self.batch(api, 999)
        assert (run.status_code, run.json()["detail"]) == (403, words)
        assert (batch.status_code, batch.json()["detail"]) == (400, words)
        assert api.get("dashboards/widget_catalog").status_code == 200

    @pytest.mark.parametrize(("name", "schema"), [("2026-05", "config_schema_hints"), ("cloud", "config_schema")])
    def test_the_catalog(self, sandbox, api, name, schema):
        sandbox.settings(build=name)
        kinds = api.get("dashboards/widget_catalog").json()["results"]
        assert {kind["widget_type"] for kind in kinds} >= {"error_tracking_list", "session_replay_list"}
        assert set(kinds[0]) == {
            *("widget_type", "group_id", "group_label", "label", "description", "required_product_access"),
            *("product_access_denied_message", "availability_requirements", schema),
        }
