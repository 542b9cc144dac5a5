"""Windows too short to expect anything by: all that can be said is that nothing has come where much came before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_dashboards.analysis.model import Finding, Severity
from airflow_dashboards.analysis.periods import when
from airflow_dashboards.analysis.rhythm import weekend
from airflow_dashboards.analysis.words import between, count, number

if TYPE_CHECKING:
    from airflow_dashboards.analysis.expectation import History
    from airflow_dashboards.analysis.judge.case import Case
    from airflow_dashboards.analysis.judge.fresh import Fresh

#: What all periods before must have had, so that nothing is no chance.
_MUCH = 30.0


def judge(case: Case, label: str, history: History, judged: list[Fresh]) -> list[Finding]:
    """A finding about the last period that is empty where those before it, however few, were not."""
    values, minimum = history.values, max(_MUCH, case.rules.min_volume)
    if not values or min(values) < minimum or history.interval in ("hour", "minute"):
        return []
    seen = set(map(weekend, history.starts))
    lost = [
        period
        for period in judged
        if not period.value
        and not period.rises_only
        and period.start.date() not in case.rules.holidays
        and (history.interval != "day" or not weekend(period.start) or 1 in seen)
    ]
    if not lost:
        return []
    period = lost[-1]
    before = count(len(values), history.interval) if len(values) > 1 else history.interval
    found = "has no value" if period.missing else f"is {number(period.value)}"
    return [
        Finding(
            code="series.drop",
            severity=Severity.FAIL if case.rules.max_drop is not None else Severity.WARN,
            message=(
                f"{label} {when(period.label, history.interval)} {found}, where the {before} before had "
                f"{between(min(values), max(values))}."
            ),
            subject=label,
            period=period.label,
            after=None if period.missing else period.value,
        )
    ]
