"""Contract 4: the exact keys of every answer on every build, and results by the kind of their query."""

from __future__ import annotations

from typing import Any

import pytest


def words(text: str) -> set[str]:
    return set(text.split())


DASHBOARD = words(
    """id name description pinned created_at created_by last_accessed_at last_viewed_at is_shared deleted creation_mode
    filters variables breakdown_colors data_color_theme_id tags restriction_level effective_restriction_level
    effective_privilege_level user_access_level access_control_version last_refresh persisted_filters
    persisted_variables team_id quick_filter_ids tiles"""
)
NOT_LISTED = words(
    """filters variables breakdown_colors data_color_theme_id persisted_filters persisted_variables quick_filter_ids
    tiles"""
)
TILE = words(
    """id layouts color filters_overrides show_description transparent_background insight text button_tile order
    last_refresh is_cached"""
)
USER = words(
    """id uuid distinct_id first_name last_name email is_email_verified hedgehog_config role_at_organization"""
)
TEXT = {"id", "body", "created_by", "last_modified_by", "last_modified_at", "team", "dashboard_tiles"}
WIDGET = words(
    """id widget_type name description config team created_by last_modified_by last_modified_at
    dashboard_tiles"""
)
INSIGHT = words(
    """id short_id name derived_name filters query order deleted dashboards dashboard_tiles last_refresh
    cache_target_age next_allowed_client_refresh result hasMore columns created_at created_by description updated_at
    tags favorited saved last_modified_at last_modified_by is_sample effective_restriction_level
    effective_privilege_level user_access_level timezone is_cached query_status hogql types resolved_date_range alerts
    last_viewed_at filters_hash"""
)
SERIES = {"data", "labels", "days", "count", "label", "filter", "action"}
STEP = words("""action_id name custom_name order count type people average_conversion_time median_conversion_time""")


def keys(world: Any, base: set[str], *, cloud: frozenset[str] = frozenset(), may: frozenset[str] = frozenset()) -> Any:
    """The keys of a build."""
    return base | (may if world.build != "2026-04" else set()) | (cloud if world.build == "cloud" else set())


def tile_keys(world: Any) -> Any:
    return keys(world, TILE, may=frozenset({"widget"}))


MATCH = frozenset({"search_match_type"})


def test_full_dashboard(every: Any) -> None:
    """4.1."""
    board = every.board(name="Weekly KPIs", tags=["etl"])
    for shown in (
        every.dashboard(board),
        every.json("PATCH", f"dashboards/{board}/", {"name": "x"}),
        every.json("PUT", f"dashboards/{board}/", {"name": "x"}),
        every.json("POST", "dashboards/", {"name": "x"}, status=201),
    ):
        assert set(shown) == DASHBOARD
    shown = every.dashboard(board)
    assert set(shown["created_by"]) == USER
    expected = {
        "description": "",
        "pinned": False,
        "is_shared": False,
        "deleted": False,
        "creation_mode": "default",
        "filters": {},
        "variables": {},
        "breakdown_colors": [],
        "data_color_theme_id": None,
        "tags": ["etl"],
        "restriction_level": 21,
        "effective_restriction_level": 21,
        "effective_privilege_level": 37,
        "user_access_level": "manager",
        "access_control_version": "v2",
        "last_refresh": None,
        "persisted_filters": None,
        "persisted_variables": None,
        "team_id": 1,
        "quick_filter_ids": [],
        "tiles": [],
    }
    assert {name: shown[name] for name in expected} == expected


def test_listed_dashboard(every: Any) -> None:
    every.board()
    page = every.json("GET", "dashboards/")
    assert set(page) == {"count", "next", "previous", "results"}
    (item,) = page["results"]
    assert set(item) == keys(every, DASHBOARD - NOT_LISTED, cloud=MATCH)


def test_privilege_levels_of_a_restricted_dashboard(every: Any) -> None:
    board = every.board(restriction_level=37)
    mine = every.dashboard(board)
    theirs = every.json("GET", f"dashboards/{board}/", who="member")
    assert (mine["effective_privilege_level"], theirs["effective_privilege_level"]) == (37, 21)
    assert mine["effective_restriction_level"] == theirs["effective_restriction_level"] == 37


def test_persisted_filters_are_what_is_stored(every: Any) -> None:
    board = every.board(filters={"date_from": "-7d"})
    shown = every.dashboard(board)
    assert shown["filters"] == shown["persisted_filters"] == {"date_from": "-7d"}


def test_tiles_of_every_kind(every: Any) -> None:
    """4.2 to 4.4: exactly one of insight, text, button and widget."""
    board = every.board()
    kinds = {every.insight_tile(board): "insight", every.text(board): "text", every.button(board): "button_tile"}
    if every.build != "2026-04":
        kinds[every.widget(board, name="Errors")] = "widget"
    tiles = every.tiles(board)
    assert [tile["order"] for tile in tiles] == [*range(len(kinds))]
    for tile in tiles:
        assert set(tile) == tile_keys(every)
        content = {name for name in ("insight", "text", "button_tile", "widget") if tile.get(name) is not None}
        assert content == {kinds[tile["id"]]}
        if content != {"insight"}:
            assert (tile["last_refresh"], tile["is_cached"]) == (None, False)
        if content == {"text"}:
            text = tile["text"]
            assert set(text) == TEXT
            assert set(text["created_by"]) == USER
            assert text["dashboard_tiles"] == [{"id": tile["id"], "dashboard_id": board, "deleted": None}]
            assert (text["team"], text["last_modified_by"]) == (1, None)
        if content == {"widget"}:
            assert set(tile["widget"]) == WIDGET
            assert (tile["widget"]["name"], tile["widget"]["team"]) == ("Errors", 1)


@pytest.mark.parametrize("build", ["2026-05", "cloud"])
def test_single_tile_answers_have_no_order(begin: Any, build: str) -> None:
    world = begin(build)
    board = world.board()
    path = f"dashboards/{board}"
    made = world.json("POST", f"{path}/create_text_tile/", {"body": "x"}, status=201)
    changed = world.json("POST", f"{path}/update_text_tile/", {"tile_id": made["id"], "body": "y"})
    widget = {"widgets": [{"widget_type": "error_tracking_list", "config": {}}]}
    (added,) = world.json("POST", f"{path}/widgets/batch/", widget, status=201)["tiles"]
    for tile in (made, changed, added):
        assert set(tile) == tile_keys(world)
        assert tile["order"] is None


class TestInsights:
    """4.5."""

    def test_keys_and_the_three_states(self, every: Any) -> None:
        board = every.board()
        every.insight_tile(board)
        wanted = keys(every, INSIGHT, cloud=MATCH)
        cold, computed, cached = (every.tiles(board, **params)[0] for params in ({}, {"refresh": "force_blocking"}, {}))
        for tile in (cold, computed, cached):
            insight = tile["insight"]
            assert set(insight) == wanted
            assert (tile["last_refresh"], tile["is_cached"]) == (insight["last_refresh"], insight["is_cached"])
            assert insight["filters"] == {}
            assert insight["query_status"] is None
        cold, computed, cached = (tile["insight"] for tile in (cold, computed, cached))
        assert (cold["result"], cold["is_cached"], cold["last_refresh"]) == (None, False, None)
        assert isinstance(computed["result"], list)
        assert (computed["is_cached"], cached["is_cached"]) == (False, True)
        assert cached["result"] == computed["result"]
        assert cached["last_refresh"] == computed["last_refresh"] is not None
        assert cached["cache_target_age"] > cached["last_refresh"]
        assert cached["next_allowed_client_refresh"] is not None

    def test_on_its_own(self, every: Any) -> None:
        made = every.insight()
        assert set(made) >= INSIGHT
        assert set(every.json("GET", f"insights/{made['id']}/")) >= INSIGHT

    def test_without_access_three_keys(self, every: Any) -> None:
        board = every.board()
        insight = every.insight(board)
        every.sandbox.set_access("none", insight=insight["id"], user=8)
        (tile,) = every.json("GET", f"dashboards/{board}/", who="member", params={"refresh": "force_blocking"})["tiles"]
        assert tile["insight"] == {
            "id": insight["id"],
            "short_id": insight["short_id"],
            "user_access_level": "none",
        }

    def test_the_query_is_shown_with_filters_applied(self, every: Any) -> None:
        board = every.board(filters={"date_from": "-3d"})
        every.insight_tile(board)
        (tile,) = every.tiles(board)
        assert tile["insight"]["query"]["source"]["dateRange"]["date_from"] == "-3d"


class TestInBand:
    """4.6."""

    def test_an_asynchronous_start(self, every: Any) -> None:
        board = every.board()
        tile_id = every.insight_tile(board)
        (tile,) = every.tiles(board, refresh="force_async")
        status = tile["insight"]["query_status"]
        assert tile["id"] == tile_id
        assert tile["insight"]["result"] is None
        assert status["id"].startswith("cache_")
        assert status["id"] == tile["insight"]["filters_hash"]
        assert (status["complete"], status["error"], status["query_async"]) == (False, False, True)
        assert (status["team_id"], status["insight_id"], status["dashboard_id"]) == (1, tile["insight"]["id"], board)
        assert status["results"] is None
        every.finished(status["id"])
        (tile,) = every.tiles(board)
        assert tile["insight"]["query_status"] is None
        assert tile["insight"]["result"] is not None

    def test_a_failure_inside_a_200(self, every: Any) -> None:
        board = every.board()
        every.insight_tile(board)
        every.sandbox.fault({"tile_error": "concurrency_limit_exceeded"})
        (tile,) = every.tiles(board, refresh="force_blocking")
        insight = tile["insight"]
        assert insight["result"] is None
        assert insight["query_status"]["error"] is True
        assert insight["query_status"]["error_message"] == "concurrency_limit_exceeded"
        assert insight["last_refresh"] is not None, "set to now although nothing was computed"

    def test_a_crash_is_told_inside_in_cloud(self, cloud: Any) -> None:
        board = cloud.board()
        cloud.insight_tile(board)
        cloud.sandbox.fault({"tile_error": "boom", "crash": True})
        insight = cloud.tiles(board, refresh="force_blocking")[0]["insight"]
        assert (insight["result"], insight["query_status"]["error"]) == (None, True)
        assert "boom" in insight["query_status"]["error_message"]


def node(kind: str, **source: Any) -> dict[str, Any]:
    source.setdefault("dateRange", {"date_from": "-7d"})
    return {"kind": "InsightVizNode", "source": {"kind": kind, **source}}


def events(*names: str, **more: Any) -> list[dict[str, Any]]:
    return [{"kind": "EventsNode", "event": name, **more} for name in names]


class TestResults:
    """4.7."""

    @pytest.fixture
    def result(self, cloud: Any) -> Any:
        now = cloud.sandbox.advance(0)
        cloud.sandbox.add_events(
            [
                {"event": event, "distinct_id": person, "timestamp": now, "properties": {"plan": plan}}
                for event, person, plan in (("signup", "a", "x"), ("signup", "b", "y"), ("paid", "a", "x"))
            ]
        )
        board = cloud.board()

        def compute(query: Any) -> dict[str, Any]:
            tile_id = cloud.insight_tile(board, query)
            tiles = cloud.tiles(board, refresh="blocking")
            insight: dict[str, Any] = next(tile["insight"] for tile in tiles if tile["id"] == tile_id)
            return insight

        return compute

    def test_trends(self, result: Any) -> None:
        insight = result(node("TrendsQuery", series=events("signup")))
        (series,) = insight["result"]
        assert set(series) >= SERIES
        assert len(series["data"]) == len(series["labels"]) == len(series["days"]) == 8
        assert (series["count"], series["data"][-1], series["label"]) == (2, 2, "signup")
        assert {"id", "type", "order", "name", "custom_name", "math"} <= set(series["action"])
        assert insight["columns"] is None

    def test_total_values(self, result: Any) -> None:
        query = node("TrendsQuery", series=events("signup"), trendsFilter={"display": "BoldNumber"})
        (series,) = result(query)["result"]
        assert (series["data"], series["count"], series["aggregated_value"]) == ([], 0, 2)

    def test_compare_doubles_the_series(self, result: Any) -> None:
        found = result(node("TrendsQuery", series=events("signup"), compareFilter={"compare": True}))["result"]
        assert [(series["compare"], series["compare_label"]) for series in found] == [
            (True, "current"),
            (True, "previous"),
        ]

    def test_breakdowns(self, result: Any) -> None:
        query = node(
            "TrendsQuery",
            series=events("signup"),
            breakdownFilter={"breakdown": "plan", "breakdown_type": "event"},
        )
        found = {str(series["breakdown_value"]): series["count"] for series in result(query)["result"]}
        assert found == {"x": 1, "y": 1}

    def test_hours_are_told(self, result: Any) -> None:
        query = node("TrendsQuery", series=events("signup"), interval="hour", dateRange={"date_from": "-24h"})
        (series,) = result(query)["result"]
        assert all(":" in day for day in series["days"])

    def test_a_formula_has_no_action(self, result: Any) -> None:
        query = node("TrendsQuery", series=events("signup", "paid"), trendsFilter={"formula": "A+B"})
        (series,) = result(query)["result"]
        assert (series["action"], series["data"][-1]) == (None, 3)

    def test_funnels(self, result: Any) -> None:
        steps = result(node("FunnelsQuery", series=events("signup", "paid")))["result"]
        assert [(step["order"], step["count"]) for step in steps] == [(0, 2), (1, 1)]
        assert all(set(step) >= STEP for step in steps)
        query = node(
            "FunnelsQuery",
            series=events("signup", "paid"),
            breakdownFilter={"breakdown": "plan", "breakdown_type": "event"},
        )
        nested = result(query)["result"]
        assert all({"breakdown", "breakdown_value"} <= set(step) for steps in nested for step in steps)

    def test_retention(self, result: Any) -> None:
        entity = {"id": "signup", "type": "events"}
        query = node(
            "RetentionQuery",
            retentionFilter={"targetEntity": entity, "returningEntity": entity, "period": "Day", "totalIntervals": 3},
        )
        cohorts = result(query)["result"]
        assert [cohort["label"] for cohort in cohorts] == ["Day 0", "Day 1", "Day 2"]
        assert all({"date", "label", "values"} <= set(cohort) for cohort in cohorts)
        assert all("count" in value for cohort in cohorts for value in cohort["values"])

    def test_sql(self, result: Any) -> None:
        sql = "select event, count() as n from events group by event order by event"
        insight = result({"kind": "DataVisualizationNode", "source": {"kind": "HogQLQuery", "query": sql}})
        assert insight["result"] == [["paid", 1], ["signup", 2]]
        assert insight["columns"] == ["event", "n"]
        assert [name for name, _ in insight["types"]] == ["event", "n"]
        assert insight["hogql"]

    def test_data_tables(self, result: Any) -> None:
        source = {"kind": "EventsQuery", "select": ["event", "distinct_id"], "after": "-7d"}
        insight = result({"kind": "DataTableNode", "source": source})
        assert insight["columns"] == ["event", "distinct_id"]
        assert all(isinstance(row, list) and len(row) == 2 for row in insight["result"])

    def test_paths_lifecycle_stickiness(self, result: Any) -> None:
        paths = result(node("PathsQuery", pathsFilter={"includeEventTypes": ["custom_event"]}))["result"]
        assert paths
        assert all({"source", "target", "value", "average_conversion_time"} <= set(link) for link in paths)
        lifecycle = result(node("LifecycleQuery", series=events("signup")))["result"]
        assert {series["status"] for series in lifecycle} == {"new", "returning", "resurrecting", "dormant"}
        (sticky,) = result(node("StickinessQuery", series=events("signup")))["result"]
        assert sticky["labels"][0] == "1 day"
