"""A try that ends between its work and the report of it: the next one finds the work done."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import DAG

from airflow_dashboards import PostHogRunInsightsOperator
from airflow_dashboards.posthog import Client, PersonalAPIKey
from airflow_dashboards.sandbox import Sandbox

START = datetime(2026, 1, 1, tzinfo=timezone.utc)
BOARDS = 3


@pytest.fixture
def boards(posthog_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    monkeypatch.setenv("AIRFLOW_CONN_POSTHOG_DEFAULT", posthog_sandbox.conn_uri())
    ids = []
    with Client(posthog_sandbox.url, 1, PersonalAPIKey(posthog_sandbox.personal_api_key)) as posthog:
        for number in range(BOARDS):
            board = posthog.dashboards.create(name=f"Board {number}")
            query = {"kind": "HogQLQuery", "query": f"select {number}"}
            posthog.insights.create(
                name="Only", query={"kind": "DataVisualizationNode", "source": query}, dashboards=[board.id]
            )
            ids.append(board.id)
    posthog_sandbox.clear_log()
    return ids


class Dies:
    """Fails the first try right after its work, as a kill at that moment would."""

    def __init__(self) -> None:
        self.tries = 0

    def __call__(self, context: Any, result: Any = None) -> None:
        self.tries += 1
        if self.tries == 1:
            raise RuntimeError("killed")


def dashboard_requests(sandbox: Sandbox, word: str) -> int:
    return sum(each["action"] == "dashboards.retrieve" and word in str(each["query"]) for each in sandbox.log())


@pytest.mark.parametrize("on_failure", ["fail_at_end", "continue"])
def test_work_that_is_done_is_not_done_again(
    posthog_sandbox: Sandbox, boards: list[int], run_dag: Callable[..., Any], tmp_path: Path, on_failure: str
) -> None:
    if on_failure == "continue":  # a dashboard that failed is a result then, and none the worse for a crash
        posthog_sandbox.fault({"tile_error": "No."}, times=1)
    dies, told = Dies(), []
    with DAG("crash", schedule=None, start_date=START) as dag:
        PostHogRunInsightsOperator(
            task_id="refresh",
            dashboards=boards,
            on_failure=on_failure,
            storage_path=str(tmp_path),
            retries=1,
            retry_delay=timedelta(0),
            post_execute=dies,
            on_success_callback=lambda context: told.append(context["ti"].task_id),
        )

    run = run_dag(dag)

    assert [str(ti.state) for ti in run.get_task_instances()] == ["success"]
    assert dies.tries == 2
    assert dashboard_requests(posthog_sandbox, "force_async") == BOARDS
    assert dashboard_requests(posthog_sandbox, "force_cache") == BOARDS
    assert told == ["refresh"]
    assert not (tmp_path / "ledger").exists() or not list((tmp_path / "ledger").iterdir())
    assert ledgers() == 0


def ledgers() -> int:
    """Count what is kept in Airflow's task state store, where there is one."""
    from airflow.utils.session import create_session
    from sqlalchemy import func, select

    try:
        from airflow.models.task_state_store import TaskStateStoreModel
    except ImportError:  # Airflow < 3.3 keeps ledgers as files
        return 0
    with create_session() as session:
        return int(session.scalar(select(func.count()).where(TaskStateStoreModel.dag_id == "crash")) or 0)
