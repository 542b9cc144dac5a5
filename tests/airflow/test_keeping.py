"""What a run leaves in the storage and on its tasks, on a real Airflow: tags, links, and what is old let go."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG

from airflow_dashboards import PostHogRefreshGroup
from airflow_dashboards.plugin.boards import Boards
from airflow_dashboards.plugin.index import RunIndex
from airflow_dashboards.plugin.storage import open_storage
from airflow_dashboards.posthog import Client, PersonalAPIKey
from airflow_dashboards.sandbox import Sandbox

TILE = {
    "kind": "InsightVizNode",
    "source": {"kind": "TrendsQuery", "series": [{"kind": "EventsNode", "event": "$pageview"}]},
}


@pytest.fixture
def board(posthog_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> int:
    """A small dashboard with tags, and a connection to it."""
    monkeypatch.setenv("AIRFLOW_CONN_POSTHOG_DEFAULT", posthog_sandbox.conn_uri())
    monkeypatch.setattr("airflow_dashboards.hooks.shared._by_identity", {})
    with Client(posthog_sandbox.url, 1, PersonalAPIKey(posthog_sandbox.personal_api_key)) as client:
        made = client.dashboards.create(name="Shop", tags=["etl", "board meeting"])
        client.insights.create(name="Views", query=TILE, dashboards=[made.id])
    return made.id


def links(dag_run: Any, task_id: str) -> dict[str, str]:
    """Return the links of a task as the worker has stored them, by the class of the link."""
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session

    with create_session() as session:
        rows = session.scalars(XComModel.get_many(run_id=dag_run.run_id, dag_ids=dag_run.dag_id, task_ids=task_id))
        found = {row.key: XComModel.deserialize_value(row) for row in rows}
    return {key.removeprefix("_link_"): value for key, value in found.items() if key.startswith("_link_")}


def test_a_run_is_found_by_its_tag_from_all_its_tasks_and_lets_go_of_what_is_old(
    board: int, run_dag: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AIRFLOW__POSTHOG__RETENTION_DAYS", "30")
    old = tmp_path / "runs" / "2020-01-01" / "nightly.json"
    old.parent.mkdir(parents=True)
    old.write_text("{}")
    with (
        DAG("keeping", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=timezone.utc)) as dag,
        PostHogRefreshGroup("kpis", dashboards=board, storage_path=str(tmp_path)),
    ):
        EmptyOperator(task_id="load")

    run = run_dag(dag)

    assert str(run.state) == "success"
    assert not old.exists()
    index = RunIndex(open_storage(tmp_path))
    (found,) = index.runs()
    (shown,) = Boards([found]).chosen(tag="board meeting")
    assert set(shown.latest.look.tags) == {"etl", "board meeting"}
    asked = {"dag_id": ["keeping"], "run_id": [run.run_id]}
    for task_id, whose in (("snapshot", asked), ("refresh", asked), ("analyze", {"run": [found.key]})):
        stored = links(run, f"kpis.{task_id}")
        assert stored["PostHogLink"].endswith(f"/project/1/dashboard/{board}")
        before = parse_qs(urlsplit(stored["BeforeSnapshotLink"]).query)
        assert before == {**whose, "view": ["before"]}
        if task_id != "snapshot":
            assert parse_qs(urlsplit(stored["RefreshReportLink"]).query) == whose
