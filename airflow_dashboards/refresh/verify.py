"""Proof of freshness, tile by tile. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from airflow_dashboards.refresh.outcome import TileOutcome

if TYPE_CHECKING:
    from airflow_dashboards.posthog import Dashboard, Tile


def judge_tile(
    tile: Tile, *, since: datetime, baseline: datetime | None = None, accept_cached: bool = False
) -> TileOutcome:
    """Say whether this tile was computed at or after `since` (T0, the server's clock)."""
    raise NotImplementedError


def judge(
    dashboard: Dashboard,
    *,
    since: datetime,
    baseline: Mapping[int, datetime | None] | None = None,
    accept_cached: bool = False,
) -> list[TileOutcome]:
    """Judge every tile of a dashboard, in the dashboard's order. For the sensor: `all(t.status in GOOD | {SKIPPED} ...)`."""
    raise NotImplementedError


def all_fresh(tiles: list[TileOutcome]) -> bool:
    """Return whether no tile is stale, pending or failed: what a sensor waits for."""
    raise NotImplementedError
