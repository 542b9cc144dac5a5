"""Judging one aggregated value per series: big numbers, pies, bars, tables of a trends query."""

from __future__ import annotations

from typing import Any

from airflow_dashboards.analysis.judge import amount, values
from airflow_dashboards.analysis.judge.case import Case, Reading, Unreadable, as_number, canonical
from airflow_dashboards.analysis.judge.lines import breakdown_label, is_rest
from airflow_dashboards.analysis.judge.values import Named
from airflow_dashboards.analysis.model import Severity
from airflow_dashboards.analysis.words import brief

_NOT_COUNTS = ("avg", "min", "max", "median", "p75", "p90", "p95", "p99", "hogql")


def judge(case: Case) -> Reading:
    """Compare two lists of aggregated values (contract 4.7)."""
    after, counts = _read(case.after.result)
    before = _read(case.before.result)[0] if case.before is not None else None
    reading = values.judge(case, before, after, what="total", counts=counts, ranking=case.after.has_more)
    growth = amount.grows_by_itself(case)
    if growth is not None:
        # A window with a fixed start: it can't shrink, grows with time, and starts anew.
        reading.findings = [
            finding
            for finding in reading.findings
            if finding.severity is Severity.INFO
            or (growth > 0 and finding.code.endswith((".drop", ".vanished")))
            or (growth > 0 and finding.before and finding.after and finding.after / finding.before > 1.75 * growth)
        ]
    return reading


def _read(result: Any) -> tuple[dict[str, Named], bool]:
    if not isinstance(result, list):
        raise Unreadable("expected a list of series")
    named, counts = [], True
    for item in result:
        if not isinstance(item, dict):
            raise Unreadable("expected a list of series")
        if "aggregated_value" not in item:
            raise Unreadable("a series has no aggregated value")
        raw = item["aggregated_value"]
        value = as_number(raw)
        if value is None and raw is not None:
            raise Unreadable("an aggregated value is not a number")
        if item.get("compare_label") == "previous":
            continue
        action = item.get("action")
        math = action.get("math") if isinstance(action, dict) else None
        counts = counts and (value is None or value == int(value)) and math not in _NOT_COUNTS
        broken_down = "breakdown_value" in item
        part = item.get("breakdown_value")
        label = item.get("label")
        shown = breakdown_label(part) if broken_down else brief(label) if isinstance(label, str) and label else "value"
        order = action.get("order") if isinstance(action, dict) else None
        identity = canonical(part) if broken_down else canonical(label)
        named.append(
            Named(
                f"{canonical(order)}|{broken_down}|{identity}",
                shown,
                value or 0.0,
                broken_down and is_rest(part),
                missing=value is None,
            )
        )
    return values.collect(named), counts
