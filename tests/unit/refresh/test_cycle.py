"""The refresh of one dashboard, trap by trap (contract 5.4)."""

from __future__ import annotations

import json

import pytest

from airflow_dashboards.analysis.model import TileStatus
from airflow_dashboards.posthog import NotFoundError, PostHogConnectionError
from airflow_dashboards.refresh.cycle import (
    Kick,
    PollState,
    Refreshed,
    Watch,
    cancel,
    finish,
    kick,
    poll,
    refresh,
    watch,
)
from airflow_dashboards.refresh.outcome import RefreshStatus, TileOutcomeStatus
from airflow_dashboards.refresh.plan import RefreshOptions, Strategy

HOST = "https://posthog.example.com"


def options(strategy: Strategy = Strategy.FORCE_ASYNC, **facts):
    return RefreshOptions(host=HOST, strategy=strategy, **facts)


def statuses(done: Refreshed) -> dict[int, TileOutcomeStatus]:
    return {each.id: each.status for each in done.outcome.tiles}


def refreshed(posthog, *args, **kwargs) -> Refreshed:
    return posthog.run(refresh(posthog.flows(), 42, options(*args, **kwargs)))


@pytest.mark.parametrize(
    "strategy", [s for s in Strategy if s is not Strategy.FORCE_CACHE and s is not Strategy.BLOCKING]
)
def test_every_computing_strategy_refreshes_and_proves(posthog, tile, strategy):
    posthog.board(42, tile(1, name="Orders"), tile(2), tile(3, text="## Loads"), name="KPIs", tags=["etl"])
    posthog.warm()
    posthog.version = 1
    done = refreshed(posthog, strategy)
    assert done.outcome.status is RefreshStatus.REFRESHED
    assert done.outcome.counts == {"refreshed": 2, "skipped": 1}
    assert done.outcome.tiles == []
    assert done.outcome.url == f"{HOST}/project/1/dashboard/42"
    assert done.unfinished is None
    assert [each.result for each in done.snapshot.tiles] == [[{"version": 1}], [{"version": 1}], None]
    assert done.snapshot.taken_at == done.outcome.finished_at
    assert all(each.last_refresh >= done.outcome.since for each in done.snapshot.tiles[:2])


def test_force_async_takes_one_kick_one_read_and_few_polls(posthog, tile):
    posthog.board(42, *(tile(n) for n in range(1, 7)))
    posthog.warm()
    refreshed(posthog)
    assert posthog.count(r"refresh=force_async") == 1
    assert posthog.count(r"refresh=force_cache") == 1
    assert posthog.count(r"/query/") <= 4
    assert posthog.count(r"/dashboards/$") == 1  # the clock


def test_the_kick_is_sent_after_t0(posthog, tile):
    posthog.board(42, tile(1, seconds=0.01))
    posthog.warm()
    kicked = posthog.run(kick(posthog.flows(), 42, options()))
    assert kicked.kicked_at > kicked.since
    # Computed within the same second as the kick, and yet it counts.
    assert posthog.run(finish(posthog.flows(), kicked, options())).outcome.status is RefreshStatus.REFRESHED


def test_a_tile_computed_in_the_second_of_the_clock_reading_does_not_count(posthog, tile):
    posthog.board(42, tile(1))
    posthog.warm(ago=-0.0)  # computed "now", at .4 of the second which the Date header cuts off
    done = refreshed(posthog, Strategy.FORCE_CACHE)
    assert statuses(done) == {1: TileOutcomeStatus.STALE}


def test_a_misspelt_or_ignored_refresh_is_not_a_success(posthog, tile):
    """5.4.6: the server takes the request for cache-only and answers 200."""
    posthog.board(42, tile(1, name="Orders", losses=9, seconds=0.1))
    posthog.warm()
    posthog.fault(r"/insights/", PostHogConnectionError("Could not read insight: refused", sent=False), times=9)
    done = refreshed(posthog)
    assert done.outcome.status is RefreshStatus.FAILED
    assert "Orders" in done.outcome.describe()


def test_blocking_that_trusts_its_cache_is_stale(posthog, tile):
    """5.4.6: for `blocking`, results of the last six hours are fresh enough."""
    posthog.board(42, tile(1))
    posthog.warm()
    done = refreshed(posthog, Strategy.BLOCKING)
    assert statuses(done) == {1: TileOutcomeStatus.STALE}
    assert done.outcome.status is RefreshStatus.FAILED


def test_blocking_may_be_accepted_from_the_cache(posthog, tile):
    posthog.board(42, tile(1))
    posthog.warm()
    done = refreshed(posthog, Strategy.BLOCKING, accept_cached=True)
    assert done.outcome.counts == {"cached": 1}
    assert done.outcome.status is RefreshStatus.REFRESHED


def test_accept_cached_does_not_soften_force_async(posthog, tile):
    posthog.board(42, tile(1, broken="Memory limit exceeded"))
    posthog.warm()
    assert refreshed(posthog, accept_cached=True).outcome.status is RefreshStatus.FAILED


def test_a_proxy_that_cuts_force_blocking_is_survived_by_reading(posthog, tile):
    """5.4.7: the calculation goes on, and fills the cache."""
    posthog.board(42, *(tile(n, seconds=30) for n in range(1, 5)))
    posthog.warm()
    done = refreshed(posthog, Strategy.FORCE_BLOCKING)
    assert done.outcome.status is RefreshStatus.REFRESHED
    assert posthog.count("force_blocking") == 1  # not sent again: the server was still at it


def test_a_cut_force_blocking_that_never_ends_is_given_up(posthog, tile):
    posthog.board(42, tile(1, seconds=30), tile(2, seconds=1e6))
    posthog.warm()
    done = refreshed(posthog, Strategy.FORCE_BLOCKING, timeout=3600)
    assert done.outcome.status is RefreshStatus.PARTIAL
    assert statuses(done) == {2: TileOutcomeStatus.STALE}
    assert "cut" in done.outcome.tiles[0].message
    assert posthog.count("force_cache") < 12


@pytest.mark.parametrize("strategy", [Strategy.FORCE_BLOCKING, Strategy.FORCE_ASYNC, Strategy.PER_TILE])
def test_one_broken_sql_tile_is_named_and_the_others_are_refreshed(posthog, tile, strategy):
    """5.4.8: executing it answers 400 for the whole dashboard."""
    posthog.board(42, tile(1), tile(2, name="Revenue", broken_sql="Unknown table 'orderz'"), tile(3))
    posthog.warm()
    done = refreshed(posthog, strategy)
    assert done.outcome.status is RefreshStatus.PARTIAL
    assert done.outcome.counts == {"refreshed": 2, "failed": 1}
    assert [(t.id, t.name, t.message) for t in done.outcome.tiles] == [(2, "Revenue", "Unknown table 'orderz'")]
    captured = done.snapshot.tile(2)
    assert captured.status is TileStatus.FAILED
    assert captured.error == "Unknown table 'orderz'"


def test_a_failure_told_by_the_query_status_alone_is_found(posthog, tile):
    """A failed async query leaves the old result in the cache, with nothing beside it."""
    posthog.board(42, tile(1), tile(2, broken="Memory limit exceeded"))
    posthog.warm()
    done = refreshed(posthog)
    assert [(t.id, t.status, t.message) for t in done.outcome.tiles] == [
        (2, TileOutcomeStatus.FAILED, "Memory limit exceeded")
    ]


@pytest.mark.parametrize("strategy", [Strategy.FORCE_ASYNC, Strategy.FORCE_BLOCKING])
def test_a_tile_refused_for_the_moment_is_asked_for_once_more(posthog, tile, strategy):
    """5.4.9, 4.6: `last_refresh` is "now", and nothing was computed."""
    posthog.board(42, tile(1), tile(2, refusals=1))
    posthog.warm()
    done = refreshed(posthog, strategy)
    assert done.outcome.status is RefreshStatus.REFRESHED
    assert posthog.count(r"/insights/1002/") == 1


def test_many_refused_tiles_are_kicked_again_together(posthog, tile):
    posthog.board(42, *(tile(n, refusals=1) for n in range(1, 9)))
    posthog.warm()
    done = refreshed(posthog)
    assert done.outcome.status is RefreshStatus.REFRESHED
    assert posthog.count("force_async") == 2
    assert posthog.count("/insights/") == 0


def test_a_refusal_that_stays_is_a_failure(posthog, tile):
    posthog.board(42, *(tile(n, refusals=9) for n in range(1, 9)))
    posthog.warm()
    done = refreshed(posthog)
    assert done.outcome.status is RefreshStatus.FAILED
    assert {t.message for t in done.outcome.tiles} == {"concurrency_limit_exceeded"}


def test_a_tile_without_access_is_told_and_the_rest_refreshed(posthog, tile):
    posthog.board(42, tile(1), tile(2, readable=False))
    posthog.warm()
    done = refreshed(posthog)
    assert done.outcome.status is RefreshStatus.REFRESHED
    assert statuses(done) == {2: TileOutcomeStatus.NO_ACCESS}
    assert done.snapshot.tile(2).status is TileStatus.NO_ACCESS


def test_a_dashboard_without_any_readable_insight_proves_nothing(posthog, tile):
    posthog.board(42, tile(2, readable=False))
    assert refreshed(posthog).outcome.status is RefreshStatus.FAILED


def test_a_tile_whose_query_no_longer_validates_is_failed(posthog, tile):
    posthog.board(42, tile(1), tile(2, invalid={"type": "ValidationError", "message": "kind is missing"}))
    posthog.warm()
    done = refreshed(posthog)
    assert [(t.id, t.message) for t in done.outcome.tiles] == [(2, "ValidationError: kind is missing")]


def test_a_cold_dashboard_is_filled(posthog, tile):
    """5.4.5"""
    posthog.board(42, tile(1), tile(2))
    assert refreshed(posthog).outcome.counts == {"refreshed": 2}


def test_a_dashboard_without_tiles_has_nothing_to_refresh(posthog):
    posthog.board(42)
    assert refreshed(posthog).outcome.status is RefreshStatus.REFRESHED


def test_a_read_that_lags_behind_the_status_is_repeated(posthog, tile):
    posthog.board(42, tile(1, lag=2.0))
    posthog.warm()
    done = refreshed(posthog)
    assert done.outcome.status is RefreshStatus.REFRESHED
    assert 2 <= posthog.count("force_cache") <= 4


def test_a_read_that_lags_for_ever_is_stale_and_says_so(posthog, tile):
    posthog.board(42, tile(1, lag=1e9))
    posthog.warm()
    done = refreshed(posthog)
    assert statuses(done) == {1: TileOutcomeStatus.STALE}
    assert "still shows the old result" in done.outcome.tiles[0].message
    assert posthog.count("force_cache") == 5


def test_a_record_that_expired_is_decided_by_the_read(posthog, tile):
    posthog.board(42, tile(1, seconds=5, record_seconds=0.0))
    posthog.warm()
    assert refreshed(posthog).outcome.status is RefreshStatus.REFRESHED


def test_work_that_the_server_lost_is_asked_for_once_more(posthog, tile):
    posthog.board(42, tile(1, losses=1), tile(2))
    posthog.warm()
    done = refreshed(posthog)
    assert done.outcome.status is RefreshStatus.REFRESHED
    assert posthog.count(r"/insights/1001/") == 1


def test_a_record_of_an_earlier_run_proves_nothing(posthog, tile):
    board = posthog.board(42, tile(1))
    posthog.warm()
    refreshed(posthog)
    posthog.sleep(60)
    board.tiles[0].losses = 0
    old = posthog.jobs["cache_1_1"]
    kicked = posthog.run(kick(posthog.flows(), 42, options()))
    posthog.jobs["cache_1_1"] = old  # this kick was ignored: the record is of the run before
    done = posthog.run(finish(posthog.flows(), kicked, options()))
    assert posthog.count(r"/insights/1001/") == 1
    assert done.outcome.status is RefreshStatus.REFRESHED


def test_a_slow_tile_in_the_middle_is_waited_for_by_its_own_query(posthog, tile):
    posthog.board(42, tile(1), tile(2, seconds=120), tile(3))
    posthog.warm()
    done = refreshed(posthog)
    assert done.outcome.status is RefreshStatus.REFRESHED
    assert posthog.count("force_cache") == 2  # the early read, and the one that proves


def test_the_deadline_names_what_is_still_computing(posthog, tile):
    posthog.board(42, tile(1), tile(2, seconds=1e6, name="Slow"))
    posthog.warm()
    done = refreshed(posthog, timeout=60)
    assert done.outcome.status is RefreshStatus.PARTIAL
    assert [(t.name, t.status) for t in done.outcome.tiles] == [("Slow", TileOutcomeStatus.PENDING)]
    assert 55 < posthog.time - 1_780_300_800 < 90


def test_a_key_that_may_not_poll_still_refreshes(posthog, tile):
    posthog.board(42, tile(1, seconds=9))
    posthog.warm()
    posthog.may_poll = False
    done = refreshed(posthog)
    assert done.outcome.status is RefreshStatus.REFRESHED
    assert posthog.count("force_cache") <= 6


def test_an_unknown_dashboard_raises_the_servers_answer(posthog):
    with pytest.raises(NotFoundError, match="42"):
        refreshed(posthog)


def test_kick_and_watch_travel_as_json(posthog, tile):
    posthog.board(42, tile(1), tile(2))
    posthog.warm()
    kicked = posthog.run(kick(posthog.flows(), 42, options()))
    again = Kick.from_json(json.loads(json.dumps(kicked.to_json())))
    assert again == kicked
    assert again.pending == ["cache_1_1", "cache_1_2"]
    planned = watch([again])
    assert Watch.from_json(json.loads(json.dumps(planned.to_json()))) == planned
    state = PollState()
    while not state.over:
        state = PollState.from_json(
            json.loads(json.dumps(posthog.run(poll(posthog.flows(), planned, state)).to_json()))
        )
        posthog.sleep(state.wait)
    assert state.done == [42]
    assert posthog.run(finish(posthog.flows(), again, options())).outcome.status is RefreshStatus.REFRESHED


def test_a_baseline_catches_a_result_that_did_not_move(posthog, tile):
    board = posthog.board(42, tile(1, losses=9))
    posthog.warm()
    kicked = posthog.run(kick(posthog.flows(), 42, options(), since=posthog.time - 7200))
    posthog.fault("/insights/", PostHogConnectionError("no", sent=False), times=9)
    from datetime import datetime, timezone

    baseline = {1: datetime.fromtimestamp(board.tiles[0].last_refresh, tz=timezone.utc)}
    assert posthog.run(finish(posthog.flows(), kicked, options())).outcome.status is RefreshStatus.REFRESHED
    strict = posthog.run(finish(posthog.flows(), kicked, options(), baseline=baseline))
    assert strict.outcome.status is RefreshStatus.FAILED


def test_cancel_tells_how_many_and_never_raises(posthog, tile):
    posthog.board(42, tile(1, seconds=99), tile(2, seconds=99, losses=1))
    kicked = posthog.run(kick(posthog.flows(), 42, options()))
    assert posthog.run(cancel(posthog.flows(), kicked.pending)) == 1
    assert posthog.count("DELETE") == 2


def test_cancel_gives_up_on_a_server_that_does_not_answer(posthog, tile):
    """It runs while Airflow waits for the task to die: every query would take its five attempts."""
    posthog.board(42, *(tile(each, seconds=99) for each in (1, 2, 3)))
    kicked = posthog.run(kick(posthog.flows(), 42, options()))
    posthog.fault("DELETE", PostHogConnectionError("no", sent=False), times=9)
    assert posthog.run(cancel(posthog.flows(), kicked.pending)) == 0
    assert posthog.count("DELETE") == 1
