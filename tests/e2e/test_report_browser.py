"""Reports in a real browser, the demo's own among them: nothing breaks out, is fetched or shuts anybody out.

Pictures are in `build/e2e/`.
"""

from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from browser import Browser

from airflow_dashboards.analysis.report import render_html
from airflow_dashboards.sandbox.demo import BROKEN_TILES

pytestmark = pytest.mark.e2e

REPOSITORY = Path(__file__).resolve().parents[2]
SCREENSHOTS = REPOSITORY / "build" / "e2e"
CASES = REPOSITORY / "tests" / "unit" / "analysis" / "report_cases.py"
PAGES = ["report", "report-hostile", "report-plain", "report-demo"]
DEMO_REPORT = REPOSITORY / "build" / "demo" / "report.html"


def demo_report() -> str:
    """Return the report of `make demo`, which is run where there is none yet of the code as it is."""
    newest = max(path.stat().st_mtime for path in (REPOSITORY / "airflow_dashboards").rglob("*.py"))
    if not DEMO_REPORT.exists() or DEMO_REPORT.stat().st_mtime < newest:
        done = subprocess.run(
            [sys.executable, "scripts/demo.py"],
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert done.returncode == 0, f"make demo failed:\n{done.stdout}{done.stderr}"
    return DEMO_REPORT.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a browser saw of a shop's report, of one full of hostile names, of one without charts, and of the demo's."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    browser = Browser(Path(__file__).with_name("look_at_pages.mjs"), tmp_path_factory.mktemp("node"))

    cases = SimpleNamespace(**runpy.run_path(str(CASES)))
    with pytest.MonkeyPatch.context() as patch:
        pages = [
            render_html(cases.shop(), context=cases.shop_context()),
            render_html(cases.hostile(), title=cases.HOSTILE[1], context=cases.hostile_context()),
        ]
        patch.setitem(sys.modules, "matplotlib", None)
        pages.append(render_html(cases.shop(), context=cases.shop_context()))
    pages.append(demo_report())
    files = [SCREENSHOTS / f"{name}.html" for name in PAGES]
    for file, page in zip(files, pages, strict=True):
        file.write_text(page, encoding="utf-8")
    found: dict[str, Any] = browser.run(SCREENSHOTS, *files, seconds=600)
    return found


def test_nothing_is_fetched_and_nothing_runs(seen: dict[str, Any]) -> None:
    for look in [*seen["looks"], *seen["embedded"]]:
        # The icon is a data address, asked of nobody.
        assert [request for request in look["requests"] if request != "data:,"] == []
        assert look["console"] == []
        assert look["dialogs"] == []


def test_every_look_was_taken(seen: dict[str, Any]) -> None:
    assert len(seen["looks"]) == len(PAGES) * 6
    assert all((SCREENSHOTS / f"{look['look']}.png").stat().st_size > 10_000 for look in seen["looks"])


def test_hostile_names_stay_names(seen: dict[str, Any]) -> None:
    hostile = next(look for look in seen["looks"] if look["file"] == "report-hostile.html")
    assert hostile["title"].startswith("Fail: 7 of 20 tiles need a look: <script>document.title=")
    assert "<script>" in hostile["heading"]


def test_the_demos_report_names_the_three_broken_tiles(seen: dict[str, Any]) -> None:
    looks = [look for look in seen["looks"] if look["file"] == "report-demo.html"]
    assert {look["look"].removeprefix("report-demo-") for look in looks} == {
        f"{size}-{scheme}" for size in ("desktop", "phone", "narrow") for scheme in ("light", "dark")
    }
    assert all(look["title"].startswith("Fail: 3 of ") for look in looks)
    assert all(name in looks[0]["title"] for name in BROKEN_TILES.values())
    assert all(look["charts"] > 3 for look in looks)


def test_nothing_is_wider_than_the_screen(seen: dict[str, Any]) -> None:
    assert {look["look"]: look["overflow"] for look in seen["looks"] if look["overflow"] > 0} == {}


def test_nobody_is_shut_out(seen: dict[str, Any]) -> None:
    serious = [
        (look["look"], violation)
        for look in seen["looks"]
        for violation in look["violations"]
        if violation["impact"] in {"serious", "critical"}
    ]
    assert serious == []


def test_charts_are_shown_once_at_every_width(seen: dict[str, Any]) -> None:
    shown = {(look["file"], look["charts"]) for look in seen["looks"]}
    assert ("report.html", 8) in shown
    assert {amount for file, amount in shown if file == "report.html"} == {8}
    assert ("report-plain.html", 0) in shown


def test_dark_is_dark_and_paper_is_white(seen: dict[str, Any]) -> None:
    by_scheme = {look["look"].rpartition("-")[2]: look["background"] for look in seen["looks"]}
    assert by_scheme == {"light": "rgb(245, 246, 248)", "dark": "rgb(14, 17, 22)"}
    assert seen["print"]["background"] == "rgb(255, 255, 255)"


def test_paper_shows_what_the_screen_folds(seen: dict[str, Any]) -> None:
    assert seen["print"]["hidden"] == 0


def test_it_can_be_walked_with_the_keyboard(seen: dict[str, Any]) -> None:
    assert seen["walk"] == {"first": "Skip to the dashboards", "shown": True, "focused": "MAIN", "opened": True}


def test_it_shows_inside_a_sandboxed_frame(seen: dict[str, Any]) -> None:
    assert seen["embedded"][0]["heading"].startswith("4 of 16 tiles need a look")
