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
