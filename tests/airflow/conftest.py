"""A migrated Airflow database for the tests that run DAGs."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session", autouse=True)
def airflow_database() -> Path:
    """Give this pytest process a fresh, migrated database and return its path.

    A migration takes about ten seconds, so it is done once per Airflow version and the file is copied after that.
    """
    home = Path(os.environ["AIRFLOW_HOME"])
    (home / "dags").mkdir(parents=True, exist_ok=True)
    database = home / "airflow.db"
    template = home.parents[1] / f"airflow-{version('apache-airflow-core')}.db"
    with template.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several pytest workers start at the same moment
        if not template.exists():
            migrate(template)
    shutil.copyfile(template, database)
    return database


def migrate(template: Path) -> None:
    """Write a migrated database to `template`, whole or not at all."""
    unfinished = template.with_suffix(".unfinished")
    unfinished.unlink(missing_ok=True)
    environment = os.environ | {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{unfinished}"}
    done = subprocess.run(
        [sys.executable, "-m", "airflow", "db", "migrate"], env=environment, capture_output=True, text=True, timeout=300
    )
    if done.returncode:
        pytest.exit(f"`airflow db migrate` failed:\n{done.stdout}\n{done.stderr}", returncode=3)
    unfinished.rename(template)


@pytest.fixture(scope="session")
def posthog_airflow_database(airflow_database: Path) -> Path:
    """Spare each process the migration that the plugin's own would make."""
    return airflow_database


@pytest.fixture
def run_dag(posthog_run_dag: Callable[..., Any]) -> Callable[..., Any]:
    """The very fixture that we give to people for the tests of their DAGs."""
    return posthog_run_dag
