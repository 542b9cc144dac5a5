"""Judging a share of a sample: a conversion, a retention. How large the sample is decides what a change means."""

from __future__ import annotations

from airflow_dashboards.analysis.judge.case import Case, sure
from airflow_dashboards.analysis.model import Finding
from airflow_dashboards.analysis.words import between, count, percent

#: Relative noise of a rate from one sample to the next, beside the noise of sampling: no two weeks are alike.
_UNREST = 0.05


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
) -> list[Finding]:
    """Findings `<code>.drop` and `<code>.rise` about a share; `before` and `after` are (hits, sample).

    `subject` is what a finding is about, where that is not its `label`.
    """
    (hits, of), (hits_after, of_after) = before, after
    if of <= 0 or of_after <= 0 or (hits <= 0 and hits_after <= 0):
        return []
    one, other = hits / of, hits_after / of_after
    z = distance(hits, of, hits_after, of_after)
    limit = case.z_limit(looks)
    relative = other / one - 1 if one > 0 else 1.0
    if abs(z) < limit or not case.exceeds(relative) or one <= 0:
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
