"""Series that fall below 0: differences, margins, profits. They have no relative noise, only a middle and a width."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from airflow_dashboards.analysis.judge.case import Case, sure
from airflow_dashboards.analysis.judge.fresh import Fresh, neat
from airflow_dashboards.analysis.model import Finding, Severity
from airflow_dashboards.analysis.noise import MAD
from airflow_dashboards.analysis.periods import when
from airflow_dashboards.analysis.words import between, listed, number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_dashboards.analysis.expectation import History

#: Periods that a middle is taken from: the last of them, the last few, and those of the same weekday.
_RECENT, _LATELY, _ALIKE = 28, 7, 3
#: Fewest periods from which a width is known.
_FEWEST = 7
#: How much wider a width may be that was learnt from one value only.
_DOUBT = 3.0
#: Least width, as a part of the usual size, and how far beyond all that was seen a value must be.
_LEAST, _BEYOND = 0.05, 1.25
#: Deviations, in widths that make a finding, from which it is a failure.
_FAR = 2.0
#: Fewest periods that were never 0, and the least width, for a value of exactly 0 to be no chance.
_NEVER, _WIDE = 10, 300.0


def judge(case: Case, label: str, history: History, judged: list[Fresh], *, looks: int) -> list[Finding]:
    """Findings about new periods of a series that has values below 0; one at most, about the period furthest off."""
    values = history.values
    if len(values) < _FEWEST:
        return []
    limit = case.z_limit(looks)
    found: list[tuple[float, str, Finding]] = []
    for period in judged:
        if period.rises_only or (period.drops_only and period.value):
            continue
        one = _look(case, label, history, period, limit)
        if one is not None:
            found.append(one)
    return [max(found, key=lambda item: (item[0], item[1]))[2]] if found else []


def _look(case: Case, label: str, history: History, period: Fresh, limit: float) -> tuple[float, str, Finding] | None:
    values = history.values
    size = usual_size(values)
    middles = _middles(history, period)
    off = [abs(value - median(values[-_RECENT:])) for value in values]
    # The median of a few deviations is often far too small; their squares without the largest are less so.
    square = sum(each * each for each in sorted(off)[:-1]) / (len(off) - 1)
    width = max(MAD * median(off), square**0.5, _LEAST * size, 1e-12) * (1 + _DOUBT / len(values)) ** 0.5
    middle = min(middles, key=lambda each: abs(period.value - each))
    z = (period.value - middle) / width
    farthest = sorted(off)[-2]  # one bad day in the history excuses no other
    relative = abs(period.value - middle) / size if size else 0.0
    lower = abs(period.value) < abs(middle) if max(values) <= 0 else period.value < middle
    too_far = case.exceeds(-relative if lower else relative)
    if abs(z) >= limit and abs(period.value - middle) > _BEYOND * farthest and too_far:
        bad = abs(z) >= _FAR * limit and case.severity(-relative if lower else relative) is Severity.FAIL
        return abs(z), period.label, _finding(case, label, history, period, (middle, width * limit, z), lower, bad)
    never = len(values) >= _NEVER and 0.0 not in values and (width >= _WIDE or any(each % 1 for each in values))
    if never and not period.value:
        return 0.0, period.label, _finding(case, label, history, period, (middle, width * limit, limit), True, False)
    return None


def usual_size(values: Sequence[float]) -> float:
    """How large values are, their signs aside."""
    return median(map(abs, values[-_RECENT:])) if values else 0.0


def _middles(history: History, period: Fresh) -> list[float]:
    values = history.values
    middles = [median(values[-_RECENT:]), median(values[-_LATELY:])]
    alike = [
        value for start, value in zip(history.starts, values, strict=True) if start.weekday() == period.start.weekday()
    ]
    if history.interval == "day" and len(alike) >= _ALIKE:
        middles.append(median(alike[-8:]))
    return middles


def _finding(
    case: Case,
    label: str,
    history: History,
    period: Fresh,
    expected: tuple[float, float, float],
    lower: bool,
    bad: bool,
) -> Finding:
    middle, room, z = expected
    own = case.rules.max_drop if lower else case.rules.max_rise
    low, high = neat(middle - room), neat(middle + room)
    seen = "has no value" if period.missing else f"is {number(period.value)}"
    past = listed([number(value) for value in history.values[-3:]])
    why = f"where {between(low, high)} was expected"
    if low <= period.value <= high:
        why = f"exactly, which none of the {len(history)} periods before was"
    return Finding(
        code="series.drop" if lower else "series.rise",
        severity=Severity.FAIL if bad or own is not None else Severity.WARN,
        message=f"{label} {when(period.label, history.interval)} {seen}{',' if 'where' in why else ''} {why}"
        f" (before: {past}).",
        subject=label,
        period=period.label,
        after=None if period.missing else period.value,
        expected_low=low,
        expected_high=high,
        confidence=sure(z),
    )
