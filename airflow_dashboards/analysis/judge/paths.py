"""Judging paths: how many went from one step to the next."""

from __future__ import annotations

from typing import Any

from airflow_dashboards.analysis.judge import values
from airflow_dashboards.analysis.judge.case import Case, Reading, Unreadable, as_number, canonical
from airflow_dashboards.analysis.judge.values import Named
from airflow_dashboards.analysis.words import brief


def judge(case: Case) -> Reading:
    """Compare the edges of two path results; they are the most walked ones, so small ones come and go."""
    after = _read(case.after.result)
    before = _read(case.before.result) if case.before is not None else None
    return values.judge(case, before, after, what="steps taken", ranking=True)


def _read(result: Any) -> dict[str, Named]:
    if not isinstance(result, list):
        raise Unreadable("expected a list of edges")
    named = []
    for edge in result:
        if not isinstance(edge, dict) or not {"source", "target", "value"} <= edge.keys():
            raise Unreadable("an edge has no source, target or value")
        value = as_number(edge["value"])
        if value is None:
            raise Unreadable("the value of an edge is not a number")
        source, target = canonical(edge["source"]), canonical(edge["target"])
        named.append(Named(f"{source}\n{target}", f"{brief(source, most=40)} to {brief(target, most=40)}", value))
    return values.collect(named)
