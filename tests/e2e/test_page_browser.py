"""The page in a real Airflow and a real browser, from logging in to reading a report; pictures in `build/e2e/`."""

from __future__ import annotations

import json
import runpy
import shutil
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import ANY

import pytest
from browser import Browser
from local_airflow import LocalAirflow
from local_sandbox import LocalSandbox

pytestmark = pytest.mark.e2e

REPOSITORY = Path(__file__).resolve().parents[2]
SCREENSHOTS = REPOSITORY / "build" / "e2e"
CASES = REPOSITORY / "tests" / "unit" / "plugin" / "page_cases.py"
DAG_ID = "nightly_refresh"
#: On two dashboards of the past runs, and on none of the sandbox.
TAG = "board meeting"
PICTURES = [
    "connection-form", "connection-tested", "task-links", "run", "from-snapshot", "from-refresh", "list", "list-tag",
    "dashboard", "tab-run", "tab-task", "list-dark", "run-dark", "list-phone",
]  # fmt: skip


def past_runs(root: Path) -> None:
    """Fill the storage path with two months of runs, as the DAG would have."""
    cases = SimpleNamespace(**runpy.run_path(str(CASES)))
    now = datetime.now(timezone.utc)
    said = {
        "pass": "8 of 8 tiles changed as they do every day.",
        "warn": "1 of 8 tiles needs a look: Orders per week is 31 % above what is usual.",
        "fail": "2 of 8 tiles need a look: Sign-ups fell by 64 %.",
    }
    names = ["Acquisition", "Checkout", "Inventory", "Marketing", "Payments", "Retention", "Support"]
    for ago in range(60, 0, -1):
        at = now - timedelta(days=ago)
        looked = []
        for number, name in enumerate(names):
            status = "fail" if (number * 5 + ago) % 29 == 0 else "warn" if (number + ago) % 11 == 0 else "pass"
            tags = ["etl", TAG] if name in ("Checkout", "Payments") else ["etl"]
            looked.append(cases.verdict(100 + number, status, name=name, summary=said[status], tags=tags))
        run_id = f"scheduled__{at:%Y-%m-%d}T02:00:00+00:00"
        cases.keep(root, cases.record(*looked, dag_id=DAG_ID, run_id=run_id).model_copy(update={"at": at}))


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the browser saw on its walk."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    place = tmp_path_factory.mktemp("page")
    (place / "dags").mkdir()
    shutil.copy(REPOSITORY / "dags_examples" / f"{DAG_ID}.py", place / "dags")
    browser = Browser(Path(__file__).with_name("walk_the_page.mjs"), place)

    past_runs(place / "storage")
    environment = {
        "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
        "AIRFLOW__POSTHOG__STORAGE_PATH": str(place / "storage"),
    }
    with (
        LocalSandbox(place / "sandbox.log") as sandbox,
        LocalAirflow(place / "airflow", place / "dags", place / "airflow.log", environment) as airflow,
    ):
        sandbox.start()
        airflow.start(seconds=240)
        airflow.wait_for_dag(DAG_ID, seconds=180)
        key = sandbox.create_key(["dashboard:read", "insight:read", "query:read"])
        state = {"url": airflow.url, "user": airflow.user, "password": airflow.password, "sandbox": sandbox.url}
        (place / "state.json").write_text(json.dumps({**state, "key": key, "dag": DAG_ID, "tag": TAG}))
        found: dict[str, Any] = browser.run(SCREENSHOTS, "state.json", seconds=900)
    return found


def test_the_connection_of_the_form_is_tested_and_runs_the_example(seen: dict[str, Any]) -> None:
    assert seen["tested"]["status"] is True
    assert "Granted: dashboard:read" in seen["tested"]["message"]
    assert seen["run"] == "success"


def test_every_task_of_the_cycle_has_its_links(seen: dict[str, Any]) -> None:
    assert set(seen["links"]["snapshot"]) == {"Open in PostHog", "Before snapshot"}
    assert set(seen["links"]["refresh"]) == {"Open in PostHog", "Refresh report", "Before snapshot"}
    assert set(seen["links"]["analyze"]) == {"Open in PostHog", "Refresh report", "Before snapshot"}
    assert all(address for links in seen["links"].values() for address in links.values())


def test_the_links_lead_to_posthog_and_to_the_page(seen: dict[str, Any]) -> None:
    assert seen["opened"] == seen["links"]["analyze"]["Open in PostHog"]
    assert "posthog-dashboards" in seen["deepLink"]
    assert "run=nightly_refresh-" in seen["deepLink"]
    assert "→" in seen["before"]
    for task, pointed in (("snapshot", True), ("refresh", False)):
        assert "posthog-dashboards" in seen[task]["address"]
        assert "dag_id=nightly_refresh&run_id=" in seen[task]["address"]
        assert bool(seen[task]["pointed"]) is pointed


def test_a_link_of_the_report_opens_from_within_the_shell(seen: dict[str, Any]) -> None:
    assert seen["reportLink"] == {"href": seen["reportLink"]["opened"], "opened": ANY, "opener": False}


def test_filters_narrow_the_list_and_are_in_the_address(seen: dict[str, Any]) -> None:
    assert seen["rows"] == {"all": 10, "text": 1, "tag": 2}
    assert "text=checkout" in seen["filtered"]
    assert "tag=board%20meeting" in seen["tagged"]
    assert seen["restored"] == "shop"


def test_it_is_dark_where_airflow_is_and_so_is_the_report(seen: dict[str, Any]) -> None:
    assert seen["dark"] == "rgb(9, 9, 11)"
    assert seen["darkReport"] == "rgb(14, 17, 22)"


def test_the_console_is_quiet_and_nothing_comes_from_elsewhere(seen: dict[str, Any]) -> None:
    assert seen["console"] == []
    assert seen["elsewhere"] == []


def test_nobody_is_shut_out(seen: dict[str, Any]) -> None:
    assert seen["violations"] == []
    assert {look: wide for look, wide in seen["overflow"].items() if wide > 0} == {}


def test_every_picture_was_taken(seen: dict[str, Any]) -> None:
    assert all((SCREENSHOTS / f"page-{name}.png").stat().st_size > 10_000 for name in PICTURES)
