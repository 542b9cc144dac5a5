"""Contract 3.6 to 3.9, sentence by sentence: snapshot, analysis, suggested metadata, and the stream of tiles."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

NOWHERE = 987_654_321
NOT_FOUND = (404, "not_found", None, "Not found.")
ENDPOINT_NOT_FOUND = (404, "not_found", None, "Endpoint not found.")
CONSENT = (403, "permission_denied", None, "AI data processing must be approved by your organization")
NO_CHANGE = {"result": "No significant changes detected in the dashboard data."}
EXPIRED = {"error": "Analysis context expired or not found. Please refresh the dashboard again."}
NO_KEY = {"error": "cache_key is required"}
ENTRY = {"insight_name": "Sign-ups", "data": [{"data": [1, 2]}]}
SQL = {"kind": "DataVisualizationNode", "source": {"kind": "HogQLQuery", "query": "select count() from events"}}


def snap(body: Any = None) -> Any:
    return lambda w: w.post(f"dashboards/{w.board()}/snapshot/", body, who="session")


def entry(**changes: Any) -> Any:
    """A snapshot whose one entry, of tile 12, is changed; `...` removes a key."""
    made = {name: value for name, value in {**ENTRY, **changes}.items() if value is not ...}
    return snap({"client_results": {"12": made}})


def analyze(body: Any) -> Any:
    return lambda w: w.post(f"dashboards/{w.board()}/analyze_refresh_result/", body, who="session")


def without_consent(ask: Any) -> Any:
    def later(world: Any) -> Any:
        world.sandbox.settings(ai_consent=False)
        return ask(world)

    return later


def deleted(world: Any) -> int:
    made = world.board()
    world.delete_board(made)
    return int(made)


def at(path: str, body: Any = None) -> Any:
    """A session's call of a dashboard that is missing or deleted."""
    return lambda w: w.post(f"dashboards/{NOWHERE}/{path}", body, who="session")


def has_key(body: Any) -> bool:
    return set(body) == {"cache_key"} and bool(
        re.fullmatch(r"dashboard_refresh_before_\d+_7_\d+\.\d+", body["cache_key"])
    )


DATA, NAME = "client_results__12__data", "client_results__12__insight_name"
CLIENT = "client_results"

SENTENCES: list[tuple[str, str, Any, Any]] = [
    # 3.6
    ("snapshot-nothing", "AB", snap(), (200, has_key)),
    ("snapshot-empty", "AB", snap({}), (200, has_key)),
    ("snapshot-null", "AB", snap({CLIENT: None}), (200, has_key)),
    ("snapshot-no-results", "AB", snap({CLIENT: {}}), (200, has_key)),
    ("snapshot-results", "AB", entry(), (200, has_key)),
    ("snapshot-docs-fields-ignored", "AB", snap({"name": 7, "pinned": "x", "use_template": []}), (200, has_key)),
    ("snapshot-missing", "AB", at("snapshot/", {}), NOT_FOUND),
    ("snapshot-deleted", "AB", lambda w: w.post(f"dashboards/{deleted(w)}/snapshot/", {}, who="session"), NOT_FOUND),
    ("snapshot-list", "AB", snap({CLIENT: []}), (400, "not_a_dict", CLIENT, None)),
    ("snapshot-word", "AB", snap({CLIENT: "x"}), (400, "not_a_dict", CLIENT, None)),
    ("snapshot-no-data", "AB", entry(data=...), (400, "required", DATA, "This field is required.")),
    ("snapshot-no-name", "AB", entry(insight_name=...), (400, "required", NAME, "This field is required.")),
    *[
        (f"snapshot-data-{json.dumps(empty)}", "AB", entry(data=empty),
         (400, "invalid_input", DATA, "Data cannot be empty."))
        for empty in ([], {}, 0, "", False)
    ],
    ("snapshot-data-null", "AB", entry(data=None), (400, "null", DATA, None)),
    ("snapshot-name-blank", "AB", entry(insight_name=""), (400, "blank", NAME, None)),
    ("snapshot-body-list", "AB", snap([1]), (400, "invalid_input", None, None)),
    ("snapshot-key-word", "AB", snap({CLIENT: {"x": ENTRY}}), 500),
    ("snapshot-no-consent", "B", without_consent(snap({})), CONSENT),
    ("snapshot-no-consent-april", "A", without_consent(snap({})), 200),
    ("snapshot-consent-before-lookup", "B", without_consent(at("snapshot/", {})), CONSENT),
    ("snapshot-lookup-before-body", "AB", at("snapshot/", {CLIENT: []}), NOT_FOUND),
    ("snapshot-gone", "C", snap({}), ENDPOINT_NOT_FOUND),
    # 3.7
    *[
        (f"analyze-{word}", "AB", analyze(body), (400, NO_KEY))
        for word, body in {"nothing": {}, "empty": {"cache_key": ""}, "null": {"cache_key": None}}.items()
    ],
    ("analyze-unknown", "AB", analyze({"cache_key": "dashboard_refresh_before_1_7_1.5"}), (400, EXPIRED)),
    ("analyze-missing", "AB", at("analyze_refresh_result/", {"cache_key": "x"}), NOT_FOUND),
    ("analyze-lookup-before-body", "AB", at("analyze_refresh_result/", {}), NOT_FOUND),
    ("analyze-no-consent", "B", without_consent(analyze({"cache_key": "x"})), CONSENT),
    ("analyze-consent-before-lookup", "B", without_consent(at("analyze_refresh_result/", {})), CONSENT),
    ("analyze-no-consent-april", "A", without_consent(analyze({"cache_key": "x"})), (400, EXPIRED)),
    ("analyze-gone", "C", analyze({"cache_key": "x"}), ENDPOINT_NOT_FOUND),
    # 3.8
    ("metadata", "A", lambda w: w.post(f"dashboards/{w.board()}/generate_metadata/"),
     (200, lambda b: set(b) == {"name", "description"} and len(b["name"]) <= 100 and len(b["description"]) <= 800)),
    ("metadata-missing", "A", lambda w: w.post(f"dashboards/{NOWHERE}/generate_metadata/"), NOT_FOUND),
    ("metadata-gone", "BC", lambda w: w.post(f"dashboards/{w.board()}/generate_metadata/"), ENDPOINT_NOT_FOUND),
    # 3.9
    ("stream-missing", "ABC", lambda w: w.get(f"dashboards/{NOWHERE}/stream_tiles/", "session"), NOT_FOUND),
    ("stream-deleted", "ABC", lambda w: w.get(f"dashboards/{deleted(w)}/stream_tiles/", "session"), NOT_FOUND),
    *[
        (f"stream-{name}", "ABC",
         lambda w, name=name: w.get(f"dashboards/{w.board()}/stream_tiles/", "session", **{name: "{"}),
         (400, ..., name, re.compile("^Invalid JSON passed in ")))
        for name in ("filters_override", "variables_override")
    ],
]  # fmt: skip


def test_sentence(begin: Any, build: str, sentence: Any) -> None:
    _, _, ask, expected = sentence
    world = begin(build)
    world.check(ask(world), expected)


@pytest.fixture(params=["2026-04", "2026-05"])
def until_may(request: Any, begin: Any) -> Any:
    return begin(request.param)


def signups(world: Any, count: int) -> None:
    now = world.sandbox.advance(0)
    world.sandbox.add_events(
        [{"event": "signup", "distinct_id": str(index), "timestamp": now} for index in range(count)]
    )


def taken(world: Any, board: int, body: Any = None) -> str:
    return str(world.json("POST", f"dashboards/{board}/snapshot/", body or {}, who="session")["cache_key"])


def said(world: Any, board: int, key: str) -> Any:
    return world.json("POST", f"dashboards/{board}/analyze_refresh_result/", {"cache_key": key}, who="session")


def plain(world: Any, board: int) -> None:
    """Compute every insight on its own: the reader of snapshots looks past dashboards (5.3)."""
    for tile in world.tiles(board):
        if tile["insight"]:
            world.json("GET", f"insights/{tile['insight']['id']}/", params={"refresh": "force_blocking"})


class TestSnapshotAndAnalyze:
    """3.6, 3.7 and 5.3."""

    def test_a_change_is_told_and_the_key_is_not_used_up(self, until_may: Any) -> None:
        board = until_may.board()
        until_may.insight_tile(board)
        plain(until_may, board)
        key = taken(until_may, board)
        assert said(until_may, board, key) == NO_CHANGE
        signups(until_may, 5)
        assert said(until_may, board, key) == NO_CHANGE, "nothing is recomputed"
        plain(until_may, board)
        for _ in range(2):
            answer = said(until_may, board, key)
            assert set(answer) == {"result"}
            assert answer != NO_CHANGE

    def test_a_cold_cache_is_captured_as_nothing(self, until_may: Any) -> None:
        board = until_may.board()
        until_may.insight_tile(board)
        key = taken(until_may, board)
        plain(until_may, board)
        assert said(until_may, board, key) == NO_CHANGE
        assert until_may.tiles(board)[0]["insight"]["result"] is not None

    def test_it_refreshes_nothing_and_is_no_access(self, until_may: Any) -> None:
        board = until_may.board()
        until_may.insight_tile(board)
        before = until_may.dashboard(board)["last_accessed_at"]
        until_may.sandbox.advance(60)
        taken(until_may, board)
        (listed,) = until_may.json("GET", "dashboards/")["results"]
        assert listed["last_accessed_at"] == before
        assert until_may.tiles(board)[0]["insight"]["result"] is None

    @pytest.mark.parametrize("how", ["filters", "sql"])
    def test_filtered_boards_and_sql_are_not_seen(self, until_may: Any, how: str) -> None:
        board = until_may.board(filters={"date_from": "-3d"} if how == "filters" else {})
        until_may.insight_tile(board, **({"query": SQL} if how == "sql" else {}))
        until_may.tiles(board, refresh="force_blocking")
        key = taken(until_may, board)
        signups(until_may, 5)
        until_may.tiles(board, refresh="force_blocking")
        assert said(until_may, board, key) == NO_CHANGE

    def test_client_results_are_stored_as_they_are(self, until_may: Any) -> None:
        board = until_may.board()
        tile = until_may.insight_tile(board)
        plain(until_may, board)
        key = taken(until_may, board, {"client_results": {str(tile): ENTRY, str(NOWHERE): ENTRY}})
        assert said(until_may, board, key) != NO_CHANGE

    def test_the_key_of_another_board_is_no_change(self, until_may: Any) -> None:
        board, other = until_may.board(), until_may.board()
        for each in (board, other):
            until_may.insight_tile(each)
            plain(until_may, each)
        key = taken(until_may, board)
        signups(until_may, 3)
        plain(until_may, board)
        assert said(until_may, other, key) == NO_CHANGE

    def test_an_outage_of_the_ai_is_no_change(self, until_may: Any) -> None:
        board = until_may.board()
        until_may.insight_tile(board)
        plain(until_may, board)
        key = taken(until_may, board)
        signups(until_may, 3)
        plain(until_may, board)
        until_may.sandbox.settings(ai="failing")
        assert said(until_may, board, key) == NO_CHANGE

    def test_half_an_hour_and_no_longer(self, until_may: Any) -> None:
        board = until_may.board()
        key = taken(until_may, board)
        until_may.sandbox.advance(1700)
        later = taken(until_may, board)
        assert key != later
        assert said(until_may, board, key) == NO_CHANGE
        until_may.sandbox.advance(110)
        body = {"cache_key": key}
        reply = until_may.post(f"dashboards/{board}/analyze_refresh_result/", body, who="session")
        until_may.check(reply, (400, EXPIRED))
        assert said(until_may, board, later) == NO_CHANGE

    def test_the_key_of_something_else_is_a_server_error(self, until_may: Any) -> None:
        board = until_may.board()
        until_may.insight_tile(board)
        (tile,) = until_may.tiles(board, refresh="force_async")
        query_id = tile["insight"]["query_status"]["id"]
        until_may.finished(query_id)
        body = {"cache_key": query_id}
        reply = until_may.post(f"dashboards/{board}/analyze_refresh_result/", body, who="session")
        assert reply.status_code == 500


class TestMetadata:
    """3.8."""

    def test_it_saves_nothing(self, april: Any) -> None:
        board = april.board(name="Mine", description="As it is")
        april.text(board)
        april.json("POST", f"dashboards/{board}/generate_metadata/")
        shown = april.dashboard(board)
        assert (shown["name"], shown["description"]) == ("Mine", "As it is")

    def test_an_outage_is_a_server_error(self, april: Any) -> None:
        april.sandbox.settings(ai="failing")
        reply = april.post(f"dashboards/{april.board()}/generate_metadata/")
        assert reply.status_code >= 500
        assert reply.json()["type"] == "server_error"

    def test_long_answers_are_cut(self, april: Any) -> None:
        board = april.board(name="x" * 400)
        for index in range(30):
            april.insight_tile(board, name=f"{index} " + "long name " * 10)
        answer = april.json("POST", f"dashboards/{board}/generate_metadata/")
        assert len(answer["name"]) <= 100
        assert len(answer["description"]) <= 800


class TestStream:
    """3.9 and 4.8."""

    def stream(self, world: Any, board: int, **params: Any) -> Any:
        reply = world.get(f"dashboards/{board}/stream_tiles/", "session", **params)
        assert reply.status_code == 200
        assert reply.headers["content-type"].partition(";")[0] == "text/event-stream"
        return reply.text

    def test_an_empty_board(self, every: Any, events_of: Any) -> None:
        metadata, complete = events_of(self.stream(every, every.board()))
        assert metadata["type"] == "metadata"
        assert metadata["dashboard"]["tiles"] == []
        assert complete == {"type": "complete"}

    @pytest.mark.parametrize("count", [1, 2, 3, 5])
    def test_two_tiles_then_one_by_one_in_layout_order(self, every: Any, events_of: Any, count: int) -> None:
        board = every.board()
        tiles = [every.text(board, str(index)) for index in range(count)]
        for index, tile in enumerate(tiles):
            every.place(board, tile, sm={"x": 0, "y": count - index, "w": 6, "h": 1})
        metadata, *others, complete = events_of(self.stream(every, board))
        assert [tile["id"] for tile in metadata["dashboard"]["tiles"]] == tiles[::-1][:2]
        assert [(event["type"], event["order"], event["tile"]["id"]) for event in others] == [
            ("tile", order, tile) for order, tile in enumerate(tiles[::-1][2:], start=2)
        ]
        assert complete == {"type": "complete"}
        assert set(metadata["dashboard"]) == set(every.dashboard(board))

    @pytest.mark.parametrize(
        ("params", "order"),
        [
            ({}, [0, 1, 2]),
            ({"layoutSize": "sm"}, [0, 1, 2]),
            ({"layoutSize": "xs"}, [2, 1, 0]),
            ({"layout_size": "xs"}, [2, 1, 0]),
            ({"layoutSize": "lg"}, [0, 1, 2]),
        ],
        ids=str,
    )
    def test_the_layout_that_orders(self, every: Any, events_of: Any, params: Any, order: list[int]) -> None:
        board = every.board()
        tiles = [every.text(board, str(index)) for index in range(3)]
        for index, tile in enumerate(tiles):
            sm, xs = {"x": 0, "y": index, "w": 6, "h": 1}, {"x": 0, "y": 9 - index, "w": 1, "h": 1}
            every.place(board, tile, sm=sm, xs=xs)
        metadata, *others, _ = events_of(self.stream(every, board, **params))
        shown = [tile["id"] for tile in metadata["dashboard"]["tiles"]] + [event["tile"]["id"] for event in others]
        assert shown == [tiles[index] for index in order]

    def test_it_computes_when_asked_and_notes_the_access(self, every: Any, events_of: Any) -> None:
        board = every.board()
        every.insight_tile(board)
        cold = events_of(self.stream(every, board))[0]["dashboard"]
        assert cold["tiles"][0]["insight"]["result"] is None
        every.sandbox.advance(60)
        warm = events_of(self.stream(every, board, refresh="force_blocking"))[0]["dashboard"]
        assert warm["tiles"][0]["insight"]["result"] is not None
        (listed,) = every.json("GET", "dashboards/")["results"]
        assert listed["last_accessed_at"] > cold["last_accessed_at"]
