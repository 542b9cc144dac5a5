"""What is said of one dashboard, in short: for the task's XCom, and for the record that the page in Airflow reads."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from airflow_dashboards.analysis import Analysis, Comparability, Verdict
from airflow_dashboards.refresh.files import host_name
from airflow_dashboards.refresh.history import lasting, tiles_lasting

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from airflow_dashboards.refresh.history import VerdictRecord

#: Tiles named in a summary; the rest is in the report.
MAX_TILES = 10


class _Data(BaseModel):
    # Who reads a summary may be older or newer than the worker that wrote it.
    model_config = ConfigDict(frozen=True, extra="ignore")


class TileSummary(_Data):
    """A tile that needs a look."""

    id: int
    name: str
    verdict: Verdict
    summary: str
    #: The codes of its findings.
    codes: list[str] = Field(default_factory=list)
    #: For how many runs of this task it has needed a look, this one included.
    runs_in_a_row: int = 1


class AnalysisSummary(_Data):
    """What the analyze operator returns per dashboard, and keeps of it for the page.

    Example:
        >>> AnalysisSummary.of(analysis, tags=["etl"]).key
        'eu.posthog.com/1/42'
    """

    host: str
    project_id: int
    dashboard_id: int
    #: Records of the page once called it `name`.
    dashboard_name: str = Field(validation_alias=AliasChoices("dashboard_name", "name"))
    url: str
    #: The dashboard's tags in PostHog, as of the picture after.
    tags: list[str] = Field(default_factory=list)
    status: Verdict
    comparability: Comparability
    summary: str
    #: Number of tiles per verdict.
    counts: dict[str, int]
    #: The tiles that need a look, worst first, at most ten.
    tiles: list[TileSummary] = Field(default_factory=list)
    #: When the pictures that were compared were taken; None: there was none before.
    before_at: datetime | None = None
    after_at: datetime
    #: For how many runs of this task the dashboard has not passed, this one included; 0: it passes.
    runs_in_a_row: int = 0
    report_uri: str | None = None
    analysis_uri: str | None = None
    #: PostHog's own words, or why there are none; None where they were not asked for.
    narrative: str | None = None

    @classmethod
    def of(
        cls, analysis: Analysis, earlier: Sequence[VerdictRecord] = (), *, tags: Iterable[str] = (), **more: Any
    ) -> AnalysisSummary:
        """Sum an analysis up.

        Args:
            analysis: of one dashboard.
            earlier: the runs before, newest first.
            tags: the dashboard's.
            more: `report_uri`, `analysis_uri`, `narrative`.
        """
        whole, tiles = lasting(analysis, earlier), tiles_lasting(analysis, earlier)
        return cls(
            host=analysis.host,
            project_id=analysis.project_id,
            dashboard_id=analysis.dashboard_id,
            dashboard_name=analysis.dashboard_name,
            url=analysis.url,
            tags=list(tags),
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
                    runs_in_a_row=tiles[tile.tile_id].runs,
                )
                for tile in analysis.tiles_with(Verdict.FAIL, Verdict.WARN)[:MAX_TILES]
            ],
            before_at=analysis.before_at,
            after_at=analysis.after_at,
            runs_in_a_row=whole.runs if whole is not None else 0,
            **more,
        )

    @property
    def key(self) -> str:
        """What names the dashboard among those of all hosts and projects, e.g. `eu.posthog.com/1/42`."""
        return dashboard_key(self.host, self.project_id, self.dashboard_id)


def dashboard_key(host: str, project_id: int, dashboard_id: int) -> str:
    """Return what names a dashboard among those of all hosts and projects.

    Example:
        >>> dashboard_key("https://eu.posthog.com", 1, 42)
        'eu.posthog.com/1/42'
    """
    return f"{host_name(host)}/{project_id}/{dashboard_id}"
