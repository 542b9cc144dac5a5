"""What to draw: the few series that say most, before and after, with the band that was expected."""

from __future__ import annotations

from datetime import datetime
from heapq import nsmallest
from typing import TYPE_CHECKING

from airflow_dashboards.analysis.expectation import History
from airflow_dashboards.analysis.judge.frame import Frame
from airflow_dashboards.analysis.judge.lines import Line
from airflow_dashboards.analysis.model import Chart, ChartMark, ChartSeries, Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_dashboards.analysis.judge.case import Case

#: More lines, or more periods, than these can't be read.
MOST_SERIES, MOST_PERIODS, MOST_BARS = 6, 400, 30
_RANK = {Severity.FAIL: 0, Severity.WARN: 1, Severity.INFO: 2}

Drawn = tuple[Line | None, Line, Frame, History | None]


def of_lines(lines: Sequence[Drawn], findings: Sequence[Finding], case: Case) -> Chart | None:
    """Draw series over the periods of both windows: those something was found of, then the first of `lines`."""
    urgency: dict[str, int] = {}
    for finding in findings:
        if finding.subject is not None:
            urgency[finding.subject] = min(urgency.get(finding.subject, 9), _RANK[finding.severity])
    shown = nsmallest(MOST_SERIES, lines, key=lambda each: urgency.get(each[1].label, 9))
    if not shown:
        return None
    x, running = _axis(shown)
    where = {label: index for index, label in enumerate(x)}
    places = _Places(x)
    series = [_series(each, where, places, case, findings) for each in shown]
    names = {line.label: index for index, (_, line, _, _) in reversed(list(enumerate(shown)))}
    marks = [
        ChartMark(
            series=names[finding.subject], index=where[finding.period], severity=finding.severity, text=finding.message
        )
        for finding in findings
        if finding.subject in names and finding.period in where and finding.severity is not Severity.INFO
    ]
    return Chart(
        type="line", x=x, series=series, marks=marks, incomplete_from=running, hidden_series=len(lines) - len(shown)
    )


def _axis(shown: Sequence[Drawn]) -> tuple[list[str], int | None]:
    places: dict[str, datetime | None] = {}
    running: set[str] = set()
    dated = True
    seen: list[Frame] = []
    for _, line, frame, _ in shown:
        if any(frame is other for other in seen):
            continue  # series of one tile share their periods
        seen.append(frame)
        dated = dated and frame.dated
        places.update(zip(frame.days_before, frame.starts_before, strict=True))
        places.update(zip(frame.days_after, frame.starts_after, strict=True))
        running.update(line.days[index] for index in frame.running)
    x = list(places)
    if dated:
        x.sort(key=lambda label: (places[label] or datetime.min, label))  # noqa: DTZ901 - wall-clock times
    x = x[-MOST_PERIODS:]
    first = next((index for index, label in enumerate(x) if label in running), None)
    return x, first


class _Places:
    """Where the values of a chart's periods are in a series: the series of one tile share their periods."""

    def __init__(self, x: Sequence[str]) -> None:
        self._x = x
        self._known: list[tuple[Sequence[str], list[int | None]]] = []

    def values(self, line: Line | None) -> list[float | None]:
        """The values of a series by the periods of the chart; None where it has none."""
        if line is None:
            return [None] * len(self._x)
        data = line.data
        return [data[place] if place is not None else None for place in self._of(line.days)]

    def _of(self, days: Sequence[str]) -> list[int | None]:
        for known, places in self._known:
            if known is days or known == days:
                return places
        place = {day: index for index, day in enumerate(days)}
        places = list(map(place.get, self._x))
        self._known.append((days, places))
        return places


def _series(
    each: Drawn, where: dict[str, int], places: _Places, case: Case, findings: Sequence[Finding]
) -> ChartSeries:
    before, after, frame, history = each
    old, new = places.values(before), places.values(after)
    low: list[float | None] = [None] * len(where)
    high: list[float | None] = [None] * len(where)
    banded = False
    if history is not None and len(history) > 0:
        limit = case.z_limit(1)
        for label, band in zip(history.labels, history.bands(limit), strict=False):
            place = where.get(label)
            if place is not None:
                banded = True
                low[place], high[place] = band
        for index in (*frame.recheck, *frame.fresh, *frame.running):
            start, day = frame.starts_after[index], after.days[index]
            readings = history.readings(start) if start is not None else []
            if readings and day in where:
                banded = True
                low[where[day]], high[where[day]] = _round(readings[0].band(limit))
    for finding in findings:
        # The band that is drawn is the one that was decided by.
        if finding.subject != after.label or finding.period not in where or finding.expected_high is None:
            continue
        place = where[finding.period]
        if finding.after == new[place]:
            banded = True
            low[place], high[place] = finding.expected_low, finding.expected_high
    return ChartSeries(
        label=after.label,
        before=old,
        after=new,
        expected_low=low if banded else None,
        expected_high=high if banded else None,
    )


def _round(band: tuple[float, float]) -> tuple[float, float]:
    return float(f"{band[0]:.6g}"), float(f"{band[1]:.6g}")


def of_values(
    names: Sequence[str],
    before: Sequence[float | None],
    after: Sequence[float | None],
    findings: Sequence[Finding],
    label: str,
) -> Chart | None:
    """Draw one bar per name, before and after; the first names where there are too many."""
    if not names:
        return None
    shown = list(names[:MOST_BARS])
    where = {name: index for index, name in reversed(list(enumerate(shown)))}
    marks = [
        ChartMark(series=0, index=where[finding.subject], severity=finding.severity, text=finding.message)
        for finding in findings
        if finding.subject in where and finding.severity is not Severity.INFO
    ]
    return Chart(
        type="bar",
        x=shown,
        series=[ChartSeries(label=label, before=list(before[:MOST_BARS]), after=list(after[:MOST_BARS]))],
        marks=marks,
    )
