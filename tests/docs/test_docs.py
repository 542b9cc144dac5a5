"""README and docs: every Python block runs, every rule book and connection is read, every link leads somewhere."""

from __future__ import annotations

import json
import re
import shlex
from inspect import signature
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import Connection, task

import airflow_dashboards
from airflow_dashboards.analysis import RuleBook
from airflow_dashboards.hooks.connection import parse_connection, read_extra
from airflow_dashboards.sandbox import Sandbox

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *ROOT.glob("docs/**/*.md")])
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(page: Path, language: str) -> list[str]:
    return [text for kind, text in BLOCK.findall(page.read_text()) if kind == language]


def named(pages: list[Path], language: str) -> list[Any]:
    return [pytest.param(page, id=str(page.relative_to(ROOT))) for page in pages if blocks(page, language)]


@pytest.mark.parametrize("page", named(PAGES, "python"))
def test_python_blocks_run_one_after_the_other(
    page: Path,
    posthog_sandbox: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    request: pytest.FixtureRequest,
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_POSTHOG_DEFAULT", posthog_sandbox.conn_uri())
    monkeypatch.setattr("airflow_dashboards.hooks.shared._by_identity", {})
    # What a page calls "your own tasks".
    names: dict[str, Any] = {"load_orders": task(_nothing), "build_marts": task(_nothing), "__name__": page.stem}
    names |= {name: getattr(airflow_dashboards, name) for name in airflow_dashboards.__all__}
    for text in blocks(page, "python"):
        exec(compile(text, str(page), "exec"), names)  # the blocks are ours
    for name, value in list(names.items()):
        if name.startswith("test_"):
            value(**{fixture: request.getfixturevalue(fixture) for fixture in signature(value).parameters})


def _nothing() -> None:
    """Do nothing."""


@pytest.mark.parametrize("page", named(PAGES, "yaml"))
def test_yaml_blocks_are_rule_books(page: Path) -> None:
    for text in blocks(page, "yaml"):
        RuleBook.from_yaml(text)


def test_no_block_is_of_a_language_that_nothing_checks() -> None:
    # The last three: test_shown_commands.py.
    languages = {
        kind for page in PAGES for kind, _ in re.findall(r"^ *```(\w+)\n(.*?)^ *```", page.read_text(), re.M | re.S)
    }
    assert languages <= {"python", "yaml", "console", "sh", "ini"}


@pytest.mark.parametrize("page", named(PAGES, "console"))
def test_connections_parse(page: Path) -> None:
    for text in blocks(page, "console"):
        for command in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
            words = shlex.split(command)
            if words[0] == "export" and words[1].startswith("AIRFLOW_CONN_"):
                _parses(words[1].partition("=")[2])


def _parses(text: str) -> None:
    connection = (
        Connection.from_json(text, conn_id="c") if text.startswith("{") else Connection.from_uri(text, conn_id="c")
    )
    extra = connection.extra if isinstance(connection.extra, str) else json.dumps(connection.extra)
    settings = parse_connection(
        conn_id="c",
        host=connection.host,
        port=connection.port,
        login=connection.login,
        password=connection.password,
        extra=read_extra("c", extra),
    )
    assert settings.project_id == 1


def test_links_between_pages_lead_somewhere() -> None:
    missing = [
        f"{page.name}: {target}"
        for page in PAGES
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text())
        if not (page.parent / target).exists()
    ]
    assert missing == []


def test_every_example_is_on_the_site() -> None:
    shown = set(re.findall(r'^--8<-- "(.+)"$', (ROOT / "docs" / "examples.md").read_text(), re.MULTILINE))
    assert {ROOT / path for path in shown} == {
        *(ROOT / "dags_examples").glob("*.py"),
        ROOT / "dags_examples/boards/kpis.yaml",
    }
