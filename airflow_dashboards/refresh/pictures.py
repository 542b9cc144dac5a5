"""Which picture before belongs to which picture after: a load's own, or an earlier run's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_dashboards.refresh.earlier import find_earlier, parse_earlier
from airflow_dashboards.refresh.index import expand
from airflow_dashboards.refresh.outcome import RefreshOutcome
from airflow_dashboards.refresh.reference import SnapshotRef

if TYPE_CHECKING:
    from datetime import datetime

    from airflow_dashboards.analysis import Snapshot
    from airflow_dashboards.refresh.store import SnapshotStore


class BeforePictures:
    """The pictures before, loaded one at a time.

    Args:
        value: references of snapshots, as a snapshot task returns them, or which earlier capture is meant, e.g.
            `{"days_ago": 7}`.
        store: where captures are.
        host: origin of PostHog.
        project_id: the project.

    Raises:
        ValueError: `value` is neither.
    """

    def __init__(self, value: Any, store: SnapshotStore, *, host: str, project_id: int) -> None:
        self.earlier = parse_earlier(value)
        #: The references by dashboard; empty where an earlier capture is meant.
        self.references: dict[int, SnapshotRef] = (
            {} if self.earlier else {each.dashboard_id: each for each in expand(value, store, SnapshotRef)}
        )
        #: What there is no earlier capture of, a sentence each; known once `load` was called.
        self.notes: list[str] = []
        self._store = store
        self._host = host
        self._project_id = project_id

    def load(self, dashboard_id: int, after: datetime) -> Snapshot | None:
        """Return the picture before, given when the one after was taken; None where there is no earlier capture.

        Raises:
            SnapshotStoreError: it is there but can't be read.
        """
        if self.earlier is None:
            return self._store.read(self.references[dashboard_id], packed=True)
        found = find_earlier(
            self._store,
            self.earlier,
            host=self._host,
            project_id=self._project_id,
            dashboard_id=dashboard_id,
            after=after,
        )
        if found is None:
            self.notes.append(
                f"Dashboard {dashboard_id} has no capture {self.earlier.describe(after)} to compare with, so nothing "
                "is said of it."
            )
        return found


def after_pictures(value: Any, store: SnapshotStore) -> dict[int, SnapshotRef | None]:
    """Return the references of after-pictures by dashboard; None where a refresh failed before it had one.

    Args:
        value: outcomes of a refresh or snapshot references; may be None.
        store: where captures are.

    Raises:
        ValueError: it is neither.
    """
    if value is None:
        return {}
    try:
        return {outcome.dashboard_id: outcome.after for outcome in expand(value, store, RefreshOutcome)}
    except ValueError:
        return {reference.dashboard_id: reference for reference in expand(value, store, SnapshotRef)}
