"""`airflow posthog …`: the commands as Airflow's own CLI parses and calls them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.version import Version

from airflow_dashboards.sandbox import Sandbox

pytestmark = pytest.mark.skipif(
    Version(version("apache-airflow-core")) < Version("3.2"),
    reason="Airflow 3.1 takes no commands from a provider; `python -m airflow_dashboards` has them, see tests/unit/cli",
)


def call(*arguments: str) -> None:
    """Do what Airflow's entry point does with its arguments."""
    from airflow.cli.cli_parser import get_parser

    get_parser.cache_clear()
    options = get_parser().parse_args(["posthog", *arguments])
    options.func(options)


def test_a_connection_is_checked(
    posthog_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_SHOP", posthog_sandbox.conn_uri())

    call("check", "--conn-id", "shop")

    told = capsys.readouterr().out
    assert "project 1, build cloud, personal api key" in told
    assert posthog_sandbox.personal_api_key not in told


def test_a_connection_of_the_database_is_found_and_captures_go_to_its_storage_path(
    posthog_sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from airflow.models.connection import Connection
    from airflow.utils.session import create_session

    posthog_sandbox.reset(demo=True)
    kept = Connection(
        conn_id="shop_kept",
        conn_type="posthog",
        host=posthog_sandbox.url,
        password=posthog_sandbox.personal_api_key,
        extra=json.dumps({"project_id": 1, "storage_path": str(tmp_path)}),
    )
    with create_session() as session:
        session.add(kept)

    call("capture", "1", "--conn-id", "shop_kept", "--json")

    (reference,) = json.loads(capsys.readouterr().out)
    assert reference["uri"].startswith(str(tmp_path))


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("check", "--conn-id", "nowhere"), 2, "nowhere"),
        (("capture", "1", "--tag", "etl", "--conn-id", "shop"), 2, "Which dashboards?"),
        (("capture", "4711", "--conn-id", "shop"), 1, "Dashboard 4711 could not be captured"),
        (("check", "--conn-id", "other"), 2, "of type 'http'"),
    ],
)
def test_a_failure_ends_the_process_with_its_code(
    posthog_sandbox: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    code: int,
    told: str,
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_SHOP", posthog_sandbox.conn_uri())
    monkeypatch.setenv("AIRFLOW_CONN_OTHER", "http://example.com")

    with pytest.raises(SystemExit) as ended:
        call(*arguments)

    assert ended.value.code == code
    assert told in capsys.readouterr().err


def test_airflow_offers_the_commands_from_its_own_entry_point() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "airflow", "posthog", "--help"],
        env=dict(os.environ),
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert done.returncode == 0, done.stderr
    assert all(
        name in done.stdout
        for name in ("check", "list", "capture", "refresh", "compare", "report", "export", "sandbox")
    )
