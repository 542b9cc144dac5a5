"""Telling people, on a real Airflow: mail, status tile, annotation, both narrators, history, rules in a file."""

from __future__ import annotations

import importlib.util
import json
import runpy
import socket
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import Message
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest
from airflow.sdk import DAG, task

from airflow_dashboards import PostHogRefreshGroup
from airflow_dashboards.analysis import Rules
from airflow_dashboards.operators.analyze_refresh import PostHogAnalyzeRefreshOperator
from airflow_dashboards.posthog import Client, PersonalAPIKey
from airflow_dashboards.sandbox import Sandbox, demo

pytestmark = pytest.mark.posthog_sandbox(build="cloud", demo=True)

REPOSITORY = Path(__file__).resolve().parents[2]
SCHEMA = json.loads((REPOSITORY / "docs" / "analysis.schema.json").read_text())
START = datetime(2026, 1, 1, tzinfo=timezone.utc)


@pytest.fixture
def shop(posthog_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """A shop whose KPIs somebody has looked at; an Airflow process that knows nothing of it yet."""
    monkeypatch.setenv("AIRFLOW_CONN_POSTHOG_DEFAULT", posthog_sandbox.conn_uri())
    monkeypatch.setattr("airflow_dashboards.hooks.shared._by_identity", {})
    warm(posthog_sandbox)
    return posthog_sandbox


def warm(sandbox: Sandbox, refresh: str = "blocking") -> None:
    with Client(sandbox.url, 1, PersonalAPIKey(sandbox.personal_api_key)) as client:
        for dashboard in client.dashboards.list():
            client.dashboards.get(dashboard.id, refresh=refresh)


def kpis(sandbox: Sandbox) -> int:
    return next(each["id"] for each in ask(sandbox, "dashboards")["results"] if each["name"] == "Shop KPIs")


def ask(sandbox: Sandbox, path: str) -> Any:
    headers = {"Authorization": f"Bearer {sandbox.personal_api_key}"}
    with httpx.Client(trust_env=False, headers=headers) as client:
        return client.get(f"{sandbox.url}/api/projects/1/{path}").raise_for_status().json()


def notes(sandbox: Sandbox, dashboard: int) -> list[str]:
    return [tile["text"]["body"] for tile in ask(sandbox, f"dashboards/{dashboard}")["tiles"] if tile["text"]]


def xcoms(dag_run: Any, task_id: str) -> dict[str, Any]:
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session

    with create_session() as session:
        rows = session.scalars(
            XComModel.get_many(run_id=dag_run.run_id, dag_ids=dag_run.dag_id, task_ids=task_id)
        ).all()
        return {row.key: XComModel.deserialize_value(row) for row in rows}


def states(dag_run: Any) -> dict[str, str]:
    return {ti.task_id: str(ti.state) for ti in dag_run.get_task_instances()}


def report(storage: Path, name: str, run: int = 0) -> str:
    return sorted(storage.glob(f"reports/*/{name}"), key=lambda path: path.stat().st_mtime_ns)[run].read_text()


def load_yesterday(sandbox: Sandbox, breakages: Any = ()) -> None:
    demo.load_day(sandbox.url, (datetime.now(timezone.utc) - timedelta(days=1)).date(), breakages=breakages)


def cycle(sandbox: Sandbox, storage: Path, breakages: Any = (), **group: Any) -> DAG:
    with (
        DAG("telling", schedule=None, start_date=START) as dag,
        PostHogRefreshGroup("kpis", dashboards=kpis(sandbox), storage_path=str(storage), **group),
    ):
        task(task_id="load")(lambda: load_yesterday(sandbox, breakages))()
    return dag


@pytest.fixture
def mailbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Message]]:
    """A mail server on this machine, and what it received."""
    from aiosmtpd.controller import Controller

    received: list[Message] = []

    class Keep:
        async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
            received.append(message_from_bytes(envelope.content))
            return "250 OK"

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    controller = Controller(Keep(), hostname="127.0.0.1", port=port)
    controller.start()
    extra = {"disable_ssl": True, "disable_tls": True}
    connection = {"conn_type": "smtp", "host": "127.0.0.1", "port": port, "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", json.dumps(connection))
    yield received
    controller.stop()


def test_the_example_stops_the_pipeline_and_mails_what_is_wrong(
    shop: Sandbox,
    mailbox: list[Message],
    run_dag: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("AIRFLOW__POSTHOG__STORAGE_PATH", str(tmp_path))
    dag = runpy.run_path(str(REPOSITORY / "dags_examples" / "gate_and_notify.py"))["gate_and_notify"]()
    dag.get_task("kpis.load_orders").python_callable = lambda: load_yesterday(shop, demo.ALL)

    run = run_dag(dag)

    assert states(run)["kpis.analyze"] == "failed"
    assert states(run)["send_weekly_report"] == "upstream_failed"
    said = xcoms(run, "kpis.analyze")
    (mail,) = mailbox
    assert str(make_header(decode_header(mail["Subject"]))) == said["subject"]
    assert said["subject"].startswith("FAIL: ")
    (body,) = [part for part in mail.walk() if part.get_content_type() == "text/html"]
    html = body.get_payload(decode=True).decode()
    assert said["message_html"] in html.replace("\r\n", "\n")
    broken = set(demo.BROKEN_TILES.values())
    assert all(any(name in text for name in broken) for text in (html, said["message"], said["message_text"]))
    assert "<" in said["message"]
    assert f"{shop.url}/project/1/dashboard/" in said["message"]
    # The file that machines read is as its schema says.
    jsonschema.validate(json.loads(report(tmp_path, "analysis.json")), SCHEMA)
    # The same is on the dashboard itself, and on its charts.
    (note,) = [each for each in notes(shop, kpis(shop)) if "gate\\_and\\_notify" in each]
    assert "❌ **Fail.**" in note
    assert any("gate_and_notify" in each["content"] for each in ask(shop, "annotations")["results"])


def test_a_second_run_updates_the_tile_and_counts_and_a_retry_annotates_nothing_twice(
    shop: Sandbox, run_dag: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from airflow_dashboards.refresh import publication

    publish, tries = publication.publish, []

    def storage_fails_once(*arguments: Any, **more: Any) -> Any:
        tries.append(arguments)
        if len(tries) == 1:
            raise OSError("the storage is away")
        return publish(*arguments, **more)

    def told() -> tuple[int, int]:
        tiles = [each for each in notes(shop, kpis(shop)) if "**Refreshed" in each]
        return len(tiles), len(ask(shop, "annotations")["results"])

    monkeypatch.setattr(publication, "publish", storage_fails_once)
    retried = {"retries": 1, "retry_delay": timedelta(0)}
    dag = cycle(shop, tmp_path, demo.ALL, status_tile=True, annotate=True, fail_on="never", analyze_arguments=retried)
    first = run_dag(dag)
    assert len(tries) == 2
    assert told() == (1, 1)
    assert xcoms(first, "kpis.analyze")["return_value"][0]["runs_in_a_row"] == 1
    assert "in a row" not in report(tmp_path, "report.md")

    load_yesterday(shop)  # somebody mends it, looks, and the next load breaks it again
    warm(shop, "force_blocking")
    second = run_dag(dag)
    assert told() == (1, 2)
    assert xcoms(second, "kpis.analyze")["return_value"][0]["runs_in_a_row"] == 2
    assert "second run in a row" in report(tmp_path, "report.md", -1)
    (note,) = [each for each in notes(shop, kpis(shop)) if "**Refreshed" in each]
    assert "second run in a row" in note


def test_what_may_not_be_written_is_a_note_and_costs_nothing(
    shop: Sandbox, run_dag: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    key = shop.new_key(["dashboard:read", "insight:read", "query:read"])
    monkeypatch.setenv("AIRFLOW_CONN_POSTHOG_DEFAULT", shop.conn_uri(key=key))
    dag = cycle(shop, tmp_path, status_tile=True, annotate=True, narrator="llm", llm_conn_id="nowhere")

    run = run_dag(dag)

    assert states(run)["kpis.analyze"] == "success"
    text = report(tmp_path, "report.md").replace("\\", "")
    assert "The status tile of Shop KPIs could not be written" in text
    assert "dashboard:write" in text
    assert "An annotation on Shop KPIs is not available" in text
    assert "A narrative by the language model of nowhere is not available" in text
    has_provider = importlib.util.find_spec("airflow.providers.common.ai") is not None  # it wants Python 3.11
    assert ("isn't defined" if has_provider else "pip install") in text
    assert not [each for each in notes(shop, kpis(shop)) if "Refreshed" in each]


def test_a_language_model_puts_it_into_words_and_its_figures_are_checked(
    shop: Sandbox, run_dag: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pytest.importorskip("airflow.providers.common.ai", reason="the provider of narrator='llm' needs Python 3.11")
    from airflow.providers.common.ai.hooks.pydantic_ai import PydanticAIHook
    from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart
    from pydantic_ai.models.function import AgentInfo, FunctionModel

    asked: list[dict[str, Any]] = []

    def answer(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        (prompt,) = [part for part in messages[0].parts if part.part_kind == "user-prompt"]
        told = json.loads(str(prompt.content))
        asked.append(told)
        tile = told["dashboards"][0]["tiles"][0]
        after = tile["figure"][2]
        return ModelResponse(parts=[TextPart(f"{tile['tile']} now shows {after:,.0f}, which cost 987,654,321 euros.")])

    monkeypatch.setattr(PydanticAIHook, "get_conn", lambda hook: FunctionModel(answer))
    monkeypatch.setenv("AIRFLOW_CONN_LLM", json.dumps({"conn_type": "pydanticai", "extra": {"model": "test"}}))
    dag = cycle(shop, tmp_path, demo.ALL, narrator="llm", llm_conn_id="llm", fail_on="never")

    run = run_dag(dag)

    assert states(run)["kpis.analyze"] == "success"
    assert len(asked) == 1
    page = report(tmp_path, "report.html")
    assert '<mark title="Not borne out by the analysis">987,654,321<sup>?</sup></mark> euros.' in page
    assert page.count("<mark") == 1
    assert "The narrative has figures that the analysis does not have" in report(tmp_path, "report.md")
    assert "987,654,321" in xcoms(run, "kpis.analyze")["narrative"]


def test_the_providers_own_test_model_needs_nothing_but_a_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("airflow.providers.common.ai", reason="the provider of narrator='llm' needs Python 3.11")
    from airflow_dashboards.hooks.llm import NarratorUnavailableError, asker

    monkeypatch.setenv("AIRFLOW_CONN_LLM", json.dumps({"conn_type": "pydanticai", "extra": {"model": "test"}}))
    assert asker("llm", max_tokens=50)("Sum up.", "{}") == "success (no tool calls)"
    monkeypatch.setenv("AIRFLOW_CONN_BAD", json.dumps({"conn_type": "pydanticai", "extra": {"model": "nobody:x"}}))
    with pytest.raises(NarratorUnavailableError, match="the model of 'bad' did not answer: ValueError"):
        asker("bad", max_tokens=50)("Sum up.", "{}")


def test_last_weeks_capture_is_compared_with_by_rules_from_a_file(
    shop: Sandbox, run_dag: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Other limits lie beside the DAG; a capture of a week ago is what it is compared with."""
    from airflow_dashboards.refresh.capture import capture
    from airflow_dashboards.refresh.store import SnapshotStore

    with Client(shop.url, 1, PersonalAPIKey(shop.personal_api_key)) as client:
        now = client.run(capture(client.flows, kpis(shop), host=shop.url))
    SnapshotStore(tmp_path).write(now.model_copy(update={"taken_at": now.taken_at - timedelta(days=7, hours=1)}))
    load_yesterday(shop, demo.ALL)
    with Client(shop.url, 1, PersonalAPIKey(shop.personal_api_key)) as client:
        client.dashboards.get(kpis(shop), refresh="force_blocking")
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "shop.yaml").write_text('default: {ignore: ["*"]}')
    with DAG("weekly", schedule=None, start_date=START, params={"team": "shop"}) as dag:
        common = {"dashboards": {"tags": ["nightly"]}, "storage_path": str(tmp_path), "before": {"days_ago": 7}}
        PostHogAnalyzeRefreshOperator(task_id="own", rules="rules/{{ params.team }}.yaml", **common)
        PostHogAnalyzeRefreshOperator(task_id="usual", fail_on="never", **common)
        PostHogAnalyzeRefreshOperator(task_id="missing", rules="rules/none.yaml", **common)
    dag.fileloc = str(tmp_path / "dag.py")

    run = run_dag(dag)

    assert states(run) == {"own": "success", "usual": "success", "missing": "failed"}
    by_name = {each["dashboard_name"]: each for each in xcoms(run, "usual")["return_value"]}
    assert by_name["Shop KPIs"]["status"] == "fail"
    assert {each["status"] for each in xcoms(run, "own")["return_value"]} == {"pass"}
    others = [each for name, each in by_name.items() if name != "Shop KPIs"]
    assert {each["comparability"] for each in others} <= {"nothing_captured"}


def test_a_warning_that_stands_for_the_third_run_fails_and_a_damaged_record_is_a_note(
    shop: Sandbox, run_dag: Callable[..., Any], tmp_path: Path
) -> None:
    """Nobody refreshes: a warning each time, until the rules have had enough of it."""
    from airflow_dashboards.refresh.capture import capture
    from airflow_dashboards.refresh.store import SnapshotStore

    with Client(shop.url, 1, PersonalAPIKey(shop.personal_api_key)) as client:
        now = client.run(capture(client.flows, kpis(shop), host=shop.url))
    SnapshotStore(tmp_path).write(now.model_copy(update={"taken_at": now.taken_at - timedelta(days=7)}))
    with DAG("lasting", schedule=None, start_date=START) as dag:
        PostHogAnalyzeRefreshOperator(
            task_id="analyze",
            dashboards=kpis(shop),
            before={"days_ago": 7},
            rules=Rules(escalate_after=3),
            storage_path=str(tmp_path),
        )

    first = run_dag(dag)
    (damaged,) = tmp_path.glob("**/history/lasting.analyze/*.json")
    second = run_dag(dag)
    damaged.write_text("{")
    third = run_dag(dag)

    assert [states(each)["analyze"] for each in (first, second, third)] == ["success", "success", "failed"]
    (told,) = xcoms(third, "analyze")["return_value"]
    assert (told["status"], told["runs_in_a_row"]) == ("fail", 3)
    assert {"tile.lasting", "tile.stale"} <= set(told["tiles"][0]["codes"])
    page = report(tmp_path, "report.md", -1)
    assert "third run in a row" in page
    assert "needed a look for 3 runs in a row" in page
    assert "An earlier verdict can't be read" in page.replace("\\", "")
    assert len(list(tmp_path.glob("**/history/lasting.analyze/*.json"))) == 3
