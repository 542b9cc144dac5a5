"""`make demo`: a real Airflow runs the nightly DAG against a PostHog that runs on this machine.

The load in the middle is broken on purpose in three places. The demo exits 0 when the analysis names exactly these
three tiles, its figures agree with SQL on the events and the gate has stopped the pipeline; else it exits 1 and says
what differs. It leaves `analysis.json`, `report.html` and `airflow.log` in build/demo, and no process unless told to.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import datetime, timezone
from pathlib import Path
from types import FrameType
from urllib.parse import urlsplit

import demo_checks
import httpx
from local_airflow import LocalAirflow
from local_sandbox import LocalSandbox
from pydantic import TypeAdapter
from servers import NotStartedError, end_remembered, remember

from airflow_dashboards.analysis import Analysis, Verdict
from airflow_dashboards.analysis.report import table

REPOSITORY = Path(__file__).resolve().parents[1]
FOLDER = REPOSITORY / "build" / "demo"
LEFT_RUNNING = FOLDER / "running.json"

DAG_ID = "nightly_refresh"
#: All that the pipeline's key may do: snapshot, refresh and analysis read, and nothing else.
SCOPES = ("dashboard:read", "insight:read", "query:read")
#: How long one of some twenty tiles computes in the sandbox: enough to see the refresh wait in the triggerer.
TILE_SECONDS = 1.5
RUN_SECONDS = 180

#: SIGINT too, although Python has a handler for it: a shell that puts us into the background has it ignored.
INTERRUPTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

STARTED = time.monotonic()


def say(text: str = "") -> None:
    """Print one line of progress with the seconds since the start."""
    print(f"[{time.monotonic() - STARTED:6.1f} s] {text}" if text else "", flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo and return the exit code."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__, allow_abbrev=False)
    parser.add_argument("--keep", action="store_true", help="leave both up and print how to reach them")
    parser.add_argument("--stop", action="store_true", help="only end what an earlier --keep has left up")
    options = parser.parse_args(arguments)
    for number in INTERRUPTS:
        signal.signal(number, _interrupt)

    ended = end_remembered(LEFT_RUNNING)
    if options.stop:
        print(f"Ended {ended} processes." if ended else "Nothing was running.")
        return 0
    try:
        return run(keep=options.keep)
    except KeyboardInterrupt:
        say("Interrupted; everything that was started is ended.")
        return 130
    except (NotStartedError, TimeoutError, RuntimeError) as error:
        say(f"The demo could not be finished: {error}")
        return 1


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    for number in INTERRUPTS:
        signal.signal(number, signal.SIG_IGN)  # a second Ctrl-C must not stop us from ending what was started
    raise KeyboardInterrupt


def run(*, keep: bool) -> int:
    """Start both servers, let the scheduler run the DAG, judge what came of it."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    now = datetime.now(timezone.utc)
    with ExitStack() as running:
        say("Starting the sandbox: a PostHog (build cloud) with an online shop's dashboards and 90 days of its events.")
        sandbox = running.enter_context(LocalSandbox(FOLDER / "sandbox.log"))
        sandbox.start()
        key = sandbox.create_key(SCOPES)
        look_at_dashboards(sandbox, key)
        sandbox.control("PATCH", "settings", {"tile_seconds": TILE_SECONDS})
        say(f"The sandbox answers. The pipeline gets a personal API key with {', '.join(SCOPES)}.")

        say("Starting Airflow: api-server, scheduler, triggerer and dag-processor, with a new database.")
        airflow = running.enter_context(
            LocalAirflow(
                home=FOLDER / "airflow",
                dags=REPOSITORY / "dags_examples",
                log=FOLDER / "airflow.log",
                environment={
                    "AIRFLOW_CONN_POSTHOG_DEFAULT": sandbox.connection(key),
                    "AIRFLOW_VAR_DEMO_LOAD": "broken",
                    "AIRFLOW__POSTHOG__STORAGE_PATH": str(FOLDER / "posthog"),
                },
            )
        )
        airflow.start()
        airflow.wait_for_dag(DAG_ID)
        say(f"Airflow is up. The scheduler now runs {DAG_ID} as it would every night.")
        airflow.unpause(DAG_ID)
        run_id = airflow.first_run(DAG_ID)
        seen = follow(airflow, run_id)

        analyses = collect(airflow, run_id)
        tell(analyses)
        differences = judge(airflow, run_id, analyses, seen, now=now, key=key)
        if keep:
            running.pop_all()
            remember([sandbox.server, *airflow.servers.values()], LEFT_RUNNING)
    if keep:
        print_addresses(airflow, sandbox)
    else:
        say("Airflow and the sandbox are stopped.")
    return 1 if differences else 0


def look_at_dashboards(sandbox: LocalSandbox, key: str) -> None:
    """Open every dashboard once, as people do during the day: PostHog only has a picture of what somebody looked at."""
    with httpx.Client(
        base_url=f"{sandbox.url}/api/projects/1/dashboards",
        headers={"Authorization": f"Bearer {key}"},
        timeout=120,
        trust_env=False,
    ) as client:
        for dashboard in client.get("/").raise_for_status().json()["results"]:
            client.get(f"/{dashboard['id']}/", params={"refresh": "blocking"}).raise_for_status()


def follow(airflow: LocalAirflow, run_id: str) -> list[tuple[str, str]]:
    """Print every change of a task's state until the run has ended, and return them."""
    seen = []
    for change in airflow.follow(DAG_ID, run_id, seconds=RUN_SECONDS):
        seen.append((change.task_id, change.state))
        say(f"  {change.task_id:<18} {WORDS.get((change.task_id, change.state), change.state)}")
    say(f"The DAG run has ended: {airflow.run_state(DAG_ID, run_id)}.")
    return seen


#: What a state means where it is not plain.
WORDS = {
    ("kpis.refresh", "deferred"): "deferred: PostHog computes, the triggerer asks how far it is, no worker waits",
    ("kpis.analyze", "failed"): "failed: the gate. By design: the load was broken on purpose",
}


def collect(airflow: LocalAirflow, run_id: str) -> list[Analysis]:
    """Copy what the analyze task wrote to where the demo leaves it, and return it.

    Raises:
        RuntimeError: the task has not come so far; the message carries its log.
    """
    summaries = airflow.xcom(DAG_ID, run_id, "kpis.analyze")
    if not summaries:
        log = "\n".join(airflow.task_log(DAG_ID, run_id, task)[-4000:] for task in demo_checks.TASK_STATES)
        raise RuntimeError(f"the analyze task has written nothing. The tasks' logs:\n{log}")
    for name in ("analysis", "report"):
        source = Path(urlsplit(summaries[0][f"{name}_uri"]).path)
        shutil.copyfile(source, FOLDER / f"{name}{source.suffix}")
    return TypeAdapter(list[Analysis]).validate_json((FOLDER / "analysis.json").read_bytes())


def tell(analyses: Sequence[Analysis]) -> None:
    """Print what the analysis says."""
    print(f"\n{table(analyses)}\n")
    for analysis in analyses:
        for tile in analysis.tiles_with(Verdict.WARN, Verdict.FAIL):
            print(f"  {analysis.dashboard_name}: {tile.summary}")
    print()


def judge(
    airflow: LocalAirflow,
    run_id: str,
    analyses: Sequence[Analysis],
    seen: Sequence[tuple[str, str]],
    *,
    now: datetime,
    key: str,
) -> list[str]:
    """Hold everything against what must be, say how it came out, and return what differs."""
    truth = demo_checks.figures_by_sql(now)
    shown = demo_checks.files_with(key, FOLDER)
    checks = {
        f"the gate has stopped the run, and the refresh waited in the triggerer ({len(seen)} state changes)": (
            demo_checks.wrong_states(airflow.task_states(DAG_ID, run_id), seen)
        ),
        f"{len(demo_checks.BROKEN_TILES)} tiles were broken on purpose; these are named, and no other": (
            demo_checks.wrong_tiles(analyses)
        ),
        f"the figures of {len(truth)} tiles, before and after, agree with SQL on the shop's events": (
            demo_checks.wrong_figures(analyses, truth)
        ),
        "the API key is in no log, no report and no other file": [f"it is in {file}" for file in shown],
    }
    for what, differences in checks.items():
        print(f"  {'ok    ' if not differences else 'WRONG '} {what}")
        for difference in differences:
            print(f"           {difference}")
    print("\nWhere to look:")
    for file, what in (
        ("report.html", "the report, with charts"),
        ("analysis.json", "the same for a program"),
        ("airflow.log", "what Airflow's components said; the tasks' own logs are in airflow/logs"),
    ):
        print(f"  {(FOLDER / file).relative_to(REPOSITORY)!s:<28} {what}")
    print(
        f"  {'make demo KEEP=1':<28} leaves both servers up: the page Dashboards in Airflow, each task's links and log"
    )
    print()
    return [difference for differences in checks.values() for difference in differences]


def print_addresses(airflow: LocalAirflow, sandbox: LocalSandbox) -> None:
    """Say where the two servers are and how to get in."""
    print(f"Airflow is still up:  {airflow.url}   user {airflow.user}, password {airflow.password}")
    print(f"So is the sandbox:    {sandbox.url}   user owner@example.com, password sandbox")
    print("`make stop` ends both.")


if __name__ == "__main__":
    sys.exit(main())
