"""Verdicts of earlier runs, beside the snapshots: one small file per run and dashboard; the oldest are let go."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from pydantic_core import from_json, to_json

from airflow_dashboards.refresh.files import names, safe_name, writing

if TYPE_CHECKING:
    from airflow_dashboards.refresh.store import SnapshotStore

#: Records kept per dashboard: a quarter of daily runs.
KEEP = 100


class VerdictHistory:
    """What was said of a dashboard, run after run.

    Layout: `<root>/<host>/<project>/<dashboard>/history/<at>-<run>.json`.

    Args:
        store: beside whose snapshots it lives.
        keep: records kept per dashboard; older ones are removed when one is added.

    Example:
        >>> history = VerdictHistory(store)
        >>> history.add(record, at=after.taken_at, run=run_id, host=client.host, project_id=1, dashboard_id=42)
        >>> history.recent(host=client.host, project_id=1, dashboard_id=42)[0]["status"]
        'pass'
    """

    def __init__(self, store: SnapshotStore, *, keep: int = KEEP) -> None:
        if keep < 1:
            raise ValueError(f"a history keeps at least one record, not {keep}")
        self._store = store
        self._keep = keep

    def add(
        self, record: dict[str, Any], *, at: datetime, run: str, host: str, project_id: int, dashboard_id: int
    ) -> str:
        """Write one record (small JSON data) and return its address. The same run and instant replaces its own."""
        folder = self._folder(host, project_id, dashboard_id)
        path = folder / f"{at.astimezone(timezone.utc):%Y%m%dT%H%M%SZ}-{safe_name(run)}.json"
        with writing(path) as file:
            file.write(to_json(record))
        for name in names(folder)[: -self._keep]:
            (folder / name).unlink()
        return str(path)

    def recent(self, *, host: str, project_id: int, dashboard_id: int, limit: int = 30) -> list[dict[str, Any]]:
        """Return the latest records, newest first."""
        folder = self._folder(host, project_id, dashboard_id)
        records = []
        for name in reversed(names(folder)[-limit:]):
            with (folder / name).open("rb") as file:
                records.append(from_json(file.read()))
        return records

    def _folder(self, host: str, project_id: int, dashboard_id: int) -> Any:
        return self._store.folder(host=host, project_id=project_id, dashboard_id=dashboard_id) / "history"
