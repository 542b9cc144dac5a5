"""A triggerer that dies in the middle of a deferred refresh: nothing is sent twice, and the task succeeds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from local_airflow import LocalAirflow
from local_sandbox import LocalSandbox
from servers import wait_until

pytestmark = pytest.mark.e2e

DAG_ID = "deferred_refresh"
#: Long enough that the refresh is still under way when a new triggerer has taken over.
TILE_SECONDS = 12
#: How old a triggerer's heartbeat may get before another takes its triggers; the default of 30 s only makes us wait.
TRIGGERER_PATIENCE = 6


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[LocalSandbox]:
    with LocalSandbox(tmp_path / "sandbox.log") as sandbox:
        sandbox.start()
        sandbox.control("PATCH", "settings", {"tile_seconds": TILE_SECONDS, "workers": 2})
        yield sandbox


@pytest.fixture
def airflow(tmp_path: Path, sandbox: LocalSandbox) -> Iterator[LocalAirflow]:
    environment = {
        "AIRFLOW_CONN_POSTHOG_DEFAULT": sandbox.connection(sandbox.create_key(["*"])),
        "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": str(TRIGGERER_PATIENCE),
    }
    with LocalAirflow(
        home=tmp_path / "airflow",
        dags=Path(__file__).parent / "dags",
        log=tmp_path / "airflow.log",
        environment=environment,
    ) as airflow:
        airflow.start()
        airflow.wait_for_dag(DAG_ID)
        yield airflow


def test_a_restarted_triggerer_goes_on_with_the_refresh_and_sends_nothing_twice(
    airflow: LocalAirflow, sandbox: LocalSandbox
) -> None:
    dashboard_id = first_dashboard(sandbox)
    run_id = airflow.trigger(DAG_ID, {"dashboards": [dashboard_id]})

    def deferred() -> bool:
        return airflow.task_states(DAG_ID, run_id).get("refresh") == "deferred"

    def polls() -> int:
        return sum("/query/" in request["path"] for request in sandbox.requests())

    wait_until(deferred, seconds=60, what="The refresh is not deferred")
    wait_until(lambda: polls() > 0, seconds=60, what="The trigger has not polled")
    airflow.servers["triggerer"].kill()
    assert deferred()
    polls_before = polls()

    airflow.start_component("triggerer")
    wait_until(lambda: polls() > polls_before, seconds=90, what="The new triggerer has not polled")
    states = {change.task_id: change.state for change in airflow.follow(DAG_ID, run_id, seconds=180)}

    assert states == {"refresh": "success"}, airflow.task_log(DAG_ID, run_id, "refresh")
    assert kicks(sandbox, dashboard_id) == 1
    outcome = airflow.xcom(DAG_ID, run_id, "refresh")[0]
    assert outcome["status"] == "refreshed"


def first_dashboard(sandbox: LocalSandbox) -> int:
    import httpx

    key = sandbox.create_key(["dashboard:read"])
    answer = httpx.get(
        f"{sandbox.url}/api/projects/1/dashboards/", headers={"Authorization": f"Bearer {key}"}, trust_env=False
    )
    return int(answer.raise_for_status().json()["results"][0]["id"])


def kicks(sandbox: LocalSandbox, dashboard_id: int) -> int:
    """Return how many requests asked for this dashboard to be computed."""
    return sum(
        f"/dashboards/{dashboard_id}" in request["path"] and "refresh=force_async" in request["query"]
        for request in sandbox.requests()
    )
