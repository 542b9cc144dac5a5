"""Clients by other people, made for PostHog, drive the sandbox on every build.

What they see must be what PostHog would show them, also where that is a refusal: two of the three try to delete with
DELETE, which PostHog answers 405 (contract 3.5). After each the sandbox is read with our own client.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from airflow_dashboards.posthog import Client, NotFoundError, PersonalAPIKey
from airflow_dashboards.sandbox import Sandbox

pytestmark = pytest.mark.e2e

TOOLS = Path(__file__).with_name("arcade_tools.py")
SCOPES = ("dashboard:write", "insight:write", "query:read")
PULSE = {
    "kind": "InsightVizNode",
    "source": {"kind": "TrendsQuery", "series": [{"kind": "EventsNode", "event": "$pageview"}]},
}


@pytest.fixture(scope="module", params=["2026-04", "2026-05", "cloud"])
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    with Sandbox(build=request.param) as running:
        yield running


@pytest.fixture(scope="module")
def ours(sandbox: Sandbox) -> Iterator[Client]:
    with Client(sandbox.url, 1, PersonalAPIKey(sandbox.personal_api_key)) as client:
        yield client


def surroundings(home: Path, **variables: str) -> dict[str, str]:
    """A process's environment without the caller's own settings, and with nobody to report usage to."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "NO_PROXY": "127.0.0.1,localhost",
        "ARCADE_USAGE_TRACKING": "0",
        "NO_COLOR": "1",
        **variables,
    }


Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def command(sandbox: Sandbox, tmp_path: Path) -> Command:
    """Run a command line client with the sandbox as its PostHog; `--json` comes first in both."""
    variables = {
        "POSTHOG_HOST": sandbox.url,
        "POSTHOG_API_KEY": sandbox.new_key(SCOPES),
        "POSTHOG_PROJECT_ID": "1",
    }

    def run(program: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(program), "--json", *arguments],
            env=surroundings(tmp_path, **variables),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


def answered(done: subprocess.CompletedProcess[str]) -> Any:
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def test_phog_cli(sandbox: Sandbox, command: Command, phog_cli: Path, ours: Client) -> None:
    ours.dashboards.create(name="Other")
    made = answered(
        command(phog_cli, "dashboard", "create", "--name", "By phog", "--description", "KPIs", "--tags", "ETL, weekly")
    )
    board = made["id"]
    assert (made["name"], made["description"], sorted(made["tags"])) == ("By phog", "KPIs", ["etl", "weekly"])
    listed = answered(command(phog_cli, "dashboard", "list", "--search", "by phog"))
    searches = sandbox.settings()["build"] != "2026-04"  # where `search` is unknown and ignored (contract 3.1)
    assert [item["name"] for item in listed] == (["By phog", "Other"] if not searches else ["By phog"])
    changed = answered(command(phog_cli, "dashboard", "update", str(board), "--name", "Renamed", "--pinned"))
    assert (changed["name"], changed["pinned"]) == ("Renamed", True)
    insight = answered(command(phog_cli, "insight", "create", "--name", "Pulse", "--query-json", json.dumps(PULSE)))
    placed = answered(
        command(phog_cli, "api", "patch", f"/insights/{insight['id']}/", "-d", json.dumps({"dashboards": [board]}))
    )
    assert placed["dashboards"] == [board]
    shown = answered(command(phog_cli, "dashboard", "get", str(board)))
    assert [tile["insight"]["name"] for tile in shown["tiles"]] == ["Pulse"]

    read = ours.dashboards.get(board)
    assert (read.name, read.pinned, sorted(read.tags)) == ("Renamed", True, ["etl", "weekly"])

    refused = command(phog_cli, "--yes", "dashboard", "delete", str(board))
    assert refused.returncode == 1
    assert "API error 405" in refused.stderr
    assert ours.dashboards.get(board).deleted is False
    unknown = command(phog_cli, "dashboard", "add-insight", "--dashboard-id", str(board), "--insight-id", "1")
    assert unknown.returncode == 1
    assert "API error 404: Endpoint not found." in unknown.stderr
    deleted = answered(command(phog_cli, "api", "patch", f"/dashboards/{board}/", "-d", '{"deleted": true}'))
    assert (deleted["deleted"], deleted["tiles"]) == (True, [])
    gone = command(phog_cli, "dashboard", "get", str(board))
    assert gone.returncode == 1
    assert "API error 404: Not found." in gone.stderr


def test_piglet(command: Command, piglet: Path, ours: Client) -> None:
    made = answered(command(piglet, "dashboards", "create", "--name", "By piglet", "--description", "KPIs"))
    board = made["id"]
    assert (made["name"], made["description"], made["pinned"]) == ("By piglet", "KPIs", False)
    changed = answered(command(piglet, "dashboards", "update", str(board), "--description", "Loads", "--pinned"))
    assert (changed["description"], changed["pinned"]) == ("Loads", True)
    listed = answered(command(piglet, "dashboards", "list", "--pinned"))
    assert [item["id"] for item in listed] == [item.id for item in ours.dashboards.list() if item.pinned]
    assert board in [item["id"] for item in listed]
    shown = answered(command(piglet, "dashboards", "get", str(board)))
    assert (shown["name"], shown["created_by"]["email"], shown["tiles"]) == ("By piglet", "owner@example.com", [])
    assert ours.dashboards.get(board).description == "Loads"

    assert answered(command(piglet, "dashboards", "delete", str(board), "--yes")) == {"deleted": True, "id": board}
    assert board not in [item["id"] for item in answered(command(piglet, "dashboards", "list"))]
    with pytest.raises(NotFoundError):
        ours.dashboards.get(board)
    again = command(piglet, "dashboards", "delete", str(board), "--yes")
    assert (again.returncode, again.stderr.strip()) == (1, "Error: Resource not found")


class ArcadeTools:
    """The tools of `arcade-posthog-api` in a process of their own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def __call__(self, tool: str, **arguments: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"tool": tool, "arguments": arguments}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            pytest.fail(f"the process of the tools has ended with {self._process.wait(10)}; see its stderr above")
        answer: dict[str, Any] = json.loads(line)
        return answer


@pytest.fixture
def arcade(sandbox: Sandbox, arcade_python: Path, tmp_path: Path) -> Iterator[ArcadeTools]:
    secrets = {"POSTHOG_SERVER_URL": sandbox.url, "POSTHOG_PERSONAL_API_KEY": sandbox.new_key(SCOPES)}
    with subprocess.Popen(
        [str(arcade_python), str(TOOLS)],
        env=surroundings(tmp_path, **secrets),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield ArcadeTools(process)  # leaving closes its stdin, at which it ends


def test_arcade_posthog_api(arcade: ArcadeTools, ours: Client) -> None:
    body = {"name": "By arcade", "description": "KPIs", "tags": ["ETL"], "pinned": True}
    made = arcade("create_dashboard", mode="execute", project_identifier="1", request_body=json.dumps(body))
    board = made["answer"]["response_json"]["id"]
    listed = arcade("get_available_dashboards", project_identifier="1", results_per_page=100)
    page = listed["answer"]["response_json"]
    assert [item["id"] for item in page["results"]] == [item.id for item in ours.dashboards.list()]
    assert board in [item["id"] for item in page["results"]]

    def patch(**fields: Any) -> dict[str, Any]:
        return arcade(
            "update_dashboard_partial",
            mode="execute",
            project_id="1",
            dashboard_id=board,
            request_body=json.dumps(fields),
        )

    changed = patch(name="Renamed", tags=["weekly"])["answer"]["response_json"]
    assert (changed["name"], changed["tags"]) == ("Renamed", ["weekly"])
    shown = arcade("get_dashboard_details", project_id="1", dashboard_id=board)["answer"]["response_json"]
    assert {name: shown[name] for name in ("name", "description", "pinned", "tags", "tiles")} == {
        "name": "Renamed", "description": "KPIs", "pinned": True, "tags": ["weekly"], "tiles": [],
    }  # fmt: skip
    read = ours.dashboards.get(board)
    assert (read.name, read.pinned, read.tags) == ("Renamed", True, ["weekly"])

    too_long = patch(name="x" * 401)
    assert '"code":"max_length"' in too_long["details"].replace('": "', '":"')
    refused = arcade("remove_dashboard", project_identifier="1", dashboard_id=board)
    assert "405" in json.dumps(refused)
    assert ours.dashboards.get(board).name == "Renamed"
    deleted = patch(deleted=True)["answer"]["response_json"]
    assert (deleted["deleted"], deleted["tiles"]) == (True, [])
    with pytest.raises(NotFoundError):
        ours.dashboards.get(board)
    assert "404" in json.dumps(arcade("get_dashboard_details", project_id="1", dashboard_id=board))
