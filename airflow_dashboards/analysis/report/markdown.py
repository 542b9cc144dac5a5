"""The report as GitHub-flavoured Markdown: for pull requests, wikis, chat systems that read it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from airflow_dashboards.analysis.model import Analysis, TileAnalysis, Verdict
from airflow_dashboards.analysis.report import words
from airflow_dashboards.analysis.report.context import ReportContext
from airflow_dashboards.analysis.report.outline import (
    Group,
    earlier,
    grouped,
    headline,
    overall,
    own_words,
    severest_first,
    streak,
    tally,
    worst_first,
)
from airflow_dashboards.analysis.report.text import verdict_word

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_SIGN = {Verdict.FAIL: "❌", Verdict.WARN: "⚠️", Verdict.PASS: "✅"}
_WORD = {Verdict.FAIL: "Fail", Verdict.WARN: "Warning", Verdict.PASS: "Pass"}
_FINDINGS = 8


def escape_markdown(text: str, limit: int = 400) -> str:
    r"""Return `text` so that Markdown shows it letter by letter: no markup, link, mention, HTML or table cell in it.

    Example:
        >>> escape_markdown("a|b *c*")
        'a\\|b \\*c\\*'
    """
    text = re.sub(r"([\\`*_\[\]|~#<>@$!])", r"\\\1", words.cut(text, limit).replace("&", "&amp;"))
    # Bare addresses become links without any markup; a broken word doesn't.
    text = re.sub(r"(?i)\b(www)\.", r"\1\\.", text.replace("://", "\\://"))
    return words.isolate(re.sub(r"^(\d+)([.)])", r"\1\\\2", re.sub(r"^([-+=])", r"\\\1", text)))


def render_markdown(
    analyses: Sequence[Analysis], *, title: str = "Dashboard refresh report", context: ReportContext | None = None
) -> str:
    """Return the report as Markdown: the headline, a table of all tiles, then what was found.

    Example:
        >>> Path("report.md").write_text(render_markdown([compare(before, after)]), encoding="utf-8")
    """
    context = context or ReportContext()
    verdict = overall(analyses)
    sentence = headline(analyses).sentence(escape_markdown)
    lines = [f"# {escape_markdown(title, 120)}", "", f"{_SIGN[verdict]} **{_WORD[verdict]}.** {sentence}", ""]
    about = [("DAG", context.dag_id), ("Run", context.run_id)]
    if context.logical_date:
        about.append(("Logical date", words.instant(context.logical_date)))
    lines += [f"- {label}: {escape_markdown(value, 200)}" for label, value in about if value]
    for label, url in context.links.items():
        lines.append(f"- {_link(label, url)}")
    for analysis in worst_first(analyses):
        lines += ["", *_dashboard(analysis, context)]
    if context.narrative:
        source = escape_markdown(context.narrative_source or "a language model", 80)
        lines += ["", "## In words", "", f"Written by {source}. It decided nothing: the verdicts come from the rules."]
        for paragraph in context.narrative[:6000].split("\n\n"):
            lines += ["", f"> {escape_markdown(paragraph, 6000)}"]
    if context.notes:
        lines += ["", "## Notes", "", *(f"- {escape_markdown(note, 800)}" for note in context.notes)]
    return "\n".join(lines) + "\n"


def _link(label: str, url: str | None) -> str:
    safe = words.safe_url(url)
    target = safe.replace("(", "%28").replace(")", "%29") if safe else None
    return f"[{escape_markdown(label, 120)}]({target})" if target else escape_markdown(label, 120)


def _dashboard(analysis: Analysis, context: ReportContext) -> Iterator[str]:
    name = analysis.dashboard_name or f"Dashboard {analysis.dashboard_id}"
    lasting = streak(earlier(context, analysis.dashboard_id), analysis.status, analysis.after_at)
    yield f"## {_SIGN[analysis.status]} {_link(name, analysis.url)}"
    if own := own_words(analysis):
        yield from ("", escape_markdown(own))
    yield ""
    more = f" · {lasting}" if lasting else ""
    times = f"before {words.instant(analysis.before_at)} · after {words.instant(analysis.after_at)}"
    yield f"{tally(analysis)}{more} · {times}"
    for finding in severest_first(analysis.findings)[:_FINDINGS]:
        yield from ("", f"- **{finding.severity.value}**: {escape_markdown(finding.message)}")
    groups = grouped(analysis)
    if analysis.tiles:
        yield from ("", "| Tile | Before | After | Change | Verdict |", "| :-- | --: | --: | --: | :-- |")
        for tiles in groups.values():
            yield from (_row(tile, analysis) for tile in tiles)
    for tile in groups[Group.ATTENTION]:
        lasting = streak(earlier(context, analysis.dashboard_id, tile.tile_id), tile.verdict, analysis.after_at)
        yield from (
            "",
            f"### {_SIGN[tile.verdict]} {escape_markdown(tile.name, 120)}{f' ({lasting})' if lasting else ''}",
        )
        yield from ("", escape_markdown(tile.summary))
        told = [finding for finding in severest_first(tile.findings) if finding.message != tile.summary]
        if told:
            yield ""
        for finding in told[:_FINDINGS]:
            code = re.sub(r"[^a-z0-9._-]", "", finding.code.lower())
            yield f"- **{finding.severity.value}** `{code}`: {escape_markdown(finding.message)}"
        if len(told) > _FINDINGS:
            yield f"- and {len(told) - _FINDINGS} more"


def _row(tile: TileAnalysis, analysis: Analysis) -> str:
    figure = tile.figure
    name = _link(tile.name, words.insight_url(analysis.host, analysis.project_id, tile.insight_short_id))
    before, after = words.sides(figure)
    return f"| {name} | {before} | {after} | {words.moved(figure)} | {verdict_word(tile)} |".replace("<", "&lt;")
