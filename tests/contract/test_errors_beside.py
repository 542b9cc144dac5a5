"""Contract 3.22 and 3.23, sentence by sentence: colour themes, insights, query status, annotations, login, buttons."""

from __future__ import annotations

from typing import Any

import pytest

NOWHERE = 987_654_321
NOT_FOUND = (404, "not_found", None, "Not found.")
REQUIRED = "This field is required."
TREND = {
    "kind": "InsightVizNode",
    "source": {"kind": "TrendsQuery", "series": [{"kind": "EventsNode", "event": "signup"}]},
}
BROKEN = {"kind": "DataVisualizationNode", "source": {"kind": "HogQLQuery", "query": "select nothing_such from events"}}
NOTE = {"content": "loaded", "date_marker": "2026-06-01T06:00:00Z", "scope": "project"}


def theme(**body: Any) -> Any:
    return lambda w: w.post("data_color_themes/", body)


def own(world: Any) -> int:
    return int(world.json("POST", "data_color_themes/", {"name": "Corporate"}, status=201)["id"])


def global_theme(world: Any) -> int:
    return int(next(item["id"] for item in world.json("GET", "data_color_themes/") if item["is_global"]))


def foreign_theme(world: Any) -> int:
    return int(world.json("POST", "/api/projects/2/data_color_themes/", {"name": "x"}, status=201)["id"])


def on_theme(method: str, which: Any, paid: bool = True) -> Any:
    def ask(world: Any) -> Any:
        path = f"data_color_themes/{which(world)}/"
        world.sandbox.settings(paid_features=paid)
        return world.call(method, path, {"name": "x"} if method != "DELETE" else None)

    return ask


def insight(**body: Any) -> Any:
    return lambda w: w.post("insights/", {"query": TREND, **body})


def restricted_insight(world: Any) -> Any:
    board = world.board(restriction_level=37)
    return world.post("insights/", {"query": TREND, "dashboards": [board]}, who="member")


def deleted_insight(world: Any) -> Any:
    made = world.insight()
    world.json("PATCH", f"insights/{made['id']}/", {"deleted": True})
    return world.get(f"insights/{made['id']}/")


def started(world: Any, query: Any = TREND) -> str:
    """The id of a query that was enqueued."""
    board = world.board()
    world.insight_tile(board, query)
    (tile,) = world.tiles(board, refresh="force_async")
    return str(tile["insight"]["query_status"]["id"])


def finished(query: Any) -> Any:
    return lambda w: w.finished(started(w, query))


def running(world: Any) -> Any:
    world.sandbox.settings(tile_seconds=30)
    query = started(world)
    reply = world.get(f"query/{query}/")
    world.call("DELETE", f"query/{query}/")
    return reply


def crashed(world: Any) -> Any:
    """A failure that nobody foresaw; in cloud its text is told (4.6)."""
    world.sandbox.fault({"tile_error": "boom", "crash": True}, times=1)
    return world.finished(started(world))


def cancelled(world: Any) -> Any:
    world.sandbox.settings(tile_seconds=30)
    return world.call("DELETE", f"query/{started(world)}/")


def login(**body: Any) -> Any:
    return lambda w: w.call("POST", "/api/login", body, who="nobody")


def status(body: Any) -> bool:
    keys = {"id", "team_id", "query_async", "complete", "error", "error_message", "results", "start_time", "end_time"}
    keys |= {"expiration_time", "pickup_time", "task_id", "insight_id", "dashboard_id", "labels", "query_progress"}
    return set(body) == {"query_status"} and keys <= set(body["query_status"])


SENTENCES: list[tuple[str, str, Any, Any]] = [
    # 3.22
    ("themes", "ABC", lambda w: w.get("data_color_themes/"), (200, lambda b: isinstance(b, list))),
    ("themes-paged", "ABC", lambda w: w.get("data_color_themes/", limit=1, offset=5),
     (200, lambda b: isinstance(b, list) and len(b) >= 1)),
    ("theme-no-name", "ABC", theme(colors=[]), (400, "required", "name", REQUIRED)),
    ("theme-name-100", "ABC", theme(name="x" * 100), 201),
    ("theme-name-101", "ABC", theme(name="x" * 101), (400, "max_length", "name", None)),
    ("theme-name-blank", "ABC", theme(name=""), (400, "blank", "name", None)),
    ("theme-no-colors", "ABC", theme(name="x"), (201, lambda b: b["colors"] == [])),
    *[
        (f"theme-{method}-{word}", "ABC", on_theme(method, which), expected)
        for method in ("PATCH", "PUT", "DELETE")
        for word, which, expected in (
            ("own", own, 204 if method == "DELETE" else 200),
            ("missing", lambda _: NOWHERE, NOT_FOUND),
            ("foreign", foreign_theme, NOT_FOUND),
            ("global", global_theme, (403, "permission_denied", None, "Only staff users can edit global themes.")),
        )
    ],
    *[
        (f"theme-{method}-unpaid", "ABC", on_theme(method, own, paid=False),
         (403, "permission_denied", None, "This feature is only available on paid plans."))
        for method in ("PATCH", "DELETE")
    ],
    ("theme-post-unpaid", "ABC", on_theme("GET", own, paid=False), 200),
    ("theme-missing", "ABC", lambda w: w.get(f"data_color_themes/{NOWHERE}/"), NOT_FOUND),
    # 3.23
    ("insight", "ABC", insight(), 201),
    ("insight-restricted-board", "ABC", restricted_insight, (403, "permission_denied", None, None)),
    ("insight-missing", "ABC", lambda w: w.get(f"insights/{NOWHERE}/"), NOT_FOUND),
    ("insight-deleted", "ABC", deleted_insight, NOT_FOUND),
    ("insight-short-id-unknown", "ABC", lambda w: w.get("insights/zzzzzzzz/"), NOT_FOUND),
    ("query-complete", "ABC", finished(TREND), (200, status)),
    ("query-failed", "ABC", finished(BROKEN),
     (400, lambda b: status(b) and b["query_status"]["error"] and b["query_status"]["error_message"])),
    ("query-running", "ABC", running, (202, lambda b: status(b) and b["query_status"]["complete"] is False)),
    ("query-crashed", "AB", crashed,
     (500, lambda b: status(b) and b["query_status"]["error"] and not b["query_status"]["error_message"])),
    ("query-unknown", "ABC", lambda w: w.get("query/nope/"),
     (404, "not_found", None, "Query nope not found for team 1")),
    ("query-cancel", "ABC", cancelled, (200, lambda b: set(b) == {"message"})),
    ("annotation", "ABC", lambda w: w.post("annotations/", NOTE), 201),
    ("login", "ABC", login(email="owner@example.com", password="sandbox"), (200, {"success": True})),
    ("login-wrong", "ABC", login(email="owner@example.com", password="x"), (400, "invalid_credentials", ..., None)),
    ("login-nobody", "ABC", login(email="nobody@example.com", password="x"), (400, "invalid_credentials", ..., None)),
]  # fmt: skip


def test_sentence(begin: Any, build: str, sentence: Any) -> None:
    _, _, ask, expected = sentence
    world = begin(build)
    world.check(ask(world), expected)


class TestThemes:
    """3.22."""

    def test_items_own_and_global(self, every: Any) -> None:
        own(every)
        foreign_theme(every)
        found = every.json("GET", "data_color_themes/")
        assert {item["is_global"] for item in found} == {True, False}
        assert all(set(item) == {"id", "name", "colors", "is_global", "created_at", "created_by"} for item in found)
        assert [item["name"] for item in found if not item["is_global"]] == ["Corporate"]

    def test_a_deleted_theme_leaves_its_dashboards_without_one(self, every: Any) -> None:
        made = own(every)
        board = every.board(data_color_theme_id=made)
        assert every.dashboard(board)["data_color_theme_id"] == made
        every.json("DELETE", f"data_color_themes/{made}/", status=204)
        assert every.get(f"data_color_themes/{made}/").status_code == 404
        assert every.dashboard(board)["data_color_theme_id"] is None


class TestInsights:
    """3.23."""

    def test_each_listed_dashboard_gets_a_tile(self, every: Any) -> None:
        first, second = every.board(), every.board()
        made = every.insight(first, second)
        assert sorted(made["dashboards"]) == [first, second]
        assert all(set(tile) == {"id", "dashboard_id", "deleted"} for tile in made["dashboard_tiles"])
        for board in (first, second):
            (tile,) = every.tiles(board)
            assert {"id": tile["id"], "dashboard_id": board, "deleted": None} in made["dashboard_tiles"]

    def test_dashboards_replace_the_whole_list(self, every: Any) -> None:
        first, second = every.board(), every.board()
        made = every.insight(first)
        changed = every.json("PATCH", f"insights/{made['id']}/", {"dashboards": [second]})
        assert changed["dashboards"] == [second]
        assert (every.tiles(first), len(every.tiles(second))) == ([], 1)

    def test_both_ids_find_it(self, every: Any) -> None:
        made = every.insight()
        for key in (made["id"], made["short_id"]):
            assert every.json("GET", f"insights/{key}/")["id"] == made["id"]

    def test_creating_twice_makes_two(self, every: Any) -> None:
        assert every.insight()["id"] != every.insight()["id"]

    def test_one_tile_in_the_context_of_its_dashboard(self, every: Any) -> None:
        board = every.board(filters={"date_from": "-3d"})
        made = every.insight(board)
        alone = every.json("GET", f"insights/{made['id']}/", params={"refresh": "force_blocking"})
        params = {"refresh": "force_blocking", "from_dashboard": board}
        within = every.json("GET", f"insights/{made['id']}/", params=params)
        assert len(within["result"][0]["data"]) != len(alone["result"][0]["data"])
        (tile,) = every.tiles(board)
        assert tile["insight"]["result"] == within["result"], "the dashboard's own cache entry was filled"

    def test_a_deleted_insight_leaves_its_dashboard(self, every: Any) -> None:
        board = every.board()
        made = every.insight(board)
        every.json("PATCH", f"insights/{made['id']}/", {"deleted": True})
        assert every.tiles(board) == []


class TestButton:
    """3.23."""

    def test_a_button_tile(self, every: Any) -> None:
        board = every.board()
        every.button(board)
        (tile,) = every.tiles(board)
        assert (tile["button_tile"]["url"], tile["button_tile"]["text"]) == ("https://example.com", "Go")
        assert (tile["insight"], tile["text"]) == (None, None)


class TestLogin:
    """3.23 and 1.2."""

    def test_the_cookies(self, every: Any) -> None:
        reply = login(email="owner@example.com", password="sandbox")(every)
        assert {"sessionid", "posthog_csrftoken"} <= {cookie.name for cookie in reply.cookies.jar}

    def test_an_unsafe_method_needs_the_token_a_safe_one_does_not(self, every: Any) -> None:
        cookie = {"Cookie": every.session()["Cookie"]}
        assert every.get("dashboards/", cookie).status_code == 200
        assert every.post("dashboards/", {"name": "x"}, cookie).status_code == 403
        assert every.post("dashboards/", {"name": "x"}, {**cookie, "X-CSRFToken": "wrong"}).status_code == 403
        assert every.post("dashboards/", {"name": "x"}, every.session()).status_code == 201


@pytest.mark.parametrize("scope", ["project", "organization"])
def test_annotations(every: Any, scope: str) -> None:
    made = every.json("POST", "annotations/", {**NOTE, "scope": scope}, status=201)
    assert (made["content"], made["scope"]) == ("loaded", scope)
