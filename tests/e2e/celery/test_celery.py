"""The cycle on Celery workers that share nothing but S3, one of which is killed in the middle (`make e2e-celery`).

`CELERY_FOLDER` is where everything lives, `CELERY_DASHBOARDS` how many dashboards there are.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import psutil
import pytest

pytest.importorskip("airflow.providers.celery", reason="needs make e2e-celery")
pytest.importorskip("moto", reason="needs make e2e-celery")

from airflow.sdk import ObjectStoragePath
from celery_airflow import STORAGE, Backing, CeleryAirflow, backing, stored
from disturbances import KICK, Disturbance, Moment, Stage, kicks
from local_dashboards import add_events, fill
from local_sandbox import LocalSandbox
from old_storage import OldStorage
from servers import remember

from airflow_dashboards.refresh.index import expand
from airflow_dashboards.refresh.outcome import RefreshOutcome
from airflow_dashboards.refresh.reference import SnapshotRef
from airflow_dashboards.refresh.store import SnapshotStore

pytestmark = pytest.mark.e2e

DASHBOARDS = int(os.environ.get("CELERY_DASHBOARDS", "20"))
WORKERS = {"worker-a": ["default", "only_a"], "worker-b": ["default", "only_b"]}
LONGEST = 420
#: As in the chaos test: Airflow's own patience is minutes.
IMPATIENT = {
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "20",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "3",
}


@pytest.fixture(scope="module")
def sandbox(folder: Path) -> Iterator[LocalSandbox]:
    with LocalSandbox(folder / "sandbox.log", demo=False) as sandbox:
        sandbox.start()
        yield sandbox


@pytest.fixture(scope="module")
def boards(sandbox: LocalSandbox) -> list[int]:
    """The ids of the dashboards."""
    boards = list(fill(sandbox, DASHBOARDS))
    sandbox.control("PATCH", "settings", {"tile_seconds": min(0.6, 6 * 8 / (4 * DASHBOARDS)), "workers": 8})
    return boards


@pytest.fixture(scope="module")
def found(folder: Path, s3: str) -> Iterator[Backing]:
    with backing(folder / "backing", s3=s3) as found:
        yield found


@pytest.fixture(scope="module")
def airflow(folder: Path, found: Backing, sandbox: LocalSandbox) -> Iterator[CeleryAirflow]:
    dags = folder / "dags"
    dags.mkdir()
    here = Path(__file__).parent
    for file in (here / "dags" / "unshared.py", here.parent / "chaos" / "dags" / "chaos.py"):
        shutil.copy(file, dags)
    environment = {
        **found.environment,
        **IMPATIENT,
        "AIRFLOW_CONN_POSTHOG_DEFAULT": sandbox.connection(sandbox.create_key(["*"])),
        "AIRFLOW__POSTHOG__STORAGE_PATH": STORAGE,
        "AIRFLOW__POSTHOG__RETENTION_DAYS": "30",
    }
    with CeleryAirflow(folder / "airflow", dags, folder / "airflow.log", environment, workers=WORKERS) as airflow:
        airflow.start()
        remember([*airflow.servers.values(), sandbox.server], folder / "processes.json")
        for dag_id in ("chaos", "unshared"):
            airflow.wait_for_dag(dag_id)
        yield airflow


@pytest.fixture
def stage(airflow: CeleryAirflow, sandbox: LocalSandbox, boards: list[int]) -> Stage:
    """A stage for runs over all `boards`."""
    add_events(sandbox, 1)
    return Stage(airflow, sandbox, "chaos", hosts=tuple(WORKERS))


@pytest.fixture
def store(s3: str) -> SnapshotStore:
    return SnapshotStore(ObjectStoragePath(STORAGE))


def test_workers_that_share_only_an_object_store_refresh_together_and_let_go_of_what_is_old(
    stage: Stage, store: SnapshotStore, boards: list[int], s3: str
) -> None:
    known = {"host": stage.sandbox.url, "dashboard_id": boards[0]}
    present = OldStorage(store, datetime.now(timezone.utc), **known, dag_id="chaos")
    retired = OldStorage(store, datetime.now(timezone.utc), **known, dag_id="retired")
    first, last, earlier = retired.run(100, before=101), retired.run(60, before=61), present.run(90, before=90.1)
    old = first[0] | earlier[0] | present.snapshot(90.1) | present.snapshot(90) | retired.snapshot(100)
    needed = last[0] | last[1] | retired.snapshot(61) | retired.snapshot(60) | present.snapshot(3)
    assert stored(s3) >= old | needed

    end = stage.run([], seconds=LONGEST)
    assert end.run_state == "success"
    assert set(kicks(end.requests).values()) == {1}
    assert_all_is_refreshed(stage, store)
    # The analyzing task of whichever worker had it was the day's first.
    assert stored(s3) & (old | needed) == needed
    log = stage.airflow.task_log("chaos", stage.run_id, "analyze")
    assert f"what is more than 30 days old: {len(old)} files (2 of runs, 3 of snapshots)" in log


@pytest.mark.parametrize("moment", ["mid-kick", "mid-finish"])
def test_a_worker_that_is_killed_is_replaced_by_the_other(
    airflow: CeleryAirflow, stage: Stage, store: SnapshotStore, moment: str
) -> None:
    come = {
        "mid-kick": lambda now: now.tasks.get("refresh") == "running" and now.count(KICK) >= DASHBOARDS // 2,
        "mid-finish": lambda now: now.tasks.get("refresh") == "running" and now.reads_after_kicks >= DASHBOARDS // 2,
    }
    killed: list[str] = []

    def kill(stage: Stage) -> None:
        name = host_of(stage, "refresh")
        killed.append(name)
        airflow.servers.pop(name).kill()

    end = stage.run([Disturbance("worker killed", Moment(moment, come[moment]), kill)], seconds=LONGEST)
    print(f"    {killed} killed; {states(stage)}")

    assert len(killed) == 1
    assert end.run_state == "success", airflow.task_log("chaos", stage.run_id, "refresh")[-6000:]
    assert {path: count for path, count in kicks(end.requests).items() if count > 1} == {}
    assert_all_is_refreshed(stage, store)
    airflow.start_worker(killed[0])


def test_storage_that_the_workers_do_not_share_is_told_in_plain_words(airflow: CeleryAirflow) -> None:
    run_id = airflow.trigger("unshared")
    ended = {change.task_id: change.state for change in airflow.follow("unshared", run_id, seconds=LONGEST)}

    assert ended == {"before": "success", "analyze": "failed"}
    log = airflow.task_log("unshared", run_id, "analyze")
    assert "does not share its storage with this one" in log
    assert "Give both a storage path that all workers reach" in log


def assert_all_is_refreshed(stage: Stage, store: SnapshotStore) -> None:
    def xcom(task_id: str) -> Any:
        return stage.airflow.xcom("chaos", stage.run_id, task_id)

    before = expand(xcom("before"), store, SnapshotRef)
    outcomes = expand(xcom("refresh"), store, RefreshOutcome)
    assert len(before) == len(outcomes) == DASHBOARDS
    assert {outcome.status.value for outcome in outcomes} == {"refreshed"}
    for reference in [*before, *(outcome.after for outcome in outcomes)]:
        assert reference is not None
        assert reference.uri.startswith(STORAGE)
        assert len(store.read(reference).tiles) == 4


def host_of(stage: Stage, task_id: str) -> str:
    """Return the worker on which a task runs."""
    process = stage.process_of(task_id)
    assert process is not None
    above = {parent.pid for parent in process.parents()}
    return next(name for name in WORKERS if pid_of(stage, name) in above)


def pid_of(stage: Stage, name: str) -> int | None:
    server = stage.airflow.servers.get(name)
    return server.process.pid if server is not None and server.process is not None else None


def states(stage: Stage) -> str:
    path = f"/api/v2/dags/chaos/dagRuns/{stage.run_id}/taskInstances"
    found = stage.airflow.get(path)["task_instances"]
    return json.dumps({each["task_id"]: [each["state"], each["try_number"], each["hostname"]] for each in found})


def test_nothing_outlives_airflow(airflow: CeleryAirflow, folder: Path) -> None:
    airflow.stop()
    (folder / "processes.json").unlink()
    assert [process for process in psutil.process_iter() if str(folder) in home_of(process)] == []


def home_of(process: psutil.Process) -> str:
    try:
        return process.environ().get("AIRFLOW_HOME", "")
    except psutil.Error:
        return ""
