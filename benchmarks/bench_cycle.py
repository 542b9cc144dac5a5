"""The cycle of many dashboards on a real Airflow: ours against what a team would write without us.

(a) `http`: HttpOperator, mapped per dashboard and step; (b) `http_deferrable`: the same, deferrable; (c) `script`: one
task with a loop; `ours`: a snapshot and a deferrable refresh task. All against the same sandbox, one after the other.
At last ours under a profiler, which tells where its CPU time goes.

    python -m benchmarks.bench_cycle                                     # the sizes of `make bench`
    python -m benchmarks.bench_cycle --dashboards 20 --tiles 6 --tile-seconds 0.2 --peers ours script
"""

from __future__ import annotations

import json
import shutil
import statistics
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path

import httpx
import psutil

from benchmarks.figures import FOLDER, Figure, parser, tell
from benchmarks.profiles import shares

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from local_airflow import FINISHED, LocalAirflow
from local_sandbox import LocalSandbox

PEERS = ("ours", "script", "http", "http_deferrable")
#: What has to succeed; that a peer does not is a result, and told as such.
OURS = ("ours", "ours_limited", "ours_profiled", "nothing")
#: Tiles that the sandbox computes at once, and tasks that Airflow runs at once.
WORKERS, SLOTS = 8, 16
#: How long the DAG `nothing` waits in its trigger.
NOTHING_SECONDS = 1.0
#: Seconds between two looks at who holds a worker slot.
LOOK = 0.25


@dataclass(frozen=True)
class Case:
    """So many dashboards, refreshed by some of the peers."""

    dashboards: int
    tiles: int
    tile_seconds: float
    peers: tuple[str, ...] = PEERS
    #: Whether to run ours a second time at the limits of Cloud.
    limits: bool = False

    @property
    def server_seconds(self) -> float:
        """What the server needs at least."""
        return self.dashboards * self.tiles * self.tile_seconds / WORKERS

    @property
    def name(self) -> str:
        return f"{self.dashboards:,} x {self.tiles} tiles"


@dataclass
class Measured:
    """What one DAG run took."""

    dag: str
    state: str
    wall_seconds: float
    task_cpu_seconds: float
    #: Sum over time of the executor's workers that had a task's process.
    slot_seconds: float
    triggerer_cpu_seconds: float
    task_instances: int
    requests: int
    refused: int
    #: Requests by action of the sandbox.
    actions: dict[str, int] = field(default_factory=dict)


def fill(sandbox: LocalSandbox, key: str, case: Case) -> list[int]:
    """Make the dashboards, each tile with a query of its own, and let the server compute all once."""
    sandbox.control("PATCH", "settings", {"tile_seconds": 0, "workers": WORKERS, "dashboard_limit": None})
    headers = {"Authorization": f"Bearer {key}"}
    with httpx.Client(base_url=f"{sandbox.url}/api/projects/1", headers=headers, timeout=120) as client:

        def one(number: int) -> int:
            made = client.post("/dashboards/", json={"name": f"Board {number}"}).raise_for_status().json()["id"]
            for tile in range(case.tiles):
                sql = {"kind": "HogQLQuery", "query": f"select {number} as board, {tile} as tile"}
                body = {"name": f"Tile {tile}", "query": {"kind": "DataVisualizationNode", "source": sql}}
                client.post("/insights/", json={**body, "dashboards": [made]}).raise_for_status()
            return int(made)

        with ThreadPoolExecutor(4) as threads:
            ids = sorted(threads.map(one, range(case.dashboards)))
    alone(sandbox, key, ids)
    return ids


def alone(sandbox: LocalSandbox, key: str, ids: list[int]) -> float:
    """How long the server takes for all dashboards when a bare loop only kicks them: its own limit, measured."""
    begun = time.monotonic()
    with httpx.Client(
        base_url=f"{sandbox.url}/api/projects/1", headers={"Authorization": f"Bearer {key}"}, timeout=120
    ) as client:
        queries = []
        for each in ids:
            kicked = client.get(f"/dashboards/{each}/", params={"refresh": "force_async"}).raise_for_status().json()
            queries += [tile["insight"]["query_status"]["id"] for tile in kicked["tiles"]]
        for query in queries[-2 * WORKERS :]:
            while not client.get(f"/query/{query}/").json()["query_status"]["complete"]:
                time.sleep(0.05)
    return time.monotonic() - begun


class Watcher(threading.Thread):
    """Looks which of the executor's workers have a task's process, and adds up how long."""

    def __init__(self, scheduler: int) -> None:
        super().__init__(daemon=True)
        self.scheduler = psutil.Process(scheduler)
        self.slot_seconds = 0.0
        self._over = threading.Event()

    def run(self) -> None:
        last = time.monotonic()
        while not self._over.wait(LOOK):
            busy = 0
            with suppress(psutil.NoSuchProcess):
                for worker in self.scheduler.children():
                    busy += "LocalExecutor" in " ".join(worker.cmdline()) and bool(worker.children())
            now = time.monotonic()
            self.slot_seconds += busy * (now - last)
            last = now

    def stop(self) -> float:
        self._over.set()
        self.join()
        return self.slot_seconds


def below(pid: int) -> float:
    """CPU seconds so far of everything that a process has started, the ended included, without its own."""
    process = psutil.Process(pid)
    times = process.cpu_times()
    total = times.children_user + times.children_system
    for child in process.children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            spent = child.cpu_times()
            total += spent.user + spent.system + spent.children_user + spent.children_system
    return float(total)


def own(pid: int) -> float:
    """CPU seconds so far of a process and all below it."""
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system) + below(pid)


def pid_of(airflow: LocalAirflow, name: str) -> int:
    process = airflow.servers[name].process
    assert process is not None
    return process.pid


def run(airflow: LocalAirflow, sandbox: LocalSandbox, dag: str, *, seconds: float) -> Measured:
    """Run a DAG once and measure it."""
    sandbox.control("DELETE", "log")
    scheduler, triggerer = pid_of(airflow, "scheduler"), pid_of(airflow, "triggerer")
    tasks_before, triggers_before = below(scheduler), own(triggerer)
    watcher = Watcher(scheduler)
    watcher.start()
    run_id = airflow.trigger(dag)
    deadline = time.monotonic() + seconds
    while (state := airflow.run_state(dag, run_id)) not in FINISHED:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{dag} has not ended within {seconds:.0f} seconds")
        for server in airflow.servers.values():
            server.check()
        time.sleep(1)
    path = f"/api/v2/dags/{dag}/dagRuns/{run_id}"
    told = airflow.get(path)
    if state != "success" and dag in OURS:
        raise RuntimeError(f"{dag} ended as {state}:\n{airflow.task_log(dag, run_id, 'refresh')[-3000:]}")
    slots = watcher.stop()
    log = sandbox.requests()
    actions: dict[str, int] = {}
    for entry in log:
        actions[str(entry["action"])] = actions.get(str(entry["action"]), 0) + 1
    return Measured(
        dag=dag,
        state=state,
        wall_seconds=_seconds(told["end_date"]) - _seconds(told["start_date"]),
        task_cpu_seconds=below(scheduler) - tasks_before,
        slot_seconds=slots,
        triggerer_cpu_seconds=own(triggerer) - triggers_before,
        task_instances=airflow.get(f"{path}/taskInstances", limit=1)["total_entries"],
        requests=len(log),
        refused=sum(entry["status"] == 429 for entry in log),
        actions=actions,
    )


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def measure(case: Case, folder: Path) -> list[Figure]:
    """Run the peers one after the other and hold them against each other."""
    shutil.rmtree(folder, ignore_errors=True)
    profiles = folder / "profiles"
    profiles.mkdir(parents=True)
    with LocalSandbox(folder / "sandbox.log", demo=False) as sandbox:
        sandbox.start()
        key = sandbox.create_key(["*"])
        say(f"{case.name}: filling the sandbox")
        ids = fill(sandbox, key, case)
        (folder / "ids.json").write_text(json.dumps(ids))
        sandbox.control("PATCH", "settings", {"tile_seconds": case.tile_seconds})
        server_alone = alone(sandbox, key, ids)
        say(f"{case.name}: the server needs {case.server_seconds:.1f} s by its settings, {server_alone:.1f} s measured")
        environment = {
            "AIRFLOW_CONN_POSTHOG_DEFAULT": sandbox.connection(
                key, requests_per_minute=1_000_000, requests_per_hour=10_000_000
            ),
            "AIRFLOW_CONN_POSTHOG_CLOUD": sandbox.connection(key),
            "AIRFLOW_CONN_SANDBOX": json.dumps({"conn_type": "http", "host": sandbox.url}),
            "AIRFLOW__POSTHOG__STORAGE_PATH": str(folder / "posthog"),
            "AIRFLOW__CORE__PARALLELISM": str(SLOTS),
            "BENCH_URL": sandbox.url,
            "BENCH_KEY": key,
            "BENCH_IDS": str(folder / "ids.json"),
            "BENCH_PROFILES": str(profiles),
            "PYTHONWARNINGS": "ignore",
            # Bytecode as after an installation, for all peers alike.
            "PYTHONDONTWRITEBYTECODE": "",
            "PYTHONPYCACHEPREFIX": str(FOLDER / "bytecode"),
        }
        home = folder / "airflow"
        dags = Path(__file__).parent / "cycle_dags"
        with LocalAirflow(home, dags, folder / "airflow.log", environment=environment) as airflow:
            airflow.start(seconds=300)
            airflow.wait_for_dag("nothing", seconds=180)
            run(airflow, sandbox, "nothing", seconds=120)  # the first run of all pays for what is started once
            starts = [run(airflow, sandbox, "nothing", seconds=120) for _ in range(3)]
            say(f"{case.name}: nothing: {[round(each.wall_seconds, 1) for each in starts]} s")
            peers = {}
            for peer in case.peers:
                peers[peer] = run(airflow, sandbox, peer, seconds=3600)
                say(f"{case.name}: {peer}: {json.dumps(asdict(peers[peer]))}")
            run(airflow, sandbox, "ours_profiled", seconds=3600)
            limited = None
            if case.limits:
                # The window of the requests so far has to pass first.
                sandbox.control("POST", "clock", {"advance_seconds": 3600})
                sandbox.control("PATCH", "settings", {"rate_limits_enabled": True})
                limited = run(airflow, sandbox, "ours_limited", seconds=3600)
                say(f"{case.name}: ours with limits: {json.dumps(asdict(limited))}")
    return figures(case, peers, starts, server_alone, limited, shares(profiles))


def say(text: str) -> None:
    print(f"[{time.strftime('%H:%M:%S')}] {text}", flush=True)


def figures(
    case: Case,
    peers: dict[str, Measured],
    starts: list[Measured],
    server_alone: float,
    limited: Measured | None,
    profile: dict[str, float],
) -> list[Figure]:
    """The table of one case."""
    ours = peers["ours"]
    start = statistics.median(each.wall_seconds for each in starts) - NOTHING_SECONDS
    found = [
        Figure(
            f"{case.name}: wall time over the server's own limit, without Airflow's start of the tasks",
            (ours.wall_seconds - start) / case.server_seconds,
            limit=1.3,
            note=(
                f"{ours.wall_seconds:.1f} s, of which {start:.1f} s are what the same tasks take doing nothing; the "
                f"server needs {case.server_seconds:.1f} s by its settings and took {server_alone:.1f} s when a bare "
                "loop kicked it."
            ),
            details={
                "server_seconds": case.server_seconds,
                "server_alone_seconds": server_alone,
                "nothing": [asdict(each) for each in starts],
                **{name: asdict(each) for name, each in peers.items()},
                "limited": asdict(limited) if limited else None,
            },
        )
    ]
    found += [
        Figure(
            f"{case.name}: the same for {peer}, all of its wall time",
            each.wall_seconds / case.server_seconds,
            note="" if each.state == "success" else f"The DAG run ended as {each.state}.",
        )
        for peer, each in peers.items()
        if peer != "ours"
    ]
    if peer := peers.get("http"):
        found.append(
            Figure(
                f"{case.name}: CPU of all task processes against (a)",
                ours.task_cpu_seconds / peer.task_cpu_seconds,
                limit=1 / 50,
                note=f"{ours.task_cpu_seconds:.1f} s against {peer.task_cpu_seconds:.1f} s in "
                f"{peer.task_instances} task instances; starting the tasks of ours to do nothing takes "
                f"{statistics.median(each.task_cpu_seconds for each in starts):.1f} s. What the three do then: "
                f"{', '.join(f'{share:.0%} {part}' for part, share in profile.items())}.",
                details={"profile": profile},
            )
        )
    for name, letter, limit in (("http", "a", 1 / 100), ("script", "c", 1 / 5)):
        if peer := peers.get(name):
            found.append(
                Figure(
                    f"{case.name}: worker-slot seconds against ({letter})",
                    ours.slot_seconds / peer.slot_seconds,
                    limit=limit,
                    note=f"{ours.slot_seconds:.1f} s against {peer.slot_seconds:.1f} s; starting the tasks of ours to "
                    f"do nothing takes {statistics.median(each.slot_seconds for each in starts):.1f} s.",
                )
            )
    found.append(
        Figure(
            f"{case.name}: requests per dashboard",
            ours.requests / case.dashboards,
            unit="",
            limit=3.3,
            note=", ".join(f"{count} {action}" for action, count in sorted(ours.actions.items())),
        )
    )
    if limited is not None:
        found.append(
            Figure(
                f"{case.name}: 429s at the contract's limits",
                limited.refused,
                unit="",
                limit=0,
                note=f"{limited.requests} requests in {limited.wall_seconds:.0f} s; 480 a minute are allowed.",
            )
        )
    return found


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--dashboards", type=int, help="one case of this size instead of the usual two")
    arguments.add_argument("--tiles", type=int, default=6)
    arguments.add_argument("--tile-seconds", type=float, default=0.2)
    arguments.add_argument("--peers", nargs="+", choices=PEERS, default=PEERS)
    arguments.add_argument("--limits", action="store_true", help="run ours again at the limits of Cloud")
    given = arguments.parse_args()
    if given.dashboards:
        peers = ("ours", *(each for each in given.peers if each != "ours"))
        cases = [Case(given.dashboards, given.tiles, given.tile_seconds, peers, given.limits)]
    elif given.quick:
        cases = [Case(6, 2, 0.1, PEERS, limits=True)]
    else:
        # Of a thousand dashboards, (a) and (b) are 3,000 tasks: the better part of an hour that tells nothing new.
        cases = [Case(100, 6, 0.2, limits=True), Case(1000, 4, 0.02, ("ours", "script"), limits=True)]
    found = [figure for case in cases for figure in measure(case, FOLDER / f"cycle-{case.dashboards}")]
    tell(found, given.json)


if __name__ == "__main__":
    main()
