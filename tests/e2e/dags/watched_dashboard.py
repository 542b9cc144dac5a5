"""Two DAGs that run when a dashboard was refreshed by somebody: the patients of the watcher test."""

from __future__ import annotations

import os

from airflow.sdk import DAG, AssetWatcher, task

from airflow_dashboards.assets import dashboard_asset
from airflow_dashboards.triggers.watch import PostHogDashboardWatchTrigger

POSTHOG = os.environ.get("WATCHED_POSTHOG", "http://localhost:8010")

for dashboard_id in (1, 2):
    watcher = AssetWatcher(
        name=f"dashboard_{dashboard_id}",
        trigger=PostHogDashboardWatchTrigger(dashboard_id=dashboard_id, poll_interval=1.0),
    )
    asset = dashboard_asset(POSTHOG, 1, dashboard_id, watchers=[watcher])
    with DAG(f"after_dashboard_{dashboard_id}", schedule=[asset], max_active_runs=1):

        @task
        def say() -> None:
            """There is something to run."""

        say()
