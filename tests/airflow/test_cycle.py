"""The whole cycle on a real Airflow and a real PostHog of this machine: snapshot, load, refresh, prove, analyze."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import DAG, task

from airflow_dashboards import PostHogRefreshGroup
from airflow_dashboards.sandbox import Sandbox, demo

pytestmark = pytest.mark.posthog_sandbox(build="cloud", demo=True)

Cycle = Callable[..., "Run"]


class Run:
    """What a test wants to know of a finished DAG run."""

    def __init__(self, dag_run: Any, storage: Path) -> None:
        self.states = {ti.task_id: str(ti.state) for ti in dag_run.get_task_instances()}
        self.dag_run = dag_run
        self.storage = storage

    def xcom(self, task_id: str) -> Any:
        from airflow.models.xcom import XComModel
        from airflow.utils.session import create_session

        with create_session() as session:
            row = session.scalars(
                XComModel.get_many(
                    run_id=self.dag_run.run_id, dag_ids=self.dag_run.dag_id, key="return_value", task_ids=task_id
                )
            ).one()
            return XComModel.deserialize_value(row)

    def report(self, name: str = "report.html") -> str:
        (path,) = self.storage.glob(f"reports/*/{name}")
        return path.read_text()

    def tiles(self, *verdicts: str) -> dict[str, str]:
        return {
            tile["name"]: tile["verdict"]
            for analysis in json.loads(self.report("analysis.json"))
            for tile in analysis["tiles"]
            if tile["verdict"] in verdicts
        }


@pytest.fixture
def cycle(
    posthog_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, run_dag: Callable[..., Any], tmp_path: Path
) -> Cycle:
    def run(
        load: Callable[[], None] = lambda: None,
        *,
        dashboards: Any = None,
        session: bool = False,
        key: str | None = None,
        **group: Any,
    ) -> Run:
        monkeypatch.setenv("AIRFLOW_CONN_POSTHOG_DEFAULT", posthog_sandbox.conn_uri(session=session, key=key))
        with DAG("cycle", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=timezone.utc)) as dag:
            with PostHogRefreshGroup(
                "kpis", dashboards=dashboards or {"all": True}, storage_path=str(tmp_path), **group
            ):
                task(task_id="load")(load)()
        return Run(run_dag(dag), tmp_path)

    return run


def load_yesterday(sandbox: Sandbox, breakages: Any = ()) -> Callable[[], None]:
    def load() -> None:
        yesterday = (datetime.now(timezone.utc) - timedelta(days=1)).date()
        demo.load_day(sandbox.url, yesterday, breakages=breakages)

    return load


@pytest.mark.parametrize("deferrable", [False, True])
def test_a_good_load_passes_with_an_api_key_on_cloud(posthog_sandbox: Sandbox, cycle: Cycle, deferrable: bool) -> None:
    run = cycle(load_yesterday(posthog_sandbox), deferrable=deferrable)

    assert run.states == {
        "kpis.snapshot": "success",
        "kpis.load": "success",
        "kpis.refresh": "success",
        "kpis.analyze": "success",
    }
    assert run.tiles("warn", "fail") == {}
    assert all(outcome["status"] == "refreshed" for outcome in run.xcom("kpis.refresh"))


def test_a_broken_load_is_named_tile_by_tile_and_stops_the_pipeline(posthog_sandbox: Sandbox, cycle: Cycle) -> None:
    run = cycle(load_yesterday(posthog_sandbox, demo.ALL), deferrable=True)

    assert run.states["kpis.refresh"] == "success"
    assert run.states["kpis.analyze"] == "failed"
    assert set(run.tiles("warn", "fail")) == set(demo.BROKEN_TILES.values())
