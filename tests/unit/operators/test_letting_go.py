"""The analyzing task lets go of what is old, where it is asked to, and never fails for it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from airflow_dashboards import PostHogAnalyzeRefreshOperator
from airflow_dashboards.refresh.store import SnapshotStore
from airflow_dashboards.settings import retention_days

SETTING = "AIRFLOW__POSTHOG__RETENTION_DAYS"


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A file that has outlived every retention."""
    path = tmp_path / "runs" / "2020-01-01" / "nightly.json"
    path.parent.mkdir(parents=True)
    path.write_text("{}")
    return path


def let_go(root: Path) -> None:
    PostHogAnalyzeRefreshOperator(task_id="analyze", before=[])._let_go(SnapshotStore(root))


@pytest.mark.parametrize(("setting", "days"), [(None, None), ("0", None), ("-1", None), ("1", 7), ("120", 120)])
def test_the_setting(monkeypatch: pytest.MonkeyPatch, setting: str | None, days: int | None) -> None:
    if setting is not None:
        monkeypatch.setenv(SETTING, setting)
    assert retention_days() == days


def test_nothing_is_removed_unless_asked_for(old: Path, tmp_path: Path) -> None:
    let_go(tmp_path)
    assert old.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]) -> Callable[[], str]:
    """Return what was logged; where Airflow's log goes depends on what was imported before."""
    caplog.set_level(logging.INFO)
    return lambda: caplog.text + capsys.readouterr().out


def test_what_is_old_is_removed(
    old: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: Callable[[], str]
) -> None:
    monkeypatch.setenv(SETTING, "30")
    let_go(tmp_path)
    assert not old.exists()
    assert "more than 30 days old: 1 file (1 of runs)." in said()


def test_a_setting_or_a_storage_that_can_not_be_used_fails_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: Callable[[], str]
) -> None:
    monkeypatch.setenv(SETTING, "a month")
    let_go(tmp_path)
    assert "could not be removed" in said()
    monkeypatch.setenv(SETTING, "30")
    (tmp_path / "file").write_text("")
    let_go(tmp_path / "file")
    assert "could not be removed" in said()
