from __future__ import annotations

import json

import pytest

from airflow_dashboards.posthog import NotFoundError, PostHogConnectionError, RateLimitError, ServerError
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
from airflow_dashboards.refresh.poll import LONGEST_OUTAGE, LONGEST_OUTAGE_WAIT, LONGEST_WAIT, poll, watch

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


def looks(posthog, planned, state=None) -> list[PollState]:
    """Look until the watch is over."""
    seen = [look(posthog, planned, state)]
    while not seen[-1].over:
        seen.append(look(posthog, planned, seen[-1]))
    return seen


def test_an_outage_is_waited_for_ever_more_patiently_and_its_end_is_noticed(posthog, tile):
    work(posthog, tile, 1)
    planned = watch([kicked(posthog, pending=1, deadline=posthog.time + 1800)])
    posthog.fault("/query/", (503, {"detail": "busy"}), times=12)  # about ten minutes
    *_, last_failed, first_good, done = looks(posthog, planned)
    assert posthog.time - planned.started_at > 600
    assert (last_failed.failures, last_failed.wait, last_failed.done) == (12, LONGEST_OUTAGE_WAIT, [])
    assert "503" in last_failed.error
    assert (first_good.failures, first_good.failing_since, first_good.error) == (0, 0.0, None)
    assert (done.done, done.blind) == ([42], False)


def test_looks_at_a_server_that_is_down_become_rarer(posthog, tile):
    work(posthog, tile, 1e6)
    posthog.fault("/query/", PostHogConnectionError("refused", sent=False), times=99)
    seen = looks(posthog, watch([kicked(posthog, pending=1, deadline=posthog.time + 3600)]))
    assert [each.wait for each in seen[:5]] == [10.0, 20.0, 40.0, 60.0, 60.0]
    assert len(seen) < 25


def test_an_outage_without_end_ends_the_watch_before_its_deadline_and_blinds_nobody(posthog, tile):
    work(posthog, tile, 1e6)
    planned = watch([kicked(posthog, pending=1, deadline=posthog.time + 7200)])
    posthog.fault("/query/", (503, {"detail": "busy"}), times=99)
    state = looks(posthog, planned)[-1]
    assert LONGEST_OUTAGE <= posthog.time - planned.started_at < LONGEST_OUTAGE + 2 * LONGEST_OUTAGE_WAIT
    assert (state.done, state.blind) == ([42], False)  # only the read decides
    assert "503" in state.error


def test_an_outage_does_not_outlast_the_deadline(posthog, tile):
    work(posthog, tile, 1e6)
    planned = watch([kicked(posthog, pending=1, deadline=posthog.time + 100)])
    posthog.fault("/query/", (503, {"detail": "busy"}), times=99)
    assert looks(posthog, planned)[-1].done == [42]
    assert 100 <= posthog.time - planned.started_at < 101


def test_a_spent_budget_is_waited_for_as_long_as_the_server_says(posthog, tile):
    work(posthog, tile, 1)
    planned = watch([kicked(posthog, pending=1, deadline=posthog.time + 3600)])
    posthog.fault("/query/", RateLimitError("spent", status=429, retry_after=700.0), times=3)
    waits = [state.wait for state in looks(posthog, planned)]
    assert waits[:3] == [700.0, 700.0, 700.0]
    assert posthog.count("/query/") == 4


def test_a_spent_budget_is_no_failure_and_blinds_nobody(posthog, tile):
    work(posthog, tile, 1e6)
    planned = watch([kicked(posthog, pending=1, deadline=posthog.time + 3600)])
    posthog.fault("/query/", RateLimitError("spent", status=429), times=9)
    state = PollState(polls=1, failures=2, failing_since=posthog.time - 30)
    for _ in range(9):
        state = look(posthog, planned, state)
        assert (state.failures, state.over, state.blind, state.wait) == (2, False, False, LONGEST_WAIT)


def test_a_spent_budget_is_not_waited_for_beyond_the_deadline(posthog, tile):
    work(posthog, tile, 1e6)
    planned = watch([kicked(posthog, pending=1, deadline=posthog.time + 100)])
    posthog.fault("/query/", RateLimitError("spent", status=429, retry_after=3600.0), times=9)
    state = looks(posthog, planned)[-1]
    assert (state.done, state.blind) == ([42], False)
    assert 100 <= posthog.time - planned.started_at < 101


def test_a_key_that_may_not_look_is_blind(posthog, tile):
    work(posthog, tile, 1e6)
    posthog.may_poll = False
    state = look(posthog, watch([kicked(posthog)]))
    assert (state.over, state.done, state.blind) == (True, [42], True)
    assert "query:read" in state.error


def test_states_travel_as_json_and_those_of_an_older_trigger_are_read():
    state = PollState(over=True, done=[1], error="no", blind=True, failures=3, failing_since=1.5)
    assert PollState.from_json(json.loads(json.dumps(state.to_json()))) == state
    assert not PollState.from_json({"over": True, "done": [1], "error": "no", "failures": 5}).blind


@pytest.mark.parametrize("status", [401, 402, 418])
def test_a_failure_that_will_not_pass_ends_the_watch_at_once(posthog, tile, status):
    work(posthog, tile, 1e6)
    posthog.fault("/query/", (status, {"detail": "no"}))
    state = look(posthog, watch([kicked(posthog)]))
    assert (state.over, state.done, state.blind) == (True, [42], True)
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


@pytest.mark.parametrize(
    ("error", "retryable", "retry_after"),
    [
        (NotFoundError("Not found.", status=404), False, None),
        (ServerError("busy", status=503, retry_after=30.0), True, 30.0),
        ("not refreshed, because another failed", True, None),
        (OSError("no space left"), True, None),
    ],
)
def test_an_outcome_says_whether_another_try_may_help(error, retryable, retry_after):
    outcome = RefreshOutcome.of_error(42, url=URL, error=error)
    assert (outcome.retryable, outcome.retry_after) == (retryable, retry_after)
    told = outcome.model_dump(mode="json", exclude={"retryable", "retry_after"})
    assert RefreshOutcome.model_validate(told).retryable  # as told before outcomes said so


def test_insights_that_the_credential_may_not_read_do_not_heal():
    blind = [TileOutcome(id=1, name="a", status=TileOutcomeStatus.NO_ACCESS)]
    failed = [TileOutcome(id=2, name="b", status=TileOutcomeStatus.FAILED)]

    def retryable(tiles):
        return RefreshOutcome.of_tiles(42, tiles, name="", url=URL, since=None, finished_at=None).retryable

    assert not retryable(blind)
    assert retryable(blind + failed)
