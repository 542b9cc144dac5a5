"""The writing operators in a DAG that Airflow runs: XComs, Jinja, files beside the DAG, mapping; and all twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pendulum
from airflow.sdk import DAG

from airflow_dashboards.operators.dashboards import (
    PostHogDeleteDashboardOperator,
    PostHogRestoreDashboardOperator,
    PostHogUpdateDashboardOperator,
)
from airflow_dashboards.operators.tags import PostHogBulkUpdateTagsOperator
from airflow_dashboards.operators.template import PostHogCreateFromTemplateOperator
from airflow_dashboards.operators.tiles import (
    PostHogAddWidgetsOperator,
    PostHogCopyTileOperator,
    PostHogDeleteTileOperator,
    PostHogMoveTileOperator,
    PostHogReorderTilesOperator,
    PostHogTextTileOperator,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest

    from airflow_dashboards.sandbox import Sandbox

BOARD = """
template_name: Weekly KPIs {{ params.region }}
dashboard_description: for the morning
dashboard_filters: {}
tags: [kpi]
variables:
  - id: EVENT
    default: purchase
tiles:
  - type: INSIGHT
    name: Orders
    query:
      kind: InsightVizNode
      source: {kind: TrendsQuery, series: [{kind: EventsNode, event: "{EVENT}"}]}
    layouts: {sm: {x: 0, y: 0, w: 6, h: 5}}
  - type: TEXT
    body: "## Loads of {{ params.region }}"
"""


def board_dag(folder: Path) -> DAG:
    with DAG(
        "boards",
        schedule=None,
        start_date=pendulum.datetime(2026, 6, 1, tz="UTC"),
        template_searchpath=str(folder),
        params={"region": "EU"},
    ) as dag:
        board = PostHogCreateFromTemplateOperator(
            task_id="board", template="boards/kpis.yaml", variables={"EVENT": "signup"}, if_exists="update"
        )
        other = PostHogCreateFromTemplateOperator(task_id="other", template="boards/kpis.yaml", name="Other")
        here, there = board.output["dashboard_id"], other.output["dashboard_id"]
        tag = PostHogBulkUpdateTagsOperator.partial(task_id="tag", dashboards=[here, there]).expand(
            tags=[["etl"], "{{ params.region }}"]
        )
        note = PostHogTextTileOperator(task_id="note", dashboards=[here, there], body="Loaded for {{ params.region }}")
        order = PostHogReorderTilesOperator(
            task_id="order",
            dashboard_id=here,
            tile_order="{{ ti.xcom_pull(task_ids='board')['tiles'] | map(attribute='id') | list }}",
            layout="full_width",
        )
        extra = PostHogTextTileOperator(task_id="extra", dashboards=there, body="goes elsewhere", key="extra")
        tile = "{{ ti.xcom_pull(task_ids='extra')[0]['tile_ids'][0] }}"
        copy = PostHogCopyTileOperator(task_id="copy", dashboard_id=here, from_dashboard_id=there, tile_id=tile)
        removed = PostHogDeleteTileOperator(
            task_id="remove", dashboard_id=here, tile_id="{{ ti.xcom_pull(task_ids='copy')['tile_ids'][0] }}"
        )
        move = PostHogMoveTileOperator(task_id="move", dashboard_id=there, tile_id=tile, to_dashboard=there)
        describe = PostHogUpdateDashboardOperator(
            task_id="describe", dashboards={"tags": ["etl"]}, fields={"pinned": True}
        )
        widgets = PostHogAddWidgetsOperator(
            task_id="widgets",
            dashboard_id=there,
            widgets=[{"widget_type": "error_tracking_list", "config": {"limit": 5}}],
        )
        delete = PostHogDeleteDashboardOperator(task_id="delete", dashboards=there)
        restore = PostHogRestoreDashboardOperator(task_id="restore", dashboards=there)
        [board, other] >> tag >> note >> order >> extra >> copy >> removed >> move >> describe >> widgets
        widgets >> delete >> restore
    return dag


def test_a_dag_of_writes_runs_twice_and_writes_once(
    posthog_sandbox: Sandbox, run_dag: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_POSTHOG_DEFAULT", posthog_sandbox.conn_uri())
    (tmp_path / "boards").mkdir()
    (tmp_path / "boards" / "kpis.yaml").write_text(BOARD)
    dag = board_dag(tmp_path)
    assert run_dag(dag).state == "success"
    root = f"{posthog_sandbox.url}/api/projects/1/dashboards"
    headers = {"Authorization": f"Bearer {posthog_sandbox.personal_api_key}"}

    def boards() -> dict[str, Any]:
        with httpx.Client(trust_env=False, headers=headers) as client:
            listed = client.get(root).json()["results"]
            return {each["name"]: client.get(f"{root}/{each['id']}").json() for each in listed}

    first = boards()
    assert set(first) == {"Weekly KPIs EU", "Other"}
    assert {tuple(sorted(board["tags"])) for board in first.values()} == {
        ("etl", "eu", "kpi", "template:weekly-kpis-eu")
    }
    orders = next(tile["insight"] for tile in first["Weekly KPIs EU"]["tiles"] if tile["insight"])
    assert orders["query"]["source"]["series"][0]["event"] == "signup"
    bodies = [tile["text"]["body"] for tile in first["Weekly KPIs EU"]["tiles"] if tile["text"]]
    assert [body.splitlines()[0] for body in bodies] == ["## Loads of EU", "Loaded for EU"]
    assert all(board["pinned"] for board in first.values())

    assert run_dag(dag).state == "success"
    second = boards()
    for name, board in second.items():
        assert [tile["id"] for tile in board["tiles"]] == [tile["id"] for tile in first[name]["tiles"]]
        assert board["tags"] == first[name]["tags"]
