"""The cycle (snapshot, refresh, prove) of many dashboards, as four teams would write it; for `bench_cycle`.

The ids of the dashboards and the API key come from the environment: a benchmark's DAGs, not ones to copy.
"""

from __future__ import annotations

import json
import os
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from airflow.providers.http.operators.http import HttpOperator
from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger
from airflow.sdk import DAG, BaseOperator, task
from airflow.triggers.base import TriggerEvent

from airflow_dashboards import PostHogRunInsightsOperator, PostHogSnapshotOperator
from benchmarks.profiles import profiled

URL = os.environ["BENCH_URL"]
HEADERS = {"Authorization": f"Bearer {os.environ['BENCH_KEY']}", "Accept": "application/json"}
IDS: list[int] = json.loads(Path(os.environ["BENCH_IDS"]).read_text())
DAG_FACTS: dict[str, Any] = {
    "schedule": None,
    "start_date": datetime(2026, 1, 1, tzinfo=timezone.utc),
    # Airflow may lose a task whose trigger ends before the deferral is noted: even (b) needs a second try then.
    "default_args": {"retries": 2, "retry_delay": timedelta(seconds=1)},
    "max_active_tasks": 64,
}


def is_fresh(response: Any) -> bool:
    """Whether every tile has a result: the least that a team would check."""
    return all(tile["insight"]["result"] is not None for tile in response.json()["tiles"])


def http_steps(*, deferrable: bool) -> None:
    """One HttpOperator per dashboard and step."""
    steps = []
    for step, mode, check in (
        ("snapshot", "force_cache", None),
        ("refresh", "force_blocking", None),
        ("prove", "force_cache", is_fresh),
    ):
        operator = HttpOperator.partial(
            task_id=step,
            http_conn_id="sandbox",
            method="GET",
            headers=HEADERS,
            response_check=check,
            deferrable=deferrable,
        )
        steps.append(operator.expand(endpoint=[f"api/projects/1/dashboards/{each}/?refresh={mode}" for each in IDS]))
    steps[0] >> steps[1] >> steps[2]


with DAG("http", **DAG_FACTS):
    http_steps(deferrable=False)

with DAG("http_deferrable", **DAG_FACTS):
    http_steps(deferrable=True)

with DAG("script", **DAG_FACTS):

    @task
    def refresh_all() -> int:
        """One dashboard after the other."""
        import httpx

        pictures = []
        with httpx.Client(base_url=f"{URL}/api/projects/1/dashboards", headers=HEADERS, timeout=120) as client:
            for each in IDS:
                for mode in ("force_cache", "force_blocking", "force_cache"):
                    answer = client.get(f"/{each}/", params={"refresh": mode}).raise_for_status()
                pictures.append(answer.json())
                assert is_fresh(answer), each
        return len(pictures)

    refresh_all()

with DAG("ours", **DAG_FACTS):
    PostHogSnapshotOperator(task_id="snapshot", dashboards=IDS) >> PostHogRunInsightsOperator(
        task_id="refresh", dashboards=IDS, deferrable=True
    )

#: The same with a key that has Cloud's limits; `ours` and its peers have a server without any.
with DAG("ours_limited", **DAG_FACTS):
    PostHogSnapshotOperator(
        task_id="snapshot", dashboards=IDS, posthog_conn_id="posthog_cloud"
    ) >> PostHogRunInsightsOperator(task_id="refresh", dashboards=IDS, deferrable=True, posthog_conn_id="posthog_cloud")

#: The same once more, to see where its CPU time goes.
PROFILES = Path(os.environ["BENCH_PROFILES"])
ProfiledSnapshot = profiled(PostHogSnapshotOperator, ("execute",), PROFILES)
ProfiledRefresh = profiled(PostHogRunInsightsOperator, ("execute", "resume"), PROFILES)

with DAG("ours_profiled", **DAG_FACTS):
    ProfiledSnapshot(task_id="snapshot", dashboards=IDS) >> ProfiledRefresh(
        task_id="refresh", dashboards=IDS, deferrable=True
    )


#: A trigger that fires at once may overtake the news of its own deferral; `bench_cycle` takes this second off again.
NOTHING_SECONDS = 1.0


class Nothing(BaseOperator):
    """A task that does nothing, at once or after a short deferral: what starting tasks takes."""

    def __init__(self, *, deferrable: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.deferrable = deferrable

    def execute(self, context: Any) -> None:
        """Do nothing."""
        if self.deferrable:
            self.defer(trigger=TimeDeltaTrigger(timedelta(seconds=NOTHING_SECONDS)), method_name="resume")

    def resume(self, context: Any, event: TriggerEvent | None) -> None:
        """Do nothing."""


with DAG("nothing", **DAG_FACTS):
    Nothing(task_id="snapshot") >> Nothing(task_id="refresh", deferrable=True)
