"""Send the morning mail only once the dashboards in it are fresh, whoever refreshes them.

The sensor computes nothing: it reads each tile's own time of computation from PostHog's cache. Deferrable, so that it
waits for hours without a worker slot.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from airflow.sdk import dag, task

from airflow_dashboards import PostHogRefreshSensor


@dag(schedule="0 6 * * *", start_date=datetime(2026, 1, 1, tzinfo=timezone.utc), catchup=False)
def freshness_sensor() -> None:
    """Wait until every tile was computed after midnight UTC, for two hours at most."""
    fresh = PostHogRefreshSensor(
        task_id="fresh",
        dashboards={"tags": ["nightly"]},
        fresher_than="{{ ds }}T00:00:00+00:00",
        deferrable=True,
        poke_interval=60,
        timeout=timedelta(hours=2),
    )

    @task
    def send_mail() -> None:
        """Stand in for your own mail."""
        print("Good morning: the dashboards are fresh.")

    fresh >> send_mail()


freshness_sensor()
