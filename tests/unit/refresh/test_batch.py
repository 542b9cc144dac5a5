"""Many dashboards: few requests, no one's failure is another's, and nothing is done twice."""

from __future__ import annotations

import json

import pytest

from airflow_dashboards.posthog import AuthenticationError, PostHogConnectionError, RateLimitError, ServerError
from airflow_dashboards.posthog.flow import Gather, Send
from airflow_dashboards.refresh.batch import MAX_ERRORS, OUTAGE_WAITS, advance, refresh_many
from airflow_dashboards.refresh.capture import capture
from airflow_dashboards.refresh.journal import Journal
from airflow_dashboards.refresh.ledger import Ledger
from airflow_dashboards.refresh.outcome import OnFailure, RefreshStatus
from airflow_dashboards.refresh.patience import patiently
from airflow_dashboards.refresh.plan import Limits, PollState, RefreshOptions, Strategy
from airflow_dashboards.refresh.poll import poll
from airflow_dashboards.refresh.store import SnapshotStore, SnapshotStoreError

HOST = "https://posthog.example.com"


class KilledError(BaseException):
    """What SIGKILL looks like from inside."""


def options(**facts) -> RefreshOptions:
    return RefreshOptions(host=HOST, **facts)


def boards(posthog, tile, count: int, tiles: int = 4, seconds: float = 0.2) -> list[int]:
    for board in range(1, count + 1):
        posthog.board(board, *(tile(board * 1000 + n, seconds=seconds) for n in range(tiles)))
    posthog.warm()
    posthog.version = 1
    return list(range(1, count + 1))


def deferred(posthog, ledger, opts, **kwargs) -> int:
    """Run a batch the way a deferrable operator does; returns how often the worker was needed."""
    ready, steps = [], 0
    while True:
        steps += 1
        planned = posthog.run(advance(posthog.flows(), ledger, opts, ready=ready, **kwargs))
        if planned is None:
            return steps
        state = PollState()
        while not state.over:
            state = posthog.run(poll(posthog.flows(), planned, state))
            posthog.sleep(state.wait)
        ready = state.done


def test_all_are_refreshed_and_told_in_order(posthog, tile):
    ids = boards(posthog, tile, 30)
    outcomes = posthog.run(refresh_many(posthog.flows(), ids, options()))
    assert [each.dashboard_id for each in outcomes] == ids
    assert {each.status for each in outcomes} == {RefreshStatus.REFRESHED}


@pytest.mark.parametrize(
    ("count", "tiles", "seconds", "workers"), [(100, 6, 0.2, 8), (300, 4, 0.02, 8), (40, 6, 3.0, 4)]
)
def test_a_batch_costs_at_most_2_3_requests_per_dashboard_after_the_capture(
    posthog, tile, count, tiles, seconds, workers
):
    posthog.free, posthog.latency = [0.0] * workers, 0.01
    ids = boards(posthog, tile, count, tiles, seconds)
    begun = posthog.time
    posthog.run(refresh_many(posthog.flows(), ids, options()))
    assert posthog.count("force_async") == count
    assert posthog.count("force_cache") <= 1.05 * count
    assert posthog.count("/query/") <= max(0.3 * count, 20)
    assert len(posthog.log) <= 2.3 * count + 12
    server_alone = count * tiles * seconds / workers
    assert posthog.time - begun <= 1.3 * max(server_alone, 0.02 * count) + 2


def test_deferred_costs_the_same_and_needs_the_worker_twice(posthog, tile):
    ids = boards(posthog, tile, 100, 6)
    ledger = Ledger(ids)
    assert deferred(posthog, ledger, options()) == 2
    assert ledger.complete
    assert {each.status for each in ledger.outcomes()} == {RefreshStatus.REFRESHED}
    assert len(posthog.log) <= 2.3 * 100 + 1


def test_the_watch_of_a_thousand_dashboards_is_small(posthog, tile):
    ids = boards(posthog, tile, 1000, 1)
    planned = posthog.run(advance(posthog.flows(), Ledger(ids), options(limits=Limits(dashboards=1000))))
    assert len(json.dumps(planned.to_json())) < 20_000


def test_limits_hold(posthog, tile):
    ids = boards(posthog, tile, 20, 5, seconds=30)
    for limits, most in ((Limits(dashboards=3), 3), (Limits(tiles=20, requests=1), 4)):
        ledger = Ledger(ids)
        planned = posthog.run(advance(posthog.flows(), ledger, options(limits=limits)))
        assert len(ledger.in_flight()) <= most
        assert planned.waiting == len(ledger.waiting()) > 0


def test_a_watch_ends_early_to_let_waiting_ones_in(posthog, tile):
    ids = boards(posthog, tile, 20, 2, seconds=2)
    ledger = Ledger(ids)
    deferred(posthog, ledger, options(limits=Limits(dashboards=6)))
    assert {each.status for each in ledger.outcomes()} == {RefreshStatus.REFRESHED}


def test_one_bad_dashboard_costs_the_others_nothing(posthog, tile):
    ids = boards(posthog, tile, 6)
    posthog.boards[2].deleted = True
    posthog.boards[3].tiles[0].broken = "Memory limit exceeded"
    posthog.boards[4].tiles[0].seconds = 1e6
    posthog.fault(
        r"dashboards/5/\?refresh=force_async",
        (500, {"type": "server_error", "code": "error", "detail": "A server error occurred."}),
        times=99,
    )
    outcomes = {
        each.dashboard_id: each for each in posthog.run(refresh_many(posthog.flows(), ids, options(timeout=120)))
    }
    assert {key: each.status.value for key, each in outcomes.items()} == {
        1: "refreshed",
        2: "failed",
        3: "partial",
        4: "partial",
        5: "failed",
        6: "refreshed",
    }
    assert "Not found." in outcomes[2].error
    assert outcomes[3].tiles[0].message == "Memory limit exceeded"
    assert outcomes[4].tiles[0].status.value == "pending"
    assert "A server error occurred." in outcomes[5].error
    assert posthog.count(r"dashboards/5/\?refresh=force_async") == MAX_ERRORS
    assert posthog.count(r"dashboards/1/") == 2


def test_fail_fast_kicks_no_further_ones(posthog, tile):
    ids = boards(posthog, tile, 40)
    posthog.boards[1].deleted = True
    opts = options(on_failure=OnFailure.FAIL_FAST, limits=Limits(requests=2))
    outcomes = posthog.run(refresh_many(posthog.flows(), ids, opts))
    assert len(outcomes) == 40
    assert posthog.count("force_async") == 8  # the round that was under way
    assert "fail_fast" in outcomes[-1].error


def test_a_refused_credential_ends_the_batch_at_once(posthog, tile):
    ids = boards(posthog, tile, 100)
    body = {"type": "authentication_error", "code": "authentication_failed", "detail": "Personal API key is invalid."}
    posthog.fault("force_async", (401, body), times=999)
    ledger = Ledger(ids)
    with pytest.raises(AuthenticationError):
        posthog.run(refresh_many(posthog.flows(), ids, options(), ledger=ledger))
    assert posthog.count("force_async") <= 32
    assert len(ledger.waiting()) == 100


def test_an_outage_is_waited_for_and_then_raised_with_the_ledger_intact(posthog, tile):
    ids = boards(posthog, tile, 10)
    ledger = Ledger(ids)
    posthog.fault("force_async", PostHogConnectionError("Could not reach PostHog", sent=False), times=50)
    with pytest.raises(PostHogConnectionError):
        posthog.run(refresh_many(posthog.flows(), ids, options(), ledger=ledger))
    assert [each for each in posthog.slept if each in OUTAGE_WAITS] == list(OUTAGE_WAITS)
    assert len(ledger.waiting()) == 10
    outcomes = posthog.run(refresh_many(posthog.flows(), ids, options(), ledger=ledger))
    assert {each.status for each in outcomes} == {RefreshStatus.REFRESHED}


def test_a_short_outage_fails_no_dashboard(posthog, tile):
    ids = boards(posthog, tile, 10)
    posthog.fault("dashboards/", PostHogConnectionError("Could not reach PostHog", sent=False), times=0)
    posthog.fault("force_cache", (503, {"detail": "busy"}), times=20)
    outcomes = posthog.run(refresh_many(posthog.flows(), ids, options()))
    assert {each.status for each in outcomes} == {RefreshStatus.REFRESHED}


@pytest.mark.parametrize(("strategy", "most"), [("force_async", 8), ("force_blocking", 3), ("per_tile", 1)])
def test_what_computes_inside_requests_is_asked_for_by_few_at_once(posthog, tile, strategy, most):
    ids = boards(posthog, tile, 20)
    flow = refresh_many(posthog.flows(), ids, options(strategy=strategy), ledger=Ledger(ids))
    step = next(flow)
    while not isinstance(step, Gather):
        step = flow.send(posthog.send(step.request) if isinstance(step, Send) else posthog.time)
    assert step.limit == most


REFUSAL = {"type": "throttled_error", "code": "throttled", "detail": "Expected available in 2400 seconds."}


def test_a_spent_hour_is_waited_out_and_held_against_nobody(posthog, tile):
    ids = boards(posthog, tile, 10)
    posthog.fault(r"dashboards/\d+/", (429, REFUSAL), times=40)
    outcomes = posthog.run(refresh_many(posthog.flows(), ids, options()))
    assert {each.status for each in outcomes} == {RefreshStatus.REFRESHED}
    assert [each for each in posthog.slept if each > 1000] == [pytest.approx(2400, abs=5)] * 4


def test_a_spent_hour_is_waited_out_in_the_triggerer(posthog, tile):
    """And without asking anything meanwhile."""
    ids = boards(posthog, tile, 10)
    ledger = Ledger(ids)
    posthog.fault(r"dashboards/\d+/", (429, REFUSAL), times=10)
    planned = posthog.run(advance(posthog.flows(), ledger, options()))
    assert planned.milestones == []
    state = posthog.run(poll(posthog.flows(), planned, PollState()))
    assert (state.over, state.requests) == (False, 0)
    posthog.sleep(state.wait)
    assert 2390 < state.wait <= 2400
    state = posthog.run(poll(posthog.flows(), planned, state))
    assert state.over
    assert deferred(posthog, ledger, options()) == 2
    assert {each.status for each in ledger.outcomes()} == {RefreshStatus.REFRESHED}


@pytest.mark.parametrize("strategy", [Strategy.PER_TILE, Strategy.FORCE_BLOCKING, Strategy.FORCE_ASYNC])
def test_a_limit_met_between_two_tiles_is_held_against_neither(posthog, tile, strategy):
    """Tile by tile, after a request that failed for one broken tile, or to repair what the server lost."""
    ids = boards(posthog, tile, 3)
    broken = strategy is Strategy.FORCE_BLOCKING
    if broken:
        posthog.boards[2].tiles[0].broken_sql = "Unknown table"
    if strategy is Strategy.FORCE_ASYNC:
        for each in posthog.boards[2].tiles[1:]:
            each.losses = 1
    posthog.fault("insights/3003/", (429, REFUSAL))
    ledger = Ledger(ids)
    outcomes = posthog.run(refresh_many(posthog.flows(), ids, options(strategy=strategy, timeout=9000), ledger=ledger))
    assert [each.status for each in (outcomes[0], outcomes[2])] == [RefreshStatus.REFRESHED] * 2
    assert [(each.id, each.message) for each in outcomes[1].tiles] == ([(2000, "Unknown table")] if broken else [])
    assert [each for each in posthog.slept if each > 1000] == [pytest.approx(2400, abs=5)]
    # What was computed before the limit was met is fresh: it is not computed again.
    assert [posthog.count(f"insights/{each}/") for each in (3001, 3002, 3003)] == [1, 1, 2]


def test_a_repair_cut_short_by_the_limit_goes_on_with_the_tiles_left(posthog, tile):
    boards(posthog, tile, 1)
    for each in posthog.boards[1].tiles[:2]:
        each.refusals = 1
    posthog.fault("insights/2001/", (429, REFUSAL))
    outcomes = posthog.run(refresh_many(posthog.flows(), [1], options(timeout=9000)))
    assert outcomes[0].status is RefreshStatus.REFRESHED
    assert (posthog.count("insights/2000/"), posthog.count("insights/2001/")) == (1, 2)
    assert posthog.count("force_async") == 1


def test_work_that_has_time_waits_for_its_turn(posthog, tile):
    boards(posthog, tile, 1)
    posthog.fault(r"dashboards/1/", (429, REFUSAL), times=2)
    again = lambda: capture(posthog.flows(), 1, host=HOST)  # noqa: E731
    assert posthog.run(patiently(again)).dashboard_id == 1
    posthog.fault(r"dashboards/1/", (429, REFUSAL), times=9)
    with pytest.raises(RateLimitError):
        posthog.run(patiently(again))
    assert posthog.slept == [2400.0] * 4


def test_a_capture_that_computes_tile_by_tile_waits_for_its_turn_too(posthog, tile):
    boards(posthog, tile, 1)
    posthog.boards[1].tiles[0].broken_sql = "Unknown table"
    posthog.fault("insights/2002/", (429, REFUSAL))
    snapshot = posthog.run(patiently(lambda: capture(posthog.flows(), 1, host=HOST, mode="force_blocking")))
    assert [each.error for each in snapshot.tiles] == ["Unknown table", None, None, None]
    assert posthog.slept == [2400.0]


def test_snapshots_are_kept_one_by_one_and_referred_to(posthog, tile, tmp_path):
    ids = boards(posthog, tile, 5)
    store = SnapshotStore(tmp_path)
    outcomes = posthog.run(refresh_many(posthog.flows(), ids, options(), keep=lambda s: store.write(s, run="r1")))
    for outcome in outcomes:
        assert [each.result for each in store.read(outcome.after).tiles] == [[{"version": 1}]] * 4


def test_a_storage_that_refuses_for_good_fails_the_task_with_its_own_words(posthog, tile):
    """No dashboard is at fault: a verdict on each would hide the cause, and have the retry refresh them all anew."""
    ids = boards(posthog, tile, 2)

    def full(_):
        raise SnapshotStoreError("No space left on device")

    ledger = Ledger(ids)
    for _ in range(2):
        with pytest.raises(SnapshotStoreError, match="No space left on device"):
            posthog.run(refresh_many(posthog.flows(), ids, options(), ledger=ledger, keep=full))
        assert ledger.outcomes() == []
    assert posthog.count("force_async") == 2


@pytest.mark.parametrize("fault", [SnapshotStoreError("SlowDown"), OSError("SlowDown")])
@pytest.mark.parametrize("strategy", [Strategy.FORCE_ASYNC, Strategy.FORCE_BLOCKING, Strategy.PER_TILE])
def test_a_storage_fault_costs_one_read_and_no_refresh(posthog, tile, tmp_path, strategy, fault):
    """The rest of the round is finished and on record; the retry reads what could not be stored, and kicks nothing."""
    ids = boards(posthog, tile, 5)
    store, left = SnapshotStore(tmp_path), [fault]

    def keep(snapshot):
        if snapshot.dashboard_id == 2 and left:
            raise left.pop()
        return store.write(snapshot, run="r1")

    opts = options(strategy=strategy, on_failure=OnFailure.CONTINUE)
    journal = Journal(store, key="k")
    with pytest.raises(type(fault), match="SlowDown"):
        posthog.run(refresh_many(posthog.flows(), ids, opts, ledger=journal.ledger(ids), keep=keep, journal=journal))
    ledger = Journal(store, key="k").ledger(ids)
    done = [each.dashboard_id for each in ledger.outcomes()]
    assert {1, 3, 4} <= set(done) <= {1, 3, 4, 5}  # the last of the queue may still be computing
    posthog.log.clear()
    assert ledger.reopen() == []
    ledger.inherit(deadline=posthog.time + 1800)
    outcomes = posthog.run(refresh_many(posthog.flows(), ids, opts, ledger=ledger, keep=keep))
    assert [each.status for each in outcomes] == [RefreshStatus.REFRESHED] * 5
    assert all(each.after is not None for each in outcomes)
    assert posthog.count("force_cache") == posthog.count("/dashboards/") == 5 - len(done)
    assert posthog.count("insights/") == 0


@pytest.mark.parametrize("strategy", list(Strategy))
def test_every_strategy_works_in_batches(posthog, tile, strategy):
    ids = boards(posthog, tile, 3)
    outcomes = posthog.run(refresh_many(posthog.flows(), ids, options(strategy=strategy, accept_cached=True)))
    assert {each.status for each in outcomes} == {RefreshStatus.REFRESHED}


@pytest.mark.parametrize("die_at", range(1, 60, 4))
def test_a_killed_worker_s_retry_does_only_what_is_left(posthog, tile, tmp_path, die_at):
    """Killed at any request: the next try kicks nothing twice, reads nothing again that was done, and ends the same."""
    ids = boards(posthog, tile, 12)
    store = SnapshotStore(tmp_path)
    opts = options(limits=Limits(requests=2))
    send, left = posthog.send, [die_at]

    def dying(request):
        left[0] -= 1
        if left[0] == 0:
            raise KilledError
        return send(request)

    posthog.send = dying
    journal = Journal(store, key="dag/run/refresh")
    try:
        posthog.run(refresh_many(posthog.flows(), ids, opts, ledger=journal.ledger(ids), journal=journal))
    except KilledError:
        posthog.sleep(300)
    done_before = {each.dashboard_id for each in Journal(store, key="dag/run/refresh").ledger(ids).outcomes()}
    reads_before = len(posthog.log)
    journal = Journal(store, key="dag/run/refresh")
    ledger = journal.ledger(ids)
    outcomes = posthog.run(refresh_many(posthog.flows(), ids, opts, ledger=ledger, journal=journal))
    assert [each.status for each in outcomes] == [RefreshStatus.REFRESHED] * 12
    for board in ids:
        assert posthog.count(rf"dashboards/{board}/\?refresh=force_async") <= 1 or board not in done_before
    again = posthog.log[reads_before:]
    touched = {int(each.path.split("/")[-2]) for each in again if each.path.split("/")[-2].isdigit()}
    assert not touched & done_before
    kicks = [posthog.count(rf"dashboards/{board}/\?refresh=force_async") for board in ids]
    assert max(kicks) <= 1


@pytest.mark.parametrize("way", ["at once", "deferred"])
def test_a_worker_killed_late_in_a_long_reading_loses_one_round_at_most(posthog, tile, tmp_path, way):
    """All 100 dashboards are done when the worker looks again, and it dies at the 90th read."""
    ids = boards(posthog, tile, 100)
    opts = options(limits=Limits(requests=4))
    journal = Journal(SnapshotStore(tmp_path), key="k")
    ledger = journal.ledger(ids)
    posthog.run(advance(posthog.flows(), ledger, opts, journal=journal))
    posthog.sleep(300)
    send, left = posthog.send, [90]

    def dying(request):
        left[0] -= request.params.get("refresh") == "force_cache"
        if left[0] == 0:
            raise KilledError
        return send(request)

    posthog.send = dying
    if way == "deferred":
        reading = advance(posthog.flows(), ledger, opts, ready=ids, journal=journal)
    else:
        reading = refresh_many(posthog.flows(), ids, opts, ledger=ledger, journal=journal)
    with pytest.raises(KilledError):
        posthog.run(reading)
    posthog.send = send
    ledger = Journal(SnapshotStore(tmp_path), key="k").ledger(ids)
    assert len(ledger.outcomes()) == 80  # five rounds of 16
    outcomes = posthog.run(refresh_many(posthog.flows(), ids, opts, ledger=ledger))
    assert [each.status for each in outcomes] == [RefreshStatus.REFRESHED] * 100
    assert posthog.count("force_async") == 100
    assert posthog.count("force_cache") == 89 + 20


@pytest.mark.parametrize("way", ["at once", "deferred"])
def test_reading_in_rounds_asks_nothing_twice_and_takes_no_further_worker(posthog, tile, way):
    """Not even where a limit, failures and reads that come too early fall into the rounds."""
    ids = boards(posthog, tile, 100)
    opts = options(limits=Limits(requests=4))
    ledger = Ledger(ids)
    posthog.run(advance(posthog.flows(), ledger, opts))
    posthog.sleep(300)
    posthog.fault(r"dashboards/20/\?refresh=force_cache", (503, {"detail": "busy"}))
    posthog.fault(r"dashboards/50/\?refresh=force_cache", (429, REFUSAL))
    if way == "deferred":
        assert posthog.run(advance(posthog.flows(), ledger, opts, ready=ids)).resume_at > posthog.time
        assert len(ledger.outcomes()) >= 4 * 16 - 2
        posthog.sleep(2400)
        assert posthog.run(advance(posthog.flows(), ledger, opts, ready=ids)) is None
    else:
        posthog.run(refresh_many(posthog.flows(), ids, opts, ledger=ledger))
    assert [each.status for each in ledger.outcomes()] == [RefreshStatus.REFRESHED] * 100
    assert posthog.count("force_cache") == 100 + 2
    assert posthog.count("force_async") == 100


def test_fail_fast_still_reads_what_is_under_way(posthog, tile):
    ids = boards(posthog, tile, 60)
    opts = options(on_failure=OnFailure.FAIL_FAST, limits=Limits(requests=2, dashboards=40))
    ledger = Ledger(ids)
    posthog.run(advance(posthog.flows(), ledger, opts))
    posthog.sleep(300)
    posthog.boards[1].deleted = True
    deferred(posthog, ledger, opts)
    statuses = [each.status for each in ledger.outcomes()]
    assert statuses[0] is RefreshStatus.FAILED
    assert set(statuses[1:40]) == {RefreshStatus.REFRESHED}
    # The round in which it failed kicked others beside it; they are read too, and none is kicked after it.
    assert posthog.count("force_async") == statuses.count(RefreshStatus.REFRESHED) + 1 <= 48


def test_a_request_sent_right_before_the_kill_is_found_by_the_read(posthog, tile, tmp_path):
    """The answer never came; the work was done. It must not be asked for again."""
    ids = boards(posthog, tile, 1)
    journal = Journal(SnapshotStore(tmp_path), key="k")
    send = posthog.send

    def dying(request):
        reply = send(request)
        if request.params.get("refresh") == "force_async":
            raise KilledError
        return reply

    posthog.send = dying
    with pytest.raises(KilledError):
        posthog.run(refresh_many(posthog.flows(), ids, options(), ledger=journal.ledger(ids), journal=journal))
    posthog.send = send
    ledger = Journal(SnapshotStore(tmp_path), key="k").ledger(ids)
    assert ledger.doubtful() == [1]
    outcomes = posthog.run(refresh_many(posthog.flows(), ids, options(), ledger=ledger))
    assert outcomes[0].status is RefreshStatus.REFRESHED
    assert posthog.count("force_async") == 1


def test_a_request_that_never_left_before_the_kill_is_sent(posthog, tile):
    ids = boards(posthog, tile, 1)
    ledger = Ledger(ids)
    ledger.since = posthog.time
    ledger.kicking(1)
    outcomes = posthog.run(refresh_many(posthog.flows(), ids, options(), ledger=ledger))
    assert outcomes[0].status is RefreshStatus.REFRESHED
    assert posthog.count("force_async") == 1


@pytest.mark.parametrize(
    "lost",
    [
        PostHogConnectionError("reset", sent=True),
        PostHogConnectionError("slow", sent=True, timed_out=True),
        (502, b"<html>"),
        (504, b"<html>"),
        (200, b'{"id": 1, "tiles": [{'),
    ],
    ids=["reset", "slow", "502", "504", "cut"],
)
@pytest.mark.parametrize("carried_out", [True, False])
def test_a_kick_whose_answer_is_lost_is_looked_for_before_it_is_repeated(posthog, tile, lost, carried_out):
    ids = boards(posthog, tile, 3)
    send, left = posthog.send, [1]
    arrived = []

    def losing(request):
        kicks = request.params.get("refresh") == "force_async"
        if kicks and left[0]:
            left[0] -= 1
            posthog.log.append(request)
            if carried_out:
                arrived.append(send(request))
                posthog.log.pop()
            if isinstance(lost, Exception):
                raise lost
            return posthog._reply(request, *lost)
        if kicks:
            arrived.append(request)
        return send(request)

    posthog.send = losing
    ledger = Ledger(ids)
    deferred(posthog, ledger, options())
    assert [each.status for each in ledger.outcomes()] == [RefreshStatus.REFRESHED] * 3
    assert len(arrived) == 3


def test_what_an_ended_try_cancelled_is_asked_for_again(posthog, tile):
    """A supervisor that ends a task calls `on_kill`, and Airflow tries again all the same."""
    ids = boards(posthog, tile, 3, seconds=50)
    ledger = Ledger(ids)
    posthog.run(advance(posthog.flows(), ledger, options()))
    for job in posthog.jobs.values():
        job.end, job.tile.broken = posthog.time, "Query cancelled"
    posthog.sleep(7200)
    for board in posthog.boards.values():
        for each in board.tiles:
            each.record_seconds, each.broken = 1e6, "Query cancelled"
    again = Ledger.from_changes(ids, ledger.changes())
    send = posthog.send

    def healed(request):
        if request.params.get("refresh") == "force_async":
            for each in posthog.boards[int(request.path.split("/")[-2])].tiles:
                each.broken = None
        return send(request)

    posthog.send = healed
    assert again.inherit(deadline=posthog.time + 1800) == ids
    deferred(posthog, again, options())
    assert [each.status for each in again.outcomes()] == [RefreshStatus.REFRESHED] * 3


def test_what_fails_for_good_fails_after_a_crash_too(posthog, tile):
    ids = boards(posthog, tile, 1)
    posthog.boards[1].tiles[0].broken = "No."
    ledger = Ledger(ids)
    posthog.run(advance(posthog.flows(), ledger, options()))
    posthog.sleep(60)
    again = Ledger.from_changes(ids, ledger.changes())
    again.inherit(deadline=posthog.time + 1800)
    deferred(posthog, again, options())
    assert [each.status for each in again.outcomes()] == [RefreshStatus.PARTIAL]
    assert "No." in again.outcomes()[0].describe()
    assert posthog.count("force_async") == 1


def test_a_kick_that_was_turned_away_is_sent_again(posthog, tile):
    ids = boards(posthog, tile, 3)
    posthog.fault(r"force_async", (503, b"<html>"), times=2)
    outcomes = posthog.run(refresh_many(posthog.flows(), ids, options()))
    assert [each.status for each in outcomes] == [RefreshStatus.REFRESHED] * 3
    assert posthog.count("force_async") == 5


def test_a_finished_ledger_sends_nothing(posthog, tile):
    ids = boards(posthog, tile, 3)
    ledger = Ledger(ids)
    first = posthog.run(refresh_many(posthog.flows(), ids, options(), ledger=ledger))
    posthog.log.clear()
    assert posthog.run(refresh_many(posthog.flows(), ids, options(), ledger=ledger)) == first
    assert posthog.run(advance(posthog.flows(), ledger, options())) is None
    assert posthog.log == []


def test_a_server_error_is_a_server_error(posthog, tile):
    """A batch of one has no others to compare with: it is raised as it came."""
    ids = boards(posthog, tile, 1)
    posthog.fault("force_async", (503, {"detail": "busy"}), times=99)
    with pytest.raises(ServerError, match="503"):
        posthog.run(refresh_many(posthog.flows(), ids, options()))


@pytest.mark.parametrize(("count", "broken"), [(2, [1]), (5, [1, 2]), (5, [4, 5])])
def test_dashboards_at_which_the_server_always_fails_cost_the_others_nothing(posthog, tile, count, broken):
    """Neither one that fails beside a single other, nor several that fail together, are an outage."""
    ids = boards(posthog, tile, count)
    for each in broken:
        posthog.fault(rf"/dashboards/{each}/", (500, {"detail": "A server error occurred."}), times=999)
    outcomes = posthog.run(refresh_many(posthog.flows(), ids, options(on_failure=OnFailure.CONTINUE)))
    assert [each.dashboard_id for each in outcomes if each.status is not RefreshStatus.REFRESHED] == broken
    assert all("500" in (outcome.error or "") for outcome in outcomes if outcome.dashboard_id in broken)

    ledger = Ledger(ids)
    deferred(posthog, ledger, options())
    assert [each.dashboard_id for each in ledger.outcomes() if each.status is not RefreshStatus.REFRESHED] == broken
