"""Series judged by what they measure: ratios, lost values, values below 0, sums shown added up, parts and wholes."""

from __future__ import annotations

import random
from datetime import timedelta
from itertools import accumulate
from typing import Any

import pytest

from airflow_dashboards.analysis import Severity, TileAnalysis, Verdict, compare
from tests.unit.analysis.pictures import DAYS, NOW, YESTERDAY, loaded, pair, series, snapshot, tile, week

CUMULATIVE = {"kind": "TrendsQuery", "trendsFilter": {"display": "ActionsLineGraphCumulative"}}
WEEK = week(1200)


def judged(before: Any, after: Any, kind: str = "trends", **more: Any) -> TileAnalysis:
    (found,) = compare(*pair(kind, before, after, **more)).tiles
    return found


def codes(found: TileAnalysis) -> set[str]:
    return {finding.code for finding in found.findings if finding.severity is not Severity.INFO}


def noisy(middle: float, width: float, *, digits: int = 4) -> list[Any]:
    chance = random.Random(11)
    return [round(chance.gauss(middle, width), digits) for _ in DAYS[:-2]]


def formula(data: list[Any], days: list[str] | None = None) -> list[dict[str, Any]]:
    return [{**series(data, days, label="Formula (A/B)"), "action": None}]


def average(data: list[Any]) -> list[dict[str, Any]]:
    item = series(data, label="average rating")
    item["action"].update(math="avg", math_property="rating")
    return [item]


# Ratios and small averages.


@pytest.mark.parametrize(("level", "noise"), [(0.31, 0.01), (0.0031, 0.0002), (4.3, 0.1)])
def test_a_ratio_is_judged_however_small_it_is(level: float, noise: float) -> None:
    known = noisy(level, noise, digits=6)
    for made in (formula, average):
        before = made([*known, 0, 0])
        assert judged(before, made([*known, level * 1.05, 0])).verdict is Verdict.PASS
        for factor in (0.0, 0.15, 0.48, 3.0, 100.0):
            found = judged(before, made([*known, round(level * factor, 6), 0]))
            assert found.verdict is not Verdict.PASS, (level, factor)


def test_a_ratio_in_a_table_keyed_by_date_is_judged() -> None:
    rows = [[day, value] for day, value in zip(DAYS, noisy(0.31, 0.01), strict=False)]
    more: dict[str, Any] = {"columns": ["day", "conversion_rate"], "interval": None}
    assert judged(rows, [*rows, [YESTERDAY, 0.32]], "table", **more).verdict is Verdict.PASS
    assert judged(rows, [*rows, [YESTERDAY, 0.05]], "table", **more).verdict is Verdict.FAIL
    found = judged(rows, [*rows, [YESTERDAY, None]], "table", **more)
    assert found.verdict is not Verdict.PASS
    assert "has no value" in found.summary


def test_a_formula_counts_where_it_is_whole_in_both_pictures() -> None:
    # Three a day: by chance from none to nine. As a ratio 9 would be three times as much.
    chance = random.Random(3)
    few = [sum(chance.random() < 0.1 for _ in range(30)) for _ in DAYS[:-2]]
    assert judged(formula([*few, 0, 0]), formula([*few, 8, 0])).verdict is Verdict.PASS


# Values that are lost.


@pytest.mark.parametrize("nothing", [None, float("nan")])
@pytest.mark.parametrize("earlier", [0, None])
def test_a_day_without_a_value_is_a_day_lost(nothing: float | None, earlier: float | None) -> None:
    known = noisy(0.31, 0.01)
    known[7] = None
    before = formula([*known, earlier, earlier])
    found = judged(before, formula([*known, nothing, nothing]))
    assert found.verdict is Verdict.FAIL
    assert "has no value, where 0." in found.summary
    assert found.findings[0].after is None
    assert judged(before, formula([*known, 0.31, None])).verdict is Verdict.PASS


def test_a_value_that_is_often_unknown_may_be_so_again() -> None:
    known = noisy(0.31, 0.01)
    known[::6] = [None] * len(known[::6])
    assert judged(formula([*known, None, None]), formula([*known, None, None])).verdict is Verdict.PASS


def test_known_values_that_are_unknown_now_are_a_hole() -> None:
    known = noisy(0.31, 0.01)
    hole = [*known[:20], None, None, *known[22:]]
    assert codes(judged(formula([*known, 0, 0]), formula([*hole, 0.31, 0]))) == {"series.restated"}
    # Unknown before, and unknown now.
    assert judged(formula([*hole, 0, 0]), formula([*hole, 0.31, 0])).verdict is Verdict.PASS
    assert judged(formula([*hole, 0, 0]), formula([*known, 0.31, 0])).verdict is Verdict.PASS


# Below 0.


def test_a_loss_is_said_to_be_one() -> None:
    profit = [-value - 0.5 for value in WEEK[:-2]]
    found = judged(formula([*profit, 0, 0]), formula([*profit, profit[-7], -50.5]))
    assert found.verdict is Verdict.PASS
    assert found.figure is not None
    assert found.figure.after == profit[-7]
    assert found.figure.after < 0


def test_a_value_that_changes_its_sign_does_not_turn_the_others() -> None:
    profit = [-value - 0.5 for value in WEEK[:-2]]
    found = judged(formula([*profit, 0, 0]), formula([*profit, 35.5, -50.5]))
    assert codes(found) == {"series.drop"}
    assert [finding.period for finding in found.findings] == [YESTERDAY]


@pytest.mark.parametrize("digits", [0, 2])
def test_a_margin_is_judged_by_its_own_width(digits: int) -> None:
    margin = noisy(100, 300, digits=digits)
    before = formula([*margin, 0, 0])
    for usual in (-450, 20, 700):
        assert judged(before, formula([*margin, usual, 0])).verdict is Verdict.PASS, usual
    for crash, code in ((-5000, "series.drop"), (9000, "series.rise")):
        found = judged(before, formula([*margin, crash, 0]))
        assert found.verdict is Verdict.FAIL
        assert codes(found) == {code}


def test_restated_differences_are_measured_by_their_usual_size() -> None:
    margin = noisy(100, 300, digits=2)
    margin[20] = 1.5
    restated = [*margin[:20], 14.5, *margin[21:]]
    assert judged(formula([*margin, 0, 0]), formula([*restated, 90, 0])).verdict is Verdict.PASS
    restated = [*margin[:20], 2500.5, *margin[21:]]
    assert codes(judged(formula([*margin, 0, 0]), formula([*restated, 90, 0]))) == {"series.restated"}


# Shown added up.


def added_up(data: list[int], days: list[str] | None = None) -> list[dict[str, Any]]:
    return [series(list(accumulate(data)), days)]


def test_a_cumulative_series_is_judged_by_its_steps() -> None:
    usual = WEEK[-9]
    before = added_up(WEEK)
    assert judged(before, added_up(loaded(WEEK, usual)), query=CUMULATIVE).verdict is Verdict.PASS
    for yesterday, code in ((0, "series.drop"), (2 * usual, "series.rise"), (30 * usual, "series.rise")):
        found = judged(before, added_up(loaded(WEEK, yesterday)), query=CUMULATIVE)
        assert found.verdict is Verdict.FAIL
        assert codes(found) == {code}
        assert f"purchase per day on {YESTERDAY} is {yesterday:,}" in found.summary


def test_the_window_of_a_cumulative_series_may_move() -> None:
    earlier = NOW - timedelta(days=1)
    before = tile("trends", added_up([*WEEK[:-2], 100], DAYS[:-1]), at=earlier, query=CUMULATIVE)
    for unique in (False, True):
        after = tile("trends", added_up(loaded(WEEK, WEEK[-9])[1:], DAYS[1:]), query=CUMULATIVE)
        if unique:
            for each in (before, after):
                each.result[0]["action"]["math"] = "dau"
        (found,) = compare(snapshot(before, at=earlier), snapshot(after)).tiles
        assert found.verdict is Verdict.PASS, found.summary


def test_to_show_a_series_added_up_is_to_ask_something_else() -> None:
    plain = {"kind": "TrendsQuery", "trendsFilter": {"display": "ActionsBar"}}
    line, total = [series(WEEK)], added_up(loaded(WEEK, 1200))
    for one, other in (
        (tile("trends", line, at=NOW - timedelta(hours=1), query=plain), tile("trends", total, query=CUMULATIVE)),
        (tile("trends", total, at=NOW - timedelta(hours=1), query=CUMULATIVE), tile("trends", line, query=plain)),
    ):
        (found,) = compare(snapshot(one, at=NOW - timedelta(hours=1)), snapshot(other)).tiles
        assert "tile.query_changed" in {finding.code for finding in found.findings}


# Parts and wholes.


def events(views: list[int], purchases: list[int]) -> list[dict[str, Any]]:
    return [series(views, label="$pageview"), series(purchases, label="purchase", order=1)]


def test_the_smaller_of_two_events_is_not_a_part_of_the_larger() -> None:
    views, few = week(100_000), week(900)
    before, whole = events(views, few), loaded(views, views[-9])
    assert judged(before, events(whole, loaded(few, few[-9]))).verdict is Verdict.PASS
    hole = loaded(few, few[-9])
    hole[40:42] = [0, 0]
    for after in (events(whole, loaded(few, 0)), events(whole, hole), events(whole, loaded(few, few[-9]))[:1]):
        found = judged(before, after)
        assert found.verdict is Verdict.FAIL, found.summary
        assert "of all" not in found.summary


def test_a_small_value_of_one_breakdown_is_a_warning_still() -> None:
    values = {"web": week(100_000), "fax": week(900)}
    before = [series(data, label=name, breakdown_value=name) for name, data in values.items()]
    after = [
        series(loaded(data, 0 if name == "fax" else data[-9]), label=name, breakdown_value=name)
        for name, data in values.items()
    ]
    assert judged(before, after).verdict is Verdict.WARN


def test_two_columns_of_a_table_are_judged_each_by_itself() -> None:
    rows = [[day, orders, orders * 30.5] for day, orders in zip(DAYS[:-2], week(1200)[:-2], strict=True)]
    lost = [*rows, [YESTERDAY, 60, 1200 * 30.5]]
    found = judged(rows, lost, "table", columns=["day", "orders", "revenue"], interval=None)
    assert found.verdict is Verdict.FAIL
    assert found.findings[0].subject == "orders"


# Good news.


@pytest.mark.parametrize("empty", [slice(0, 45), slice(30, 58), slice(42, 58), slice(0, 58)])
def test_a_history_filled_after_the_fact_is_good_news(empty: slice) -> None:
    before = list(WEEK)
    before[empty] = [0] * len(before[empty])
    found = judged([series(before)], [series(loaded(WEEK, WEEK[-9]))])
    assert found.verdict is Verdict.PASS, found.summary
    too_much = [value * 10 if before[index] == 0 else value for index, value in enumerate(loaded(WEEK, WEEK[-9]))]
    if sum(map(bool, before)) >= 7:
        assert judged([series(before)], [series(too_much)]).verdict is Verdict.FAIL


@pytest.mark.parametrize(("partial", "whole"), [(2, 8), (1, 6), (4, 11)])
def test_an_older_day_of_a_few_that_is_completed_is_good_news(partial: int, whole: int) -> None:
    chance = random.Random(5)
    few = [sum(chance.random() < 0.1 for _ in range(60)) for _ in DAYS[:-2]]
    before, after = [*few, 0, 0], [*few, 6, 0]
    before[44], after[44] = partial, whole
    assert judged([series(before)], [series(after)]).verdict is Verdict.PASS


def test_a_history_moved_as_one_is_nowhere_as_expected() -> None:
    after = [round(value * 1.1) for value in loaded(WEEK, WEEK[-9])]
    found = judged([series(WEEK)], [series(after)])
    assert {finding.code for finding in found.findings} == {"series.restated"}


# Short windows, and the period before.


@pytest.mark.parametrize("length", [3, 4, 5])
def test_a_day_lost_in_a_short_window_is_a_warning(length: int) -> None:
    days, values = DAYS[-length:], week(1200, weekend=1.0)[-length:]
    found = judged([series(values, days)], [series(values, days)])
    assert found.verdict is Verdict.WARN
    assert f"on {YESTERDAY} is 0, where the " in found.summary
    assert "day" in found.summary
    assert judged([series(values, days)], [series(loaded(values, 1100), days)]).verdict is Verdict.PASS


def test_the_period_before_shown_for_comparison_does_not_get_lost() -> None:
    past = [(NOW.date() - timedelta(days=61 + back)).isoformat() for back in range(60, -1, -1)]
    full = week(1200)[:-2]

    def both(yesterday: int, previous: list[int]) -> list[dict[str, Any]]:
        return [
            series(loaded(WEEK, yesterday), compare=True, compare_label="current"),
            series(previous, past, compare=True, compare_label="previous"),
        ]

    known = [*full, 1100, 1150]
    assert judged(both(0, known), both(WEEK[-9], known)).verdict is Verdict.PASS
    assert codes(judged(both(0, known), both(WEEK[-9], [0] * 61))) == {"series.emptied"}
