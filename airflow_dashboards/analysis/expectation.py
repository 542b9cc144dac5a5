"""What the next period of a series should be, learnt from the series' own history.

A value is modelled as `level x rhythm`: the level follows the last cycles and their trend, the rhythm is the share of
a weekday, an hour or a day of the month, used only where it explains the history better than a simpler one. Where
several readings of a history are plausible (too short for a rhythm, a level that has just changed) a value is
unexpected only if it is so under each of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate, pairwise
from math import exp, log
from statistics import median
from typing import TYPE_CHECKING

from airflow_dashboards.analysis.noise import Noise
from airflow_dashboards.analysis.periods import end
from airflow_dashboards.analysis.rhythm import RHYTHMS, Phase, hour_and_weekend, separable, weekend
from airflow_dashboards.analysis.trend import Trend

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Fewest complete periods from which anything is expected.
MIN_HISTORY = 4
#: Relative noise assumed while a history is too short to show its own, and how many periods that assumption weighs.
_PRIOR_SPREAD, _PRIOR_WEIGHT = 0.1, 6
_LEAST_SPREAD, _MOST_SPREAD = 0.04, 3.0
#: Deviations from normal that the median absolute deviation has to be scaled by.
_MAD = 1.4826

#: Hours of a weekend, or of the week, from which its level is known.
_SOME_HOURS = 12
_CYCLE = {"day": 7, "hour": 24, "minute": 60, "week": 4, "month": 3, "quarter": 4, "year": 3}
#: Periods that the level of the next one is taken from.
_RECENT = {"day": 14, "hour": 168, "minute": 120, "week": 5, "month": 4, "quarter": 4, "year": 3}


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

    def __init__(self, points: Sequence[Point], interval: str | None, *, counts: bool) -> None:
        self._points = list(points)
        self._interval = interval or "day"
        self._values = [point.value for point in self._points]
        self._phase: Phase | None = None
        self._factors: dict[int, float] = {}
        self._seen: dict[int, int] = {}
        self._grain = 1.0 if counts else 0.0
        self._fit()

    def __len__(self) -> int:
        return len(self._points)

    @property
    def _known(self) -> bool:
        # What falls below 0 is a difference of two things; its size says nothing of its noise.
        return len(self._values) >= MIN_HISTORY and min(self._values) >= 0

    def expected(self, start: datetime, value: float, *, z: float, level: float | None = None) -> Expected | None:
        """Return what the period at `start` should be, with its band at `z` deviations; None without a history.

        `level` is how busy, against the history, that day may be said to be where its like was never seen.
        """
        readings = self._readings(start)
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
        return self._readings(start)

    def fitted(self) -> list[Noise]:
        """Return the expectation of each period of the history itself, for the band of a chart."""
        if not self._known:
            return []
        levels = self._local_levels(self._clean, self._widest)
        return [
            Noise(level * self._factor(point.start), self._spread, self._grain)
            for point, level in zip(self._points, levels, strict=True)
        ]

    @property
    def points(self) -> list[Point]:
        """The periods it was learnt from, oldest first."""
        return self._points

    @property
    def repeats(self) -> bool:
        """Whether neighbouring values have been equal before."""
        return any(one == other != 0 for one, other in pairwise(self._values))

    # The fit.

    def _fit(self) -> None:
        n = len(self._values)
        self._level, self._growth, self._spread = 0.0, 0.0, _PRIOR_SPREAD
        self._ratios: list[float] = []
        self._of_a_kind = [n, n]
        if self._interval == "hour":
            weekends = sum(weekend(point.start) for point in self._points)
            self._of_a_kind = [n - weekends, weekends]
        self._levels: dict[int, list[float]] = {}
        self._trend: Trend | None = None
        if not self._known:
            return
        clean = self._without_outliers()
        self._clean = clean
        best = self._score(clean, None, 1)
        for phase, cycle, needs in RHYTHMS.get(self._interval, ()):
            if n < needs:
                continue
            factors, seen = self._rhythm(clean, phase, cycle)
            if phase is hour_and_weekend and n < 336:
                factors, seen = separable([point.start for point in self._points], clean, grain=self._grain)
            if min(seen.values()) < 1 or len(seen) < 2:
                continue
            cells = len(seen) if n >= 336 or phase is not hour_and_weekend else 25
            score = self._score(clean, (phase, factors), cells)
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
        cycle = {"day": 7, "hour": 24}.get(self._interval, 1)
        if n < 3 * cycle or min(values) < 0:
            cycle = 1
        if cycle == 1 and self._interval in ("hour", "minute"):
            return list(values)  # nights and days of a few days differ by more than any outlier
        groups = [sorted(values[offset::cycle]) for offset in range(cycle)]
        middles = [group[len(group) // 2] for group in groups]
        # Where weekdays are not told apart, a low value may be a weekend's.
        low = 0.45 if cycle == 7 else 0.12
        return [
            min(max(value, middle * low), middle * 2.2) if (middle := middles[index % cycle]) >= 10 else value
            for index, value in enumerate(values)
        ]

    def _local_levels(self, values: Sequence[float], cycle: int) -> list[float]:
        """Mean over the cycle around each period; a whole cycle, so that the rhythm cancels out."""
        n = len(values)
        cycle = min(cycle, n)
        known = self._levels.get(cycle)
        if known is not None:
            return known
        sums = [0.0, *accumulate(values)]
        last = n - cycle
        half = cycle // 2
        first = (sums[cycle] - sums[0]) / cycle
        final = (sums[n] - sums[last]) / cycle
        inner = [(high - low) / cycle for low, high in zip(sums[1:last], sums[1 + cycle : n], strict=False)]
        self._levels[cycle] = levels = ([first] * (half + 1) + inner + [final] * n)[:n]
        return levels

    def _rhythm(self, values: list[float], phase: Phase, cycle: int) -> tuple[dict[int, float], dict[int, int]]:
        levels = self._local_levels(values, cycle)
        cells: dict[int, list[tuple[float, float]]] = {}
        for point, value, level in zip(self._points, values, levels, strict=True):
            cells.setdefault(phase(point.start), []).append((value, level))
        factors = {}
        for cell, pairs in cells.items():
            base = sum(level for _, level in pairs)
            mean = sum(value for value, _ in pairs) / base if base > 0 else 1.0
            if len(pairs) >= 3 and base / len(pairs) >= 20:
                mean = median(value / level if level > 0 else 1.0 for value, level in pairs)
            # A cell with few counts says little: it is drawn to no rhythm, by the weight of two counts.
            factors[cell] = (mean * base + 2 * self._grain) / (base + 2 * self._grain) if base > 0 else 1.0
        return factors, {cell: len(pairs) for cell, pairs in cells.items()}

    def _factor(self, start: datetime) -> float:
        return self._factors.get(self._phase(start), 1.0) if self._phase is not None else 1.0

    def _score(self, values: list[float], rhythm: tuple[Phase, dict[int, float]] | None, cells: int) -> float:
        """Mean misfit of a rhythm, with what it costs to have that many cells."""
        n = len(values)
        levels = self._local_levels(values, self._widest)
        total = 0.0
        for point, value, level in zip(self._points, values, levels, strict=True):
            mean = level * rhythm[1][rhythm[0](point.start)] if rhythm else level
            scale = (abs(mean) + 1) ** 0.5 if self._grain else 1.0
            total += abs(value - mean) / scale
        return total / n * (n / max(n - cells, 1)) ** 0.5 if n > cells else total

    @property
    def _widest(self) -> int:
        n = len(self._values)
        cycles = [cycle for _, cycle, _ in RHYTHMS.get(self._interval, ()) if cycle <= n]
        if self._interval == "hour" and 25 <= n < 168:
            return n  # days of a week that is not whole
        return max(cycles, default=_CYCLE.get(self._interval, 4))

    def _learn_level(self, values: list[float]) -> None:
        n = len(values)
        width = _RECENT.get(self._interval, 4)
        width = width if n >= 2 * width else max(n // 2, min(n, MIN_HISTORY))
        factors = [self._factor(point.start) for point in self._points]
        recent, weight = sum(values[-width:]), sum(factors[-width:])
        self._level = recent / weight if weight > 0 else 0.0
        self._width, self._last = width, self._points[-1].start
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
        factors = [self._factor(point.start) for point in self._points]
        sums, weights = [0.0, *accumulate(values)], [0.0, *accumulate(factors)]
        cells = max(len(self._factors), 1)
        errors, means = [], []
        first = min(max(MIN_HISTORY, min(self._width, n // 2)), n - 1)
        for index in range(n):
            if n < 21 or (
                self._interval == "hour" and n < 168
            ):  # too short to look back only: each period is judged by all others
                total, weight = sums[n] - values[index], weights[n] - factors[index]
            elif index >= first:
                begin = max(index - self._width, 0)
                total, weight = sums[index] - sums[begin], weights[index] - weights[begin]
            else:  # too early for a forecast: judged by the periods after it
                stop = min(index + 1 + self._width, n)
                total, weight = sums[stop] - sums[index + 1], weights[stop] - weights[index + 1]
            mean = total / weight * factors[index] if weight > 0 else 0.0
            if mean > 0:
                means.append(mean)
                errors.append(self._values[index] - mean)
        self._ratios = sorted((error + mean) / mean for error, mean in zip(errors, means, strict=True))
        if not means:
            return
        typical = sum(means) / len(means)
        relative = [error / mean for error, mean in zip(errors, means, strict=True)]
        if self._grain and typical < 10:
            # The median of so few counts is a staircase: squared errors then, without the largest.
            squares = sorted(error * error / mean for error, mean in zip(errors, means, strict=True))
            kept = squares[: max(len(squares) - max(len(squares) // 20, 1), 1)]
            square = max(sum(kept) / len(kept) * 1.15 - 1, 0.0) / typical
        else:
            middle = median(relative)
            mad = _MAD * median(abs(each - middle) for each in relative)
            square = mad * mad - (self._grain / typical if self._grain else 0.0)
        square = max(square, 0.0) * n / max(n - cells * 0.5, 1)
        if cells > 1 and n < 2 * cells:
            square = max(square, _PRIOR_SPREAD**2)  # cells of one period fit themselves
        square = (n * square + _PRIOR_WEIGHT * _PRIOR_SPREAD**2) / (n + _PRIOR_WEIGHT)
        self._spread = min(max(square**0.5, _LEAST_SPREAD), _MOST_SPREAD)
        if not self._grain and 0.0 in self._values:
            # Sums of a few amounts a day: mostly the noise of how many there were.
            self._grain = max(square * typical, 1e-9)

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
                point.value / each
                for point, each in ((point, self._factor(point.start)) for point in self._points[-5:])
                if each > 0
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
        values, weights = [], []
        nearest = sorted(range(len(self._points)), key=lambda index: abs(self._points[index].start - start))
        for index in nearest[: max(self._width, 4)]:
            values.append(self._clean[index])
            weights.append(self._factor(self._points[index].start))
        return sum(values) / sum(weights) if sum(weights) > 0 else 0.0

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
        alike = [index for index, point in enumerate(self._points) if weekend(point.start) == mine]
        if not alike:
            # A weekend may be as busy as the week, or next to idle.
            return [0.7, 0.45, 0.25] if mine else [1.4, 2.2, 4.0]
        weight = sum(self._factor(self._points[index].start) for index in alike)
        if self._interval == "hour" and self._factors and weight > 0 and self._level > 0:
            return [sum(self._clean[index] for index in alike) / weight / self._level]
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
        return next((point.value for point in self._points if point.start == start - back), None)

    def _same_day_of_months(self, start: datetime) -> float | None:
        """The factor by which this day of the month has stood out in every month seen; None where it has not."""
        if self._interval != "day" or len(self._values) < 28:
            return None
        last = end(start, "day").day == 1
        alike = [
            point
            for point in self._points
            if point.start.day == start.day or (last and end(point.start, "day").day == 1)
        ]
        levels = self._local_levels(self._clean, 7)
        where = {point.start: index for index, point in enumerate(self._points)}
        ratios = [
            point.value / mean
            for point in alike
            if (mean := levels[where[point.start]] * self._factor(point.start)) > 0
        ]
        if not ratios or not (min(ratios) > 1.3 or max(ratios) < 0.75):
            return None
        return median(ratios)

    def _has_been(self, value: float, noise: Noise) -> bool:
        """Whether the history has had values as far out often enough for this one to be ordinary."""
        n = len(self._ratios)
        if n < 20 or noise.mean <= 0:
            return False
        ratio = value / noise.mean
        alike = (
            sum(each <= ratio * 1.05 for each in self._ratios)
            if ratio < 1
            else sum(each >= ratio * 0.95 for each in self._ratios)
        )
        return alike >= max(3, n * 0.04)

    def _relatives(self, start: datetime) -> tuple[Point, ...]:
        """The closest relatives of a period, as far as the rhythm makes them so."""
        phase = self._phase
        if phase is None:
            return tuple(self._points[-3:])
        if self._interval == "day" and len(self._values) >= 14:
            phase = datetime.weekday
        mine = phase(start)
        return tuple([point for point in self._points if phase(point.start) == mine][-3:])
