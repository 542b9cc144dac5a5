"""What a judge is given and what it gives back."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from math import isfinite
from typing import TYPE_CHECKING, Any

from airflow_dashboards.analysis.model import Chart, Figure, Finding, Severity, Tile
from airflow_dashboards.analysis.noise import confidence, z_of
from airflow_dashboards.analysis.periods import local
from airflow_dashboards.analysis.rules import Rules, Sensitivity

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

#: How unlikely, in one tile and by chance, a value must be to become a finding.
_CHANCE = {Sensitivity.LOW: 1e-5, Sensitivity.NORMAL: 1e-3, Sensitivity.HIGH: 1e-2}
#: Relative drop and rise from which a change is worth a word, and those from which it is a failure.
_DROP = {Sensitivity.LOW: 0.5, Sensitivity.NORMAL: 0.4, Sensitivity.HIGH: 0.2}
_RISE = {Sensitivity.LOW: 1.0, Sensitivity.NORMAL: 0.5, Sensitivity.HIGH: 0.3}
_BAD_DROP, _BAD_RISE = 0.6, 0.8
#: Larger numbers are not measurements, and their squares would leave what a float can hold.
_LARGEST = 1e100


_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), default=str).encode
_CONSTANTS = {None: "null", True: "true", False: "false"}


class Unreadable(Exception):  # noqa: N818 - an answer between judges, never seen outside
    """A result that has not the shape of its query kind; the message is the reason."""


@dataclass(frozen=True)
class Case:
    """Two results of one tile, and the rules. `before` is None where there was no usable picture before."""

    name: str
    before: Tile | None
    after: Tile
    rules: Rules
    #: When the results were computed (the capture's time where the server does not say).
    before_at: datetime | None
    after_at: datetime

    @property
    def now(self) -> datetime:
        """When the result after was computed, as wall-clock time in the tile's timezone."""
        return local(self.after_at, self.after.timezone)

    @property
    def then(self) -> datetime | None:
        """When the result before was computed, as wall-clock time in its timezone."""
        return local(self.before_at, self.before.timezone) if self.before and self.before_at else None

    def z_limit(self, looks: int) -> float:
        """Deviations from which a value is unexpected when `looks` of them are looked at."""
        return z_of(_CHANCE[self.rules.sensitivity] / 2 / max(looks, 1))

    @property
    def drop_limit(self) -> float:
        """Relative drop from which a value may be a finding."""
        return self.rules.max_drop if self.rules.max_drop is not None else _DROP[self.rules.sensitivity]

    @property
    def rise_limit(self) -> float:
        """Relative rise from which a value may be a finding."""
        return self.rules.max_rise if self.rules.max_rise is not None else _RISE[self.rules.sensitivity]

    def exceeds(self, change: float) -> bool:
        """Return whether a relative change (-0.4, 1.0) is larger than what the rules allow."""
        return -change > self.drop_limit + 1e-9 if change < 0 else change > self.rise_limit + 1e-9

    def severity(self, change: float, *, sure: bool = True, share: float = 1.0) -> Severity:
        """How bad a change beyond the limits is; `share` is how much of the tile it is about."""
        own = self.rules.max_drop if change < 0 else self.rules.max_rise
        if own is not None:
            return Severity.FAIL
        bad = -change >= _BAD_DROP if change < 0 else change >= _BAD_RISE
        return Severity.FAIL if bad and sure and share >= 0.05 else Severity.WARN


@dataclass
class Reading:
    """What a judge makes of two results."""

    changed: bool
    findings: list[Finding] = field(default_factory=list)
    figure: Figure | None = None
    chart: Chart | None = None


def sure(z: float) -> float:
    """Confidence of a finding that lies `z` standard deviations out."""
    return confidence(z)


def as_number(value: Any) -> float | None:
    """Return a JSON value as a number; None where it is none, or too large to be a measurement.

    Numbers in strings count: ClickHouse sends 64-bit integers and decimals so.
    """
    if type(value) is int or type(value) is float:
        return float(value) if -_LARGEST < value < _LARGEST else None
    if isinstance(value, str) and 0 < len(value) <= 40 and value.strip()[:1] in "+-.0123456789":
        try:
            parsed = float(value)
        except ValueError:
            return None
        return parsed if -_LARGEST < parsed < _LARGEST else None
    return None


def as_numbers(values: Sequence[Any]) -> Sequence[float | None]:
    """Return JSON values as numbers, None for what is none: `as_number` for many, which mostly are plain numbers."""
    if set(map(type, values)) <= {int, float}:
        try:
            plain = isfinite(sum(values)) and min(values, default=0) > -_LARGEST and max(values, default=0) < _LARGEST
        except OverflowError:  # an integer beyond any float
            plain = False
        if plain:
            return values
    return list(map(as_number, values))


def canonical(value: Any) -> str:
    """A JSON value as text in which the order of keys does not matter."""
    if isinstance(value, str):
        return value
    if value is None or value is True or value is False:
        return _CONSTANTS[value]
    if type(value) is int:
        return str(value)
    return _encode(value)


def same_json(left: Any, right: Any) -> bool:
    """Whether two JSON values are equal; NaN, should one arrive, equals itself."""
    return left is right or bool(left == right) or (canonical(left) == canonical(right) if left != left else False)
