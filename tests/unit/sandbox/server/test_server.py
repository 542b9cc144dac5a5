"""The `Sandbox` itself: starting and stopping, its address book, the command, the pytest fixture, what imports load."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from urllib.parse import parse_qs, unquote, urlsplit

import httpx
import pytest

from airflow_dashboards.sandbox import Sandbox
from airflow_dashboards.sandbox.workers import Workers


def test_it_answers_while_it_runs_and_frees_everything_after():
    before = set(threading.enumerate())
    with Sandbox(build="2026-05") as sandbox:
        url = sandbox.url
        assert httpx.get(f"{url}/_sandbox/settings", verify=False).json()["build"] == "2026-05"
        sandbox.reset()
        assert sandbox.settings()["build"] == "2026-05"
    assert not {thread for thread in set(threading.enumerate()) - before if thread.name.startswith("sandbox")}
    with pytest.raises(httpx.ConnectError):
        httpx.get(url, verify=False)
    with pytest.raises(RuntimeError, match="not running"):
        _ = sandbox.personal_api_key


def test_stopping_ends_a_request_that_waits(tmp_path):
    sandbox = Sandbox()
    sandbox.start()
    sandbox.settings(tile_seconds=600)
    headers = {"Authorization": f"Bearer {sandbox.personal_api_key}"}
    with httpx.Client(base_url=f"{sandbox.url}/api/projects/1/", headers=headers, verify=False, timeout=30) as http:
        board = http.post("dashboards", json={}).json()["id"]
        query = {"kind": "HogQLQuery", "query": "select 1"}
        http.post("insights", json={"query": query, "dashboards": [board]})
        waiting = threading.Thread(target=_ignore_errors, args=(http, f"dashboards/{board}?refresh=blocking"))
        waiting.start()
        until_busy = iter(lambda: any(entry["query"] for entry in sandbox.log()), True)
        for _ in until_busy:
            pass
        sandbox.stop()
        waiting.join(timeout=20)
        assert not waiting.is_alive()


def _ignore_errors(http, path):
    with contextlib.suppress(httpx.HTTPError):
        http.get(path)


def test_starting_twice_and_a_taken_port():
    with Sandbox() as sandbox:
        with pytest.raises(RuntimeError, match="running already"):
            sandbox.start()
        with pytest.raises(OSError, match="in use"):
            Sandbox(port=int(sandbox.url.rpartition(":")[2])).start()
    with pytest.raises(ValueError, match="2026-06"):
        Sandbox(build="2026-06")


def test_connection_uris(sandbox):
    key = sandbox.new_key(["dashboard:read"])
    for uri, login, password, extra in [
        (sandbox.conn_uri(), "", sandbox.personal_api_key, {"project_id": 1}),
        (sandbox.conn_uri(key=key, project_id=2), "", key, {"project_id": 2}),
        (
            sandbox.conn_uri(session=True),
            "owner@example.com",
            "sandbox",
            {"project_id": 1, "credential": "session"},
        ),
    ]:
        parts = urlsplit(uri)
        account, _, host = parts.netloc.rpartition("@")
        assert (parts.scheme, unquote(host)) == ("posthog", sandbox.url)
        assert tuple(map(unquote, account.split(":"))) == (login, password)
        assert json.loads(parse_qs(parts.query)["__extra__"][0]) == extra


def test_control_methods_tell_what_is_wrong(sandbox):
    with pytest.raises(ValueError, match="unknown field colour"):
        sandbox.settings(colour="blue")
    with pytest.raises(ValueError, match="advance_seconds"):
        sandbox.advance(-1)


def test_the_demo():
    with Sandbox(demo=True) as sandbox:
        headers = {"Authorization": f"Bearer {sandbox.personal_api_key}"}
        with httpx.Client(base_url=f"{sandbox.url}/api/projects/1/", headers=headers, verify=False, timeout=60) as http:
            boards = http.get("dashboards").json()["results"]
            assert len(boards) == 3
            tiles = [
                tile
                for board in boards
                for tile in http.get(f"dashboards/{board['id']}", params={"refresh": "force_blocking"}).json()["tiles"]
            ]
            charts = [tile["insight"] for tile in tiles if tile["insight"]]
            assert len(charts) >= 12
            assert all(chart["result"] for chart in charts)
            assert [tile for tile in tiles if tile["text"]]
            sandbox.reset(demo=False)
            assert http.get("dashboards").json()["count"] == 0


def test_the_command():
    process = subprocess.Popen(
        [sys.executable, "-m", "airflow_dashboards.sandbox", "--port", "0", "--build", "2026-04"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        first, key, *_ = [process.stdout.readline() for _ in range(4)]
        url = first.split()[-1]
        headers = {"Authorization": f"Bearer {key.split()[-1]}"}
        reply = httpx.get(f"{url}/api/projects/1/dashboards/", headers=headers, verify=False)
        assert reply.status_code == 200
        assert httpx.get(f"{url}/_sandbox/settings", verify=False).json()["build"] == "2026-04"
    finally:
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(timeout=20) == 0
        process.stdout.close()


def test_the_command_with_a_taken_port():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        command = [sys.executable, "-m", "airflow_dashboards.sandbox", "--port", str(taken.getsockname()[1])]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert "Cannot listen on 127.0.0.1" in ended.stderr


@pytest.mark.parametrize("module", ["airflow_dashboards.sandbox", "airflow_dashboards.sandbox.pytest_plugin"])
def test_imports_are_light(module):
    heavy = ("airflow", "starlette", "uvicorn", "duckdb", "sqlglot")
    code = f"import sys, {module}; print([m for m in {heavy} if m in sys.modules])"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert ended.stdout.strip() == "[]"


def test_the_fixture_is_reset_before_each_test_and_can_be_marked(tmp_path):
    tmp_path.joinpath("test_dag.py").write_text(
        "import pytest\n"
        "def test_default(posthog_sandbox):\n"
        "    assert posthog_sandbox.settings()['build'] == 'cloud'\n"
        "    posthog_sandbox.settings(ai='failing')\n"
        "@pytest.mark.posthog_sandbox(build='2026-05')\n"
        "def test_marked(posthog_sandbox):\n"
        "    assert posthog_sandbox.settings()['build'] == '2026-05'\n"
        "    assert posthog_sandbox.settings()['ai'] == 'ok'\n"
    )
    # A plugin that is not ours must not decide this test.
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "--strict-markers", "-W", "error", "-p", "no:cacheprovider"]
    command += ["-p", "airflow_dashboards.sandbox.pytest_plugin", str(tmp_path)]
    ended = subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=False, env=environment, cwd=tmp_path
    )
    assert "2 passed" in ended.stdout, ended.stdout + ended.stderr


class Counted:
    """A job that waits to be let go."""

    def __init__(self, log):
        self.log = log
        self.begun = threading.Event()
        self.go_on = threading.Event()
        self.abandoned = threading.Event()

    def run(self):
        self.begun.set()
        self.go_on.wait(20)
        self.log.append(self)

    def abandon(self):
        self.abandoned.set()


def test_workers_grow_shrink_and_let_the_urgent_go_first():
    done: list[Counted] = []
    workers = Workers(1)
    first, second, urgent = (Counted(done) for _ in range(3))
    try:
        workers.submit(first)
        assert first.begun.wait(20)
        workers.submit(second)
        workers.submit(urgent, urgent=True)
        assert not urgent.begun.is_set()
        workers.resize(2)
        assert urgent.begun.wait(20)
        workers.resize(1)
        for job in (first, urgent, second):
            job.go_on.set()
        assert second.begun.wait(20)
    finally:
        workers.close()
    late = Counted(done)
    workers.submit(late)
    assert late.abandoned.is_set()
    assert set(done) == {first, second, urgent}


@pytest.mark.skipif(not socket.has_ipv6, reason="this machine has no IPv6")
def test_the_other_loopback():
    with Sandbox(host="::1") as sandbox:
        assert sandbox.url.startswith("http://[::1]:")
        assert httpx.get(f"{sandbox.url}/_sandbox/settings", verify=False).status_code == 200
