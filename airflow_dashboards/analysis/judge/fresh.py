"""Periods that are complete now and were not before: as expected, lost, doubled, or stuck."""

from __future__ import annotations

from dataclasses import dataclass
from math import log, pi
from typing import TYPE_CHECKING

from airflow_dashboards.analysis.judge.case import Case, sure
from airflow_dashboards.analysis.judge.copies import Copies
from airflow_dashboards.analysis.model import Finding, Severity
from airflow_dashboards.analysis.noise import Noise
from airflow_dashboards.analysis.periods import named, when
from airflow_dashboards.analysis.words import between, change, count, number, percent

if TYPE_CHECKING:
    from datetime import date, datetime

    from airflow_dashboards.analysis.expectation import Expected, History, Point

#: Fewest periods that are judged together, and the relative noise they share.
_A_FEW, _COMMON = 3, 0.1
#: How busy a day may be, against the history, where nothing is known of its kind: weekends, and the days between them.
_WEEKENDS, _WEEKDAYS_TOO = (0.02, 1.7), (0.6, 60.0)
#: A rise as large as the deviations ask for may still be smaller than a doubling is: what it lacks in log odds.
_LENIENCE = 0.9
#: Fewest things that are told from their double so closely.
_TOLD_APART = 30
#: Relative rise that the mark of a double load makes a finding.
_MARKED_RISE = 0.25
_WEEKDAYS = ("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays")


@dataclass(frozen=True, slots=True)
class Fresh:
    """A period to be judged by what the history leads to expect."""

    start: datetime
    label: str
    value: float
    #: What the picture before showed while the period was running, if it did.
    before: float | None = None
    #: Only a rise is judged: the period still runs, its data may still be on the way, or had been missing before.
    rises_only: bool = False
    #: Only a drop is judged: the period has not moved since the picture before.
    drops_only: bool = False
    #: There is no value where there ought to be one; `value` is 0.
    missing: bool = False
    #: Whether no more data is to be expected of it.
    over: bool = True


@dataclass(frozen=True, slots=True)
class _Odd:
    period: Fresh
    expected: Expected
    relative: float


@dataclass(frozen=True, slots=True)
class _Outlook:
    """What is expected of some periods, and how readily a deviation is a finding."""

    case: Case
    history: History
    limit: float
    copies: Copies
    #: Per day of an unknown kind: how busy it is, against the history.
    levels: dict[date, float]
    #: What is smaller is not judged: so many things, or anything where nothing is counted.
    least: float

    def expected(self, period: Fresh, *, z: float) -> Expected | None:
        level = self.levels.get(period.start.date())
        return self.history.expected(period.start, period.value, z=z, level=level)

    def look(self, period: Fresh) -> _Odd | None:
        expected = self.expected(period, z=self.limit)
        if expected is None:
            return None
        mean = expected.noise.mean
        if max(mean, period.value) < self.least or mean <= 0:
            return None
        relative = period.value / mean - 1
        if not self._exceeds(relative) or (relative < 0 and period.start.date() in self.case.rules.holidays):
            return None
        if (relative < 0 and period.rises_only) or (relative > 0 and period.drops_only):
            return None
        return _Odd(period, expected, relative) if self._unlikely(expected, period.value, relative) else None

    def named(self, period: Fresh) -> str:
        return named(period.label, self.history.interval)

    def _exceeds(self, relative: float) -> bool:
        marked = self.copies.proof and self.case.rules.max_rise is None
        return self.case.exceeds(relative) or (marked and relative > _MARKED_RISE)

    def _unlikely(self, expected: Expected, value: float, relative: float) -> bool:
        if relative < 0 or self.case.rules.max_rise is not None:
            return abs(expected.z) >= self.limit
        # Of two explanations, an ordinary period or one loaded twice, which one is it that the value is closer to?
        noise = expected.noise
        twice = min(Noise(2 * noise.mean, noise.spread, noise.grain).z(value), 0.0)
        odds = (expected.z**2 - twice**2) / 2 + self.copies.log_odds
        return odds >= self.limit**2 / 2 - (_LENIENCE if noise.mean >= _TOLD_APART else 0.0)


def judge(
    case: Case,
    label: str,
    history: History,
    periods: list[Fresh],
    *,
    looks: int,
    share: float,
    interval: str | None,
    counts: bool,
    copies: Copies | None = None,
) -> list[Finding]:
    """Findings about periods that are not as expected; one per direction, however many periods it spans."""
    least = case.rules.min_volume if counts else 0.0
    outlook = _Outlook(case, history, case.z_limit(looks), copies or Copies(), _levels(history, periods), least)
    odd = [each for period in periods if (each := outlook.look(period)) is not None]
    findings = []
    for code, some in (
        ("series.drop", [each for each in odd if each.relative < 0]),
        ("series.rise", [each for each in odd if each.relative > 0]),
    ):
        if some:
            findings.append(_finding(case, code, label, some, share=share, interval=interval))
    return findings or _together(outlook, label, periods, share=share) or _marked(outlook, label, periods)


def _levels(history: History, periods: list[Fresh]) -> dict[date, float]:
    """How busy the first weekend is, or the first weekday, where an hourly history has not seen any.

    A level as any such day may have explains the day, and only its shape is judged then; any other explains nothing.
    """
    days: dict[date, list[tuple[Fresh, float]]] = {}
    for period in periods:
        if not history.unseen(period.start) or (period.rises_only and not period.value):
            continue
        readings = history.readings(period.start)
        if readings:
            days.setdefault(period.start.date(), []).append((period, readings[0].mean))
    levels = {}
    for day, some in days.items():
        # An hour too high bends the level less than it bends the hour.
        mean = sum(each for _, each in some)
        level = sum(period.value for period, _ in some) / mean if mean > 0 else 0.0
        low, high = _WEEKENDS if day.weekday() >= 5 else _WEEKDAYS_TOO
        if low <= level <= high:
            levels[day] = level
    return levels


def _together(outlook: _Outlook, label: str, periods: list[Fresh], *, share: float) -> list[Finding]:
    """Periods that are each within their noise, and all of them together are not."""
    case, limit = outlook.case, outlook.case.z_limit(1)
    # Each under the reading of the history that suits it best: what is odd then is odd under all of them.
    pairs = [
        (period, expected.noise)
        for period in periods
        if not period.rises_only and not period.drops_only
        if (expected := outlook.expected(period, z=limit)) is not None
    ]
    if len(pairs) < _A_FEW:
        return []
    some, picked = [period for period, _ in pairs], [noise for _, noise in pairs]
    total, n = sum(period.value for period in some), len(some)
    # What is chance from one to the next averages out; what moves a whole day does not.
    spread = (sum(each.spread**2 for each in picked) / n / n + _COMMON**2) ** 0.5
    nearest = Noise(sum(each.mean for each in picked), spread, picked[0].grain)
    if nearest.mean <= 0 or max(nearest.mean, total) < outlook.least:
        return []
    z, relative = nearest.z(total), total / nearest.mean - 1
    marked = outlook.copies.proof and case.rules.max_rise is None and relative > _MARKED_RISE
    if (abs(z) < limit or not case.exceeds(relative)) and not marked:
        return []
    low, high = nearest.band(limit)
    span = f"{outlook.named(some[0])} to {outlook.named(some[-1])}"
    return [
        Finding(
            code="series.drop" if relative < 0 else "series.rise",
            severity=case.severity(relative, share=share),
            message=(
                f"{label} has {number(total)} in {count(n, 'period')} from {span}, "
                f"{percent(relative)} {'less' if relative < 0 else 'more'} than the expected "
                f"{between(neat(low), neat(high))}."
            ),
            subject=label,
            period=some[-1].label,
            after=total,
            expected_low=neat(low),
            expected_high=neat(high),
            confidence=sure(z),
        )
    ]


def _marked(outlook: _Outlook, label: str, periods: list[Fresh]) -> list[Finding]:
    """Counts that say by themselves that they were loaded more than once, whatever their level."""
    copies = outlook.copies
    some = [period for period in periods if period.value > 0 and not period.rises_only and not period.drops_only]
    total = sum(period.value for period in some)
    if not copies.proof or not some or total < outlook.case.rules.min_volume:
        return []
    what = "even" if copies.times == 2 else f"multiples of {copies.times}"
    times = "twice" if copies.times == 2 else f"{copies.times} times"
    return [
        Finding(
            code="series.rise",
            severity=Severity.WARN,
            message=(
                f"{label} may have been loaded {times}: all {copies.of} new counts of the tile are {what}, "
                f"those before were not. From {outlook.named(some[0])} on it has {number(total)}."
            ),
            subject=label,
            period=some[-1].label,
            after=some[-1].value,
            confidence=0.9999,
        )
    ]


def _finding(case: Case, code: str, label: str, odd: list[_Odd], *, share: float, interval: str | None) -> Finding:
    worst = max(odd, key=lambda each: (abs(each.expected.z), each.period.start))
    period, expected = worst.period, worst.expected
    total = sum(each.period.value for each in odd)
    mean = sum(each.expected.noise.mean for each in odd)
    firm = abs(worst.expected.z) >= 4.0 or len(odd) > 1
    severity = case.severity(total / mean - 1, sure=firm, share=share)
    seen = "has no value" if period.missing else f"is {number(period.value)}"
    message = f"{label} {when(period.label, interval)} {seen}, {_against(period.value, expected)}"
    past = _past(expected.relatives, interval)
    message += f" ({past})." if past else "."
    if not period.over:
        message = f"{message[:-1]} although the period is not over."
    if len(odd) > 1:
        message += (
            f" Together {count(len(odd), 'period')} from {named(odd[0].period.label, interval)} to "
            f"{named(odd[-1].period.label, interval)} have {number(total)} where about {number(round(mean))} was "
            "expected."
        )
    return Finding(
        code=code,
        severity=severity,
        message=message,
        subject=label,
        period=period.label,
        # What a period had before it was over, or loaded, is nothing to hold its end against.
        before=(period.before or None) if period.drops_only else None,
        after=None if period.missing else period.value,
        expected_low=neat(expected.low),
        expected_high=neat(expected.high),
        confidence=sure(worst.expected.z),
    )


def _against(value: float, expected: Expected) -> str:
    span = between(neat(expected.low), neat(expected.high))
    if value == 0:
        return f"where {span} was expected"
    mean = expected.noise.mean
    words = change(mean, value)
    if words.startswith("about"):
        return f"{words} the expected {span}"
    return f"{percent(value / mean - 1)} {'below' if value < mean else 'above'} what was expected, {span}"


def neat(value: float) -> float:
    """Round to what the precision of an expectation deserves: three digits."""
    rounded = float(f"{value:.3g}")
    return float(round(value)) if abs(value) >= 1000 or abs(rounded) < 1e-12 else rounded


def _past(relatives: tuple[Point, ...], interval: str | None) -> str:
    if not relatives:
        return ""
    values = ", ".join(number(point.value) for point in relatives)
    days = {point.start.weekday() for point in relatives}
    if interval == "day" and len(days) == 1 and len(relatives) > 1:
        return f"{_WEEKDAYS[days.pop()]} before: {values}"
    if interval in ("hour", "minute"):
        return f"the same hour before: {values}" if len({point.start.hour for point in relatives}) == 1 else ""
    return f"before: {values}"


def short(label: str) -> str:
    """A period's label without seconds, and without midnight where it is only how a day is written.

    Example:
        >>> short("2026-06-01 05:00:00")
        '2026-06-01 05:00'
    """
    if "T00:00:00" in label:
        return label[:10]
    day, _, clock = label.replace("T", " ").partition(" ")
    return f"{day} {clock[:5]}" if clock else day


def stuck(case: Case, label: str, history: History, last: float, periods: list[Fresh]) -> Finding | None:
    """A series that repeats its last value exactly, where chance would hardly do so."""
    same = 0
    for period in periods:
        if period.value != last:
            break
        same += 1
    if not same or same != len(periods) or last <= 0:
        return None
    noise = history.readings(periods[0].start)
    if not noise or history.repeats:
        return None
    mean = noise[0].mean
    wide = (noise[0].grain * mean + (noise[0].spread * mean) ** 2) ** 0.5
    # Chance that a value of this spread hits one given whole number, `same` times over.
    chance = min(1 / (2 * pi**0.5 * wide), 1.0) if wide > 0 else 1.0
    if same * log(max(chance, 1e-300)) > log(1e-3):
        return None
    first = periods[0]
    times = "once more" if same == 1 else f"{same} times more"
    return Finding(
        code="series.stuck",
        severity=Severity.WARN,
        message=(
            f"{label} repeats its last value, {number(last)}, {times} from {named(first.label, history.interval)} on; "
            "values like these do not repeat by chance."
        ),
        subject=label,
        period=first.label,
        before=last,
        after=first.value,
        confidence=round(1 - chance**same, 4),
    )
