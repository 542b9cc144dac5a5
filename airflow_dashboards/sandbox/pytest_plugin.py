"""Fixtures for the tests of people's own DAGs. Loaded by pytest through its entry point.

    def test_my_dag(posthog_sandbox, posthog_run_dag, monkeypatch):
        monkeypatch.setenv("AIRFLOW_CONN_POSTHOG_DEFAULT", posthog_sandbox.conn_uri())
        assert posthog_run_dag(my_dag).state == "success"

Each test gets them freshly reset; `@pytest.mark.posthog_sandbox(build="2026-05", demo=True)` chooses build and content.
Who uses neither pays for neither: Airflow, the server and the engine are imported by the first test that does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from airflow_dashboards.sandbox import Sandbox

_MARKER = "posthog_sandbox"


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line(
        "markers", f"{_MARKER}(build='cloud', demo=False): what the posthog_sandbox fixture starts as"
    )


@pytest.fixture(scope="session")
def _posthog_sandbox_server() -> Iterator[Sandbox]:
    """One server for all tests of the process."""
    from airflow_dashboards.sandbox import Sandbox

    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def posthog_sandbox(request: pytest.FixtureRequest, _posthog_sandbox_server: Sandbox) -> Sandbox:
    """A PostHog on this machine, empty unless the marker says `demo=True`."""
    marker = request.node.get_closest_marker(_MARKER)
    _posthog_sandbox_server.reset(**{"build": "cloud", **(marker.kwargs if marker else {})})
    return _posthog_sandbox_server


@pytest.fixture(scope="session")
def posthog_airflow_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated Airflow database; each test of `posthog_run_dag` gets a copy of it. Override it to give your own."""
    from airflow_dashboards.testing import migrated_database

    return migrated_database(tmp_path_factory.mktemp("airflow"))


@pytest.fixture
def posthog_run_dag(
    posthog_airflow_database: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Any]]:
    """A function that runs a DAG object to its end in this process and returns its `DagRun`; see `testing.run_dag`."""
    from airflow_dashboards.testing import run_dag, throwaway_airflow

    with throwaway_airflow(posthog_airflow_database, tmp_path_factory.mktemp("airflow")):
        yield run_dag
