"""The dashboards look wrong: publish anyway? A person decides, on Airflow's own page, with the findings before them.

The analysis does not fail here (`fail_on="never"`); its verdict asks for a person only when there is something to see.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import dag, task

from airflow_dashboards import PostHogRefreshGroup, Rules, read_results


@dag(
    schedule="@daily",
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    user_defined_macros={"read_results": read_results},
)
def human_approval() -> None:
    """Load, analyze, ask where needed, publish."""

    @task
    def load() -> None:
        """Stand in for your own load."""

    with PostHogRefreshGroup("kpis", dashboards={"tags": ["nightly"]}, rules=Rules(), fail_on="never") as kpis:
        load()

    @task.branch
    def looks_right(analyses: Any) -> str:
        """Go straight on if every dashboard passes."""
        return "publish" if all(each["status"] == "pass" for each in read_results(analyses)) else "publish_anyway"

    publish_anyway = ApprovalOperator(
        task_id="publish_anyway",
        subject="A dashboard looks wrong. Publish anyway?",
        body="{% for each in read_results(ti.xcom_pull(task_ids='kpis.analyze')) if each.status != 'pass' %}"
        "* {{ each.dashboard_name }}: {{ each.summary }}\n"
        "{% endfor %}",
        execution_timeout=timedelta(hours=4),
        defaults=["Reject"],
    )

    @task(trigger_rule="none_failed_min_one_success")
    def publish() -> None:
        """Stand in for what your readers wait for."""
        print("Published.")

    published = publish()
    looks_right(kpis.analyze.output) >> [publish_anyway, published]
    publish_anyway >> published


human_approval()
