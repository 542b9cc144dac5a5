"""Work that waits for dashboards instead of the clock: for those that your own load refreshes, and for those of others.

Two DAGs of the first kind: `asset_driven_load` announces its dashboards once its gate lets them through, and
`asset_driven` runs when it has. Behind a closed gate nothing is announced, so nobody is sent a wrong number.

The third, `asset_driven_watch`, runs once each time somebody refreshes dashboard 42, in PostHog's own pages too. A
triggerer looks every minute, with a request that computes nothing. Put your own host and numbers there.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from airflow.sdk import AssetWatcher, dag, task

from airflow_dashboards import PostHogDashboardWatchTrigger, PostHogRefreshGroup, dashboard_asset
from airflow_dashboards.assets import ANALYZED

WATCHED = dashboard_asset(
    "https://eu.posthog.com",
    project_id=1,
    dashboard_id=42,
    watchers=[AssetWatcher(name="dashboard_42", trigger=PostHogDashboardWatchTrigger(dashboard_id=42))],
)


@dag(schedule="@daily", start_date=datetime(2026, 1, 1, tzinfo=timezone.utc), catchup=False, max_active_runs=1)
def asset_driven_load() -> None:
    """Load, look, and announce."""

    @task
    def load() -> None:
        """Stand in for your own load."""

    # Which dashboards these are is only known when the task runs, so they are announced through an alias.
    with PostHogRefreshGroup("kpis", dashboards={"tags": ["nightly"]}, emit_assets=True):
        load()


# One run for all dashboards that were announced together: its events say which.
@dag(schedule=[ANALYZED], start_date=datetime(2026, 1, 1, tzinfo=timezone.utc), catchup=False)
def asset_driven() -> None:
    """Send what may be sent now."""

    @task
    def send(triggering_asset_events: Any = None) -> list[str]:
        """Stand in for your own mail; each event carries the facts, so nothing has to be asked again."""
        announced = [event.extra for event in triggering_asset_events[ANALYZED]]
        for facts in announced:
            print(f"{facts['dashboard_name']}: {facts['verdict']}. {facts['summary']} {facts['url']}")
        return [facts["dashboard_name"] for facts in announced]

    send()


@dag(schedule=[WATCHED], start_date=datetime(2026, 1, 1, tzinfo=timezone.utc), catchup=False, max_active_runs=1)
def asset_driven_watch() -> None:
    """Do what waits for somebody else's refresh."""

    @task
    def export(triggering_asset_events: Any = None) -> list[str]:
        """Stand in for what needs a fresh dashboard."""
        news = [event.extra["payload"] for event in triggering_asset_events[WATCHED]]
        return [f"{each['dashboard_name']} is as of {each['last_refresh']}" for each in news]

    export()


asset_driven_load()
asset_driven()
asset_driven_watch()
