"""What an analysis leaves behind: the report, the data, and a summary small enough for an XCom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

from airflow_dashboards.analysis import Analysis, Comparability, Verdict
from airflow_dashboards.analysis.report import (
    Medium,
    ReportContext,
    message,
    render_html,
    render_markdown,
    summary_line,
    to_json,
)
from airflow_dashboards.refresh.history import runs_in_a_row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_dashboards.refresh.history import VerdictRecord

#: Tiles named in a summary; the rest is in the report.
MAX_TILES = 10


class TileSummary(BaseModel):
    """A tile that needs a look."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: int
    name: str
    verdict: Verdict
    summary: str
    codes: list[str]
    #: For how many runs of this task it has needed a look, this one included.
    runs_in_a_row: int = 1


class AnalysisSummary(BaseModel):
    """What the analyze operator returns per dashboard."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dashboard_id: int
    dashboard_name: str
    url: str
    status: Verdict
    comparability: Comparability
    summary: str
    #: Number of tiles per verdict.
    counts: dict[str, int]
    #: The tiles that need a look, worst first, at most ten.
    tiles: list[TileSummary] = Field(default_factory=list)
    report_uri: str | None = None
    analysis_uri: str | None = None
    #: PostHog's own words, or why there are none; None where they were not asked for.
    narrative: str | None = None
    #: For how many runs of this task the dashboard has not passed, this one included; 0: it passes.
    runs_in_a_row: int = 0

    @classmethod
    def of(cls, analysis: Analysis, earlier: Sequence[VerdictRecord] = (), **more: Any) -> AnalysisSummary:
        """Sum an analysis up; `earlier` are the runs before, newest first."""
        concerning = analysis.tiles_with(Verdict.FAIL, Verdict.WARN)
        return cls(
            dashboard_id=analysis.dashboard_id,
            dashboard_name=analysis.dashboard_name,
            url=analysis.url,
            status=analysis.status,
            comparability=analysis.comparability,
            summary=analysis.summary,
            counts={verdict.value: len(analysis.tiles_with(verdict)) for verdict in Verdict},
            tiles=[
                TileSummary(
                    id=tile.tile_id,
                    name=tile.name,
                    verdict=tile.verdict,
                    summary=tile.summary,
                    codes=sorted({finding.code for finding in tile.findings}),
                    runs_in_a_row=runs_in_a_row(
                        tile.verdict, (record.tiles.get(tile.tile_id, Verdict.PASS) for record in earlier)
                    ),
                )
                for tile in concerning[:MAX_TILES]
            ],
            runs_in_a_row=runs_in_a_row(analysis.status, (record.status for record in earlier)),
            **more,
        )


class Published(BaseModel):
    """Where the files are."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    report_uri: str
    analysis_uri: str
    markdown_uri: str


def publish(analyses: Sequence[Analysis], folder: Any, *, title: str, context: ReportContext) -> Published:
    """Write `report.html`, `report.md` and `analysis.json` into a folder.

    Args:
        analyses: one per dashboard.
        title: heading of the report.
        context: what the report says of the run.
        folder: `pathlib.Path` or anything that behaves like it, such as Airflow's `ObjectStoragePath`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = {
        "report.html": render_html(analyses, title=title, context=context),
        "report.md": render_markdown(analyses, title=title, context=context),
        "analysis.json": to_json(analyses),
    }
    for name, text in files.items():
        (folder / name).write_bytes(text.encode())
    return Published(
        report_uri=str(folder / "report.html"),
        markdown_uri=str(folder / "report.md"),
        analysis_uri=str(folder / "analysis.json"),
    )


def messages(analyses: Sequence[Analysis], *, context: ReportContext, problems: Sequence[str] = ()) -> dict[str, str]:
    """Return what notifiers send, by the XCom key under which they find it.

    Args:
        analyses: one per dashboard.
        context: its links end the messages.
        problems: what could not be compared, a sentence each; there the subject says FAIL whatever the rest does.

    Returns:
        `subject` (one line), `message` (Slack's mrkdwn), `message_html` and `message_text`.
    """
    return {
        "subject": summary_line(analyses, problems=problems),
        "message": message(analyses, medium=Medium.SLACK, context=context, problems=problems),
        "message_html": message(analyses, medium=Medium.HTML, context=context, problems=problems),
        "message_text": message(analyses, medium=Medium.TEXT, context=context, problems=problems),
    }
