"""What earlier runs said: kept, let go, found again, counted."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from airflow_dashboards.analysis import Verdict
from airflow_dashboards.analysis.report import ReportContext, history_key, message
from airflow_dashboards.refresh.history import VerdictHistory, past_verdicts, runs_in_a_row
from airflow_dashboards.refresh.store import SnapshotStore
from airflow_dashboards.refresh.summary import AnalysisSummary

NOON = datetime(2026, 6, 8, 12, 0, tzinfo=timezone.utc)
TASK = "nightly.analyze"


def where(analysis):
    return {"host": analysis.host, "project_id": 1, "dashboard_id": analysis.dashboard_id, "source": TASK}


def test_the_latest_are_kept_and_a_run_has_one_record(tmp_path, fail):
    history = VerdictHistory(SnapshotStore(tmp_path), keep=3)
    for day in range(5):
        history.add(fail(NOON + timedelta(days=day)), source=TASK, run=f"run-{day}")
    assert [each.run for each in history.recent(**where(fail()))] == ["run-4", "run-3", "run-2"]
    assert [each.run for each in history.recent(**where(fail()), limit=1)] == ["run-4"]

    history.add(fail(NOON + timedelta(days=6)), source=TASK, run="run-4")  # cleared, and run again

    kept = history.recent(**where(fail()))
    assert [each.run for each in kept] == ["run-4", "run-3", "run-2"]
    assert kept[0].at == NOON + timedelta(days=6)


def test_other_dashboards_and_other_tasks_have_their_own(tmp_path, fail):
    history = VerdictHistory(SnapshotStore(tmp_path), keep=1)
    history.add(fail(), source="weekly.analyze", run="w")
    history.add(fail(dashboard_id=43), source=TASK, run="d")
    assert history.recent(**where(fail())) == []
    assert len(history.recent(**where(fail(dashboard_id=43)))) == 1


def test_a_history_keeps_at_least_one(tmp_path):
    with pytest.raises(ValueError, match="at least one"):
        VerdictHistory(SnapshotStore(tmp_path), keep=0)


def test_a_streak_ends_with_the_last_pass_and_leaves_out_the_run_itself(tmp_path, fail, analysis, tile):
    history = VerdictHistory(SnapshotStore(tmp_path))
    days = [NOON + timedelta(days=day) for day in range(5)]
    history.add(fail(days[0]), source=TASK, run="0")
    history.add(analysis(42, [tile(1, "Purchases")], at=days[1]), source=TASK, run="1")
    history.add(fail(days[2]), source=TASK, run="2")
    history.add(fail(days[3]), source=TASK, run="3")
    history.add(fail(days[4]), source=TASK, run="4")  # an earlier try of this run

    now = fail(days[4])
    streak = history.streak(now, source=TASK, run="4")

    assert [each.run for each in streak] == ["3", "2"]
    past = past_verdicts(now, streak)
    assert set(past) == {history_key(42), history_key(42, 1)}
    assert "third day in a row" in message([now], context=ReportContext(history=past))
    summary = AnalysisSummary.of(now, earlier=streak)
    assert (summary.runs_in_a_row, summary.tiles[0].runs_in_a_row) == (3, 3)


def test_a_tile_that_was_fine_begins_its_own_streak(fail, analysis, tile, tmp_path):
    history = VerdictHistory(SnapshotStore(tmp_path))
    history.add(analysis(42, [tile(9, "Other", Verdict.WARN)], at=NOON - timedelta(days=1)), source=TASK, run="1")
    streak = history.streak(fail(), source=TASK, run="2")
    summary = AnalysisSummary.of(fail(), earlier=streak)
    assert (summary.runs_in_a_row, summary.tiles[0].runs_in_a_row) == (2, 1)


def test_a_quiet_morning_reads_nothing(tmp_path, analysis, tile, fail):
    history = VerdictHistory(SnapshotStore(tmp_path))
    Path(history.add(fail(), source=TASK, run="1")).write_text("broken")
    assert history.streak(analysis(42, [tile(1, "Purchases")]), source=TASK, run="2") == []
    with pytest.raises(ValueError, match="JSON"):
        history.streak(fail(), source=TASK, run="2")


def test_runs_in_a_row_counts_this_one():
    assert runs_in_a_row(Verdict.PASS, [Verdict.FAIL]) == 0
    assert runs_in_a_row(Verdict.WARN, []) == 1
    assert runs_in_a_row(Verdict.WARN, [Verdict.FAIL, Verdict.PASS, Verdict.FAIL]) == 2
