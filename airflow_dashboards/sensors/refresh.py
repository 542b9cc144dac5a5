"""Wait until dashboards are fresh, whoever refreshed them."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.sdk import BaseSensorOperator

from airflow_dashboards.compat import AirflowSensorTimeout, supported
from airflow_dashboards.settings import default_deferrable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context

    from airflow_dashboards.hooks.posthog import PostHogHook
    from airflow_dashboards.posthog import FlowClient
    from airflow_dashboards.posthog.flow import Flow
    from airflow_dashboards.refresh.freshness import Freshness
    from airflow_dashboards.sensors.memory import WaitMemory

#: Seconds after the trigger's own deadline at which Airflow ends the deferral as a backstop.
BACKSTOP_SECONDS = 60.0


class PostHogRefreshSensor(BaseSensorOperator):
    """Waits until every insight tile of some dashboards was computed at or after an instant.

    It only reads PostHog's cache and asks nothing to be computed, so it proves what others did: PostHog's own schedule,
    a person, another DAG. Freshness is judged by each tile's `last_refresh` and result (contract 5.5); the dashboard's
    own `last_refresh` never moves and is not looked at.

    Args:
        dashboards: an id, a list of ids, a selector, or an XComArg of any of these. Templated.
        fresher_than: the instant: a datetime with a timezone, or ISO 8601 text. Templated; by default the end of the
            DAG run's data interval, or its start where it has none.
        allow_no_access: pass over tiles that the credential may not see (default), or keep waiting for them.
        deferrable: wait in the triggerer; default `[operators] default_deferrable`.
        posthog_conn_id: id of the Connection. Templated.

    Keyword Args:
        timeout (float | timedelta): how long to wait, in every mode from the start of the first try on: a retry goes on
            with the same wait.
        poke_interval (float | timedelta): as with every sensor; so are `mode` and `soft_fail`.

    Raises:
        AirflowSensorTimeout: not fresh in time; the message names the tiles.
        PostHogError: an error that does not pass by waiting. Up to five passing ones in a row are tolerated, and any
            number of times a spent request budget.
        ValueError: an argument can't be used; nothing was sent.

    Example:
        >>> fresh = PostHogRefreshSensor(task_id="fresh", dashboards=42, fresher_than="{{ data_interval_end }}")
    """

    template_fields: Sequence[str] = ("dashboards", "fresher_than", "posthog_conn_id")
    ui_color = "#f9bd2b"
    ui_fgcolor = "#151515"

    #: What was seen so far by this process.
    _state: Freshness | None = None
    _kept: WaitMemory | None = None

    def __init__(
        self,
        *,
        dashboards: Any,
        fresher_than: datetime | str | None = None,
        allow_no_access: bool = True,
        deferrable: bool | None = None,
        posthog_conn_id: str = "posthog_default",
        **kwargs: Any,
    ) -> None:
        super().__init__(**supported(kwargs))
        self.dashboards = dashboards
        self.fresher_than = fresher_than
        self.allow_no_access = allow_no_access
        self.deferrable = default_deferrable() if deferrable is None else deferrable
        self.posthog_conn_id = posthog_conn_id

    @cached_property
    def hook(self) -> PostHogHook:
        """The hook of this task's connection."""
        from airflow_dashboards.hooks.posthog import PostHogHook

        return PostHogHook(self.posthog_conn_id)

    def execute(self, context: Context) -> Any:
        """Wait here, or in the triggerer where it is not fresh already."""
        if not self.deferrable:
            result = super().execute(context)
        else:
            result = None
            state = self._look(context)
            if state.waiting:
                self._wait_in_triggerer(context, state)
        self._memory(context).forget()
        return result

    def _wait_in_triggerer(self, context: Context, state: Freshness) -> NoReturn:
        from airflow_dashboards.triggers.refresh import PostHogFreshnessTrigger

        # A deadline that an earlier try has used up is handed on too: it is looked once more, and told as any other.
        deadline = self._deadline(context)
        self.defer(
            trigger=PostHogFreshnessTrigger(
                self.posthog_conn_id,
                dashboards=state.waiting,
                fresher_than=self._instant(context).timestamp(),
                deadline=deadline,
                poke_interval=self.poke_interval,
                allow_no_access=self.allow_no_access,
                deferred_at=time.time(),
            ),
            method_name="resume",
            timeout=timedelta(seconds=max(0.0, deadline - time.time()) + BACKSTOP_SECONDS),
        )

    def resume(self, context: Context, event: dict[str, Any] | None) -> None:
        """Turn the trigger's one event into success, timeout or failure."""
        status = event.get("status") if isinstance(event, dict) else None
        message = event.get("message", "") if isinstance(event, dict) else ""
        if status == "fresh":
            self.log.info("Every insight tile is fresh.")
            self._memory(context).forget()
            return
        if status == "timeout":
            raise AirflowSensorTimeout(f"Not fresh in time: {message}")
        # A crash is never a skip, even with soft_fail: only Airflow's own exceptions are turned into one.
        raise RuntimeError(f"Waiting in the triggerer failed: {message or f'unusable event {event!r}'}")

    def poke(self, context: Context) -> bool:
        """Look once; remembers within a `poke`-mode task which dashboards were seen fresh."""
        from airflow_dashboards.posthog import PostHogError, RateLimitError
        from airflow_dashboards.refresh.freshness import TOLERATED_FAILURES

        try:
            state = self._look(context)
        except PostHogError as error:
            # It could not be found out which dashboards are meant. That passes, or is told at the sixth time.
            counted = not isinstance(error, RateLimitError)
            failures = self._memory(context).wait.failures
            if not error.retryable or (counted and failures >= TOLERATED_FAILURES):
                raise
            self._memory(context).keep(failures=failures + counted)
            said = str(error)
        else:
            if not state.waiting:
                return True
            said = state.describe()
        if time.time() >= self._deadline(context):
            raise AirflowSensorTimeout(f"Not fresh in time: {said}")
        self.log.info("Not fresh yet: %s", said)
        return False

    def _look(self, context: Context) -> Freshness:
        """Look at what is not known to be fresh, and keep what a later process has to know."""
        from airflow_dashboards.refresh.freshness import Freshness, look
        from airflow_dashboards.refresh.select import parse_dashboards, resolve

        parse_dashboards(self.dashboards)  # a bad argument is refused before anything is read or sent
        since, memory, known = self._instant(context).timestamp(), self._memory(context), self._state
        # A rescheduled sensor gives its slot back instead of waiting here for a spent request budget.
        patience = 0.0 if self.reschedule and not self.deferrable else max(0.0, self._deadline(context) - time.time())

        def build(flows: FlowClient) -> Flow[Freshness]:
            ids = known.waiting if known else (yield from resolve(flows, self.dashboards, patience=patience))
            state = Freshness(waiting=ids, failures=memory.wait.failures)
            return (yield from look(flows, state, fresher_than=since, allow_no_access=self.allow_no_access))

        self._state = state = self.hook.run(build)
        if state.waiting:
            memory.keep(failures=state.failures)
        return state

    def _memory(self, context: Context) -> WaitMemory:
        if self._kept is None:
            from airflow_dashboards.sensors.memory import WaitMemory

            self._kept = WaitMemory(context, self.hook)
        return self._kept

    def _deadline(self, context: Context) -> float:
        return self._memory(context).wait.since + self.timeout

    def _instant(self, context: Context) -> datetime:
        value = self.fresher_than
        if value is None or value == "":
            value = context.get("data_interval_end") or context["dag_run"].start_date
        if isinstance(value, str):
            try:
                value = datetime.fromisoformat(value.strip().replace("Z", "+00:00"))
            except ValueError:
                raise ValueError(
                    f"fresher_than must be an instant such as 2026-06-01T06:00:00+00:00, not {value!r}"
                ) from None
        if not isinstance(value, datetime) or value.tzinfo is None:
            raise ValueError(f"fresher_than must be a datetime with a timezone, not {value!r}")
        return value
