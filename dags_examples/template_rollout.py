"""One dashboard per team, from one template in the repository; run it after each change of the file.

Each team's dashboard is found again by its name and a tag, brought to the template, and proved to compute. Tiles that
people added stay.
"""

from __future__ import annotations

from datetime import datetime, timezone

from airflow.sdk import Param, dag

from airflow_dashboards import PostHogCreateFromTemplateOperator, PostHogRunInsightsOperator


@dag(
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    params={"team": Param("growth", type="string", minLength=1)},
)
def template_rollout() -> None:
    """Bring a team's dashboard to the template, then refresh it."""
    board = PostHogCreateFromTemplateOperator(
        task_id="board",
        template="boards/kpis.yaml",
        variables={"EVENT": "order_paid"},
        if_exists="update",
        max_active_tis_per_dag=1,  # two runs at once would each undo what the other is half-way through
    )
    refresh = PostHogRunInsightsOperator(
        task_id="refresh", dashboards="{{ ti.xcom_pull(task_ids='board', key='dashboard_id') }}"
    )
    board >> refresh


template_rollout()
