"""What speaks for a finding beyond one value: the counts themselves, the shape of a day, a trend, the neighbours."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any

import pytest

from airflow_dashboards.analysis import TileAnalysis, Verdict, compare
from airflow_dashboards.analysis.judge.copies import copies
from airflow_dashboards.analysis.report import words
from airflow_dashboards.analysis.rhythm import separable
from airflow_dashboards.analysis.trend import Trend
from tests.unit.analysis.pictures import pair, series

#: The pictures of `pictures.pair` are taken in the night to 2 June 2026, a Tuesday.
MIDNIGHT = datetime.fromisoformat("2026-06-02")
SHAPE = (3, 2, 2, 2, 3, 5, 8, 12, 16, 19, 21, 22, 22, 21, 20, 20, 19, 18, 16, 14, 11, 8, 6, 4)


def hours(days: int, level: dict[int, float], *, twice_last: bool = False) -> tuple[list[str], list[float]]:
    """Hours up to midnight, by the weekday's level; each a little off, seeded."""
    chance = random.Random(7)
    starts = [MIDNIGHT - timedelta(hours=24 * days - hour) for hour in range(24 * days)]
    data = [
        float(round(SHAPE[start.hour] * 50 * level.get(start.weekday(), 1.0) * chance.uniform(0.95, 1.05)))
        for start in starts
    ]
    if twice_last:
        data[-24:] = [2 * value for value in data[-24:]]
    return [f"{start:%Y-%m-%d %H:%M:%S}" for start in starts], data


def night(days: int, level: dict[int, float], **more: bool) -> TileAnalysis:
    """A dashboard of hours whose last day arrives between the two pictures."""
    labels, data = hours(days, level, **more)
    before = series([*data[:-24], *[0.0] * 24], labels)
    (found,) = compare(*pair("trends", [before], [series(data, labels)], interval="hour")).tiles
    return found


def test_the_first_weekday_after_a_weekend_is_judged_by_its_shape() -> None:
    assert night(2, {6: 0.2}).verdict is Verdict.PASS


def test_hours_loaded_twice_are_told_by_their_even_counts_whatever_their_level() -> None:
    found = night(2, {6: 0.2}, twice_last=True)
    assert found.verdict is not Verdict.PASS
    assert {finding.code for finding in found.findings} == {"series.rise"}


def test_a_day_loaded_twice_is_found_after_a_single_day_of_its_kind() -> None:
    assert night(4, {}, twice_last=True).verdict is Verdict.FAIL


@pytest.mark.parametrize(
    ("new", "old", "times"),
    [
        ([14, 8, 22, 36], [7, 12, 9, 3, 15, 8], 2),
        ([9, 15, 27, 33], [7, 12, 10, 3, 14, 8], 3),
        ([14, 8, 22, 35], [7, 12, 9, 3, 15, 8], 1),
        ([1.5, 3.0], [7, 12, 9, 3, 15, 8], 1),
        ([], [7, 12, 9, 3, 15, 8], 1),
    ],
)
def test_copies_are_told_by_a_common_factor(new: list[float], old: list[float], times: int) -> None:
    assert copies(new, old).times == times


def test_counts_that_were_even_before_prove_nothing() -> None:
    assert not copies(range(2, 82, 2), range(100, 180, 2)).proof
    assert copies(range(2, 82, 2), range(100, 180)).proof


def test_a_trend_is_followed_and_a_plain_level_has_none() -> None:
    falling = Trend.of([13673, 10746, 9535, 8296, 7012, 6080], "month", grain=1.0)
    assert falling is not None
    assert falling.slope < -0.1
    assert falling.readings(1, 1.0)[0].mean < 6000
    assert Trend.of([100, 103, 98, 101, 99, 102], "month", grain=1.0) is None
    assert Trend.of([100, 120, 144, 173, 207, 249], "day", grain=1.0) is None


def test_hours_and_weekends_are_fitted_with_each_other_taken_out() -> None:
    starts = [
        datetime.fromisoformat("2026-05-29T12:00") + timedelta(hours=hour) for hour in range(60)
    ]  # Friday noon to Sunday night
    values = [SHAPE[start.hour] * (20.0 if start.weekday() >= 5 else 100.0) for start in starts]
    factors, _ = separable(starts, values, grain=0.0)
    assert factors[12] / factors[12 + 24] == pytest.approx(5, rel=0.02)
    assert factors[9] / factors[12] == pytest.approx(SHAPE[9] / SHAPE[12], rel=0.02)


def test_an_hour_that_lies_between_its_neighbours_again_is_good_news() -> None:
    labels, data = hours(1, {})
    before = list(data)
    before[15] = round(data[15] * 0.3)
    (found,) = compare(*pair("trends", [series(before, labels)], [series(data, labels)], interval="hour")).tiles
    assert found.verdict is Verdict.PASS
    (worse,) = compare(*pair("trends", [series(data, labels)], [series(before, labels)], interval="hour")).tiles
    assert worse.verdict is not Verdict.PASS


def funnel(*counts: int) -> list[dict[str, Any]]:
    names = ("visit", "sign up", "pay")
    return [
        {"action_id": name, "name": name, "order": order, "count": n, "people": []}
        for order, (name, n) in enumerate(zip(names, counts, strict=True))
    ]


def test_a_broken_step_is_marked_on_the_chart_and_its_share_is_a_percentage() -> None:
    (found,) = compare(*pair("funnel", funnel(1000, 620, 300), funnel(1010, 60, 30))).tiles
    assert found.findings[0].subject == "sign up"
    assert found.chart is not None
    assert [found.chart.x[mark.index] for mark in found.chart.marks] == ["sign up"]
    assert found.figure is not None
    assert (found.figure.label, found.figure.unit) == ("conversion to sign up", "ratio")
    assert words.sides(found.figure) == ("62%", "5.94%")


def test_the_band_drawn_is_the_band_decided_by() -> None:
    found = night(8, {5: 0.5, 6: 0.5}, twice_last=True)
    finding = found.findings[0]
    assert found.chart is not None
    place = found.chart.x.index(finding.period)
    drawn = found.chart.series[0]
    assert drawn.expected_low is not None
    assert drawn.expected_high is not None
    assert (drawn.expected_low[place], drawn.expected_high[place]) == (finding.expected_low, finding.expected_high)
    assert found.figure is not None
    assert (found.figure.before, found.figure.after) == (finding.before, finding.after)
