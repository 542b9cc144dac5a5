"""Periods that were complete before and read otherwise now: late events, a repaired hole, or history gone wrong."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, log
from statistics import median
from typing import TYPE_CHECKING

from airflow_dashboards.analysis.judge.case import Case, sure
from airflow_dashboards.analysis.model import Finding, Severity
from airflow_dashboards.analysis.periods import named, when
from airflow_dashboards.analysis.words import between, change, count, number

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from airflow_dashboards.analysis.expectation import History

#: Complete periods that late events may still reach.
_RECENT = {"minute": 120, "hour": 96, "day": 7, "week": 2, "month": 2, "quarter": 1, "year": 1}
_LATE, _OLD = 0.12, 0.05
#: Periods that may be repaired by themselves; more of them are history rewritten.
_A_FEW = 4
#: Part of a history that, moved by one factor, is the history rewritten.
_MOST_OF_IT = 0.5
#: Few a period, and the deviations that are ordinary among so few.
_SMALL, _ORDINARY = 30.0, 2.5
#: Counts from which a factor is known to a hundredth, and the relative step from one hour to the next.
_PRECISE, _STEP = 200, 0.25


@dataclass(frozen=True, slots=True)
class Pair:
    """A period complete in both pictures."""

    start: datetime | None
    label: str
    before: float
    after: float
    #: How many complete periods came after it, at the time of the picture before.
    age: int
    #: How large values of the series are, where they go through 0 and a value near it says nothing of that.
    size: float = 0.0

    @property
    def delta(self) -> float:
        """How far it moved."""
        return self.after - self.before

    @property
    def relative(self) -> float:
        """How far it moved, against what it was."""
        base = max(abs(self.before), self.size)
        return self.delta / base if base else (1.0 if self.delta > 0 else -1.0)


@dataclass(frozen=True, slots=True)
class Moves:
    """The periods of a series that are complete in both pictures, of which most have not moved."""

    #: Those that moved, oldest first.
    moved: list[Pair]
    #: How many there are, the label of the last of them, and their sums before, signed and absolute.
    of: int
    last: str
    total: float
    volume: float
    #: Whether one of them is other than 0 now.
    alive: bool
    #: Whether the periods were running before, and not complete.
    running: bool = False

    @classmethod
    def among(cls, pairs: Sequence[Pair], *, running: bool = False) -> Moves:
        """Return what moved among some pairs."""
        return cls(
            [pair for pair in pairs if pair.before != pair.after],
            len(pairs),
            pairs[-1].label if pairs else "",
            sum(pair.before for pair in pairs),
            sum(abs(pair.before) for pair in pairs),
            any(pair.after for pair in pairs),
            running,
        )


def tolerance(case: Case, pair: Pair, interval: str | None, *, counts: bool) -> float:
    """How far a complete period may move without a word."""
    own = case.rules.max_restated
    share = own if own is not None else _LATE if pair.age < _RECENT.get(interval or "day", 2) else _OLD
    room = share * max(abs(pair.before), pair.size)
    # Late events come one by one: of few events a few per cent is less than one.
    return room + (2.5 * room**0.5 + 2 if counts else 1e-9)


def moved(case: Case, moves: Moves, interval: str | None, *, counts: bool) -> list[Pair]:
    """The pairs that moved further than they may; all that moved, where only their sum is too far away."""
    beyond = [pair for pair in moves.moved if abs(pair.delta) > tolerance(case, pair, interval, counts=counts)]
    if beyond or not counts:
        return beyond
    room = (case.rules.max_restated if case.rules.max_restated is not None else 2 * _OLD) * moves.volume
    delta = sum(pair.delta for pair in moves.moved)
    if moves.total > 0 and abs(delta) > room + 2.5 * room**0.5 + 1:
        return [pair for pair in moves.moved if pair.delta * delta > 0]
    return []


def judge(
    case: Case,
    label: str,
    moves: Moves,
    interval: str | None,
    history: History | None,
    *,
    counts: bool,
    share: float,
    around: Callable[[], Mapping[str, tuple[float, float]]] | None = None,
) -> list[Finding]:
    """Say what restated periods mean: repaired (good news) or changed after the fact.

    `around` gives the two neighbours of a period, by its label.
    """
    changed = [
        pair
        for pair in moved(case, moves, interval, counts=counts)
        if max(abs(pair.before), abs(pair.after)) >= case.rules.min_volume or not counts
    ]
    if not changed:
        return []
    wrong: list[Pair] = []
    repaired: list[Pair] = []
    scaled = _by_one_factor(changed)
    # A history that has moved as one was not repaired here and there.
    rewritten = scaled and len(changed) > max(_A_FEW, _MOST_OF_IT * moves.of)
    for pair in changed:
        good = not rewritten and _repaired(
            case, pair, interval, history, looks=len(changed), scaled=scaled, counts=counts
        )
        if not good and len(changed) <= 2 and around is not None and interval in ("hour", "minute"):
            good = _fits_in(pair, around().get(pair.label))
        (repaired if good else wrong).append(pair)
    findings = []
    if repaired:
        findings.append(_good_news(label, repaired, interval))
    if wrong:
        findings.append(_restated(case, label, wrong, moves, interval, share=share))
    return findings


def _by_one_factor(pairs: list[Pair]) -> bool:
    """Whether several periods have moved by the very same factor: late events never come in proportion."""
    some = [pair for pair in pairs if pair.before >= _PRECISE]
    factors = [pair.after / pair.before for pair in some]
    return len(factors) >= _A_FEW - 1 and max(factors) - min(factors) < 0.01 * max(factors)


def _fits_in(pair: Pair, neighbours: tuple[float, float] | None) -> bool:
    """Whether an hour lies between its neighbours now and did not before: one that was repaired.

    Hours go up and down by degrees, however little is known of the days they are of.
    """
    if neighbours is None or min(neighbours) <= 0 or pair.after <= 0:
        return False
    middle = (neighbours[0] * neighbours[1]) ** 0.5
    wide = abs(log(neighbours[0] / neighbours[1])) / 2 + _STEP + 2 / middle**0.5
    now = abs(log(pair.after / middle))
    then = abs(log(pair.before / middle)) if pair.before > 0 else inf
    return now < wide and now < 0.7 * then


def _repaired(
    case: Case, pair: Pair, interval: str | None, history: History | None, *, looks: int, scaled: bool, counts: bool
) -> bool:
    """Whether a period is as expected now and was not, or was not whole, before."""
    if pair.start is None:
        return False
    if history is None:
        return pair.before == 0
    limit = case.z_limit(looks)
    now = history.expected(pair.start, pair.after, z=limit)
    # Exactly half of what it was: what had been loaded twice is there once.
    halved = looks <= 2 and pair.before >= 4 and abs(2 * pair.after - pair.before) <= 1
    if now is None and history.signed and looks <= _A_FEW:
        middle = median(history.values)
        return pair.before == 0 or abs(pair.after - middle) < abs(pair.before - middle)
    if now is None:
        # Too little is known to expect anything; filling an empty period is no harm.
        return pair.before == 0 or halved
    mean = now.noise.mean
    if counts and pair.delta > 0 and mean < _SMALL and now.z < _ORDINARY and looks <= _A_FEW and not scaled:
        return True  # of so few, more of them up to what is ordinary is the rest of them
    if pair.before == 0 and now.z < limit:
        return True
    if abs(now.z) >= limit and mean > 0 and case.exceeds(pair.after / mean - 1):
        return False
    if halved and abs(now.z) < limit:
        return True
    late = pair.age < min(_RECENT.get(interval or "day", 2), 3)
    if late and pair.delta > 0 and not scaled:
        return True  # the load has brought the rest of a period
    if mean <= 0:
        return False
    # Closer to what it should be than it was; where many have moved, it must also have been odd, and be right now.
    then = now.noise.z(pair.before)
    main = history.readings(pair.start)[0].z(pair.before)
    off = pair.before / mean - 1
    if not (off < -0.2 or off > 0.4):
        return False
    if looks <= _A_FEW:
        return abs(now.z) < max(abs(then), abs(main))
    return abs(then) >= 2.5 and abs(now.z) <= 0.65 * abs(then)


def _span(pairs: list[Pair], interval: str | None) -> str:
    first, last = named(pairs[0].label, interval), named(pairs[-1].label, interval)
    return first if len(pairs) == 1 else f"{first} to {last}"


def _good_news(label: str, pairs: list[Pair], interval: str | None) -> Finding:
    before, after = sum(pair.before for pair in pairs), sum(pair.after for pair in pairs)
    at = when(pairs[0].label, interval) if len(pairs) == 1 else f"from {_span(pairs, interval)}"
    return Finding(
        code="series.recovered",
        severity=Severity.INFO,
        subject=label,
        period=pairs[0].label,
        before=before,
        after=after,
        message=f"{label} {at} is as expected now: {number(after)}, it was {number(before)}.",
    )


def _restated(
    case: Case, label: str, pairs: list[Pair], moves: Moves, interval: str | None, *, share: float
) -> Finding:
    before, after = sum(pair.before for pair in pairs), sum(pair.after for pair in pairs)
    worst = max(pairs, key=lambda pair: (abs(pair.relative), pair.label))
    base = max(abs(before), sum(pair.size for pair in pairs))
    relative = (after - before) / base if base else 1.0
    widely = len(pairs) >= max(3, 0.3 * moves.of) and abs(relative) >= 0.15
    grave = widely or abs(worst.relative) >= 0.5
    severity = Severity.FAIL if grave and share >= 0.05 else Severity.WARN
    if case.rules.max_restated is not None:
        severity = Severity.FAIL
    room = [tolerance(case, pair, None, counts=False) for pair in pairs]
    low = sum(pair.before - each for pair, each in zip(pairs, room, strict=True))
    high = sum(pair.before + each for pair, each in zip(pairs, room, strict=True))
    if len(pairs) == 1:
        allowed = f"; {between(round(low), round(high))} was expected" if worst.before else ""
        had = f"had {number(worst.before)} while it ran" if moves.running else f"was complete at {number(worst.before)}"
        message = (
            f"{label} {when(worst.label, interval)} {had} and is {number(worst.after)} now "
            f"({change(worst.before, worst.after)}{allowed})."
        )
    else:
        message = (
            f"{label} has {'less' if moves.running else 'changed'} in {count(len(pairs), 'period')} that were "
            f"{'running' if moves.running else 'complete'} before, {_span(pairs, interval)}: "
            f"together {number(before)}, now {number(after)} ({change(before, after)}); most "
            f"{when(worst.label, interval)}, {number(worst.before)} to {number(worst.after)}."
        )
    return Finding(
        code="series.restated",
        severity=severity,
        message=message,
        subject=label,
        period=worst.label,
        before=worst.before,
        after=worst.after,
        expected_low=round(worst.before - room[pairs.index(worst)], 6),
        expected_high=round(worst.before + room[pairs.index(worst)], 6),
        confidence=sure(4.0),
    )
