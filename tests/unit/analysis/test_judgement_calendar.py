"""Series with a calendar of their own: idle weekends, lags, weeks and months."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from airflow_dashboards.analysis import TileAnalysis, Verdict, compare
from tests.unit.analysis.pictures import series, snapshot, tile


def morning(day: str, hour: int) -> datetime:
    return datetime.fromisoformat(day).replace(hour=hour, tzinfo=timezone.utc)


def days_to(last: str, n: int) -> list[str]:
    end = datetime.fromisoformat(last)
    return [(end - timedelta(days=back)).date().isoformat() for back in range(n - 1, -1, -1)]


def workdays(days: list[str], *, weekday: int = 500, weekend: int = 0) -> list[int]:
    return [weekend if datetime.fromisoformat(day).weekday() >= 5 else weekday for day in days]


def judged(
    before: list[Any], after: list[Any], then: datetime, now: datetime, kind: str = "trends", **more: Any
) -> TileAnalysis:
    one = snapshot(tile(kind, before, at=then, **more), at=then)
    (found,) = compare(one, snapshot(tile(kind, after, at=now, **more), at=now)).tiles
    return found


@pytest.mark.parametrize("length", [9, 14, 15, 20, 23, 30])
@pytest.mark.parametrize("weekend", [0, 5, 15])
@pytest.mark.parametrize("today", ["2026-06-14", "2026-06-15"])
def test_an_idle_weekend_stays_quiet(today: str, weekend: int, length: int) -> None:
    days = days_to(today, length)
    values = workdays(days, weekend=weekend)
    before, after = [*values[:-2], 0, 0], [*values[:-1], 0]
    found = judged([series(before, days)], [series(after, days)], morning(today, 1), morning(today, 5))
    assert found.verdict is Verdict.PASS, found.summary


@pytest.mark.parametrize("length", [9, 15, 30])
def test_an_idle_working_day_is_lost_all_the_same(length: int) -> None:
    days = days_to("2026-06-17", length)
    values = [*workdays(days)[:-2], 0, 0]
    found = judged([series(values, days)], [series(values, days)], morning("2026-06-17", 1), morning("2026-06-17", 5))
    assert found.verdict is Verdict.FAIL


def test_a_shop_closed_on_fridays_is_quiet_on_fridays() -> None:
    days = days_to("2026-06-20", 18)
    values = [0 if datetime.fromisoformat(day).weekday() == 4 else 500 for day in days]
    before, after = [*values[:-2], 0, 0], [*values[:-1], 0]
    found = judged([series(before, days)], [series(after, days)], morning("2026-06-20", 1), morning("2026-06-20", 5))
    assert found.verdict is Verdict.PASS, found.summary


@pytest.mark.parametrize("length", [7, 14])
@pytest.mark.parametrize("weekend", [0.0, 0.03])
def test_an_idle_weekend_of_hours_stays_quiet(weekend: float, length: int) -> None:
    end = datetime.fromisoformat("2026-06-14 05:00")
    starts = [end - timedelta(hours=back) for back in range(24 * length + 5, -1, -1)]
    hours = [start.isoformat(sep=" ") for start in starts]
    values = [
        round((200 if 8 <= start.hour < 19 else 40) * (weekend if start.weekday() >= 5 else 1) * (1 + index % 3 / 40))
        for index, start in enumerate(starts)
    ]
    midnight = end.replace(hour=0)
    after = [value if start < midnight else 0 for start, value in zip(starts, values, strict=True)]
    before = [value if start < midnight - timedelta(days=1) else 0 for start, value in zip(starts, values, strict=True)]
    found = judged(
        [series(before[:-4], hours[:-4])],
        [series(after, hours)],
        morning("2026-06-14", 1),
        morning("2026-06-14", 5),
        interval="hour",
    )
    assert found.verdict is Verdict.PASS, found.summary


# Data that comes days later by design. 2026-06-16 is a Tuesday.

LONG = days_to("2026-06-16", 31)
LEVEL = [1200 - 7 * (index % 5) for index in range(31)]


def shown(until: str, days: list[str]) -> list[int]:
    return [LEVEL[LONG.index(day)] if day <= until else 0 for day in days]


def as_table(until: str, days: list[str]) -> list[list[Any]]:
    return [[day, value] for day, value in zip(days, shown(until, days), strict=True) if value]


@pytest.mark.parametrize("last", ["2026-06-14", "2026-06-13", "2026-06-12"])
def test_data_that_comes_days_later_by_design_is_not_lost(last: str) -> None:
    days, yesterday = LONG[1:], LONG[LONG.index(last) - 1]
    # Before and after the load of one morning, and after the loads of two mornings.
    for before_days, then in ((days, morning("2026-06-16", 1)), (LONG[:-1], morning("2026-06-15", 5))):
        one, other = [series(shown(yesterday, before_days), before_days)], [series(shown(last, days), days)]
        found = judged(one, other, then, morning("2026-06-16", 5))
        assert found.verdict is Verdict.PASS, found.summary
        assert found.figure is not None
        assert found.figure.label == f"purchase on {last}"
        # Nothing has come at all; and the day that is due has come twice.
        lost = [series(shown(yesterday, days), days)]
        if last > "2026-06-12":
            assert judged(one, lost, then, morning("2026-06-16", 5)).verdict is Verdict.FAIL
        twice = [value * 2 if day == last else value for value, day in zip(shown(last, days), days, strict=True)]
        assert judged(one, [series(twice, days)], then, morning("2026-06-16", 5)).verdict is Verdict.FAIL


@pytest.mark.parametrize("last", ["2026-06-14", "2026-06-13"])
def test_rows_that_come_days_later_by_design_are_not_lost(last: str) -> None:
    before, after = as_table(LONG[LONG.index(last) - 1], LONG), as_table(last, LONG)
    more: dict[str, Any] = {"columns": ["day", "n"], "interval": None, "query": None}
    then, now = morning("2026-06-16", 1), morning("2026-06-16", 5)
    assert judged(before, after, then, now, "table", **more).verdict is Verdict.PASS
    if last == "2026-06-14":
        assert judged(before, before, then, now, "table", **more).verdict is not Verdict.PASS


@pytest.mark.parametrize("then", ["2026-06-15", "2026-06-16"])
def test_a_picture_before_the_load_proves_no_lag(then: str) -> None:
    days = LONG[1:]
    before_days = days if then == "2026-06-16" else LONG[:-1]
    known = LONG[LONG.index(then) - 2]
    before = [series(shown(known, before_days), before_days)]
    found = judged(before, [series(shown("2026-06-14", days), days)], morning(then, 1), morning("2026-06-16", 6))
    assert found.verdict is Verdict.FAIL, found.summary


def test_hours_of_a_day_that_has_begun_to_come_are_lost() -> None:
    end = datetime.fromisoformat("2026-06-16 05:00")
    starts = [end - timedelta(hours=back) for back in range(24 * 10 + 5, -1, -1)]
    hours = [start.isoformat(sep=" ") for start in starts]

    def until(last: str) -> list[int]:
        return [200 + start.hour if start.isoformat(sep=" ") < last else 0 for start in starts]

    then, now = morning("2026-06-16", 1), morning("2026-06-16", 5)
    for known, due, verdict in (
        ("2026-06-15", "2026-06-15 18:00", Verdict.FAIL),
        ("2026-06-14", "2026-06-15", Verdict.PASS),  # two days later by design
    ):
        one, other = [series(until(known)[:-4], hours[:-4])], [series(until(due), hours)]
        found = judged(one, other, then, now, interval="hour")
        assert found.verdict is verdict, (known, due, found.summary)


# What periods are called.


def test_a_day_that_is_not_shown_is_told_once() -> None:
    days = LONG[1:]
    then, now = morning("2026-06-16", 1), morning("2026-06-17", 5)
    found = judged(
        [series(shown("2026-06-15", days), days)], [series(shown("2026-06-14", days)[:-2], days[:-2])], then, now
    )
    assert found.summary.startswith("2 complete periods are not shown: 2026-06-15 and 2026-06-16.")
    now = morning("2026-06-16", 5)
    found = judged(
        [series(shown("2026-06-14", days), days)], [series(shown("2026-06-14", days)[:-2], days[:-2])], then, now
    )
    assert found.summary.startswith("1 complete period is not shown: 2026-06-15.")


def test_weeks_and_months_are_called_by_their_names() -> None:
    months = [f"{2024 + index // 12}-{index % 12 + 1:02d}-01" for index in range(5, 30)]
    values = [30_000 + 100 * (index % 3) for index in range(25)]
    then, now = morning("2026-05-31", 5), morning("2026-06-01", 5)
    found = judged(
        [series([*values[:-2], 29_000], months[:-1])], [series([*values[:-2], 1_500, 0], months)], then, now,
        interval="month",
    )  # fmt: skip
    assert found.verdict is Verdict.FAIL
    assert " in May 2026 " in found.summary
    assert "complete" not in found.summary
    weeks = days_to("2026-06-14", 7 * 20)[6::7]
    values = [30_000 + 100 * (index % 3) for index in range(20)]
    now = morning("2026-06-21", 5)
    found = judged(
        [series(values, weeks)], [series([*values[:-1], 500], weeks)], morning("2026-06-20", 5), now, interval="week"
    )
    assert " in the week of 2026-06-14 " in found.summary


def test_a_running_period_that_has_less_was_not_complete() -> None:
    days = LONG[1:]
    then, now = morning("2026-06-16", 5), morning("2026-06-16", 9)
    before, after = shown("2026-06-15", days), shown("2026-06-15", days)
    before[-1], after[-1] = 400, 100
    found = judged([series(before, days)], [series(after, days)], then, now)
    assert found.verdict is Verdict.FAIL
    assert "had 400 while it ran and is 100 now" in found.summary


def test_a_late_day_that_came_twice_is_told_as_a_rise_and_not_as_good_news() -> None:
    """An eighth of noise: less than a doubling, so held to be loaded twice rather than merely high."""
    days = days_to("2026-06-16", 15)
    shown = [899, 1078, 960, 731, 890, 775, 840, 690, 910, 745, 860, 795, 1580, 0, 0]
    before = [0 if index >= 12 else value for index, value in enumerate(shown)]
    found = judged([series(before, days)], [series(shown, days)], morning("2026-06-16", 1), morning("2026-06-16", 5))
    assert [finding.code for finding in found.findings] == ["series.rise"]
    assert "not over" not in found.findings[0].message
    once = [790 if value == 1580 else value for value in shown]
    good = judged([series(before, days)], [series(once, days)], morning("2026-06-16", 1), morning("2026-06-16", 5))
    assert good.verdict is Verdict.PASS
    assert [finding.code for finding in good.findings] == ["series.recovered"]
