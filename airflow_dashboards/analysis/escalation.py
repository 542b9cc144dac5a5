"""Rules that look beyond one pair of pictures: a warning that stands run after run becomes a failure. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_dashboards.analysis.model import Analysis, Finding, Severity, TileAnalysis, Verdict
from airflow_dashboards.analysis.rule_book import RuleBook
from airflow_dashboards.analysis.words import brief

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_dashboards.analysis.rules import Rules

_ORDER = (Verdict.FAIL, Verdict.WARN, Verdict.PASS)


def escalate(
    analysis: Analysis, runs_in_a_row: Mapping[int, int], rules: Rules | RuleBook, *, tags: Sequence[str] = ()
) -> Analysis:
    """Return the analysis with the warnings failed that have stood for as many runs as `Rules.escalate_after` allows.

    `compare` knows two pictures only, so this is said after it, by whoever keeps a history. Each such tile gets the
    finding `tile.lasting`; where no rule asks for it, the analysis is returned as it is.

    Args:
        analysis: What `compare` found.
        runs_in_a_row: For how many runs each tile has not passed, this one included, by tile id.
        rules: Those of the analysis.
        tags: The dashboard's.

    Example:
        >>> escalate(analysis, {7: 3}, Rules(escalate_after=3)).status
        <Verdict.FAIL: 'fail'>
    """
    book = RuleBook.parse(rules)
    tiles = [_tile(each, runs_in_a_row.get(each.tile_id, 1), book, list(tags)) for each in analysis.tiles]
    if tiles == analysis.tiles:
        return analysis
    tiles.sort(key=lambda tile: (_ORDER.index(tile.verdict), tile.tile_id, tile.name))
    return analysis.model_copy(update={"tiles": tiles, "status": Verdict.FAIL})


def _tile(tile: TileAnalysis, runs: int, book: RuleBook, tags: list[str]) -> TileAnalysis:
    if tile.verdict is not Verdict.WARN:
        return tile
    rules = book.rules_for(tile_id=tile.tile_id, name=tile.name, tags=tags)
    if rules.escalate_after is None or runs < rules.escalate_after or rules.ignores("tile.lasting"):
        return tile
    lasting = Finding(
        code="tile.lasting",
        severity=Severity.FAIL,
        message=f"{brief(tile.name)} has needed a look for {runs:,} runs in a row.",
        after=float(runs),
        expected_low=0.0,
        expected_high=float(rules.escalate_after - 1),
    )
    return tile.model_copy(
        update={
            "verdict": Verdict.FAIL,
            "findings": [lasting, *tile.findings],
            "summary": f"{tile.summary} It has needed a look for {runs:,} runs in a row.",
        }
    )
