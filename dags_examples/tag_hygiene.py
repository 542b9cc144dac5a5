"""Keep tags in order: every dashboard with an old spelling gets the right one, and loses the old.

With `dry_run=True` the log and the XCom say what would change, and nothing is written.
"""

from __future__ import annotations

from datetime import datetime, timezone

from airflow.sdk import dag

from airflow_dashboards import PostHogBulkUpdateTagsOperator

OLD, NEW = "kpi", "kpis"


@dag(
    schedule="@weekly",
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    catchup=False,
)
def tag_hygiene() -> None:
    """Add the new spelling first: a run that ends half-way loses no dashboard from sight."""
    add = PostHogBulkUpdateTagsOperator(
        task_id="add_new", dashboards={"tags": [OLD]}, action="add", tags=[NEW], allow_empty=True
    )
    remove = PostHogBulkUpdateTagsOperator(
        task_id="remove_old", dashboards={"tags": [OLD]}, action="remove", tags=[OLD], allow_empty=True
    )
    add >> remove


tag_hygiene()
