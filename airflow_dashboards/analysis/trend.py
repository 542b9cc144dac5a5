"""A trend by a constant factor per period, as weeks and months have it: found robustly, followed where it is plain."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from math import exp, log
from statistics import median
from typing import TYPE_CHECKING

from airflow_dashboards.analysis.noise import MAD, Noise

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Periods a trend is learnt from, and the fewest.
_MOST, _FEWEST = 8, 6
#: Standard errors from which a slope is no chance.
_PLAIN = 4.0
#: Relative noise assumed of so few periods, and how many of them that assumption weighs.
_PRIOR_SPREAD, _PRIOR_WEIGHT = 0.1, 6
#: A longer step than this many periods is no longer followed.
_FURTHEST = 3


@dataclass(frozen=True, slots=True)
class Trend:
    """`level` at the last period, times `exp(slope)` with every further one."""

    level: float
    slope: float
    spread: float

    @classmethod
    def of(cls, values: Sequence[float], interval: str, *, grain: float) -> Trend | None:
        """Return the trend of a series of weeks or longer periods; None where there is none to speak of.

        Example:
            >>> round(Trend.of([100, 120, 144, 173, 207, 249], "month", grain=1.0).slope, 2)
            0.18
        """
        recent = values[-_MOST:]
        if interval not in ("week", "month", "quarter", "year") or len(recent) < _FEWEST or min(recent) <= 0:
            return None
        logs = [log(value) for value in recent]
        n = len(logs)
        # Theil and Sen: the median of all pairwise slopes, which one bad period does not bend.
        slope = median((logs[j] - logs[i]) / (j - i) for i, j in combinations(range(n), 2))
        level = median(each + slope * (n - 1 - index) for index, each in enumerate(logs))
        rest = [each - level + slope * (n - 1 - index) for index, each in enumerate(logs)]
        square = (MAD * median(abs(each) for each in rest)) ** 2
        error = max(square, 1e-4) ** 0.5 / (n * (n * n - 1) / 12) ** 0.5
        if abs(slope) < _PLAIN * error or abs(slope) < 0.02:
            return None
        square = max(square - (grain / median(recent) if grain else 0.0), 0.0)
        spread = ((n * square + _PRIOR_WEIGHT * _PRIOR_SPREAD**2) / (n + _PRIOR_WEIGHT)) ** 0.5
        return cls(exp(level), slope, spread)

    def readings(self, ahead: int, grain: float) -> list[Noise]:
        """What the period that many steps ahead may be: the trend goes on, or it stops here."""
        step = min(ahead, _FURTHEST)
        spread = self.spread * (1 + 0.35 + 0.05 * step) ** 0.5
        return [
            Noise(self.level * exp(self.slope * step), spread, grain),
            Noise(self.level, spread, grain),
        ]
