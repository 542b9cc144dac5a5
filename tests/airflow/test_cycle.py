"""The whole cycle on a real Airflow and a real PostHog of this machine: snapshot, load, refresh, prove, analyze."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import DAG, task

from airflow_dashboards import PostHogRefreshGroup
from airflow_dashboards.posthog import Client, PersonalAPIKey
from airflow_dashboards.sandbox import Sandbox, demo

pytestmark = pytest.mark.posthog_sandbox(build="cloud", demo=True)

Cycle = Callable[..., "Run"]


class Run:
    """What a test wants to know of a finished DAG run."""

    def __init__(self, dag_run: Any, storage: Path) -> None:
        self.states = {ti.task_id: str(ti.state) for ti in dag_run.get_task_instances()}
        self.dag_run = dag_run
        self.storage = storage

    def xcom(self, task_id: str) -> Any:
        from airflow.models.xcom import XComModel
        from airflow.utils.session import create_session

        with create_session() as session:
            row = session.scalars(
                XComModel.get_many(
                    run_id=self.dag_run.run_id, dag_ids=self.dag_run.dag_id, key="return_value", task_ids=task_id
                )
            ).one()
            return XComModel.deserialize_value(row)

    def report(self, name: str = "report.html") -> str:
        (path,) = self.storage.glob(f"reports/*/{name}")
        return path.read_text()

    def tiles(self, *verdicts: str) -> dict[str, str]:
        return {
            tile["name"]: tile["verdict"]
            for analysis in json.loads(self.report("analysis.json"))
            for tile in analysis["tiles"]
            if tile["verdict"] in verdicts
        }


@pytest.fixture
def cycle(
    posthog_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, run_dag: Callable[..., Any], tmp_path: Path
) -> Cycle:
    def run(
        load: Callable[[], None] = lambda: None,
        *,
        dashboards: Any = None,
        session: bool = False,
        warmed: bool | None = None,
        **group: Any,
    ) -> Run:
        monkeypatch.setenv("AIRFLOW_CONN_POSTHOG_DEFAULT", posthog_sandbox.conn_uri(session=session))
        monkeypatch.setattr("airflow_dashboards.hooks.shared._by_identity", {})  # a process that knows nothing yet
        if warmed is None:
            warm(posthog_sandbox)
        with (
            DAG("cycle", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=timezone.utc)) as dag,
            PostHogRefreshGroup("kpis", dashboards=dashboards or {"all": True}, storage_path=str(tmp_path), **group),
        ):
            task(task_id="load")(load)()
        return Run(run_dag(dag), tmp_path)

    return run


def client(sandbox: Sandbox) -> Client:
    return Client(sandbox.url, 1, PersonalAPIKey(sandbox.personal_api_key))


def warm(sandbox: Sandbox) -> None:
    """Look at every dashboard, as people do all day: PostHog then has something in its cache."""
    with client(sandbox) as posthog:
        for dashboard in posthog.dashboards.list():
            posthog.dashboards.get(dashboard.id, refresh="blocking")


def requests(sandbox: Sandbox, method: str, path_end: str) -> list[dict[str, Any]]:
    return [each for each in sandbox.log() if each["method"] == method and each["path"].rstrip("/").endswith(path_end)]


def load_yesterday(sandbox: Sandbox, breakages: Any = ()) -> Callable[[], None]:
    def load() -> None:
        yesterday = (datetime.now(timezone.utc) - timedelta(days=1)).date()
        demo.load_day(sandbox.url, yesterday, breakages=breakages)

    return load


@pytest.mark.parametrize("deferrable", [False, True])
def test_a_good_load_passes_with_an_api_key_on_cloud(posthog_sandbox: Sandbox, cycle: Cycle, deferrable: bool) -> None:
    run = cycle(load_yesterday(posthog_sandbox), deferrable=deferrable)

    assert run.states == {
        "kpis.snapshot": "success",
        "kpis.load": "success",
        "kpis.refresh": "success",
        "kpis.analyze": "success",
    }
    assert run.tiles("warn", "fail") == {}
    assert all(outcome["status"] == "refreshed" for outcome in run.xcom("kpis.refresh"))


def test_a_broken_load_is_named_tile_by_tile_and_stops_the_pipeline(posthog_sandbox: Sandbox, cycle: Cycle) -> None:
    run = cycle(load_yesterday(posthog_sandbox, demo.ALL), deferrable=True)

    assert run.states["kpis.refresh"] == "success"
    assert run.states["kpis.analyze"] == "failed"
    assert set(run.tiles("warn", "fail")) == set(demo.BROKEN_TILES.values())


# --- what PostHog's own analysis adds, and what it doesn't


def narratives(run: Run) -> list[str]:
    return [summary["narrative"] for summary in run.xcom("kpis.analyze")]


@pytest.mark.posthog_sandbox(build="2026-05", demo=True)
def test_a_session_on_2026_05_brings_posthogs_own_text(posthog_sandbox: Sandbox, cycle: Cycle) -> None:
    run = cycle(load_yesterday(posthog_sandbox), session=True, narrator="posthog")

    assert run.states["kpis.analyze"] == "success"
    assert any("not available" not in text and len(text) > 40 for text in narratives(run))
    assert requests(posthog_sandbox, "POST", "/snapshot")
    assert requests(posthog_sandbox, "POST", "/analyze_refresh_result")


@pytest.mark.posthog_sandbox(build="2026-05", demo=True)
def test_a_key_on_2026_05_is_refused_and_our_own_analysis_stands_in(posthog_sandbox: Sandbox, cycle: Cycle) -> None:
    run = cycle(load_yesterday(posthog_sandbox, demo.ALL), narrator="posthog")

    assert set(run.tiles("warn", "fail")) == set(demo.BROKEN_TILES.values())
    assert all("not available" in text and "API key" in text for text in narratives(run))
    # Refused once, remembered for the others.
    assert len(requests(posthog_sandbox, "POST", "/snapshot")) <= 3
    assert "not available" in run.report("report.md")


def test_cloud_says_that_it_has_no_analysis_of_its_own(posthog_sandbox: Sandbox, cycle: Cycle) -> None:
    run = cycle(load_yesterday(posthog_sandbox), narrator="posthog")
    assert run.states["kpis.analyze"] == "success"
    assert all("not available" in text and "removed" in text for text in narratives(run))


@pytest.mark.posthog_sandbox(build="2026-05", demo=True)
def test_a_failing_ai_costs_nothing(posthog_sandbox: Sandbox, cycle: Cycle) -> None:
    posthog_sandbox.settings(ai="failing")
    run = cycle(load_yesterday(posthog_sandbox), session=True, narrator="posthog")
    assert run.states["kpis.analyze"] == "success"
    assert all(text.startswith("not telling") or "not taken" in text for text in narratives(run)), narratives(run)


@pytest.mark.posthog_sandbox(build="2026-05", demo=True)
def test_consent_that_was_not_given_is_said(posthog_sandbox: Sandbox, cycle: Cycle) -> None:
    posthog_sandbox.settings(ai_consent=False)
    run = cycle(load_yesterday(posthog_sandbox), session=True, narrator="posthog")
    assert run.states["kpis.analyze"] == "success"
    assert all("not available" in text for text in narratives(run))


@pytest.mark.posthog_sandbox(build="2026-05", demo=True)
@pytest.mark.parametrize("lasting", [timedelta(minutes=31), timedelta(days=1)], ids=["31 minutes", "a day"])
def test_a_load_longer_than_30_minutes_outlives_posthogs_snapshot_not_ours(
    posthog_sandbox: Sandbox, cycle: Cycle, lasting: timedelta
) -> None:
    def load() -> None:
        begun = datetime.now(timezone.utc)
        posthog_sandbox.advance(lasting.total_seconds())
        # A load over midnight, as even a short one may be, has one more day to load.
        days = (begun + lasting).date() - begun.date()
        for late in range(days.days):
            demo.load_day(posthog_sandbox.url, begun.date() + timedelta(days=late - 1))
        demo.load_day(posthog_sandbox.url, (begun + lasting).date() - timedelta(days=1), breakages=demo.ALL)

    run = cycle(load, session=True, narrator="posthog")

    assert set(run.tiles("warn", "fail")) == set(demo.BROKEN_TILES.values())
    assert all("30 minutes" in text or "not taken" in text for text in narratives(run)), narratives(run)


@pytest.mark.posthog_sandbox(build="2026-05", demo=True)
def test_on_a_dashboard_with_filters_posthog_sees_nothing_and_we_do(posthog_sandbox: Sandbox, cycle: Cycle) -> None:
    with client(posthog_sandbox) as posthog:
        (dashboard,) = [each for each in posthog.dashboards.list() if each.name == "Shop KPIs"]
        posthog.dashboards.update(dashboard.id, filters={"date_from": "-21d"})
    warm(posthog_sandbox)

    run = cycle(
        load_yesterday(posthog_sandbox, demo.ALL),
        dashboards=dashboard.id,
        session=True,
        narrator="posthog",
        warmed=True,
    )

    assert demo.BROKEN_TILES[demo.Breakage.PURCHASES_TWICE] in run.tiles("warn", "fail")
    assert narratives(run)[0].startswith("not telling, because it saw no change where there is one")


# --- tiles that can't be judged are told apart


def test_a_cold_dashboard_is_not_called_unchanged(posthog_sandbox: Sandbox, cycle: Cycle) -> None:
    run = cycle(dashboards=1, warmed=False)
    (summary,) = run.xcom("kpis.analyze")
    assert summary["comparability"] == "nothing_captured"
    assert run.states["kpis.refresh"] == "success"


@pytest.mark.parametrize("deferrable", [False, True])
def test_one_broken_tile_is_named_with_the_servers_words_and_the_others_refresh(
    posthog_sandbox: Sandbox, cycle: Cycle, deferrable: bool
) -> None:
    warm(posthog_sandbox)
    posthog_sandbox.fault({"tile_error": "clickhouse went away"}, times=1)
    run = cycle(dashboards=1, warmed=True, deferrable=deferrable)

    assert run.states["kpis.refresh"] == "failed"
    (outcome,) = run.xcom("kpis.refresh")
    assert outcome["status"] == "partial"
    (tile,) = outcome["tiles"]
    assert tile["status"] == "failed"
    assert "clickhouse went away" in tile["message"]
    assert outcome["counts"]["refreshed"] > 1


def test_a_tile_without_access_is_told_and_costs_the_others_nothing(posthog_sandbox: Sandbox, cycle: Cycle) -> None:
    with client(posthog_sandbox) as posthog:
        tile = next(tile for tile in posthog.dashboards.get(1).tiles if tile.insight is not None)
    posthog_sandbox.set_access("none", insight=tile.insight.id)

    run = cycle(load_yesterday(posthog_sandbox), dashboards=1)

    (outcome,) = run.xcom("kpis.refresh")
    assert outcome["status"] == "refreshed"
    assert [(each["id"], each["status"]) for each in outcome["tiles"]] == [(tile.id, "no_access")]
    assert run.states["kpis.analyze"] == "success"


def test_after_a_failed_load_nothing_is_refreshed_even_where_a_teardown_succeeds(
    posthog_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, run_dag: Callable[..., Any], tmp_path: Path
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_POSTHOG_DEFAULT", posthog_sandbox.conn_uri())

    def load() -> None:
        raise RuntimeError("The warehouse is closed.")

    with (
        DAG("cluster", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=timezone.utc)) as dag,
        PostHogRefreshGroup("kpis", dashboards={"all": True}, storage_path=str(tmp_path), fail_on="never"),
    ):
        make = task(task_id="make_cluster")(lambda: None)().as_setup()
        drop = task(task_id="drop_cluster")(lambda: None)().as_teardown(setups=make)
        make >> task(task_id="load")(load)() >> drop

    states = Run(run_dag(dag), tmp_path).states
    assert states["kpis.load"] == "failed"
    assert states["kpis.drop_cluster"] == "success"
    assert states["kpis.refresh"] == states["kpis.analyze"] == "upstream_failed"
    assert not [entry for entry in posthog_sandbox.log() if "refresh=force_async" in (entry.get("query") or "")]


# --- asked rightly


def test_the_refresh_is_asked_for_once_per_dashboard(posthog_sandbox: Sandbox, cycle: Cycle) -> None:
    cycle(load_yesterday(posthog_sandbox), deferrable=True)
    kicks = [entry for entry in posthog_sandbox.log() if "refresh=force_async" in (entry.get("query") or "")]
    assert len(kicks) == 3
