"""Long series: history is learnt from its end only, and compared to its very beginning."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest

from airflow_dashboards.analysis import Comparability, Severity, TileAnalysis, Verdict, compare
from airflow_dashboards.analysis.expectation import MOST_HISTORY
from airflow_dashboards.analysis.judge.charts import MOST_PERIODS
from tests.unit.analysis.pictures import NOW, THEN, pair, series, snapshot, tile

LENGTHS = {"day": 5000, "hour": 9000}
TODAY = {"day": datetime(2026, 6, 2), "hour": datetime(2026, 6, 2)}  # noqa: DTZ001 - wall-clock times


def days_of(interval: str, *, without: int = 0) -> list[str]:
    step = timedelta(days=1) if interval == "day" else timedelta(hours=1)
    starts = [TODAY[interval] - step * back for back in range(LENGTHS[interval], 0, -1)][without:]
    return [f"{start:%Y-%m-%d}" if interval == "day" else f"{start:%Y-%m-%d %H:%M:%S}" for start in starts]


def values_of(interval: str, *, shift: int = 0) -> list[int]:
    return [1000 + (index + shift) % 7 * 40 + (index + shift) * 13 % 29 for index in range(LENGTHS[interval])]


def judged(interval: str, before: list[int], after: list[int], *, moved_on: int = 0) -> TileAnalysis:
    one = [series(before, days_of(interval)[: len(before)])]
    other = [series(after[moved_on:], days_of(interval, without=moved_on))]
    (found,) = compare(*pair("trends", one, other, interval=interval)).tiles
    return found


@pytest.mark.parametrize("interval", LENGTHS)
@pytest.mark.parametrize("where", [0, 10, 3000, -1500, -20])
def test_history_restated_anywhere_is_found(interval: str, where: int) -> None:
    before = values_of(interval)
    after = list(before)
    after[where] = after[where] // 3
    found = judged(interval, before, after)
    assert [(each.code, each.period) for each in found.findings] == [("series.restated", days_of(interval)[where])]
    assert found.verdict is Verdict.FAIL


@pytest.mark.parametrize("interval", LENGTHS)
def test_history_restated_is_found_where_the_window_has_moved_on(interval: str) -> None:
    before = values_of(interval)
    after = list(before)
    after[40] *= 3
    found = judged(interval, before[:-1], after, moved_on=20)
    assert [(each.code, each.period) for each in found.findings] == [("series.restated", days_of(interval)[40])]


@pytest.mark.parametrize("interval", LENGTHS)
def test_many_small_moves_of_the_past_add_up(interval: str) -> None:
    before = [8] * LENGTHS[interval]
    after = [5, *[8] * 3] * (LENGTHS[interval] // 4)
    found = judged(interval, before, [5] * 3000 + before[3000:])
    assert "series.restated" in {each.code for each in found.findings}
    assert judged(interval, before, [*before[:400], *after[:4], *before[404:]]).verdict is Verdict.PASS


@pytest.mark.parametrize("interval", LENGTHS)
def test_a_long_series_is_the_same_as_itself(interval: str) -> None:
    board = snapshot(tile("trends", [series(values_of(interval), days_of(interval))], interval=interval))
    assert compare(board, board).comparability is Comparability.UNCHANGED


@pytest.mark.parametrize("interval", LENGTHS)
def test_a_lost_period_is_found_and_the_picture_shows_only_what_fits(interval: str) -> None:
    before = values_of(interval)
    found = judged(interval, before[:-1], [*before[:-1], 40])
    assert {each.code for each in found.findings if each.severity is not Severity.INFO} == {"series.drop"}
    assert found.chart is not None
    assert len(found.chart.x) == MOST_PERIODS


def test_old_times_do_not_change_what_is_expected() -> None:
    before = values_of("day")
    other = [value * 50 for value in before[: -MOST_HISTORY["day"] - 1]] + before[-MOST_HISTORY["day"] - 1 :]
    one, two = (judged("day", each[:-1], [*each[:-1], 100]) for each in (before, other))
    assert [each.expected_low for each in one.findings] == [each.expected_low for each in two.findings]


def test_a_series_that_vanishes_is_still_missed_among_long_ones() -> None:
    days = [(date(2026, 6, 2) - timedelta(days=back)).isoformat() for back in range(3000, 0, -1)]
    both = [series([100 + index % 7] * 3000, days, order=index, label=f"event {index}") for index in range(2)]
    before = snapshot(tile("trends", both, at=THEN), at=THEN)
    (found,) = compare(before, snapshot(tile("trends", both[:1], at=NOW))).tiles
    assert "series.vanished" in {each.code for each in found.findings}
