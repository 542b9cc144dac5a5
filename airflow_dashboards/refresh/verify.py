"""Proof of freshness, tile by tile. Pure.

A refresh is a request, not an order: 200 OK proves nothing, and neither does the dashboard's own `last_refresh`
(contract 3.4, 5.5). A tile counts as refreshed only if all of this holds:

* it has a result, and no error beside it: PostHog sets `last_refresh` to "now" even where it refuses to compute
  (contract 4.6);
* its query status is absent, or complete without error;
* its `last_refresh` is at or after T0, by the server's clock;
* where its earlier `last_refresh` (the baseline) is known, it is another one.

T0 is a whole second that lies after every earlier answer of the server (see `clock`), so that a tile computed in the
same second just before the refresh doesn't pass. A caller that judges against an instant of its own, as the sensor
does, hands in the baseline to be as sure. A state we don't know is a failure, never a silent success.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

from airflow_dashboards.refresh.outcome import BAD, TileOutcome, TileOutcomeStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from airflow_dashboards.posthog import Dashboard, Insight, Tile


def tile_name(tile: Tile) -> str:
    """Return the tile's name: the insight's, else its derived name, else `Tile <id>` (contract 5.5)."""
    insight = tile.insight
    named = insight is not None and insight.is_readable and (insight.name or insight.derived_name)
    return named or f"Tile {tile.id}"


def tile_error(tile: Tile) -> str | None:
    """Return why the server could not even validate the tile's query (key `error` of contract 4.2), or None."""
    if tile.error is None:
        return None
    return ": ".join(part for part in (tile.error.type, tile.error.message) if part) or "the server names no reason"


def query_error(insight: Insight) -> str | None:
    """Return the server's words if computing failed inside a 200 answer (contract 4.6), or None."""
    status = insight.query_status
    if status is None or not status.error:
        return None
    return status.error_message or "the server reports an error and no message"


def judge_tile(
    tile: Tile, *, since: datetime, baseline: datetime | None = None, accept_cached: bool = False
) -> TileOutcome:
    """Say whether this tile was computed at or after `since` (T0, the server's clock).

    Args:
        tile: as the dashboard's cache-only read gave it.
        since: T0, see `clock.fresh_since`.
        baseline: the tile's `last_refresh` before the refresh, where known.
        accept_cached: take an older result as `cached` instead of `stale`.
    """
    status, message = _state(tile, _utc(since), _utc(baseline), accept_cached)
    insight = tile.insight
    return TileOutcome(
        id=tile.id,
        name=tile_name(tile),
        status=status,
        message=message,
        last_refresh=insight.last_refresh if insight is not None and insight.is_readable else None,
    )


def _state(
    tile: Tile, since: datetime | None, baseline: datetime | None, accept_cached: bool
) -> tuple[TileOutcomeStatus, str | None]:
    if (error := tile_error(tile)) is not None:
        return TileOutcomeStatus.FAILED, error
    insight = tile.insight
    if insight is None:
        if tile.text is None and tile.button_tile is None and tile.widget is None:
            return TileOutcomeStatus.FAILED, "the server sent a tile with neither insight, text, button nor widget"
        return TileOutcomeStatus.SKIPPED, None
    if not insight.is_readable:
        return TileOutcomeStatus.NO_ACCESS, "the credential may not read this insight"
    if (error := query_error(insight)) is not None:
        return TileOutcomeStatus.FAILED, error
    if insight.query_status is not None and not insight.query_status.complete:
        return TileOutcomeStatus.PENDING, "still computing"
    if insight.result is None:
        return TileOutcomeStatus.STALE, "no result in the cache"
    computed = _utc(insight.last_refresh)
    if computed is None:
        return TileOutcomeStatus.FAILED, "the server sent a result without the time it was computed at"
    if since is not None and computed >= since and computed != baseline:
        return TileOutcomeStatus.REFRESHED, None
    told = f"computed at {computed.isoformat()}, not since {since.isoformat() if since else 'ever'}"
    if computed == baseline:
        told = f"computed at {computed.isoformat()}, as before the refresh"
    return (TileOutcomeStatus.CACHED if accept_cached else TileOutcomeStatus.STALE), told


def judge(
    dashboard: Dashboard,
    *,
    since: datetime,
    baseline: Mapping[int, datetime | None] | None = None,
    accept_cached: bool = False,
) -> list[TileOutcome]:
    """Judge every tile of a dashboard, in its order. Arguments as of `judge_tile`, with `baseline` by tile id."""
    known = baseline or {}
    return [
        judge_tile(tile, since=since, baseline=known.get(tile.id), accept_cached=accept_cached)
        for tile in dashboard.tiles
    ]


def all_fresh(tiles: Iterable[TileOutcome]) -> bool:
    """Return whether no tile is stale, pending or failed: what the sensor waits for.

    Example:
        >>> all_fresh([])
        True
    """
    return all(tile.status not in BAD for tile in tiles)


def _utc(when: datetime | None) -> datetime | None:
    if when is not None and when.tzinfo is None:
        return when.replace(tzinfo=timezone.utc)
    return when
