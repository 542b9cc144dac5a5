"""The whole cycle over many dashboards, with patience for whatever is done to it: the patient of the chaos test."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG

from airflow_dashboards import PostHogAnalyzeRefreshOperator, PostHogRunInsightsOperator, PostHogSnapshotOperator

# While the api-server is down Airflow spends a try about every fifteen seconds on a worker that can't begin.
PATIENCE = {"retries": 10, "retry_delay": timedelta(seconds=5)}

with DAG("chaos", schedule=None, default_args=PATIENCE, max_active_runs=1):
    before = PostHogSnapshotOperator(task_id="before", dashboards={"tags": ["chaos"]})
    refresh = PostHogRunInsightsOperator(
        task_id="refresh", dashboards={"tags": ["chaos"]}, deferrable=True, on_failure="continue", timeout=900
    )
    analyze = PostHogAnalyzeRefreshOperator(
        task_id="analyze", before=before.output, after=refresh.output, fail_on="never"
    )
    before >> refresh >> analyze
