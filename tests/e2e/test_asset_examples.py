"""The example of DAGs that wait for dashboards, on a real scheduler and a real triggerer."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import httpx
import pytest
from local_airflow import FINISHED, LocalAirflow
from local_sandbox import LocalSandbox
from servers import wait_until

from airflow_dashboards.sandbox import demo

pytestmark = pytest.mark.e2e

EXAMPLE = Path(__file__).resolve().parents[2] / "dags_examples" / "asset_driven.py"
LOAD, ANNOUNCED, WATCHING = "asset_driven_load", "asset_driven", "asset_driven_watch"


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[LocalSandbox]:
    with LocalSandbox(tmp_path / "sandbox.log") as sandbox:
        sandbox.start()
        yield sandbox


@pytest.fixture
def boards(sandbox: LocalSandbox) -> dict[int, str]:
    """The shop's dashboards with yesterday loaded and every tile computed: the example's own load brings nothing."""
    demo.load_day(sandbox.url, (datetime.now(timezone.utc) - timedelta(days=1)).date())
    with person(sandbox) as browser:
        listed = browser.get("/api/projects/1/dashboards/").raise_for_status().json()["results"]
        for board in listed:
            refresh(browser, board["id"])
    return {board["id"]: board["name"] for board in listed}


@pytest.fixture
def airflow(tmp_path: Path, sandbox: LocalSandbox, boards: dict[int, str]) -> Iterator[LocalAirflow]:
    """Airflow with the example as a reader would have it: with a number of their own."""
    dags = tmp_path / "dags"
    dags.mkdir()
    own = f"dashboard_id={min(boards)}"
    (dags / EXAMPLE.name).write_text(EXAMPLE.read_text().replace("dashboard_id=42)", f"{own}, poll_interval=1)"))
    environment = {
        "AIRFLOW_CONN_POSTHOG_DEFAULT": sandbox.connection(
            sandbox.create_key(["dashboard:read", "insight:read", "query:read"])
        )
    }
    with LocalAirflow(
        home=tmp_path / "airflow", dags=dags, log=tmp_path / "airflow.log", environment=environment
    ) as airflow:
        airflow.start()
        yield airflow


def person(sandbox: LocalSandbox) -> httpx.Client:
    headers = {"Authorization": f"Bearer {sandbox.create_key(['*'])}"}
    return httpx.Client(base_url=sandbox.url, headers=headers, timeout=120, trust_env=False)


def refresh(browser: httpx.Client, board: int) -> None:
    browser.get(f"/api/projects/1/dashboards/{board}/", params={"refresh": "force_blocking"}).raise_for_status()


def runs(airflow: LocalAirflow, dag_id: str) -> list[dict[str, Any]]:
    return list(airflow.get(f"/api/v2/dags/{dag_id}/dagRuns", limit=100)["dag_runs"])


def only_run(airflow: LocalAirflow, dag_id: str) -> str:
    """Wait for the end of the one run that a DAG is to have, and return its id."""
    wait_until(
        lambda: any(run["state"] in FINISHED for run in runs(airflow, dag_id)),
        seconds=180,
        what=f"{dag_id} has not run",
    )
    (run,) = runs(airflow, dag_id)
    assert run["state"] == "success"
    return str(run["dag_run_id"])


def test_the_examples_of_waiting_for_dashboards(
    airflow: LocalAirflow, sandbox: LocalSandbox, boards: dict[int, str]
) -> None:
    watched = min(boards)
    for dag_id in (ANNOUNCED, WATCHING):
        airflow.wait_for_dag(dag_id)
        airflow.unpause(dag_id)
    airflow.unpause(LOAD)
    loaded = airflow.first_run(LOAD)
    wait_until(lambda: airflow.run_state(LOAD, loaded) in FINISHED, seconds=300, what="The load has not ended")
    assert airflow.run_state(LOAD, loaded) == "success", airflow.task_log(LOAD, loaded, "kpis.analyze")

    sent = airflow.xcom(ANNOUNCED, only_run(airflow, ANNOUNCED), "send")
    assert sorted(sent) == sorted(boards.values()), "one run for all that was announced together"

    def looked() -> int:
        return sum(
            f"/dashboards/{watched}/" in each["path"] and "force_cache" in each["query"] for each in sandbox.requests()
        )

    before = looked()
    wait_until(lambda: looked() > before + 2, seconds=120, what="Nobody watches the dashboard")
    earlier = len(runs(airflow, WATCHING))  # the load's refresh is told, if the watch had begun by then
    sandbox.control("POST", "clock", {"advance_seconds": 30})
    with person(sandbox) as browser:
        refresh(browser, watched)
    wait_until(lambda: len(runs(airflow, WATCHING)) > earlier, seconds=180, what="The refresh made no run")
    newest = max(runs(airflow, WATCHING), key=lambda run: str(run["run_after"]))["dag_run_id"]
    wait_until(lambda: airflow.run_state(WATCHING, newest) in FINISHED, seconds=120, what="The run has not ended")
    (told,) = airflow.xcom(WATCHING, newest, "export")
    assert told.startswith(f"{boards[watched]} is as of ")
