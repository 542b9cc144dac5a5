"""An earlier run's capture as the picture before: "compare with last Monday"."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from airflow_dashboards.analysis.files import SnapshotFormatError, load
from airflow_dashboards.refresh.files import names
from airflow_dashboards.refresh.history import judged_at, stamped_at
from airflow_dashboards.refresh.store import SnapshotStoreError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow_dashboards.analysis import Snapshot
    from airflow_dashboards.refresh.store import SnapshotStore

_SUFFIX = ".jsonl.gz"


class EarlierCapture(BaseModel):
    """Which capture to compare with: the one nearest to an instant, if there is one near enough.

    Nearest, since runs start a little earlier or later each day.

    Example:
        >>> EarlierCapture(days_ago=7).wanted(datetime(2026, 6, 8, 6, tzinfo=timezone.utc)).isoformat()
        '2026-06-01T06:00:00+00:00'
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    #: So many days before the picture after.
    days_ago: float | None = Field(default=None, gt=0)
    #: Or at this instant, with a timezone; e.g. a template such as `{{ prev_start_date_success }}`.
    at: AwareDatetime | None = None
    #: How far away from that a capture may lie.
    tolerance_hours: float = Field(default=12.0, gt=0)

    @model_validator(mode="after")
    def _exactly_one(self) -> EarlierCapture:
        if (self.days_ago is None) == (self.at is None):
            raise ValueError("give exactly one of days_ago, at")
        return self

    def wanted(self, after: datetime) -> datetime:
        """Return the instant to look for, given that of the picture after."""
        return self.at if self.at is not None else after - timedelta(days=self.days_ago or 0)

    def choose(self, taken_at: Iterable[datetime], after: datetime) -> datetime | None:
        """Return the capture to compare with, or None where none is near enough; of two equally near ones the later."""
        wanted = self.wanted(after)
        near = [
            each for each in taken_at if each < after and abs(each - wanted) <= timedelta(hours=self.tolerance_hours)
        ]
        return min(near, key=lambda each: (abs(each - wanted), -each.timestamp()), default=None)

    def describe(self, after: datetime) -> str:
        """Return what is looked for, in words."""
        return (
            f"within {self.tolerance_hours:g} hours of {self.wanted(after).astimezone(timezone.utc):%Y-%m-%d %H:%M} UTC"
        )


def parse_earlier(before: Any) -> EarlierCapture | None:
    """Read a `before` argument that says which earlier capture is meant; None where it is something else.

    Raises:
        ValueError: it names an earlier capture, but wrongly.

    Example:
        >>> parse_earlier({"days_ago": 7}).days_ago
        7.0
    """
    if not isinstance(before, Mapping) or not {"days_ago", "at"} & set(before):
        return None
    try:
        return EarlierCapture.model_validate(dict(before))
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, each['loc'])) or 'before'}: {each['msg']}" for each in error.errors(include_url=False)
        )
        raise ValueError(
            f"before: {problems}. Write e.g. {{'days_ago': 7}} or {{'at': '2026-06-01T06:00:00Z'}}."
        ) from None


def find_earlier(
    store: SnapshotStore, wanted: EarlierCapture, *, host: str, project_id: int, dashboard_id: int, after: datetime
) -> Snapshot | None:
    """Return the stored capture that is meant, or None where there is none.

    A run leaves two captures behind, one before its load and one after. Those after are preferred: they are the ones
    that the history of verdicts knows.

    Args:
        store: where captures are.
        wanted: which one.
        host: origin of PostHog.
        project_id: the project.
        dashboard_id: the dashboard.
        after: when the picture after was taken.

    Raises:
        SnapshotStoreError: the file is there but can't be read.
    """
    folder = store.folder(host=host, project_id=project_id, dashboard_id=dashboard_id)
    captures = {taken_at: name for name in names(folder) if (taken_at := _taken_at(name)) is not None}
    judged = judged_at(folder)
    chosen = wanted.choose([each for each in captures if each in judged], after) or wanted.choose(captures, after)
    if chosen is None:
        return None
    path = folder / captures[chosen]
    try:
        with path.open("rb") as file, gzip.GzipFile(mode="rb", fileobj=file) as lines:
            return load(lines)
    except (OSError, EOFError, zlib.error, SnapshotFormatError) as error:
        raise SnapshotStoreError(f"The earlier snapshot {path} could not be read: {error}.") from error


def _taken_at(name: str) -> datetime | None:
    """Return when the capture in a file was taken, as its name says; None for other files."""
    return stamped_at(name) if name.endswith(_SUFFIX) else None
