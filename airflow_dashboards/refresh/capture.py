"""Capture: what a dashboard shows now, as a `Snapshot`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_dashboards.analysis.kinds import classify, interval
from airflow_dashboards.analysis.model import QueryKind, Snapshot, TileStatus
from airflow_dashboards.analysis.model import Tile as Captured
from airflow_dashboards.packed import opened
from airflow_dashboards.posthog.errors import BadRequestError
from airflow_dashboards.posthog.flow import Flow, Now
from airflow_dashboards.refresh.clock import instant
from airflow_dashboards.refresh.tiles import compute
from airflow_dashboards.refresh.verify import query_error, tile_error, tile_name

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from airflow_dashboards.posthog import Dashboard, FlowClient, Insight, Refresh, Tile

#: Reads that make the server compute, tile after tile (contract 5.1).
_COMPUTING = frozenset({"blocking", "force_blocking"})


def picture(
    dashboard: Dashboard,
    *,
    host: str,
    project_id: int,
    mode: Refresh | str = "force_cache",
    taken_at: datetime | None = None,
    failures: Mapping[int, str | None] | None = None,
) -> Snapshot:
    """Turn PostHog's answer into a `Snapshot`. Pure.

    Args:
        dashboard: a full dashboard (contract 4.1).
        host: origin of PostHog, e.g. `https://eu.posthog.com`.
        project_id: the project it was read from.
        mode: `refresh` value it was read with.
        taken_at: when it was read; by default the server's clock of the answer (`Date` header).
        failures: what is known of tiles that failed beyond the answer itself, by tile.

    Raises:
        ValueError: the answer carried no time and none was given.
    """
    when = taken_at or dashboard.server_time
    if when is None:
        raise ValueError(f"dashboard {dashboard.id}: the answer carries no Date header, so `taken_at` is needed")
    return Snapshot(
        dashboard_id=dashboard.id,
        dashboard_name=dashboard.name or "",
        project_id=project_id,
        host=host.rstrip("/"),
        taken_at=when,
        mode=str(getattr(mode, "value", mode)),
        tags=list(dashboard.tags or []),
        filters=dict(dashboard.filters or {}),
        variables=dict(dashboard.variables or {}),
        tiles=[_failed(_captured(tile), failures or {}) for tile in dashboard.tiles],
    )


def _failed(tile: Captured, failures: Mapping[int, str | None]) -> Captured:
    if tile.id not in failures:
        return tile
    return tile.model_copy(update={"status": TileStatus.FAILED, "error": failures[tile.id]})


def _captured(tile: Tile) -> Captured:
    status, error = _status(tile)
    insight = tile.insight
    if insight is None:
        return Captured(id=tile.id, kind=QueryKind.NONE, status=status, name=tile_name(tile), error=error)
    shared: dict[str, Any] = {
        "id": tile.id,
        "status": status,
        "error": error,
        "name": tile_name(tile),
        "insight_id": insight.id,
        "insight_short_id": insight.short_id,
    }
    if not insight.is_readable:
        return Captured(kind=QueryKind.UNKNOWN, **shared)
    return Captured(
        kind=classify(insight.query, opened(insight.result)),
        query=insight.query,
        interval=interval(insight.query),
        timezone=insight.timezone or "UTC",
        result=insight.result,
        columns=insight.columns,
        types=insight.types,
        has_more=bool(insight.hasMore),
        last_refresh=insight.last_refresh,
        **shared,
    )


def _status(tile: Tile) -> tuple[TileStatus, str | None]:
    if (error := tile_error(tile)) is not None:
        return TileStatus.FAILED, error
    insight = tile.insight
    if insight is None:
        return TileStatus.NOT_AN_INSIGHT, None
    if not insight.is_readable:
        return TileStatus.NO_ACCESS, None
    if (error := query_error(insight)) is not None:
        return TileStatus.FAILED, error
    return _filled(insight), None


def _filled(insight: Insight) -> TileStatus:
    if insight.result is None:
        return TileStatus.COLD
    return TileStatus.EMPTY if insight.result in ([], {}, "") else TileStatus.OK


def project_of(flows: FlowClient, dashboard: Dashboard) -> int:
    """Return the project's number, also where the connection says `@current`."""
    return flows.project_id if isinstance(flows.project_id, int) else dashboard.team_id or 0


def capture(flows: FlowClient, dashboard_id: int, *, host: str, mode: Refresh | str = "force_cache") -> Flow[Snapshot]:
    """Read one dashboard and return what it shows. One request, unless a broken tile makes it one per insight.

    Args:
        flows: `client.flows`.
        dashboard_id: which one.
        host: origin of PostHog, kept in the snapshot.
        mode: `refresh` value of contract 5.1: cache only by default; `force_blocking` for a warm baseline.

    Raises:
        PostHogError: the dashboard could not be read.

    Example:
        >>> snapshot = client.run(capture(client.flows, 42, host=client.host))
    """
    failures: dict[int, str] = {}
    try:
        dashboard = yield from flows.dashboards.get(dashboard_id, refresh=mode, packed=True)
    except BadRequestError:
        # One tile whose SQL is broken fails the whole read once it is executed (contract 5.4.8); the others have a
        # picture all the same.
        if str(getattr(mode, "value", mode)) not in _COMPUTING:
            raise
        shown = yield from flows.dashboards.get(dashboard_id, refresh="force_cache", packed=True)
        done = yield from compute(flows, shown, str(getattr(mode, "value", mode)))
        dashboard, failures = done.dashboard, done.failures
    now: float = yield Now()
    return picture(
        dashboard,
        host=host,
        project_id=project_of(flows, dashboard),
        mode=mode,
        taken_at=dashboard.server_time or instant(now),
        failures=failures,
    )
