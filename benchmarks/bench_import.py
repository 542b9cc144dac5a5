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

NAMES = ("note", "before", "refresh", "analyze")
#: One after the other, and the analysis after the snapshot too: the graph that our tasks' results make.
_EDGES = "\n        note >> before >> refresh >> analyze\n        before >> analyze"


def _peer(imported: str, call: str) -> str:
    tasks = (f"        {name} = {call.format(name=name)}" for name in NAMES)
    return _HEAD.format(imported=imported, groups=50, tasks="\n".join(tasks) + _EDGES)


FILES = {
    "empty": _peer(
        "from airflow.providers.standard.operators.empty import EmptyOperator",
        "EmptyOperator(task_id=f'{name}_{{number}}')",
    ),
    # What arguments cost: an operator of Airflow's own that has some.
    "bash": _peer(
        "from airflow.providers.standard.operators.bash import BashOperator",
        "BashOperator(task_id=f'{name}_{{number}}', bash_command='true')",
    ),
    "ours": _HEAD.format(
        imported=(
            "from airflow_dashboards import PostHogAnalyzeRefreshOperator, PostHogRunInsightsOperator, "
            "PostHogSnapshotOperator, PostHogTextTileOperator, Rules"
        ),
        groups=50,
        tasks="""
        note = PostHogTextTileOperator(task_id=f"note_{number}", dashboards=number + 1, body="Loading.")
        before = PostHogSnapshotOperator(task_id=f"before_{number}", dashboards=[number + 1])
        refresh = PostHogRunInsightsOperator(task_id=f"refresh_{number}", dashboards=[number + 1], deferrable=True)
        analyze = PostHogAnalyzeRefreshOperator(
            task_id=f"analyze_{number}", before=before.output, after=refresh.output, rules=Rules(max_drop=0.3)
        )
        note >> before >> refresh >> analyze""",
    ),
    "sensors": _peer(
        "from airflow_dashboards import PostHogRefreshSensor",
        "PostHogRefreshSensor(task_id=f'{name}_{{number}}', dashboards=[number + 1])",
    ),
    "file sensors": _peer(
        "from airflow.providers.standard.sensors.filesystem import FileSensor",
        "FileSensor(task_id=f'{name}_{{number}}', filepath='x')",
    ),
}


def _fresh(code: str, *arguments: str, home: str) -> list[float]:
    """Run code in a new interpreter and return the numbers it prints last."""
    environment = {**os.environ, "AIRFLOW_HOME": home, "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
    # Bytecode as after an installation, whatever this shell thinks of it: compiling is paid once, not with each parse.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    environment["PYTHONPYCACHEPREFIX"] = str(Path(home) / "bytecode")
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-3000:])
    return [float(each) for each in done.stdout.splitlines()[-1].split()]


def _imports(samples: int, home: str) -> Figure:
    _fresh(_IMPORT, home=home)  # compiles
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
    found: dict[str, list[list[float]]] = {name: [] for name in FILES}
    for sample in range(samples + 1):
        for name, content in FILES.items():
            file = Path(home) / name / "benchmark_dag.py"
            file.parent.mkdir(exist_ok=True)
            file.write_text(content)
            numbers = _fresh(_PARSE, str(file), str(file.parent), home=home)
            if sample:  # the first one compiles
                found[name].append(numbers)

    def ratio(one: str, other: str, which: int = 0) -> float:
        return median_ratio([(a[which], b[which]) for a, b in zip(found[one], found[other], strict=True)])

    own_ms = {name: statistics.median(each[0] for each in numbers) * 1000 for name, numbers in found.items()}
    return [
        Figure(
            "DAG file with 200 of our tasks: parse time over the same with EmptyOperator",
            ratio("ours", "empty"),
            limit=1.2,
            note=(
                "CPU of DagBag.process_file in a fresh interpreter, the import of the operators and of Rules included: "
                "those are over a third of what is above 1. The rest is paid for each task: Airflow wraps "
                "each constructor of a class hierarchy, looks at each argument and templated field, and keeps "
                "track of each XCom passed on; and rules are checked. BashOperator stands beside."
            ),
            details=own_ms,
        ),
        Figure("the same for 200 BashOperators", ratio("bash", "empty"), note="What arguments alone cost."),
        Figure("200 of our sensors over 200 FileSensors", ratio("sensors", "file sensors")),
        Figure(
            "the same for serializing the DAG of our tasks, over EmptyOperator",
            ratio("ours", "empty", 1),
            note="Told for completeness; grows with the number of arguments a task has.",
        ),
    ]


def measure(quick: bool) -> list[Figure]:
    samples = 2 if quick else 11
    with tempfile.TemporaryDirectory() as home:
        return [_imports(samples, home), *_parses(samples, home)]


if __name__ == "__main__":
    main(measure, __doc__)
