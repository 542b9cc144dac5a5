"""The `posthog_sandbox` fixture, for the tests of people's own DAGs. Loaded by pytest through its entry point.

    def test_my_dag(posthog_sandbox, monkeypatch):
        monkeypatch.setenv("AIRFLOW_CONN_POSTHOG_DEFAULT", posthog_sandbox.conn_uri())

Each test gets it freshly reset; `@pytest.mark.posthog_sandbox(build="2026-05", demo=True)` chooses build and content.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

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
