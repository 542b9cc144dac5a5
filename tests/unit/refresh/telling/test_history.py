"""What earlier runs said: kept, let go, found again, counted."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from airflow_dashboards.analysis import RuleBook, Rules, Verdict
from airflow_dashboards.analysis.escalation import escalate
from airflow_dashboards.analysis.report import ReportContext, history_key, message
from airflow_dashboards.refresh.history import VerdictHistory, lasting, past_verdicts, tiles_lasting
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
    assert history.damaged == []


def test_a_damaged_record_costs_no_other(tmp_path, fail):
    history = VerdictHistory(SnapshotStore(tmp_path))
    paths = [history.add(fail(NOON + timedelta(days=day)), source=TASK, run=f"run-{day}") for day in range(4)]
    Path(paths[3]).write_text("{")

    now = fail(NOON + timedelta(days=4))
    assert [each.run for each in history.streak(now, source=TASK, run="now")] == ["run-2", "run-1", "run-0"]
    assert history.damaged == [paths[3]]
    history.add(now, source=TASK, run="now")
    assert [each.run for each in history.recent(**where(now))] == ["now", "run-2", "run-1", "run-0"]


def test_a_streak_longer_than_what_is_read_is_counted_all_the_same(tmp_path, fail):
    history = VerdictHistory(SnapshotStore(tmp_path), keep=40)
    for day in range(45):
        history.add(fail(NOON + timedelta(days=day)), source=TASK, run=f"run-{day}")
    now = fail(NOON + timedelta(days=45))
    streak = history.streak(now, source=TASK, run="now")
    assert len(streak) == 30
    summary = AnalysisSummary.of(now, earlier=streak)
    assert (summary.runs_in_a_row, summary.tiles[0].runs_in_a_row) == (46, 46)
    assert "46th day in a row" in message([now], context=ReportContext(history=past_verdicts(now, streak)))


def test_a_long_streak_with_a_pause_is_told_in_runs(tmp_path, fail):
    history = VerdictHistory(SnapshotStore(tmp_path))
    for day in [0, *range(5, 45)]:
        history.add(fail(NOON + timedelta(days=day)), source=TASK, run=f"run-{day}")
    now = fail(NOON + timedelta(days=45))
    streak = history.streak(now, source=TASK, run="now")
    assert "42nd run in a row" in message([now], context=ReportContext(history=past_verdicts(now, streak)))


def test_a_run_judged_anew_as_a_pass_ends_what_came_before_it(tmp_path, fail, analysis, tile):
    history = VerdictHistory(SnapshotStore(tmp_path))
    for day in range(5):
        history.add(fail(NOON + timedelta(days=day)), source=TASK, run=f"run-{day}")
    cleared = analysis(42, [tile(1, "Purchases")], at=NOON + timedelta(days=2))
    history.add(cleared, source=TASK, run="run-2")
    now = fail(NOON + timedelta(days=5))
    told = lasting(now, history.streak(now, source=TASK, run="now"))
    assert told is not None
    assert (told.runs, told.since) == (3, NOON + timedelta(days=3))


def test_runs_that_looked_later_are_not_earlier_ones(tmp_path, fail):
    history = VerdictHistory(SnapshotStore(tmp_path))
    for day in range(5):
        history.add(fail(NOON + timedelta(days=day)), source=TASK, run=f"run-{day}")
    again = fail(NOON + timedelta(days=1, hours=1))
    assert [each.run for each in history.streak(again, source=TASK, run="late")] == ["run-1", "run-0"]


def test_a_warning_that_stands_too_long_is_a_failure(tmp_path, analysis, tile):
    history = VerdictHistory(SnapshotStore(tmp_path))
    rules = RuleBook.parse({"overrides": [{"insight": "Purchases", "rules": {"escalate_after": 3}}]})
    said = []
    for day in range(3):
        warned = [tile(1, "Purchases", Verdict.WARN), tile(2, "Visits", Verdict.WARN)]
        now = analysis(42, warned, at=NOON + timedelta(days=day))
        earlier = history.streak(now, source=TASK, run=f"run-{day}")
        runs = {each: known.runs for each, known in tiles_lasting(now, earlier).items()}
        judged = escalate(now, runs, rules)
        history.add(judged, source=TASK, run=f"run-{day}", earlier=earlier)
        said.append(judged)
    assert [each.status for each in said] == [Verdict.WARN, Verdict.WARN, Verdict.FAIL]
    purchases, visits = said[-1].tiles
    assert (purchases.verdict, visits.verdict) == (Verdict.FAIL, Verdict.WARN)
    (finding,) = purchases.findings
    assert (finding.code, finding.after, finding.expected_high) == ("tile.lasting", 3, 2)
    assert purchases.summary == "As expected. It has needed a look for 3 runs in a row."
    assert history.recent(**where(said[-1]))[0].status is Verdict.FAIL


def test_nobody_who_does_not_ask_gets_an_escalation(analysis, tile):
    now = analysis(42, [tile(1, "Purchases", Verdict.WARN)])
    assert escalate(now, {1: 99}, Rules()) is now
    assert escalate(now, {1: 99}, Rules(escalate_after=2, ignore=("tile.lasting",))) == now
    passing = analysis(42, [tile(1, "Purchases")])
    assert escalate(passing, {1: 99}, Rules(escalate_after=2)) == passing
