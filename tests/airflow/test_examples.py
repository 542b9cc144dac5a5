"""Every DAG that a reader is told to copy really runs, against the sandbox."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from airflow_dashboards.posthog import Client, PersonalAPIKey
from airflow_dashboards.sandbox import Sandbox

EXAMPLES = Path(__file__).parents[2] / "dags_examples"
pytestmark = pytest.mark.posthog_sandbox(build="cloud", demo=True)


@pytest.fixture
def posthog(posthog_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Sandbox:
    monkeypatch.setenv("AIRFLOW_CONN_POSTHOG_DEFAULT", posthog_sandbox.conn_uri())
    monkeypatch.setenv("AIRFLOW__POSTHOG__STORAGE_PATH", str(tmp_path))
    monkeypatch.setattr("airflow_dashboards.hooks.shared._by_identity", {})
    with client(posthog_sandbox) as warming:
        for board in warming.dashboards.list():
            warming.dashboards.get(board.id, refresh="blocking")
    return posthog_sandbox


def client(sandbox: Sandbox) -> Client:
    return Client(sandbox.url, 1, PersonalAPIKey(sandbox.personal_api_key))


def example(name: str) -> Any:
    """Load an example's file and return its DAG."""
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    made: list[Any] = []
    from airflow.sdk import DAG

    original = DAG.__exit__
    DAG.__exit__ = lambda dag, *rest: (made.append(dag), original(dag, *rest))[1]  # type: ignore[method-assign]
    try:
        spec.loader.exec_module(module)
    finally:
        DAG.__exit__ = original  # type: ignore[method-assign]
    return made[-1]


def states(run: Any) -> dict[str, str]:
    return {ti.task_id: str(ti.state) for ti in run.get_task_instances()}


def test_there_is_an_example_for_each_job_and_a_test_for_each_example() -> None:
    tested = {name.removeprefix("test_") for name in globals() if name.startswith("test_")}
    assert {path.stem for path in EXAMPLES.glob("*.py")} - {"gate_and_notify", "asset_driven"} <= tested


def test_nightly_refresh(posthog: Sandbox, run_dag: Callable[..., Any]) -> None:
    assert set(states(run_dag(example("nightly_refresh"))).values()) == {"success"}


def test_many_by_tag(posthog: Sandbox, run_dag: Callable[..., Any]) -> None:
    assert states(run_dag(example("many_by_tag"))) == {"refresh": "success", "report": "success"}


def test_template_rollout(posthog: Sandbox, run_dag: Callable[..., Any]) -> None:
    for _ in range(2):
        run = run_dag(example("template_rollout"), run_conf={"team": "growth"})
        assert states(run) == {"board": "success", "refresh": "success"}
    with client(posthog) as after:
        (board,) = [each for each in after.dashboards.list() if each.name == "KPIs of growth"]
        tiles = after.dashboards.get(board.id).tiles
    assert [tile.insight.name if tile.insight else "text" for tile in tiles] == ["text", "Per day", "Altogether"]


def test_tag_hygiene(posthog: Sandbox, run_dag: Callable[..., Any]) -> None:
    with client(posthog) as before:
        board = before.dashboards.create(name="Old spelling", tags=["kpi", "other"])
    assert set(states(run_dag(example("tag_hygiene"))).values()) == {"success"}
    with client(posthog) as after:
        assert sorted(after.dashboards.get(board.id).tags) == ["kpis", "other"]


def test_freshness_sensor(posthog: Sandbox, run_dag: Callable[..., Any]) -> None:
    assert states(run_dag(example("freshness_sensor"))) == {"fresh": "success", "send_mail": "success"}


def test_human_approval(posthog: Sandbox, run_dag: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """The load here brings nothing, so yesterday is missing, and a person is asked; this one approves."""
    from airflow.providers.standard.operators.hitl import ApprovalOperator

    asked: list[str] = []

    def approve(operator: Any, context: Any) -> dict[str, list[str]]:
        asked.append(operator.body)
        return {"chosen_options": ["Approve"]}

    monkeypatch.setattr(ApprovalOperator, "execute", approve)
    run = states(run_dag(example("human_approval")))
    assert run["kpis.analyze"] == "success"
    assert run["publish"] == "success"
    assert "Shop KPIs" in asked[0]
