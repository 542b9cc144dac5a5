"""What the next period of a series should be, learnt from the series' own history.

A value is modelled as `level x rhythm`: the level follows the last cycles and their trend, the rhythm is the share of
a weekday, an hour or a day of the month, used only where it explains the history better than a simpler one. Where
several readings of a history are plausible (too short for a rhythm, a level that has just changed) a value is
unexpected only if it is so under each of them.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from heapq import nsmallest
from itertools import accumulate, cycle, pairwise
from math import exp, inf, log, sqrt
from operator import mul, sub, truediv
from statistics import median
from typing import TYPE_CHECKING

from airflow_dashboards.analysis.noise import MAD, Noise
from airflow_dashboards.analysis.periods import end
from airflow_dashboards.analysis.rhythm import (
    RHYTHMS,
    Cells,
    Phase,
    cells_of,
    hour_and_weekend,
    on_day,
    separable,
    weekend,
)
from airflow_dashboards.analysis.trend import Trend

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Fewest complete periods from which anything is expected.
MIN_HISTORY = 4
#: Periods an expectation is learnt from, the latest there are; older ones say little of tomorrow. Days: each day of the
#: month has come thirteen times. Hours: each hour of the week six times. Minutes: the level of the last two hours, and
#: most of a day of noise. Weeks: two years. Months, and what is longer: ten years, ten times each month.
MOST_HISTORY = {"minute": 1000, "hour": 6 * 168, "day": 400, "week": 104, "month": 120, "quarter": 40, "year": 40}
#: Relative noise assumed while a history is too short to show its own, and how many periods that assumption weighs.
_PRIOR_SPREAD, _PRIOR_WEIGHT = 0.1, 6
_LEAST_SPREAD, _MOST_SPREAD = 0.04, 3.0

#: Hours of a weekend, or of the week, from which its level is known.
_SOME_HOURS = 12
_CYCLE = {"day": 7, "hour": 24, "minute": 60, "week": 4, "month": 3, "quarter": 4, "year": 3}
#: Periods that the level of the next one is taken from.
_RECENT = {"day": 14, "hour": 168, "minute": 120, "week": 5, "month": 4, "quarter": 4, "year": 3}

#: Periods expected to have less than this part of what is typical say nothing of its noise.
_IDLE = 0.1
#: Periods expected to have at least this part of what another is are of its kind.
_COMPARABLE = 0.2
_DAY, _WEEK = timedelta(days=1), timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Point:
    """One complete period of a history."""

    start: datetime
    label: str
    value: float


@dataclass(frozen=True, slots=True)
class Expected:
    """What a period should be, under the reading of the history that fits best what was seen."""

    noise: Noise
    z: float
    low: float
    high: float
    #: Earlier periods this was learnt from, the closest relatives of the judged one, newest last.
    relatives: tuple[Point, ...]


class History:
    """The complete periods of one series, oldest first, and the expectation they give."""

    def __init__(
        self,
        starts: Sequence[datetime],
        labels: Sequence[str],
        values: Sequence[float],
        interval: str | None,
        *,
        counts: bool,
    ) -> None:
        self._starts = tuple(starts)
        self._labels = labels
        self._values = list(map(float, values))
        self._interval = interval or "day"
        self._phase: Phase | None = None
        self._factors: dict[int, float] = {}
        self._seen: dict[int, int] = {}
        self._grain = 1.0 if counts else 0.0
        self._fit()

    def __len__(self) -> int:
        return len(self._values)

    @cached_property
    def _known(self) -> bool:
        # What falls below 0 is a difference of two things; its size says nothing of its noise.
        return len(self._values) >= MIN_HISTORY and min(self._values) >= 0

    def expected(self, start: datetime, value: float, *, z: float, level: float | None = None) -> Expected | None:
        """Return what the period at `start` should be, with its band at `z` deviations; None without a history.

        `level` is how busy, against the history, that day may be said to be where its like was never seen.
        """
        readings = self.readings(start)
        if not readings:
            return None
        if level is not None:
            readings.append(Noise(readings[0].mean * level, readings[0].spread * 1.4, self._grain))
        scored = [(reading.z(value), reading) for reading in readings]
        nearest, noise = min(scored, key=lambda item: abs(item[0]))
        if abs(nearest) > z and self._has_been(value, noise):
            nearest = 0.9 * z if nearest > 0 else -0.9 * z
        low, high = noise.band(z)
        return Expected(noise, nearest, low, high, self._relatives(start))

    def unseen(self, start: datetime) -> bool:
        """Whether an hour is of a weekend while only the week is known, or the other way round."""
        if not self._known or self._interval != "hour":
            return False
        alike = self._of_a_kind[weekend(start)]
        return alike < min(_SOME_HOURS, len(self._values) - alike)

    def readings(self, start: datetime) -> list[Noise]:
        """Return every plausible expectation of a period, the main one first; none where the history is too short."""
        known = self._readings_at.get(start)
        if known is None:
            known = self._readings_at[start] = self._readings(start)
        return list(known)

    def bands(self, z: float) -> list[tuple[float, float]]:
        """Return the range of `z` deviations around each period of the history itself, for a chart."""
        if not self._known:
            return []
        levels = self._local_levels(self._clean, self._widest)
        means = list(map(mul, levels, self._all_factors))
        return Noise(0.0, self._spread, self._grain).bands(means, z)

    @property
    def labels(self) -> Sequence[str]:
        """Labels of the periods it was learnt from, oldest first."""
        return self._labels

    @property
    def starts(self) -> Sequence[datetime]:
        """When the periods it was learnt from began, oldest first."""
        return self._starts

    @property
    def values(self) -> Sequence[float]:
        """What they had."""
        return self._values

    @property
    def interval(self) -> str:
        """How long its periods are."""
        return self._interval

    @cached_property
    def signed(self) -> bool:
        """Whether it falls below 0: then size says nothing of noise, and nothing is expected here."""
        return bool(self._values) and min(self._values) < 0

    def _point(self, index: int) -> Point:
        return Point(self._starts[index], self._labels[index], self._values[index])

    @property
    def repeats(self) -> bool:
        """Whether neighbouring values have been equal before."""
        return any(one == other != 0 for one, other in pairwise(self._values))

    # The fit.

    def _fit(self) -> None:
        n = len(self._values)
        self._level, self._growth, self._spread = 0.0, 0.0, _PRIOR_SPREAD
        self._readings_at: dict[datetime, list[Noise]] = {}
        #: Values of the history with what would have been expected of them.
        self._made: list[float] = []
        self._means: list[float] = []
        self._of_a_kind = [n, n]
        if self._interval == "hour":
            weekends = sum(map(weekend, self._starts))
            self._of_a_kind = [n - weekends, weekends]
        self._levels: dict[int, list[float]] = {}
        self._ratios_by_width: dict[int, list[float]] = {}
        self._trend: Trend | None = None
        if not self._known:
            return
        clean = self._without_outliers()
        self._clean = clean
        best = self._score(clean, None, 1)
        for phase, cycle_, needs in RHYTHMS.get(self._interval, ()):
            if n < needs:
                continue
            cells = cells_of(phase, self._starts)
            factors, seen = self._rhythm(clean, cells, cycle_)
            if phase is hour_and_weekend and n < 336:
                factors, seen = separable(self._starts, clean, grain=self._grain)
            if min(seen.values()) < 1 or len(seen) < 2:
                continue
            count = len(seen) if n >= 336 or phase is not hour_and_weekend else 25
            score = self._score(clean, list(map(factors.__getitem__, cells.of)), count)
            # A richer rhythm has to earn its cells; the longer the history, the smaller a gain is no chance.
            if score < best * (0.97 if n >= 56 else 0.94 if n >= 28 else 0.9):
                best = score
                self._phase, self._factors, self._seen = phase, factors, seen
        self._learn_level(clean)
        self._learn_noise(clean)
        self._trend = Trend.of(self._values, self._interval, grain=self._grain)

    def _without_outliers(self) -> list[float]:
        """Values brought within a factor of their like: one bad day shall not bend what is expected of good ones."""
        values, n = self._values, len(self._values)
        width = {"day": 7, "hour": 24}.get(self._interval, 1)
        if n < 3 * width or min(values) < 0:
            width = 1
        if width == 1 and self._interval in ("hour", "minute"):
            return list(values)  # nights and days of a few days differ by more than any outlier
        groups = [sorted(values[offset::width]) for offset in range(width)]
        middles = [group[len(group) // 2] for group in groups]
        # Where weekdays are not told apart, a low value may be a weekend's. A few are counts, and no outliers.
        share, few = (0.45 if width == 7 else 0.12), (10.0 if self._grain else 0.0)
        lows = [middle * share if middle >= few else 0.0 for middle in middles]
        highs = [middle * 2.2 if middle >= few and middle else inf for middle in middles]
        idle: set[int] = set()
        if width != 7:
            idle = self._idle(
                {i for i, (value, low) in enumerate(zip(values, cycle(lows), strict=False)) if value < low}
            )
        clean = [
            value if low <= value <= high else low if value < low else high
            for value, low, high in zip(values, cycle(lows), cycle(highs), strict=False)
        ]
        for index in idle:
            clean[index] = values[index]
        return clean

    def _idle(self, low: set[int]) -> set[int]:
        """Low periods that have their like a week before or after, or on the other day of their weekend, if known."""
        if not low or self._interval not in ("day", "hour"):
            return set()
        known = {start: index for index, start in enumerate(self._starts)}
        idle = set()
        for index in low:
            start = self._starts[index]
            alike = [start - _WEEK, start + _WEEK]
            if weekend(start):
                other = start + (_DAY if start.weekday() == 5 else -_DAY)
                if other not in known:
                    idle.add(index)
                alike.append(other)
            if any(known.get(each) in low for each in alike):
                idle.add(index)
        return idle

    def _local_levels(self, values: Sequence[float], width: int) -> list[float]:
        """Mean over the cycle around each period; a whole cycle, so that the rhythm cancels out."""
        n = len(values)
        width = min(width, n)
        known = self._levels.get(width)
        if known is not None:
            return known
        sums = [0.0, *accumulate(values)]
        last = n - width
        half = width // 2
        first = (sums[width] - sums[0]) / width
        final = (sums[n] - sums[last]) / width
        inner = [(high - low) / width for low, high in zip(sums[1:last], sums[1 + width : n], strict=False)]
        self._levels[width] = levels = ([first] * (half + 1) + inner + [final] * n)[:n]
        return levels

    def _rhythm(self, values: list[float], cells: Cells, width: int) -> tuple[dict[int, float], dict[int, int]]:
        levels = self._local_levels(values, width)
        ratios = self._ratios_to(values, levels, width)
        factors = {}
        for cell, indexes in cells.members.items():
            base = sum(map(levels.__getitem__, indexes))
            if base <= 0:
                factors[cell] = 1.0
                continue
            if len(indexes) >= 3 and base / len(indexes) >= 20:
                mean = median(map(ratios.__getitem__, indexes))
            else:
                mean = sum([values[index] for index in indexes]) / base
            # A cell with few counts says little: it is drawn to no rhythm, by the weight of two counts.
            factors[cell] = (mean * base + 2 * self._grain) / (base + 2 * self._grain)
        return factors, {cell: len(indexes) for cell, indexes in cells.members.items()}

    def _ratios_to(self, values: list[float], levels: list[float], width: int) -> list[float]:
        """Values against their levels; rhythms of one cycle share them."""
        known = self._ratios_by_width.get(width)
        if known is None:
            if min(levels) > 0:
                known = list(map(truediv, values, levels))
            else:
                known = [value / level if level > 0 else 1.0 for value, level in zip(values, levels, strict=True)]
            self._ratios_by_width[width] = known
        return known

    def _factor(self, start: datetime) -> float:
        return self._factors.get(self._phase(start), 1.0) if self._phase is not None else 1.0

    @cached_property
    def _all_factors(self) -> list[float]:
        """The factor of every period of the history, once the rhythm is known."""
        if self._phase is None:
            return [1.0] * len(self._values)
        return list(map(self._factors.__getitem__, cells_of(self._phase, self._starts).of))

    def _score(self, values: list[float], factors: list[float] | None, cells: int) -> float:
        """Mean misfit of a rhythm, with what it costs to have that many cells."""
        n = len(values)
        means = self._local_levels(values, self._widest)
        if factors is not None:
            means = list(map(mul, means, factors))
        misfits = map(abs, map(sub, values, means))
        total: float = sum(map(truediv, misfits, map(sqrt, [mean + 1 for mean in means])) if self._grain else misfits)
        return total / n * sqrt(n / max(n - cells, 1)) if n > cells else total

    @cached_property
    def _widest(self) -> int:
        n = len(self._values)
        cycles = [width for _, width, _ in RHYTHMS.get(self._interval, ()) if width <= n]
        if self._interval == "hour" and 25 <= n < 168:
            return n  # days of a week that is not whole
        return max(cycles, default=_CYCLE.get(self._interval, 4))

    def _learn_level(self, values: list[float]) -> None:
        n = len(values)
        width = _RECENT.get(self._interval, 4)
        width = width if n >= 2 * width else max(n // 2, min(n, MIN_HISTORY))
        factors = self._all_factors
        recent, weight = sum(values[-width:]), sum(factors[-width:])
        self._level = recent / weight if weight > 0 else 0.0
        self._width, self._last = width, self._starts[-1]
        if n < 2 * width or width < _RECENT.get(self._interval, 4):
            return
        earlier = values[-2 * width : -width]
        earlier_weight = sum(factors[-2 * width : -width])
        if earlier_weight <= 0 or self._level <= 0 or sum(earlier) <= 0:
            return
        slope = log(self._level / (sum(earlier) / earlier_weight))
        doubt = 2 * (_PRIOR_SPREAD**2 / width + self._grain / max(recent, 1.0))
        trust = max(0.0, 1 - doubt / slope**2) if slope else 0.0
        self._growth = slope * trust / width

    def _learn_noise(self, values: list[float]) -> None:
        """Noise of the errors that this very forecast would have made in the past."""
        n = len(values)
        forecasts = self._forecasts(values)
        made, means = self._values, forecasts
        if min(forecasts) <= 0:
            made = [value for value, mean in zip(self._values, forecasts, strict=True) if mean > 0]
            means = [mean for mean in forecasts if mean > 0]
        cells = max(len(self._factors), 1)
        self._made, self._means = made, means
        if not made:
            return
        typical = sum(means) / len(made)
        if self._grain and typical < 10:
            # The median of so few counts is a staircase: squared errors then, without the largest.
            squares = sorted([(value - mean) ** 2 / mean for value, mean in zip(made, means, strict=True)])
            kept = squares[: max(len(squares) - max(len(squares) // 20, 1), 1)]
            square = max(sum(kept) / len(kept) * 1.15 - 1, 0.0) / typical
        else:
            least = _IDLE * typical
            ratios = [value / mean for value, mean in zip(made, means, strict=True) if mean >= least]
            middle = median(ratios)
            mad = MAD * median([abs(ratio - middle) for ratio in ratios])
            square = mad * mad - (self._grain / typical if self._grain else 0.0)
        square = max(square, 0.0) * n / max(n - cells * 0.5, 1)
        if cells > 1 and n < 2 * cells:
            square = max(square, _PRIOR_SPREAD**2)  # cells of one period fit themselves
        square = (n * square + _PRIOR_WEIGHT * _PRIOR_SPREAD**2) / (n + _PRIOR_WEIGHT)
        self._spread = min(max(square**0.5, _LEAST_SPREAD), _MOST_SPREAD)
        if not self._grain and 0.0 in self._values:
            # Sums of a few amounts a day: mostly the noise of how many there were.
            self._grain = max(square * typical, 1e-9)

    def _forecasts(self, values: list[float]) -> list[float]:
        """What each period of the history would have been expected to be; 0 where there is nothing to go by."""
        n, width, factors = len(values), self._width, self._all_factors
        sums, weights = [0.0, *accumulate(values)], [0.0, *accumulate(factors)]
        if n < 21 or (self._interval == "hour" and n < 168):
            # Too short to look back only: each period is judged by all others.
            totals = [sums[n] - value for value in values]
            against = [weights[n] - factor for factor in factors]
        else:
            first = min(max(MIN_HISTORY, min(width, n // 2)), n - 1)
            # Too early for a forecast: judged by the periods after it. Then by those before, as far as there are any.
            early = [(index + 1, min(index + 1 + width, n)) for index in range(first)]
            short = max(min(width, n) - first, 0)
            begins = slice(max(first - width, 0), max(n - width, 0))
            totals, against = (
                [
                    *(of[stop] - of[begin] for begin, stop in early),
                    *map(sub, of[first:n], [0.0] * short + of[begins]),
                ]
                for of in (sums, weights)
            )
        if min(against) > 0:
            return list(map(mul, map(truediv, totals, against), factors))
        return [
            total / weight * factor if weight > 0 else 0.0
            for total, weight, factor in zip(totals, against, factors, strict=True)
        ]

    # What it expects.

    def _readings(self, start: datetime) -> list[Noise]:
        n = len(self._values)
        if not self._known or (self._phase is not None and self._phase(start) not in self._factors):
            return []
        if self._interval == "hour" and n < 25:
            # Of less than a day nothing is known but the hour itself, a day ago.
            naive = self._one_cycle_ago(start)
            return [] if naive is None else [Noise(naive, 2 * _PRIOR_SPREAD, self._grain)]
        factor = self._factor(start)
        ahead = self._steps_ahead(start)
        trend = exp(min(max(self._growth * ((self._width + 1) / 2 + ahead - 1), -0.5), 0.5))
        doubt = 1 + 1 / self._width + 1 / max(self._cell_size(start), 1)
        spread = min(self._spread * doubt**0.5, _MOST_SPREAD)
        main = self._level * factor * trend
        if start <= self._last:
            # In the midst of the history it is the time around it that counts.
            return [Noise(self._level_around(start) * factor, spread, self._grain), *self._unseen(start, main, spread)]
        if self._trend is not None:
            return self._trend.readings(ahead, self._grain)
        readings = [Noise(main, spread, self._grain)]
        if n >= 8:  # a level that has changed lately, and is known by now
            last = [
                value / each for value, each in zip(self._values[-5:], self._all_factors[-5:], strict=True) if each > 0
            ]
            if last:
                readings.append(Noise(median(last) * factor, spread * 1.15, self._grain))
        naive = self._one_cycle_ago(start)
        if naive is not None:
            readings.append(Noise(naive, min(self._spread * 2**0.5, _MOST_SPREAD), self._grain))
        monthly = self._same_day_of_months(start)
        if monthly is not None:
            readings.append(Noise(main * monthly, spread * 1.4, self._grain))
        return readings + self._unseen(start, main, spread)

    def _level_around(self, start: datetime) -> float:
        size, here = max(self._width, 4), bisect_left(self._starts, start)
        around = range(max(here - size, 0), min(here + size + 1, len(self._starts)))
        nearest = nsmallest(size, around, key=lambda index: abs(self._starts[index] - start))
        weight = sum([self._all_factors[index] for index in nearest])
        return sum([self._clean[index] for index in nearest]) / weight if weight > 0 else 0.0

    def _unseen(self, start: datetime, main: float, spread: float) -> list[Noise]:
        """What else a period may be whose like the history has not shown, or not told apart."""
        shares: list[float] = []
        if self._phase is None or len(self._factors) == 24:
            shares = self._shares(start)
        return [Noise(main * share, spread * 1.4, self._grain) for share in shares]

    def _shares(self, start: datetime) -> list[float]:
        if self._interval not in ("hour", "day") or self.unseen(start):
            return []
        mine = weekend(start)
        alike = [index for index, each in enumerate(self._starts) if weekend(each) == mine]
        if not alike:
            # A weekend may be as busy as the week, or next to idle.
            return [0.7, 0.45, 0.25] if mine else [1.4, 2.2, 4.0]
        weight = sum([self._all_factors[index] for index in alike])
        if self._interval == "hour" and self._factors and weight > 0 and self._level > 0:
            return [sum([self._clean[index] for index in alike]) / weight / self._level]
        return []

    def _steps_ahead(self, start: datetime) -> int:
        length = end(self._last, self._interval) - self._last
        return min(max(round((start - self._last) / length), 1), 60) if length > timedelta(0) else 1

    def _cell_size(self, start: datetime) -> int:
        return self._seen.get(self._phase(start), 1) if self._phase is not None else len(self._values)

    def _one_cycle_ago(self, start: datetime) -> float | None:
        """The same phase of the last cycle, while the history is too short to tell a rhythm from noise."""
        back = {"day": timedelta(days=7), "hour": timedelta(days=1)}.get(self._interval)
        enough = {"day": 12, "hour": 48}.get(self._interval, 0)
        if back is None or len(self._values) >= enough:
            return None
        return next(
            (value for each, value in zip(self._starts, self._values, strict=True) if each == start - back), None
        )

    def _same_day_of_months(self, start: datetime) -> float | None:
        """The factor by which this day of the month has stood out in every month seen; None where it has not."""
        if self._interval != "day" or len(self._values) < 28:
            return None
        last = end(start, "day").day == 1
        levels = self._local_levels(self._clean, 7)
        ratios = [
            self._values[index] / mean
            for index in on_day(self._starts, start.day, last=last)
            if (mean := levels[index] * self._all_factors[index]) > _COMPARABLE * levels[index]
        ]
        if not ratios or not (min(ratios) > 1.3 or max(ratios) < 0.75):
            return None
        return median(ratios)

    def _has_been(self, value: float, noise: Noise) -> bool:
        """Whether the history has had values as far out often enough for this one to be ordinary."""
        if len(self._made) < 20 or noise.mean <= 0:
            return False
        # An idle day that was idle says nothing of a busy one.
        least = _COMPARABLE * noise.mean
        ratios = [value / mean for value, mean in zip(self._made, self._means, strict=True) if mean >= least]
        ratio = value / noise.mean
        alike = (
            sum(each <= ratio * 1.05 for each in ratios) if ratio < 1 else sum(each >= ratio * 0.95 for each in ratios)
        )
        return alike >= max(3, len(ratios) * 0.04)

    def _relatives(self, start: datetime) -> tuple[Point, ...]:
        """The closest relatives of a period, as far as the rhythm makes them so."""
        phase, n = self._phase, len(self._values)
        if phase is None:
            return tuple(map(self._point, range(max(n - 3, 0), n)))
        if self._interval == "day" and n >= 14:
            phase = datetime.weekday
        mine, alike = phase(start), []
        for index in range(n - 1, -1, -1):
            if phase(self._starts[index]) == mine:
                alike.append(index)
                if len(alike) == 3:
                    break
        return tuple(map(self._point, reversed(alike)))
