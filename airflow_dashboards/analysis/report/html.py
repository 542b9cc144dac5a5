"""The report as one HTML file: opens offline, runs no script, asks nobody for anything."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup, escape

from airflow_dashboards.analysis.model import Analysis, Finding, QueryKind, Severity, TileAnalysis, TileStatus, Verdict
from airflow_dashboards.analysis.report import svg, words
from airflow_dashboards.analysis.report.context import PastVerdict, ReportContext
from airflow_dashboards.analysis.report.outline import (
    Group,
    compared_nothing,
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
from airflow_dashboards.analysis.report.pictures import Picture, Pictures

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

DEFAULT_TITLE = "Dashboard refresh report"

#: What keeps the file below a megabyte, whatever the dashboards hold, together with the room for pictures.
_TOOLTIP, _FINDINGS, _NARRATIVE, _HISTORY = 400, 6, 6000, 14

_NAME, _SENTENCE = 120, 400
_MINUS = "\u2212"

_KINDS = {
    QueryKind.TRENDS: "Trends",
    QueryKind.TRENDS_TOTAL: "Trends, total",
    QueryKind.FUNNEL: "Funnel",
    QueryKind.FUNNEL_TRENDS: "Funnel over time",
    QueryKind.FUNNEL_TIME: "Funnel, time to convert",
    QueryKind.RETENTION: "Retention",
    QueryKind.LIFECYCLE: "Lifecycle",
    QueryKind.STICKINESS: "Stickiness",
    QueryKind.PATHS: "Paths",
    QueryKind.TABLE: "Table",
    QueryKind.UNKNOWN: "Other insight",
    QueryKind.NONE: "No insight",
}
_STATES = {
    TileStatus.OK: "computed",
    TileStatus.EMPTY: "computed, empty",
    TileStatus.COLD: "not computed",
    TileStatus.FAILED: "failed",
    TileStatus.NO_ACCESS: "no access",
    TileStatus.NOT_AN_INSIGHT: "not an insight",
}


@dataclass(frozen=True, slots=True)
class Badge:
    """A verdict as icon and word; `tone` is its class in the style sheet."""

    tone: str
    word: str


@dataclass(frozen=True, slots=True)
class Said:
    """A finding as shown."""

    badge: Badge
    sentence: Markup | None
    numbers: str


@dataclass(frozen=True, slots=True)
class Card:
    """A tile as shown."""

    key: str
    name: Markup
    badge: Badge
    summary: Markup
    kind: str
    state: str | None
    computed: str
    url: str | None
    label: str | None
    before: str
    before_is: str
    after: str
    change: str
    streak: str | None
    findings: tuple[Said, ...]
    more_findings: int
    picture: Picture | None


@dataclass(frozen=True, slots=True)
class Board:
    """A dashboard as shown."""

    key: str
    name: Markup
    badge: Badge
    url: str | None
    summary: Markup | None
    tally: str
    streak: str | None
    history: tuple[tuple[Badge, str], ...]
    times: str
    findings: tuple[Said, ...]
    attention: tuple[Card, ...]
    changed: tuple[Card, ...]
    not_compared: tuple[Card, ...]
    unchanged: tuple[Card, ...]


def render_html(
    analyses: Sequence[Analysis], *, title: str = DEFAULT_TITLE, context: ReportContext | None = None
) -> str:
    """Return the report on some dashboards as one self-contained HTML document.

    Charts need the extra `report`; without it the tables stand alone and one line says how to get charts. Nothing in
    the page comes from elsewhere, no script runs, and all that PostHog named is escaped and shortened
    (the beginning of the full text is in the tooltip). The same inputs give the same bytes.

    Args:
        analyses: What `compare` said, one per dashboard, in any order: the worst is shown first.
        title: What the document is called.
        context: The run, links, notes, a narrative and earlier verdicts.

    Example:
        >>> Path("report.html").write_text(render_html([compare(before, after)]), encoding="utf-8")
    """
    context = context or ReportContext()
    links = [(label, words.safe_url(url)) for label, url in context.links.items()]
    pictures = Pictures(analyses)
    boards = _boards(analyses, context, pictures)
    return _template().render(
        title=words.cut(title, _NAME),
        verdict=_verdict_badge(overall(analyses), idle=bool(analyses) and all(map(compared_nothing, analyses))),
        headline=Markup(headline(analyses).sentence(lambda name: f"<bdi>{escape(name)}</bdi>")),  # noqa: S704 - names escaped
        plain_headline=headline(analyses).sentence(),
        style=Markup(_resource("report.css")),  # noqa: S704 - our own style sheet
        boards=boards,
        run=_run(context),
        links=[(words.cut(label, 80), url) for label, url in links if url],
        notes=[note for note in (words.cut(note, _SENTENCE) for note in context.notes) if note],
        narrative=_narrative(context),
        narrative_source=words.cut(context.narrative_source or "", 80),
        hint=None if pictures.possible else svg.INSTALL_HINT,
    )


@lru_cache(maxsize=1)
def _template() -> Template:
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(_resource("report.html.jinja"))


def _resource(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _boards(analyses: Sequence[Analysis], context: ReportContext, pictures: Pictures) -> list[Board]:
    ordered = worst_first(analyses)
    # All that needs a look is drawn before anything that doesn't, over all dashboards.
    wanting = [_cards(a, context, Group.ATTENTION, pictures, f"d{place}") for place, a in enumerate(ordered, 1)]
    return [
        _board(analysis, context, pictures, f"d{place}", wanting[place - 1])
        for place, analysis in enumerate(ordered, 1)
    ]


def _board(
    analysis: Analysis, context: ReportContext, pictures: Pictures, key: str, attention: tuple[Card, ...]
) -> Board:
    past = earlier(context, analysis.dashboard_id)
    idle = compared_nothing(analysis)
    badge = _verdict_badge(analysis.status, idle=idle)
    before = f"Before: {words.instant(analysis.before_at)}" if analysis.before_at else "No earlier capture"
    return Board(
        key=key,
        name=_named(analysis.dashboard_name or f"Dashboard {analysis.dashboard_id}"),
        badge=badge,
        url=words.safe_url(analysis.url),
        summary=_sentence(own) if (own := own_words(analysis)) else None,
        tally=tally(analysis),
        streak=streak(past, analysis.status, analysis.after_at),
        history=_strip(past, badge, analysis.after_at),
        times=f"{before} · After: {words.instant(analysis.after_at)}",
        findings=tuple(_said(finding, "") for finding in severest_first(analysis.findings)[:_FINDINGS]),
        attention=attention,
        changed=_cards(analysis, context, Group.CHANGED, pictures, key),
        not_compared=_cards(analysis, context, Group.NOT_COMPARED, None, key),
        unchanged=_cards(analysis, context, Group.UNCHANGED, None, key),
    )


def _cards(
    analysis: Analysis, context: ReportContext, which: Group, pictures: Pictures | None, key: str
) -> tuple[Card, ...]:
    return tuple(
        _card(tile, analysis, context, pictures, f"{key}-{which.value}-{place}")
        for place, tile in enumerate(grouped(analysis)[which], 1)
    )


def _card(tile: TileAnalysis, analysis: Analysis, context: ReportContext, pictures: Pictures | None, key: str) -> Card:
    findings = severest_first(tile.findings)
    before, after = tile.last_refresh_before, tile.last_refresh_after
    if before is None and after is None:
        computed = "computation time unknown"
    elif before == after:
        computed = f"computed {words.instant(after)}, before and after"
    else:
        computed = f"computed {words.instant(before)} → {words.instant(after)}"
    then, now = words.sides(tile.figure)
    return Card(
        key=key,
        name=_named(tile.name),
        badge=_verdict_badge(tile.verdict, idle=group(tile) is Group.NOT_COMPARED),
        summary=_sentence(tile.summary),
        kind=_KINDS[tile.kind],
        state=_state(tile),
        computed=computed,
        url=words.insight_url(analysis.host, analysis.project_id, tile.insight_short_id),
        label=words.cut(tile.figure.label, 80) if tile.figure else None,
        before=then,
        # What was expected is read as that, and not as what was there before.
        before_is="" if tile.figure and tile.figure.expected_low is not None else "before ",
        after=now,
        change=words.moved(tile.figure).replace("-", _MINUS),
        streak=streak(earlier(context, analysis.dashboard_id, tile.tile_id), tile.verdict, analysis.after_at),
        findings=tuple(_said(finding, tile.summary) for finding in findings[:_FINDINGS]),
        more_findings=max(0, len(findings) - _FINDINGS),
        picture=pictures.of(tile, key) if pictures else None,
    )


def _state(tile: TileAnalysis) -> str | None:
    """Say how the tile's state moved, where it isn't simply computed before and after."""
    before, after = tile.status_before, tile.status_after
    if before is after is TileStatus.OK:
        return None
    was, now = (_STATES[state] if state else "not on the dashboard" for state in (before, after))
    return was if was == now else f"{was} → {now}"


def _said(finding: Finding, already: str) -> Said:
    """A finding; its sentence is left out where the tile's summary has said the same."""
    facts = []
    if finding.expected_low is not None and finding.expected_high is not None:
        facts.append(f"expected {words.about(finding.expected_low)} to {words.about(finding.expected_high)}")
    elif finding.expected_low is not None:
        facts.append(f"expected at least {words.about(finding.expected_low)}")
    elif finding.expected_high is not None:
        facts.append(f"expected at most {words.about(finding.expected_high)}")
    if finding.before is not None and finding.before != finding.after:
        facts.append(f"before {words.number(finding.before)}")
    if finding.after is not None:
        facts.append(f"after {words.number(finding.after)}")
    if finding.confidence is not None:
        facts.append(f"{min(finding.confidence, 0.999) * 100:.3g}% sure")
    tone = {Severity.FAIL: "fail", Severity.WARN: "warn", Severity.INFO: "info"}[finding.severity]
    word = {Severity.FAIL: "Fail", Severity.WARN: "Warning", Severity.INFO: "Note"}[finding.severity]
    facts.append(words.cut(finding.code, 60))
    return Said(
        Badge(tone, word),
        None if finding.message == already else _sentence(finding.message),
        # The dots stay at the end of a line, and a fact in one piece.
        "\u00a0· ".join(fact.replace(" ", "\u00a0") for fact in facts),
    )


def _verdict_badge(verdict: Verdict, *, idle: bool = False) -> Badge:
    if idle and verdict is Verdict.PASS:
        return Badge("idle", "Not compared")
    return {
        Verdict.FAIL: Badge("fail", "Fail"),
        Verdict.WARN: Badge("warn", "Warning"),
        Verdict.PASS: Badge("pass", "Pass"),
    }[verdict]


def _strip(past: Sequence[PastVerdict], badge: Badge, now: datetime) -> tuple[tuple[Badge, str], ...]:
    """The last verdicts as a strip, this run's at the end; empty where this is the first."""
    if not past:
        return ()
    entries = [(_verdict_badge(entry.verdict), words.instant(entry.when)) for entry in past[1 - _HISTORY :]]
    return (*entries, (badge, words.instant(now)))


def _named(text: str) -> Markup:
    """A name of PostHog's: isolated from the text around it, shortened, the full text in the tooltip."""
    short = words.cut(text, _NAME) or "(no name)"
    full = words.cut(text, _TOOLTIP)
    tooltip = Markup(' title="{}"').format(full) if full not in {short, ""} else ""
    return Markup("<bdi{}>{}</bdi>").format(tooltip, short)


def _sentence(text: str) -> Markup:
    short = words.cut(text, _SENTENCE)
    full = words.cut(text, _TOOLTIP)
    return Markup('<span dir="auto"{}>{}</span>').format(
        Markup(' title="{}"').format(full) if full != short else "", short
    )


def _run(context: ReportContext) -> list[tuple[str, str]]:
    facts = [("DAG", context.dag_id), ("Run", context.run_id)]
    if context.logical_date:
        facts.append(("Logical date", words.instant(context.logical_date)))
    return [(label, words.cut(value, _NAME)) for label, value in facts if value]


def _narrative(context: ReportContext) -> list[Markup]:
    """The narrative's paragraphs; passages that the analyses don't bear out are marked."""
    text = (context.narrative or "")[:_NARRATIVE]
    doubted = sorted({words.clean(each) for each in context.narrative_unverified} - {""}, key=len, reverse=True)
    paragraphs = (words.clean(paragraph) for paragraph in text.split("\n\n"))
    return [Markup("").join(_marked(paragraph, doubted)) for paragraph in paragraphs if paragraph]


def _marked(text: str, doubted: Sequence[str]) -> Iterator[Markup]:
    if not doubted:
        yield escape(text)
        return
    first, *others = doubted
    for place, part in enumerate(text.split(first)):
        if place:
            yield Markup('<mark title="Not borne out by the analysis">{}<sup>?</sup></mark>').format(first)
        yield from _marked(part, others)
