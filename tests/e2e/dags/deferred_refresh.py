"""One deferred refresh, polled often: the patient of the restart test."""

from __future__ import annotations

from airflow.sdk import DAG

from airflow_dashboards import PostHogRunInsightsOperator

with DAG("deferred_refresh", schedule=None):
    PostHogRunInsightsOperator(
        task_id="refresh", dashboards="{{ params.dashboards }}", params={"dashboards": [0]}, deferrable=True
    )
