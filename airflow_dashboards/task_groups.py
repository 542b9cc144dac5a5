"""The whole cycle around the tasks of a load. Only composition: the operators in it are there one by one, too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import TaskGroup

from airflow_dashboards.operators.analyze_refresh import PostHogAnalyzeRefreshOperator
from airflow_dashboards.operators.run_insights import PostHogRunInsightsOperator
from airflow_dashboards.operators.snapshot import PostHogSnapshotOperator

if TYPE_CHECKING:
    from datetime import timedelta
    from pathlib import Path

    from airflow_dashboards.analysis import RuleBook, Rules


class PostHogRefreshGroup(TaskGroup):
    """Snapshot before, refresh, prove and analyze after whatever tasks are declared inside.

    The tasks `snapshot`, `refresh` and `analyze` are made when the group is entered (`group.snapshot`, ...), and wired
    when it is left: the snapshot before every first task inside, the refresh after every last one. A load that fails
    leaves the dashboards alone. Setups and teardowns inside work as everywhere: the snapshot comes before the setups,
    and the refresh waits for the work alone, not for the teardowns, whatever comes of them.

    Args:
        group_id: id of the group; its tasks are `<group_id>.snapshot`, `.refresh`, `.analyze`.
        dashboards: an id, a list of ids, a selector, or an XComArg of any of these. Templated.
        before: leave it to compare with what was shown just before the load; or which earlier run's capture to compare
            with, as for `PostHogAnalyzeRefreshOperator`, e.g. `{"days_ago": 7}`.
        rules: what counts as harm: `Rules`, a `RuleBook`, a dict, or the path of a YAML file beside the DAG; the
            default needs no tuning.
        fail_on: `fail` (default), `warn` or `never`: which verdict fails the analyze task.
        strategy: how the refresh task refreshes, as for `PostHogRunInsightsOperator`.
        timeout: how long one dashboard may take there, `timedelta` or seconds.
        on_failure: what one bad dashboard does there: `fail_at_end`, `fail_fast` or `continue`.
        deferrable: have the refresh task wait in the triggerer; default `[operators] default_deferrable`.
        mode: as for `PostHogSnapshotOperator`.
        narrator: who puts the findings into words, as for `PostHogAnalyzeRefreshOperator`: `posthog` or `llm`. The
            first has the snapshot task ask for the server's own snapshot, too.
        llm_conn_id: the connection for `narrator="llm"`.
        status_tile: keep a text tile on each dashboard that says when it was refreshed and what changed.
        annotate: annotate each dashboard's charts at the load.
        emit_assets: have the analyze task announce every dashboard once the gate is open, so that DAGs can be scheduled
            on the alias `posthog_dashboards_analyzed`; see `assets`.
        analyze_arguments: further arguments of the analyze task alone, e.g. `{"on_failure_callback": [notifier]}`: the
            messages to send are its XComs.
        posthog_conn_id: id of the Connection. Templated.
        storage_path: where snapshots and reports go. Templated.
        kwargs: as for every `TaskGroup`.

    Example:
        >>> with PostHogRefreshGroup("kpis", dashboards=[42, 43], rules=Rules(max_drop=0.3)):  # doctest: +SKIP
        ...     load_orders() >> build_marts()
    """

    def __init__(
        self,
        group_id: str,
        *,
        dashboards: Any,
        before: dict[str, Any] | None = None,
        rules: Rules | RuleBook | dict[str, Any] | str | Path | None = None,
        fail_on: str = "fail",
        strategy: str = "force_async",
        timeout: timedelta | float = 1800.0,
        on_failure: str = "fail_at_end",
        deferrable: bool | None = None,
        mode: str = "force_cache",
        narrator: str | None = None,
        llm_conn_id: str | None = None,
        status_tile: bool = False,
        annotate: bool = False,
        emit_assets: bool = False,
        analyze_arguments: dict[str, Any] | None = None,
        posthog_conn_id: str = "posthog_default",
        storage_path: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(group_id=group_id, **kwargs)
        self._before = before
        common: dict[str, Any] = {"posthog_conn_id": posthog_conn_id, "storage_path": storage_path}
        self._arguments: dict[str, dict[str, Any]] = {
            "snapshot": {"dashboards": dashboards, "mode": mode, "server": narrator == "posthog", **common},
            "refresh": {
                "dashboards": dashboards,
                "strategy": strategy,
                "timeout": timeout,
                "on_failure": on_failure,
                "deferrable": deferrable,
                **common,
            },
            "analyze": {
                "rules": rules,
                "fail_on": fail_on,
                "narrator": narrator,
                "llm_conn_id": llm_conn_id,
                "status_tile": status_tile,
                "annotate": annotate,
                "emit_assets": emit_assets,
                **common,
                **(analyze_arguments or {}),
            },
        }
        self.snapshot: PostHogSnapshotOperator
        self.refresh: PostHogRunInsightsOperator
        self.analyze: PostHogAnalyzeRefreshOperator

    def __enter__(self) -> PostHogRefreshGroup:
        super().__enter__()
        self.snapshot = PostHogSnapshotOperator(task_id="snapshot", **self._arguments["snapshot"])
        self.refresh = PostHogRunInsightsOperator(task_id="refresh", **self._arguments["refresh"])
        self.analyze = PostHogAnalyzeRefreshOperator(
            task_id="analyze",
            before=self.snapshot.output if self._before is None else self._before,
            after=self.refresh.output,
            **self._arguments["analyze"],
        )
        return self

    def __exit__(self, _type: Any, _value: Any, _tb: Any) -> None:
        if _type is None:
            self._wire()
        super().__exit__(_type, _value, _tb)  # type: ignore[no-untyped-call]

    def _wire(self) -> None:
        ours = {self.snapshot.task_id, self.refresh.task_id, self.analyze.task_id}
        inside = {task.task_id: task for task in self if task.task_id not in ours}
        for task in inside.values():
            if task.upstream_task_ids.isdisjoint(inside):
                self.snapshot.set_downstream(task)
        # A teardown runs, and may well succeed, after a load that has failed: what counts is the work before it.
        work = {task_id: task for task_id, task in inside.items() if not task.is_teardown}
        for task in work.values():
            if task.downstream_task_ids.isdisjoint(work):
                self.refresh.set_upstream(task)
        if not work:
            self.snapshot.set_downstream(self.refresh)
