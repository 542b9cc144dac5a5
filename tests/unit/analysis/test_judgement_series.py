"""Series: quiet on an ordinary morning, loud on a broken one."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import pytest

from airflow_dashboards.analysis import Comparability, Rules, Severity, TileAnalysis, Verdict, compare
from tests.unit.analysis.pictures import DAYS, NOW, YESTERDAY, loaded, pair, series, snapshot, tile, week

WEEK = week()


def judged(before: Any, after: Any, rules: Rules | None = None, **more: Any) -> TileAnalysis:
    (found,) = compare(*pair("trends", before, after, **more), rules).tiles
    return found


def codes(found: TileAnalysis) -> set[str]:
    return {finding.code for finding in found.findings if finding.severity is not Severity.INFO}


def test_an_ordinary_new_day_passes() -> None:
    found = judged([series(WEEK)], [series(loaded(WEEK, 203))])
    assert (found.verdict, found.comparability) == (Verdict.PASS, Comparability.CHANGED)
    assert found.figure is not None
    assert (found.figure.label, found.figure.before, found.figure.after) == ("purchase on 2026-06-01", None, 203)


@pytest.mark.parametrize(
    ("yesterday", "code"), [(406, "series.rise"), (30, "series.drop"), (0, "series.drop"), (20300, "series.rise")]
)
def test_a_new_day_lost_doubled_or_in_another_unit_fails(yesterday: int, code: str) -> None:
    found = judged([series(WEEK)], [series(loaded(WEEK, yesterday))])
    assert found.verdict is Verdict.FAIL
    assert codes(found) == {code}
    (finding,) = found.findings
    assert finding.period == YESTERDAY
    assert finding.after == yesterday
    assert finding.expected_low is not None
    assert finding.expected_high is not None
    assert finding.expected_low < 203 < finding.expected_high
    assert finding.confidence is not None
    assert finding.confidence > 0.99


def test_the_sentence_names_the_day_the_numbers_and_the_days_before() -> None:
    found = judged([series(WEEK)], [series(loaded(WEEK, 406))])
    assert found.summary.startswith("purchase on 2026-06-01 is 406, about twice the expected ")
    assert "Mondays before: " in found.summary


def test_a_weekend_is_no_drop() -> None:
    monday = NOW - timedelta(days=1)  # so that yesterday is a Sunday
    before = snapshot(
        tile("trends", [series([*WEEK[:-3], 0, 0], DAYS[:-1])], at=monday - timedelta(hours=1)),
        at=monday - timedelta(hours=1),
    )
    after = snapshot(tile("trends", [series([*WEEK[:-3], 101, 0], DAYS[:-1])], at=monday), at=monday)
    assert compare(before, after).status is Verdict.PASS
    doubled = snapshot(tile("trends", [series([*WEEK[:-3], 205, 0], DAYS[:-1])], at=monday), at=monday)
    assert compare(before, doubled).status is Verdict.FAIL


def test_a_moved_window_is_no_change_of_what_it_still_shows() -> None:
    found = judged([series(WEEK[:-1], DAYS[:-1])], [series(loaded(WEEK, 199)[1:], DAYS[1:])])
    assert found.verdict is Verdict.PASS
    assert not codes(found)


def test_the_running_period_is_no_drop_but_may_be_too_much() -> None:
    values = loaded(WEEK, 200)
    assert judged([series(WEEK)], [series([*values[:-1], 3])]).verdict is Verdict.PASS
    found = judged([series(WEEK)], [series([*values[:-1], 900])])
    assert codes(found) == {"series.rise"}
    assert "not over" in found.summary
    assert found.chart is not None
    assert found.chart.incomplete_from == found.chart.x.index("2026-06-02")


def test_the_running_period_is_known_in_the_tiles_timezone() -> None:
    # 02:30 UTC on the 2nd is still the evening of the 1st in Los Angeles: that day is running, and not lost.
    found = judged([series(WEEK[:-1], DAYS[:-1])], [series(WEEK[:-1], DAYS[:-1])], timezone="America/Los_Angeles")
    assert found.verdict is Verdict.PASS
    assert (
        judged([series(WEEK[:-1], DAYS[:-1])], [series(WEEK[:-1], DAYS[:-1])], timezone="Europe/Berlin").verdict
        is Verdict.FAIL
    )


def test_late_events_are_expected_and_rewritten_history_is_not() -> None:
    late = [round(value * (1.04 if index > 54 else 1)) for index, value in enumerate(loaded(WEEK, 200))]
    assert judged([series(WEEK)], [series(late)]).verdict is Verdict.PASS
    rewritten = [round(value * (0.8 if index < 30 else 1)) for index, value in enumerate(loaded(WEEK, 200))]
    found = judged([series(WEEK)], [series(rewritten)])
    assert found.verdict is Verdict.FAIL
    assert codes(found) == {"series.restated"}


def test_a_hole_fails_and_a_filled_hole_is_good_news() -> None:
    whole = loaded(WEEK, 200)
    hole = [*whole[:40], 0, *whole[41:]]
    assert codes(judged([series(WEEK)], [series(hole)])) == {"series.restated"}
    found = judged([series([*WEEK[:40], 0, *WEEK[41:]])], [series(whole)])
    assert found.verdict is Verdict.PASS
    assert [finding.code for finding in found.findings] == ["series.recovered"]


def test_an_emptied_series_fails() -> None:
    found = judged([series(WEEK)], [series([0] * len(DAYS))])
    assert found.verdict is Verdict.FAIL
    assert codes(found) == {"series.emptied"}


def test_three_a_day_is_judged_by_chance_and_not_by_percent() -> None:
    chance = random.Random(3)
    few = [sum(chance.random() < 0.1 for _ in range(30)) for _ in DAYS[:-2]] + [0, 0]
    for value in (0, 1, 6, 8):
        assert judged([series(few)], [series(loaded(few, value))]).verdict is Verdict.PASS, value
    assert judged([series(few)], [series(loaded(few, 30))]).verdict is not Verdict.PASS


def test_a_million_a_day_is_judged_by_its_own_noise() -> None:
    many = week(1_000_000)
    assert judged([series(many)], [series(loaded(many, 1_050_000))]).verdict is Verdict.PASS
    assert judged([series(many)], [series(loaded(many, 350_000))]).verdict is Verdict.FAIL


def test_growth_is_no_rise() -> None:
    growing = [round(300 * 1.01**index) for index in range(len(DAYS) - 2)] + [0, 0]
    assert judged([series(growing)], [series(loaded(growing, 300 * 1.01**59))]).verdict is Verdict.PASS


def test_a_series_that_repeats_itself_is_stuck() -> None:
    weekdays = week(1_000_000, weekend=1.0)
    assert codes(judged([series(weekdays)], [series(loaded(weekdays, weekdays[-3]))])) == {"series.stuck"}


def test_periods_that_are_not_shown_any_more_fail() -> None:
    found = judged([series(WEEK)], [series(WEEK[:-2], DAYS[:-2])])
    assert "series.missing" in codes(found)


def broken_down(parts: dict[str, list[int]]) -> list[dict[str, Any]]:
    return [series(data, label=name, breakdown_value=name) for name, data in parts.items()]


def test_a_vanished_breakdown_value_fails_though_its_volume_is_under_null() -> None:
    parts = {"DE": week(300), "FR": week(200), "NL": week(100)}
    after = {
        "DE": loaded(parts["DE"], 300),
        "NL": loaded(parts["NL"], 100),
        "$$_posthog_breakdown_null_$$": loaded(parts["FR"], 200),
    }
    found = judged(broken_down(parts), broken_down(after))
    assert found.verdict is Verdict.FAIL
    assert codes(found) == {"series.vanished"}
    assert found.summary.startswith("purchase, FR has vanished") or found.summary.startswith("FR")
    assert "None" in found.summary


def test_a_small_value_falling_off_a_ranking_is_no_loss() -> None:
    parts = {"DE": week(300), "FR": week(200), "XX": [1] * 59 + [0, 0]}
    after = {"DE": loaded(parts["DE"], 300), "FR": loaded(parts["FR"], 200), "YY": loaded([2] * 61, 2)}
    assert judged(broken_down(parts), broken_down(after)).verdict is Verdict.PASS


def test_only_the_value_that_lost_its_day_is_named() -> None:
    parts = {"DE": week(300), "FR": week(200)}
    found = judged(broken_down(parts), broken_down({"DE": loaded(parts["DE"], 300), "FR": loaded(parts["FR"], 4)}))
    assert [finding.subject for finding in found.findings if finding.severity is not Severity.INFO] == ["FR"]


def test_hours_of_a_nightly_load_are_not_missed_before_they_can_be_there() -> None:
    hours = [
        (NOW.replace(minute=0) - timedelta(hours=back)).strftime("%Y-%m-%d %H:%M:%S") for back in range(24 * 10, -1, -1)
    ]
    values = [round(100 + 60 * abs(12 - int(hour[11:13])) / 12) for hour in hours]
    before = [value if hour < YESTERDAY else 0 for hour, value in zip(hours, values, strict=True)]
    after = [value if hour < "2026-06-02" else 0 for hour, value in zip(hours, values, strict=True)]
    query = {"kind": "TrendsQuery", "interval": "hour"}
    quiet = judged([series(before, hours)], [series(after, hours)], interval="hour", query=query)
    assert quiet.verdict is Verdict.PASS
    lost = judged([series(before, hours)], [series(before, hours)], interval="hour", query=query)
    assert lost.verdict is Verdict.FAIL


def test_rules_decide_what_is_too_much() -> None:
    less = loaded(WEEK, 130)
    assert judged([series(WEEK)], [series(less)]).verdict is Verdict.PASS
    strict = judged([series(WEEK)], [series(less)], Rules(max_drop=0.3))
    assert strict.verdict is Verdict.FAIL
    doubled = loaded(WEEK, 406)
    assert judged([series(WEEK)], [series(doubled)], Rules(max_rise=1.5)).verdict is Verdict.PASS
    assert judged([series(WEEK)], [series(doubled)], Rules(ignore=("series.*",))).verdict is Verdict.PASS
    lost = loaded(WEEK, 0)
    assert judged([series(WEEK)], [series(lost)], Rules(late_periods=1)).verdict is Verdict.PASS
    assert judged([series(WEEK)], [series(lost)], Rules(holidays=(YESTERDAY,))).verdict is Verdict.PASS  # type: ignore[arg-type]


def test_the_picture_before_is_not_needed_to_see_a_lost_day() -> None:
    after = snapshot(tile("trends", [series(loaded(WEEK, 0))]))
    (found,) = compare(None, after).tiles
    assert (found.comparability, found.verdict) == (Comparability.NOTHING_CAPTURED, Verdict.FAIL)
    (found,) = compare(None, snapshot(tile("trends", [series(loaded(WEEK, 200))]))).tiles
    assert found.verdict is Verdict.PASS


def test_the_chart_shows_both_sides_the_band_and_the_mark() -> None:
    found = judged([series(WEEK)], [series(loaded(WEEK, 406))])
    chart = found.chart
    assert chart is not None
    (line,) = chart.series
    assert len(chart.x) == len(line.before) == len(line.after) == len(line.expected_low or ())
    (mark,) = chart.marks
    assert (chart.x[mark.index], mark.severity) == (YESTERDAY, Severity.FAIL)
    at = chart.x.index(YESTERDAY)
    assert (line.before[at], line.after[at]) == (0, 406)
