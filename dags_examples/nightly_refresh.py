"""A nightly load whose dashboards are proved afterwards: copy this file, put your own load in the middle.

What it needs: a Connection `posthog_default` of type `posthog` with the host, the number of the project and a personal
API key that may read dashboards, insights and queries. `make demo` runs this very file on a real Airflow.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from airflow.sdk import BaseHook, Variable, dag, get_current_context, task

from airflow_dashboards import PostHogRefreshGroup, Rules

# Which dashboards show what this DAG loads: a list of ids such as [42, 43], or every dashboard with a tag. The tag is
# looked up when the task runs: a dashboard that somebody tags tomorrow is part of tomorrow's run.
DASHBOARDS = {"tags": ["nightly"]}


# Minutes between tries, not seconds: what keeps PostHog from answering (a restart, a spent limit) lasts about as long.
@dag(
    schedule="@daily",
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 2, "retry_delay": timedelta(minutes=5)},
)
def nightly_refresh() -> None:
    """Load yesterday, refresh the dashboards, and stop here if they show something a person should look at first."""

    @task
    def load_orders() -> None:
        """Stand in for your own load: the shop in the sandbox receives the events of the day that has just ended."""
        from airflow_dashboards.sandbox import demo

        yesterday = get_current_context()["dag_run"].run_after.date() - timedelta(days=1)
        breakages = demo.ALL if Variable.get("demo_load", default="good") == "broken" else ()
        sandbox = BaseHook.get_connection("posthog_default").host or ""
        demo.load_day(sandbox, yesterday, breakages=breakages)

    @task
    def build_marts() -> None:
        """Stand in for what you build from the load."""
        print("The marts are built.")

    # The snapshot is taken before the first task in here, the refresh and its analysis run after the last. With
    # `deferrable=True` no worker waits while PostHog computes: the triggerer asks now and then how far it is. A change
    # that fails the analysis fails its task at once, retries or not: looking again would find the same.
    with PostHogRefreshGroup("kpis", dashboards=DASHBOARDS, rules=Rules(), deferrable=True):
        load_orders() >> build_marts()


nightly_refresh()
