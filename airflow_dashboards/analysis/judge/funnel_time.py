"""Judging the time to convert: a histogram and its average."""

from __future__ import annotations

from typing import Any

from airflow_dashboards.analysis.judge import amount, charts
from airflow_dashboards.analysis.judge.case import Case, Reading, Unreadable, as_number
from airflow_dashboards.analysis.model import Figure
from airflow_dashboards.analysis.words import number

_Histogram = tuple[float, float | None, list[tuple[float, float]]]


def judge(case: Case) -> Reading:
    """Compare the number of conversions and their average time.

    The edges of the bins follow the data, so bins are not held against each other.
    """
    total, average, bins = _read(case.after.result)
    old = _read(case.before.result) if case.before is not None else None
    findings = []
    if old is not None:
        findings += amount.judge(case, "conversions", old[0], total, counts=True)
        if old[1] is not None and average is not None and min(old[0], total) >= 30:
            findings += amount.judge(case, "average time to convert", old[1], average, counts=False)
    known = dict(old[2]) if old is not None else {}
    now = dict(bins)
    edges = sorted(known.keys() | now.keys())
    return Reading(
        changed=old is not None and old != (total, average, bins),
        findings=findings,
        figure=Figure(label="conversions", before=old[0] if old else None, after=total),
        chart=charts.of_values(
            [f"{number(edge)} s" for edge in edges],
            [known.get(edge) for edge in edges],
            [now.get(edge) for edge in edges],
            findings,
            "conversions",
        ),
    )


def _read(result: Any) -> _Histogram:
    if not isinstance(result, dict) or not isinstance(result.get("bins"), list):
        raise Unreadable("expected bins and an average time")
    bins = []
    for pair in result["bins"]:
        if not isinstance(pair, list) or len(pair) != 2:
            raise Unreadable("a bin is not a pair of seconds and a number")
        seconds, hits = as_number(pair[0]), as_number(pair[1])
        if seconds is None or hits is None:
            raise Unreadable("a bin is not a pair of seconds and a number")
        bins.append((seconds, hits))
    bins.sort()
    return sum(hits for _, hits in bins), as_number(result.get("average_conversion_time")), bins
