"""The pictures of a page: drawings, legends and numbers, within the room that the page has for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup

from airflow_dashboards.analysis.report import svg, words
from airflow_dashboards.analysis.report.outline import Group, group
from airflow_dashboards.analysis.report.plot import MAX_VERTICES, Numbers, Plot, numbers, plot

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_dashboards.analysis.model import Analysis, TileAnalysis

#: Bytes of all drawings in a page.
_ROOM = 520_000
#: Bytes of both drawings of a picture without lines, bytes of a point in both, and fewest points of a picture.
_FRAME, _VERTEX, _COARSEST = 7_500, 17, 240
#: Cards with a picture and a table of numbers of their own; on bigger runs the rest is told in a line each.
_CARDS = 60


@dataclass(frozen=True, slots=True)
class Legend:
    """One entry below a chart: a sample drawn by the style sheet, and a word."""

    sample: str
    label: str


@dataclass(frozen=True, slots=True)
class Picture:
    """A chart: two drawings of it (none where they can't be had), a legend, and the numbers."""

    drawings: tuple[Markup, ...]
    legend: tuple[Legend, ...]
    left_out: str | None
    numbers: Numbers


class Pictures:
    """Draws until the file has enough of them; those that matter most come first."""

    def __init__(self, analyses: Sequence[Analysis]) -> None:
        self.possible = svg.available()
        self.room = _ROOM
        self.cards = _CARDS
        groups = (group(tile) for analysis in analyses for tile in analysis.tiles if tile.chart)
        amount = sum(each in {Group.ATTENTION, Group.CHANGED} for each in groups)
        # Many pictures are drawn with fewer points each, before some would have to go without any.
        self.vertices = int(min(max((_ROOM / max(amount, 1) - _FRAME) / _VERTEX, _COARSEST), MAX_VERTICES))

    def of(self, tile: TileAnalysis, key: str) -> Picture | None:
        """Return the picture of a tile, None where it has no chart or its turn doesn't come."""
        drawn = plot(tile.chart, vertices=self.vertices) if tile.chart else None
        if tile.chart is None or drawn is None or self.cards <= 0:
            return None
        self.cards -= 1
        drawings: tuple[Markup, ...] = ()
        if self.possible and self.room > 0:
            narrow = plot(tile.chart, vertices=self.vertices // 2) or drawn
            drawings = (
                self._drawing(drawn, tile, key, svg.Width.WIDE),
                self._drawing(narrow, tile, key, svg.Width.NARROW),
            )
            self.room -= sum(len(drawing.encode()) for drawing in drawings)
        return Picture(drawings, _legend(drawn), drawn.left_out, numbers(tile.chart))

    @staticmethod
    def _drawing(drawn: Plot, tile: TileAnalysis, key: str, width: svg.Width) -> Markup:
        name = f"{words.cut(tile.name, 80)}: before and after"
        # The XML writer has escaped every text in it.
        return Markup(svg.draw(drawn, name=name, key=f"{key}-{width.name.lower()}", width=width))  # noqa: S704


def _legend(drawn: Plot) -> tuple[Legend, ...]:
    entries: list[Legend] = []
    alone = len(drawn.lines) == 1
    if drawn.kind == "line":
        if not alone:
            entries += [Legend(f"line s{line.colour}", words.cut(line.label, 40)) for line in drawn.lines]
        entries.append(Legend("dashed", "Before"))
        entries.append(Legend("line s0" if alone else "line ink", "After"))
        if drawn.incomplete_from is not None:
            entries.append(Legend("dotted", "Still running"))
    else:
        if not alone and drawn.kind == "columns":
            entries += [Legend(f"box s{line.colour}", words.cut(line.label, 40)) for line in drawn.lines]
        entries += [
            Legend("box before", "Before"),
            Legend("box s0" if alone or drawn.kind == "rows" else "box ink", "After"),
        ]
    if drawn.has_band:
        entries.append(Legend("box band", "Expected range"))
    return tuple(entries)
