"""Where snapshots live: one compressed file each, named so that a person finds it, and checked when read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_dashboards.analysis.model import Snapshot
from airflow_dashboards.refresh.reference import SnapshotRef

if TYPE_CHECKING:
    from collections.abc import Iterator


class SnapshotStoreError(Exception):
    """A snapshot that can't be written, found or trusted; says what to do."""


class SnapshotStore:
    """Snapshot files under one root.

    Layout: `<root>/<host>/<project>/<dashboard>/<taken_at>-<run>.jsonl.gz`.

    Args:
        root: `pathlib.Path` or anything that behaves like it (`open`, `mkdir`, `exists`, `iterdir`, `/`), such as
            Airflow's `ObjectStoragePath`.
    """

    def __init__(self, root: Any) -> None:
        self.root = root

    def write(self, snapshot: Snapshot, *, run: str = "manual") -> SnapshotRef:
        """Write a snapshot, tile by tile, and return its reference. The same snapshot gives the same bytes."""
        raise NotImplementedError

    def read(self, ref: SnapshotRef | dict[str, Any]) -> Snapshot:
        """Read a snapshot back, after checking that the file is the one that was written."""
        raise NotImplementedError

    def path(self, ref: SnapshotRef) -> Any:
        """Return the path a reference points to."""
        raise NotImplementedError

    def references(self, *, host: str, project_id: int, dashboard_id: int) -> Iterator[str]:
        """Yield the uris of a dashboard's snapshots, newest first."""
        raise NotImplementedError
