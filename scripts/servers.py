"""Servers on this machine that are started, watched and ended by process id, never by name.

Each runs in a session of its own, so that a Ctrl-C meant for the script that started it does not reach it half-way, and
so that it can outlive that script where that is asked for. What outlives it is written to a small file and can be ended
later: a process is only touched if both its id and its start time are the recorded ones.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil


class NotStartedError(RuntimeError):
    """A server ended, or was not ready in time; the message carries the end of its log."""


def free_port() -> int:
    """Return a loopback TCP port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until(ready: Callable[[], bool], *, seconds: float, what: str, pause: float = 0.2) -> None:
    """Return as soon as `ready()` is true; raise `TimeoutError` naming `what` after `seconds`."""
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {seconds:g} seconds")
        time.sleep(pause)


@dataclass
class Server:
    """One long-running process, its log file and everything it forks.

    Example:
        >>> server = Server("web", ["python", "-m", "http.server"], log=Path("web.log"))
        >>> server.start(); server.stop()
    """

    name: str
    command: Sequence[str]
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process; its output is appended to `log`."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                env=dict(self.environment) or None,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def check(self) -> None:
        """Raise `NotStartedError` if the process is not running any more."""
        if self.process is None or self.process.poll() is not None:
            code = self.process.returncode if self.process else None
            raise NotStartedError(
                f"The {self.name} ended with exit code {code}. The end of {self.log}:\n{tail(self.log)}"
            )

    def wait_until(self, ready: Callable[[], bool], *, seconds: float) -> None:
        """Wait for `ready()`, but no longer than the process lives."""

        def ready_or_dead() -> bool:
            self.check()
            return ready()

        try:
            wait_until(ready_or_dead, seconds=seconds, what=f"The {self.name} is not ready")
        except TimeoutError as error:
            raise NotStartedError(f"{error}. The end of {self.log}:\n{tail(self.log)}") from error

    def stop(self, *, grace_seconds: float = 10) -> None:
        """End the process and all it started: first asked politely, then not."""
        if self.process is not None:
            end_tree([self.process.pid], grace_seconds=grace_seconds)
            self.process.wait()

    def kill(self) -> None:
        """End the process and all it started without a chance to tidy up, as a crash or a lost machine would."""
        self.stop(grace_seconds=0)


def tail(log: Path, lines: int = 25) -> str:
    """Return the last lines of a log file, or a note that there are none."""
    if not log.exists():
        return "(no log)"
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:]) or "(an empty log)"


def end_tree(pids: Iterable[int], *, grace_seconds: float) -> None:
    """End these processes and everything descended from them, wherever that moved to."""
    roots, tree = [], []
    for pid in pids:
        with suppress(psutil.NoSuchProcess):
            root = psutil.Process(pid)
            roots.append(root)
            # Collected before anything is asked to end: the children of a dead process belong to somebody else.
            tree += [root, *root.children(recursive=True)]
    if grace_seconds > 0:
        for root in roots:
            with suppress(psutil.NoSuchProcess):
                root.terminate()
        psutil.wait_procs(tree, timeout=grace_seconds)
    for process in tree:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    for root in roots:  # whatever was forked meanwhile is still in the root's own group
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(root.pid, signal.SIGKILL)
    psutil.wait_procs(tree, timeout=10)


def stop_all(servers: Iterable[Server], *, grace_seconds: float = 10) -> None:
    """End several servers at once, so that their farewells take as long as the slowest one's and not as long as all."""
    running = [server.process for server in servers if server.process is not None]
    end_tree([process.pid for process in running], grace_seconds=grace_seconds)
    for process in running:
        process.wait()


def remember(servers: Iterable[Server], file: Path) -> None:
    """Write down which processes were left running, for `end_remembered`."""
    running = [psutil.Process(server.process.pid) for server in servers if server.process is not None]
    file.write_text(json.dumps([{"pid": process.pid, "started": process.create_time()} for process in running]))


def end_remembered(file: Path, *, grace_seconds: float = 10) -> int:
    """End the processes an earlier `remember` wrote down and return how many were still there."""
    if not file.exists():
        return 0
    ours = []
    for entry in json.loads(file.read_text()):
        with suppress(psutil.NoSuchProcess):
            # A process id is used again some day: the start time tells ours from a stranger.
            if abs(psutil.Process(entry["pid"]).create_time() - entry["started"]) < 1:
                ours.append(entry["pid"])
    end_tree(ours, grace_seconds=grace_seconds)
    file.unlink()
    return len(ours)
