"""A text tile on the dashboard itself: when it was refreshed, by which run, what changed, where to read on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_dashboards.analysis import Verdict
from airflow_dashboards.analysis.report import escape_markdown
from airflow_dashboards.analysis.report.outline import earlier, headline, streak
from airflow_dashboards.analysis.report.words import instant, safe_url
from airflow_dashboards.posthog import PostHogError
from airflow_dashboards.posthog.flow import Flow, Gather
from airflow_dashboards.refresh.board_tiles import ensure_text_tile

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from airflow_dashboards.analysis import Analysis
    from airflow_dashboards.analysis.report import ReportContext
    from airflow_dashboards.posthog import FlowClient

#: What the tile is found again by; a dashboard has one, whichever DAG wrote it last.
STATUS_KEY = "refresh-status"
#: Tiles named; the rest is in the report.
_MOST = 5
_AT_ONCE = 4
#: Room for the text: PostHog takes 4000 characters with the marker (contract 3.13).
_ROOM = 3800
_SIGN = {Verdict.FAIL: "❌ **Fail.**", Verdict.WARN: "⚠️ **Warning.**", Verdict.PASS: "✅ **Pass.**"}


def status_note(analysis: Analysis, context: ReportContext) -> str:
    """Return the tile's Markdown. Names are escaped; a whole line that has no room is left out.

    Example:
        >>> status_note(analysis, ReportContext(dag_id="nightly")).splitlines()[0]
        '**Refreshed 1 Jun 2026, 06:12 UTC** by nightly'
    """
    text = ""
    for line in _lines(analysis, context):
        if len(text) + len(line) + 2 > _ROOM:
            break
        text += f"{line}\n"
    return text.strip()


def write_status_notes(flows: FlowClient, analyses: Sequence[Analysis], context: ReportContext) -> Flow[list[str]]:
    """Write the status tile of each dashboard: added the first time, updated after that.

    Never raises a `PostHogError`: a dashboard that may not be written to is refreshed and judged all the same.

    Returns:
        What was in the way, a sentence each.
    """
    answers = yield Gather(
        [
            ensure_text_tile(flows, each.dashboard_id, body=status_note(each, context), key=STATUS_KEY)
            for each in analyses
        ],
        limit=_AT_ONCE,
    )
    notes = []
    for analysis, answer in zip(analyses, answers, strict=True):
        if isinstance(answer, BaseException):
            if not isinstance(answer, PostHogError):
                raise answer
            notes.append(f"The status tile of {analysis.dashboard_name} could not be written: {answer}")
    return notes


def _lines(analysis: Analysis, context: ReportContext) -> Iterator[str]:
    refreshed = [tile.last_refresh_after for tile in analysis.tiles if tile.last_refresh_after is not None]
    # The oldest: all that is shown is at least as fresh.
    when = f"Refreshed {instant(min(refreshed))}" if refreshed else f"Read {instant(analysis.after_at)}"
    by = f" by {escape_markdown(context.dag_id, 120)}" if context.dag_id else ""
    run = f", run {escape_markdown(context.run_id, 200)}" if context.run_id else ""
    yield f"**{when}**{by}{run}"
    lasting = streak(earlier(context, analysis.dashboard_id), analysis.status, analysis.after_at)
    yield ""
    said = headline([analysis]).sentence(escape_markdown)
    yield f"{_SIGN[analysis.status]} {said}{f' ({lasting})' if lasting else ''}"
    wanting = analysis.tiles_with(Verdict.FAIL, Verdict.WARN)
    if wanting:
        yield ""
    for tile in wanting[:_MOST]:
        yield f"- {escape_markdown(tile.name, 120)}: {escape_markdown(tile.summary, 240)}"
    if len(wanting) > _MOST:
        yield f"- and {len(wanting) - _MOST} more"
    links = [
        f"[{escape_markdown(label, 60)}]({safe.replace('(', '%28').replace(')', '%29')})"
        for label, url in context.links.items()
        if (safe := safe_url(url))
    ]
    if links:
        yield ""
        yield " · ".join(links)
