"""Judging a result whose shape is not known: equal, changed, or emptied."""

from __future__ import annotations

from airflow_dashboards.analysis.judge.case import Case, Reading, same_json
from airflow_dashboards.analysis.model import Finding, Severity


def judge(case: Case) -> Reading:
    """Compare two JSON values."""
    if case.before is None or same_json(case.before.result, case.after.result):
        return Reading(changed=False)
    return Reading(
        changed=True,
        findings=[
            Finding(
                code="tile.changed",
                severity=Severity.INFO,
                message="The result has changed; nothing is known about results of this kind, so it is not judged.",
            )
        ],
    )
