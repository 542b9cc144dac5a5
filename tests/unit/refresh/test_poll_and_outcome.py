from __future__ import annotations

import json

import pytest

from airflow_dashboards.refresh.outcome import (
    MAX_TILES,
    OnFailure,
    RefreshOutcome,
    RefreshStatus,
    TileOutcome,
    TileOutcomeStatus,
    verdict,
)
from airflow_dashboards.refresh.plan import Kick, PollState, RefreshOptions, Strategy
from airflow_dashboards.refresh.poll import LONGEST_WAIT, MAX_FAILURES, poll, watch

URL = "https://posthog.example.com/project/1/dashboard/42"


def kicked(posthog, board: int = 42, pending: int = 2, **facts) -> Kick:
    shape = {
        "dashboard_id": board,
        "strategy": Strategy.FORCE_ASYNC,
        "since": posthog.time,
        "kicked_at": posthog.time,
        "deadline": posthog.time + 600,
        "pending": [f"cache_1_{n + 1}" for n in range(pending)],
        "place": pending,
    }
    return Kick(**{**shape, **facts})


def look(posthog, planned, state=None) -> PollState:
    state = posthog.run(poll(posthog.flows(), planned, state or PollState(polls=1)))
    posthog.sleep(state.wait)
    return state


def work(posthog, tile, *seconds: float) -> None:
    posthog.board(42, *(tile(n + 1, seconds=each) for n, each in enumerate(seconds)))
    for each in posthog.boards[42].tiles:
        posthog._enqueue(each)


def test_the_last_query_stands_for_all_before_it(posthog, tile):
    work(posthog, tile, 1, 1)
    planned = watch([kicked(posthog)])
    posthog.sleep(2)
    state = look(posthog, planned)
    assert (state.over, state.wait) == (False, 0.5)  # what ran beside it may end a moment later
    state = look(posthog, planned, state)
    assert (state.over, state.done, posthog.count("/query/")) == (True, [42], 1)


def test_after_an_early_read_every_query_is_asked_about(posthog, tile):
    work(posthog, tile, 30, 1)
    planned = watch([kicked(posthog, reads=1)])
    posthog.sleep(5)
    state = look(posthog, planned)
    assert not state.over
    while not state.over:
        state = look(posthog, planned, state)
    assert posthog.time > posthog.jobs["cache_1_1"].end


def test_looks_become_rarer_while_nothing_is_known(posthog, tile):
    work(posthog, tile, 1e6)
    planned = watch([kicked(posthog, pending=1)])
    state, waits = PollState(polls=1), []
    for _ in range(14):
        state = look(posthog, planned, state)
        waits.append(state.wait)
    assert waits == sorted(waits)
    assert waits[-1] == LONGEST_WAIT


def test_the_first_look_comes_when_the_last_refresh_suggests(posthog, tile):
    work(posthog, tile, 1)
    planned = watch([kicked(posthog)], expected_seconds=100)
    state = look(posthog, planned, PollState())
    assert 80 < state.wait <= 90
    assert posthog.log == []


def test_transient_failures_are_tolerated_and_the_fifth_ends_the_watch(posthog, tile):
    work(posthog, tile, 1e6)
    planned = watch([kicked(posthog, pending=1)])
    posthog.fault("/query/", (503, {"detail": "busy"}), times=4)
    state = PollState(polls=1)
    for _ in range(4):
        state = look(posthog, planned, state)
    assert (state.failures, state.over) == (4, False)
    state = look(posthog, planned, state)
    assert (state.failures, state.over, state.error) == (0, False, None)
    posthog.fault("/query/", (503, {"detail": "busy"}), times=99)
    for _ in range(MAX_FAILURES):
        state = look(posthog, planned, state)
    assert (state.over, state.done) == (True, [42])  # only the read decides
    assert "503" in state.error


@pytest.mark.parametrize("status", [401, 402, 418])
def test_a_failure_that_will_not_pass_ends_the_watch_at_once(posthog, tile, status):
    work(posthog, tile, 1e6)
    posthog.fault("/query/", (status, {"detail": "no"}))
    state = look(posthog, watch([kicked(posthog)]))
    assert (state.over, state.done) == (True, [42])
    assert str(status) in state.error


@pytest.mark.parametrize("answer", [(500, {"detail": "failed"}), (404, {"detail": "Query x not found for team 1"})])
def test_a_query_that_failed_or_is_forgotten_will_not_run_any_further(posthog, tile, answer):
    work(posthog, tile, 1e6)
    posthog.fault("/query/", answer)
    planned = watch([kicked(posthog)])
    assert look(posthog, planned, look(posthog, planned)).done == [42]


def test_the_deadline_ends_the_watch(posthog, tile):
    work(posthog, tile, 1e6)
    planned = watch([kicked(posthog, pending=1, deadline=posthog.time + 20)])
    state = PollState(polls=1)
    while not state.over:
        state = look(posthog, planned, state)
    assert 20 <= posthog.time - planned.started_at < 21
    assert state.done == [42]


def test_nothing_to_poll_waits_until_the_next_read_makes_sense(posthog):
    planned = watch([kicked(posthog, pending=0, reads=1, not_before=posthog.time + 7)])
    state = look(posthog, planned)
    assert (state.over, posthog.log) == (False, [])
    assert 6 < state.wait <= 7
    assert look(posthog, planned, state).done == [42]


def test_a_watch_stays_small_however_many_reads_came_too_early(posthog):
    kicks = [kicked(posthog, board=n, pending=50, reads=1) for n in range(1, 1001)]
    planned = watch(kicks)
    assert len(json.dumps(planned.to_json())) < 20_000
    assert planned.waiting == 1000 - len(planned.milestones)


def test_there_must_be_something_to_watch():
    with pytest.raises(ValueError, match="nothing is in flight"):
        watch([])


def tiles(**counts: int) -> list[TileOutcome]:
    return [
        TileOutcome(id=n, name=f"T{n}", status=TileOutcomeStatus(status), message="why" * 400)
        for status, count in counts.items()
        for n in range(count)
    ]


@pytest.mark.parametrize(
    ("counts", "status"),
    [
        ({}, RefreshStatus.REFRESHED),
        ({"refreshed": 2, "skipped": 1}, RefreshStatus.REFRESHED),
        ({"skipped": 1}, RefreshStatus.REFRESHED),
        ({"cached": 1}, RefreshStatus.REFRESHED),
        ({"refreshed": 1, "no_access": 1}, RefreshStatus.REFRESHED),
        ({"no_access": 2}, RefreshStatus.FAILED),
        ({"refreshed": 1, "stale": 1}, RefreshStatus.PARTIAL),
        ({"refreshed": 1, "pending": 1}, RefreshStatus.PARTIAL),
        ({"failed": 1, "skipped": 3}, RefreshStatus.FAILED),
        ({"stale": 1, "no_access": 1}, RefreshStatus.FAILED),
    ],
)
def test_what_tiles_come_to(counts, status):
    done = RefreshOutcome.of_tiles(42, tiles(**counts), name="KPIs", url=URL, since=None, finished_at=None)
    assert done.status is status
    assert done.counts == counts
    assert done.label in done.describe()
    assert (URL in done.describe()) == bool(done.tiles)


def test_an_outcome_stays_small_however_broken_the_dashboard():
    done = RefreshOutcome.of_tiles(42, tiles(failed=200), name="KPIs", url=URL, since=None, finished_at=None)
    assert (len(done.tiles), done.tiles_omitted) == (MAX_TILES, 180)
    assert len(done.model_dump_json()) < 16_000
    assert "and 180 more tiles" in done.describe()
    assert RefreshOutcome.model_validate_json(done.model_dump_json()) == done


def test_the_verdict_names_who_is_not_refreshed_and_obeys_on_failure():
    good = RefreshOutcome(dashboard_id=1, url=URL, status=RefreshStatus.REFRESHED)
    bad = RefreshOutcome.of_error(2, url=URL, error=ValueError("Not found."), name="KPIs")
    assert not verdict([good]).fails
    judged = verdict([good, bad])
    assert (judged.fails, judged.unrefreshed) == (True, [2])
    assert "1 of 2 dashboards are not refreshed" in judged.message
    assert "KPIs (2): failed: Not found." in judged.message
    assert not verdict([bad], OnFailure.CONTINUE).fails
    assert "and 30 more dashboards" in verdict([bad] * 50).message


def test_options_are_json():
    options = RefreshOptions(host="https://x.example.com", strategy=Strategy.PER_TILE, timeout=5)
    assert RefreshOptions.from_json(options.to_json()) == options
    with pytest.raises(ValueError, match="force_asink"):
        RefreshOptions(host="https://x.example.com", strategy="force_asink")
