"""A DAG scheduled on a dashboard runs once per refresh, over ten of them and the death of a triggerer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from local_airflow import LocalAirflow
from local_sandbox import LocalSandbox
from servers import wait_until

pytestmark = pytest.mark.e2e

WATCHED, LEFT_ALONE = "after_dashboard_1", "after_dashboard_2"
REFRESHES = 10
#: Before this one the triggerer is killed; it happens while nobody looks.
UNSEEN = 6


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[LocalSandbox]:
    with LocalSandbox(tmp_path / "sandbox.log") as sandbox:
        sandbox.start()
        yield sandbox


@pytest.fixture
def airflow(tmp_path: Path, sandbox: LocalSandbox) -> Iterator[LocalAirflow]:
    environment = {
        "AIRFLOW_CONN_POSTHOG_DEFAULT": sandbox.connection(sandbox.create_key(["dashboard:read"])),
        "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "6",
        "WATCHED_POSTHOG": sandbox.url,
    }
    with LocalAirflow(
        home=tmp_path / "airflow",
        dags=Path(__file__).parent / "dags",
        log=tmp_path / "airflow.log",
        environment=environment,
    ) as airflow:
        airflow.start()
        for dag_id in (WATCHED, LEFT_ALONE):
            airflow.wait_for_dag(dag_id)
            airflow.unpause(dag_id)
        yield airflow


class Owner:
    """Somebody with a browser."""

    def __init__(self, sandbox: LocalSandbox) -> None:
        self.sandbox = sandbox
        key = sandbox.create_key(["*"])
        self.http = httpx.Client(
            base_url=sandbox.url, headers={"Authorization": f"Bearer {key}"}, timeout=60, trust_env=False
        )

    def refresh(self, dashboard_id: int) -> None:
        """Have every tile computed anew, at a time of its own."""
        self.sandbox.control("POST", "clock", {"advance_seconds": 30})
        self.http.get(
            f"/api/projects/1/dashboards/{dashboard_id}/", params={"refresh": "force_blocking"}
        ).raise_for_status()

    def looks(self, dashboard_id: int) -> int:
        """Return how often the watcher has looked at a dashboard."""
        return sum(
            f"/dashboards/{dashboard_id}/" in request["path"] and "force_cache" in request["query"]
            for request in self.sandbox.requests()
        )

    def wait_for_looks(self, count: int) -> None:
        """Wait until the watcher has looked so many times from now on, at both dashboards."""
        for dashboard_id in (1, 2):
            wanted = self.looks(dashboard_id) + count
            wait_until(
                lambda each=dashboard_id, wanted=wanted: self.looks(each) >= wanted,
                seconds=120,
                what=f"Nobody looks at dashboard {dashboard_id}",
            )


def runs(airflow: LocalAirflow, dag_id: str) -> list[str]:
    return [each["state"] for each in airflow.get(f"/api/v2/dags/{dag_id}/dagRuns", limit=100)["dag_runs"]]


@pytest.fixture
def owner(sandbox: LocalSandbox) -> Iterator[Owner]:
    owner = Owner(sandbox)
    yield owner
    owner.http.close()


def test_a_dag_on_a_dashboard_runs_once_per_refresh(airflow: LocalAirflow, owner: Owner) -> None:
    owner.refresh(1)
    owner.refresh(2)
    owner.wait_for_looks(2)
    assert runs(airflow, WATCHED) == [], "what was there before the watch began is no news"

    for number in range(1, REFRESHES + 1):
        if number == UNSEEN:
            airflow.servers["triggerer"].kill()
        owner.refresh(1)
        if number == UNSEEN:
            airflow.start_component("triggerer")
        wait_until(
            lambda number=number: len(runs(airflow, WATCHED)) >= number,
            seconds=300,
            what=f"Refresh {number} made no run",
        )
        owner.wait_for_looks(2)

    owner.wait_for_looks(5)
    wait_until(lambda: set(runs(airflow, WATCHED)) == {"success"}, seconds=120, what="The runs have not ended")
    assert len(runs(airflow, WATCHED)) == REFRESHES
    assert runs(airflow, LEFT_ALONE) == []
    assert abs(owner.looks(1) - owner.looks(2)) <= 2, "both are looked at in the same rounds"
