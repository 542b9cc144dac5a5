"""mypy sees on each face what a caller gets there."""

from __future__ import annotations

from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[3]
#: The package names its Airflow shells for type checkers; following those to Airflow would take half a minute.
CONFIG = """
[mypy]
python_version = 3.10
strict = True
follow_imports = silent

[mypy-airflow_dashboards.hooks.*,airflow_dashboards.operators.*,airflow_dashboards.sensors.*,airflow_dashboards.task_groups]
follow_imports = skip

[mypy-airflow_dashboards.sandbox.*,airflow_dashboards.triggers.*]
follow_imports = skip
"""


def test_faces_are_typed(tmp_path):
    api = pytest.importorskip("mypy.api")
    config = tmp_path / "mypy.ini"
    config.write_text(CONFIG)
    report, problems, status = api.run(
        [
            "--config-file",
            str(config),
            "--cache-dir",
            str(REPOSITORY / "build" / "tests" / "mypy_faces"),
            str(Path(__file__).with_name("faces_typed.py")),
        ]
    )
    assert status == 0, report + problems
