"""Many dashboards as one piece of work: in rounds, within limits, and resumable from a ledger.

The two ways to run it share every line:

* in one go, on a worker: `outcomes = client.run(refresh_many(...))`
* deferred: `advance` on the worker (finishes what is done, kicks what has room, returns a `Watch`), `poll` in the
  triggerer until `state.over`, then `advance` again with `state.done`, until it returns None.

One dashboard's failure is its outcome and costs the others nothing. What can't be one dashboard's own (a refused
credential, a server that answers nobody, a storage that takes nothing) is raised, and leaves the ledger as it is for
the next try.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from airflow_dashboards.posthog.arguments import positive_id
from airflow_dashboards.posthog.errors import (
    AuthenticationError,
    MissingScopeError,
    PostHogError,
    ProjectNotFoundError,
    RateLimitError,
)
from airflow_dashboards.posthog.flow import Flow, Gather, Now, Sleep
from airflow_dashboards.refresh.clock import fresh_since, instant
from airflow_dashboards.refresh.cycle import Refreshed, finish, kick
from airflow_dashboards.refresh.ledger import Ledger
from airflow_dashboards.refresh.outcome import OnFailure, RefreshOutcome, RefreshStatus
from airflow_dashboards.refresh.plan import Kick, PollState, RefreshOptions, Strategy, Watch
from airflow_dashboards.refresh.poll import poll, watch
from airflow_dashboards.refresh.store import SnapshotStoreError
from airflow_dashboards.refresh.tiles import MAX_COMPUTING

if TYPE_CHECKING:
    from airflow_dashboards.analysis.model import Snapshot
    from airflow_dashboards.posthog import FlowClient
    from airflow_dashboards.refresh.reference import SnapshotRef

#: Stores a snapshot and returns its reference.
Keep: TypeAlias = "Callable[[Snapshot], SnapshotRef]"
#: Keeps changes of the ledger somewhere that survives the process (file, Airflow's task state store).
Journal: TypeAlias = Callable[[list[dict[str, Any]]], None]

#: What no other dashboard would fare better with.
FATAL = (AuthenticationError, MissingScopeError, ProjectNotFoundError)
#: The storage's own: the dashboard is fresh, its after-snapshot could not be kept.
STORAGE = (SnapshotStoreError, OSError)
#: Kicks of one round per request in flight, and as many reads: small enough that results come in between kicks, and
#: that a killed worker loses little, since a round's results are on record once it is over.
ROUND = 4
#: Transient failures of one dashboard before it is given up.
MAX_ERRORS = 3
#: Rounds in a row in which the server answered nobody, and the seconds waited after each; then the batch gives up.
OUTAGE_WAITS = (5.0, 10.0, 20.0, 40.0)
#: Seconds to wait where the server refuses for the moment and does not say for how long.
USUAL_PAUSE = 30.0
#: Tiles a dashboard is taken to have before any was seen.
USUAL_TILES = 8


class _Batch:
    """One pass over a ledger: what to do next, and what to make of the results."""

    def __init__(
        self, flows: FlowClient, ledger: Ledger, options: RefreshOptions, keep: Keep | None, journal: Journal | None
    ) -> None:
        self.flows = flows
        self.ledger = ledger
        self.options = options
        self.keep = keep
        self.journal = journal
        self.outages = 0
        #: Our clock before which the key has no requests left.
        self.resume_at = 0.0
        #: Dashboards of the last round that failed for the moment.
        self.again: list[int] = []
        #: Dashboards that were believed done, and found no room in the last round.
        self.left: list[int] = []

    def write(self) -> None:
        if self.journal is not None and (changes := self.ledger.changes()):
            self.journal(changes)

    def adopt_doubtful(self, now: float) -> None:
        """Take over what an earlier worker may have kicked: the read tells, and asks again only for what is lost."""
        for each in self.ledger.doubtful():
            since = self.ledger.since or now
            self.ledger.kicked(
                Kick(
                    dashboard_id=each,
                    strategy=self.options.strategy,
                    since=since,
                    kicked_at=now,
                    deadline=now + self.options.timeout,
                )
            )

    def room(self) -> list[int]:
        """Return the dashboards to kick next, in order, as far as the limits allow."""
        waiting = self.ledger.waiting()
        in_flight = self.ledger.in_flight()
        limits = self.options.limits
        seen = max(1, len(self.ledger) - len(waiting))
        usual = self.ledger.tiles / seen if self.ledger.tiles else USUAL_TILES
        tiles = limits.tiles - sum(len(each.pending) for each in in_flight)
        by_tiles = int(tiles // usual) if in_flight else max(1, int(tiles // usual))
        count = min(limits.dashboards - len(in_flight), by_tiles, self._round())
        return waiting[: max(0, count)]

    def _round(self) -> int:
        return ROUND * self.options.limits.requests

    def round(self, ready: Sequence[int]) -> Flow[bool]:
        """Finish these dashboards, as many as a round takes, and kick others into the room.

        Returns whether anything was done; then `left` and `again` are what to finish next.
        """
        now: float = yield Now()
        if now < self.resume_at:
            return False
        believed = set(ready)
        ended = [each for each in self.ledger.in_flight() if each.dashboard_id in believed or now >= each.deadline]
        finishing = ended[: self._round()]
        self.left = [each.dashboard_id for each in ended[self._round() :]]
        kicking = self.room()
        if not finishing and not kicking:
            return False
        if kicking and self.ledger.since is None:
            try:
                self.ledger.since = yield from fresh_since(self.flows)
            except RateLimitError as error:
                self.resume_at = now + (error.retry_after or USUAL_PAUSE)
                return False
        for each in kicking:
            self.ledger.kicking(each)
        self.write()
        work = [self._finish(each) for each in finishing] + [self._kick(each) for each in kicking]
        ids = [each.dashboard_id for each in finishing] + kicking
        results: list[Kick | RefreshOutcome | Exception] = yield Gather(work, limit=self._at_once())
        now = yield Now()
        spent = [each.retry_after or USUAL_PAUSE for each in results if isinstance(each, RateLimitError)]
        self.resume_at = now + max(spent) if spent else 0.0
        passing = [each for each in results if isinstance(each, PostHogError) and each.retryable and not spent]
        outage = passing[-1] if len(passing) == len(results) and self._nobody_else_answers(ids) else None
        self.again = []
        # The server works in the order in which it took the requests, which is not the order they were sent in.
        told = sorted(zip(ids, results, strict=True), key=lambda each: _kicked_at(each[1]))
        for dashboard_id, result in told:
            self._note(dashboard_id, result, outage=outage is not None)
        self.write()
        yield from self._outage(outage, told)
        if self.options.on_failure is OnFailure.FAIL_FAST:
            self._stop_if_failed()
        self.write()
        for no_dashboards_own in (FATAL, STORAGE):
            for result in results:
                if isinstance(result, no_dashboards_own):
                    raise result
        return True

    def _at_once(self) -> int:
        """How many dashboards may be at work at once: few, where the server computes inside our requests (5.5)."""
        if self.options.strategy is Strategy.PER_TILE:
            return 1  # which computes several tiles at once by itself
        if self.options.strategy in (Strategy.BLOCKING, Strategy.FORCE_BLOCKING):
            return min(MAX_COMPUTING, self.options.limits.requests)
        return self.options.limits.requests

    def _nobody_else_answers(self, ids: Sequence[int]) -> bool:
        """Whether failures of these dashboards look like the server's: several at once, or nothing ever worked."""
        return len(ids) > 1 or not self._others_work(ids)

    def _others_work(self, ids: Sequence[int]) -> bool:
        return bool(self.ledger.outcomes()) or any(each.dashboard_id not in ids for each in self.ledger.in_flight())

    def _outage(self, error: PostHogError | None, told: Sequence[tuple[int, object]]) -> Flow[None]:
        if error is None:
            self.outages = 0
            return
        if self.outages < len(OUTAGE_WAITS):
            self.outages += 1
            yield Sleep(OUTAGE_WAITS[self.outages - 1])
            return
        if not self._others_work([dashboard_id for dashboard_id, _ in told]) or not (yield from self._answers()):
            raise error
        # It fails at these dashboards alone: the others are not to suffer for them.
        for dashboard_id, result in told:
            self.ledger.done(self._failure(dashboard_id, result))
        self.again = []
        self.outages = 0

    def _answers(self) -> Flow[bool]:
        """Whether the server answers the smallest of questions."""
        try:
            yield from self.flows.dashboards.page(limit=1)
        except PostHogError:
            return False
        return True

    def _note(self, dashboard_id: int, result: Kick | RefreshOutcome | Exception, *, outage: bool) -> None:
        if isinstance(result, Kick):
            self.ledger.kicked(result)
        elif isinstance(result, RefreshOutcome):
            self.ledger.done(result)
        elif isinstance(result, STORAGE):
            return  # it stays kicked, or in doubt where the kick computed it: the next try reads before it asks again
        elif isinstance(result, (RateLimitError, *FATAL)):
            self.ledger.failed_for_now(dashboard_id, blame=False)
        elif isinstance(result, PostHogError) and result.retryable:
            # An outage is not held against the dashboards that met it.
            if self.ledger.failed_for_now(dashboard_id, blame=not outage) < MAX_ERRORS:
                self.again.append(dashboard_id)
            else:
                self.ledger.done(self._failure(dashboard_id, result))
        else:
            self.ledger.done(self._failure(dashboard_id, result))

    def _failure(self, dashboard_id: int, error: object) -> RefreshOutcome:
        kicked = self.ledger.entry(dashboard_id).kick
        return RefreshOutcome.of_error(
            dashboard_id,
            name=kicked.name if kicked else "",
            url=f"{self.options.host}/project/{self.flows.project_id}/dashboard/{dashboard_id}",
            error=error,
            since=instant(self.ledger.since) if self.ledger.since is not None else None,
        )

    def _stop_if_failed(self) -> None:
        failed = [each for each in self.ledger.outcomes() if each.status is not RefreshStatus.REFRESHED]
        if failed:
            for each in self.ledger.waiting():
                self.ledger.done(self._failure(each, f"not refreshed, because {failed[0].label} failed (fail_fast)"))

    def _kick(self, dashboard_id: int) -> Flow[Kick | RefreshOutcome]:
        step = yield from kick(self.flows, dashboard_id, self.options, since=self.ledger.since)
        return step if isinstance(step, Kick) else self._kept(step)

    def _finish(self, kicked: Kick) -> Flow[Kick | RefreshOutcome]:
        found = yield from finish(self.flows, kicked, self.options)
        return found.unfinished if found.unfinished is not None else self._kept(found)

    def _kept(self, found: Refreshed) -> RefreshOutcome:
        """Store the after-capture and let go of it: a batch holds no more snapshots than it has requests in flight."""
        if self.keep is None:
            return found.outcome
        return found.outcome.model_copy(update={"after": self.keep(found.snapshot)})

    def plan(self) -> Watch | None:
        in_flight = self.ledger.in_flight()
        if not in_flight and not self.resume_at:
            return None
        return watch(
            in_flight,
            waiting=len(self.ledger.waiting()),
            resume_at=self.resume_at,
            expected_seconds=self.options.expected_seconds,
        )


def _kicked_at(result: object) -> float:
    return result.kicked_at if isinstance(result, Kick) else 0.0


def advance(
    flows: FlowClient,
    ledger: Ledger,
    options: RefreshOptions,
    *,
    ready: Sequence[int] = (),
    keep: Keep | None = None,
    journal: Journal | None = None,
) -> Flow[Watch | None]:
    """Do all that can be done without waiting: finish the dashboards in `ready`, kick others into the room they leave.

    Args:
        flows: `client.flows`.
        ledger: of this batch, new or rebuilt.
        options: the same for all dashboards.
        ready: dashboards believed done: `PollState.done`.
        keep: stores each after-capture, e.g. `lambda snapshot: store.write(snapshot, run=...)`.
        journal: keeps the ledger's changes; called before requests are sent and after their answers are in.

    Returns:
        What to watch next, or None when the whole batch is done (see `ledger.outcomes()`).

    Raises:
        PostHogError: something that can't be one dashboard's own: a refused credential, a server that answers nobody.
        SnapshotStoreError, OSError: `keep` could not store an after-snapshot. All else of its round is done and on
            record; the next try reads that dashboard again, and does not refresh it anew.

    Example:
        >>> planned = client.run(advance(client.flows, ledger, options, journal=journal.append))
    """
    batch = _Batch(flows, ledger, options, keep, journal)
    now: float = yield Now()
    batch.adopt_doubtful(now)
    todo = list(ready)
    while (yield from batch.round(todo)):
        # What failed for the moment is tried again; what is unfinished is for the next watch.
        todo = [*batch.again, *batch.left]
    return batch.plan()


def refresh_many(
    flows: FlowClient,
    dashboard_ids: Sequence[int],
    options: RefreshOptions,
    *,
    ledger: Ledger | None = None,
    keep: Keep | None = None,
    journal: Journal | None = None,
) -> Flow[list[RefreshOutcome]]:
    """Refresh many dashboards at once and prove each; one outcome per dashboard, in order, whatever happened to others.

    Hand in the `ledger` of an earlier try, and only what it leaves open is done. Arguments and errors as of `advance`.

    Example:
        >>> outcomes = client.run(refresh_many(client.flows, [42, 43], RefreshOptions(host=client.host)))
    """
    for index, dashboard_id in enumerate(dashboard_ids):
        positive_id(dashboard_id, f"dashboard_ids[{index}]")
    ledger = ledger if ledger is not None else Ledger(dashboard_ids)
    batch = _Batch(flows, ledger, options, keep, journal)
    now: float = yield Now()
    batch.adopt_doubtful(now)
    state = PollState()
    ready: list[int] = []
    look_at = now
    while not ledger.complete:
        changed = yield from batch.round(ready)
        if changed:  # there will be another plan, in which its positions mean nothing
            state = PollState(
                rate=state.rate,
                failures=state.failures,
                polls=state.polls,
                wait=state.wait,
            )
        now = yield Now()
        if now < batch.resume_at:  # what was ready still is
            yield Sleep(batch.resume_at - now)
            continue
        if batch.left:
            ready = batch.left
            continue
        planned = batch.plan()
        if planned is None:
            ready = []
            continue
        now = yield Now()
        if now < look_at:
            if batch.room():
                ready = []
                continue
            yield Sleep(look_at - now)
        state = yield from poll(flows, planned, state)
        now = yield Now()
        look_at = now + state.wait
        ready = state.done
    return ledger.outcomes()
