"""The wheel in an empty environment, as a user who has Airflow and nothing of ours meets it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from airflow_dashboards.posthog import Client, PersonalAPIKey
from airflow_dashboards.sandbox import Sandbox

REPOSITORY = Path(__file__).resolve().parents[2]
AIRFLOW = f"apache-airflow=={version('apache-airflow-core')}"

pytestmark = pytest.mark.e2e


def run(*command: str | Path, given: str | None = None, environment: dict[str, str] | None = None) -> str:
    # Away from the checkout, whose package Python would find before the installed one.
    elsewhere, words = Path(sys.prefix), list(map(str, command))
    done = subprocess.run(
        words, cwd=elsewhere, input=given, env=environment, capture_output=True, text=True, timeout=580
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-8000:]}\n{done.stderr[-8000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def uv() -> str:
    found = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    assert found is not None, "`make install` puts uv into .venv"
    return found


@pytest.fixture(scope="module")
def wheel(uv: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As a release makes it: the sdist first, the wheel of that."""
    into = tmp_path_factory.mktemp("dist")
    run(uv, "build", "--quiet", "--out-dir", into, REPOSITORY)
    (made,) = into.glob("*.whl")
    return made


def resolved(uv: str, *requirements: str) -> dict[str, str]:
    options = ["--quiet", "--no-header", "--no-annotate", "--python", sys.executable]
    listed = run(uv, "pip", "compile", *options, "-", given="\n".join(requirements))
    pins = (line.split(" @ " if " @ " in line else "==") for line in listed.splitlines() if line.strip())
    return {pin[0].strip(): pin[1].strip() for pin in pins}


def test_the_core_adds_nothing_to_a_plain_airflow_but_itself(uv: str, wheel: Path) -> None:
    plain = resolved(uv, AIRFLOW)
    ours = resolved(uv, AIRFLOW, f"airflow-dashboards @ {wheel.as_uri()}")

    assert set(ours) - set(plain) == {"airflow-dashboards"}
    assert {name: ours.get(name) for name in plain} == plain


@pytest.mark.posthog_sandbox(build="cloud", demo=True)
def test_the_nightly_example_runs_where_only_airflow_and_the_wheel_are(
    uv: str, wheel: Path, posthog_sandbox: Sandbox, tmp_path: Path
) -> None:
    python = tmp_path / "venv" / "bin" / "python"
    run(uv, "venv", "--quiet", "--python", sys.executable, tmp_path / "venv")
    run(uv, "pip", "install", "--quiet", "--python", python, AIRFLOW, wheel)
    examples = run(python, "-c", "import airflow_dashboards as p; print(p.__path__[0])").strip() + "/example_dags"
    assert Path(examples).is_relative_to(tmp_path), "not the checkout"
    home = tmp_path / "airflow"
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")},
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": examples,
        "AIRFLOW_CONN_POSTHOG_DEFAULT": posthog_sandbox.conn_uri(),
    }
    with Client(posthog_sandbox.url, 1, PersonalAPIKey(posthog_sandbox.personal_api_key)) as client:
        boards = [board.id for board in client.dashboards.list() if "nightly" in board.tags]
        for board in boards:
            client.dashboards.get(board, refresh="blocking")

    run(python, "-m", "airflow", "db", "migrate", environment=environment)
    providers = run(python, "-m", "airflow", "providers", "list", "--output", "json", environment=environment)
    ran = run(python, "-m", "airflow", "dags", "test", "nightly_refresh", environment=environment)

    listed = json.loads(providers[providers.index("[") :])
    assert "airflow-dashboards" in {each["package_name"] for each in listed}
    assert "state=success" in ran, ran[-4000:]
    reports = list((home / "posthog").rglob("*.html"))
    assert len(reports) >= 1, list((home / "posthog").rglob("*"))
