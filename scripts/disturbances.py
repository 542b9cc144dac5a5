"""What can happen to an Airflow and to the server it speaks to, at the moment chosen for it.

A disturbance has a moment (how far the run is, as seen from outside) and an act. `chosen` draws some from a seed.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import httpx
import psutil
from local_airflow import FINISHED, LocalAirflow
from local_sandbox import LocalSandbox
from servers import end_tree

READ, KICK, POLL = "read", "kick", "poll"
#: How the titles of Airflow's task processes, and of the LocalExecutor's workers, begin.
TITLE = "airflow worker -- "


@dataclass
class Progress:
    """How far a run is: the state of its tasks, and what reached the sandbox since it began."""

    run_state: str = ""
    tasks: dict[str, str] = field(default_factory=dict)
    #: Ids of the task instances' present tries, as their processes carry them in their titles.
    tries: dict[str, str] = field(default_factory=dict)
    requests: list[dict[str, Any]] = field(default_factory=list)

    def count(self, kind: str) -> int:
        """How many requests of a kind were carried out."""
        return sum(kind_of(request) == kind for request in self.requests)

    @property
    def reads_after_kicks(self) -> int:
        """How many dashboards were read since the first kick."""
        kinds = [kind_of(request) for request in self.requests]
        return kinds[kinds.index(KICK) :].count(READ) if KICK in kinds else 0


def kind_of(request: dict[str, Any]) -> str | None:
    """What a logged request was for; None for another one, or one that was turned away before it did anything."""
    if request["action"] == "dashboards.retrieve":
        return KICK if "refresh=force_async" in request["query"] else READ
    return POLL if "/query/" in request["path"] else None


def kicks(requests: Sequence[dict[str, Any]]) -> Counter[str]:
    """Count the kicks that were carried out, by the path of the dashboard."""
    return Counter(request["path"] for request in requests if kind_of(request) == KICK)


@dataclass(frozen=True)
class Moment:
    """When something is to happen."""

    name: str
    come: Callable[[Progress], bool]


def moments(dice: random.Random, dashboards: int) -> dict[str, Moment]:
    """The phases of a run, with the exact place inside each drawn from the seed."""
    some = dice.randint(1, max(1, dashboards - 1))
    few = dice.randint(1, max(1, dashboards // 2))
    told = {
        "snapshot": lambda now: now.tasks.get("before") == "running" and now.count(READ) >= few,
        "before kick": lambda now: now.tasks.get("refresh") == "running" and now.count(KICK) == 0,
        f"mid-kick ({some})": lambda now: (
            now.tasks.get("refresh") == "running" and now.count(KICK) >= some and not now.count(POLL)
        ),
        "deferred": lambda now: now.tasks.get("refresh") == "deferred" and now.count(POLL) >= 1,
        f"mid-finish ({few})": lambda now: now.tasks.get("refresh") == "running" and now.reads_after_kicks >= few,
        "analyze": lambda now: now.tasks.get("analyze") == "running",
    }
    return {name: Moment(name, come) for name, come in told.items()}


class Stage:
    """The Airflow and the sandbox of a run, and the acts upon them."""

    def __init__(
        self,
        airflow: LocalAirflow,
        sandbox: LocalSandbox,
        dag_id: str,
        *,
        always: Sequence[dict[str, Any]] = (),
        hosts: Sequence[str] = ("scheduler",),
    ) -> None:
        self.airflow = airflow
        self.sandbox = sandbox
        self.dag_id = dag_id
        #: Faults that belong to every run.
        self.always = always
        #: The servers below which tasks run: the scheduler's own with the LocalExecutor, else workers.
        self.hosts = hosts
        self.run_id = ""
        self.progress = Progress()
        #: Components that are down, and the instant from which on they are to be started again.
        self.down: dict[str, float] = {}

    def look(self) -> Progress:
        """See how far the run is; what can't be seen while the api-server is down stays as it was."""
        self.progress.requests = self.sandbox.requests()
        with suppress(httpx.TransportError, RuntimeError):
            self.progress.run_state = self.airflow.run_state(self.dag_id, self.run_id)
            path = f"/api/v2/dags/{self.dag_id}/dagRuns/{self.run_id}/taskInstances"
            found = self.airflow.get(path)["task_instances"]
            self.progress.tasks = {task["task_id"]: task["state"] for task in found if task["state"]}
            self.progress.tries = {task["task_id"]: task["id"] for task in found}
        return self.progress

    def run(self, disturbances: Sequence[Disturbance], *, seconds: float) -> Progress:
        """Trigger one run, let each disturbance happen at its moment, and return how it ended.

        Raises:
            TimeoutError: the run has not ended within `seconds`.
        """
        self.progress = Progress()
        self.sandbox.control("DELETE", "log")
        self.sandbox.control("DELETE", "faults")
        for fault in self.always:
            self.sandbox.control("POST", "faults", fault)
        self.run_id = self.airflow.trigger(self.dag_id)
        left = list(disturbances)
        deadline = time.monotonic() + seconds
        while True:
            now = self.look()
            for each in [each for each in left if each.moment.come(now)]:
                if each.act(self) is not False:
                    left.remove(each)
                    print(f"    {each.name} at {each.moment.name}", flush=True)
                    break  # the next one sees what this one has left
            self._raise_the_dead()
            if now.run_state in FINISHED and not self.down:
                break
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.run_id} has not ended within {seconds:g} seconds: {now.tasks}")
            time.sleep(0.1)
        for each in left:
            print(f"    (no moment for: {each.name} at {each.moment.name})", flush=True)
        return now

    def _raise_the_dead(self) -> None:
        for name in [name for name, since in self.down.items() if time.monotonic() >= since]:
            self.airflow.start_component(name)
            del self.down[name]

    # acts

    def kill_component(self, name: str, *, seconds: float) -> None:
        """Kill a component with all its children; it comes back after so many seconds."""
        if name not in self.down:
            self.airflow.servers[name].kill()
            self.down[name] = time.monotonic() + seconds

    def kill_worker(self, *, whole: bool) -> bool:
        """Kill the process of the running task, or the `whole` worker that watches over it with it.

        Returns whether there was one: what we see of a task's state may be older than its process.
        """
        for task_id, state in self.progress.tasks.items():
            process = self.process_of(task_id) if state == "running" else None
            if process is not None:
                worker = process.parent() if whole else None
                end_tree([worker.pid if worker is not None else process.pid], grace_seconds=0)
                return True
        return False

    def process_of(self, task_id: str) -> psutil.Process | None:
        """The process in which a try of a task runs."""
        title = f"{TITLE}{self.progress.tries[task_id]}"
        return next((process for process, said in self.titled() if said.startswith(title)), None)

    def busy(self) -> list[str]:
        """Titles of the processes that run a task, or watch over one."""
        return [said for _, said in self.titled() if said.startswith(TITLE) and "<idle>" not in said]

    def titled(self) -> list[tuple[psutil.Process, str]]:
        """All processes below the hosts that are alive, with their titles."""
        found: list[tuple[psutil.Process, str]] = []
        for process in self.task_processes():
            with suppress(psutil.NoSuchProcess):  # a zombie is none either
                found.append((process, " ".join(process.cmdline())))
        return found

    def task_processes(self) -> list[psutil.Process]:
        """All processes below the hosts, workers that idle included."""
        found: list[psutil.Process] = []
        for name in self.hosts:
            server = self.airflow.servers.get(name)
            with suppress(psutil.NoSuchProcess):
                if server is not None and server.process is not None:
                    found += psutil.Process(server.process.pid).children(recursive=True)
        return found

    def fault(self, fault: dict[str, Any], *, times: int, path: str = "/dashboards/|/query/") -> None:
        """Have the sandbox misbehave in answer to the next so many requests."""
        self.sandbox.control("POST", "faults", {"match": {"path_regex": path}, "times": times, "fault": fault})


@dataclass(frozen=True)
class Disturbance:
    """An act, and when."""

    name: str
    moment: Moment
    #: Returns False if it could not happen yet.
    act: Callable[[Stage], bool | None]


def processes(dice: random.Random, *, outage: float) -> dict[str, Callable[[Stage], bool | None]]:
    """What can happen to Airflow's processes."""
    pause = dice.uniform(0, 3)
    return {
        "task killed": lambda stage: stage.kill_worker(whole=False),
        "worker killed": lambda stage: stage.kill_worker(whole=True),
        "triggerer killed": lambda stage: stage.kill_component("triggerer", seconds=pause),
        "scheduler killed": lambda stage: stage.kill_component("scheduler", seconds=pause),
        f"api-server down for {outage:g} s": lambda stage: stage.kill_component("api-server", seconds=outage),
    }


def faults(dice: random.Random) -> dict[str, Callable[[Stage], bool | None]]:
    """What the server can do, each time a while long."""
    burst, some, wait = dice.randint(5, 40), dice.randint(1, 6), dice.choice([1, 2, 5])
    throttled = {"status": 429, "headers": {"Retry-After": str(wait)}}
    return {
        f"{burst} x 503": lambda stage: stage.fault({"status": 503}, times=burst),
        f"{some} answers lost": lambda stage: stage.fault({"reset": True}, times=some),
        f"{some} connections reset": lambda stage: stage.fault({"reset": True, "when": "before"}, times=some),
        f"{some} bodies cut": lambda stage: stage.fault({"truncate": 100}, times=some),
        f"{burst} x 429, {wait} s": lambda stage: stage.fault(throttled, times=burst),
        f"{some} x 5 s of delay": lambda stage: stage.fault({"delay": 5}, times=some),
    }


def chosen(seed: int, dashboards: int, *, outage: float) -> list[Disturbance]:
    """Draw what happens in one run: one or two things to Airflow, one to three to the server.

    Example:
        >>> [each.name for each in chosen(7, 20, outage=60)] == [each.name for each in chosen(7, 20, outage=60)]
        True
    """
    dice = random.Random(seed)  # noqa: S311 - it has to be repeatable, not secret
    drawn: list[Disturbance] = []
    for acts, most in ((processes(dice, outage=outage), 2), (faults(dice), 3)):
        for name in dice.sample(sorted(acts), dice.randint(1, most)):
            when = moments(dice, dashboards)
            fitting = ["deferred"] if name.startswith("triggerer") else sorted(when)
            drawn.append(Disturbance(name, when[dice.choice(fitting)], acts[name]))
    return drawn
