"""Triggers: they look, and never ask the server to compute anything.

Whatever starts work is done on a worker, before the task defers: a restarted triggerer runs its triggers again from the
start, and must not send a refresh twice.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_dashboards.hooks.posthog import PostHogHook
from airflow_dashboards.posthog import PostHogError
from airflow_dashboards.refresh.cycle import cancel, poll
from airflow_dashboards.refresh.freshness import Freshness, look
from airflow_dashboards.refresh.plan import PollState, Watch

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

#: Seconds after the deferral before which no event is sent. A worker notices the end of a deferred task's process with
#: its next heartbeat only (`[workers] min_heartbeat_interval`, 5 s), and tells the scheduler after that; a task that is
#: queued again by then is taken for one that ended without a word, which costs it a try.
EARLIEST_EVENT_SECONDS = 8.0
#: Seconds after a watch's deadline at which a look that still waits, e.g. for the key's limits, is given up: before
#: Airflow ends the deferral, which would fail the task.
LAST_LOOK_SECONDS = 60.0


class PostHogRefreshTrigger(BaseTrigger):
    """Waits until the server has computed what a worker kicked; yields exactly one event, whatever happens.

    The event holds `state`, a `PollState` as JSON that says which dashboards are believed done (only the worker's read
    proves it), `dashboards` and `ledger_at` as given.

    Args:
        posthog_conn_id: id of the Connection.
        dashboards: ids of the whole batch, for the worker that goes on.
        watch: what to poll, `Watch.to_json()`; its deadline is wall-clock time, so it survives a restart.
        deferred_at: when the task deferred, seconds since the epoch.
        cancel_on_kill: ids of queries to cancel when somebody marks or clears the deferred task.
        ledger_at: where the worker that deferred has kept its ledger, if in files; handed on in the event, so that a
            worker that doesn't find it there knows that it should.
    """

    def __init__(
        self,
        posthog_conn_id: str,
        dashboards: Sequence[int],
        watch: dict[str, Any],
        *,
        deferred_at: float = 0.0,
        cancel_on_kill: Sequence[str] = (),
        ledger_at: str | None = None,
        **_from_later: Any,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.posthog_conn_id = posthog_conn_id
        self.dashboards = list(dashboards)
        self.watch = watch
        self.deferred_at = deferred_at
        self.cancel_on_kill = list(cancel_on_kill)
        self.ledger_at = ledger_at

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class path and plain JSON arguments."""
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {
                "posthog_conn_id": self.posthog_conn_id,
                "dashboards": self.dashboards,
                "watch": self.watch,
                "deferred_at": self.deferred_at,
                "cancel_on_kill": self.cancel_on_kill,
                "ledger_at": self.ledger_at,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Poll until the watch is over."""
        state = await self._until_over()
        await _not_too_early(self.deferred_at)
        yield TriggerEvent({"dashboards": self.dashboards, "state": state.to_json(), "ledger_at": self.ledger_at})

    async def _until_over(self) -> PollState:
        state = PollState()
        try:
            watch = Watch.from_json(self.watch)
            async with await PostHogHook(self.posthog_conn_id).aclient() as client:
                while not state.over:
                    look_seconds = max(0.0, watch.deadline - time.time()) + LAST_LOOK_SECONDS
                    try:
                        state = await asyncio.wait_for(client.run(poll(client.flows, watch, state)), look_seconds)
                    except asyncio.TimeoutError:
                        return _given_up(watch, state)
                    if not state.over:
                        await asyncio.sleep(state.wait)
        except Exception as error:
            # The worker goes on from here: it reads the dashboards, and says what it finds in the server's words.
            # What passes by itself, `poll` has waited for: another trigger would come no further.
            return state.model_copy(update={"over": True, "error": _words(error), "blind": True})
        return state

    async def on_kill(self) -> None:
        """Cancel what still waits at the server, after a person ended the task (Airflow 3.3)."""
        if not self.cancel_on_kill:
            return
        async with await PostHogHook(self.posthog_conn_id).aclient() as client:
            cancelled = await client.run(cancel(client.flows, self.cancel_on_kill))
        self.log.info("Cancelled %d queries that PostHog was still to compute.", cancelled)


class PostHogFreshnessTrigger(BaseTrigger):
    """Waits until every insight tile of some dashboards is fresher than an instant; yields exactly one event.

    Args:
        posthog_conn_id: id of the Connection.
        dashboards: ids.
        fresher_than: seconds since the epoch.
        deadline: seconds since the epoch, after which it gives up with a `timeout` event of its own.
        poke_interval: seconds between two looks.
        allow_no_access: count tiles that the credential may not see as fresh.
        deferred_at: when the task deferred, seconds since the epoch.
    """

    def __init__(
        self,
        posthog_conn_id: str,
        dashboards: list[int],
        fresher_than: float,
        deadline: float,
        poke_interval: float = 60.0,
        *,
        allow_no_access: bool = True,
        deferred_at: float = 0.0,
        **_from_later: Any,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.posthog_conn_id = posthog_conn_id
        self.dashboards = dashboards
        self.fresher_than = fresher_than
        self.deadline = deadline
        self.poke_interval = poke_interval
        self.allow_no_access = allow_no_access
        self.deferred_at = deferred_at

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class path and plain JSON arguments."""
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {
                "posthog_conn_id": self.posthog_conn_id,
                "dashboards": self.dashboards,
                "fresher_than": self.fresher_than,
                "deadline": self.deadline,
                "poke_interval": self.poke_interval,
                "allow_no_access": self.allow_no_access,
                "deferred_at": self.deferred_at,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look until all is fresh or the deadline has passed."""
        event = await self._until_fresh()
        await _not_too_early(self.deferred_at)
        yield TriggerEvent(event)

    async def _until_fresh(self) -> dict[str, Any]:
        state = Freshness(waiting=self.dashboards)
        try:
            async with await PostHogHook(self.posthog_conn_id).aclient() as client:
                while True:
                    state = await client.run(
                        look(client.flows, state, fresher_than=self.fresher_than, allow_no_access=self.allow_no_access)
                    )
                    if not state.waiting:
                        return {"status": "fresh"}
                    left = self.deadline - time.time()
                    if left <= 0:
                        return {"status": "timeout", "message": state.describe()}
                    # The last look is at the deadline itself, however far apart the others are.
                    await asyncio.sleep(min(self.poke_interval, left))
        except Exception as error:
            # Left to Airflow, it would be a failure that `soft_fail` turns into a skip.
            return {"status": "error", "message": _words(error)}


def _given_up(watch: Watch, state: PollState) -> PollState:
    done = [dashboard for milestone in watch.milestones for dashboard in milestone.dashboards]
    return state.model_copy(update={"over": True, "done": done, "error": "PostHog let the last look wait for too long"})


async def _not_too_early(deferred_at: float) -> None:
    """Wait while an event may overtake the news of the deferral itself: Airflow's scheduler would fail the task."""
    await asyncio.sleep(max(0.0, deferred_at + EARLIEST_EVENT_SECONDS - time.time()))


def _words(error: Exception) -> str:
    return str(error) if isinstance(error, (PostHogError, ValueError)) else f"{type(error).__name__}: {error}"
