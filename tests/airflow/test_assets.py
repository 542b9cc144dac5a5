"""Asset events of the operators, as Airflow's database has them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import pytest
from airflow.sdk import DAG, task

from airflow_dashboards import PostHogAnalyzeRefreshOperator, PostHogRunInsightsOperator, PostHogSnapshotOperator
from airflow_dashboards.assets import dashboard_asset
from airflow_dashboards.posthog import Client, PersonalAPIKey
from airflow_dashboards.sandbox import Sandbox

START = datetime(2026, 1, 1, tzinfo=timezone.utc)


@pytest.fixture
def boards(posthog_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    monkeypatch.setenv("AIRFLOW_CONN_POSTHOG_DEFAULT", posthog_sandbox.conn_uri())
    monkeypatch.setattr("airflow_dashboards.hooks.shared._by_identity", {})
    query = {"kind": "TrendsQuery", "series": [{"kind": "EventsNode", "event": "a"}]}
    with Client(posthog_sandbox.url, 1, PersonalAPIKey(posthog_sandbox.personal_api_key)) as posthog:
        ids = [posthog.dashboards.create(name=name).id for name in ("First", "Second")]
        for each in ids:
            posthog.insights.create(name="Tile", query={"kind": "InsightVizNode", "source": query}, dashboards=[each])
    return ids


def events(run: Any) -> dict[str, dict[str, Any]]:
    from airflow.models.asset import AssetEvent, AssetModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        rows = session.execute(
            select(AssetModel.uri, AssetEvent.extra)
            .join(AssetEvent, AssetEvent.asset_id == AssetModel.id)
            .where(AssetEvent.source_dag_id == run.dag_id, AssetEvent.source_run_id == run.run_id)
        ).all()
    assert len({uri for uri, _ in rows}) == len(rows), "one event per dashboard"
    return dict(rows)  # type: ignore[arg-type]


def test_a_refresh_announces_each_dashboard_once(
    boards: list[int], posthog_sandbox: Sandbox, run_dag: Callable[..., Any]
) -> None:
    with DAG("announced", start_date=START) as dag:
        PostHogRunInsightsOperator(task_id="refresh", dashboards=boards, emit_assets=True, deferrable=False)

    found = events(run_dag(dag))

    assert found.keys() == {dashboard_asset(posthog_sandbox.url, 1, each).uri for each in boards}
    for each in boards:
        extra = found[dashboard_asset(posthog_sandbox.url, 1, each).uri]
        assert extra["tiles"] == {"refreshed": 1}
        assert extra["snapshot_uri"].endswith(".jsonl.gz")


def test_mapped_tasks_announce_theirs(boards: list[int], posthog_sandbox: Sandbox, run_dag: Callable[..., Any]) -> None:
    with DAG("announced_mapped", start_date=START) as dag:
        PostHogRunInsightsOperator.partial(task_id="refresh", emit_assets=True, deferrable=False).expand(
            dashboards=boards
        )

    assert len(events(run_dag(dag))) == 2


def test_a_declared_outlet_carries_the_facts(
    boards: list[int], posthog_sandbox: Sandbox, run_dag: Callable[..., Any]
) -> None:
    asset = dashboard_asset(posthog_sandbox.url, 1, boards[0])
    with DAG("declared", start_date=START) as dag:
        PostHogRunInsightsOperator(task_id="refresh", dashboards=boards[0], outlets=[asset], deferrable=False)

    assert events(run_dag(dag))[asset.uri]["status"] == "refreshed"


def test_a_dashboard_that_is_not_refreshed_is_not_announced(
    boards: list[int], posthog_sandbox: Sandbox, run_dag: Callable[..., Any]
) -> None:
    with DAG("partly", start_date=START) as dag:
        PostHogRunInsightsOperator(
            task_id="refresh",
            dashboards=[boards[0], 4711],
            emit_assets=True,
            on_failure="continue",
            deferrable=False,
        )

    assert events(run_dag(dag)).keys() == {dashboard_asset(posthog_sandbox.url, 1, boards[0]).uri}


@pytest.mark.parametrize("gate", ["fail", "never"])
def test_an_analysis_announces_its_verdict_unless_it_stops_the_pipeline(
    boards: list[int], posthog_sandbox: Sandbox, run_dag: Callable[..., Any], gate: str
) -> None:
    """The before-picture has what the after-picture lacks: the verdict is fail."""
    day = {"event": "a", "distinct_id": "u", "properties": {}}
    posthog_sandbox.add_events([{**day, "timestamp": f"2026-01-0{n}T00:00:00Z"} for n in range(1, 8)] * 20)
    query = {
        "kind": "TrendsQuery",
        "series": [{"kind": "EventsNode", "event": "a"}],
        "dateRange": {"date_from": "2026-01-01", "date_to": "2026-01-07"},
    }
    with Client(posthog_sandbox.url, 1, PersonalAPIKey(posthog_sandbox.personal_api_key)) as posthog:
        posthog.insights.create(name="A", query={"kind": "InsightVizNode", "source": query}, dashboards=[boards[0]])
    with DAG(f"gated_{gate}", start_date=START) as dag:
        before = PostHogSnapshotOperator(task_id="before", dashboards=boards[0], mode="force_blocking")

        @task
        def lose() -> None:
            posthog_sandbox.delete_events("event = 'a'")

        refresh = PostHogRunInsightsOperator(task_id="refresh", dashboards=boards[0], deferrable=False)
        analyze = PostHogAnalyzeRefreshOperator(
            task_id="analyze", before=before.output, after=refresh.output, fail_on=gate, emit_assets=True
        )
        before >> lose() >> refresh >> analyze

    found = events(run_dag(dag))

    if gate == "fail":
        assert found == {}
    else:
        (extra,) = found.values()
        assert extra["verdict"] == "fail"
        assert "A" in extra["changed_tiles"]
        assert extra["report_uri"].endswith("report.html")
