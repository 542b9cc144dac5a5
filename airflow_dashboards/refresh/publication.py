"""What an analysis leaves behind: the report, the data, and a summary small enough for an XCom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

from airflow_dashboards.analysis import Analysis, Comparability, Verdict
from airflow_dashboards.analysis.report import ReportContext, render_html, render_markdown, to_json

if TYPE_CHECKING:
    from collections.abc import Sequence

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

    @classmethod
    def of(cls, analysis: Analysis, **more: Any) -> AnalysisSummary:
        """Sum an analysis up."""
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
                )
                for tile in concerning[:MAX_TILES]
            ],
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
