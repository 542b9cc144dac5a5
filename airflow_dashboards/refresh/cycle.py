"""The refresh of one dashboard: kick, poll, finish; and `refresh`, which does all three.

`kick` and `finish` run on a worker, `poll` (see `airflow_dashboards.refresh.poll`) anywhere. Only `finish` decides: it
reads the results once, proves each tile, and that read is also the after-capture.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from airflow_dashboards.posthog.arguments import positive_id
from airflow_dashboards.posthog.errors import BadRequestError, PostHogError, PostHogProtocolError
from airflow_dashboards.posthog.flow import Flow, Gather, Now, Sleep
from airflow_dashboards.refresh.capture import picture, project_of
from airflow_dashboards.refresh.clock import fresh_since, instant
from airflow_dashboards.refresh.outcome import RefreshOutcome, TileOutcome, TileOutcomeStatus
from airflow_dashboards.refresh.plan import Kick, PollState, RefreshOptions, Strategy, Watch
from airflow_dashboards.refresh.poll import MAX_QUERIES, poll, watch
from airflow_dashboards.refresh.tiles import Answer, Computed, Ending, ask, compute, lost_answer, query_id
from airflow_dashboards.refresh.verify import judge, query_error

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from airflow_dashboards.analysis.model import Snapshot
    from airflow_dashboards.posthog import Dashboard, FlowClient

__all__ = [
    "Kick",
    "PollState",
    "Refreshed",
    "Strategy",
    "Watch",
    "cancel",
    "finish",
    "kick",
    "poll",
    "refresh",
    "watch",
]

#: Seconds between reads when the server says "complete" and the read still shows the old result.
READ_AGAIN = (0.5, 1.0, 2.0, 4.0)
#: Reads without a further fresh tile after which nothing is expected any more, where nothing can be polled.
MAX_IDLE_READS = 5
#: What PostHog says when it refuses to compute now (contract 4.6).
BUSY = "concurrency_limit_exceeded"
#: Seconds given to a busy server before it is asked once more.
PAUSE = 5.0
#: Lost tiles that are computed one by one; of more, the dashboard is kicked again.
MAX_REPAIRS = 3
#: Queries cancelled at the same time: a killed task has seconds for all of them.
CANCELS_AT_ONCE = 8


@dataclass(frozen=True)
class Refreshed:
    """What the verifying read found: the verdict, and the very same read as the after-capture."""

    outcome: RefreshOutcome
    snapshot: Snapshot
    #: Set when tiles are still computing and the deadline has not passed: poll this, and finish again.
    unfinished: Kick | None = None


# --- kick


def kick(
    flows: FlowClient, dashboard_id: int, options: RefreshOptions, *, since: float | None = None
) -> Flow[Kick | Refreshed]:
    """Ask the server to compute a dashboard.

    Args:
        flows: `client.flows`.
        dashboard_id: which one.
        options: how.
        since: T0, as `clock.fresh_since` gives it; taken now if not given, which takes a second.

    Returns:
        A `Kick` while the server works (force_async; or a request whose answer was lost, so that it may work), or at
        once what was found, for the strategies that wait for the answer.

    Raises:
        PostHogError: nothing could be asked for: no such dashboard, no right, no answer.

    Example:
        >>> kicked = client.run(kick(client.flows, 42, options))
    """
    positive_id(dashboard_id, "dashboard id")
    if since is None:
        since = yield from fresh_since(flows)
    return (yield from _kick(flows, dashboard_id, options, since=since, attempt=1))


def _kick(
    flows: FlowClient, dashboard_id: int, options: RefreshOptions, *, since: float, attempt: int
) -> Flow[Kick | Refreshed]:
    strategy = options.strategy
    begun: float = yield Now()
    kicked = Kick(
        dashboard_id=dashboard_id,
        strategy=strategy,
        since=since,
        kicked_at=begun,
        deadline=begun + options.timeout,
        attempt=attempt,
    )
    if strategy is Strategy.PER_TILE:
        return (yield from _tile_by_tile(flows, kicked, options, mode="force_blocking"))
    try:
        dashboard = yield from flows.dashboards.get(dashboard_id, refresh=strategy.value, packed=True)
    except BadRequestError:
        # One tile whose SQL is broken fails the whole request (contract 5.4.8): the others are still to be refreshed.
        mode = "blocking" if strategy is Strategy.BLOCKING else "force_blocking"
        return (yield from _tile_by_tile(flows, kicked, options, mode=mode))
    except PostHogError as error:
        if strategy in (Strategy.BLOCKING, Strategy.FORCE_BLOCKING) and lost_answer(error):
            return kicked.model_copy(update={"cut": True})
        if strategy is Strategy.FORCE_ASYNC and _may_have_arrived(error):
            return kicked  # without queries to poll: the read tells, and asks again only for what is lost
        raise
    if strategy is Strategy.FORCE_ASYNC:
        answered: float = yield Now()
        return _enqueued(kicked.model_copy(update={"kicked_at": answered}), dashboard)
    if refused := _refused(dashboard):
        return (yield from _once_more(flows, dashboard, kicked, options, refused, None))
    return (yield from _found(flows, dashboard, kicked, options))


def _may_have_arrived(error: PostHogError) -> bool:
    """Whether a request that got no usable answer may be at work at the server."""
    return lost_answer(error) or (isinstance(error, PostHogProtocolError) and error.broken)


def _enqueued(kicked: Kick, dashboard: Dashboard) -> Kick:
    """Note what a force_async answer promises: one query per tile, shared by tiles with the same query."""
    pending: dict[str, None] = {}
    failures: dict[int, str] = {}
    for tile in dashboard.tiles:
        insight = tile.insight
        if insight is None or not insight.is_readable:
            continue
        if (error := query_error(insight)) is not None:
            failures[tile.id] = error
        elif insight.query_status is not None and not insight.query_status.complete:
            pending[insight.query_status.id] = None
    return kicked.model_copy(
        update={"name": dashboard.name or "", "pending": list(pending), "failures": failures, "place": len(pending)}
    )


def _refused(dashboard: Dashboard) -> set[int]:
    """Tiles which the server refuses to compute for the moment (contract 4.6)."""
    return {
        tile.id for tile in dashboard.tiles if tile.insight is not None and BUSY in (query_error(tile.insight) or "")
    }


def _tile_by_tile(flows: FlowClient, kicked: Kick, options: RefreshOptions, *, mode: str) -> Flow[Kick | Refreshed]:
    before = yield from flows.dashboards.get(kicked.dashboard_id, refresh="force_cache", packed=True)
    # A try that met the key's limit half-way has computed some: dashboards larger than a limit get done by and by.
    left = {tile.id: tile for tile in before.tiles if tile.id not in _fresh(before, kicked)}
    baseline = {each: tile.insight.last_refresh for each, tile in left.items() if tile.insight is not None}
    done = yield from compute(flows, before, mode, only=left)
    kicked = kicked.model_copy(update={"name": before.name or "", "failures": done.failures})
    if done.cut:
        return kicked.model_copy(update={"cut": True})
    return (yield from _found(flows, done.dashboard, kicked, options, baseline=baseline))


# --- finish


def finish(
    flows: FlowClient, kicked: Kick, options: RefreshOptions, *, baseline: Mapping[int, datetime | None] | None = None
) -> Flow[Refreshed]:
    """Read the results once and prove them tile by tile.

    What the read does not show as fresh is asked about query by query: failed ones are named with the server's words, a
    read that lags behind is repeated for some seconds, work that the server has lost is asked for once more, and what
    still runs is handed back as `unfinished` until the deadline.

    Args:
        flows: `client.flows`.
        kicked: what `kick` gave.
        options: as for `kick`.
        baseline: `last_refresh` of the tiles before the refresh, where known.

    Raises:
        PostHogError: the dashboard could not be read.
    """
    for pause in (*READ_AGAIN, None):
        dashboard = yield from flows.dashboards.get(kicked.dashboard_id, refresh="force_cache", packed=True)
        kicked = kicked.model_copy(update={"name": dashboard.name or kicked.name})
        tiles = _judged(dashboard, kicked, options, baseline)
        open_ids = [tile.id for tile in tiles if tile.status in _OPEN and tile.id not in kicked.failures]
        if not open_ids or options.strategy is Strategy.FORCE_CACHE:
            break
        answers = yield from _ask(flows, dashboard, open_ids, kicked)
        if kicked.inherited and kicked.attempt == 1:
            # A try that was ended cancels its queries, which then look like failed ones.
            answers = {
                each: replace(answer, ending=Ending.LOST) if answer.ending is Ending.FAILED else answer
                for each, answer in answers.items()
            }
        failures = {each: answer.message or "" for each, answer in answers.items() if answer.ending is Ending.FAILED}
        kicked = kicked.model_copy(update={"failures": {**kicked.failures, **failures}})
        lagging = any(answer.ending is Ending.COMPLETE for answer in answers.values())
        if not lagging or pause is None:
            return (yield from _settle(flows, dashboard, kicked, options, answers, baseline))
        yield Sleep(pause)
    return (yield from _settle(flows, dashboard, kicked, options, {}, baseline))


_OPEN = frozenset({TileOutcomeStatus.STALE, TileOutcomeStatus.PENDING, TileOutcomeStatus.CACHED})


def _judged(
    dashboard: Dashboard, kicked: Kick, options: RefreshOptions, baseline: Mapping[int, datetime | None] | None
) -> list[TileOutcome]:
    cached_is_good = options.accept_cached and options.strategy in (Strategy.BLOCKING, Strategy.FORCE_CACHE)
    return judge(dashboard, since=kicked.t0, baseline=baseline, accept_cached=cached_is_good)


def _fresh(dashboard: Dashboard, kicked: Kick) -> set[int]:
    return {tile.id for tile in judge(dashboard, since=kicked.t0) if tile.status is TileOutcomeStatus.REFRESHED}


def _ask(flows: FlowClient, dashboard: Dashboard, open_ids: Sequence[int], kicked: Kick) -> Flow[dict[int, Answer]]:
    """Ask how the queries of the open tiles stand; of very many only the last, as long as it runs: a read too early."""
    if kicked.cut:  # the server worked inside a request: there is no query to ask about
        return {each: Answer(Ending.UNTOLD) for each in open_ids}
    queries = {tile.id: query_id(tile.insight) for tile in dashboard.tiles if tile.insight is not None}
    last = yield from ask(flows, queries[open_ids[-1]], since=kicked.t0)
    if len(open_ids) > MAX_QUERIES and last.ending is Ending.RUNNING:
        return {each: Answer(Ending.RUNNING, queries[each]) for each in open_ids}
    others = open_ids[:-1]
    told: list[Answer | Exception] = yield Gather(
        [ask(flows, queries[each], since=kicked.t0) for each in others], limit=4
    )
    answers = {}
    for each, answer in zip(others, told, strict=True):
        if isinstance(answer, Exception):
            raise answer
        answers[each] = answer
    return {**answers, open_ids[-1]: last}


def _settle(
    flows: FlowClient,
    dashboard: Dashboard,
    kicked: Kick,
    options: RefreshOptions,
    answers: Mapping[int, Answer],
    baseline: Mapping[int, datetime | None] | None,
) -> Flow[Refreshed]:
    now: float = yield Now()
    may_wait = now < kicked.deadline
    lost = {each for each, answer in answers.items() if answer.ending is Ending.LOST}
    lost |= _refused(dashboard) | {each for each, message in kicked.failures.items() if BUSY in message}
    lost -= _fresh(dashboard, kicked)  # by a repair that met the key's limit half-way
    running = {each for each, answer in answers.items() if answer.ending is Ending.RUNNING}
    untold = {each for each, answer in answers.items() if answer.ending is Ending.UNTOLD}
    if lost and kicked.attempt == 1 and may_wait and not running:
        return (yield from _once_more(flows, dashboard, kicked, options, lost, baseline))
    found = yield from _found(flows, dashboard, kicked, options, baseline=baseline, answers=answers)
    if not may_wait or not (running or untold):
        return found
    fresh = found.outcome.counts.get(TileOutcomeStatus.REFRESHED.value, 0)
    idle = 0 if fresh > kicked.fresh or running else kicked.idle_reads + 1
    if idle > MAX_IDLE_READS:
        return found
    queries = {answers[each].query_id: None for each in answers if each in running}
    return replace(
        found,
        unfinished=kicked.model_copy(
            update={
                "pending": [query for query in queries if query is not None],
                "reads": kicked.reads + 1,
                "fresh": fresh,
                "idle_reads": idle,
                "not_before": now + min(60.0, 2.0 * 2.0**kicked.reads) if untold else 0.0,
            }
        ),
    )


def _once_more(
    flows: FlowClient,
    dashboard: Dashboard,
    kicked: Kick,
    options: RefreshOptions,
    lost: Collection[int],
    baseline: Mapping[int, datetime | None] | None,
) -> Flow[Refreshed]:
    """Ask again, once, for what the server refused for the moment, or has no record of having computed."""
    yield Sleep(PAUSE)
    if len(lost) > MAX_REPAIRS and options.strategy is Strategy.FORCE_ASYNC:
        again = yield from _kick(flows, kicked.dashboard_id, options, since=kicked.since, attempt=kicked.attempt + 1)
        if isinstance(again, Refreshed):
            return again
        found = yield from _found(flows, dashboard, kicked, options, baseline=baseline)
        return replace(found, unfinished=again.model_copy(update={"deadline": kicked.deadline}))
    done: Computed = yield from compute(flows, dashboard, "force_blocking", only=lost)
    failures = {each: message for each, message in kicked.failures.items() if each not in lost}
    kicked = kicked.model_copy(update={"failures": {**failures, **done.failures}, "attempt": kicked.attempt + 1})
    if done.cut:
        found = yield from _found(flows, done.dashboard, kicked, options, baseline=baseline)
        return replace(
            found, unfinished=kicked.model_copy(update={"cut": True, "pending": [], "reads": kicked.reads + 1})
        )
    return (yield from _found(flows, done.dashboard, kicked, options, baseline=baseline))


def _found(
    flows: FlowClient,
    dashboard: Dashboard,
    kicked: Kick,
    options: RefreshOptions,
    *,
    baseline: Mapping[int, datetime | None] | None = None,
    answers: Mapping[int, Answer] | None = None,
) -> Flow[Refreshed]:
    """Sum up a read: the outcome, and the same read as a snapshot that says which tiles failed."""
    now: float = yield Now()
    taken_at = dashboard.server_time or instant(now)
    tiles = [
        _explained(tile, kicked, (answers or {}).get(tile.id)) for tile in _judged(dashboard, kicked, options, baseline)
    ]
    project = project_of(flows, dashboard)
    failed = {tile.id: tile.message for tile in tiles if tile.status is TileOutcomeStatus.FAILED}
    snapshot = picture(dashboard, host=options.host, project_id=project, taken_at=taken_at, failures=failed)
    outcome = RefreshOutcome.of_tiles(
        dashboard.id,
        tiles,
        name=dashboard.name or "",
        url=snapshot.url,
        since=kicked.t0,
        finished_at=taken_at,
    )
    return Refreshed(outcome, snapshot)


def _explained(tile: TileOutcome, kicked: Kick, answer: Answer | None) -> TileOutcome:
    """Say what is known of a tile that is not fresh: the server's words, or how its query stands."""
    if tile.status not in _OPEN:
        return tile
    if (message := kicked.failures.get(tile.id)) is not None:
        return tile.model_copy(update={"status": TileOutcomeStatus.FAILED, "message": message})
    if answer is None:
        return tile
    if answer.ending is Ending.RUNNING:
        return tile.model_copy(update={"status": TileOutcomeStatus.PENDING, "message": "still computing"})
    why = {
        Ending.COMPLETE: "the server says it has computed it, but still shows the old result",
        Ending.LOST: "the server has no record of computing it",
        Ending.UNTOLD: "the request that computes it was cut, and nothing more came" if kicked.cut else answer.message,
    }.get(answer.ending)
    return tile.model_copy(update={"message": f"{tile.message}; {why}"}) if why else tile


# --- the whole


def refresh(
    flows: FlowClient,
    dashboard_id: int,
    options: RefreshOptions,
    *,
    since: float | None = None,
    baseline: Mapping[int, datetime | None] | None = None,
) -> Flow[Refreshed]:
    """Refresh one dashboard and prove it: kick, poll until done or the deadline, read. Arguments: see `kick`, `finish`.

    Raises:
        PostHogError: the dashboard could not be asked for or read at all. Tiles that fail are in the outcome instead.

    Example:
        >>> client.run(refresh(client.flows, 42, RefreshOptions(host=client.host))).outcome.status
        <RefreshStatus.REFRESHED: 'refreshed'>
    """
    step = yield from kick(flows, dashboard_id, options, since=since)
    expected = options.expected_seconds
    while True:
        if isinstance(step, Refreshed):
            if step.unfinished is None:
                return step
            step = step.unfinished
        planned, state = watch([step], expected_seconds=expected), PollState()
        while not state.over:
            state = yield from poll(flows, planned, state)
            if not state.over:
                yield Sleep(state.wait)
        expected = None
        step = yield from finish(flows, step, options, baseline=baseline)


def cancel(flows: FlowClient, queries: Iterable[str]) -> Flow[int]:
    """Cancel queries that are still pending (`Kick.pending`), several at once; returns how many were cancelled.

    Never raises a `PostHogError`: for `on_kill`, where what can't be cancelled simply ends by itself. Ends early where
    the server does not answer, or wants to be left alone: it would say the same to the next ones.
    """
    refused: list[PostHogError] = []

    def one(query: str) -> Flow[bool]:
        if refused:
            return False
        try:
            yield from flows.query.cancel(query)
        except PostHogError as error:
            if error.retryable:
                refused.append(error)
            return False
        return True

    answers = yield Gather([one(query) for query in queries], limit=CANCELS_AT_ONCE)
    return sum(answer is True for answer in answers)
