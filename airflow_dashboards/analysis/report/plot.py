"""What of a `Chart` is drawn: which series, which points, which labels. Pure; `svg` does the drawing.

A chart may come from a tile with four hundred breakdown values over a year of hours. A reader sees six lines and a few
hundred points, so that is what is drawn: marked series first, then the largest; extremes and marked points always kept.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_dashboards.analysis.model import Chart, ChartMark, ChartSeries, Severity
from airflow_dashboards.analysis.report.words import about, clean, cut, number, period, periods

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Values = tuple[float | None, ...]

#: Most lines (or bar groups) in one chart.
MAX_SERIES = 6
#: Most points along a line, and most points of all lines of a chart together: what keeps an SVG below 25 KB.
MAX_POINTS, MAX_VERTICES = 400, 1500
#: From here on, categories stand side by side without a name of their own.
MAX_ROWS = 10
#: Most cells in a table of numbers.
MAX_CELLS = 160
_SEVERITY_RANK = {Severity.FAIL: 0, Severity.WARN: 1, Severity.INFO: 2}
_SAID = {Severity.FAIL: "Failure", Severity.WARN: "Warning", Severity.INFO: "Note"}
_NAME = 60
#: Longest words that stand above a picture.
_CALL_OUT = 44


@dataclass(frozen=True, slots=True)
class Line:
    """One series as drawn; all tuples are as long as `Plot.x`."""

    label: str
    before: Values
    after: Values
    low: Values | None
    high: Values | None
    #: Position in the palette.
    colour: int

    def everything(self) -> Iterator[float]:
        """Every number there is to draw."""
        for values in (self.before, self.after, self.low or (), self.high or ()):
            yield from (value for value in values if value is not None)


@dataclass(frozen=True, slots=True)
class Mark:
    """A finding's place: indices into `Plot.lines` and `Plot.x`."""

    line: int
    index: int
    severity: Severity
    text: str


@dataclass(frozen=True, slots=True)
class Plot:
    """Everything `svg.draw` needs to know; no text in it is longer than a line."""

    kind: str  # line | columns | rows
    x: tuple[str, ...]
    #: Where each point stands among all the points there were, so that thinning bends no line.
    places: tuple[int, ...]
    lines: tuple[Line, ...]
    marks: tuple[Mark, ...]
    incomplete_from: int | None
    #: Series and categories there are, but not in the picture.
    left_out: str | None
    description: str

    @property
    def has_band(self) -> bool:
        """Whether an expected range is drawn."""
        return any(line.low is not None for line in self.lines)


@dataclass(frozen=True, slots=True)
class Numbers:
    """The table behind a chart: what somebody reads who doesn't see the picture."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    #: Says that rows are left out, or None.
    left_out: str | None


def plot(chart: Chart, *, vertices: int = MAX_VERTICES) -> Plot | None:
    """Return what to draw of `chart`, or None where it holds no number at all.

    Args:
        chart: Before and after, as the analysis gives them.
        vertices: Most points of all lines together; what is more is thinned.
    """
    size = len(chart.x)
    chosen = _chosen(chart)
    lines = [_line(chart.series[position], size, colour, chart) for colour, position in enumerate(chosen)]
    if not size or not any(True for line in lines for _ in line.everything()):
        return None
    marks = sorted(
        (
            _mark(mark, chosen.index(mark.series), lines, chart.x[mark.index])
            for mark in chart.marks
            if mark.series in chosen and 0 <= mark.index < size
        ),
        key=lambda mark: _SEVERITY_RANK[mark.severity],
    )
    kind = _kind(chart, len(lines))
    incomplete = chart.incomplete_from if kind == "line" else None
    if incomplete is not None and not 0 <= incomplete < size:
        incomplete = None
    kept = list(range(size)) if kind == "rows" else _thinned(lines, marks, size, incomplete, vertices)
    place = {index: position for position, index in enumerate(kept)}
    hidden = len(chart.series) - len(chosen) + max(chart.hidden_series, 0)
    return Plot(
        kind=kind,
        x=tuple(cut(chart.x[index], _NAME) for index in kept),
        places=tuple(kept),
        lines=tuple(_pick(line, kept) for line in lines),
        marks=tuple(Mark(mark.line, place[mark.index], mark.severity, mark.text) for mark in marks),
        incomplete_from=None if incomplete is None else place[incomplete],
        left_out=f"{hidden:,} smaller series not drawn" if hidden else None,
        description=_description(chart, lines, marks),
    )


def numbers(chart: Chart) -> Numbers:
    """Return the numbers of `chart` as a table: marked and changed periods before others, recent before old."""
    size = len(chart.x)
    chosen = _chosen(chart)
    lines = [_line(chart.series[position], size, colour, chart) for colour, position in enumerate(chosen)]
    columns = ["" if chart.type == "bar" else "Period"]
    for line in lines:
        prefix = f"{cut(line.label, 40)}: " if len(lines) > 1 else ""
        columns += [f"{prefix}before", f"{prefix}after"] + ([f"{prefix}expected"] if line.low is not None else [])
    room = max(5, MAX_CELLS // len(columns))
    marked = {mark.index for mark in chart.marks}

    def worth(index: int) -> tuple[bool, bool, int]:
        same = all(line.before[index] == line.after[index] for line in lines)
        return (index not in marked, same, -index if chart.type == "line" else index)

    kept = sorted(sorted(range(size), key=worth)[:room])
    rows = []
    for index in kept:
        cells = [cut(chart.x[index], _NAME)]
        for line in lines:
            cells += [number(line.before[index]), number(line.after[index])]
            if line.low is not None and line.high is not None:
                cells.append(_range(line.low[index], line.high[index]))
        rows.append(tuple(cells))
    left_out = f"{len(kept):,} of {size:,} rows: those found fault with, those that moved, then the latest."
    return Numbers(tuple(columns), tuple(rows), left_out if len(kept) < size else None)


def _range(low: float | None, high: float | None) -> str:
    return number(None) if low is None or high is None else f"{about(low)} to {about(high)}"


def _chosen(chart: Chart) -> list[int]:
    """Positions of the series to draw: marked ones, then the largest; in the chart's order."""
    marked = {mark.series for mark in chart.marks}

    def weight(position: int) -> tuple[bool, float]:
        series = chart.series[position]
        finite = [abs(value) for value in (*series.after, *series.before) if value is not None and math.isfinite(value)]
        return (position not in marked, -max(finite, default=0.0))

    return sorted(sorted(range(len(chart.series)), key=weight)[:MAX_SERIES])


def _line(series: ChartSeries, size: int, colour: int, chart: Chart) -> Line:
    # Bands of six series over each other are mud: only the series found fault with show theirs.
    banded = len(chart.series) == 1 or any(
        mark.series < len(chart.series) and chart.series[mark.series] is series
        for mark in chart.marks
        if mark.series >= 0
    )
    with_band = banded and series.expected_low is not None and series.expected_high is not None
    return Line(
        label=cut(series.label, _NAME) or "(no name)",
        before=_values(series.before, size),
        after=_values(series.after, size),
        low=_values(series.expected_low or [], size) if with_band else None,
        high=_values(series.expected_high or [], size) if with_band else None,
        colour=colour,
    )


def _mark(mark: ChartMark, position: int, lines: Sequence[Line], label: str) -> Mark:
    """A mark whose words fit above a picture: its own where they are short, else its figures."""
    line, text = lines[position], clean(mark.text)
    if len(text) > _CALL_OUT:
        low, high = (values[mark.index] if values else None for values in (line.low, line.high))
        was = (
            f"before {number(line.before[mark.index])}"
            if low is None or high is None
            else f"expected {_range(low, high)}"
        )
        text = f"{number(line.after[mark.index])} on {cut(period(label), 20)}, {was}"
    return Mark(position, mark.index, mark.severity, text)


def _values(values: Sequence[float | None], size: int) -> Values:
    finite = [value if value is not None and math.isfinite(value) else None for value in values[:size]]
    return tuple(finite + [None] * (size - len(finite)))


def _kind(chart: Chart, series: int) -> str:
    if chart.type == "line":
        return "line"
    if len(chart.x) * series <= MAX_ROWS:
        return "rows"
    return "columns" if series == 1 or len(chart.x) <= MAX_ROWS * 3 else "line"


def _thinned(
    lines: Sequence[Line], marks: Sequence[Mark], size: int, incomplete: int | None, vertices: int
) -> list[int]:
    """Indices to draw: all of them where they fit; else the ends, the marks, and each stretch's lowest and highest."""
    strands = sum(2 + 2 * (line.low is not None) for line in lines)
    room = min(MAX_POINTS, vertices // strands)
    if size <= room:
        return list(range(size))
    kept = {0, size - 1, *(mark.index for mark in marks)}
    if incomplete is not None:
        kept |= {incomplete, max(incomplete - 1, 0)}
    kept |= {near for mark in marks[:10] for near in (mark.index - 1, mark.index + 1) if 0 <= near < size}
    leading = min(lines, key=lambda line: all(mark.line != line.colour for mark in marks))
    stretches = max(1, (room - min(len(kept), room // 2)) // 2)
    for stretch in range(stretches):
        indices = range(stretch * size // stretches, (stretch + 1) * size // stretches)
        filled = [index for index in indices if leading.after[index] is not None]
        if filled:
            kept.add(min(filled, key=lambda index: leading.after[index] or 0.0))
            kept.add(max(filled, key=lambda index: leading.after[index] or 0.0))
    return sorted(kept)


def _pick(line: Line, kept: Sequence[int]) -> Line:
    def pick(values: Values) -> Values:
        return tuple(values[index] for index in kept)

    return Line(
        label=line.label,
        before=pick(line.before),
        after=pick(line.after),
        low=pick(line.low) if line.low is not None else None,
        high=pick(line.high) if line.high is not None else None,
        colour=line.colour,
    )


def _description(chart: Chart, lines: Sequence[Line], marks: Sequence[Mark]) -> str:
    """One paragraph for somebody who doesn't see the picture."""
    over = " to ".join(periods([chart.x[0], chart.x[-1]] if len(chart.x) > 1 else chart.x))
    what = "Line chart" if chart.type == "line" else "Bar chart"
    said = [f"{what} of {_named(lines)} before and after the refresh, {cut(over, 80)}."]
    for mark in marks[:3]:
        line = lines[mark.line]
        text = mark.text.rstrip(".")
        said.append(
            f"{_SAID[mark.severity]} at {period(cut(chart.x[mark.index], 40))}: {text}"
            f" (before {number(line.before[mark.index])}, after {number(line.after[mark.index])})."
        )
    return " ".join(said)


def _named(lines: Sequence[Line]) -> str:
    """Name one or two series; count more."""
    return " and ".join(cut(line.label, 40) for line in lines) if len(lines) <= 2 else f"{len(lines)} series"
