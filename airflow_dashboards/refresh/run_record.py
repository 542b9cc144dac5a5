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

from airflow_dashboards.refresh.files import safe_name, writing
from airflow_dashboards.refresh.summary import AnalysisSummary

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: The folder below the storage root.
RUNS = "runs"
RUN_FORMAT: Literal["airflow-dashboards/run/1"] = "airflow-dashboards/run/1"


class RunRecord(BaseModel):
    """What one analyzing task said, of every dashboard it looked at."""

    # A page older than the worker that wrote the file must still be able to read it.
    model_config = ConfigDict(frozen=True, extra="ignore")

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
    dashboards: list[AnalysisSummary]
    #: Dashboards that could not be compared: why, by id.
    unreadable: dict[int, str] = Field(default_factory=dict)

    @classmethod
    def of(
        cls,
        summaries: Sequence[AnalysisSummary],
        *,
        unreadable: Mapping[int, str] | None = None,
        map_index: int | None = None,
        at: datetime | None = None,
        **run: Any,
    ) -> RunRecord:
        """Sum a run up.

        Args:
            summaries: one per dashboard.
            unreadable: dashboards that could not be compared, with the reason.
            map_index: of a mapped task.
            at: when the run looked; default: when the last of its pictures was taken.
            run: `dag_id`, `run_id`, `task_id`, `title`, `report`.
        """
        return cls(
            at=at or max((each.after_at for each in summaries), default=datetime.now(timezone.utc)),
            map_index=-1 if map_index is None else map_index,
            dashboards=list(summaries),
            unreadable=dict(unreadable or {}),
            **run,
        )

    @property
    def key(self) -> str:
        """What names this task run on the page and in its deep links; a retry has the same."""
        mapped = f"-{self.map_index}" if self.map_index >= 0 else ""
        return safe_name(f"{self.dag_id}-{self.run_id}-{self.task_id}{mapped}")


def write_run(root: Any, record: RunRecord) -> str:
    """Write `<root>/runs/<day>/<key>.json` and return the key; the same run on the same day replaces its own.

    Args:
        root: the storage root, a path-like (see `refresh.files`).
        record: what to keep.

    Raises:
        OSError: the storage refuses it.

    Example:
        >>> write_run(store.root, RunRecord.of(summaries, dag_id="nightly", run_id=run, task_id="kpis", title="KPIs"))
        'nightly-manual__2026-06-01-kpis'
    """
    path = root / RUNS / f"{record.at.astimezone(timezone.utc):%Y-%m-%d}" / f"{record.key}.json"
    with writing(path) as file:
        file.write(to_json(record, exclude_none=True))
    return record.key
