"""Contract 5: what each `refresh` value does to a cold, fresh or stale tile, staleness, cache keys and lifetimes."""

from __future__ import annotations

from typing import Any

import pytest

MINUTE, HOUR, DAY = 60, 3600, 86400
SQL = {"kind": "DataVisualizationNode", "source": {"kind": "HogQLQuery", "query": "select count() from events"}}


def trend(interval: str | None = "day", start: str = "-7d", end: str | None = None, event: str = "signup") -> Any:
    source: dict[str, Any] = {
        "kind": "TrendsQuery",
        "series": [{"kind": "EventsNode", "event": event}],
        "dateRange": {"date_from": start, "date_to": end},
    }
    if interval:
        source["interval"] = interval
    return {"kind": "InsightVizNode", "source": source}


def paths() -> Any:
    """A query that has a date range and no interval."""
    return {
        "kind": "InsightVizNode",
        "source": {
            "kind": "PathsQuery",
            "pathsFilter": {"includeEventTypes": ["custom_event"]},
            "dateRange": {"date_from": "-7d"},
        },
    }


CACHE, BLOCKING, FORCE, ASYNC, LAZY, FORCE_ASYNC = "cache", "blocking", "force", "async", "lazy", "force_async"
ABSENT = object()
MODES: dict[Any, str] = {
    ABSENT: CACHE,
    **dict.fromkeys(["false", "0", "no", "force_cache"], CACHE),
    **dict.fromkeys(
        ["forceblocking", "force-blocking", "Force_Blocking", "BLOCKING", "blokcing", "force_async_", "yess", "2"],
        CACHE,
    ),
    "async_except_on_cache_miss": CACHE,
    "blocking": BLOCKING,
    **dict.fromkeys(["force_blocking", "true", "1", "yes", ""], FORCE),
    "async": ASYNC,
    "lazy_async": LAZY,
    "force_async": FORCE_ASYNC,
}
NOTHING, OLD, NEW, OLD_AND_QUEUED, QUEUED = "nothing", "old", "new", "old and queued", "queued"
#: What a mode shows of a tile that is cold, fresh, stale, or stale for the laxer rules too.
OUTCOMES = {
    CACHE: (NOTHING, OLD, OLD, OLD),
    BLOCKING: (NEW, OLD, NEW, NEW),
    FORCE: (NEW, NEW, NEW, NEW),
    ASYNC: (QUEUED, OLD, OLD_AND_QUEUED, OLD_AND_QUEUED),
    LAZY: (QUEUED, OLD, OLD, OLD_AND_QUEUED),
    FORCE_ASYNC: (QUEUED, QUEUED, QUEUED, QUEUED),
}
#: A daily chart is stale after 6 hours, and for lazy_async after 12 (5.2).
AGES = {"cold": None, "fresh": 5 * HOUR, "stale": 7 * HOUR, "very-stale": 13 * HOUR}


def outcome(tile: dict[str, Any], last: str | None) -> str:
    insight = tile["insight"]
    queued = insight["query_status"] is not None and not insight["query_status"]["complete"]
    if insight["result"] is None:
        return QUEUED if queued else NOTHING
    if insight["is_cached"]:
        assert insight["last_refresh"] == last
        return OLD_AND_QUEUED if queued else OLD
    assert insight["last_refresh"] != last
    return NEW


@pytest.mark.parametrize("state", AGES)
@pytest.mark.parametrize("value", MODES, ids=lambda value: "absent" if value is ABSENT else repr(value))
def test_refresh_values(every: Any, value: Any, state: str) -> None:
    """5.1: in each build; a misspelt value is a silent no-op with 200."""
    board = every.board()
    every.insight_tile(board, trend())
    last = None
    if AGES[state] is not None:
        last = every.tiles(board, refresh="force_blocking")[0]["insight"]["last_refresh"]
        every.sandbox.advance(AGES[state])
    params = {} if value is ABSENT else {"refresh": value}
    (tile,) = every.tiles(board, **params)
    assert outcome(tile, last) == OUTCOMES[MODES[value]][[*AGES].index(state)]


#: Seconds until stale, and until stale for lazy_async (5.2).
STALENESS = {
    "minute": (trend("minute", "-1h"), 5 * MINUTE, 15 * MINUTE),
    "hour": (trend("hour", "-24h"), HOUR, 2 * HOUR),
    "day": (trend("day"), 6 * HOUR, 12 * HOUR),
    "week": (trend("week", "-30d"), DAY, DAY),
    "month": (trend("month", "-90d"), 2 * DAY, 2 * DAY),
    "none": (paths(), 6 * HOUR, 12 * HOUR),
}


@pytest.mark.parametrize("mode", ["blocking", "async", "lazy_async"])
@pytest.mark.parametrize("interval", STALENESS)
def test_staleness(every: Any, interval: str, mode: str) -> None:
    """5.2: half a minute before the limit it is fresh, half a minute after it is not."""
    query, normal, lazy = STALENESS[interval]
    limit = lazy if mode == "lazy_async" else normal
    board = every.board()
    every.insight_tile(board, query)
    last = every.tiles(board, refresh="force_blocking")[0]["insight"]["last_refresh"]
    every.sandbox.advance(limit - 30)
    assert outcome(every.tiles(board, refresh=mode)[0], last) == OLD
    every.sandbox.advance(60)
    assert outcome(every.tiles(board, refresh=mode)[0], last) == (NEW if mode == "blocking" else OLD_AND_QUEUED)


def test_cache_target_age_says_when(every: Any) -> None:
    board = every.board()
    every.insight_tile(board, trend("hour", "-24h"))
    insight = every.tiles(board, refresh="force_blocking")[0]["insight"]
    assert insight["cache_target_age"] is not None
    every.sandbox.advance(HOUR + 60)
    assert every.sandbox.advance(0) > insight["cache_target_age"]


@pytest.mark.parametrize("interval", ["hour", "day", "week"])
def test_a_closed_window_is_never_stale(every: Any, interval: str) -> None:
    """5.2: after a back-fill `blocking` returns the old numbers; only a forced refresh sees the new ones."""
    board = every.board()
    now = every.sandbox.advance(0)
    every.insight_tile(board, trend(interval, "2025-05-01", "2025-05-07"))
    first = every.tiles(board, refresh="force_blocking")[0]["insight"]
    event = {"event": "signup", "distinct_id": "a", "timestamp": "2025-05-03T12:00:00Z"}
    assert now > event["timestamp"]
    every.sandbox.add_events([event])
    for _ in range(3):
        every.sandbox.advance(2 * DAY - 60)
        for mode in ("blocking", "async", "lazy_async"):
            assert outcome(every.tiles(board, refresh=mode)[0], first["last_refresh"]) == OLD
    renewed = every.tiles(board, refresh="force_blocking")[0]["insight"]
    assert renewed["result"][0]["count"] == first["result"][0]["count"] + 1


def test_results_are_kept_seven_days(every: Any) -> None:
    board = every.board()
    every.insight_tile(board, trend())
    last = every.tiles(board, refresh="force_blocking")[0]["insight"]["last_refresh"]
    every.sandbox.advance(7 * DAY - 60)
    assert outcome(every.tiles(board)[0], last) == OLD
    every.sandbox.advance(120)
    assert outcome(every.tiles(board)[0], last) == NOTHING


class TestCacheKeys:
    """5.2: the query after filters, variables and overrides; the team."""

    def test_each_override_has_its_own_entry(self, every: Any) -> None:
        board = every.board()
        every.insight_tile(board, trend())
        plain = every.tiles(board, refresh="force_blocking")[0]["insight"]
        override = '{"date_from": "-3d"}'
        assert every.tiles(board, filters_override=override)[0]["insight"]["result"] is None
        other = every.tiles(board, filters_override=override, refresh="force_blocking")[0]["insight"]
        assert other["filters_hash"] != plain["filters_hash"]
        assert len(other["result"][0]["data"]) == 4
        for params, length in (({}, 8), ({"filters_override": override}, 4)):
            shown = every.tiles(board, **params)[0]["insight"]
            assert (shown["is_cached"], len(shown["result"][0]["data"])) == (True, length)

    def test_stored_filters_and_tile_overrides(self, every: Any) -> None:
        board = every.board()
        tile = every.insight_tile(board, trend())
        hashes = [every.tiles(board)[0]["insight"]["filters_hash"]]
        every.json("PATCH", f"dashboards/{board}/", {"filters": {"date_from": "-3d"}})
        hashes.append(every.tiles(board)[0]["insight"]["filters_hash"])
        change = {"tiles": [{"id": tile, "filters_overrides": {"date_from": "-2d"}}]}
        every.json("PATCH", f"dashboards/{board}/", change)
        hashes.append(every.tiles(board)[0]["insight"]["filters_hash"])
        assert len(set(hashes)) == 3

    def test_an_equal_query_is_shared_and_another_projects_is_not(self, every: Any) -> None:
        first, second = every.board(), every.board()
        for board in (first, second):
            every.insight_tile(board, trend())
        every.tiles(first, refresh="force_blocking")
        assert every.tiles(second)[0]["insight"]["result"] is not None
        board = every.json("POST", "/api/projects/2/dashboards/", {"name": "x"}, status=201)["id"]
        body = {"query": trend(), "dashboards": [board]}
        every.json("POST", "/api/projects/2/insights/", body, status=201)
        (tile,) = every.json("GET", f"/api/projects/2/dashboards/{board}/")["tiles"]
        assert tile["insight"]["result"] is None


@pytest.mark.parametrize(("build", "lives", "dead"), [("2026-04", 9, 11), ("2026-05", 9, None), ("cloud", 19, None)])
def test_query_status_lifetimes(begin: Any, build: str, lives: int, dead: int | None) -> None:
    """3.23 and 5.2: 10 minutes in older builds, 20 or more in newer ones."""
    world = begin(build)
    board = world.board()
    world.insight_tile(board, trend())
    query = world.tiles(board, refresh="force_async")[0]["insight"]["query_status"]["id"]
    assert world.finished(query).status_code == 200
    world.sandbox.advance(lives * MINUTE)
    assert world.get(f"query/{query}/").status_code == 200
    world.sandbox.advance((dead or 24 * 60) * MINUTE - lives * MINUTE)
    expected = (404, "not_found", None, f"Query {query} not found for team 1")
    world.check(world.get(f"query/{query}/"), expected)


def test_a_failed_query_is_in_its_status_and_in_no_later_read(every: Any) -> None:
    board = every.board()
    broken = {"kind": "DataVisualizationNode", "source": {"kind": "HogQLQuery", "query": "select nope from events"}}
    every.insight_tile(board, broken)
    query = every.tiles(board, refresh="force_async")[0]["insight"]["query_status"]["id"]
    assert every.finished(query).status_code == 400
    shown = every.tiles(board)[0]["insight"]
    assert (shown["result"], shown["query_status"]) == (None, None)


def test_one_broken_tile_fails_the_whole_read(every: Any) -> None:
    """5.4, 8."""
    board = every.board()
    every.insight_tile(board, trend())
    broken = {"kind": "DataVisualizationNode", "source": {"kind": "HogQLQuery", "query": "select nope from events"}}
    every.insight_tile(board, broken)
    reply = every.get(f"dashboards/{board}/", refresh="force_blocking")
    every.check(reply, (400, ..., None, None))
    assert reply.json()["type"] == "validation_error"


def test_sql_is_computed_again_when_forced(every: Any) -> None:
    board = every.board()
    every.insight_tile(board, SQL)
    first = every.tiles(board, refresh="force_blocking")[0]["insight"]["result"]
    every.sandbox.add_events([{"event": "x", "distinct_id": "a", "timestamp": every.sandbox.advance(0)}])
    every.sandbox.advance(60)
    assert every.tiles(board, refresh="blocking")[0]["insight"]["result"] == first
    assert every.tiles(board, refresh="force_blocking")[0]["insight"]["result"] == [[first[0][0] + 1]]


def test_the_date_header_is_the_servers_clock(every: Any) -> None:
    first = every.get("dashboards/").headers["date"]
    every.sandbox.advance(3 * DAY)
    assert every.get("dashboards/").headers["date"] != first
