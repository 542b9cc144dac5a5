"""The nouns of the analysis: what a dashboard showed, and what is said about two such pictures.

Everything here is data: frozen, JSON in and out, without behaviour beyond small derived properties. A `Snapshot` is
what a dashboard showed at one instant; an `Analysis` is what `compare` found between two of them.
"""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

# On its own, for `Rules` in a DAG file needs it and none of what is here.
from airflow_dashboards.analysis.severity import Severity as Severity
from airflow_dashboards.packed import Packed

#: Version of the snapshot file's format; a reader refuses a newer major.
SNAPSHOT_FORMAT: Literal["airflow-dashboards/snapshot/1"] = "airflow-dashboards/snapshot/1"
#: Version of `analysis.json`.
ANALYSIS_FORMAT: Literal["airflow-dashboards/analysis/1"] = "airflow-dashboards/analysis/1"


class _Data(BaseModel):
    # Built on first use: a DAG file that imports the names needs no schema.
    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="null", defer_build=True)


class TileStatus(str, Enum):
    """What a capture found on one tile."""

    OK = "ok"
    EMPTY = "empty"  # computed, and there was nothing
    COLD = "cold"  # never computed, or evicted: the cache had no result
    FAILED = "failed"  # the server says that computing it failed
    NO_ACCESS = "no_access"  # the credential may not see this insight (contract 4.5)
    NOT_AN_INSIGHT = "not_an_insight"  # text, button or widget


class QueryKind(str, Enum):
    """What shape a tile's result has, and so how two of them are compared (contract 4.7)."""

    TRENDS = "trends"  # series over periods
    TRENDS_TOTAL = "trends_total"  # one aggregated value per series: number, pie, table displays
    FUNNEL = "funnel"  # steps
    FUNNEL_TRENDS = "funnel_trends"  # conversion per period
    FUNNEL_TIME = "funnel_time"  # histogram of the time to convert
    RETENTION = "retention"  # cohorts
    LIFECYCLE = "lifecycle"
    STICKINESS = "stickiness"
    PATHS = "paths"
    TABLE = "table"  # rows in columns: SQL and DataTableNode
    UNKNOWN = "unknown"  # compared as plain JSON
    NONE = "none"  # not an insight


class Tile(_Data):
    """One tile of a dashboard as captured."""

    id: int
    kind: QueryKind
    status: TileStatus
    #: Name, else derived name, else `Tile <id>`.
    name: str
    insight_id: int | None = None
    insight_short_id: str | None = None
    #: Query as shown by the server: with dashboard and tile filters applied.
    query: dict[str, Any] | None = None
    #: hour | day | week | month | minute; None where the kind has none.
    interval: str | None = None
    #: IANA name of the timezone in which periods are cut.
    timezone: str = "UTC"
    #: As PostHog sent it (contract 4.7); `Packed` where it is large and the snapshot was read so.
    result: Any = None
    columns: list[str] | None = None
    types: list[Any] | None = None
    has_more: bool = False
    last_refresh: datetime | None = None
    #: The server's own words where `status` is failed.
    error: str | None = None

    def opened(self) -> Tile:
        """Return this tile with its result at hand, should it be packed."""
        return self.model_copy(update={"result": self.result.open()}) if isinstance(self.result, Packed) else self


class SnapshotHeader(_Data):
    """Everything of a snapshot but its tiles; the first line of a snapshot file."""

    format: Literal["airflow-dashboards/snapshot/1"] = SNAPSHOT_FORMAT
    dashboard_id: int
    dashboard_name: str = ""
    project_id: int
    #: Origin of PostHog, e.g. `https://eu.posthog.com`.
    host: str
    #: The server's clock when the tiles were read, UTC.
    taken_at: datetime
    #: `refresh` mode of the capture, e.g. force_cache.
    mode: str = "force_cache"
    tags: list[str] = Field(default_factory=list)
    #: Dashboard filters and variables in force.
    filters: dict[str, Any] = Field(default_factory=dict)
    variables: dict[str, Any] = Field(default_factory=dict)

    @property
    def url(self) -> str:
        """Address of the dashboard in PostHog's own pages."""
        return f"{self.host}/project/{self.project_id}/dashboard/{self.dashboard_id}"


class Snapshot(SnapshotHeader):
    """What a dashboard showed at one instant."""

    tiles: list[Tile] = Field(default_factory=list)

    def tile(self, tile_id: int) -> Tile | None:
        """Return the tile with this id, or None."""
        return next((tile for tile in self.tiles if tile.id == tile_id), None)


class Verdict(str, Enum):
    """What the rules say of a tile or a dashboard: the worst severity found, info counting as pass."""

    PASS = "pass"  # noqa: S105 - a verdict, no password
    WARN = "warn"
    FAIL = "fail"


class Comparability(str, Enum):
    """Whether there was anything to compare, and whether it moved: four different answers, never mixed up."""

    NOTHING_CAPTURED = "nothing_captured"  # no usable result before
    NOTHING_COMPARABLE = "nothing_comparable"  # usable before, but nothing after to hold against it
    UNCHANGED = "unchanged"  # the same numbers, and nothing wrong with that
    CHANGED = "changed"  # other numbers, or the same where a period has ended that should have brought others


class Finding(_Data):
    """One thing a rule noticed, with the numbers that made it say so."""

    #: Stable, documented in the rules reference, e.g. `series.drop`.
    code: str
    severity: Severity
    #: One plain sentence.
    message: str
    #: What it is about: a series label, a step, a column; None for the whole tile.
    subject: str | None = None
    #: The period it is about, as the server labels it (`2026-06-01`).
    period: str | None = None
    before: float | None = None
    after: float | None = None
    #: The range in which `after` was expected, both ends inclusive.
    expected_low: float | None = None
    expected_high: float | None = None
    #: How sure, 0 to 1; None where the finding is a plain fact.
    confidence: float | None = None


class Figure(_Data):
    """The number a tile is summed up by, before and after."""

    #: What the number is, e.g. `purchase on 2026-06-01` or `rows`.
    label: str
    #: None where the picture before had no such number: a period that still ran, or had not begun or not been loaded,
    #: is nothing to hold its end against.
    before: float | None = None
    after: float | None = None
    #: What was expected instead, where there is no number before and `after` is not as expected; both ends inclusive.
    expected_low: float | None = None
    expected_high: float | None = None
    #: `ratio` where 0.62 is read as 62 %.
    unit: Literal["ratio"] | None = None

    @property
    def change(self) -> float | None:
        """Relative change, e.g. -0.25; None where it has no meaning."""
        if self.before is None or self.after is None or self.before == 0:
            return None
        return (self.after - self.before) / abs(self.before)


class ChartSeries(_Data):
    """One line or bar group of a tile's chart; all lists are as long as `Chart.x`."""

    label: str
    before: list[float | None]
    after: list[float | None]
    expected_low: list[float | None] | None = None
    expected_high: list[float | None] | None = None


class ChartMark(_Data):
    """A finding's place on the chart."""

    series: int
    index: int
    severity: Severity
    text: str


class Chart(_Data):
    """What to draw for a tile: before and after over periods (line) or over categories (bar)."""

    type: Literal["line", "bar"]
    x: list[str]
    series: list[ChartSeries]
    marks: list[ChartMark] = Field(default_factory=list)
    #: Index in `x` from which the period is still running; None where none is.
    incomplete_from: int | None = None
    #: Series not drawn because there are too many.
    hidden_series: int = 0


class TileAnalysis(_Data):
    """What is said about one tile."""

    tile_id: int
    insight_id: int | None = None
    insight_short_id: str | None = None
    name: str
    kind: QueryKind
    status_before: TileStatus | None = None
    status_after: TileStatus | None = None
    last_refresh_before: datetime | None = None
    last_refresh_after: datetime | None = None
    comparability: Comparability
    verdict: Verdict
    #: One plain sentence.
    summary: str
    figure: Figure | None = None
    findings: list[Finding] = Field(default_factory=list)
    chart: Chart | None = None


class Analysis(_Data):
    """What `compare` found between two snapshots of one dashboard; the content of `analysis.json`."""

    format: Literal["airflow-dashboards/analysis/1"] = ANALYSIS_FORMAT
    dashboard_id: int
    dashboard_name: str
    project_id: int
    host: str
    url: str
    before_at: datetime | None
    after_at: datetime
    comparability: Comparability
    #: pass, warn or fail.
    status: Verdict
    #: One plain sentence.
    summary: str
    #: Findings about the dashboard itself: tiles added or removed, filters changed.
    findings: list[Finding] = Field(default_factory=list)
    #: Insight tiles only, worst verdict first, then by tile id: an order that no rearranged dashboard changes.
    tiles: list[TileAnalysis] = Field(default_factory=list)

    def tiles_with(self, *verdicts: Verdict) -> list[TileAnalysis]:
        """Return the tiles with one of these verdicts."""
        return [tile for tile in self.tiles if tile.verdict in verdicts]
