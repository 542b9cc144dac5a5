"""Airflow as larger teams run it: CeleryExecutor, Redis, PostgreSQL, and workers that share nothing but S3.

Everything listens on free loopback ports and is ended by process id. S3 is moto's server.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from local_airflow import LocalAirflow
from servers import NotStartedError, Server, free_port, stop_all

BUCKET = "posthog"
#: The storage path that all workers reach; `aws_s3` is the connection made for it here.
STORAGE = f"s3://aws_s3@{BUCKET}/snapshots"


@dataclass(frozen=True)
class Backing:
    """Where Airflow finds what it needs."""

    database: str
    broker: str
    s3: str

    @property
    def environment(self) -> dict[str, str]:
        """The settings of every component and worker."""
        return {
            "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"postgresql+psycopg2://{self.database}",
            "AIRFLOW__CELERY__BROKER_URL": self.broker,
            "AIRFLOW__CELERY__RESULT_BACKEND": f"db+postgresql+psycopg2://{self.database}",
            "AIRFLOW__CELERY__WORKER_CONCURRENCY": "2",
            **s3_environment(self.s3),
        }


@contextmanager
def backing(folder: Path, *, s3: str) -> Iterator[Backing]:
    """Start Redis and PostgreSQL; end them on the way out.

    Args:
        folder: where their files are.
        s3: the address of an `object_store`.

    Raises:
        NotStartedError: one of the programs is missing, or did not start; the message says which.
    """
    folder.mkdir(parents=True, exist_ok=True)
    redis_port, postgres_port = free_port(), free_port()
    servers = [_redis(folder, redis_port), _postgres(folder, postgres_port)]
    try:
        for server, port in zip(servers, (redis_port, postgres_port), strict=True):
            _start(server, port)
        yield Backing(f"airflow@127.0.0.1:{postgres_port}/postgres", f"redis://127.0.0.1:{redis_port}/0", s3)
    finally:
        stop_all(servers)


@contextmanager
def object_store(folder: Path) -> Iterator[str]:
    """Start an S3 with one empty bucket and yield its address.

    Raises:
        NotStartedError: it did not start.
    """
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = Server("S3", command, log=folder / "s3.log", environment=os.environ)
    try:
        _start(server, port)
        s3 = f"http://127.0.0.1:{port}"
        httpx.put(f"{s3}/{BUCKET}", trust_env=False, timeout=30).raise_for_status()
        yield s3
    finally:
        server.stop()


def s3_environment(s3: str) -> dict[str, str]:
    """Return the connection that `STORAGE` names, to an S3 at that address."""
    credentials = {"login": "any", "password": "any"}  # moto takes all
    connection = {"conn_type": "aws", **credentials, "extra": {"endpoint_url": s3, "region_name": "us-east-1"}}
    return {"AIRFLOW_CONN_AWS_S3": json.dumps(connection)}


def stored(s3: str, root: str = STORAGE) -> set[str]:
    """Return the paths of all files below a storage path, as the server lists them: no client's cache is asked."""
    prefix = root.partition(f"@{BUCKET}/")[2] + "/"
    found: set[str] = set()
    page: dict[str, str] = {}
    while True:
        parameters = {"list-type": "2", "prefix": prefix, **page}
        answer = httpx.get(f"{s3}/{BUCKET}", params=parameters, trust_env=False, timeout=30).raise_for_status().text
        found.update(key.removeprefix(prefix) for key in re.findall("<Key>([^<]+)</Key>", answer))
        following = re.search("<NextContinuationToken>([^<]+)</NextContinuationToken>", answer)
        if following is None:
            return found
        page = {"continuation-token": following[1]}


def _start(server: Server, port: int) -> None:
    server.start()
    server.wait_until(lambda: _listens(port), seconds=60)


def _redis(folder: Path, port: int) -> Server:
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", str(folder)]
    return Server("redis", [_program("redis-server"), *options], log=folder / "redis.log", environment=os.environ)


def _postgres(folder: Path, port: int) -> Server:
    data = folder / "postgres"
    shutil.rmtree(data, ignore_errors=True)
    data.mkdir(mode=0o700)
    user: list[str] = []
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        shutil.chown(data, "postgres", "postgres")
        user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"]
    initdb = [_program("initdb"), "--pgdata", str(data), "--username", "airflow", "--auth", "trust", "--no-sync"]
    made = subprocess.run([*user, *initdb], cwd="/", capture_output=True, text=True, check=False)
    if made.returncode:
        raise NotStartedError(f"initdb failed: {made.stderr}")
    options = ["-D", str(data), "-p", str(port), "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"]
    options += ["-c", "unix_socket_directories=", "-c", "max_connections=300"]
    command = [*user, _program("postgres"), *options]
    return Server("postgres", command, log=folder / "postgres.log", environment=os.environ)


def _program(name: str) -> str:
    """Find a program, in Debian's folders of PostgreSQL versions too."""
    versions = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    found = shutil.which(name) or (str(versions[-1]) if versions else None)
    if found is None:
        raise NotStartedError(f"{name} is not installed: the packages redis-server and postgresql are needed")
    return found


def _listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


@dataclass
class CeleryAirflow(LocalAirflow):
    """An Airflow whose workers are Celery's.

    Args:
        workers: by name, the queues each serves. Each has its own AIRFLOW_HOME with its own copy of the DAGs, its own
            temporary files and its own current folder.

    Example:
        >>> with backing(folder) as found, CeleryAirflow(
        ...     home, dags, log, found.environment, workers={"worker-a": ["default"]}
        ... ) as airflow:
        ...     airflow.start()
    """

    workers: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def start(self, *, seconds: float = 180) -> None:
        """Start all components, then the workers, and wait until all are ready."""
        super().start(seconds=seconds)
        for name in self.workers:
            self.start_worker(name)
        for name in self.workers:
            ready = self._worker_log(name)
            self.servers[name].wait_until(
                lambda ready=ready: ready.exists() and " ready." in ready.read_text(errors="replace"),  # type: ignore[misc]
                seconds=seconds,
            )

    def worker_home(self, name: str) -> Path:
        """The AIRFLOW_HOME of a worker."""
        return self.home.parent / name

    def start_worker(self, name: str) -> None:
        """Start one worker (again)."""
        home = self.worker_home(name)
        shutil.copytree(self.dags, home / "dags", dirs_exist_ok=True)
        for each in ("tmp", "here"):
            (home / each).mkdir(parents=True, exist_ok=True)
        environment = {
            **self._variables,
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"),
            "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(home / "logs"),
            "TMPDIR": str(home / "tmp"),
        }
        options = ["--queues", ",".join(self.workers[name]), "--celery-hostname", f"{name}@%h", "--skip-serve-logs"]
        command = ["env", f"--chdir={home / 'here'}", *self._command(), "celery", "worker", *options]
        self.servers[name] = Server(name, command, log=self._worker_log(name), environment=environment)
        self.servers[name].start()

    def _worker_log(self, name: str) -> Path:
        return self.worker_home(name) / "worker.log"

    def task_log(self, dag_id: str, run_id: str, task_id: str) -> str:
        """Return the text of every log file of a task, on whichever worker it ran."""
        below = f"logs/dag_id={dag_id}/run_id={run_id}/task_id={task_id}"
        files = [file for name in self.workers for file in (self.worker_home(name) / below).rglob("*.log*")]
        return "\n".join(file.read_text(errors="replace") for file in sorted(files) if file.is_file())
