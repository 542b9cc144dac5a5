"""Refresh dashboards, and prove that every tile really refreshed."""

from __future__ import annotations

import time
from datetime import timedelta
from threading import Thread
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

from airflow.sdk.exceptions import AirflowException

from airflow_dashboards.compat import done_without, triggers_learn_of_kills
from airflow_dashboards.links import BeforeSnapshotLink, PostHogLink, RefreshReportLink
from airflow_dashboards.operators.base import PostHogOperator
from airflow_dashboards.settings import default_deferrable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow.sdk import Context

    from airflow_dashboards.journal import Journal
    from airflow_dashboards.refresh.ledger import Ledger
    from airflow_dashboards.refresh.outcome import RefreshOutcome
    from airflow_dashboards.refresh.plan import RefreshOptions, Watch
    from airflow_dashboards.refresh.store import SnapshotStore

#: Queries that a killed deferred task cancels: Airflow allows it 30 seconds, and a trigger's arguments are kept small.
MAX_CANCELLED = 200
#: Seconds after the trigger's own deadline at which Airflow ends the deferral as a backstop.
BACKSTOP_SECONDS = 300.0
#: Seconds that a killed task gives to cancelling; after five, Airflow ends it the hard way.
CANCEL_SECONDS = 4.0
#: Seconds a deferrable task waits in its slot for the key's limits; a deferral takes about half as long by itself.
PATIENCE_SECONDS = 20.0


class RefreshFailedError(AirflowException):
    """Some dashboards are not refreshed; the message names each with its tiles and the server's reasons.

    Attributes:
        retryable: whether another try may help any of them; `PostHogRetryPolicy` spends none on what can't heal.
        retry_after: the longest of the waits, in seconds, that PostHog asked for; None where it asked for none.
    """

    retryable: bool = True
    retry_after: float | None = None

    @classmethod
    def of_outcomes(cls, message: str, unrefreshed: Sequence[RefreshOutcome]) -> RefreshFailedError:
        """Return the error of a batch by what became of those dashboards that are not refreshed."""
        error = cls(message)
        healing = [each for each in unrefreshed if each.retryable]
        error.retryable = bool(healing)
        error.retry_after = max((each.retry_after for each in healing if each.retry_after is not None), default=None)
        return error


class PostHogRunInsightsOperator(PostHogOperator):
    """Refresh dashboards, prove tile by tile that they refreshed, and keep what they show now.

    PostHog takes a refresh as a request, not as an order: it answers 200 for values it ignores, serves old numbers from
    its cache and reports failures inside good answers (contract 5.4). So every tile is checked against the server's own
    clock: it must have been computed after this task began. All dashboards are worked on at once, within the key's
    limits; a retry goes on with those that are left.

    With `deferrable=True` no worker slot is held while PostHog computes or the key's limit is used up: the worker sends
    the refresh, the triggerer only looks, the worker reads the results.

    Args:
        dashboards: an id, a list of ids, a selector, or an XComArg of any of these. Templated.
        strategy: `force_async` (default: one cheap request enqueues all tiles of a dashboard), `force_blocking`,
            `blocking`, `force_cache` or `per_tile`; see `refresh.plan.Strategy`. Templated.
        timeout: how long one dashboard may take, `timedelta` or seconds; 30 minutes by default.
        accept_cached: count a tile that the server thought fresh enough as refreshed; for `blocking` and `force_cache`.
        on_failure: `fail_at_end` (default), `fail_fast` or `continue`. One bad dashboard never costs the others.
        max_in_flight: dashboards that may be computing at the same time.
        allow_empty: whether a selector may match nothing.
        deferrable: wait in the triggerer; default `[operators] default_deferrable`.
        cancel_on_kill: cancel queries that still wait at the server when somebody ends the task.
        emit_assets: announce every refreshed dashboard as an asset event, through the alias
            `posthog_dashboards_refreshed`. Dashboards whose assets are among `outlets` need no alias. See `assets`.

    Keyword Args:
        posthog_conn_id (str): id of the Connection. Templated.
        storage_path (str | None): where the after-snapshots go. Templated.

    Returns:
        list[dict[str, Any]]: One outcome per dashboard: `dashboard_id`, `status` (refreshed, partial, failed),
        `counts`, the tiles that are not fresh with their reasons, and `after`, the reference of the after-snapshot.
        Above 100 entries or 40,000 bytes it is one reference to an index file; `read_results` reads both.

    Raises:
        RefreshFailedError: dashboards are not wholly refreshed (unless `on_failure="continue"`). The outcomes are in
            the XCom all the same.
        PostHogError: nothing could be refreshed, e.g. a wrong key.
        SnapshotStoreError: the storage can't be used, or the worker that goes on after a deferral doesn't share it.
        ValueError: an argument can't be used; nothing was sent.

    Example:
        >>> refresh = PostHogRunInsightsOperator(task_id="refresh", dashboards=[42, 43], deferrable=True)
    """

    template_fields: Sequence[str] = ("dashboards", "strategy", *PostHogOperator.template_fields)
    operator_extra_links = (PostHogLink(), RefreshReportLink(), BeforeSnapshotLink())

    _in_flight: Ledger | None = None
    _journal: Journal | None = None
    #: Whether somebody ended the task.
    _ended: bool = False
    #: Names of the dashboards with fresh tiles, by id.
    _written: Mapping[int, str] = MappingProxyType({})

    def __init__(
        self,
        *,
        dashboards: Any,
        strategy: str = "force_async",
        timeout: timedelta | float = 1800.0,
        accept_cached: bool = False,
        on_failure: str = "fail_at_end",
        max_in_flight: int | None = None,
        allow_empty: bool = False,
        deferrable: bool | None = None,
        cancel_on_kill: bool = True,
        emit_assets: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.emit_assets = emit_assets
        if emit_assets:
            from airflow_dashboards.assets import REFRESHED

            self.outlets = [*self.outlets, REFRESHED]
        self.dashboards = dashboards
        self.strategy = strategy
        self.timeout = timeout
        self.accept_cached = accept_cached
        self.on_failure = on_failure
        self.max_in_flight = max_in_flight
        self.allow_empty = allow_empty
        self.deferrable = default_deferrable() if deferrable is None else deferrable
        self.cancel_on_kill = cancel_on_kill
        # After the success is on record, and no sooner: a worker that dies just before that is followed by one that
        # finds all of the work done. Set here rather than passed on, lest a callback in `default_args` be lost.
        self.on_success_callback = [*self.on_success_callback, _forget_work]

    def execute(self, context: Context) -> Any:
        """Refresh what an earlier try has left, waiting here or in the triggerer."""
        from airflow_dashboards.refresh.outcome import OnFailure
        from airflow_dashboards.refresh.select import resolve

        self._ended = False
        options = self._options()
        ids = self.hook.run(lambda flows: resolve(flows, self.dashboards, allow_empty=self.allow_empty))
        journal, ledger = self._resume_ledger(context, ids)
        # Where a dashboard that isn't refreshed is a result like another, only a crash brings us here with it done.
        if options.on_failure is not OnFailure.CONTINUE and (reopened := ledger.reopen()):
            self.log.info("Trying again: dashboards %s were not refreshed by the try before.", reopened)
        ledger.inherit(deadline=time.time() + options.timeout)
        return self._go_on(context, ids, options, journal, ledger, defer=self.deferrable)

    def resume(self, context: Context, event: dict[str, Any] | None) -> Any:
        """Go on after the triggerer has seen the server finish, or has given up looking."""
        from airflow_dashboards.journal import check_shared
        from airflow_dashboards.refresh.plan import PollState

        self._ended = False
        try:
            dashboards, state = list[int](event["dashboards"]), PollState.from_json(event["state"])  # type: ignore[index]
            ledger_at: str | None = event.get("ledger_at")  # type: ignore[union-attr]
        except (KeyError, TypeError, ValueError) as error:
            raise RefreshFailedError(
                f"The trigger sent an event that can't be used ({error!r}); clear the task to try again"
            ) from error
        if state.error:
            self.log.warning(
                "Looking from the triggerer ended early: %s. Reading the dashboards all the same.", state.error
            )
        journal, ledger = self._resume_ledger(context, dashboards)
        check_shared(journal, ledger, ledger_at)
        # What the triggerer can never look at, this worker does, rather than sending it back to fail in the same way.
        # An outage or a spent budget passes, and is waited for without a slot.
        return self._go_on(
            context, dashboards, self._options(), journal, ledger, ready=state.done, defer=not state.blind
        )

    def on_kill(self) -> None:
        """Ask for nothing more, and cancel what still waits at the server, after a person ended the running task."""
        self._ended = True
        if not self.cancel_on_kill or self._in_flight is None:
            return
        if queries := _pending(self._in_flight)[:MAX_CANCELLED]:
            # A loop of its own, since Airflow calls this in a signal handler, amid the one that refreshes.
            cancelling = Thread(target=self._cancel, args=(queries,), daemon=True)
            cancelling.start()
            cancelling.join(CANCEL_SECONDS)

    def _cancel(self, queries: Sequence[str]) -> None:
        from airflow_dashboards.posthog import RetryPolicy
        from airflow_dashboards.refresh.cycle import cancel

        try:
            self.hook.run(lambda flows: cancel(flows, queries), retry=RetryPolicy(attempts=1))
        except Exception as error:
            self.log.warning("Queries that PostHog is still to compute could not be cancelled: %s", error)

    def lineage(self) -> Any:
        """Return the project's events as what was read, and the dashboards as what was written."""
        from airflow_dashboards.lineage import written

        return written(self.hook.settings.host, self.hook.settings.project_id, self._written)

    def _options(self) -> RefreshOptions:
        from airflow_dashboards.posthog.arguments import choice, whole
        from airflow_dashboards.refresh.outcome import OnFailure
        from airflow_dashboards.refresh.plan import Limits, RefreshOptions, Strategy

        limits = (
            Limits() if self.max_in_flight is None else Limits(dashboards=whole(self.max_in_flight, "max_in_flight"))
        )
        return RefreshOptions(
            host=self.hook.settings.host,
            strategy=choice(self.strategy, Strategy, "strategy"),
            timeout=_seconds(self.timeout),
            accept_cached=self.accept_cached,
            on_failure=choice(self.on_failure, OnFailure, "on_failure"),
            limits=limits,
        )

    def _store(self) -> SnapshotStore:
        from airflow_dashboards.refresh.store import SnapshotStore

        return SnapshotStore(self.hook.storage_root(self.storage_path))

    def _resume_ledger(self, context: Context, ids: list[int]) -> tuple[Journal, Ledger]:
        from airflow_dashboards.journal import journal_of

        self.note_dashboards(ids)
        journal = journal_of(context, self._store())
        ledger = journal.ledger(ids)
        self._journal, self._in_flight = journal, ledger
        done, in_flight = len(ledger.outcomes()), len(ledger.in_flight())
        if done or in_flight:
            self.log.info("Going on: %d of %d dashboards are done, %d are under way.", done, len(ids), in_flight)
        return journal, ledger

    def _go_on(
        self,
        context: Context,
        ids: list[int],
        options: RefreshOptions,
        journal: Journal,
        ledger: Ledger,
        *,
        defer: bool,
        ready: Sequence[int] = (),
    ) -> Any:
        from airflow_dashboards.posthog import RetryPolicy
        from airflow_dashboards.refresh.batch import advance, refresh_many
        from airflow_dashboards.refresh.stopping import unless

        store = self._store()
        run = self.run_label(context)

        def ended() -> bool:
            return self._ended

        if not defer:
            outcomes = self.hook.run(
                lambda flows: unless(
                    ended,
                    refresh_many(
                        flows,
                        ids,
                        options,
                        ledger=ledger,
                        keep=lambda snapshot: store.write(snapshot, run=run),
                        journal=journal,
                    ),
                )
            )
            return self._conclude(context, outcomes, options, journal, store)

        watch = self.hook.run(
            lambda flows: unless(
                ended,
                advance(
                    flows,
                    ledger,
                    options,
                    ready=ready,
                    keep=lambda snapshot: store.write(snapshot, run=run),
                    journal=journal,
                ),
            ),
            # A longer wait for the key's limits is spent in the triggerer.
            retry=RetryPolicy(max_retry_after=PATIENCE_SECONDS),
        )
        if watch is not None:
            self._wait_in_triggerer(watch, ids, journal, ledger)
        return self._conclude(context, ledger.outcomes(), options, journal, store)

    def _wait_in_triggerer(self, watch: Watch, ids: list[int], journal: Journal, ledger: Ledger) -> None:
        from airflow_dashboards.triggers.refresh import PostHogRefreshTrigger

        self.log.info(
            "PostHog is computing %d dashboards; waiting in the triggerer, without a worker slot.",
            sum(len(milestone.dashboards) for milestone in watch.milestones),
        )
        if (pause := watch.resume_at - time.time()) > 0:
            self.log.info("The key's limit is used up: %d dashboards wait another %.0f seconds.", watch.waiting, pause)
        if self.cancel_on_kill and not triggers_learn_of_kills():
            done_without(
                "on_kill of triggers", "queries of a task that is ended while it is deferred are computed to their end"
            )
        self.defer(
            trigger=PostHogRefreshTrigger(
                self.posthog_conn_id,
                dashboards=ids,
                watch=watch.to_json(),
                deferred_at=time.time(),
                cancel_on_kill=_pending(ledger)[:MAX_CANCELLED] if self.cancel_on_kill else [],
                # T0 is the first thing written: without it the limit was used up from the start.
                ledger_at=journal.location if ledger.since is not None else None,
            ),
            method_name="resume",
            timeout=timedelta(seconds=max(0.0, watch.deadline - time.time()) + BACKSTOP_SECONDS),
        )

    def _conclude(
        self,
        context: Context,
        outcomes: list[RefreshOutcome],
        options: RefreshOptions,
        journal: Journal,
        store: SnapshotStore,
    ) -> Any:
        from airflow_dashboards.assets import refreshed_facts
        from airflow_dashboards.metrics import note_refreshes
        from airflow_dashboards.refresh.index import pack
        from airflow_dashboards.refresh.outcome import RefreshStatus, verdict

        note_refreshes(outcomes)
        self._written = {each.dashboard_id: each.name for each in outcomes if each.status is not RefreshStatus.FAILED}
        for outcome in outcomes:
            level = "info" if outcome.status is RefreshStatus.REFRESHED else "warning"
            getattr(self.log, level)("%s", outcome.describe())
        result = pack(outcomes, store, run=self.run_label(context), what="outcomes")
        judged = verdict(outcomes, options.on_failure)
        if judged.fails:
            # A failing task returns nothing; those who look into it want to know what became of each dashboard. The
            # journal stays: a retry is for those that are not refreshed.
            context["ti"].xcom_push(key="return_value", value=result)
            if context["ti"].try_number > context["ti"].max_tries:  # nobody goes on from here
                journal.clear()
            unrefreshed = [each for each in outcomes if each.status is not RefreshStatus.REFRESHED]
            raise RefreshFailedError.of_outcomes(judged.message, unrefreshed)
        self.announce(
            context,
            {each.dashboard_id: refreshed_facts(each) for each in outcomes if each.status is RefreshStatus.REFRESHED},
        )
        return result


def _forget_work(context: Context) -> None:
    # The journal that did the work: it need not be read again, and a worker that dies right now leaves less behind.
    if (journal := cast("PostHogRunInsightsOperator", context["task"])._journal) is not None:
        journal.clear()


def _pending(ledger: Ledger) -> list[str]:
    return [query for kick in ledger.in_flight() for query in kick.pending]


def _seconds(timeout: Any) -> float:
    """Return a timeout as seconds.

    Raises:
        ValueError: it is neither a `timedelta` nor a number, or not above 0.
    """
    seconds = timeout.total_seconds() if isinstance(timeout, timedelta) else timeout
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds < float("inf"):
        raise ValueError(f"timeout must be a timedelta or a number of seconds above 0, not {timeout!r}")
    return float(seconds)
