"""Rhythms a series may have: what tells one period from another of the same length."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from airflow_dashboards.analysis.periods import end

#: Share of the week that an idle weekend counts as, so that hours can be told from days.
_IDLE = 1e-3
Phase = Callable[[datetime], int]


def weekend(start: datetime) -> int:
    """1 on Saturdays and Sundays."""
    return int(start.weekday() >= 5)


def hour_and_weekend(start: datetime) -> int:
    """The hour of the day, told apart for weekends."""
    return start.hour + 24 * weekend(start)


#: Per interval: rhythms from simple to complex, each with its cycle in periods and the history it needs.
RHYTHMS: dict[str, tuple[tuple[Phase, int, int], ...]] = {
    "day": ((weekend, 7, 5), (datetime.weekday, 7, 14)),
    "hour": (
        (lambda start: start.hour, 24, 25),
        (hour_and_weekend, 24, 30),
        (lambda start: start.hour + 24 * start.weekday(), 168, 336),
    ),
    "minute": ((lambda start: start.hour, 1440, 2880),),
    "month": ((lambda start: start.month, 12, 25),),
}


@dataclass(frozen=True, slots=True)
class Cells:
    """Periods told apart by a phase: the cell of each, and the indexes of those in each cell."""

    of: Sequence[int]
    members: Mapping[int, Sequence[int]]


@lru_cache(maxsize=64)
def cells_of(phase: Phase, starts: tuple[datetime, ...]) -> Cells:
    """Tell periods apart by a phase; series of one tile share their periods, so it is remembered.

    Example:
        >>> cells_of(weekend, (datetime(2026, 6, 5), datetime(2026, 6, 6))).of
        [0, 1]
    """
    of = list(map(phase, starts))
    members: dict[int, list[int]] = {}
    for index, cell in enumerate(of):
        members.setdefault(cell, []).append(index)
    return Cells(of, members)


@lru_cache(maxsize=64)
def on_day(starts: tuple[datetime, ...], day: int, *, last: bool) -> Sequence[int]:
    """Indexes of the periods that begin on a day of the month; with `last`, on the last of a month, too."""
    return [
        index
        for index, each in enumerate(starts)
        if each.day == day or (last and each.day >= 28 and end(each, "day").day == 1)
    ]


def separable(
    starts: Sequence[datetime], values: Sequence[float], *, grain: float
) -> tuple[dict[int, float], dict[int, int]]:
    """The factors of hours and of weekends, each learnt on its own, and how often each cell was seen.

    Of less than two weeks no hour has seen enough weekends. Hours and weekends are fitted in turns, each with the other
    taken out, because a short window shows some hours on weekends only.
    """
    sums: Counter[tuple[int, int]] = Counter()
    seen: Counter[tuple[int, int]] = Counter()
    for start, value in zip(starts, values, strict=True):
        cell = start.hour, weekend(start)
        sums[cell] += value  # type: ignore[assignment]
        seen[cell] += 1
    level = sum(values) / len(values) if values else 0.0
    if level <= 0 or len({kind for _, kind in seen}) < 2:
        return {0: 1.0}, {0: 0}  # one of the two was never seen
    hours = dict.fromkeys({hour for hour, _ in seen}, 1.0)
    shares = {0: 1.0, 1: 1.0}
    for _ in range(6):
        for hour in hours:
            mine = [(sums[hour, kind], seen[hour, kind] * shares[kind] * level) for kind in shares]
            hours[hour] = (sum(got for got, _ in mine) + 2 * grain) / max(sum(of for _, of in mine) + 2 * grain, 1e-9)
        for kind in shares:
            ours = [(sums[hour, kind], seen[hour, kind] * hours[hour] * level) for hour in hours]
            shares[kind] = max(sum(got for got, _ in ours) / max(sum(of for _, of in ours), 1e-9), _IDLE)
    factors = {hour + 24 * kind: hours[hour] * shares[kind] for hour in hours for kind in shares}
    return factors, {hour + 24 * kind: max(seen[hour, kind], 1) for hour in hours for kind in shares}
