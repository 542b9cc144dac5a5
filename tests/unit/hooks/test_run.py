"""`PostHogHook.run`, also where an event loop runs already: in a notebook, and in a signal handler."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_dashboards import PostHogHook, PostHogRunInsightsOperator
from airflow_dashboards.refresh.journal import Journal
from airflow_dashboards.refresh.plan import PollState
from airflow_dashboards.refresh.stopping import StoppedError
from airflow_dashboards.refresh.store import SnapshotStoreError
from airflow_dashboards.sandbox import Sandbox
from airflow_dashboards.triggers.refresh import PostHogRefreshTrigger

pytestmark = pytest.mark.posthog_sandbox(build="cloud", demo=True)


@pytest.fixture
def posthog(posthog_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    monkeypatch.setenv("AIRFLOW_CONN_POSTHOG_DEFAULT", posthog_sandbox.conn_uri())
    monkeypatch.setattr("airflow_dashboards.hooks.shared._by_identity", {})
    return posthog_sandbox


def test_a_flow_runs_inside_a_loop_as_outside_of_one(posthog: Sandbox) -> None:
    async def inside() -> Any:
        return PostHogHook().run(lambda flows: flows.dashboards.page(limit=1))

    outside = PostHogHook().run(lambda flows: flows.dashboards.page(limit=1))
    assert asyncio.run(inside()).count == outside.count


def test_a_task_killed_while_it_waits_cancels_its_queries(posthog: Sandbox, tmp_path: Any) -> None:
    """Airflow calls `on_kill` in a signal handler: on the very thread, and amid the very loop, of the refresh."""
    posthog.settings(tile_seconds=60)
    operator = PostHogRunInsightsOperator(task_id="refresh", dashboards=1, storage_path=str(tmp_path))
    operator._in_flight = SimpleNamespace(  # type: ignore[assignment]
        in_flight=lambda: [SimpleNamespace(pending=_kicked(operator.hook))]
    )

    async def interrupted() -> None:
        operator.on_kill()

    asyncio.run(interrupted())

    cancelled = [entry for entry in posthog.log() if entry["method"] == "DELETE"]
    assert cancelled
    assert {entry["status"] for entry in cancelled} == {200}


def _kicked(hook: PostHogHook) -> list[str]:
    dashboard = hook.run(lambda flows: flows.dashboards.get(1, refresh="force_async"))
    return [tile.insight.query_status.id for tile in dashboard.tiles if tile.insight and tile.insight.query_status]


def test_a_killed_task_kicks_nothing_more(posthog: Sandbox, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Airflow leaves the task five seconds after `on_kill`, and it must not spend them on further requests."""
    posthog.settings(tile_seconds=60)
    operator = PostHogRunInsightsOperator(task_id="refresh", dashboards=[1, 2], storage_path=str(tmp_path))
    keep = Journal.__call__

    def kept(journal: Journal, changes: list[dict[str, Any]]) -> None:
        keep(journal, changes)
        operator.on_kill()  # as Airflow's signal handler does, amid the loop

    monkeypatch.setattr(Journal, "__call__", kept)
    ti = SimpleNamespace(dag_id="d", run_id="r", task_id="refresh", map_index=-1, max_tries=0, try_number=1)

    for _ in range(2):  # a second try is not stopped by what ended the first
        with pytest.raises(StoppedError):
            operator.execute({"ti": ti})  # type: ignore[typeddict-item]
        kicked = [entry for entry in posthog.log() if "force_async" in str(entry["query"])]
        assert kicked == []


def test_a_worker_that_goes_on_without_the_ledger_kicks_nothing(
    posthog: Sandbox, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two workers that share no storage, on an Airflow that keeps no task state: the second must not start anew."""
    deferrals: list[dict[str, Any]] = []

    def defer(*_: Any, trigger: PostHogRefreshTrigger, **__: Any) -> None:
        deferrals.append(trigger.serialize()[1])
        raise InterruptedError

    monkeypatch.setattr(PostHogRunInsightsOperator, "defer", defer)
    posthog.settings(tile_seconds=60)
    ti = SimpleNamespace(dag_id="d", run_id="r", task_id="refresh", map_index=-1, max_tries=0, try_number=1)
    context: Any = {"ti": ti}

    def worker(disk: str) -> PostHogRunInsightsOperator:
        storage = str(tmp_path / disk)
        return PostHogRunInsightsOperator(task_id="refresh", dashboards=[1], deferrable=True, storage_path=storage)

    with pytest.raises(InterruptedError):
        worker("a").execute(context)
    again = PostHogRefreshTrigger(**deferrals[0])
    event = {"dashboards": [1], "state": PollState(over=True).to_json(), "ledger_at": again.ledger_at}
    posthog.clear_log()
    with pytest.raises(SnapshotStoreError, match="does not share its storage"):
        worker("b").resume(context, event)
    assert posthog.log() == []
    with pytest.raises(InterruptedError):  # the tiles still compute
        worker("a").resume(context, event)
    assert not [entry for entry in posthog.log() if "force_async" in str(entry["query"])]

    del event["ledger_at"]  # as triggers of before told it
    with pytest.raises(InterruptedError):
        worker("b").resume(context, event)
