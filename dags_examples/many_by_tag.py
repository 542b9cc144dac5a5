"""All dashboards with a tag, refreshed by one task and without a worker slot: a hundred cost little more than one.

One task is enough for a thousand dashboards: it asks PostHog for all of them, waits in the triggerer within the key's
limits, and a retry goes on with those that are left. One bad dashboard never costs the others.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from airflow.sdk import dag, task

from airflow_dashboards import PostHogRunInsightsOperator, read_results


@dag(schedule="@hourly", start_date=datetime(2026, 1, 1, tzinfo=timezone.utc), catchup=False, max_active_runs=1)
def many_by_tag() -> None:
    """Refresh, and say which are not fresh."""
    refresh = PostHogRunInsightsOperator(
        task_id="refresh",
        dashboards={"tags": ["nightly"]},
        deferrable=True,
        on_failure="continue",
        timeout=timedelta(minutes=45),
        retries=2,
        retry_delay=timedelta(minutes=1),
    )

    @task
    def report(outcomes: Any) -> list[str]:
        """Name what is not fresh. `read_results`: many outcomes, or long ones, come as one reference to a file."""
        return [outcome["name"] for outcome in read_results(outcomes) if outcome["status"] != "refreshed"]

    report(refresh.output)


many_by_tag()
