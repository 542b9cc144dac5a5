"""Judging stickiness: how many people came on one day of the window, on two, on three."""

from __future__ import annotations

from typing import Any

from airflow_dashboards.analysis.judge import values
from airflow_dashboards.analysis.judge.case import Case, Reading, Unreadable, canonical
from airflow_dashboards.analysis.judge.lines import breakdown_label, numbers
from airflow_dashboards.analysis.judge.values import Named
from airflow_dashboards.analysis.words import brief


def judge(case: Case) -> Reading:
    """Compare people by number of days; the days are a count, so nothing moves with the calendar."""
    after = _read(case.after.result)
    before = _read(case.before.result) if case.before is not None else None
    return values.judge(case, before, after, what="people")


def _read(result: Any) -> dict[str, Named]:
    if not isinstance(result, list):
        raise Unreadable("expected a list of series")
    named = []
    for item in result:
        if not isinstance(item, dict) or not isinstance(item.get("data"), list):
            raise Unreadable("a series has no list of values")
        if item.get("compare_label") == "previous":
            continue
        data = numbers(item["data"])
        labels = item.get("labels")
        days = item.get("days")
        shown = labels if isinstance(labels, list) and len(labels) == len(data) else days
        if not isinstance(shown, list) or len(shown) != len(data):
            raise Unreadable("a series has no label for each value")
        label = item.get("label")
        name = breakdown_label(item["breakdown_value"]) if "breakdown_value" in item else brief(canonical(label))
        several = len(result) > 1
        for each, value in zip(shown, data, strict=True):
            text = canonical(each)
            named.append(Named(f"{name}|{text}", f"{name}, {text}" if several else text, value or 0.0))
    return values.collect(named)
