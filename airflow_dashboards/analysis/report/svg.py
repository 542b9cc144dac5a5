"""Draws a `Plot` as a small inline SVG with matplotlib: the only module that knows matplotlib, and only when it draws.

Nothing that came from PostHog enters matplotlib: texts go in as placeholders of about their width and are put in place
afterwards, by an XML writer that escapes them. So no name can be taken for math markup, no missing glyph warns, and
what matplotlib writes is known. Colours leave as CSS variables, so that one picture serves light, dark and print.
"""

from __future__ import annotations

import io
import math
import threading
import unicodedata
from dataclasses import dataclass, field
from enum import Enum
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from airflow_dashboards.analysis.model import Severity
from airflow_dashboards.analysis.report.inline import Frame, inline
from airflow_dashboards.analysis.report.words import number, periods, short_number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_dashboards.analysis.report.plot import Line, Mark, Plot, Values

#: How to get charts; shown once where matplotlib is missing.
INSTALL_HINT = "pip install 'airflow-dashboards[report]'"

_SERIES = [f"#0000{index:02x}" for index in range(0xA0, 0xA6)]
_BEFORE, _GRID, _INK, _SOFT, _BAND, _SHADE, _CARD, _FAIL, _WARN, _INFO = (f"#0000{i:02x}" for i in range(0xB0, 0xBA))
#: Colours as matplotlib writes them -> CSS variables of the report's style sheet.
_VARIABLES = {
    **{colour: f"var(--s{index})" for index, colour in enumerate(_SERIES)},
    _BEFORE: "var(--before)",
    _GRID: "var(--grid)",
    _INK: "var(--ink)",
    _SOFT: "var(--soft)",
    _BAND: "var(--band)",
    _SHADE: "var(--shade)",
    _CARD: "var(--card)",
    _FAIL: "var(--fail)",
    _WARN: "var(--warn)",
    _INFO: "var(--info)",
}
_SEVERITY_COLOUR = {Severity.FAIL: _FAIL, Severity.WARN: _WARN, Severity.INFO: _INFO}
_SEVERITY_SIGN = {Severity.FAIL: "✕", Severity.WARN: "!", Severity.INFO: "i"}
_FONT, _CHAR = 11.5, 6.3
#: matplotlib's settings are one global dictionary: only one chart is drawn at a time.
_LOCK = threading.Lock()
_SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "airflow-dashboards",
    "svg.image_inline": True,
    "font.family": ["DejaVu Sans"],
    "font.size": _FONT,
    "axes.formatter.useoffset": False,
    "path.simplify": False,
    "text.parse_math": False,
}


class Width(Enum):
    """For which reading width a chart is drawn; both are in the page and the style sheet shows the one that fits."""

    WIDE = 600
    NARROW = 340


def available() -> bool:
    """Whether charts can be drawn here: the extra `report` is installed."""
    return find_spec("matplotlib") is not None


def draw(plot: Plot, *, name: str, key: str, width: Width) -> str:
    """Return `plot` as an SVG element to stand in an HTML page; the same inputs give the same bytes.

    Args:
        plot: What to draw.
        name: What the picture shows: its accessible title.
        key: Unique in the page, of letters, digits and dashes: makes the ids in the SVG unique.
        width: Reading width in CSS pixels.

    Raises:
        ImportError: matplotlib is missing; ask `available()` first.
    """
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    sheet = _Sheet(plot, width.value)
    with _LOCK, matplotlib.rc_context():
        matplotlib.rcdefaults()  # whatever a matplotlibrc on this machine says
        matplotlib.rcParams.update(_SETTINGS)
        figure = Figure(figsize=(sheet.width / 72, sheet.height / 72), dpi=72)
        FigureCanvasSVG(figure)
        figure.patch.set_visible(False)
        sheet.draw(figure)
        written = io.BytesIO()
        figure.savefig(written, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    frame = Frame(
        key=key,
        name=name,
        description=plot.description,
        css_class=width.name.lower(),
        width=sheet.width,
        height=sheet.height,
        texts=sheet.texts,
        colours=_VARIABLES,
    )
    return inline(written.getvalue(), frame)


@dataclass
class _Sheet:
    """One drawing: its size, and the texts that stand behind the placeholders."""

    plot: Plot
    width: int
    height: int = 0
    texts: list[str] = field(default_factory=list)
    scale: float = 1.0

    def __post_init__(self) -> None:
        self.narrow = self.width < 500
        bars = len(self.plot.x) * len(self.plot.lines)
        self.height = 18 + bars * 46 if self.plot.kind == "rows" else (190 if self.narrow else 230)
        largest = max((abs(value) for line in self.plot.lines for value in line.everything()), default=0.0)
        # Beyond these, sums inside the drawing library overflow or vanish.
        if largest and not 1e-9 < largest < 1e15:
            self.scale = 10.0 ** math.floor(math.log10(largest))

    def text(self, text: str) -> str:
        """Keep `text` and return a placeholder about as wide."""
        self.texts.append(text)
        return f"@{len(self.texts) - 1}@".ljust(_cells(text), "n")

    def scaled(self, values: Values) -> list[float]:
        """Return numbers to draw, NaN where there is none."""
        return [math.nan if value is None else value / self.scale for value in values]

    def draw(self, figure: Any) -> None:
        """Draw the plot into an empty figure."""
        {"rows": self._rows, "columns": self._over_x, "line": self._over_x}[self.plot.kind](figure)

    def _over_x(self, figure: Any) -> None:
        plot = self.plot
        low, high = self._range()
        ticks = _ticks(low, high, 4)
        labels = [short_number(tick * self.scale) for tick in ticks]
        left, right, bottom = max(map(len, labels)) * _CHAR + 10, 10.0, 24.0
        named = [mark for mark in plot.marks if mark.text][: 1 if self.narrow else 2]
        top = 8.0 + 18 * len(named)
        axes = figure.add_axes(
            (left / self.width, bottom / self.height, 1 - (left + right) / self.width, 1 - (top + bottom) / self.height)
        )
        self._bare(axes)
        last = plot.places[-1]
        margin = 0.6 if plot.kind == "columns" or last < 1 else last * 0.012
        axes.set_xlim(-margin, last + margin)
        axes.set_ylim(low, high)
        axes.set_yticks(ticks, [self.text(label) for label in labels])
        axes.grid(axis="y", color=_GRID, linewidth=1)
        if low < 0 < high:
            axes.axhline(0, color=_SOFT, linewidth=1)
        self._x_labels(axes, left, right)
        if plot.incomplete_from is not None:
            axes.axvspan(
                max(plot.places[plot.incomplete_from] - 0.5, -margin),
                last + margin,
                color=_SHADE,
                linewidth=0,
                zorder=0,
            )
        for line in plot.lines:
            (self._columns if plot.kind == "columns" else self._strand)(axes, line)
        for row, mark in enumerate(named):
            self._call_out(axes, mark, row, left, right, top)
        for mark in plot.marks[:40]:
            self._ring(axes, mark)

    def _range(self) -> tuple[float, float]:
        """From where to where the y axis goes; zero belongs to it unless all numbers are far from it."""
        values = [value / self.scale for line in self.plot.lines for value in line.everything()]
        low, high = min(values), max(values)
        if self.plot.kind != "line" or 0 <= low < 0.7 * high or low <= 0 <= high:
            low, high = min(low, 0.0), max(high, 0.0)
        spread = (high - low) or abs(high) or 1.0
        return low - (0.06 * spread if low else 0.0), high + 0.08 * spread

    def _bare(self, axes: Any) -> None:
        axes.set_frame_on(False)
        axes.patch.set_visible(False)
        axes.tick_params(length=0, labelsize=_FONT, labelcolor=_SOFT, pad=5)
        axes.set_axisbelow(True)

    def _x_labels(self, axes: Any, left: float, right: float) -> None:
        labels = periods(self.plot.x)
        inner = self.width - left - right
        widths = [min(_cells(label), 16) * _CHAR for label in labels]
        room = max(2, min(7, int(inner / (max(widths) + 3 * _CHAR))))
        low, high = axes.get_xlim()
        at = [(place - low) / (high - low) * inner for place in self.plot.places]
        places = _spread(at, widths, room)
        axes.set_xticks(
            [self.plot.places[place] for place in places], [self.text(_short(labels[place], 16)) for place in places]
        )
        # The outermost labels grow inward, so that none is cut off.
        texts = axes.get_xticklabels()
        if len(texts) > 1:
            texts[0].set_horizontalalignment("left")
            texts[-1].set_horizontalalignment("right")

    def _strand(self, axes: Any, line: Line) -> None:
        xs = self.plot.places
        colour = _SERIES[line.colour]
        alone = len(self.plot.lines) == 1
        if line.low is not None and line.high is not None:
            axes.fill_between(xs, self.scaled(line.low), self.scaled(line.high), color=_BAND, linewidth=0, zorder=1)
        before = self.scaled(line.before)
        axes.plot(
            xs,
            before,
            color=_BEFORE if alone else colour,
            alpha=None if alone else 0.55,
            linewidth=2.2 if alone else 1.6,
            linestyle=(0, (2.2, 1.4)),
            zorder=2,
        )
        after = self.scaled(line.after)
        end = self.plot.incomplete_from
        solid = after if end is None else after[:end]
        axes.plot(xs[: len(solid)], solid, color=colour, linewidth=2, solid_joinstyle="round", zorder=3)
        if end is not None:
            start = max(end - 1, 0)
            axes.plot(xs[start:], after[start:], color=colour, linewidth=2, linestyle=(0, (0.9, 1.3)), zorder=3)
        for values, tone, size in ((before, _BEFORE if alone else colour, 4), (after, colour, 4.5)):
            lone = _lone(values)
            if lone:
                axes.plot(
                    [xs[place] for place in lone],
                    [values[place] for place in lone],
                    "o",
                    color=tone,
                    markersize=size,
                    linestyle="none",
                    zorder=3,
                )

    def _columns(self, axes: Any, line: Line) -> None:
        xs = self.plot.places
        room = 0.8 / len(self.plot.lines)
        first = -0.4 + line.colour * room
        colour = _SERIES[line.colour]
        alone = len(self.plot.lines) == 1
        for values, offset, tone, alpha in (
            (line.before, 0.25, _BEFORE if alone else colour, 0.75 if alone else 0.45),
            (line.after, 0.75, colour, 1.0),
        ):
            heights = [0.0 if math.isnan(height) else height for height in self.scaled(values)]
            places = [x + first + offset * room for x in xs]
            axes.bar(places, heights, width=room * 0.46, color=tone, alpha=alpha, linewidth=0, zorder=2)

    def _rows(self, figure: Any) -> None:
        """Categories below each other, each with its name above its two bars: readable on the narrowest screen."""
        plot = self.plot
        rows = [(line, x) for x in range(len(plot.x)) for line in plot.lines]
        axes = figure.add_axes((0.005, 0.0, 0.99, 1.0))
        self._bare(axes)
        axes.set_xticks([])
        axes.set_yticks([])
        values = [value / self.scale for line in plot.lines for value in line.everything()]
        low, high = min(0.0, *values), max(0.0, *values)
        spread = (high - low) or 1.0
        room = 110 / self.width  # for the numbers at the bars' ends
        axes.set_xlim(low, high + spread * room / (1 - room))
        axes.set_ylim(-len(rows) * 46, 18)
        marked = {(mark.line, mark.index): mark for mark in reversed(plot.marks)}
        for row, (line, x) in enumerate(rows):
            top = -row * 46.0
            mark = marked.get((plot.lines.index(line), x))
            name = " · ".join(
                part for part in (plot.x[x], line.label if len(plot.lines) > 1 or not plot.x[x] else "") if part
            )
            if len(plot.x) == 1 and len(plot.lines) > 1:
                name = line.label
            name = _short(name, int(self.width * 0.96 / _CHAR) - 4)
            axes.text(
                low,
                top + 1,
                self.text(f"{_SEVERITY_SIGN[mark.severity]} {name}" if mark else name),
                color=_SEVERITY_COLOUR[mark.severity] if mark else _INK,
                fontsize=_FONT,
                va="baseline",
            )
            self._bar(axes, line.before[x], top - 9, 8, _BEFORE, _SOFT)
            if line.low is not None and line.high is not None:
                bottom, end = line.low[x], line.high[x]
                if bottom is not None and end is not None:
                    start, length = bottom / self.scale, (end - bottom) / self.scale
                    axes.barh(top - 22, length, left=start, height=17, color=_BAND, linewidth=0, zorder=1)
            colour = _SEVERITY_COLOUR[mark.severity] if mark else _SERIES[0]
            self._bar(axes, line.after[x], top - 22, 11, colour, _INK)

    def _bar(self, axes: Any, value: float | None, y: float, height: float, colour: str, ink: str) -> None:
        length = 0.0 if value is None else value / self.scale
        axes.barh(y, length, height=height, color=colour, linewidth=0, zorder=2)
        axes.annotate(
            self.text(number(value)),
            (max(length, 0.0), y),
            xytext=(6, 0),
            textcoords="offset points",
            va="center_baseline",
            color=ink,
            fontsize=_FONT - 1,
        )

    def _at(self, mark: Mark) -> float:
        """How high a mark sits: on the line, or where the line should have been."""
        line = self.plot.lines[mark.line]
        between = line.low and line.high and (line.low[mark.index], line.high[mark.index])
        middle = (between[0] + between[1]) / 2 if between and None not in between else None  # type: ignore[operator]
        for value in (line.after[mark.index], middle, line.before[mark.index]):
            if value is not None:
                return value / self.scale
        return 0.0

    def _ring(self, axes: Any, mark: Mark) -> None:
        colour = _SEVERITY_COLOUR[mark.severity]
        x, y = self.plot.places[mark.index], self._at(mark)
        axes.plot([x], [y], "o", color=_CARD, markersize=10, linestyle="none", zorder=5, clip_on=False)
        axes.plot(
            [x],
            [y],
            {Severity.FAIL: "X", Severity.WARN: "^", Severity.INFO: "o"}[mark.severity],
            color=colour,
            markersize=8,
            markeredgewidth=0,
            linestyle="none",
            zorder=6,
            clip_on=False,
        )

    def _call_out(self, axes: Any, mark: Mark, row: int, left: float, right: float, top: float) -> None:
        """A line from the mark up to its words above the picture, where nothing is drawn."""
        inner = self.width - left - right
        low, high = axes.get_xlim()
        x = self.plot.places[mark.index]
        share = (x - low) / (high - low)
        text = _short(f"{_SEVERITY_SIGN[mark.severity]} {mark.text}", int(inner / _CHAR) - 1)
        half = _cells(text) * _CHAR / 2
        side = "left" if share * inner < half else "right" if (1 - share) * inner < half else "center"
        bottom, ceiling = axes.get_ylim()
        unit = (ceiling - bottom) / (self.height - top - 24)
        words = ceiling + unit * (top - 14 - 18 * row)
        colour = _SEVERITY_COLOUR[mark.severity]
        axes.plot(
            [x, x],
            [self._at(mark), words - 4 * unit],
            color=colour,
            linewidth=1,
            zorder=4,
            clip_on=False,
        )
        axes.text(x, words, self.text(text), color=colour, ha=side, va="baseline", fontsize=_FONT, clip_on=False)


def _ticks(low: float, high: float, most: int) -> list[float]:
    from matplotlib.ticker import MaxNLocator

    found = MaxNLocator(nbins=most, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
    return [float(tick) for tick in found if low <= tick <= high]


def _spread(at: Sequence[float], widths: Sequence[float], most: int) -> list[int]:
    """Which points get a label: about evenly spread over the axis, the first and the last among them, none touching.

    Args:
        at: Where each point stands, in pixels.
        widths: How wide each label is, in pixels.
        most: Most labels.
    """
    last = len(at) - 1
    kept, free = [0], at[0] + widths[0]
    end = at[last] - widths[last]
    for step in range(1, most - 1):
        target = at[0] + (at[last] - at[0]) * step / (most - 1)
        place = min(range(len(at)), key=lambda index: abs(at[index] - target))
        if at[place] - widths[place] / 2 > free + _CHAR and at[place] + widths[place] / 2 < end - _CHAR:
            kept.append(place)
            free = at[place] + widths[place] / 2
    return [*kept, last] if last and free + _CHAR < end else kept


def _lone(values: Sequence[float]) -> list[int]:
    """Indices of numbers without a neighbour, which a line alone would not show."""
    gap = [math.isnan(value) for value in (math.nan, *values, math.nan)]
    return [index for index in range(len(values)) if gap[index] and not gap[index + 1] and gap[index + 2]]


def _cells(text: str) -> int:
    """Width of a text in average characters, rather too wide than too narrow: every machine has another typeface."""
    wide = sum(1.0 if unicodedata.east_asian_width(char) in "WF" else 0.5 if char in _BROAD else 0.0 for char in text)
    return len(text) + math.ceil(wide)


#: Letters about half as wide again as the average.
_BROAD = frozenset("mwMWQOGD@%<>=+~#&\N{HORIZONTAL ELLIPSIS}\N{MULTIPLICATION X}")


def _short(text: str, cells: int) -> str:
    if _cells(text) <= cells:
        return text
    while text and _cells(text) >= cells:
        text = text[:-1]
    return text.rstrip() + "…"
