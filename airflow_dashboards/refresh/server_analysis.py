"""PostHog's own snapshot and its AI summary, where the build, the credential and the age of the snapshot allow it.

An extra: never a source of truth, never a failure by itself (contract 5.3, 5.4). Its "no significant changes" stands
for half a dozen different things, so that only our own comparison decides.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from airflow_dashboards.analysis.model import Snapshot, TileStatus
from airflow_dashboards.packed import opened
from airflow_dashboards.posthog.errors import (
    BadRequestError,
    ConsentRequiredError,
    EndpointNotFoundError,
    KeyNotAccepted,
    PostHogError,
)
from airflow_dashboards.posthog.flow import Flow, Now
from airflow_dashboards.refresh.clock import instant
from airflow_dashboards.refresh.tiles import cause

if TYPE_CHECKING:
    from airflow_dashboards.posthog import FlowClient

#: Age up to which a server snapshot is used: it expires after 30 minutes (contract 3.6), and a summary takes time.
MAX_AGE = timedelta(minutes=29)

_REMOVED = "not available, because this build of PostHog has removed it"
_KEY = "not available, because PostHog refuses API keys and OAuth tokens here; only a login session may ask for it"
_EXPIRED = "not available, because PostHog keeps a server snapshot for 30 minutes at most"
_CONSENT = "not available, because the organisation has not approved AI data processing in PostHog"


class ServerSnapshotResult(BaseModel):
    """The key of a server snapshot, or why there is none."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cache_key: str | None = None
    #: The server's clock when it was made: it expires 30 minutes later (contract 3.6).
    created_at: datetime | None = None
    #: E.g. `not available, because this build of PostHog has removed it`.
    reason: str | None = None


class ServerNarrative(BaseModel):
    """PostHog's own summary, or why there is none."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: str | None = None
    reason: str | None = None


def client_results(snapshot: Snapshot) -> dict[int | str, dict[str, Any]]:
    """Return our capture in the form PostHog takes (contract 3.6): per tile a name and its data, without empty ones.

    The server's own reader looks past dashboard filters (contract 5.3); this way its before-picture has what was shown.
    """
    return {
        str(tile.id): {"insight_name": tile.name, "data": opened(tile.result)}
        for tile in snapshot.tiles
        if tile.status is TileStatus.OK and tile.result and tile.name.strip()
    }


def server_snapshot(flows: FlowClient, dashboard_id: int, snapshot: Snapshot) -> Flow[ServerSnapshotResult]:
    """Have PostHog keep its own before-picture, fed with ours.

    Never raises a `PostHogError`: what is in the way is the result's `reason`.

    Example:
        >>> taken = client.run(server_snapshot(client.flows, 42, snapshot))
        >>> taken.cache_key or taken.reason
        'not available, because this build of PostHog has removed it'
    """
    if (known := _known(flows, "snapshot")) is not None:
        return ServerSnapshotResult(reason=known)
    results = client_results(snapshot)
    if not results:
        return ServerSnapshotResult(reason="not taken, because the capture has no results to compare with")
    try:
        taken = yield from flows.dashboards.snapshot(dashboard_id, client_results=results)
    except PostHogError as error:
        return ServerSnapshotResult(reason=_reason(error))
    now: float = yield Now()
    return ServerSnapshotResult(cache_key=taken.cache_key, created_at=taken.server_time or instant(now))


def server_analysis(
    flows: FlowClient, dashboard_id: int, *, cache_key: str | None, created_at: datetime | None
) -> Flow[ServerNarrative]:
    """Have PostHog summarise what changed since its snapshot (contract 3.7).

    Never raises a `PostHogError`: what is in the way is the result's `reason`.

    Args:
        flows: `client.flows`.
        dashboard_id: which one.
        cache_key: what `server_snapshot` returned.
        created_at: the server's clock when that was; older than 29 minutes is not tried.
    """
    if (known := _known(flows, "analyze_refresh_result")) is not None:
        return ServerNarrative(reason=known)
    if cache_key is None:
        return ServerNarrative(reason="not available, because there is no server snapshot to compare with")
    try:
        if created_at is not None:
            age = (yield from _server_now(flows)) - created_at
            if age >= MAX_AGE:
                minutes = int(age.total_seconds() // 60)
                return ServerNarrative(reason=f"{_EXPIRED} (this one is {minutes} minutes old)")
        analysis = yield from flows.dashboards.analyze_refresh_result(dashboard_id, cache_key=cache_key)
    except PostHogError as error:
        return ServerNarrative(reason=_reason(error))
    return ServerNarrative(text=analysis.result)


def _server_now(flows: FlowClient) -> Flow[datetime]:
    page = yield from flows.dashboards.page(limit=1)
    if page.server_time is not None:
        return page.server_time
    now: float = yield Now()
    return instant(now)


def _known(flows: FlowClient, action: str) -> str | None:
    """What the connection has learnt already, so that a refused action is not asked for again."""
    learnt = flows.capabilities.as_json()
    if action in learnt["missing"]:
        return _REMOVED
    if action in learnt["keys_refused"] and flows.credential_kind.value != "session":
        return _KEY
    return None


def _reason(error: PostHogError) -> str:
    if isinstance(error, EndpointNotFoundError):
        return _REMOVED
    if isinstance(error, KeyNotAccepted):
        return _KEY
    if isinstance(error, ConsentRequiredError):
        return _CONSENT
    if isinstance(error, BadRequestError) and "expired or not found" in cause(error).lower():
        return _EXPIRED
    return f"not available, because {cause(error)}"
