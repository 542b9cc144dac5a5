"""What every test shares: an Airflow of its own, chosen before any test module can import Airflow."""

from __future__ import annotations

import os
import sys
from collections import Counter
from importlib.metadata import version
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[1]
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "main")
# A database per version: those of `make test-matrix` may run beside each other, and one can't read another's.
VERSIONS = f"airflow-{version('apache-airflow-core')}-py{sys.version_info.major}.{sys.version_info.minor}"
AIRFLOW_HOME = REPOSITORY / "build" / "tests" / VERSIONS / WORKER / "airflow"

# Airflow reads these once, when it is first imported. Each pytest process has a database of its own, so none waits for
# another's lock; setting them costs a test that never imports Airflow nothing.
os.environ.update(
    {
        "AIRFLOW_HOME": str(AIRFLOW_HOME),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(AIRFLOW_HOME / "dags"),  # empty: each test brings its own
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{AIRFLOW_HOME / 'airflow.db'}",
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(AIRFLOW_HOME / "logs"),
        # A proxy between a test and a server on loopback would answer for it.
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
    }
)
for name in [name for name in os.environ if name.startswith("AIRFLOW_CONN_")]:
    del os.environ[name]  # a developer's own connections must not reach a test


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say how many cases of the contract were tried, and how many of them were skipped: none."""
    # Here and not in tests/contract: of several processes only the first prints, and it collects no tests of its own.
    outcomes = Counter(
        outcome
        for outcome in ("passed", "failed", "error", "skipped", "xfailed")
        for report in terminalreporter.stats.get(outcome, ())
        if "tests/contract/" in report.nodeid
    )
    if outcomes:
        said = ", ".join(f"{count} {outcome}" for outcome, count in outcomes.items() if outcome != "skipped")
        terminalreporter.write_line(f"contract: {sum(outcomes.values())} cases ({said}, {outcomes['skipped']} skipped)")
