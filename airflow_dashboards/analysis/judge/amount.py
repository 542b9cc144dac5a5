"""Judging one number against what it was: totals, sums, averages.

A single number has no history, so only large changes say anything: it must be outside what counting alone explains and
beyond the limits, which are wider here than for a series.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from math import sqrt
from typing import Any

from airflow_dashboards.analysis import periods
from airflow_dashboards.analysis.judge.case import Case, sure
from airflow_dashboards.analysis.kinds import source
from airflow_dashboards.analysis.model import Finding, Severity
from airflow_dashboards.analysis.rules import Sensitivity
from airflow_dashboards.analysis.words import change, number

_DROP = {Sensitivity.LOW: 0.6, Sensitivity.NORMAL: 0.4, Sensitivity.HIGH: 0.25}
_RISE = {Sensitivity.LOW: 1.5, Sensitivity.NORMAL: 0.7, Sensitivity.HIGH: 0.4}
#: A number gone to a third, or grown threefold, is no matter of taste.
_BAD_DROP, _BAD_RISE = 0.66, 1.9
#: What a single number may not do without a word, however small it is.
_HALVED, _DOUBLED = 0.5, 1.0
#: `-30d` and its like.
_AGO = re.compile(r"-(?P<n>\d{1,6})(?P<unit>[hdwmqy])")
_HOURS = {"h": 1, "d": 24, "w": 168, "m": 24 * 30, "q": 24 * 90, "y": 24 * 365}
_STARTS = {
    "hStart": "hour",
    "dStart": "day",
    "wStart": "week",
    "mStart": "month",
    "qStart": "quarter",
    "yStart": "year",
}


def limits(case: Case) -> tuple[float, float]:
    """Relative drop and rise from which a number is a finding."""
    rules = case.rules
    drop = rules.max_drop if rules.max_drop is not None else _DROP[rules.sensitivity]
    rise = rules.max_rise if rules.max_rise is not None else _RISE[rules.sensitivity]
    return drop, rise


def is_off(case: Case, before: float, after: float, *, counts: bool, alone: bool = False) -> bool:
    """Return whether `after` is further from `before` than the rules and the noise of counting allow.

    A number that stands `alone` on its tile and doubles or halves is worth a look even where counting explains it.
    """
    if before == after or max(abs(before), abs(after)) < (case.rules.min_volume if counts else 0.0):
        return False
    if before == 0:
        return False
    relative = (after - before) / abs(before)
    drop, rise = limits(case)
    if not (-relative > drop - 1e-9 or relative > rise - 1e-9):
        return False
    doubled = relative <= -_HALVED or relative >= _DOUBLED
    return not counts or (alone and doubled) or _beyond_counting(before, after)


def _beyond_counting(before: float, after: float) -> bool:
    return abs(after - before) > 3 * sqrt(min(abs(before), abs(after)) + 1)


def judge(
    case: Case,
    label: str,
    before: float,
    after: float,
    *,
    counts: bool,
    code: str = "number",
    share: float = 1.0,
    alone: bool = False,
    missing: bool = False,
) -> list[Finding]:
    """Findings `<code>.drop` and `<code>.rise` about one number; one that is `missing` counts as 0."""
    if not is_off(case, before, after, counts=counts, alone=alone):
        return []
    certain = not counts or _beyond_counting(before, after)
    now = (
        f"has no value, it was {number(before)}"
        if missing
        else f"is {number(after)}, it was {number(before)} ({change(before, after)})"
    )
    relative = (after - before) / abs(before)
    own = case.rules.max_drop if relative < 0 else case.rules.max_rise
    bad = relative <= -_BAD_DROP or relative >= _BAD_RISE or own is not None
    drop, rise = limits(case)
    low, high = sorted((before - drop * abs(before), before + rise * abs(before)))
    noise = max((min(abs(before), abs(after)) + 1) ** 0.5, 1e-9)
    return [
        Finding(
            code=f"{code}.{'drop' if relative < 0 else 'rise'}",
            severity=Severity.FAIL if bad and certain and share >= 0.05 else Severity.WARN,
            message=f"{label} {now}.",
            subject=label,
            before=before,
            after=after,
            expected_low=float(f"{low:.6g}"),
            expected_high=float(f"{high:.6g}"),
            confidence=sure(abs(after - before) / noise) if counts else None,
        )
    ]


def grows_by_itself(case: Case) -> float | None:
    """How much a number over a window that begins at a fixed start (month to date) grows by time alone.

    Returns None for a window that slides; 0 where the window has begun anew between the two pictures, so that they have
    nothing to do with each other.
    """
    dates = source(case.after.query).get("dateRange")
    begin = dates.get("date_from") if isinstance(dates, dict) else None
    if begin == "all":
        return 1.0
    unit = _STARTS.get(begin) if isinstance(begin, str) else None
    if unit is None or case.then is None:
        return None
    start_then, start_now = _start(case.then, unit), _start(case.now, unit)
    if start_then != start_now:
        return 0.0
    gone = max(case.then - start_then, timedelta(minutes=1))
    return max((case.now - start_now) / gone, 1.0)


def covers_a_week(case: Case) -> bool:
    """Whether the query looks at a week or more, so that weekdays level out; a month to date may be a day long.

    Where it names no dates, PostHog takes the last seven days.
    """
    dates = source(case.after.query).get("dateRange")
    begin, end = (dates.get("date_from"), dates.get("date_to")) if isinstance(dates, dict) else (None, None)
    if begin is None or begin == "all":
        return True
    start, stop = _back(begin, case.now), _back(end, case.now) if end is not None else case.now
    return start is not None and stop is not None and stop - start >= timedelta(days=7)


def _back(date: Any, now: datetime) -> datetime | None:
    """The instant a query's date stands for: `-30d` or a date; None for what begins with a calendar unit."""
    if not isinstance(date, str):
        return None
    found = _AGO.fullmatch(date)
    if found is None:
        return periods.parse(date)
    try:
        return now - timedelta(hours=int(found["n"]) * _HOURS[found["unit"]])
    except OverflowError:
        return None


def _start(moment: datetime, unit: str) -> datetime:
    hour = moment.replace(minute=0, second=0, microsecond=0)
    if unit == "hour":
        return hour
    day = hour.replace(hour=0)
    if unit == "day":
        return day
    if unit == "week":
        return day - timedelta(days=min(day.weekday(), (day - datetime.min).days))  # noqa: DTZ901 - wall-clock times
    month = day.replace(day=1)
    if unit == "month":
        return month
    return month.replace(month=1 if unit == "year" else (month.month - 1) // 3 * 3 + 1)
