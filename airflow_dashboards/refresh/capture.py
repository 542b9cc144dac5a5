"""Capture: what a dashboard shows now, as a `Snapshot`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from airflow_dashboards.analysis.model import Snapshot
from airflow_dashboards.posthog.flow import Flow
from airflow_dashboards.refresh.reference import SnapshotRef

if TYPE_CHECKING:
    from airflow_dashboards.posthog import Dashboard, FlowClient, Refresh


def picture(
    dashboard: Dashboard, *, host: str, project_id: int, mode: str = "force_cache", taken_at: datetime | None = None
) -> Snapshot:
    """Turn PostHog's answer into a `Snapshot`. Pure.

    `taken_at` defaults to the server's clock of the answer (`Date` header).
    """
    raise NotImplementedError


def capture(flows: FlowClient, dashboard_id: int, *, host: str, mode: Refresh | str = "force_cache") -> Flow[Snapshot]:
    """Read one dashboard and return what it shows. One request; `mode` as in contract 5.1, cache only by default."""
    raise NotImplementedError
    yield


def capture_many(
    flows: FlowClient,
    dashboard_ids: Sequence[int],
    *,
    host: str,
    keep: Callable[[Snapshot], SnapshotRef],
    mode: Refresh | str = "force_cache",
    limit: int = 8,
) -> Flow[list[SnapshotRef | Exception]]:
    """Capture many dashboards, `limit` at once; each snapshot is handed to `keep` and let go as soon as it is read.

    The answer has, in order, a reference per dashboard, or the exception that this one dashboard ran into.
    """
    raise NotImplementedError
    yield
