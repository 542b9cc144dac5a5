"""Short messages for notifiers: one line for a subject, a few lines with links for a chat or a mail."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from markupsafe import escape

from airflow_dashboards.analysis.model import Analysis, TileAnalysis, Verdict
from airflow_dashboards.analysis.report import words
from airflow_dashboards.analysis.report.context import ReportContext
from airflow_dashboards.analysis.report.outline import Group, earlier, grouped, headline, overall, streak, worst_first

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_SIGN = {Verdict.FAIL: "❌", Verdict.WARN: "⚠️", Verdict.PASS: "✅"}
_WORD = {Verdict.FAIL: "FAIL", Verdict.WARN: "WARN", Verdict.PASS: "PASS"}
_ZERO_WIDTH_SPACE = "\u200b"
#: Longest one-line summary: what a mail subject or a phone's lock screen still shows.
_LINE = 200


class Medium(str, Enum):
    """For whom a message is written, which decides how names and links are escaped."""

    SLACK = "slack"  # mrkdwn, as Airflow's Slack notifiers send it
    TEXT = "text"  # plain mail, logs
    HTML = "html"  # `html_content` of Airflow's SMTP notifier


def summary_line(analyses: Sequence[Analysis], *, problems: Sequence[str] = ()) -> str:
    """Return what happened on one line of at most 200 characters, without markup: fit for a mail's subject.

    Args:
        analyses: What `compare` said, one per dashboard.
        problems: What could not be compared; with any, the line says FAIL.

    Example:
        >>> summary_line([analysis])
        'FAIL: 3 of 14 tiles need a look: Purchases per day, Sign-ups and Refunds.'
    """
    verdict = Verdict.FAIL if problems else overall(analyses)
    return words.cut(f"{_WORD[verdict]}: {_uncompared(problems)}{headline(analyses).sentence()}", _LINE)


def _uncompared(problems: Sequence[str]) -> str:
    return f"{words.count(len(problems), 'dashboard')} could not be compared. " if problems else ""


def message(
    analyses: Sequence[Analysis],
    *,
    medium: Medium = Medium.SLACK,
    context: ReportContext | None = None,
    most: int = 5,
    problems: Sequence[str] = (),
) -> str:
    """Return a few lines with links: the headline, the tiles that need a look, where to read on.

    Args:
        analyses: What `compare` said, one per dashboard.
        medium: Slack (mrkdwn), plain text or HTML.
        context: Its `links` end the message, its `history` tells how long something has been going on.
        most: Most tiles to name, and most dashboards.
        problems: What could not be compared, a sentence each; with any, the message is one of a failure.

    Example:
        >>> SlackNotifier(text=message(analyses, context=ReportContext(links={"Report": report_url})))
    """
    writer = _WRITERS[medium]
    context = context or ReportContext()
    verdict = Verdict.FAIL if problems else overall(analyses)
    said = f"{_uncompared(problems)}{headline(analyses).sentence(writer.text)}"
    lines = [f"{_SIGN[verdict]} {writer.strong(said)}"]
    lines += [f"{writer.bullet}{writer.text(words.cut(problem, 200))}" for problem in problems[:most]]
    room = most
    concerning = [each for each in worst_first(analyses) if each.status is not Verdict.PASS or _wanting(each)]
    for analysis in concerning[:most]:
        wanting = _wanting(analysis)
        name = words.cut(analysis.dashboard_name, 80) or f"Dashboard {analysis.dashboard_id}"
        lines.append(f"{writer.link(name, analysis.url)}: {_WORD[analysis.status]}{_since(context, analysis)}")
        if not wanting:
            lines.append(f"{writer.bullet}{writer.text(words.cut(analysis.summary, 200))}")
        lines += [_tile(tile, analysis, context, writer) for tile in wanting[: max(room, 0)]]
        if len(wanting) > max(room, 0):
            lines.append(f"{writer.bullet}and {len(wanting) - max(room, 0)} more")
        room -= len(wanting)
    if len(concerning) > most:
        lines.append(f"and {words.count(len(concerning) - most, 'more dashboard')}")
    lines += _links(context, writer)
    return writer.joined(lines)


def _wanting(analysis: Analysis) -> list[TileAnalysis]:
    return grouped(analysis)[Group.ATTENTION]


def _tile(tile: TileAnalysis, analysis: Analysis, context: ReportContext, writer: _Writer) -> str:
    url = words.insight_url(analysis.host, analysis.project_id, tile.insight_short_id)
    figure = tile.figure
    moved = ""
    if figure and (figure.before is not None or figure.after is not None):
        moved = f" {' → '.join(words.sides(figure))} ({words.moved(figure)})."
    name = writer.link(words.cut(tile.name, 80), url)
    said = writer.text(words.cut(tile.summary, 200))
    return f"{writer.bullet}{_SIGN[tile.verdict]} {name}:{writer.text(moved)} {said}{_since(context, analysis, tile)}"


def _since(context: ReportContext, analysis: Analysis, tile: TileAnalysis | None = None) -> str:
    past = earlier(context, analysis.dashboard_id, tile.tile_id if tile else None)
    lasting = streak(past, tile.verdict if tile else analysis.status, analysis.after_at)
    return f" ({lasting})" if lasting else ""


def _links(context: ReportContext, writer: _Writer) -> Iterator[str]:
    links = [writer.link(words.cut(label, 60), url) for label, url in context.links.items() if words.safe_url(url)]
    if links:
        yield writer.separator.join(links)


class _Writer:
    """How a medium writes text, links and lines: here plain text."""

    bullet = "- "
    separator = "\n"

    def text(self, text: str) -> str:
        return words.isolate(text)

    def strong(self, written: str) -> str:
        return written

    def link(self, label: str, url: str | None) -> str:
        safe = words.safe_url(url)
        return f"{self.text(label)} ({safe})" if safe else self.text(label)

    def joined(self, lines: Sequence[str]) -> str:
        return "\n".join(lines)


class _Slack(_Writer):
    bullet = "• "
    separator = " · "

    def text(self, text: str) -> str:
        escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        # mrkdwn has no escape for its own marks and for mentions: an invisible space keeps them from being read so.
        for mark in "*_~`@":
            escaped = escaped.replace(mark, f"{_ZERO_WIDTH_SPACE}{mark}{_ZERO_WIDTH_SPACE}")
        return words.isolate(escaped)

    def strong(self, written: str) -> str:
        return f"*{written}*"

    def link(self, label: str, url: str | None) -> str:
        safe = words.safe_url(url)
        target = safe.replace("&", "&amp;").replace("|", "%7C") if safe else None
        return f"<{target}|{self.text(label).replace('|', '¦')}>" if target else self.text(label)


class _HTML(_Writer):
    bullet = "&nbsp;&nbsp;• "
    separator = " · "

    def text(self, text: str) -> str:
        return f"<bdi>{escape(text)}</bdi>"

    def strong(self, written: str) -> str:
        return f"<strong>{written}</strong>"

    def link(self, label: str, url: str | None) -> str:
        safe = words.safe_url(url)
        return f'<a href="{escape(safe)}">{self.text(label)}</a>' if safe else self.text(label)

    def joined(self, lines: Sequence[str]) -> str:
        return "".join(f"<p>{line}</p>" for line in lines)


_WRITERS = {Medium.SLACK: _Slack(), Medium.TEXT: _Writer(), Medium.HTML: _HTML()}
