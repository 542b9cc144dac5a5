"""The `refresh` modes, staleness, cache keys, failures and query statuses: contract 3.15, 4.6, 5.1, 5.2."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime

import pytest

from airflow_dashboards.sandbox.cache import never_stale, stale_after
from airflow_dashboards.sandbox.refreshing import Mode, mode_of

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
BROKEN_SQL = {"kind": "DataVisualizationNode", "source": {"kind": "HogQLQuery", "query": "select amout from events"}}


def ranged(**dates):
    return {"kind": "InsightVizNode", "source": {**TREND["source"], "dateRange": dates}}


@pytest.fixture
def board(api):
    return api.dashboard()["id"]


def one(api, board, **params):
    return api.tiles(board, **params)[0]["insight"]


def signups(sandbox, count=1, at=None):
    at = at or datetime.now(timezone.utc) - timedelta(minutes=1)
    sandbox.add_events([{"event": "signup", "distinct_id": "a", "timestamp": at.isoformat()}] * count)


@pytest.mark.parametrize(
    ("text", "mode"),
    [
        (None, Mode.CACHE_ONLY),
        ("false", Mode.CACHE_ONLY),
        ("0", Mode.CACHE_ONLY),
        ("no", Mode.CACHE_ONLY),
        ("force_cache", Mode.CACHE_ONLY),
        ("force_blokcing", Mode.CACHE_ONLY),
        ("async_except_on_cache_miss", Mode.CACHE_ONLY),
        ("blocking", Mode.BLOCKING),
        ("force_blocking", Mode.FORCE_BLOCKING),
        ("true", Mode.FORCE_BLOCKING),
        ("1", Mode.FORCE_BLOCKING),
        ("yes", Mode.FORCE_BLOCKING),
        ("", Mode.FORCE_BLOCKING),
        ("async", Mode.ASYNC),
        ("lazy_async", Mode.LAZY_ASYNC),
        ("force_async", Mode.FORCE_ASYNC),
    ],
)
def test_modes(text, mode):
    assert mode_of(text) is mode


@pytest.mark.parametrize(
    ("interval", "normal", "lazy"),
    [
        ("minute", timedelta(minutes=5), timedelta(minutes=15)),
        ("hour", timedelta(hours=1), timedelta(hours=2)),
        ("day", timedelta(hours=6), timedelta(hours=12)),
        ("week", timedelta(days=1), timedelta(days=1)),
        ("month", timedelta(days=2), timedelta(days=2)),
        (None, timedelta(hours=6), timedelta(hours=12)),
    ],
)
def test_staleness(interval, normal, lazy):
    assert stale_after(interval, has_date_range=True) == normal
    assert stale_after(interval, has_date_range=True, lazy=True) == lazy


def test_a_window_that_had_ended_is_never_stale():
    at = datetime(2026, 6, 1, tzinfo=timezone.utc)
    assert never_stale(at - timedelta(seconds=11), at)
    assert not never_stale(at - timedelta(seconds=9), at)
    assert not never_stale(None, at)


def test_a_cold_tile(api, board):
    api.insight(board)
    for refresh in ({}, {"refresh": "force_cache"}, {"refresh": "force_blokcing"}):
        insight = one(api, board, **refresh)
        seen = (insight["result"], insight["is_cached"], insight["last_refresh"], insight["query_status"])
        assert seen == (None, False, None, None)


def test_blocking_computes_once_and_force_blocking_always(sandbox, api, board):
    api.insight(board)
    signups(sandbox)
    first = one(api, board, refresh="blocking")
    assert (first["is_cached"], first["result"][0]["count"]) == (False, 1)
    assert first["cache_target_age"] > first["last_refresh"]
    signups(sandbox)
    again = one(api, board, refresh="blocking")
    assert (again["is_cached"], again["last_refresh"], again["result"]) == (
        True,
        first["last_refresh"],
        first["result"],
    )
    forced = one(api, board, refresh="force_blocking")
    assert (forced["is_cached"], forced["result"][0]["count"]) == (False, 2)
    tile = api.tiles(board)[0]
    assert (tile["is_cached"], tile["last_refresh"]) == (True, forced["last_refresh"])


def test_blocking_computes_again_when_stale(sandbox, api, board):
    api.insight(board)
    first = one(api, board, refresh="blocking")["last_refresh"]
    sandbox.advance(6 * 3600 - 30)
    assert one(api, board, refresh="blocking")["last_refresh"] == first
    sandbox.advance(60)
    assert one(api, board, refresh="blocking")["last_refresh"] > first


def test_a_closed_window_keeps_its_numbers_for_as_long_as_the_cache(sandbox, api, board):
    api.insight(board, query=ranged(date_from="2026-06-01", date_to="2026-06-03"))
    first = one(api, board, refresh="blocking")
    assert first["cache_target_age"] is None
    signups(sandbox, at=datetime(2026, 6, 2, tzinfo=timezone.utc))
    sandbox.advance(6 * 86400)
    assert one(api, board, refresh="blocking")["result"] == first["result"]
    assert one(api, board, refresh="force_blocking")["result"][0]["count"] == 1


def test_async_answers_stale_results_and_works_in_the_background(sandbox, api, board):
    api.insight(board)
    miss = one(api, board, refresh="async")
    assert miss["result"] is None
    assert miss["query_status"]["complete"] is False
    assert api.finished(miss["query_status"]["id"]).status_code == 200
    fresh = one(api, board, refresh="async")
    assert (fresh["is_cached"], fresh["query_status"]) == (True, None)
    sandbox.advance(7 * 3600)
    assert one(api, board, refresh="lazy_async")["query_status"] is None
    stale = one(api, board, refresh="async")
    assert stale["result"] == fresh["result"]
    assert api.finished(stale["query_status"]["id"]).status_code == 200
    assert one(api, board)["last_refresh"] > stale["last_refresh"]


def test_force_async_enqueues_whatever_is_cached(sandbox, api, board):
    api.insight(board)
    api.insight(board, query=SQL)
    api.tiles(board, refresh="blocking")
    before = parsedate_to_datetime(api.get("dashboards/999").headers["Date"])
    sandbox.advance(10)
    tiles = api.tiles(board, refresh="force_async")
    for tile in tiles:
        insight, status = tile["insight"], tile["insight"]["query_status"]
        assert (insight["result"], insight["is_cached"]) == (None, False)
        assert status["id"] == insight["filters_hash"]
        assert status["id"].startswith("cache_")
        assert {key: status[key] for key in ("complete", "error", "query_async", "team_id", "results")} == {
            "complete": False,
            "error": False,
            "query_async": True,
            "team_id": 1,
            "results": None,
        }
        assert (status["insight_id"], status["dashboard_id"]) == (insight["id"], board)
        done = api.finished(status["id"]).json()["query_status"]
        assert done["complete"] is True
        assert done["results"]["results"] is not None
        assert done["start_time"] <= done["pickup_time"] <= done["end_time"] < done["expiration_time"]
    for tile in api.tiles(board):
        assert tile["insight"]["query_status"] is None
        assert datetime.fromisoformat(tile["insight"]["last_refresh"].replace("Z", "+00:00")) >= before


def test_a_running_query_is_shown_by_cache_only_reads(sandbox, api, board):
    sandbox.settings(tile_seconds=0.5)
    api.insight(board)
    kicked = one(api, board, refresh="force_async")["query_status"]
    assert api.get(f"query/{kicked['id']}").status_code == 202
    running = one(api, board)["query_status"]
    assert (running["id"], running["complete"]) == (kicked["id"], False)
    assert api.finished(kicked["id"]).status_code == 200
    assert one(api, board)["query_status"] is None


def test_workers_bound_what_computes_at_once(sandbox, api, board):
    sandbox.settings(tile_seconds=0.1, workers=2)
    for number in range(6):
        api.insight(board, query=ranged(date_from=f"-{number + 1}d"))
    kicked = [tile["insight"]["query_status"]["id"] for tile in api.tiles(board, refresh="force_async")]
    assert len(set(kicked)) == 6
    done = [api.finished(query_id).json()["query_status"] for query_id in kicked]
    spans = [
        (datetime.fromisoformat(status["pickup_time"][:-1]), datetime.fromisoformat(status["end_time"][:-1]))
        for status in done
    ]
    assert all(end - start >= timedelta(seconds=0.1) for start, end in spans)
    for start, _ in spans:
        assert sum(other <= start < end for other, end in spans) <= 2


def test_cancelling(sandbox, api, board):
    sandbox.settings(tile_seconds=0.3, workers=1)
    api.insight(board, query=ranged(date_from="-1d"))
    api.insight(board, query=ranged(date_from="-2d"))
    _, waiting = [tile["insight"]["query_status"]["id"] for tile in api.tiles(board, refresh="force_async")]
    assert api("DELETE", f"query/{waiting}").json().keys() == {"message"}
    assert api.get(f"query/{waiting}").status_code == 400


@pytest.mark.parametrize(("build", "minutes"), [("2026-04", 10), ("cloud", 20)])
def test_a_status_record_expires(sandbox, api, build, minutes):
    sandbox.settings(build=build)
    board = api.dashboard()["id"]
    api.insight(board)
    query_id = one(api, board, refresh="force_async")["query_status"]["id"]
    assert api.finished(query_id).status_code == 200
    sandbox.advance(minutes * 60 - 20)
    assert api.get(f"query/{query_id}").status_code == 200
    sandbox.advance(40)
    gone = api.get(f"query/{query_id}")
    assert (gone.status_code, gone.json()["detail"]) == (404, f"Query {query_id} not found for team 1")


def test_another_projects_query_is_not_found(caller, api, board):
    api.insight(board)
    query_id = one(api, board, refresh="force_async")["query_status"]["id"]
    reply = caller(project="2").get(f"query/{query_id}")
    assert reply.json()["detail"] == f"Query {query_id} not found for team 2"


class TestCacheKeys:
    def test_filters_variables_and_tile_overrides_are_part_of_them(self, api):
        plain, filtered = api.dashboard()["id"], api.dashboard(filters={"date_from": "-3d"})["id"]
        insight = api.insight(plain, filtered)["id"]
        api.tiles(plain, refresh="blocking")
        assert one(api, plain)["result"] is not None
        assert one(api, filtered)["result"] is None
        override = {"filters_override": '{"date_from": "-3d"}'}
        assert one(api, plain, refresh="blocking", **override)["result"] is not None
        assert one(api, filtered)["result"] is not None
        assert one(api, filtered)["query"]["source"]["dateRange"]["date_from"] == "-3d"
        assert api.get(f"insights/{insight}").json()["result"] is not None
        tile = api.tiles(plain)[0]["id"]
        changed = {"tiles": [{"id": tile, "filters_overrides": {"date_from": "-5d"}}]}
        assert api.ok("PATCH", f"dashboards/{plain}", changed)["tiles"][0]["insight"]["result"] is None
        assert one(api, plain, refresh="blocking")["query"]["source"]["dateRange"]["date_from"] == "-5d"

    def test_changed_filters_show_cold_tiles(self, api, board):
        api.insight(board)
        api.tiles(board, refresh="blocking")
        changed = api.ok("PATCH", f"dashboards/{board}", {"filters": {"date_from": "-2d"}})
        assert changed["tiles"][0]["insight"]["result"] is None

    def test_a_changed_query_is_cold(self, api, board):
        insight = api.insight(board)["id"]
        api.tiles(board, refresh="blocking")
        api.ok("PATCH", f"insights/{insight}", {"query": ranged(date_from="-2d")})
        assert one(api, board)["result"] is None

    def test_projects_do_not_share(self, caller):
        for project in ("1", "2"):
            api = caller(project=project)
            board = api.dashboard()["id"]
            api.insight(board)
            assert one(api, board)["result"] is None
            api.tiles(board, refresh="blocking")

    def test_equal_queries_share(self, api, board):
        api.insight(board)
        api.insight(board)
        first, second = api.tiles(board)
        assert first["insight"]["filters_hash"] == second["insight"]["filters_hash"]


def test_one_tile_in_the_context_of_its_dashboard(api):
    board = api.dashboard(filters={"date_from": "-3d"})["id"]
    insight = api.insight(board)["id"]
    path = f"insights/{insight}/"
    seen = api.get(path, refresh="force_blocking", from_dashboard=board).json()
    assert (seen["is_cached"], seen["query"]["source"]["dateRange"]["date_from"]) == (False, "-3d")
    assert one(api, board)["result"] is not None
    assert api.get(path).json()["result"] is None


class TestFailures:
    def test_an_executed_broken_sql_fails_the_whole_call(self, api, board):
        api.insight(board)
        api.insight(board, query=BROKEN_SQL)
        for path in (f"dashboards/{board}", f"dashboards/{board}/run_insights"):
            assert api.get(path).status_code == 200
            for refresh in ("blocking", "force_blocking"):
                reply = api.get(path, refresh=refresh)
                assert reply.status_code == 400
                assert reply.json()["type"] == "validation_error"
                assert "amout" in reply.json()["detail"]

    def test_an_enqueued_broken_sql_fails_in_its_status(self, api, board):
        api.insight(board, query=BROKEN_SQL)
        query_id = one(api, board, refresh="force_async")["query_status"]["id"]
        reply = api.finished(query_id)
        assert reply.status_code == 400
        status = reply.json()["query_status"]
        assert (status["error"], status["complete"]) == (True, True)
        assert "amout" in status["error_message"]
        later = one(api, board)
        assert (later["result"], later["query_status"]) == (None, None)

    @pytest.mark.parametrize("refresh", ["force_cache", "blocking", "force_blocking", "force_async"])
    def test_a_query_that_is_none_is_an_error_of_its_tile(self, api, board, refresh):
        api.insight(board, query={"kind": "InsightVizNode", "source": {"kind": "NoSuchQuery"}})
        api.insight(board)
        broken, sound = api.tiles(board, refresh=refresh)
        assert set(broken["error"]) == {"type", "message"}
        assert broken["insight"]["result"] is None
        assert "error" not in sound

    @pytest.mark.parametrize("name", ["2026-04", "2026-05", "cloud"])
    def test_an_injected_failure_is_in_band(self, sandbox, api, board, name):
        sandbox.settings(build=name)
        api.insight(board)
        api.tiles(board, refresh="blocking")
        sandbox.fault({"tile_error": "memory limit"}, match={"path_regex": f"dashboards/{board}$"})
        failed = one(api, board, refresh="force_blocking")
        assert (failed["result"], failed["is_cached"], failed["last_refresh"]) == (None, False, None)
        assert (failed["query_status"]["error"], failed["query_status"]["error_message"]) == (True, "memory limit")
        assert one(api, board)["result"] is not None
        assert one(api, board, refresh="force_blocking")["query_status"] is None

    @pytest.mark.parametrize("name", ["2026-04", "cloud"])
    def test_a_crash_is_in_band_in_cloud_only(self, sandbox, api, board, name):
        sandbox.settings(build=name)
        api.insight(board)
        sandbox.fault({"tile_error": "division by zero", "crash": True}, times=2)
        reply = api.get(f"dashboards/{board}", refresh="force_blocking")
        polled = api.finished(one(api, board, refresh="force_async")["query_status"]["id"])
        message = polled.json()["query_status"]["error_message"]
        if name == "cloud":
            assert reply.json()["tiles"][0]["insight"]["query_status"]["error_message"] == "division by zero"
            assert (polled.status_code, message) == (400, "division by zero")
        else:
            assert (reply.status_code, reply.json()["type"]) == (500, "server_error")
            assert (polled.status_code, message) == (500, None)

    def test_a_fault_counts_tiles_and_may_mean_one(self, sandbox, api, board):
        for number in range(3):
            api.insight(board, query=ranged(date_from=f"-{number + 1}d"))
        tiles = [tile["id"] for tile in api.tiles(board)]
        sandbox.fault({"tile_error": "boom"}, times=2)
        failed = [tile["insight"]["query_status"] is not None for tile in api.tiles(board, refresh="force_blocking")]
        assert failed == [True, True, False]
        sandbox.fault({"tile_error": "boom"}, match={"tile": tiles[1]}, times=None)
        for _ in range(2):
            failed = [
                tile["insight"]["query_status"] is not None for tile in api.tiles(board, refresh="force_blocking")
            ]
            assert failed == [False, True, False]

    def test_a_failure_in_the_background(self, sandbox, api, board):
        api.insight(board)
        sandbox.fault({"tile_error": "boom"})
        reply = api.finished(one(api, board, refresh="force_async")["query_status"]["id"])
        assert (reply.status_code, reply.json()["query_status"]["error_message"]) == (400, "boom")

    def test_the_concurrency_limit_claims_a_refresh(self, sandbox, api, board):
        api.insight(board)
        sandbox.fault({"tile_error": "concurrency_limit_exceeded"})
        tile = api.tiles(board, refresh="force_blocking")[0]
        assert tile["insight"]["result"] is None
        assert tile["last_refresh"] == tile["insight"]["last_refresh"] is not None


class TestRunInsights:
    def test_entries(self, sandbox, api, board):
        signups(sandbox, 3)
        text = {"body": "x", "layouts": {"sm": {"x": 0, "y": 0, "w": 12, "h": 1}}}
        api.ok("POST", f"dashboards/{board}/create_text_tile", text, 201)
        insight = api.insight(board)
        api.insight(board, query=SQL)
        api.insight(board, query=None)
        cold = api.get(f"dashboards/{board}/run_insights").json()["results"]
        assert [(entry["order"], entry["insight"]["result"]) for entry in cold] == [(1, None), (2, None)]
        assert set(cold[0]) == {"id", "insight", "order", "last_refresh", "is_cached"}
        assert set(cold[0]["insight"]) == {"id", "short_id", "name", "derived_name", "result"}
        trend, table = api.get(f"dashboards/{board}/run_insights", refresh="blocking").json()["results"]
        assert trend["insight"]["id"] == insight["id"]
        assert trend["insight"]["result"].startswith("Date|")
        assert table["insight"]["result"].split("\n")[1:] == ["signup|3"]
        assert {(entry["last_refresh"], entry["is_cached"]) for entry in (trend, table)} == {(None, False)}
        raw = api.get(f"dashboards/{board}/run_insights", output_format="json").json()["results"]
        assert raw[0]["insight"]["result"][0]["count"] == 3
        assert api.get(f"dashboards/{board}/run_insights", output_format="other").json()["results"] == raw

    def test_tile_ids_and_shortening_in_cloud(self, sandbox, api, board):
        first = api.insight(board)["dashboard_tiles"][0]["id"]
        api.insight(board, query=SQL)
        path = f"dashboards/{board}/run_insights"
        some = api.get(path, tile_ids=str(first), refresh="blocking", max_result_chars="7").json()["results"]
        assert [entry["id"] for entry in some] == [first]
        assert len(some[0]["insight"]["result"]) == 7
        assert api.get(path, tile_ids="999").status_code == 400
        assert api.get(path, tile_ids="x").status_code == 400
        sandbox.settings(build="2026-05")
        assert len(api.get(path, tile_ids=str(first)).json()["results"]) == 2

    def test_an_empty_dashboard(self, api, board):
        assert api.get(f"dashboards/{board}/run_insights").json() == {"results": []}


def test_results_without_json_numbers_become_null(api, board):
    query = {"kind": "DataVisualizationNode", "source": {"kind": "HogQLQuery", "query": "select 0 / 0 as x"}}
    api.insight(board, query=query)
    assert one(api, board, refresh="blocking")["result"] == [[None]]
