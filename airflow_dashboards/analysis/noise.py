"""How far a value may stray from its expectation by chance.

A value whose expectation is `mean` has the variance `grain * mean + (spread * mean) ** 2`: the first part is the noise
of counting (`grain` 1 for counts), the second the relative noise of a busy world. Three a day is ruled by the first, a
million a day by the second, so both are judged by one rule.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import asinh, exp, floor, log1p, sinh
from statistics import NormalDist
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_NORMAL = NormalDist()
#: What the median absolute deviation of normal noise has to be multiplied by to be its standard deviation.
MAD = 1.4826
#: Below this mean the tails of counts are summed exactly; above it the stabilised normal is close enough.
_EXACT_BELOW = 60.0
_MOST_Z = 12.0


def z_of(tail: float) -> float:
    """Return how many standard deviations a normal tail of this probability is away; at most 12."""
    if tail >= 0.5:
        return 0.0
    return min(-_NORMAL.inv_cdf(tail), _MOST_Z) if tail > 1e-30 else _MOST_Z


def confidence(z: float) -> float:
    """Return how sure a deviation of `z` standard deviations makes, 0 to 1, rounded to four places."""
    return round(min(max(2 * _NORMAL.cdf(abs(z)) - 1, 0.0), 0.9999), 4)


@dataclass(frozen=True, slots=True)
class Noise:
    """An expectation with its noise."""

    mean: float
    #: Relative noise, e.g. 0.1.
    spread: float
    #: Noise of counting: 1 for counts, 0 where nothing is counted.
    grain: float = 1.0

    def z(self, value: float) -> float:
        """Return the signed number of standard deviations `value` is away from the mean.

        Example:
            >>> round(Noise(mean=100, spread=0.1).z(100), 1)
            0.0
        """
        if self._exact:
            return self._exact_z(value)
        return min(max(self._stable(value) - self._stable(self.mean), -_MOST_Z), _MOST_Z)

    def band(self, z: float) -> tuple[float, float]:
        """Return the range that lies within `z` standard deviations of the mean; never below 0."""
        if self._exact:
            return self._exact_band(1 - _NORMAL.cdf(z))
        centre = self._stable(self.mean)
        return self._unstable(centre - z), self._unstable(centre + z)

    def bands(self, means: Sequence[float], z: float) -> list[tuple[float, float]]:
        """Return `band` for many means, as exact as can be seen in a picture: of means with three digits.

        Example:
            >>> Noise(0, 0.1).bands([100], 3)
            [(57.6424, 162.119)]
        """
        known: dict[float, tuple[float, float]] = {}
        found = []
        for mean in means:
            near = float(f"{mean:.3g}")
            band = known.get(near)
            if band is None:
                low, high = Noise(near, self.spread, self.grain).band(z)
                known[near] = band = float(f"{low:.6g}"), float(f"{high:.6g}")
            found.append(band)
        return found

    @property
    def _exact(self) -> bool:
        return self.grain == 1.0 and self.mean < _EXACT_BELOW

    @property
    def _quantum(self) -> float:
        # Where nothing is counted the transform would be a logarithm, which knows no 0: a grain far below the noise.
        return self.grain or max(self.mean * 0.01 * self.spread**2, 1e-12)

    def _stable(self, value: float) -> float:
        # Makes the variance grain*x + (spread*x)**2 a constant: a square root for small x, a logarithm for large.
        return 2 / self.spread * asinh(self.spread * (max(value, 0.0) / self._quantum) ** 0.5)

    def _unstable(self, level: float) -> float:
        return self._quantum * (sinh(min(self.spread * max(level, 0.0) / 2, 300.0)) / self.spread) ** 2

    def _steps(self, upto: int) -> list[float]:
        """Cumulative probabilities of 0, 1, 2, ... of the negative binomial with this mean and variance."""
        mean, size = max(self.mean, 1e-9), 1 / self.spread**2
        odds = mean / (size + mean)
        term = exp(-size * log1p(mean / size))
        total, sums = 0.0, []
        for k in range(upto + 1):
            total += term
            sums.append(min(total, 1.0))
            term *= (k + size) / (k + 1) * odds
        return sums

    def _exact_z(self, value: float) -> float:
        whole = min(max(floor(value + 1e-9), 0), 2000)
        sums = self._steps(whole)
        if value <= self.mean:
            return -z_of(sums[whole])
        above = 1 - (sums[whole - 1] if whole else 0.0)
        if above > 1e-12:
            return z_of(above)
        return _MOST_Z  # beyond what the sum can resolve

    def _exact_band(self, tail: float) -> tuple[float, float]:
        sums = self._steps(int(self.mean * (1 + 12 * self.spread) + 12 * self.mean**0.5 + 20))
        low = next((k for k, total in enumerate(sums) if total > tail), 0)
        high = next((k for k, total in enumerate(sums) if 1 - total < tail), len(sums))
        return float(low), float(high)
