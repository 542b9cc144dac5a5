"""Polling: how far is the server, asked as rarely and as cheaply as can be.

The server works first in, first out, so that the last query of a dashboard stands for all before it. A batch is watched
at a few *milestones*; which one to ask is predicted from the throughput seen so far, and a complete one vouches for all
before it. That is a guess with a check: the read that follows proves each tile, and what it finds unfinished is then
watched query by query.

A poll never kicks and never reads results: it runs in the triggerer, whose restart repeats it.
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from airflow_dashboards.posthog.errors import PostHogAPIError, PostHogError, RateLimitError
from airflow_dashboards.posthog.flow import Flow, Now
from airflow_dashboards.refresh.plan import Kick, Milestone, PollState, Watch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from airflow_dashboards.posthog import FlowClient

#: Milestones of one watch: what keeps it below 20 KB.
MAX_MILESTONES = 150
#: Requests of one look at a batch.
MAX_REQUESTS = 3
#: Seconds without an answer after which a watch ends before its deadline; a PostHog that restarts is back by then.
LONGEST_OUTAGE = 900.0
#: Seconds between looks.
SHORTEST_WAIT, LONGEST_WAIT = 0.5, 10.0
#: The same where the throughput seen so far says how long it will take.
LONGEST_PREDICTED_WAIT = 60.0
#: The same while PostHog gives no answer: twice as long after each failure, up to this.
LONGEST_OUTAGE_WAIT = 60.0
#: Dashboards that should become done between two looks at a large batch: what keeps polling below 0.3 per dashboard.
STRIDE = 8
#: Looks at a large batch, about: each should find another 1/25 of it done.
LOOKS = 25
#: Pending queries of one dashboard that are watched one by one; of more, the last stands for all.
MAX_QUERIES = 10


def watch(
    kicks: Sequence[Kick], *, waiting: int = 0, resume_at: float = 0.0, expected_seconds: float | None = None
) -> Watch:
    """Plan what to poll for these dashboards. Pure.

    Args:
        kicks: dashboards in flight, in the order they were kicked.
        waiting: dashboards that wait for room.
        resume_at: our clock before which the key has no requests left.
        expected_seconds: how long it took last time, where known.

    Raises:
        ValueError: there is nothing to watch.
    """
    if not kicks and not resume_at:
        raise ValueError("nothing is in flight, so there is nothing to watch")
    in_order = [kick for kick in kicks if kick.pending and not kick.reads]
    size = ceil(len(in_order) / MAX_MILESTONES) or 1
    groups = [in_order[start : start + size] for start in range(0, len(in_order), size)]
    milestones = [
        Milestone(
            queries=[group[-1].pending[-1]], dashboards=[kick.dashboard_id for kick in group], place=group[-1].place
        )
        for group in groups
    ]
    one_by_one = [kick for kick in kicks if not kick.pending or kick.reads]
    few = len(one_by_one) <= MAX_QUERIES
    milestones += [
        Milestone(
            queries=kick.pending if few and len(kick.pending) <= MAX_QUERIES else kick.pending[-1:],
            dashboards=[kick.dashboard_id],
            place=kick.place,
            in_order=False,
            not_before=kick.not_before,
        )
        for kick in one_by_one[:MAX_MILESTONES]  # the others come into the next watch
    ]
    return Watch(
        milestones=milestones,
        started_at=min((kick.kicked_at for kick in kicks), default=resume_at),
        deadline=max((resume_at, *(kick.deadline for kick in kicks))),
        resume_at=resume_at,
        waiting=waiting + len(one_by_one[MAX_MILESTONES:]),
        expected_seconds=expected_seconds,
    )


class _Look:
    """One look at a watch: decides whom to ask, takes the answers, and sums up. Pure; `poll` does the asking."""

    def __init__(self, watch: Watch, state: PollState, now: float) -> None:
        self.watch = watch
        self.state = state
        self.now = now
        self.complete = set(state.complete)
        self.settling: int | None = None
        if state.settling is not None:
            self._pass(state.settling)
        self.partly = dict(state.partly)
        self.rate = state.rate
        self.failures, self.failing_since = state.failures, state.failing_since
        self.error, self.blind = state.error, state.blind
        #: Seconds for which the key has no requests left.
        self.pause: float | None = None
        self.asked = 0

    @property
    def elapsed(self) -> float:
        return max(self.now - self.watch.started_at, 1e-3)

    def open(self, *, in_order: bool) -> list[int]:
        return [
            position
            for position, milestone in enumerate(self.watch.milestones)
            if position not in self.complete and milestone.in_order is in_order
        ]

    def questions(self) -> Iterator[tuple[int, str]]:
        """Yield whom to ask next, given all answers so far: (position, query id)."""
        yield from self._in_order()
        for position in self.open(in_order=False):
            milestone = self.watch.milestones[position]
            while (known := self.partly.get(position, 0)) < len(milestone.queries):
                yield position, milestone.queries[known]
                if self.partly.get(position, 0) == known:  # still running: the others can wait
                    break
            if self.partly.get(position, 0) >= len(milestone.queries) and self.now >= milestone.not_before:
                self.complete.add(position)

    def _in_order(self) -> Iterator[tuple[int, str]]:
        """Ask where the server should be by now; nearer if it isn't, further on if it has been there for long."""
        low, left = self.open(in_order=True), MAX_REQUESTS if self.rate is None else MAX_REQUESTS - 1
        target = self._reached(low)
        while low and left:
            position = low[target]
            yield position, self.watch.milestones[position].queries[-1]
            left -= 1
            if self.settling != position and position not in self.complete:
                if target == 0:
                    return
                low, target = low[:target], target // 2
            else:
                low = [each for each in low if each > position]
                target = self._reached(low)
                if low and self.watch.milestones[low[target]].place > self._place_now():
                    return

    def _pass(self, position: int) -> None:
        self.complete.update(each for each in self.open(in_order=True) if each <= position)

    def _place_now(self) -> float:
        return self.rate * self.elapsed if self.rate else 0.0

    def _reached(self, low: Sequence[int]) -> int:
        """Return which of these milestones the server has just passed, by the throughput seen so far."""
        return max(0, sum(self.watch.milestones[position].place <= self._place_now() for position in low) - 1)

    def note(self, position: int, *, done: bool, ago: float = 0.0) -> None:
        """Take an answer: the query asked about is still running, or has been complete for `ago` seconds."""
        self.failures, self.failing_since = 0, 0.0
        self.error, self.blind = None, False
        milestone = self.watch.milestones[position]
        if not done:
            return
        if milestone.in_order:
            # Several workers end side by side: the last query may be done a moment before the one it was queued behind.
            self._pass(position - 1)
            self.settling = position
            self.rate = milestone.place / max(self.elapsed - ago, 0.1)
        else:
            self.partly[position] = self.partly.get(position, 0) + 1

    def note_error(self, error: PostHogError) -> None:
        """Take a failure to look. What passes by itself is waited for."""
        self.error = str(error)
        if isinstance(error, RateLimitError):  # no fault, but a spent budget: the server says when it comes back
            self.pause = LONGEST_WAIT if error.retry_after is None else max(error.retry_after, SHORTEST_WAIT)
        elif error.retryable:
            self.failures += 1
            self.failing_since = self.failing_since or self.now
        else:
            self._note_blind()

    def _note_blind(self) -> None:
        """Looking is not possible, e.g. not allowed: let the reads tell, each no earlier than the last one said."""
        self.blind = True
        for position, milestone in enumerate(self.watch.milestones):
            if self.now >= milestone.not_before:
                self.complete.add(position)

    def result(self) -> PollState:
        milestones = self.watch.milestones
        finished = len(self.complete) == len(milestones)
        out = bool(self.failures) and self.now - self.failing_since >= LONGEST_OUTAGE
        gave_up = out or self.now >= self.watch.deadline
        everything = range(len(milestones)) if gave_up else sorted(self.complete)
        done = [dashboard for position in everything for dashboard in milestones[position].dashboards]
        total = sum(len(milestone.dashboards) for milestone in milestones)
        return PollState(
            complete=sorted(self.complete),
            settling=self.settling if self.settling not in self.complete else None,
            partly={position: known for position, known in self.partly.items() if position not in self.complete},
            rate=self.rate,
            wait=min(
                self._wait(progress=len(self.complete) > len(self.state.complete)),
                max(self.watch.deadline - self.now, 0.0),
            ),
            polls=self.state.polls + 1,
            requests=self.state.requests + self.asked,
            failures=self.failures,
            failing_since=self.failing_since,
            over=finished or gave_up or (self.watch.waiting > 0 and 2 * len(done) >= total),
            done=done,
            error=self.error,
            blind=self.blind,
        )

    def _wait(self, *, progress: bool) -> float:
        if self.pause is not None:
            return self.pause
        if self.failures:
            return min(LONGEST_WAIT * 2.0 ** min(self.failures - 1, 8), LONGEST_OUTAGE_WAIT)
        in_order = self.open(in_order=True)
        if in_order == [self.settling]:
            return SHORTEST_WAIT
        if in_order and self.rate:
            return self._predicted_wait(in_order, self.rate)
        sooner = [self.watch.milestones[position].not_before - self.now for position in self.open(in_order=False)]
        if not in_order and sooner and min(sooner) > 0:
            return _clamp(min(sooner))
        return _clamp(SHORTEST_WAIT if progress else self.state.wait * 1.35)

    def _predicted_wait(self, in_order: Sequence[int], rate: float) -> float:
        milestones = self.watch.milestones
        per_group = max(1, len(milestones[in_order[0]].dashboards))
        stride = ceil(max(STRIDE / per_group, len(milestones) / LOOKS))
        goal = milestones[in_order[min(len(in_order), stride) - 1]]
        seconds = goal.place / rate - self.elapsed
        # Behind the prediction: look again when some more may be done, near the end soon, and later and later.
        if len(in_order) > stride:
            least = 0.75 * (goal.place - milestones[in_order[0]].place) / rate
        else:
            least = SHORTEST_WAIT if self.settling is not None else self.state.wait * 1.35
        return min(max(seconds, min(least, LONGEST_WAIT), SHORTEST_WAIT), LONGEST_PREDICTED_WAIT)


def poll(flows: FlowClient, watch: Watch, state: PollState) -> Flow[PollState]:
    """Look once how far the server is: one to three small requests. Never kicks, never reads results.

    Wait `state.wait` seconds and call again until `state.over`; then `state.done` are the dashboards believed done. A
    spent request budget is waited for as long as the server says, and an outage with ever longer waits; the watch's
    deadline or 15 minutes without an answer end it with everything in `done`: only the read decides. Where looking will
    never succeed, `state.blind` says so, and `state.error` why.

    Example:
        >>> state = PollState()
        >>> while not state.over:
        ...     state = await aclient.run(poll(aclient.flows, watch, state))
        ...     await asyncio.sleep(state.wait)
    """
    now: float = yield Now()
    if now < watch.resume_at:
        return state.model_copy(update={"polls": state.polls + 1, "wait": watch.resume_at - now})
    if not state.polls and (first := _first_wait(watch) - (now - watch.started_at)) > 0:
        return state.model_copy(update={"polls": 1, "wait": first})
    look = _Look(watch, state, now)
    for position, query_id in look.questions():
        look.asked += 1
        try:
            done, ago = yield from _complete(flows, query_id)
            look.note(position, done=done, ago=ago)
        except PostHogError as error:  # e.g. a key without `query:read`, which may refresh, but not poll
            look.note_error(error)
            break
    return look.result()


def _complete(flows: FlowClient, query_id: str) -> Flow[tuple[bool, float]]:
    """Whether a query will not run any further, and since how many seconds. How it ended is the read's business."""
    try:
        status = yield from flows.query.status(query_id, results=False)
    except PostHogAPIError as error:
        # Failed without a message (500, contract 3.23), or a record that has expired (404).
        if error.status in (400, 404, 500):
            return True, 0.0
        raise
    if not (status.complete or status.error):
        return False, 0.0
    if status.end_time is None or status.server_time is None:
        return True, 0.0
    return True, max(0.0, (status.server_time - status.end_time).total_seconds())


def _first_wait(watch: Watch) -> float:
    if watch.expected_seconds is None or watch.waiting:
        return SHORTEST_WAIT
    return 0.9 * watch.expected_seconds


def _clamp(seconds: float) -> float:
    return min(max(seconds, SHORTEST_WAIT), LONGEST_WAIT)
