"""Every DAG that a reader is told to copy really runs, against the sandbox."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, select, update

from airflow_dashboards.posthog import Client, PersonalAPIKey
from airflow_dashboards.sandbox import Sandbox, demo

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
    """Load an example's file and return the DAG of its name."""
    return examples(name)[name]


def examples(name: str) -> dict[str, Any]:
    """Load an example's file and return its DAGs by their ids."""
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
    return {dag.dag_id: dag for dag in made}


def returned(run: Any, task_id: str) -> Any:
    return run.get_task_instance(task_id).xcom_pull(task_ids=task_id)


def unpause(dag_id: str) -> None:
    """Have Airflow note events for the DAG, and watch its assets from the next parsing on."""
    from airflow.models.dag import DagModel
    from airflow.utils.session import create_session

    with create_session() as session:
        session.execute(update(DagModel).where(DagModel.dag_id == dag_id).values(is_paused=False))


@contextmanager
def triggered_by_what_waits_for(dag_id: str) -> Iterator[None]:
    """Give the next run the asset events that wait for the DAG, as the scheduler would when it makes the run."""
    from airflow.models.asset import AssetDagRunQueue, AssetEvent, association_table
    from airflow.models.dagrun import DagRun

    def consume(_mapper: Any, connection: Any, run: Any) -> None:
        waiting = select(AssetEvent.id).join(AssetDagRunQueue, AssetDagRunQueue.asset_id == AssetEvent.asset_id)
        for each in connection.scalars(waiting.where(AssetDagRunQueue.target_dag_id == dag_id)).all():
            connection.execute(association_table.insert().values(dag_run_id=run.id, event_id=each))

    event.listen(DagRun, "after_insert", consume)
    try:
        yield
    finally:
        event.remove(DagRun, "after_insert", consume)


def states(run: Any) -> dict[str, str]:
    return {ti.task_id: str(ti.state) for ti in run.get_task_instances()}


def test_there_is_an_example_for_each_job_and_a_test_for_each_example() -> None:
    tested = {name.removeprefix("test_") for name in globals() if name.startswith("test_")}
    assert {path.stem for path in EXAMPLES.glob("*.py")} - {"gate_and_notify"} <= tested


def test_nightly_refresh(posthog: Sandbox, run_dag: Callable[..., Any]) -> None:
    assert set(states(run_dag(example("nightly_refresh"))).values()) == {"success"}


def test_many_by_tag(posthog: Sandbox, run_dag: Callable[..., Any]) -> None:
    assert states(run_dag(example("many_by_tag"))) == {"refresh": "success", "report": "success"}


def test_many_by_tag_with_many(posthog: Sandbox, run_dag: Callable[..., Any]) -> None:
    with client(posthog) as shop:
        for number in range(150):
            shop.dashboards.create(name=f"Board {number}", tags=["nightly"])
    run = run_dag(example("many_by_tag"))
    assert "index" in returned(run, "refresh")
    assert returned(run, "report") == []


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


def test_human_approval_of_many_red_dashboards(
    posthog: Sandbox, run_dag: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Thirty dashboards, not a hundred, but so much to say of each that it is too long for an XCom."""
    from airflow.providers.standard.operators.hitl import ApprovalOperator

    from airflow_dashboards.analysis import Verdict
    from airflow_dashboards.refresh.summary import AnalysisSummary

    asked: list[str] = []

    def approve(operator: Any, context: Any) -> dict[str, list[str]]:
        asked.append(operator.body)
        return {"chosen_options": ["Approve"]}

    of = AnalysisSummary.of
    monkeypatch.setattr(ApprovalOperator, "execute", approve)
    monkeypatch.setattr(
        AnalysisSummary,
        "of",
        lambda *a, **k: of(*a, **k).model_copy(update={"summary": "Too few. " * 150, "status": Verdict.FAIL}),
    )
    with client(posthog) as shop:
        (board,) = [each for each in shop.dashboards.list() if each.name == "Shop KPIs"]
        insight = next(tile.insight for tile in shop.dashboards.get(board.id).tiles if tile.insight)
        boards = [shop.dashboards.create(name=f"Board {n}", tags=["nightly"]).id for n in range(30)]
        shop.insights.update(insight.id, dashboards=[board.id, *boards])
        for each in boards:
            shop.dashboards.get(each, refresh="blocking")
    run = run_dag(example("human_approval"))
    assert "index" in returned(run, "kpis.analyze")
    assert states(run)["publish"] == "success"
    assert [n for n in range(30) if f"Board {n}:" not in asked[0]] == []


def test_asset_driven(posthog: Sandbox, run_dag: Callable[..., Any]) -> None:
    """The load here brings what is there already, so that the gate stays open."""
    demo.load_day(posthog.url, (datetime.now(timezone.utc) - timedelta(days=1)).date())
    with client(posthog) as shop:
        boards = {board.id: board.name for board in shop.dashboards.list() if "nightly" in board.tags}
        for board in boards:
            shop.dashboards.get(board, refresh="force_blocking")
    dags = examples("asset_driven")
    assert returned(run_dag(dags["asset_driven"]), "send") == [], "a run by hand has nothing to send"
    unpause("asset_driven")

    assert set(states(run_dag(dags["asset_driven_load"])).values()) == {"success"}

    with triggered_by_what_waits_for("asset_driven"):
        sent = returned(run_dag(dags["asset_driven"]), "send")
    assert sorted(sent) == sorted(boards.values())


def test_the_watcher_of_asset_driven_is_one_that_airflow_can_keep(run_dag: Callable[..., Any]) -> None:
    """That it fires is shown in tests/e2e/test_dashboard_watcher.py, on a real triggerer."""
    from airflow.models.trigger import Trigger
    from airflow.utils.session import create_session

    dag = examples("asset_driven")["asset_driven_watch"]
    run_dag(dag)
    unpause("asset_driven_watch")
    assert returned(run_dag(dag), "export") == []

    watched = Trigger.asset_watchers if hasattr(Trigger, "asset_watchers") else Trigger.assets  # Airflow 3.1
    with create_session() as session:
        (trigger,) = session.scalars(select(Trigger).join(watched)).all()
        assert trigger.classpath == "airflow_dashboards.triggers.watch.PostHogDashboardWatchTrigger"
        assert trigger.kwargs["dashboard_id"] == 42
