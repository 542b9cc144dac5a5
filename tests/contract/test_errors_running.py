"""Contract 3.15 to 3.18, sentence by sentence: run_insights, run_widgets, the batch of widgets, the catalog."""

from __future__ import annotations

import re
from typing import Any

import pytest

NOWHERE = 987_654_321
NOT_FOUND = (404, "not_found", None, "Not found.")
REQUIRED = "This field is required."
INVALID_JSON = re.compile("^Invalid JSON passed in ")
BROKEN = {"kind": "DataVisualizationNode", "source": {"kind": "HogQLQuery", "query": "select nothing_such from events"}}
SQL = {
    "kind": "DataVisualizationNode",
    "source": {"kind": "HogQLQuery", "query": "select event, count() as n from events group by event"},
}
FLAG_OFF = "Dashboard widgets are not enabled for this project."


def run(**params: Any) -> Any:
    return lambda w: w.get(f"dashboards/{w.board()}/run_insights/", **params)


def run_broken(**params: Any) -> Any:
    def ask(world: Any) -> Any:
        board = world.board()
        world.insight_tile(board)
        world.insight_tile(board, BROKEN)
        return world.get(f"dashboards/{board}/run_insights/", **params)

    return ask


def widgets(**params: Any) -> Any:
    return lambda w: w.get(f"dashboards/{w.board()}/run_widgets/", **params)


def batch(*entries: Any, **body: Any) -> Any:
    sent = {"widgets": list(entries), **body}
    return lambda w: w.post(
        f"dashboards/{w.board()}/widgets/batch/", {key: value for key, value in sent.items() if value is not ...}
    )


def flag_off(ask: Any) -> Any:
    def later(world: Any) -> Any:
        world.sandbox.settings(widgets_enabled=False)
        return ask(world)

    return later


def entry(kind: Any = "error_tracking_list", config: Any = None, **more: Any) -> dict[str, Any]:
    made = {"widget_type": kind, "config": {} if config is None else config, **more}
    return {key: value for key, value in made.items() if value is not ...}


def config(kind: str = "error_tracking_list", **values: Any) -> dict[str, Any]:
    return entry(kind, values)


def run_unknown_tile(world: Any) -> Any:
    board = world.board()
    tile = world.insight_tile(board)
    return world.get(f"dashboards/{board}/run_insights/", tile_ids=f"{tile},{NOWHERE}")


def deleted(world: Any) -> int:
    made = world.board()
    world.delete_board(made)
    return int(made)


SENTENCES: list[tuple[str, str, Any, Any]] = [
    # 3.15
    ("run-empty", "ABC", run(), (200, {"results": []})),
    ("run-missing", "ABC", lambda w: w.get(f"dashboards/{NOWHERE}/run_insights/"), NOT_FOUND),
    ("run-deleted", "ABC", lambda w: w.get(f"dashboards/{deleted(w)}/run_insights/"), NOT_FOUND),
    ("run-bad-filters", "ABC", run(filters_override="{"), (400, ..., "filters_override", INVALID_JSON)),
    ("run-bad-variables", "BC", run(variables_override="{"), (400, ..., "variables_override", INVALID_JSON)),
    ("run-variables-before", "A", run(variables_override="{"), 200),
    ("run-odd-format", "ABC", run(output_format="csv"), 200),
    ("run-broken-cached", "ABC", run_broken(), 200),
    ("run-broken-executed", "ABC", run_broken(refresh="force_blocking"), (400, ..., None, None)),
    ("run-unknown-tile", "C", run_unknown_tile, (400, ..., ..., None)),
    ("run-unknown-tile-before", "AB", run_unknown_tile, 200),
    # 3.16, in the order of its checks
    ("widgets-flag-off", "BC", flag_off(widgets(tile_ids="1")), (403, "permission_denied", None, FLAG_OFF)),
    ("widgets-flag-off-first", "BC", flag_off(widgets()), (403, "permission_denied", None, FLAG_OFF)),
    ("widgets-no-ids", "BC", widgets(), (400, ..., ..., "tile_ids is required.")),
    ("widgets-empty-ids", "BC", widgets(tile_ids=""), (400, ..., ..., "tile_ids is required.")),
    ("widgets-commas", "BC", widgets(tile_ids=",,"), (400, ..., ..., "tile_ids must include at least one tile ID.")),
    ("widgets-words", "BC", widgets(tile_ids="1,x"),
     (400, ..., ..., "tile_ids must be a comma-separated list of integers.")),
    ("widgets-fraction", "BC", widgets(tile_ids="1.5"),
     (400, ..., ..., "tile_ids must be a comma-separated list of integers.")),
    ("widgets-eleven", "BC", widgets(tile_ids=",".join(map(str, range(1, 12)))),
     (400, ..., ..., "At most 10 tile_ids may be requested at once.")),
    ("widgets-eleven-of-ten", "BC", widgets(tile_ids=",".join(map(str, [*range(1, 11), 1]))), 200),
    ("widgets-ids-before-board", "BC", lambda w: w.get(f"dashboards/{NOWHERE}/run_widgets/"),
     (400, ..., ..., "tile_ids is required.")),
    ("widgets-board-missing", "BC", lambda w: w.get(f"dashboards/{NOWHERE}/run_widgets/", tile_ids="1"), NOT_FOUND),
    ("widgets-no-tile", "BC", widgets(tile_ids=f"{NOWHERE}"),
     (200, {"results": [{"tile_id": NOWHERE, "widget_type": None, "result": None,
                         "error": "Tile not found or is not a widget tile."}]})),
    # 3.17
    ("batch", "BC", batch(entry()), (201, lambda b: set(b) == {"tiles"} and len(b["tiles"]) == 1)),
    ("batch-flag-off", "BC", flag_off(batch(entry())), (400, ..., ..., FLAG_OFF)),
    ("batch-missing", "BC", lambda w: w.post(f"dashboards/{NOWHERE}/widgets/batch/", {"widgets": [entry()]}),
     NOT_FOUND),
    ("batch-nothing", "BC", batch(widgets=...), (400, "required", "widgets", REQUIRED)),
    ("batch-empty", "BC", batch(), (400, "min_length", "widgets", None)),
    ("batch-ten", "BC", batch(*[entry()] * 10), 201),
    ("batch-eleven", "BC", batch(*[entry()] * 11), (400, "max_length", "widgets", None)),
    ("batch-word", "BC", batch(widgets="x"), (400, "not_a_list", "widgets", None)),
    ("batch-bad-type", "BC", batch(entry("nope")), (400, "invalid_choice", "widgets__0__widget_type", None)),
    ("batch-second-bad", "BC", batch(entry(), entry("nope")), (400, "invalid_choice", "widgets__1__widget_type", None)),
    ("batch-no-type", "BC", batch(entry(...)), (400, "required", "widgets__0__widget_type", REQUIRED)),
    ("batch-no-config", "BC", batch(entry(config=...)), (400, "required", "widgets__0__config", REQUIRED)),
    ("batch-config-word", "BC", batch(entry(config="x")), (400, ..., re.compile("config"), None)),
    ("batch-name-400", "BC", batch(entry(name="x" * 400)), 201),
    ("batch-name-401", "BC", batch(entry(name="x" * 401)), (400, "max_length", "widgets__0__name", None)),
    ("batch-name-null", "BC", batch(entry(name=None)), 201),
    *[
        (f"batch-config-{name}", "BC", batch(config(kind, **values)), (400, ..., re.compile("^config"), None))
        for name, kind, values in (
            ("limit-0", "error_tracking_list", {"limit": 0}),
            ("limit-26", "error_tracking_list", {"limit": 26}),
            ("limit-word", "error_tracking_list", {"limit": "x"}),
            ("order", "error_tracking_list", {"orderBy": "start_time"}),
            ("status", "error_tracking_list", {"status": "open"}),
            ("replay-order", "session_replay_list", {"orderBy": "occurrences"}),
            ("direction", "session_replay_list", {"orderDirection": "down"}),
            ("range", "session_replay_list", {"dateRange": {"date_from": "-2d"}}),
        )
    ],
    *[
        (f"batch-config-ok-{index}", "BC", batch(config(kind, **values)), 201)
        for index, (kind, values) in enumerate(
            [("error_tracking_list", {"limit": limit}) for limit in (1, 25)]
            + [("error_tracking_list", {"orderBy": order})
               for order in ("last_seen", "first_seen", "occurrences", "users", "sessions")]
            + [("error_tracking_list", {"status": status})
               for status in ("archived", "active", "resolved", "pending_release", "suppressed", "all")]
            + [("session_replay_list", {"dateRange": {"date_from": start}})
               for start in ("-1h", "-3h", "-24h", "-7d", "-14d", "-30d", "-90d")]
        )
    ],
    ("batch-cloud-kind", "C", batch(entry("logs_list")), 201),
    ("batch-cloud-kind-in-may", "B", batch(entry("logs_list")),
     (400, "invalid_choice", "widgets__0__widget_type", None)),
    # 3.18
    ("catalog-flag-off", "BC", flag_off(lambda w: w.get("dashboards/widget_catalog/")), 200),
]  # fmt: skip


def test_sentence(begin: Any, build: str, sentence: Any) -> None:
    _, _, ask, expected = sentence
    world = begin(build)
    reply = ask(world)
    if isinstance(expected, tuple) and len(expected) == 4 and isinstance(expected[2], re.Pattern):
        assert expected[2].search(reply.json()["attr"] or ""), reply.text
        expected = (*expected[:2], ..., expected[3])
    world.check(reply, expected)


@pytest.fixture(params=["2026-05", "cloud"])
def since_may(request: Any, begin: Any) -> Any:
    return begin(request.param)


class TestRunInsights:
    """3.15."""

    def board(self, world: Any) -> tuple[int, list[int]]:
        made = world.board()
        tiles = [world.insight_tile(made), world.text(made), world.insight_tile(made, SQL)]
        for index, tile in enumerate(tiles):
            world.place(made, tile, sm={"x": 0, "y": index, "w": 6, "h": 1})
        return made, tiles

    def runs(self, world: Any, board: int, **params: Any) -> Any:
        answer = world.json("GET", f"dashboards/{board}/run_insights/", params=params)
        assert set(answer) == {"results"}
        return answer["results"]

    def test_entries_and_their_order_with_gaps(self, every: Any) -> None:
        board, tiles = self.board(every)
        found = self.runs(every, board, refresh="force_blocking", output_format="json")
        assert [(entry["id"], entry["order"]) for entry in found] == [(tiles[0], 0), (tiles[2], 2)]
        for entry in found:
            assert set(entry) == {"id", "insight", "order", "last_refresh", "is_cached"}
            assert set(entry["insight"]) == {"id", "short_id", "name", "derived_name", "result"}
            assert (entry["last_refresh"], entry["is_cached"]) == (None, False)
            assert isinstance(entry["insight"]["result"], list)

    def test_a_cold_cache_is_null(self, every: Any) -> None:
        board, _ = self.board(every)
        assert [entry["insight"]["result"] for entry in self.runs(every, board)] == [None, None]
        every.tiles(board, refresh="force_blocking")
        assert all(entry["insight"]["result"] is not None for entry in self.runs(every, board))

    def test_cached_entries_prove_nothing(self, every: Any) -> None:
        board, _ = self.board(every)
        self.runs(every, board, refresh="force_blocking")
        for entry in self.runs(every, board, output_format="json"):
            assert (entry["last_refresh"], entry["is_cached"]) == (None, False)

    def test_optimized_is_a_table_of_text(self, every: Any) -> None:
        board, _ = self.board(every)
        by_default = self.runs(every, board, refresh="force_blocking")
        assert by_default == self.runs(every, board, output_format="optimized")
        trend = by_default[0]["insight"]["result"]
        lines = trend.split("\n")
        assert lines[0].startswith("Date|")
        assert len({line.count("|") for line in lines}) == 1
        assert re.fullmatch(r"\d{4}-\d\d-\d\d\|.*", lines[1])

    @pytest.mark.parametrize("build", ["2026-04", "2026-05"])
    def test_sql_stays_a_list_in_older_builds(self, begin: Any, build: str) -> None:
        world = begin(build)
        board, _ = self.board(world)
        assert isinstance(self.runs(world, board, refresh="force_blocking")[1]["insight"]["result"], list)

    def test_the_newest_build_has_text_for_every_result(self, cloud: Any) -> None:
        board, _ = self.board(cloud)
        assert [entry["insight"]["result"] for entry in self.runs(cloud, board)] == [None, None]
        found = self.runs(cloud, board, refresh="force_blocking")
        assert all(isinstance(entry["insight"]["result"], str) for entry in found)
        assert isinstance(self.runs(cloud, board, output_format="json")[1]["insight"]["result"], list)

    def test_overrides_change_what_is_computed(self, every: Any) -> None:
        board, _ = self.board(every)
        params = {"refresh": "force_blocking", "output_format": "json"}
        first = self.runs(every, board, **params)[0]["insight"]["result"][0]
        second = self.runs(every, board, filters_override='{"date_from": "-3d"}', **params)[0]["insight"]["result"][0]
        assert len(second["data"]) < len(first["data"])

    def test_cloud_takes_tile_ids_and_shortens(self, cloud: Any) -> None:
        board, tiles = self.board(cloud)
        (only,) = self.runs(cloud, board, refresh="force_blocking", tile_ids=str(tiles[0]))
        assert only["id"] == tiles[0]
        (short,) = self.runs(cloud, board, tile_ids=str(tiles[0]), max_result_chars=40)
        assert len(short["insight"]["result"]) < len(only["insight"]["result"])


class TestRunWidgets:
    """3.16."""

    def run(self, world: Any, board: int, *ids: Any, who: Any = "key") -> Any:
        answer = world.json(
            "GET", f"dashboards/{board}/run_widgets/", params={"tile_ids": ",".join(map(str, ids))}, who=who
        )
        assert set(answer) == {"results"}
        assert all(set(entry) == {"tile_id", "widget_type", "result", "error"} for entry in answer["results"])
        return answer["results"]

    def test_order_of_the_request_and_duplicates_collapsed(self, since_may: Any) -> None:
        board = since_may.board()
        first, second = since_may.widget(board), since_may.widget(board, "session_replay_list")
        text = since_may.text(board)
        found = self.run(since_may, board, second, text, first, second)
        assert [entry["tile_id"] for entry in found] == [second, text, first]
        assert [entry["widget_type"] for entry in found] == ["session_replay_list", None, "error_tracking_list"]
        assert found[1]["error"] == "Tile not found or is not a widget tile."
        assert (found[0]["error"], found[2]["error"]) == (None, None)

    def test_the_list_result(self, since_may: Any) -> None:
        board = since_may.board()
        (found,) = self.run(since_may, board, since_may.widget(board))
        keys = set(found["result"])
        assert {"results", "limit", "hasMore"} <= keys
        assert keys <= {"results", "limit", "hasMore", "totalCount", "totalCountCapped", "offset", "nextOffset"}
        assert found["result"]["limit"] == 10

    @pytest.mark.parametrize(
        ("kind", "scope"),
        [("error_tracking_list", "error_tracking"), ("session_replay_list", "session_recording")],
    )
    def test_product_scopes_are_checked_inline(self, since_may: Any, kind: str, scope: str) -> None:
        board = since_may.board()
        tile = since_may.widget(board, kind)
        for scopes, error in (
            (["dashboard:read"], f"API key missing required scope '{scope}:read'"),
            (["dashboard:read", f"{scope}:read"], None),
            (["dashboard:read", f"{scope}:write"], None),
            (["*"], None),
        ):
            (found,) = self.run(since_may, board, tile, who=since_may.key(*scopes))
            assert found["error"] == error
            assert (found["result"] is None) == (error is not None)
        (found,) = self.run(since_may, board, tile, who="session")
        assert found["error"] is None

    def test_a_throttle_per_tile_also_for_sessions(self, since_may: Any) -> None:
        board = since_may.board()
        tiles = [since_may.widget(board) for _ in range(10)]
        since_may.sandbox.settings(rate_limits_enabled=True)
        for _ in range(12):
            assert {entry["error"] for entry in self.run(since_may, board, *tiles, who="session")} == {None}
        (found,) = self.run(since_may, board, tiles[0], who="session")
        assert re.fullmatch(r"Rate limit exceeded\. Expected available in \d+ seconds\.", found["error"])
        since_may.sandbox.advance(61)
        (found,) = self.run(since_may, board, tiles[0], who="session")
        assert found["error"] is None


class TestBatch:
    """3.17."""

    def add(self, world: Any, board: int, *entries: Any) -> list[dict[str, Any]]:
        body = {"widgets": list(entries)}
        tiles: list[dict[str, Any]] = world.json("POST", f"dashboards/{board}/widgets/batch/", body, status=201)[
            "tiles"
        ]
        return tiles

    def test_defaults_are_filled_in(self, since_may: Any) -> None:
        board = since_may.board()
        errors, replays = self.add(since_may, board, entry(name="Errors"), entry("session_replay_list"))
        assert (errors["order"], replays["order"]) == (None, None)
        assert errors["widget"]["name"] == "Errors"
        assert {key: errors["widget"]["config"][key] for key in ("limit", "orderBy", "status")} == {
            "limit": 10,
            "orderBy": "occurrences",
            "status": "active",
        }
        assert {key: replays["widget"]["config"][key] for key in ("limit", "orderBy", "orderDirection")} == {
            "limit": 10,
            "orderBy": "start_time",
            "orderDirection": "DESC",
        }

    def test_a_new_bottom_row_whose_xs_copies_sm(self, since_may: Any) -> None:
        board = since_may.board()
        text = since_may.text(board)
        since_may.place(board, text, sm={"x": 0, "y": 2, "w": 12, "h": 3})
        tiles = self.add(since_may, board, *[entry()] * 3)
        boxes = [{"x": x, "y": y, "w": 6, "h": 5} for x, y in ((0, 5), (6, 5), (0, 10))]
        assert [tile["layouts"]["sm"] for tile in tiles] == boxes
        assert [tile["layouts"]["xs"] for tile in tiles] == boxes

    def test_all_or_nothing(self, since_may: Any) -> None:
        board = since_may.board()
        body = {"widgets": [entry(), config(limit=0)]}
        assert since_may.post(f"dashboards/{board}/widgets/batch/", body).status_code == 400
        assert since_may.tiles(board) == []

    def test_a_limit_per_dashboard_in_cloud(self, cloud: Any) -> None:
        board = cloud.board()
        for _ in range(100):
            reply = cloud.post(f"dashboards/{board}/widgets/batch/", {"widgets": [entry()] * 10})
            if reply.status_code != 201:
                break
        cloud.check(reply, (402, "limit_exceeded", None, "Resource limit exceeded."))


class TestCatalog:
    """3.18."""

    @pytest.mark.parametrize(("build", "schema"), [("2026-05", "config_schema_hints"), ("cloud", "config_schema")])
    def test_entries(self, begin: Any, build: str, schema: str) -> None:
        world = begin(build)
        found = world.json("GET", "dashboards/widget_catalog/")["results"]
        keys = {"widget_type", "group_id", "group_label", "label", "description", "required_product_access"}
        keys |= {"product_access_denied_message", "availability_requirements", schema}
        assert all(set(entry) == keys for entry in found)
        kinds = {entry["widget_type"] for entry in found}
        assert {"error_tracking_list", "session_replay_list"} <= kinds
        assert (len(kinds) == 2) is (build == "2026-05")
