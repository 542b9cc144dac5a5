"""The package as Airflow and a newcomer's shell meet it: each test is a process of its own, as theirs would be."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import airflow_dashboards


def run(*command: str, home: Path | None = None, timeout: float = 120) -> str:
    """Run this interpreter with `command` and return its output; a failure shows both streams."""
    environment = dict(os.environ)
    if home:
        environment |= {
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'airflow.db'}",
        }
    done = subprocess.run([sys.executable, *command], env=environment, capture_output=True, text=True, timeout=timeout)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_importing_the_package_imports_nothing_of_airflow() -> None:
    loaded = run("-c", "import sys, airflow_dashboards; print(*sorted(sys.modules))").split()

    assert "airflow_dashboards" in loaded
    assert [name for name in loaded if name.split(".")[0] in {"airflow", "httpx", "pydantic", "duckdb"}] == []


def test_the_provider_info_is_readable_before_airflow_is_importable() -> None:
    loaded = run(
        "-c",
        "import sys; sys.modules['airflow'] = None\n"
        "from airflow_dashboards.provider_info import get_provider_info\n"
        "print(get_provider_info()['package-name'])",
    )

    assert loaded.strip() == "airflow-dashboards"


def test_airflow_starts_with_the_provider_installed(tmp_path: Path) -> None:
    assert run("-m", "airflow", "version", home=tmp_path).split()[-1].startswith("3.")


def test_airflow_lists_the_connection_type(tmp_path: Path) -> None:
    provider = run(
        "-m", "airflow", "providers", "get", "airflow-dashboards", "--full", "--output", "json", home=tmp_path
    )
    hooks = run("-m", "airflow", "providers", "hooks", "--output", "json", home=tmp_path)

    (full,) = json.loads(provider[provider.index("[") :])
    assert [kind["connection-type"] for kind in full["connection-types"]] == ["posthog"]
    listed = {hook["connection_type"]: hook for hook in json.loads(hooks[hooks.index("[") :])}
    assert listed["posthog"]["package_name"] == "airflow-dashboards"


@pytest.mark.parametrize("name", airflow_dashboards.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(airflow_dashboards, name) is not None
    assert name in dir(airflow_dashboards)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'PostHogOperator'"):
        airflow_dashboards.PostHogOperator  # noqa: B018
