"""The refresh of one dashboard: kick, poll, finish. And `refresh`, which does all three."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from airflow_dashboards.analysis.model import Snapshot
from airflow_dashboards.posthog.flow import Flow
from airflow_dashboards.refresh.outcome import RefreshOutcome
from airflow_dashboards.refresh.plan import Kick, PollState, RefreshOptions, Watch

if TYPE_CHECKING:
    from airflow_dashboards.posthog import FlowClient


@dataclass(frozen=True)
class Refreshed:
    """What the verifying read found: the verdict, and the very same read as the after-capture."""

    outcome: RefreshOutcome
    snapshot: Snapshot
    #: Set when tiles are still computing and the deadline has not passed: poll this, and finish again.
    unfinished: Kick | None = None


def kick(
    flows: FlowClient, dashboard_id: int, options: RefreshOptions, *, since: float | None = None
) -> Flow[Kick | Refreshed]:
    """Ask the server to compute a dashboard. `since` is `clock.fresh_since`'s answer, taken now if not given.

    Returns a `Kick` while the server works (force_async, or a long request that a proxy cut), or at once what the
    strategies that wait for the answer found.
    """
    raise NotImplementedError
    yield


def poll(flows: FlowClient, watch: Watch, state: PollState) -> Flow[PollState]:
    """Look once how far the server is. Sends one to three small requests; never kicks, never reads results.

    Wait `state.wait` seconds and call again until `state.over`.
    """
    raise NotImplementedError
    yield


def finish(
    flows: FlowClient, kicked: Kick, options: RefreshOptions, *, baseline: Mapping[int, datetime | None] | None = None
) -> Flow[Refreshed]:
    """Read the results once and prove them tile by tile."""
    raise NotImplementedError
    yield


def refresh(
    flows: FlowClient,
    dashboard_id: int,
    options: RefreshOptions,
    *,
    since: float | None = None,
    baseline: Mapping[int, datetime | None] | None = None,
) -> Flow[Refreshed]:
    """Refresh one dashboard and prove it: kick, poll until done or the deadline, read."""
    raise NotImplementedError
    yield


def cancel(flows: FlowClient, kicks: Sequence[Kick]) -> Flow[int]:
    """Cancel what is still pending, one query after the other; returns how many. Never raises: for `on_kill`."""
    raise NotImplementedError
    yield
