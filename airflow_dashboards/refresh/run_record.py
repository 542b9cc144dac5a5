"""What one analyzing task said of all its dashboards, in one small file that the page in Airflow reads.

The verdicts beside the snapshots (`refresh.history`) are there to be asked for one dashboard; a page that lists a
thousand dashboards would open a hundred thousand of them. This is the same from the other side: a file per task run, in
a folder per day, so that a quarter of nightly runs is some hundred files, and a day that nothing was added to is never
opened again.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import to_json

from airflow_dashboards.analysis import Analysis, Comparability, Verdict
from airflow_dashboards.refresh.files import host_name, safe_name, writing
from airflow_dashboards.refresh.history import runs_in_a_row

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_dashboards.refresh.history import VerdictRecord

#: The folder below the storage root.
RUNS = "runs"
RUN_FORMAT: Literal["airflow-dashboards/run/1"] = "airflow-dashboards/run/1"
#: Tiles named per dashboard; the rest is in the report.
MAX_TILES = 10


class _Data(BaseModel):
    # A page older than the worker that wrote the file must still be able to read it.
    model_config = ConfigDict(frozen=True, extra="ignore")


class TileVerdict(_Data):
    """A tile that needs a look."""

    id: int
    name: str
    verdict: Verdict
    summary: str


class DashboardVerdict(_Data):
    """What the run said of one dashboard."""

    host: str
    project_id: int
    dashboard_id: int
    name: str
    url: str
    status: Verdict
    comparability: Comparability
    summary: str
    #: Number of tiles per verdict.
    counts: dict[str, int]
    #: The tiles that need a look, worst first, at most ten.
    tiles: list[TileVerdict] = Field(default_factory=list)
    #: When the pictures that were compared were taken; None: there was none before.
    before_at: datetime | None = None
    after_at: datetime
    #: For how many runs of this task the dashboard has not passed, this one included; 0: it passes.
    runs_in_a_row: int = 0

    @classmethod
    def of(cls, analysis: Analysis, earlier: Sequence[VerdictRecord] = ()) -> DashboardVerdict:
        """Sum an analysis up; `earlier` are the runs before, newest first."""
        return cls(
            host=analysis.host,
            project_id=analysis.project_id,
            dashboard_id=analysis.dashboard_id,
            name=analysis.dashboard_name,
            url=analysis.url,
            status=analysis.status,
            comparability=analysis.comparability,
            summary=analysis.summary,
            counts={verdict.value: len(analysis.tiles_with(verdict)) for verdict in Verdict},
            tiles=[
                TileVerdict(id=tile.tile_id, name=tile.name, verdict=tile.verdict, summary=tile.summary)
                for tile in analysis.tiles_with(Verdict.FAIL, Verdict.WARN)[:MAX_TILES]
            ],
            before_at=analysis.before_at,
            after_at=analysis.after_at,
            runs_in_a_row=runs_in_a_row(analysis.status, (record.status for record in earlier)),
        )

    @property
    def key(self) -> str:
        """What names the dashboard among those of all hosts and projects, e.g. `eu.posthog.com/1/42`."""
        return dashboard_key(self.host, self.project_id, self.dashboard_id)


class RunRecord(_Data):
    """What one analyzing task said, of every dashboard it looked at."""

    format: Literal["airflow-dashboards/run/1"] = RUN_FORMAT
    dag_id: str
    run_id: str
    task_id: str
    #: -1 where the task is not mapped, as Airflow has it.
    map_index: int = -1
    at: datetime
    title: str
    #: Where the report is, relative to the storage root.
    report: str | None = None
    dashboards: list[DashboardVerdict]
    #: Dashboards that could not be compared: why, by id.
    unreadable: dict[int, str] = Field(default_factory=dict)

    @classmethod
    def of(
        cls,
        analyses: Sequence[Analysis],
        *,
        unreadable: Mapping[int, str] | None = None,
        earlier: Mapping[int, Sequence[VerdictRecord]] | None = None,
        map_index: int | None = None,
        at: datetime | None = None,
        **run: Any,
    ) -> RunRecord:
        """Sum a run up.

        Args:
            analyses: one per dashboard.
            unreadable: dashboards that could not be compared, with the reason.
            earlier: the runs before, newest first, per dashboard.
            map_index: of a mapped task.
            at: when the run looked; default: when the last of its pictures was taken.
            run: `dag_id`, `run_id`, `task_id`, `title`, `report`.
        """
        return cls(
            at=at or max((analysis.after_at for analysis in analyses), default=datetime.now(timezone.utc)),
            map_index=-1 if map_index is None else map_index,
            dashboards=[
                DashboardVerdict.of(analysis, (earlier or {}).get(analysis.dashboard_id, ())) for analysis in analyses
            ],
            unreadable=dict(unreadable or {}),
            **run,
        )

    @property
    def key(self) -> str:
        """What names this task run on the page and in its deep links; a retry has the same."""
        mapped = f"-{self.map_index}" if self.map_index >= 0 else ""
        return safe_name(f"{self.dag_id}-{self.run_id}-{self.task_id}{mapped}")


def dashboard_key(host: str, project_id: int, dashboard_id: int) -> str:
    """Return what names a dashboard among those of all hosts and projects.

    Example:
        >>> dashboard_key("https://eu.posthog.com", 1, 42)
        'eu.posthog.com/1/42'
    """
    return f"{host_name(host)}/{project_id}/{dashboard_id}"


def write_run(root: Any, record: RunRecord) -> str:
    """Write `<root>/runs/<day>/<key>.json` and return the key; the same run on the same day replaces its own.

    Args:
        root: the storage root, a path-like (see `refresh.files`).
        record: what to keep.

    Raises:
        OSError: the storage refuses it.

    Example:
        >>> write_run(store.root, RunRecord.of(analyses, dag_id="nightly", run_id=run, task_id="analyze", title="KPIs"))
        'nightly-manual__2026-06-01-analyze'
    """
    path = root / RUNS / f"{record.at.astimezone(timezone.utc):%Y-%m-%d}" / f"{record.key}.json"
    with writing(path) as file:
        file.write(to_json(record))
    return record.key
