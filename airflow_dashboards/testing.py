"""Running a DAG object in a test: on an Airflow database of its own, in this process, without a scheduler."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_BUNDLES = '[{"name": "dags-folder", "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle", "kwargs": {}}]'


def migrated_database(folder: Path) -> Path:
    """Return a new SQLite file with the tables of the Airflow that is installed. Takes about ten seconds.

    Args:
        folder: an empty folder; the file and what Airflow writes beside it go there.

    Raises:
        RuntimeError: Airflow can't make it; with its words.
    """
    database = folder / "airflow.db"
    environment = os.environ | _options(folder, database) | {"AIRFLOW_HOME": str(folder)}
    command = [sys.executable, "-m", "airflow", "db", "migrate"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)  # noqa: S603
    if done.returncode:
        raise RuntimeError(f"`airflow db migrate` failed:\n{done.stdout}\n{done.stderr}")
    return database


@contextmanager
def throwaway_airflow(template: Path, folder: Path) -> Iterator[None]:
    """Have Airflow, in this process and in those it starts, use a copy of a database and an empty DAGs folder.

    Afterwards it uses what it did before. Where `[posthog] storage_path` is not set by its environment variable, it is
    a folder beside the copy.

    Args:
        template: what `migrated_database` returned.
        folder: an empty folder.
    """
    database = folder / "airflow.db"
    shutil.copyfile(template, database)
    (folder / "dags").mkdir()
    options = _options(folder, database)
    storage = "AIRFLOW__POSTHOG__STORAGE_PATH"
    if storage not in os.environ:
        options[storage] = str(folder / "posthog")
    try:
        with patch.dict(os.environ, options):
            _connect()
            yield
    finally:
        _connect()


def run_dag(dag: Any, **arguments: Any) -> Any:
    """Run a DAG to its end and return its `DagRun`.

    `dag.test()` alone knows only DAGs that a bundle holds as files; this writes the object down first.

    Args:
        dag: made in the test or imported from your DAG file.
        arguments: for `dag.test()`, e.g. `run_conf={"team": "growth"}`.

    Returns:
        The run: `run.state`, `run.get_task_instances()`.
    """
    from airflow.dag_processing.bundles.manager import DagBundlesManager

    named = True
    try:
        from airflow.dag_processing.dagbag import BundleDagBag, sync_bag_to_db
    except ImportError:  # Airflow 3.1, whose bag knows no name of its bundle
        from airflow.models.dagbag import (  # type: ignore[attr-defined, no-redef, unused-ignore]
            BundleDagBag,
            sync_bag_to_db,
        )

        named = False
    manager = DagBundlesManager()
    manager.sync_bundles_to_db()
    (bundle,) = manager.get_all_dag_bundles()
    name = {"bundle_name": bundle.name} if named else {}
    bag = BundleDagBag(dag_folder=bundle.path, bundle_path=bundle.path, **name)
    bag.bag_dag(dag)
    sync_bag_to_db(bag, bundle.name, bundle.version)
    return dag.test(**arguments)


def _options(folder: Path, database: Path) -> dict[str, str]:
    return {
        "AIRFLOW__CORE__DAGS_FOLDER": str(folder / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": _BUNDLES,
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{database}",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC": f"sqlite+aiosqlite:///{database}",
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(folder / "logs"),
    }


def _connect() -> None:
    """Have Airflow read its configuration again and open the database that it names."""
    from airflow import settings

    settings.dispose_orm()
    settings.configure_vars()
    settings.configure_orm()
