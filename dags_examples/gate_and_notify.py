"""A load whose dashboards decide whether the rest may run, and that tells people when they must not.

What the analysis found is in XComs of its task: `subject`, `message` (for Slack), `message_html` (for mail). They are
there when it fails, too, so Airflow's own notifiers send them with a template; there is nothing of ours to import.

What it needs: the Connection `posthog_default` as in `nightly_refresh.py`, here with the scopes dashboard:write (status
tile) and annotation:write (annotation) on top, and a Connection `smtp_default`. Where apache-airflow-providers-slack is
installed, a Connection `slack_default` with an incoming webhook as well.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from airflow.providers.smtp.notifications.smtp import SmtpNotifier
from airflow.sdk import dag, task

from airflow_dashboards import PostHogRefreshGroup

DASHBOARDS = {"tags": ["nightly"]}

# Where the analysis itself could not run there are no XComs, but there is an exception to tell of.
SUBJECT = "{{ ti.xcom_pull(key='subject') or dag.dag_id ~ ': the dashboards could not be analyzed' }}"
MAIL = "{{ ti.xcom_pull(key='message_html') or (exception | string | escape) }}"
SLACK = "{{ ti.xcom_pull(key='message') or dag.dag_id ~ ': the dashboards could not be analyzed' }}"


def notifiers() -> list[Any]:
    """Return who tells people: mail always, Slack where its provider is installed."""
    found: list[Any] = [
        SmtpNotifier(from_email="airflow@example.com", to=["data-team@example.com"], subject=SUBJECT, html_content=MAIL)
    ]
    if find_spec("airflow.providers.slack"):
        slack = import_module("airflow.providers.slack.notifications.slack_webhook")
        found.append(slack.SlackWebhookNotifier(slack_webhook_conn_id="slack_default", text=SLACK))
    return found


@dag(
    schedule="@daily",
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 2, "retry_delay": timedelta(minutes=5)},
)
def gate_and_notify() -> None:
    """Load, look, and publish only what a person would let through."""

    @task
    def load_orders() -> None:
        """Stand in for your own load."""
        print("The orders are loaded.")

    @task
    def send_weekly_report() -> None:
        """Stand in for what must not go out with wrong numbers."""
        print("Sent.")

    # The gate is the analyze task: where it fails, what comes after the group does not run. Retries don't help a
    # verdict, so it fails at once and the notifiers run once.
    with PostHogRefreshGroup(
        "kpis",
        dashboards=DASHBOARDS,
        fail_on="fail",
        status_tile=True,
        annotate=True,
        analyze_arguments={"on_failure_callback": notifiers()},
    ) as kpis:
        load_orders()

    kpis >> send_weekly_report()


gate_and_notify()
