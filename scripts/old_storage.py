"""A storage path as many months of runs leave it, for tests of what is let go of when it is old."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from airflow_dashboards.analysis import Analysis, Comparability, Snapshot, Verdict
from airflow_dashboards.refresh.files import host_name, writing
from airflow_dashboards.refresh.history import VerdictHistory
from airflow_dashboards.refresh.run_record import RUNS, RunRecord, write_run
from airflow_dashboards.refresh.store import SnapshotStore
from airflow_dashboards.refresh.summary import AnalysisSummary


class OldStorage:
    """Writes what the tasks of one DAG would have written about one dashboard, so many days ago.

    Every method returns the paths of what it wrote, relative to the storage root. Only what the storage itself says of
    its files' age is of today.

    Args:
        store: where to.
        now: the instant that days are counted back from, timezone-aware.
        host: of the dashboard.
        dashboard_id: its id, in project 1.
        dag_id: of the DAG; its analyzing task is `analyze`.

    Example:
        >>> nightly = OldStorage(store, now, host="https://eu.posthog.com", dashboard_id=42, dag_id="nightly")
        >>> nightly.snapshot(90)
        {'eu.posthog.com/1/42/20260301T120000Z-nightly.jsonl.gz'}
    """

    def __init__(self, store: SnapshotStore, now: datetime, *, host: str, dashboard_id: int, dag_id: str) -> None:
        self._store = store
        self._now = now
        self._host = host
        self._dashboard_id = dashboard_id
        self._dag_id = dag_id
        self._folder = f"{host_name(host)}/1/{dashboard_id}"

    def snapshot(self, days: float) -> set[str]:
        """Keep a picture."""
        taken = Snapshot(dashboard_id=self._dashboard_id, project_id=1, host=self._host, taken_at=self._ago(days))
        return {self._below(self._store.write(taken, run=self._dag_id).uri)}

    def verdict(self, days: float) -> set[str]:
        """Keep a verdict of the picture of that time."""
        history = VerdictHistory(self._store)
        written = history.add(self._analysis(days), source=f"{self._dag_id}.analyze", run=f"run-{days:g}")
        return {self._below(written)}

    def run(self, days: float, *, before: float) -> tuple[set[str], set[str]]:
        """Keep what the page knows of a run that compared the pictures of those times, and its report."""
        record = RunRecord.of(
            [AnalysisSummary.of(self._analysis(days, before))],
            dag_id=self._dag_id, run_id=f"run-{days:g}", task_id="analyze", title=self._dag_id,
        )  # fmt: skip
        key = write_run(self._store.root, record)
        report = [self.file(f"reports/{key}/{name}") for name in ("report.html", "report.md", "analysis.json")]
        return {f"{RUNS}/{self._ago(days):%Y-%m-%d}/{key}.json"}, set[str]().union(*report)

    def file(self, path: str) -> set[str]:
        """Keep any other file."""
        with writing(self._store.root / path) as file:
            file.write(b"{}")
        return {path}

    def _analysis(self, days: float, before: float | None = None) -> Analysis:
        return Analysis(
            dashboard_id=self._dashboard_id,
            dashboard_name="Shop",
            project_id=1,
            host=self._host,
            url=f"{self._host}/project/1/dashboard/{self._dashboard_id}",
            before_at=None if before is None else self._ago(before),
            after_at=self._ago(days),
            comparability=Comparability.CHANGED,
            status=Verdict.PASS,
            summary="As expected.",
        )

    def _ago(self, days: float) -> datetime:
        return self._now - timedelta(days=days)

    def _below(self, uri: Any) -> str:
        return str(uri).removeprefix(str(self._store.root).rstrip("/") + "/")
