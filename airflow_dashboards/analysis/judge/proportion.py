"""Judging a share of a sample: a conversion, a retention. How large the sample is decides what a change means."""

from __future__ import annotations

from math import sqrt

from airflow_dashboards.analysis.judge.case import Case, sure
from airflow_dashboards.analysis.model import Finding
from airflow_dashboards.analysis.rules import Sensitivity
from airflow_dashboards.analysis.words import between, count, percent

#: Relative noise of a rate from one sample to the next, beside the noise of sampling: no two weeks are alike.
_UNREST = 0.05
#: Relative drop and rise that matter where a large sample over a long window shows them, and how many standard errors
#: of sampling make it large. A rise is a drop seen from the other side.
_MATTERS = {Sensitivity.LOW: (0.3, 0.42), Sensitivity.NORMAL: (0.2, 0.25), Sensitivity.HIGH: (0.15, 0.17)}
_LARGE = 6.0


def distance(hits: float, of: float, hits_after: float, of_after: float) -> float:
    """Signed standard deviations between two shares (pooled two-proportion test, with the unrest of the world).

    Example:
        >>> round(distance(400, 1000, 400, 1000), 2)
        0.0
    """
    if of <= 0 or of_after <= 0:
        return 0.0
    one, other = min(hits / of, 1.0), min(hits_after / of_after, 1.0)
    pooled = min(max((hits + hits_after) / (of + of_after), 0.0), 1.0)
    sampling = pooled * (1 - pooled) * (1 / of + 1 / of_after)
    spread = (sampling + (_UNREST * pooled) ** 2) ** 0.5
    return (other - one) / spread if spread > 0 else 0.0


def _matters(case: Case, relative: float, before: tuple[float, float], after: tuple[float, float]) -> bool:
    """Whether a change of a large sample is worth a word although it is below the limits."""
    drop, rise = _MATTERS[case.rules.sensitivity]
    own = case.rules.max_drop if relative < 0 else case.rules.max_rise
    if own is not None or not (-relative >= drop - 1e-9 or relative >= rise - 1e-9):
        return False
    (hits, of), (hits_after, of_after) = before, after
    pooled = min((hits + hits_after) / (of + of_after), 1.0)
    error = sqrt(pooled * (1 - pooled) * (1 / of + 1 / of_after))
    return abs(hits_after / of_after - hits / of) >= _LARGE * error


def judge(
    case: Case,
    label: str,
    before: tuple[float, float],
    after: tuple[float, float],
    *,
    code: str,
    looks: int,
    period: str | None = None,
    share: float = 1.0,
    subject: str | None = None,
    steady: bool = False,
) -> list[Finding]:
    """Findings `<code>.drop` and `<code>.rise` about a share; `before` and `after` are (hits, sample).

    Args:
        case: The two results.
        label: What the share is called.
        before: Hits and sample before.
        after: Hits and sample now.
        code: What the findings' codes begin with.
        looks: How many shares of the tile are looked at.
        period: The period the share is about.
        share: Which part of the tile the share is about.
        subject: What a finding is about, where that is not its `label`.
        steady: Whether both samples are of windows so long that weekdays level out: there, less is a warning.
    """
    (hits, of), (hits_after, of_after) = before, after
    if of <= 0 or of_after <= 0 or (hits <= 0 and hits_after <= 0):
        return []
    one, other = hits / of, hits_after / of_after
    z = distance(hits, of, hits_after, of_after)
    limit = case.z_limit(looks)
    relative = other / one - 1 if one > 0 else 1.0
    matters = case.exceeds(relative) or (steady and _matters(case, relative, before, after))
    if abs(z) < limit or not matters or one <= 0:
        return []
    spread = abs(other - one) / max(abs(z), 1e-9)
    low, high = max(one - limit * spread, 0.0), min(one + limit * spread, 1.0)
    return [
        Finding(
            code=f"{code}.{'drop' if relative < 0 else 'rise'}",
            severity=case.severity(relative, sure=abs(z) > limit + 0.5, share=share),
            message=(
                f"{label} is {percent(other)} ({count(int(of_after), 'case')}), it was {percent(one)} "
                f"({count(int(of), 'case')}); {between(round(low * 100, 1), round(high * 100, 1))} % was expected."
            ),
            subject=subject if subject is not None else label,
            period=period,
            before=round(one, 6),
            after=round(other, 6),
            expected_low=round(low, 6),
            expected_high=round(high, 6),
            confidence=sure(z),
        )
    ]
