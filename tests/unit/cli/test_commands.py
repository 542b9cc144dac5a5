"""The commands of `python -m airflow_dashboards`, against the sandbox: what they print, and the exit codes."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from airflow_dashboards.cli import main as cli
from airflow_dashboards.sandbox import Sandbox

Run = Callable[..., tuple[int, str, str]]
DAY = "2026-06-01"
PAGEVIEWS = {"kind": "EventsNode", "event": "$pageview"}


@pytest.fixture
def environment(posthog_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Sandbox:
    monkeypatch.setenv("POSTHOG_HOST", posthog_sandbox.url)
    monkeypatch.setenv("POSTHOG_PROJECT_ID", "1")
    monkeypatch.setenv("POSTHOG_API_KEY", posthog_sandbox.personal_api_key)
    monkeypatch.setenv("POSTHOG_STORAGE_PATH", str(tmp_path / "captures"))
    return posthog_sandbox


@pytest.fixture
def run(environment: Sandbox, capsys: pytest.CaptureFixture[str]) -> Run:
    def go(*arguments: object) -> tuple[int, str, str]:
        code = cli.main([str(each) for each in arguments])
        told = capsys.readouterr()
        assert environment.personal_api_key not in told.out + told.err
        return code, told.out, told.err

    return go


@pytest.fixture
def board(environment: Sandbox) -> int:
    """A dashboard with one tile: page views of one day, of which there are ten."""
    from airflow_dashboards.posthog import Client, PersonalAPIKey

    environment.add_events(_views(10))
    trends = {
        "kind": "TrendsQuery",
        "series": [PAGEVIEWS],
        "dateRange": {"date_from": "2026-05-20", "date_to": DAY},
    }
    with Client(environment.url, 1, PersonalAPIKey(environment.personal_api_key)) as client:
        made = client.dashboards.create(name="Shop\x1b[2J", tags=["etl"])
        client.insights.create(name="Views", query={"kind": "InsightVizNode", "source": trends}, dashboards=[made.id])
    return made.id


def _views(count: int) -> list[dict[str, Any]]:
    return [
        {"event": "$pageview", "distinct_id": f"u{n}", "timestamp": f"{DAY}T08:00:{n % 60:02}Z", "properties": {}}
        for n in range(count)
    ]


def test_check_tells_server_scopes_and_limits(run: Run) -> None:
    code, out, _ = run("check")

    assert code == 0
    assert "project 1, build cloud, personal api key" in out
    assert re.search(r"dashboard:read +granted +yes", out)
    assert re.search(r"annotation:write +not tried +no +annotations at the load", out)
    assert "dashboards 480 a minute, 4800 an hour" in out


def test_check_fails_where_refreshing_would_not_work(
    run: Run, environment: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POSTHOG_API_KEY", environment.new_key(["dashboard:read"]))

    code, out, err = run("check")
    as_json = json.loads(run("check", "--json")[1])

    assert code == 1
    assert re.search(r"query:read +MISSING +yes", out)
    assert "will not work" in err
    assert as_json["usable"] is False
    assert as_json["granted"] == ["dashboard:read"]
    assert as_json["not_tried"] == ["annotation:write"]
    assert set(as_json["missing"]) == {"query:read", "insight:read", "dashboard:write", "insight:write"}


@pytest.mark.posthog_sandbox(demo=True)
def test_list_shows_the_dashboards_that_match(run: Run) -> None:
    every = json.loads(run("list", "--json")[1])
    etl = json.loads(run("list", "--tag", "kpi", "--json")[1])
    code, out, _ = run("list", "--search", etl[0]["name"])

    assert code == 0
    assert 0 < len(etl) < len(every)
    assert all("kpi" in each["tags"] for each in etl)
    assert out.splitlines()[0].split() == ["ID", "NAME", "TAGS"]
    assert str(etl[0]["id"]) in out


def test_a_name_from_posthog_can_not_steer_the_terminal(run: Run, board: int) -> None:
    assert "\x1b" not in run("list")[1]


def test_capture_refresh_compare_and_report(run: Run, board: int, environment: Sandbox, tmp_path: Path) -> None:
    code, out, err = run("refresh", board)
    assert (code, err) == (0, "")
    assert re.search(r"\(\d+\): refreshed \(1 refreshed\)", out)

    environment.delete_events("event = '$pageview'")
    environment.advance(5)
    assert run("refresh", "--tag", "etl")[0] == 0
    code, out, _ = run("compare", "--dashboard", board)
    assert code == 1
    assert "Views" in out
    assert run("compare", "--dashboard", board, "--fail-on", "never")[0] == 0

    (analysis,) = json.loads(run("compare", "--dashboard", board, "--json")[1])
    assert analysis["status"] == "fail"

    page = tmp_path / "page.html"
    code, out, _ = run("report", "--dashboard", board, "--to", page, "--no-open")
    assert (code, out.strip()) == (0, str(page))
    assert "Views" in page.read_text()


def test_the_report_is_opened_in_the_browser(
    run: Run, board: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    analysis = tmp_path / "analysis.json"
    run("capture", board)
    run("capture", board)
    analysis.write_text(run("compare", "--dashboard", board, "--json")[1])

    code, _, _ = run("report", analysis, "--to", tmp_path / "report.html")

    assert code == 0
    assert opened == [(tmp_path / "report.html").as_uri()]


def test_two_captures_are_compared_by_their_files(run: Run, board: int) -> None:
    (before,) = json.loads(run("capture", board, "--json")[1])
    (after,) = json.loads(run("refresh", board, "--json")[1])

    code, out, _ = run("compare", before["uri"], after["after"]["uri"])

    assert code == 0
    assert out.startswith("Dashboard refresh report")


def test_a_dashboard_that_is_not_there_fails_and_costs_the_others_nothing(run: Run, board: int) -> None:
    code, out, err = run("capture", board, 999999)

    assert code == 1
    assert f"({board})" in out
    assert "Dashboard 999999 could not be captured" in err


def test_a_tile_that_fails_is_named_and_ends_with_1(run: Run, board: int, environment: Sandbox) -> None:
    environment.fault({"tile_error": "Out of memory."}, times=None)

    code, out, _ = run("refresh", board)

    assert code == 1
    assert "Out of memory." in out


def test_a_dashboard_is_exported_as_a_template(run: Run, board: int, tmp_path: Path) -> None:
    template = json.loads(run("export", board)[1])
    run("export", board, "--to", tmp_path / "shop.json")

    assert [tile["name"] for tile in template["tiles"]] == ["Views"]
    assert [tile["name"] for tile in json.loads((tmp_path / "shop.json").read_text())["tiles"]] == ["Views"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["capture"], "Which dashboards?"),
        (["refresh", 1, "--tag", "etl"], "Which dashboards?"),
        (["refresh", 1, "--strategy", "magic"], "magic"),
        (["capture", 1, "--mode", "now"], "now"),
        (["compare"], "What is to be compared?"),
        (["compare", "a.jsonl.gz", "b.jsonl.gz"], "There is no file"),
        (["compare", "a", "b", "--dashboard", 1], "not both"),
        (["compare", "--dashboard", 1], "no captures of dashboard 1"),
        (["report", "none.json"], "There is no file none.json"),
        (["check", "--host", "ftp://posthog.example"], "ftp"),
    ],
)
def test_what_can_not_be_done_is_said_and_ends_with_2(run: Run, arguments: list[object], told: str) -> None:
    code, out, err = run(*arguments)

    assert (code, out) == (2, "")
    assert told in err


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("POSTHOG_API_KEY", "", "No key: set POSTHOG_API_KEY"),
        ("POSTHOG_API_KEY", "phc_public", "public ingestion token"),
        ("POSTHOG_PROJECT_ID", "", "Set POSTHOG_PROJECT_ID"),
        ("POSTHOG_PROJECT_ID", "one", "whole number"),
    ],
)
def test_an_environment_that_lacks_something_is_said_before_anything_is_sent(
    run: Run, environment: Sandbox, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, told: str
) -> None:
    monkeypatch.setenv(variable, value)
    environment.clear_log()

    code, _, err = run("check")

    assert code == 2
    assert told in err
    assert environment.log() == []


def test_a_wrong_key_ends_with_1_and_is_not_repeated_in_the_message(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTHOG_API_KEY", "phx_wrong")

    code, _, err = run("check")

    assert code == 1
    assert "phx_wrong" not in err


def test_captures_of_two_dashboards_are_not_compared(run: Run, board: int, environment: Sandbox) -> None:
    from airflow_dashboards.posthog import Client, PersonalAPIKey

    with Client(environment.url, 1, PersonalAPIKey(environment.personal_api_key)) as client:
        other = client.dashboards.create(name="Other").id
    one, two = json.loads(run("capture", board, other, "--json")[1])

    code, _, err = run("compare", one["uri"], two["uri"])

    assert code == 2
    assert "two dashboards" in err


def test_rules_come_from_a_file(run: Run, board: int, environment: Sandbox, tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text("max_dropp: 1\n")
    run("refresh", board)
    run("capture", board)

    code, _, err = run("compare", "--dashboard", board, "--rules", rules)

    assert code == 2
    assert "max_dropp" in err


def test_the_commands_load_no_airflow_and_no_server_before_they_need_them() -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys\n"
            "sys.modules['airflow'] = None\n"
            "from airflow_dashboards.cli.main import main\n"
            "try: main(['--help'])\n"
            "except SystemExit: pass\n"
            "print('LOADED', *[name for name in sys.modules if name in ('httpx', 'duckdb', 'rich', 'pydantic')])",
        ],
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "LOADED"
    assert all(name in done.stdout for name in ("check", "list", "capture", "refresh", "compare", "report", "sandbox"))


def test_prune_removes_what_is_old_from_the_storage(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "captures" / "eu.posthog.com" / "1" / "42"
    folder.mkdir(parents=True)
    for number in range(1, 6):
        (folder / f"2020010{number}T060000Z-x.jsonl.gz").write_bytes(b"")

    code, out, _ = run("prune", "--days", 30, "--dry-run")
    assert (code, len(list(folder.iterdir()))) == (0, 5)
    assert out == f"Would remove from {tmp_path / 'captures'}: 3 files (3 of snapshots)\n"

    code, out, _ = run("prune", "--days", 30, "--json")
    assert (code, json.loads(out)["removed"]) == (0, {"snapshots": 3})
    assert sorted(path.name[:8] for path in folder.iterdir()) == ["20200104", "20200105"]

    code, _, err = run("prune", "--days", 3)
    assert code == 2
    assert "days can't be 3" in err
