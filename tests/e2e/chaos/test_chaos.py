"""Whatever happens to Airflow's processes and to the server: the same outcomes, nothing asked for twice, nothing left.

`CHAOS_DASHBOARDS`, `CHAOS_RUNS` and `CHAOS_OUTAGE` (seconds without an api-server) choose the size, `CHAOS_SEED`
repeats what was seen: run n of seed s is drawn from s + n.
"""

from __future__ import annotations

import os
import random
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from disturbances import Disturbance, Progress, Stage, chosen, kicks, moments
from local_airflow import LocalAirflow
from local_dashboards import add_events, fill
from local_sandbox import LocalSandbox
from servers import wait_until

from airflow_dashboards.refresh.index import expand
from airflow_dashboards.refresh.outcome import RefreshOutcome
from airflow_dashboards.refresh.reference import SnapshotRef
from airflow_dashboards.refresh.store import SnapshotStore
from airflow_dashboards.refresh.summary import AnalysisSummary

pytestmark = pytest.mark.e2e

DAG_ID = "chaos"
DASHBOARDS = int(os.environ.get("CHAOS_DASHBOARDS", "20"))
RUNS = int(os.environ.get("CHAOS_RUNS", "4"))
OUTAGE = float(os.environ.get("CHAOS_OUTAGE", "20"))
SEED = int(os.environ.get("CHAOS_SEED", str(random.SystemRandom().randrange(10**6))))
#: The first insight of the first dashboard, in disturbed runs and in the undisturbed one.
FAILS_FOR_EVER = {"match": {"insight": 1}, "times": None, "fault": {"tile_error": "No."}}
#: Each answer about a dashboard takes its time, so that no phase is over before it can be disturbed: about three
#: seconds each, with the eight requests that are under way at once.
SLOW = {"match": {"path_regex": r"/dashboards/\d+/"}, "times": None, "fault": {"delay": min(1.0, 24 / DASHBOARDS)}}
#: Long enough for a kill, Airflow's patience with what was killed, and the retry, several times over.
LONGEST = 300 + 2 * OUTAGE + 2 * DASHBOARDS

#: How soon Airflow notices that something is dead; its own defaults are minutes, which only make us wait.
IMPATIENT = {
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "20",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "3",
    "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "10",
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "5",
    "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "8",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("chaos")


@pytest.fixture(scope="module")
def sandbox(folder: Path) -> Iterator[LocalSandbox]:
    with LocalSandbox(folder / "sandbox.log", demo=False) as sandbox:
        sandbox.start()
        fill(sandbox, DASHBOARDS)
        # About six seconds of work, however many dashboards there are.
        sandbox.control("PATCH", "settings", {"tile_seconds": min(0.6, 6 * 8 / (4 * DASHBOARDS)), "workers": 8})
        yield sandbox


@pytest.fixture(scope="module")
def airflow(folder: Path, sandbox: LocalSandbox) -> Iterator[LocalAirflow]:
    (folder / "tmp").mkdir()
    environment = {
        **IMPATIENT,
        "AIRFLOW_CONN_POSTHOG_DEFAULT": sandbox.connection(sandbox.create_key(["*"])),
        "AIRFLOW__POSTHOG__STORAGE_PATH": str(folder / "storage"),
        "TMPDIR": str(folder / "tmp"),
    }
    with LocalAirflow(
        home=folder / "airflow",
        dags=Path(__file__).parent / "dags",
        log=folder / "airflow.log",
        environment=environment,
    ) as airflow:
        airflow.start()
        airflow.wait_for_dag(DAG_ID)
        yield airflow


@pytest.fixture(scope="module")
def undisturbed(airflow: LocalAirflow, sandbox: LocalSandbox, folder: Path) -> dict[str, Any]:
    """What a run comes to when it is left alone."""
    stage = Stage(airflow, sandbox, DAG_ID, always=[FAILS_FOR_EVER, SLOW])
    add_events(sandbox, 1)
    end = stage.run([], seconds=LONGEST)
    told = result(stage, end, folder)
    assert set(kicks(end.requests).values()) == {1}
    assert len(told["outcomes"]) == DASHBOARDS
    assert sorted({status for _, status, _, _ in told["outcomes"]}) == ["partial", "refreshed"]
    return told


PHASES = ("before kick", "mid-kick", "mid-finish")


@pytest.mark.parametrize("whole", [False, True], ids=["task", "worker"])
@pytest.mark.parametrize("phase", PHASES)
def test_a_killed_worker_is_followed_by_one_that_goes_on(
    airflow: LocalAirflow, sandbox: LocalSandbox, folder: Path, undisturbed: dict[str, Any], phase: str, whole: bool
) -> None:
    when = moments(random.Random(SEED), DASHBOARDS)
    moment = next(each for name, each in when.items() if name.startswith(phase))
    kill = Disturbance(
        "worker killed" if whole else "task killed", moment, lambda stage: stage.kill_worker(whole=whole)
    )
    disturbed(airflow, sandbox, folder, undisturbed, [kill])


@pytest.mark.parametrize("number", range(RUNS))
def test_a_disturbed_run_ends_as_an_undisturbed_one(
    airflow: LocalAirflow, sandbox: LocalSandbox, folder: Path, undisturbed: dict[str, Any], number: int
) -> None:
    print(f"\n  CHAOS_SEED={SEED} run {number}, {DASHBOARDS} dashboards", flush=True)
    disturbed(airflow, sandbox, folder, undisturbed, chosen(SEED + number, DASHBOARDS, outage=OUTAGE))


def disturbed(
    airflow: LocalAirflow,
    sandbox: LocalSandbox,
    folder: Path,
    undisturbed: dict[str, Any],
    disturbances: list[Disturbance],
) -> None:
    stage = Stage(airflow, sandbox, DAG_ID, always=[FAILS_FOR_EVER, SLOW])
    add_events(sandbox, 1)
    begun = time.monotonic()
    end = stage.run(disturbances, seconds=LONGEST)
    tries = {task["task_id"]: task["try_number"] for task in instances(stage)}
    print(f"    ended {end.run_state} after {time.monotonic() - begun:.0f} s, tries {tries}", flush=True)
    assert end.run_state == "success", airflow.task_log(DAG_ID, stage.run_id, "refresh")[-6000:]
    assert result(stage, end, folder) == undisturbed
    twice = {path: count for path, count in kicks(end.requests).items() if count > 1}
    assert not twice, f"asked for more than once: {twice}"
    assert_nothing_is_left(stage, folder, disturbances)


def instances(stage: Stage) -> list[dict[str, Any]]:
    path = f"/api/v2/dags/{DAG_ID}/dagRuns/{stage.run_id}/taskInstances"
    found: list[dict[str, Any]] = stage.airflow.get(path)["task_instances"]
    return found


def result(stage: Stage, end: Progress, folder: Path) -> dict[str, Any]:
    """What a run came to, without what differs from run to run; every snapshot it names is read and checked."""
    store = SnapshotStore(folder / "storage")

    def xcom(task_id: str) -> Any:
        return stage.airflow.xcom(DAG_ID, stage.run_id, task_id)

    before = expand(xcom("before"), store, SnapshotRef)
    outcomes = expand(xcom("refresh"), store, RefreshOutcome)
    analyses = expand(xcom("analyze"), store, AnalysisSummary)
    for outcome in outcomes:
        assert outcome.after is not None, outcome
        store.read(outcome.after)
    return {
        "state": end.run_state,
        "before": sorted((ref.dashboard_id, len(store.read(ref).tiles)) for ref in before),
        "outcomes": sorted(
            (each.dashboard_id, each.status.value, tuple(sorted(each.counts.items())), tuple(t.id for t in each.tiles))
            for each in outcomes
        ),
        "analyses": sorted((each.dashboard_id, each.comparability) for each in analyses),
    }


#: Airflow records a task's success before it runs the callback that forgets the ledger. What ends the worker or the
#: api-server in that moment, when the next task is on its way already, leaves the rows to Airflow's own retention.
LEAVES_ROWS = ("scheduler killed", "api-server down")


def assert_nothing_is_left(stage: Stage, folder: Path, disturbances: list[Disturbance]) -> None:
    """No process of a task, no deferred task, no ledger, no half-written file."""

    wait_until(lambda: not stage.busy(), seconds=30, what="A process of a task is still there")
    with sqlite3.connect(f"file:{folder / 'airflow' / 'airflow.db'}?mode=ro", uri=True, timeout=30) as database:

        def rows(question: str) -> int:
            return int(database.execute(question).fetchone()[0])

        wait_until(lambda: rows("select count(*) from trigger") == 0, seconds=30, what="A trigger is still there")
        assert rows("select count(*) from task_instance where state in ('deferred', 'running', 'queued')") == 0
        if not any(each.name.startswith(LEAVES_ROWS) and each.moment.name == "analyze" for each in disturbances):
            assert rows(f"select count(*) from task_state_store where run_id = '{stage.run_id}'") == 0
    unfinished = [file for file in (folder / "storage").rglob("*") if file.name.startswith(".")]
    assert not unfinished
    assert not [file for file in (folder / "tmp").rglob("*") if "posthog" in file.name]


def test_nothing_outlives_airflow(airflow: LocalAirflow, undisturbed: dict[str, Any]) -> None:
    airflow.stop()
    ours = [process for process in psutil.process_iter() if str(airflow.home) in home_of(process)]
    assert not ours


def home_of(process: psutil.Process) -> str:
    try:
        return process.environ().get("AIRFLOW_HOME", "")
    except psutil.Error:
        return ""
