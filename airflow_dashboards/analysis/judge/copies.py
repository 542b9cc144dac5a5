"""The mark that a double load leaves: every count of it is even, and those before were not.

A level alone does not tell a low day loaded twice from a busy one. The counts do: what was loaded twice has only even
counts, three times only multiples of three. One even count is chance; two dozen are proof, whatever the level.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Log odds from which the counts alone prove it: chance makes it so once in a hundred thousand.
PROOF = 11.5
#: Fewest counts that show what was ordinary before.
_FEWEST = 6


@dataclass(frozen=True, slots=True)
class Copies:
    """How new counts look if each was counted several times over."""

    #: 2 for a double load.
    times: int = 1
    #: How many different new counts there are.
    of: int = 0
    #: How much likelier copies are than chance, as a natural logarithm; 0 where nothing speaks for them.
    log_odds: float = 0.0

    @property
    def proof(self) -> bool:
        """Whether the counts alone prove it."""
        return self.log_odds >= PROOF


def copies(new: Sequence[float], old: Sequence[float]) -> Copies:
    """Return what speaks for new counts being copies, going by how often earlier ones looked so by chance.

    Example:
        >>> copies([14, 8, 22, 36], [7, 12, 9, 3, 15, 8]).times
        2
    """
    counts = {value for value in new if value > 0}
    if not counts or len(old) < _FEWEST or any(value != int(value) for value in counts):
        return Copies()
    best = Copies()
    for times in (2, 3):
        if any(value % times for value in counts):
            continue
        like = sum(value % times == 0 for value in old if value)
        usual = max((like + 1) / (sum(map(bool, old)) + 2), 1 / times)
        found = Copies(times, len(counts), -len(counts) * log(usual))
        best = max(best, found, key=lambda each: each.log_odds)
    return best
