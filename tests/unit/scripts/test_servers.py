"""Servers of the demo: started, watched and ended by process id, with everything they forked."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from servers import NotStartedError, Server, end_remembered, remember, tail, wait_until

#: Forks a child into a session of its own, as a daemon would, says its id, and ignores polite requests to end.
STUBBORN_PARENT = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
print("child", child.pid, flush=True)
time.sleep(600)
"""


@pytest.fixture
def stubborn(tmp_path: Path) -> Iterator[Server]:
    server = Server("stubborn server", [sys.executable, "-c", STUBBORN_PARENT], log=tmp_path / "log")
    server.start()
    server.wait_until(lambda: "child" in tail(server.log), seconds=30)
    yield server
    server.kill()


def child_of(server: Server) -> psutil.Process:
    return psutil.Process(int(tail(server.log).split()[1]))


def test_what_a_server_forked_ends_with_it(stubborn: Server) -> None:
    child = child_of(stubborn)

    stubborn.stop(grace_seconds=0.1)

    assert stubborn.process is not None
    assert stubborn.process.poll() is not None
    wait_until(lambda: not child.is_running(), seconds=5, what="The child has not ended")


def test_a_server_left_running_is_ended_later(stubborn: Server, tmp_path: Path) -> None:
    child = child_of(stubborn)
    file = tmp_path / "running.json"
    remember([stubborn], file)

    assert end_remembered(file, grace_seconds=0.1) == 1

    assert not file.exists()
    wait_until(lambda: not child.is_running(), seconds=5, what="The child has not ended")
    assert end_remembered(file) == 0


def test_a_stranger_with_a_remembered_process_id_is_left_alone(stubborn: Server, tmp_path: Path) -> None:
    file = tmp_path / "running.json"
    remember([stubborn], file)
    entries = json.loads(file.read_text())
    file.write_text(json.dumps([{**entry, "started": entry["started"] - 3600} for entry in entries]))

    assert end_remembered(file) == 0

    stubborn.check()


def test_a_server_that_ends_by_itself_is_told_with_the_end_of_its_log(tmp_path: Path) -> None:
    server = Server(
        "short server", [sys.executable, "-c", "print('out of eggs'); raise SystemExit(3)"], tmp_path / "log"
    )
    server.start()

    with pytest.raises(NotStartedError, match=r"(?s)short server ended with exit code 3.*out of eggs"):
        server.wait_until(lambda: False, seconds=30)


def test_a_server_that_is_never_ready_is_told_with_the_end_of_its_log(stubborn: Server) -> None:
    with pytest.raises(NotStartedError, match=r"(?s)stubborn server is not ready: not within 0.1 seconds.*child"):
        stubborn.wait_until(lambda: False, seconds=0.1)
