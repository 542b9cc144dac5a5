"""The report for terminals, logs and plain-text mail."""

from __future__ import annotations

import io
import textwrap
from typing import TYPE_CHECKING

from airflow_dashboards.analysis.model import Analysis, Finding, Severity, TileAnalysis, Verdict
from airflow_dashboards.analysis.report import words
from airflow_dashboards.analysis.report.context import ReportContext
from airflow_dashboards.analysis.report.outline import (
    Group,
    earlier,
    group,
    grouped,
    headline,
    overall,
    own_words,
    severest_first,
    streak,
    tally,
    worst_first,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

#: Columns of a terminal that tables and paragraphs keep to unless told otherwise.
WIDTH = 110
_FINDINGS = 8
_WORD = {Verdict.FAIL: "FAIL", Verdict.WARN: "WARN", Verdict.PASS: "pass"}
_SEVERITY = {Severity.FAIL: "fail", Severity.WARN: "warn", Severity.INFO: "note"}


def verdict_word(tile: TileAnalysis) -> str:
    """Return a tile's verdict as one word: FAIL, WARN, `pass`, `unchanged` or `not compared`."""
    where = group(tile)
    if where is Group.NOT_COMPARED:
        return "not compared"
    return "unchanged" if where is Group.UNCHANGED else _WORD[tile.verdict]


def table(analyses: Sequence[Analysis], *, width: int = WIDTH) -> str:
    """Return all tiles as an aligned plain-text table: dashboard, tile, before, after, change, verdict.

    Args:
        analyses: What `compare` said, one per dashboard; the worst stands first.
        width: Columns of the terminal; no line is longer. Long names are cut, numbers are not.

    Example:
        >>> print(table([analysis]))
        Dashboard   Tile               Before   After   Change   Verdict
        ────────────────────────────────────────────────────────────────
        Web shop    Purchases per day   1,204   2,391     +99%   FAIL
    """
    # Airflow brings rich; a worker that never prints a table doesn't load it.
    from rich import box
    from rich.cells import cell_len
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    rows = [
        (
            words.cut(analysis.dashboard_name, 200) or str(analysis.dashboard_id),
            words.cut(tile.name, 200),
            *words.sides(tile.figure),
            words.moved(tile.figure),
            verdict_word(tile),
        )
        for analysis in worst_first(analyses)
        for tiles in grouped(analysis).values()
        for tile in tiles
    ]
    titles = ("Dashboard", "Tile", "Before", "After", "Change", "Verdict")
    widths = [max(map(cell_len, column)) for column in zip(titles, *rows, strict=True)]
    # Numbers and verdicts stand in full; the two names share what is left, the tile's getting the better half.
    room = max(width - sum(widths[2:]) - 3 * (len(titles) - 1), 16)
    tile_width = min(widths[1], max(room - widths[0], room * 3 // 5))
    limits = [min(widths[0], room - tile_width), tile_width, *widths[2:]]
    made = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1))
    for title, limit in zip(titles, limits, strict=True):
        right = title in {"Before", "After", "Change"}
        made.add_column(title, justify="right" if right else "left", width=limit, no_wrap=True, overflow="ellipsis")
    for row in rows:
        made.add_row(*map(Text, row))
    written = io.StringIO()
    total = sum(limits) + 3 * (len(titles) - 1)
    Console(file=written, width=max(width, total), color_system=None, force_terminal=False, _environ={}).print(made)
    return "\n".join(line.rstrip() for line in written.getvalue().splitlines())


def render_text(
    analyses: Sequence[Analysis],
    *,
    title: str = "Dashboard refresh report",
    context: ReportContext | None = None,
    width: int = WIDTH,
) -> str:
    """Return the report as plain text: the headline, the table, then what was found tile by tile.

    Example:
        >>> log.info(render_text([compare(before, after)]))
    """
    context = context or ReportContext()
    parts = [words.cut(title, width), *_wrapped(f"{_WORD[overall(analyses)].upper()}: {_sentence(analyses)}", width)]
    parts += [f"{label}: {value}" for label, value in _run(context)]
    if any(analysis.tiles for analysis in analyses):
        parts += ["", table(analyses, width=width)]
    for analysis in worst_first(analyses):
        parts += ["", *_dashboard(analysis, context, width)]
    if context.narrative:
        parts += [
            "",
            f"In words, by {words.cut(context.narrative_source or 'a language model', 80)}; it decided nothing:",
        ]
        parts += [
            line
            for paragraph in context.narrative[:6000].split("\n\n")
            for line in _wrapped(words.clean(paragraph), width, "  ")
        ]
    if context.notes:
        parts += ["", *(line for note in context.notes for line in _wrapped(words.cut(note, 800), width, "  ", "- "))]
    links = [(words.cut(label, 80), words.safe_url(url)) for label, url in context.links.items()]
    if any(url for _, url in links):
        parts += ["", *(f"{label}: {url}" for label, url in links if url)]
    return "\n".join(parts) + "\n"


def _sentence(analyses: Sequence[Analysis]) -> str:
    return headline(analyses).sentence(words.isolate)


def _run(context: ReportContext) -> list[tuple[str, str]]:
    facts = [("DAG", context.dag_id), ("Run", context.run_id)]
    if context.logical_date:
        facts.append(("Logical date", words.instant(context.logical_date)))
    return [(label, words.cut(value, 200)) for label, value in facts if value]


def _dashboard(analysis: Analysis, context: ReportContext, width: int) -> Iterator[str]:
    name = words.isolate(words.cut(analysis.dashboard_name, 100)) or f"Dashboard {analysis.dashboard_id}"
    lasting = streak(earlier(context, analysis.dashboard_id), analysis.status, analysis.after_at)
    yield f"{name}: {_WORD[analysis.status]}{f', {lasting}' if lasting else ''} ({tally(analysis)})"
    if own := own_words(analysis):
        yield from _wrapped(words.isolate(words.cut(own, 400)), width, "  ")
    yield f"  Before {words.instant(analysis.before_at)}, after {words.instant(analysis.after_at)}"
    if url := words.safe_url(analysis.url):
        yield f"  {url}"
    yield from _findings(analysis.findings, "", width, "  ")
    for tile in grouped(analysis)[Group.ATTENTION]:
        lasting = streak(earlier(context, analysis.dashboard_id, tile.tile_id), tile.verdict, analysis.after_at)
        heading = (
            f"{_WORD[tile.verdict]}  {words.isolate(words.cut(tile.name, 100))}{f' ({lasting})' if lasting else ''}"
        )
        yield from ("", f"  {heading}")
        yield from _wrapped(words.isolate(words.cut(tile.summary, 400)), width, "        ")
        yield from _findings(tile.findings, tile.summary, width, "        ")


def _findings(findings: Sequence[Finding], already: str, width: int, indent: str) -> Iterator[str]:
    told = [finding for finding in severest_first(findings) if finding.message != already]
    for finding in told[:_FINDINGS]:
        text = f"{_SEVERITY[finding.severity]}: {words.isolate(words.cut(finding.message, 400))}"
        yield from _wrapped(text, width, f"{indent}  ", f"{indent}- ")
    if len(told) > _FINDINGS:
        yield f"{indent}- and {len(told) - _FINDINGS} more"


def _wrapped(text: str, width: int, indent: str = "", first: str | None = None) -> list[str]:
    return textwrap.wrap(text, width, initial_indent=indent if first is None else first, subsequent_indent=indent)
