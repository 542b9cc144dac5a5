"""Operators and sensor on a real Airflow, beyond what the whole cycle shows: retries, waiting, mapping."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import DAG, task

from airflow_dashboards import (
    PostHogAnalyzeRefreshOperator,
    PostHogHook,
    PostHogRefreshSensor,
    PostHogRunInsightsOperator,
    PostHogSnapshotOperator,
    Rules,
)
from airflow_dashboards.posthog import Client, PersonalAPIKey
from airflow_dashboards.refresh.plan import Watch
from airflow_dashboards.sandbox import Sandbox

START = datetime(2026, 1, 1, tzinfo=timezone.utc)


def trends(event: str) -> dict[str, Any]:
    """Return a query of its own: PostHog computes equal ones once."""
    series = [{"kind": "EventsNode", "event": event}]
    return {"kind": "InsightVizNode", "source": {"kind": "TrendsQuery", "series": series, "interval": "day"}}


@pytest.fixture
def boards(posthog_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Make two small dashboards of two tiles each."""
    monkeypatch.setenv("AIRFLOW_CONN_POSTHOG_DEFAULT", posthog_sandbox.conn_uri())
    monkeypatch.setattr("airflow_dashboards.hooks.shared._by_identity", {})
    with Client(posthog_sandbox.url, 1, PersonalAPIKey(posthog_sandbox.personal_api_key)) as posthog:
        ids = []
        for name in ("First", "Second"):
            board = posthog.dashboards.create(name=name, tags=["etl"])
            for number in (1, 2):
                posthog.insights.create(name=f"{name} {number}", query=trends(f"{name}{number}"), dashboards=[board.id])
            ids.append(board.id)
    posthog_sandbox.clear_log()
    return ids


def states(run: Any) -> dict[str, str]:
    return {f"{ti.task_id}{'' if ti.map_index < 0 else ti.map_index}": str(ti.state) for ti in run.get_task_instances()}


def kicks(sandbox: Sandbox) -> list[str]:
    return [
        each["path"].rstrip("/").rpartition("/")[2] for each in sandbox.log() if "force_async" in str(each["query"])
    ]


@pytest.mark.parametrize("deferrable", [False, True])
def test_a_retry_is_for_the_dashboard_that_failed_alone(
    posthog_sandbox: Sandbox, boards: list[int], run_dag: Callable[..., Any], tmp_path: Path, deferrable: bool
) -> None:
    posthog_sandbox.fault({"tile_error": "too many cooks"}, times=1)
    with DAG("retry", schedule=None, start_date=START) as dag:
        PostHogRunInsightsOperator(
            task_id="refresh",
            dashboards=boards,
            deferrable=deferrable,
            storage_path=str(tmp_path),
            retries=1,
            retry_delay=timedelta(0),
        )

    assert states(run_dag(dag)) == {"refresh": "success"}
    first, second = map(str, boards)
    assert sorted(kicks(posthog_sandbox)) in (sorted([first, second, first]), sorted([first, second, second]))


def test_dynamic_mapping_and_xcom_arguments(
    posthog_sandbox: Sandbox, boards: list[int], run_dag: Callable[..., Any], tmp_path: Path
) -> None:
    with DAG("mapped", schedule=None, start_date=START) as dag:

        @task
        def choose() -> list[int]:
            return boards

        before = PostHogSnapshotOperator.partial(task_id="before", storage_path=str(tmp_path)).expand(
            dashboards=choose()
        )
        refresh = PostHogRunInsightsOperator(task_id="refresh", dashboards="{{ ti.xcom_pull(task_ids='choose') }}")
        analyze = PostHogAnalyzeRefreshOperator(
            task_id="analyze", before=before.output, rules=Rules(max_drop=0.3), storage_path=str(tmp_path)
        )
        before >> refresh >> analyze

    assert set(states(run_dag(dag)).values()) == {"success"}
    assert sorted(kicks(posthog_sandbox)) == sorted(map(str, boards))


@pytest.mark.parametrize("deferrable", [False, True])
def test_the_sensor_waits_for_every_tile(
    posthog_sandbox: Sandbox, boards: list[int], run_dag: Callable[..., Any], tmp_path: Path, deferrable: bool
) -> None:
    with DAG("sensor", schedule=None, start_date=START) as dag:
        refresh = PostHogRunInsightsOperator(task_id="refresh", dashboards=boards, storage_path=str(tmp_path))
        fresh = PostHogRefreshSensor(
            task_id="fresh",
            dashboards={"tags": ["etl"]},
            fresher_than=datetime.now(timezone.utc),
            poke_interval=0.1,
            timeout=30,
            deferrable=deferrable,
        )
        late = PostHogRefreshSensor(
            task_id="late",
            dashboards=boards,
            fresher_than=datetime.now(timezone.utc) + timedelta(days=1),
            poke_interval=0.1,
            timeout=0.3,
            soft_fail=True,
            deferrable=deferrable,
        )
        refresh >> fresh >> late

    assert states(run_dag(dag)) == {"refresh": "success", "fresh": "success", "late": "skipped"}


def test_a_deferred_sensor_that_is_tried_again_goes_on_with_the_same_wait(
    posthog_sandbox: Sandbox, boards: list[int], run_dag: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow_dashboards.triggers.refresh import PostHogFreshnessTrigger

    deadlines = []

    async def ends(trigger: PostHogFreshnessTrigger) -> dict[str, Any]:
        deadlines.append(trigger.deadline)
        return {"status": "fresh"} if len(deadlines) == 3 else {"status": "error", "message": "the triggerer is ill"}

    monkeypatch.setattr(PostHogFreshnessTrigger, "_until_fresh", ends)
    monkeypatch.setattr("airflow_dashboards.triggers.refresh.EARLIEST_EVENT_SECONDS", 0.0)
    with DAG("again", schedule=None, start_date=START) as dag:
        PostHogRefreshSensor(
            task_id="fresh", dashboards=boards, fresher_than=START, deferrable=True, retries=2, retry_delay=timedelta()
        )
    assert states(run_dag(dag)) == {"fresh": "success"}
    assert len(deadlines) == 3
    assert len(set(deadlines)) == 1


def test_a_sensor_that_crashes_fails_even_when_soft(
    posthog_sandbox: Sandbox, boards: list[int], run_dag: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_POSTHOG_WRONG", posthog_sandbox.conn_uri(key="phx_wrong"))
    with DAG("crash", schedule=None, start_date=START) as dag:
        PostHogRefreshSensor(task_id="wait", dashboards=boards, posthog_conn_id="posthog_wrong", soft_fail=True)
    assert states(run_dag(dag)) == {"wait": "failed"}


def test_the_connection_test_names_what_is_missing(posthog_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    def tried(uri: str) -> tuple[bool, str]:
        monkeypatch.setenv("AIRFLOW_CONN_POSTHOG_TRIED", uri)
        return PostHogHook("posthog_tried").test_connection()

    good = tried(posthog_sandbox.conn_uri())
    assert good[0]
    assert "build cloud" in good[1]
    assert "Missing" not in good[1]
    assert good[1].endswith("Not tried, since trying might write: annotation:write (annotations at the load).")

    reader = posthog_sandbox.new_key(["dashboard:read", "query:read"])
    usable, said = tried(posthog_sandbox.conn_uri(key=reader))
    assert usable
    assert "dashboard:write (tags, templates, text tiles)" in said

    blind = posthog_sandbox.new_key(["dashboard:read"])
    usable, said = tried(posthog_sandbox.conn_uri(key=blind))
    assert not usable
    assert "API key missing required scope 'query:read'" in said

    usable, said = tried(posthog_sandbox.conn_uri(project_id=3))  # another organisation's
    assert not usable
    assert "You don't have access to the project" in said
    assert "scope" not in said

    usable, said = tried(posthog_sandbox.conn_uri(key="phx_wrong_key_of_mine"))
    assert not usable
    assert "is invalid" in said
    assert "wrong_key_of_mine" not in said

    assert all(entry["status"] not in (200, 201) or entry["method"] == "GET" for entry in posthog_sandbox.log())


@pytest.mark.parametrize("build", ["2026-04", "2026-05", "cloud"])
@pytest.mark.parametrize("session", [False, True])
def test_the_connection_test_tells_the_builds_apart(
    posthog_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, build: str, session: bool
) -> None:
    posthog_sandbox.reset(build=build)
    monkeypatch.setattr("airflow_dashboards.hooks.shared._by_identity", {})
    monkeypatch.setenv("AIRFLOW_CONN_POSTHOG_TRIED", posthog_sandbox.conn_uri(session=session))
    usable, said = PostHogHook("posthog_tried").test_connection()
    assert usable
    assert f"build {build}." in said
    assert ("annotation:write" in said) is not session  # a session has no scopes


class DeferredError(Exception):
    """Stands for the deferral, so that nobody has to wait for its end."""


@pytest.mark.parametrize("refused", ["dashboards/[0-9]+/$", "dashboards/$"], ids=["a kick", "the server's clock"])
def test_a_used_up_limit_is_waited_for_without_a_slot(
    posthog_sandbox: Sandbox,
    boards: list[int],
    run_dag: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    refused: str,
) -> None:
    pauses: list[float] = []

    def defer(task: Any, *, trigger: Any, **_: Any) -> None:
        watch = Watch.from_json(trigger.watch)
        assert watch.waiting
        pauses.append(watch.resume_at - time.time())
        raise DeferredError

    monkeypatch.setattr(PostHogRunInsightsOperator, "defer", defer)
    posthog_sandbox.fault({"status": 429, "headers": {"Retry-After": "50"}}, match={"path_regex": refused})
    with DAG("limited", schedule=None, start_date=START) as dag:
        PostHogRunInsightsOperator(task_id="refresh", dashboards=boards, deferrable=True, storage_path=str(tmp_path))

    assert states(run_dag(dag)) == {"refresh": "failed"}
    assert [40 < pause <= 50 for pause in pauses] == [True]


def test_an_analysis_that_meets_an_overloaded_posthog_is_tried_again(
    posthog_sandbox: Sandbox, boards: list[int], run_dag: Callable[..., Any], tmp_path: Path
) -> None:
    with DAG("again", schedule=None, start_date=START) as dag:
        before = PostHogSnapshotOperator(task_id="before", dashboards=boards, storage_path=str(tmp_path))

        @task
        def overload() -> None:
            # For longer than a call waits by itself.
            busy = {"status": 503, "headers": {"Retry-After": "3600"}}
            posthog_sandbox.fault(busy, match={"path_regex": f"dashboards/{boards[0]}/$"}, times=1)

        analyze = PostHogAnalyzeRefreshOperator(
            task_id="analyze",
            before=before.output,
            fail_on="never",
            storage_path=str(tmp_path),
            retries=1,
            retry_delay=timedelta(0),
        )
        before >> overload() >> analyze

    run = run_dag(dag)
    assert states(run) == dict.fromkeys(("before", "overload", "analyze"), "success")
    assert {ti.task_id: ti.try_number for ti in run.get_task_instances()}["analyze"] == 2
