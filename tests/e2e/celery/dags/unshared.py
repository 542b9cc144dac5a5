"""A snapshot on one worker, its analysis on another, and storage that each of them has for itself."""

from __future__ import annotations

from airflow.sdk import DAG

from airflow_dashboards import PostHogAnalyzeRefreshOperator, PostHogSnapshotOperator

# One path, and another folder behind it in each process: as a local disk is on another machine.
OWN_DISK = "/proc/self/cwd/posthog"

with DAG("unshared", schedule=None):
    before = PostHogSnapshotOperator(
        task_id="before", dashboards={"tags": ["chaos"]}, storage_path=OWN_DISK, queue="only_a"
    )
    PostHogAnalyzeRefreshOperator(task_id="analyze", before=before.output, storage_path=OWN_DISK, queue="only_b")
