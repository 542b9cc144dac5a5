"""What the operators cost a DAG file: importing them, and parsing a file with 200 of them.

Every sample is a fresh interpreter. CPU time, because what else runs on the machine is not ours.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.figures import Figure, main, median_ratio

#: What every DAG file imports; ours comes on top of it.
BASE = "from airflow.sdk import DAG, BaseOperator, BaseSensorOperator, TaskGroup"
OURS = """
import airflow_dashboards.operators.analyze_refresh, airflow_dashboards.operators.dashboards
import airflow_dashboards.operators.run_insights, airflow_dashboards.operators.snapshot
import airflow_dashboards.operators.tags, airflow_dashboards.operators.template, airflow_dashboards.operators.tiles
import airflow_dashboards.sensors.refresh, airflow_dashboards.task_groups
"""

_IMPORT = f"""
import time
{BASE}
begun, wall = time.process_time(), time.perf_counter()
{OURS}
print((time.process_time() - begun) * 1000, (time.perf_counter() - wall) * 1000)
"""

_PARSE = f"""
import sys, time
{BASE}
from airflow.dag_processing.dagbag import DagBag
bag = DagBag(dag_folder=sys.argv[2], collect_dags=False)
begun = time.process_time()
bag.process_file(sys.argv[1], only_if_updated=False)
parsed = time.process_time() - begun
assert not bag.import_errors, bag.import_errors
(dag,) = bag.dags.values()
assert len(dag.tasks) == 200, len(dag.tasks)
from airflow.serialization.serialized_objects import DagSerialization
begun = time.process_time()
DagSerialization.to_dict(dag)
print(parsed, time.process_time() - begun)
"""

_HEAD = """
from datetime import datetime, timezone
from airflow.sdk import DAG
{imported}

with DAG("benchmark", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=timezone.utc)):
    for number in range({groups}):
{tasks}
"""

EMPTY = _HEAD.format(
    imported="from airflow.providers.standard.operators.empty import EmptyOperator",
    groups=50,
    tasks="\n".join(
        f"        {name} = EmptyOperator(task_id=f'{name}_{{number}}')"
        for name in ("before", "load", "refresh", "analyze")
    )
    + "\n        before >> load >> refresh >> analyze",
)
#: The same graph with ours: a snapshot, a refresh, a sensor and an analysis, which takes the others' results.
TASKS = _HEAD.format(
    imported=(
        "from airflow_dashboards import PostHogAnalyzeRefreshOperator, PostHogRefreshSensor, "
        "PostHogRunInsightsOperator, PostHogSnapshotOperator, Rules"
    ),
    groups=50,
    tasks="""
        before = PostHogSnapshotOperator(task_id=f"before_{number}", dashboards=[number + 1])
        load = PostHogRefreshSensor(task_id=f"load_{number}", dashboards=[number + 1])
        refresh = PostHogRunInsightsOperator(task_id=f"refresh_{number}", dashboards=[number + 1], deferrable=True)
        analyze = PostHogAnalyzeRefreshOperator(
            task_id=f"analyze_{number}", before=before.output, after=refresh.output, rules=Rules(max_drop=0.3)
        )
        before >> load >> refresh >> analyze""",
)


def _fresh(code: str, *arguments: str, home: str) -> list[float]:
    """Run code in a new interpreter and return the numbers it prints last."""
    environment = {**os.environ, "AIRFLOW_HOME": home, "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-3000:])
    return [float(each) for each in done.stdout.splitlines()[-1].split()]


def _imports(samples: int, home: str) -> Figure:
    found = [_fresh(_IMPORT, home=home) for _ in range(samples)]
    cpu = statistics.median(cpu for cpu, _ in found)
    return Figure(
        "import of all operators over airflow.sdk alone",
        cpu,
        unit="ms",
        limit=40,
        note="CPU of importing every operator, the sensor and the task group, after DAG, BaseOperator and the like.",
        details={"wall_ms": statistics.median(wall for _, wall in found), "all_cpu_ms": [cpu for cpu, _ in found]},
    )


def _parses(samples: int, home: str) -> list[Figure]:
    files = {}
    for name, content in (("empty", EMPTY), ("ours", TASKS)):
        folder = Path(home) / name
        folder.mkdir()
        files[name] = folder / "benchmark_dag.py"
        files[name].write_text(content)

    def parse(name: str) -> list[float]:
        return _fresh(_PARSE, str(files[name]), str(files[name].parent), home=home)

    pairs = [(parse("ours"), parse("empty")) for _ in range(samples)]
    details = {
        "ours_ms": statistics.median(ours[0] for ours, _ in pairs) * 1000,
        "empty_ms": statistics.median(empty[0] for _, empty in pairs) * 1000,
    }
    return [
        Figure(
            "DAG file with 200 of our tasks: parse time over the same with EmptyOperator",
            median_ratio([(ours[0], empty[0]) for ours, empty in pairs]),
            limit=1.2,
            note="CPU of DagBag.process_file in a fresh interpreter, the import of the operators included.",
            details=details,
        ),
        Figure(
            "the same for serializing the DAG",
            median_ratio([(ours[1], empty[1]) for ours, empty in pairs]),
            note="Told for completeness; grows with the number of arguments a task has.",
        ),
    ]


def measure(quick: bool) -> list[Figure]:
    samples = 2 if quick else 11
    with tempfile.TemporaryDirectory() as home:
        return [_imports(samples, home), *_parses(samples, home)]


if __name__ == "__main__":
    main(measure, __doc__)
