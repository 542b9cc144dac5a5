"""A whole Airflow on this machine: api-server, scheduler, triggerer and dag-processor on free loopback ports.

`airflow standalone` does much the same, but as one process whose parts cannot be ended one by one, and the restart of a
triggerer is one of the things we want to see.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from cryptography.fernet import Fernet
from servers import NotStartedError, Server, free_port, stop_all, tail, wait_until

#: The parts of Airflow and their options. The log servers are off: here the api-server reads the log files itself.
COMPONENTS: Mapping[str, tuple[str, ...]] = {
    "api-server": (),
    "dag-processor": (),
    "scheduler": ("--skip-serve-logs",),
    "triggerer": ("--skip-serve-logs",),
}

#: States after which an Airflow DAG run or task instance does not change by itself.
FINISHED = frozenset({"success", "failed", "skipped", "upstream_failed", "removed"})


@dataclass(frozen=True)
class TaskChange:
    """A task instance reached a state, so many seconds after the follower started to look."""

    seconds: float
    task_id: str
    state: str


@dataclass
class LocalAirflow:
    """An Airflow with a database, a home and secrets of its own.

    Args:
        home: its AIRFLOW_HOME; created. Logs go to `home/logs`.
        dags: the folder with the DAG files.
        log: the file the output of all components goes to.
        environment: further variables for every component (connections, settings). They win over everything.

    Raises:
        NotStartedError: from `start`, when a component ends or is not ready in time.

    Example:
        >>> with LocalAirflow(Path("build/airflow"), Path("dags_examples"), Path("build/airflow.log")) as airflow:
        ...     airflow.start()
        ...     run_id = airflow.trigger("nightly_refresh")
    """

    home: Path
    dags: Path
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    user: str = "admin"
    password: str = field(default_factory=lambda: secrets.token_urlsafe(12), repr=False)
    servers: dict[str, Server] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.home = self.home.resolve()
        self._http = httpx.Client(base_url=self.url, timeout=30, trust_env=False)
        self._variables = self._choose_variables()

    def __enter__(self) -> LocalAirflow:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()

    def _choose_variables(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW_")}
        return {
            **inherited,
            "AIRFLOW_HOME": str(self.home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(self.dags.resolve()),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__CORE__PARALLELISM": "4",
            "AIRFLOW__CORE__FERNET_KEY": Fernet.generate_key().decode(),
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{self.user}:admin",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(self.home / "passwords.json"),
            # Tasks and triggers speak to the api-server; without this they would look for it on the default port.
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": str(self.port),
            "AIRFLOW__API__BASE_URL": self.url,
            "AIRFLOW__API__SECRET_KEY": secrets.token_urlsafe(32),
            "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_urlsafe(64),
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{self.home / 'airflow.db'}",
            "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(self.home / "logs"),
            # A newcomer's first look must not wait for a nightly set-up's patience.
            "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.5",
            "AIRFLOW__TRIGGERER__JOB_HEARTBEAT_SEC": "2",
            "NO_PROXY": "127.0.0.1,localhost",
            "no_proxy": "127.0.0.1,localhost",
            **self.environment,
        }

    def migrate(self) -> None:
        """Create the home and the database."""
        self.home.mkdir(parents=True, exist_ok=True)
        passwords = self.home / "passwords.json"
        passwords.touch(mode=0o600)
        passwords.write_text(json.dumps({self.user: self.password}))
        with self.log.open("ab") as log:
            done = subprocess.run(
                [*self._command(), "db", "migrate"], env=self._variables, stdout=log, stderr=log, check=False
            )
        if done.returncode:
            raise NotStartedError(f"`airflow db migrate` failed. The end of {self.log}:\n{tail(self.log)}")

    @staticmethod
    def _command() -> list[str]:
        return [sys.executable, "-m", "airflow"]

    def start(self, *, seconds: float = 120) -> None:
        """Migrate the database, start every component and wait until all of them report themselves healthy."""
        self.migrate()
        for name in COMPONENTS:
            self.start_component(name)
        self.servers["api-server"].wait_until(self._answers, seconds=seconds)
        self._log_in()
        self.wait_until_healthy(seconds=seconds)

    def start_component(self, name: str) -> Server:
        """Start one component (again)."""
        server = Server(name, [*self._command(), name, *COMPONENTS[name]], log=self.log, environment=self._variables)
        self.servers[name] = server
        server.start()
        return server

    def stop(self) -> None:
        """End every component and all it started; harmless when nothing runs."""
        stop_all(self.servers.values())
        self.servers.clear()
        self._http.close()

    def _answers(self) -> bool:
        try:
            return self._http.get("/api/v2/version").is_success
        except httpx.TransportError:
            return False

    def _log_in(self) -> None:
        answer = self._http.post("/auth/token", json={"username": self.user, "password": self.password})
        self._http.headers["Authorization"] = f"Bearer {answer.raise_for_status().json()['access_token']}"

    def wait_until_healthy(self, *, seconds: float = 120) -> None:
        """Wait until scheduler, triggerer and dag-processor have a fresh heartbeat."""

        def healthy() -> bool:
            for server in self.servers.values():
                server.check()
            health = self.get("/api/v2/monitor/health")
            parts = ("metadatabase", "scheduler", "triggerer", "dag_processor")
            return all((health.get(part) or {}).get("status") == "healthy" for part in parts)

        wait_until(healthy, seconds=seconds, what="Airflow is not healthy")

    def get(self, path: str, **parameters: Any) -> Any:
        """Return the JSON answer of a GET on Airflow's REST API."""
        return self._answer("GET", path, params=parameters)

    def _answer(self, method: str, path: str, **arguments: Any) -> Any:
        answer = self._http.request(method, path, **arguments)
        if answer.is_error:
            raise RuntimeError(f"Airflow answered {answer.status_code} to {method} {path}: {answer.text[:500]}")
        return answer.json()

    def wait_for_dag(self, dag_id: str, *, seconds: float = 90) -> None:
        """Wait until the dag-processor has read the DAG; an import error is raised as it is."""

        def known() -> bool:
            errors = self.get("/api/v2/importErrors")["import_errors"]
            if errors:
                raise NotStartedError(f"{errors[0]['filename']} cannot be imported:\n{errors[0]['stack_trace']}")
            return self._http.get(f"/api/v2/dags/{dag_id}").is_success

        wait_until(known, seconds=seconds, what=f"The DAG {dag_id} is not there")

    def unpause(self, dag_id: str) -> None:
        """Let the scheduler run the DAG."""
        self._answer("PATCH", f"/api/v2/dags/{dag_id}", json={"is_paused": False})

    def first_run(self, dag_id: str, *, seconds: float = 60) -> str:
        """Return the id of the first run the scheduler makes of an unpaused DAG."""
        runs: list[dict[str, Any]] = []

        def there() -> bool:
            runs[:] = self.get(f"/api/v2/dags/{dag_id}/dagRuns", order_by="id", limit=1)["dag_runs"]
            return bool(runs)

        wait_until(there, seconds=seconds, what=f"The scheduler has not made a run of {dag_id}")
        return str(runs[0]["dag_run_id"])

    def trigger(self, dag_id: str, conf: Mapping[str, Any] | None = None) -> str:
        """Unpause the DAG, ask for one run of it now and return the run's id."""
        self.unpause(dag_id)
        body = {"logical_date": None, "conf": dict(conf or {})}
        return str(self._answer("POST", f"/api/v2/dags/{dag_id}/dagRuns", json=body)["dag_run_id"])

    def run_state(self, dag_id: str, run_id: str) -> str:
        """Return the state of a DAG run."""
        return str(self.get(f"/api/v2/dags/{dag_id}/dagRuns/{run_id}")["state"])

    def task_states(self, dag_id: str, run_id: str) -> dict[str, str]:
        """Return the state of every task of a DAG run; a task without one yet is left out."""
        tasks = self.get(f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances")["task_instances"]
        return {task["task_id"]: task["state"] for task in tasks if task["state"]}

    def follow(self, dag_id: str, run_id: str, *, seconds: float, pause: float = 0.3) -> Iterator[TaskChange]:
        """Yield every change of a task's state until the run has ended.

        Raises:
            TimeoutError: the run has not ended within `seconds`.
        """
        started = time.monotonic()
        before: dict[str, str] = {}
        while True:
            run_state = self.run_state(dag_id, run_id)  # read first, so that the last changes are not missed
            now = self.task_states(dag_id, run_id)
            elapsed = time.monotonic() - started
            for task_id, state in now.items():
                if before.get(task_id) != state:
                    yield TaskChange(elapsed, task_id, state)
            before = now
            if run_state in FINISHED:
                return
            if elapsed > seconds:
                raise TimeoutError(f"The run {run_id} of {dag_id} has not ended within {seconds:g} seconds: {now}")
            for server in self.servers.values():
                server.check()
            time.sleep(pause)

    def xcom(self, dag_id: str, run_id: str, task_id: str, key: str = "return_value") -> Any:
        """Return a value that a task passed on; None if there is none."""
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/xcomEntries/{key}"
        answer = self._http.get(path, params={"deserialize": "false", "stringify": "false"})
        return answer.json()["value"] if answer.is_success else None

    def task_log(self, dag_id: str, run_id: str, task_id: str) -> str:
        """Return the text of every log file of a task."""
        folder = self.home / "logs" / f"dag_id={dag_id}" / f"run_id={run_id}" / f"task_id={task_id}"
        return "\n".join(file.read_text(errors="replace") for file in sorted(folder.rglob("*.log*")) if file.is_file())
