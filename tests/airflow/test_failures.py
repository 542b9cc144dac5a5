"""Everything that commonly goes wrong ends in one clear message, and none of it shows a credential."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.metadata import version
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from airflow.sdk import DAG

from airflow_dashboards import PostHogRunInsightsOperator, PostHogSnapshotOperator
from airflow_dashboards.posthog import Client, PersonalAPIKey
from airflow_dashboards.sandbox import Sandbox

WRONG_KEY = "phx_this_is_not_the_key_of_anybody"


class _Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<html><head><title>Company login</title></head><body>Sign in</body></html>")

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def web_page() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), _Page)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def nobody() -> str:
    """Return an address where nobody listens: a port that was free a moment ago."""
    server = HTTPServer(("127.0.0.1", 0), _Page)
    server.server_close()
    return f"http://127.0.0.1:{server.server_port}"


def uri(host: str, key: str) -> str:
    extra = urlencode({"__extra__": json.dumps({"project_id": 1})})
    return f"posthog://:{quote(key, safe='')}@{quote(host, safe='')}/?{extra}"


def test_each_failure_gives_one_clear_message_and_no_credential(
    posthog_sandbox: Sandbox,
    web_page: str,
    nobody: str,
    monkeypatch: pytest.MonkeyPatch,
    run_dag: Callable[..., Any],
    pytestconfig: pytest.Config,
    caplog: pytest.LogCaptureFixture,
    tmp_path: Any,
) -> None:
    key = posthog_sandbox.personal_api_key
    narrow = posthog_sandbox.new_key(["insight:read"])
    monkeypatch.setattr("airflow_dashboards.hooks.shared._by_identity", {})
    with Client(posthog_sandbox.url, 1, PersonalAPIKey(key)) as posthog:
        kept = posthog.dashboards.create(name="Kept").id
        gone = posthog.dashboards.create(name="Gone").id
        posthog.dashboards.delete(gone)
    posthog_sandbox.clear_log()
    for name, value in {
        "good": uri(posthog_sandbox.url, key),
        "wrong": uri(posthog_sandbox.url, WRONG_KEY),
        "narrow": uri(posthog_sandbox.url, narrow),
        "page": uri(web_page, key),
        "nobody": uri(nobody, key),
    }.items():
        monkeypatch.setenv(f"AIRFLOW_CONN_POSTHOG_{name.upper()}", value)

    expected: dict[str, list[str]] = {}
    messages: dict[str, str] = {}

    def note(context: Any) -> None:
        messages[context["ti"].task_id] = str(context["exception"])

    arguments = {"on_failure_callback": note, "storage_path": str(tmp_path)}
    with DAG(
        "failures", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=timezone.utc), default_args=arguments
    ) as dag:

        def snapshot(name: str, words: list[str], *, conn: str = "good", dashboards: Any = kept, **more: Any) -> None:
            expected[name] = words
            PostHogSnapshotOperator(
                task_id=name,
                dashboards=dashboards,
                posthog_conn_id=f"posthog_{conn}",
                **more,
            )

        snapshot("misspelt", ["'force_asinc'", "force_async"], mode="force_asinc")
        snapshot("unknown", ["dashboard 999999", "Not found."], dashboards=999999)
        snapshot("deleted", [f"dashboard {gone}", "Not found."], dashboards=gone)
        snapshot(
            "wrong_key", ["Personal API key found in request Authorization header is invalid", "401"], conn="wrong"
        )
        snapshot("no_scope", ["API key missing required scope 'dashboard:read'", "dashboard:read"], conn="narrow")
        snapshot("unreachable", [nobody.removeprefix("http://"), "can not be reached", "Check the host"], conn="nobody")
        snapshot("html", ["a web page instead of JSON", "a proxy or login page stands before it"], conn="page")
        snapshot("no_connection", ["posthog_missing"], conn="missing")
        snapshot("bad_selector", ["selector has no tag", "tags"], dashboards={"tag": "etl"})
        expected["misspelt_strategy"] = ["'force_asinc'", "force_async"]
        PostHogRunInsightsOperator(
            task_id="misspelt_strategy",
            dashboards=kept,
            strategy="force_asinc",
            posthog_conn_id="posthog_good",
        )

    run = run_dag(dag)

    assert {ti.task_id: str(ti.state) for ti in run.get_task_instances()} == dict.fromkeys(expected, "failed")
    capture = pytestconfig.pluginmanager.getplugin("capturemanager").read_global_capture()
    written = f"{capture.out}{capture.err}{caplog.text}{messages}"
    assert "Task failed with exception" in written  # the log is really what is searched
    for secret in (key, WRONG_KEY, narrow):
        assert secret not in written
        assert secret.removeprefix("phx_") not in written
    # What was refused on this side was never sent.
    assert not [each for each in posthog_sandbox.log() if "asinc" in json.dumps(each)]
    if not messages and version("apache-airflow-core").startswith(("3.1.", "3.2.")):
        pytest.skip("`dag.test()` of Airflow 3.1 and 3.2 runs no callbacks, and so the messages are nowhere to be read")
    missing = {
        name: (words, messages.get(name, "nothing"))
        for name, words in expected.items()
        if not all(word in messages.get(name, "") for word in words)
    }
    assert missing == {}
