"""Contract 3.1 to 3.5, sentence by sentence: list, read, create, change and the DELETE that never deletes."""

from __future__ import annotations

import re
from typing import Any

import pytest

NOWHERE = 987_654_321
NOT_FOUND = (404, "not_found", None, "Not found.")
INVALID_JSON = re.compile("^Invalid JSON passed in ")
BROKEN = {"kind": "DataVisualizationNode", "source": {"kind": "HogQLQuery", "query": "select nothing_such from events"}}
UUID = "0190f5a0-0000-7000-8000-000000000000"


def deleted(world: Any) -> str:
    made = world.board()
    world.delete_board(made)
    return f"dashboards/{made}/"


def elsewhere(world: Any) -> str:
    made = world.json("POST", "/api/projects/2/dashboards/", {"name": "x"}, status=201)
    return f"dashboards/{made['id']}/"


def broken(world: Any, **params: Any) -> Any:
    made = world.board()
    world.insight_tile(made, BROKEN)
    return world.get(f"dashboards/{made}/", **params)


def create(**body: Any) -> Any:
    return lambda world: world.post("dashboards/", {"name": "Board", **body})


def change(**body: Any) -> Any:
    return lambda world: world.patch(f"dashboards/{world.board()}/", body)


def many_words(world: Any) -> str:
    return world.board(name="x" * 400, description="y" * 5000)


def restricted(world: Any) -> str:
    return f"dashboards/{world.board(restriction_level=37)}/"


def at_limit(world: Any) -> Any:
    world.sandbox.settings(dashboard_limit=2)
    for _ in range(2):
        world.board()
    return world.post("dashboards/", {"name": "one too many"})


def foreign_text(world: Any) -> Any:
    first, second = world.board(), world.board()
    world.text(first)
    (tile,) = world.tiles(first)
    return world.patch(f"dashboards/{second}/", {"tiles": [{"text": {"id": tile["text"]["id"], "body": "stolen"}}]})


def other_widget(world: Any) -> Any:
    made = world.board()
    tile = world.widget(made)
    (shown,) = world.tiles(made)
    widget = {**shown["widget"], "widget_type": "session_replay_list"}
    return world.patch(f"dashboards/{made}/", {"tiles": [{"id": tile, "widget": widget}]})


def with_access(level: str, method: str, path: str, body: Any = None) -> Any:
    """As the member, whose level on the dashboard is `level`."""

    def ask(world: Any) -> Any:
        made = world.board()
        tile = world.text(made)
        world.sandbox.set_access(level, dashboard=made, user=8)
        sent = body(tile) if callable(body) else body
        return world.call(method, path.format(made), sent, who="member")

    return ask


NO_EDITOR = (403, "permission_denied", None, "You do not have editor access to this resource.")
NO_VIEWER = (403, "permission_denied", None, "You do not have viewer access to this resource.")
NO_EDIT = (403, "permission_denied", None, "You don't have edit permissions for this dashboard.")

SENTENCES: list[tuple[str, str, Any, Any]] = [
    # 3.1
    ("search-of-201", "BC", lambda w: w.get("dashboards/", search="x" * 201), (400, ..., "search", None)),
    ("search-of-200", "BC", lambda w: w.get("dashboards/", search="x" * 200), 200),
    ("search-not-in-april", "A", lambda w: w.get("dashboards/", search="x" * 201), 200),
    ("list-refresh-no-effect", "ABC", lambda w: w.get("dashboards/", refresh="force_blocking"), 200),
    # 3.2
    ("read-missing", "ABC", lambda w: w.get(f"dashboards/{NOWHERE}/"), NOT_FOUND),
    ("read-deleted", "ABC", lambda w: w.get(deleted(w)), NOT_FOUND),
    ("read-other-project", "ABC", lambda w: w.get(elsewhere(w)), NOT_FOUND),
    *[
        (f"{name}-{word}", "ABC", lambda w, n=name, v=value: w.get(f"dashboards/{w.board()}/", **{n: v}), expected)
        for name in ("filters_override", "variables_override")
        for word, value, expected in (
            ("broken", "{", (400, ..., name, INVALID_JSON)),
            ("words", "etl", (400, ..., name, INVALID_JSON)),
            ("object", '{"a": {"code_name": "b"}}', 200),
        )
    ],
    ("filters_override-list", "ABC", lambda w: w.get(f"dashboards/{w.board()}/", filters_override="[1]"), 500),
    ("filters_override-number", "ABC", lambda w: w.get(f"dashboards/{w.board()}/", filters_override="7"), 500),
    ("broken-sql-read", "ABC", lambda w: broken(w), 200),
    ("broken-sql-run", "ABC", lambda w: broken(w, refresh="force_blocking"), (400, ..., None, None)),
    ("broken-sql-blocking", "ABC", lambda w: broken(w, refresh="blocking"), (400, ..., None, None)),
    ("broken-sql-enqueued", "ABC", lambda w: broken(w, refresh="force_async"), 200),
    # 3.3
    ("name-of-400", "ABC", create(name="x" * 400), 201),
    ("name-of-401", "ABC", create(name="x" * 401), (400, "max_length", "name", None)),
    ("name-null", "ABC", create(name=None), 201),
    ("description-null", "ABC", create(description=None), (400, "null", "description", None)),
    ("description-empty", "ABC", create(description=""), 201),
    ("pinned-word", "ABC", create(pinned="perhaps"), (400, "invalid_input", "pinned", None)),
    ("tags-word", "ABC", create(tags="etl"), (400, "not_a_list", "tags", None)),
    ("level-22", "ABC", create(restriction_level=22), (400, "invalid_choice", "restriction_level", None)),
    ("level-37", "ABC", create(restriction_level=37), 201),
    ("quick-filter-unknown", "ABC", create(quick_filter_ids=[UUID]), (400, ..., "quick_filter_ids", None)),
    ("quick-filter-word", "ABC", create(quick_filter_ids=["x"]), (400, ..., "quick_filter_ids__0", None)),
    ("both-sources", "ABC", create(use_template="x", use_dashboard=1), (400, ..., None, None)),
    ("unknown-source", "ABC", create(use_dashboard=NOWHERE), (400, ..., "use_dashboard", None)),
    ("deleted-source", "ABC",
     lambda w: create(use_dashboard=int(deleted(w).split("/")[1]))(w), (400, ..., "use_dashboard", None)),
    ("unknown-template", "ABC", create(use_template="nope"), (400, ..., "use_template", None)),
    ("no-object", "ABC", lambda w: w.post("dashboards/", [1]), (400, "invalid_input", None, None)),
    ("at-limit", "C", at_limit, (402, "limit_exceeded", None, "Resource limit exceeded.")),
    ("no-limit-yet", "AB", at_limit, 201),
    # 3.4
    ("patch-missing", "ABC", lambda w: w.patch(f"dashboards/{NOWHERE}/", {"name": "x"}), NOT_FOUND),
    ("patch-deleted", "ABC", lambda w: w.patch(deleted(w), {"name": "x"}), NOT_FOUND),
    ("delete-twice", "ABC", lambda w: w.patch(deleted(w), {"deleted": True}), NOT_FOUND),
    ("restore", "ABC", lambda w: w.patch(deleted(w), {"deleted": False}), (200, lambda b: b["deleted"] is False)),
    ("patch-name-401", "ABC", change(name="x" * 401), (400, "max_length", "name", None)),
    ("patch-description-null", "ABC", change(description=None), (400, "null", "description", None)),
    ("filters-list", "ABC", change(filters=[{"a": 1}]), (400, ..., ..., "Filters must be a dictionary")),
    ("filters-or-groups", "C",
     change(filters={"properties": {"type": "OR", "values": [{"type": "OR", "values": []}]}}), (400, ..., ..., None)),
    ("tags-null", "ABC", change(tags=None), 200),
    ("level-by-member", "ABC",
     lambda w: w.patch(f"dashboards/{w.board()}/", {"restriction_level": 37}, who="member"),
     (403, "permission_denied", None, None)),
    ("edit-restricted", "ABC", lambda w: w.patch(restricted(w), {"name": "x"}, who="member"), NO_EDIT),
    ("read-restricted", "ABC", lambda w: w.get(restricted(w), who="member"), 200),
    ("unknown-tile", "BC", change(tiles=[{"id": NOWHERE, "color": "blue"}]), 200),
    ("unknown-tile-april", "A", change(tiles=[{"id": NOWHERE, "color": "blue"}]), 500),
    ("text-of-4000", "ABC", change(tiles=[{"text": {"body": "x" * 4000}}]), 200),
    ("text-of-4001", "ABC", change(tiles=[{"text": {"body": "x" * 4001}}]), (400, "max_length", "text__body", None)),
    ("foreign-text", "ABC", foreign_text, (400, ..., "text", None)),
    ("other-widget", "BC", other_widget, (400, ..., "widget", None)),
    # 1.5, on what 3 asks of the dashboard
    ("viewer-patch", "ABC", with_access("viewer", "PATCH", "dashboards/{}/", {"name": "x"}), NO_EDITOR),
    ("viewer-read", "ABC", with_access("viewer", "GET", "dashboards/{}/"), 200),
    ("viewer-reorder", "ABC",
     with_access("viewer", "POST", "dashboards/{}/reorder_tiles", lambda tile: {"tile_order": [tile]}), NO_EDITOR),
    ("viewer-delete-tile", "BC",
     with_access("viewer", "POST", "dashboards/{}/delete_tile", lambda tile: {"tile_id": tile}), NO_EDITOR),
    ("viewer-text", "BC", with_access("viewer", "POST", "dashboards/{}/create_text_tile", {"body": "x"}), NO_EDITOR),
    ("viewer-snapshot", "AB", with_access("viewer", "POST", "dashboards/{}/snapshot", {}), NO_EDITOR),
    ("viewer-run", "ABC", with_access("viewer", "GET", "dashboards/{}/run_insights"), 200),
    ("none-read", "ABC", with_access("none", "GET", "dashboards/{}/"), NO_VIEWER),
    ("editor-patch", "ABC", with_access("editor", "PATCH", "dashboards/{}/", {"name": "x"}), 200),
]  # fmt: skip


def test_sentence(begin: Any, build: str, sentence: Any) -> None:
    _, _, ask, expected = sentence
    world = begin(build)
    world.check(ask(world), expected)


def test_the_limit_says_what_and_how_many(cloud: Any) -> None:
    """2.1: `extra:{limit_key,limit,current,request:{id}}`."""
    extra = at_limit(cloud).json()["extra"]
    assert set(extra) == {"limit_key", "limit", "current", "request"}
    assert (extra["limit"], extra["current"], set(extra["request"])) == (2, 2, {"id"})


def names(world: Any, **params: Any) -> list[str]:
    return [item["name"] for item in world.json("GET", "dashboards/", params=params)["results"]]


class TestList:
    """3.1."""

    def test_order_and_what_is_never_there(self, every: Any) -> None:
        for name in "dbac":
            every.board(name=name, pinned=name in "dc")
        every.delete_board(every.board(name="deleted"))
        every.json("POST", "dashboards/create_unlisted_dashboard", {"tag": "llm-analytics"}, status=201, who="session")
        assert names(every) == ["c", "d", "a", "b"]
        (unlisted,) = every.json("GET", "dashboards/", params={"creation_mode": "unlisted"})["results"]
        assert unlisted["creation_mode"] == "unlisted"

    def test_pages(self, every: Any) -> None:
        for name in "abcde":
            every.board(name=name)
        first = every.json("GET", "dashboards/", params={"limit": 2})
        assert (first["count"], [item["name"] for item in first["results"]], first["previous"]) == (5, ["a", "b"], None)
        second = every.http.get(first["next"], headers=every.who("key")).json()
        assert [item["name"] for item in second["results"]] == ["c", "d"]
        assert second["previous"] is not None
        last = every.json("GET", "dashboards/", params={"limit": 2, "offset": 4})
        assert ([item["name"] for item in last["results"]], last["next"]) == (["e"], None)

    def test_a_hundred_by_default(self, every: Any) -> None:
        every.sandbox.settings(dashboard_limit=None)
        for index in range(101):
            every.board(name=f"{index:03}")
        assert len(names(every)) == 100
        assert len(names(every, limit=101)) == 101

    def test_tags_are_alternatives(self, every: Any) -> None:
        for name, tags in {"a": ["x"], "b": ["y"], "c": ["z"], "d": ["x", "y"]}.items():
            every.board(name=name, tags=tags)
        assert names(every, tags=["x", "y"]) == ["a", "b", "d"]
        assert names(every, tags="z") == ["c"]

    def test_creation_modes(self, every: Any) -> None:
        made = every.board(name="a")
        every.board(name="b", use_dashboard=made)
        assert names(every, creation_mode="duplicate") == ["b"]
        assert "b" not in names(every, creation_mode="default")

    def test_search(self, begin: Any) -> None:
        for build, found in {"2026-05": {"a kpi", "other"}, "cloud": {"a kpi", "other", "third"}}.items():
            world = begin(build)
            world.board(name="a KPI".lower())
            world.board(name="other", description="has the kpi")
            world.board(name="third", tags=["kpi"])
            world.board(name="none")
            assert set(names(world, search="KPI")) == found

    def test_pinned_in_cloud(self, cloud: Any) -> None:
        cloud.board(name="a", pinned=True)
        cloud.board(name="b")
        assert names(cloud, pinned="true") == ["a"]


class TestRead:
    """3.2."""

    def test_order_by_sm_with_unplaced_ones_as_at_100_100(self, every: Any) -> None:
        board = every.board()
        tiles = [every.text(board, body) for body in "abcd"]
        every.place(board, tiles[0], sm={"x": 6, "y": 5, "w": 6, "h": 5})
        every.place(board, tiles[1], sm={"x": 0, "y": 5, "w": 6, "h": 5})
        every.place(board, tiles[3], sm={"x": 0, "y": 0, "w": 6, "h": 5})
        shown = every.tiles(board)
        assert [tile["text"]["body"] for tile in shown] == ["d", "b", "a", "c"]
        assert [tile["order"] for tile in shown] == [0, 1, 2, 3]

    def test_it_writes_last_accessed_at_and_run_insights_does_not(self, every: Any) -> None:
        board = every.board()
        first = every.dashboard(board)["last_accessed_at"]
        every.sandbox.advance(60)
        every.get(f"dashboards/{board}/run_insights")
        (listed,) = every.json("GET", "dashboards/")["results"]
        assert listed["last_accessed_at"] == first
        every.dashboard(board)
        (listed,) = every.json("GET", "dashboards/")["results"]
        assert listed["last_accessed_at"] > first

    def test_overrides_are_merged_and_not_kept(self, every: Any) -> None:
        board = every.board(filters={"date_from": "-7d", "properties": []})
        shown = every.dashboard(board, filters_override='{"date_from": "-1d"}')
        assert shown["filters"] == {"date_from": "-1d", "properties": []}
        assert shown["persisted_filters"] == {"date_from": "-7d", "properties": []}
        assert every.dashboard(board)["filters"]["date_from"] == "-7d"

    def test_variables_need_a_code_name(self, every: Any) -> None:
        override = '{"a": {"code_name": "a", "variableId": "a", "value": 1}, "b": {"value": 2}}'
        shown = every.dashboard(every.board(), variables_override=override)
        assert set(shown["variables"]) == {"a"}

    def test_a_query_that_is_none_is_an_error_of_its_tile(self, every: Any) -> None:
        board = every.board()
        every.insight_tile(board, {"kind": "InsightVizNode", "source": {"kind": "TrendsQuery", "series": "x"}})
        every.insight_tile(board)
        for refresh in ("force_cache", "force_blocking"):
            errors = [tile.get("error") for tile in every.tiles(board, refresh=refresh)]
            assert sorted(error is None for error in errors) == [False, True]
            (error,) = [error for error in errors if error]
            assert set(error) == {"type", "message"}


class TestCreate:
    """3.3."""

    def test_creating_twice_makes_two(self, every: Any) -> None:
        assert every.board(name="a") != every.board(name="a")

    @pytest.mark.parametrize("deep", [True, False])
    def test_a_duplicate(self, every: Any, deep: bool) -> None:
        board = every.board(name="a", filters={"date_from": "-7d"})
        every.insight_tile(board)
        copied = every.dashboard(every.board(name="b", use_dashboard=board, duplicate_tiles=deep))
        same = copied["tiles"][0]["insight"]["id"] == every.tiles(board)[0]["insight"]["id"]
        assert same is not deep
        assert copied["creation_mode"] == "duplicate"

    def test_creation_mode_is_read_only(self, every: Any) -> None:
        board = every.board(creation_mode="unlisted")
        assert every.dashboard(board)["creation_mode"] == "default"
        assert every.patch(f"dashboards/{board}/", {"creation_mode": "template"}).json()["creation_mode"] == "default"

    def test_tags_are_trimmed_lowered_and_once(self, every: Any) -> None:
        assert sorted(every.dashboard(every.board(tags=[" ETL ", "etl", "b"]))["tags"]) == ["b", "etl"]


class TestChange:
    """3.4."""

    def test_empty_filters_are_ignored_and_others_replace(self, every: Any) -> None:
        board = every.board(filters={"date_from": "-7d", "properties": []})
        for empty in ({}, None, []):
            changed = every.patch(f"dashboards/{board}/", {"filters": empty})
            if changed.status_code == 200:
                assert changed.json()["filters"] == {"date_from": "-7d", "properties": []}
        assert every.patch(f"dashboards/{board}/", {"filters": {"date_from": "-1d"}}).json()["filters"] == {
            "date_from": "-1d"
        }

    def test_tags_replace_and_null_is_no_change(self, every: Any) -> None:
        board = every.board(tags=["a"])
        assert sorted(every.patch(f"dashboards/{board}/", {"tags": ["B ", "c"]}).json()["tags"]) == ["b", "c"]
        assert sorted(every.patch(f"dashboards/{board}/", {"tags": None}).json()["tags"]) == ["b", "c"]
        assert every.patch(f"dashboards/{board}/", {"tags": []}).json()["tags"] == []

    def test_put_is_the_same(self, every: Any) -> None:
        board = every.board(tags=["a"])
        changed = every.json("PUT", f"dashboards/{board}/", {"name": "x"})
        assert (changed["name"], changed["tags"]) == ("x", ["a"])

    def test_a_refresh_never_writes_the_boards_last_refresh(self, every: Any) -> None:
        board = every.board()
        every.insight_tile(board)
        assert every.dashboard(board, refresh="force_blocking")["last_refresh"] is None
        instant = "2026-06-01T06:00:00Z"
        every.patch(f"dashboards/{board}/", {"last_refresh": instant})
        assert every.dashboard(board, refresh="force_blocking")["last_refresh"].startswith("2026-06-01T06:00:00")

    def test_changed_filters_show_cold_tiles(self, every: Any) -> None:
        board = every.board()
        every.insight_tile(board)
        assert every.tiles(board, refresh="force_blocking")[0]["insight"]["result"] is not None
        changed = every.patch(f"dashboards/{board}/", {"filters": {"date_from": "-3d"}}).json()
        assert changed["tiles"][0]["insight"]["result"] is None

    def test_soft_deletion(self, every: Any) -> None:
        board, other = every.board(), every.board()
        own, shared = every.insight(board), every.insight(board, other)
        gone = every.patch(f"dashboards/{board}/", {"deleted": True, "delete_insights": True}).json()
        assert (gone["deleted"], gone["tiles"]) == (True, [])
        assert every.get(f"insights/{own['id']}/").status_code == 404
        assert every.get(f"insights/{shared['id']}/").status_code == 200
        back = every.patch(f"dashboards/{board}/", {"deleted": False}).json()
        assert {tile["insight"]["id"] for tile in back["tiles"]} == {own["id"], shared["id"]}

    def test_restoring_brings_back_tiles_removed_earlier(self, every: Any) -> None:
        board = every.board()
        tile = every.text(board)
        every.json("PATCH", f"dashboards/{board}/", {"tiles": [{"id": tile, "deleted": True}]})
        assert every.tiles(board) == []
        every.delete_board(board)
        back = every.patch(f"dashboards/{board}/", {"deleted": False}).json()
        assert [tile["id"] for tile in back["tiles"]] == [tile]

    def test_deletion_keeps_insights_unless_asked(self, every: Any) -> None:
        board = every.board()
        insight = every.insight(board)
        every.delete_board(board)
        assert every.get(f"insights/{insight['id']}/").status_code == 200

    def test_display_fields_of_tiles(self, every: Any) -> None:
        board = every.board()
        tile = every.insight_tile(board)
        looks = {
            "color": "blue",
            "layouts": {"sm": {"x": 0, "y": 0, "w": 3, "h": 3}},
            "filters_overrides": {"date_from": "-1d"},
            "show_description": True,
            "transparent_background": True,
        }
        (changed,) = every.json("PATCH", f"dashboards/{board}/", {"tiles": [{"id": tile, **looks}]})["tiles"]
        assert {name: changed[name] for name in looks} == looks

    def test_foreign_tiles_are_skipped_in_silence(self, begin: Any) -> None:
        for build in ("2026-05", "cloud"):
            world = begin(build)
            first, second = world.board(), world.board()
            tile = world.text(first)
            world.json("PATCH", f"dashboards/{second}/", {"tiles": [{"id": tile, "color": "blue"}]})
            assert world.tiles(first)[0]["color"] is None

    def test_the_level_of_a_board_by_its_owner(self, every: Any) -> None:
        board = every.board()
        changed = every.json("PATCH", f"dashboards/{board}/", {"restriction_level": 37})
        assert (changed["restriction_level"], changed["effective_privilege_level"]) == (37, 37)


@pytest.mark.parametrize("path", ["there", "missing", "deleted"])
@pytest.mark.parametrize("slash", ["/", ""])
def test_delete_is_405_with_an_empty_body(every: Any, path: str, slash: str) -> None:
    """3.5."""
    board = every.board()
    if path == "deleted":
        every.delete_board(board)
    reply = every.call("DELETE", f"dashboards/{NOWHERE if path == 'missing' else board}{slash}")
    assert (reply.status_code, reply.content) == (405, b"")
    assert "content-type" not in reply.headers
    if path == "there":
        assert every.dashboard(board)["deleted"] is False
