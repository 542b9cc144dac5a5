"""PostHog's own snapshot and its AI summary, where the build, the credential and the age of the snapshot allow it.

An extra: never a source of truth, never a failure by itself (contract 5.3, 5.4).
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from airflow_dashboards.analysis.model import Snapshot
from airflow_dashboards.posthog.flow import Flow

if TYPE_CHECKING:
    from airflow_dashboards.posthog import FlowClient


class ServerSnapshotResult(BaseModel):
    """The key of a server snapshot, or why there is none."""

    model_config = ConfigDict(frozen=True)

    cache_key: str | None = None
    #: The server's clock when it was made: it expires 30 minutes later (contract 3.6).
    created_at: datetime | None = None
    #: E.g. `not available, because PostHog's cloud build has removed it`.
    reason: str | None = None


class ServerNarrative(BaseModel):
    """PostHog's own summary, or why there is none."""

    model_config = ConfigDict(frozen=True)

    text: str | None = None
    reason: str | None = None


def server_snapshot(flows: FlowClient, dashboard_id: int, snapshot: Snapshot) -> Flow[ServerSnapshotResult]:
    """Have PostHog keep its own before-picture, fed with ours (`client_results`, contract 3.6 and 5.3). Never raises PostHogError."""
    raise NotImplementedError
    yield


def server_analysis(
    flows: FlowClient, dashboard_id: int, *, cache_key: str | None, created_at: datetime | None
) -> Flow[ServerNarrative]:
    """Have PostHog summarise what changed since its snapshot (contract 3.7). Never raises PostHogError."""
    raise NotImplementedError
    yield
