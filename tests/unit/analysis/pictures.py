"""Small pictures of dashboards for the tests of the judgement."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from airflow_dashboards.analysis import Snapshot, Tile

#: Tuesday morning: yesterday, 2026-06-01, is the last complete day.
NOW = datetime(2026, 6, 2, 2, 30, tzinfo=timezone.utc)
THEN = NOW - timedelta(hours=1)
#: Sixty days up to today, the last of them running.
DAYS = [(NOW.date() - timedelta(days=back)).isoformat() for back in range(60, -1, -1)]
YESTERDAY = "2026-06-01"


def week(level: float = 200, *, weekend: float = 0.5) -> list[int]:
    """Values of `DAYS` with a weekly rhythm and a little unrest; yesterday and today are still empty."""
    values = []
    for index, day in enumerate(DAYS):
        start = datetime.fromisoformat(day)
        quiet = weekend if start.weekday() >= 5 else 1.0
        values.append(round(level * quiet * (1 + 0.04 * ((index * 7) % 5 - 2) / 2)))
    return [*values[:-2], 0, 0]


def loaded(values: list[int], yesterday: float) -> list[int]:
    """The same with yesterday there."""
    return [*values[:-2], round(yesterday), 0]


def series(
    data: list[Any], days: list[str] | None = None, *, label: str = "purchase", order: int = 0, **more: Any
) -> dict[str, Any]:
    days = days if days is not None else DAYS
    action = {"id": label, "type": "events", "order": order, "name": label, "math": "total"}
    return {"data": data, "days": days, "labels": days, "count": 0, "label": label, "action": action, **more}


def tile(kind: str, result: Any, *, at: datetime = NOW, **more: Any) -> Tile:
    given: dict[str, Any] = {
        "id": 1,
        "name": "Purchases",
        "status": "ok" if result else "empty",
        "interval": "day",
        "query": {"kind": "TrendsQuery"} if kind == "trends" else None,
        "last_refresh": at - timedelta(seconds=30),
    }
    return Tile(kind=kind, result=result, **{**given, **more})


def snapshot(*tiles: Tile, at: datetime = NOW, **more: Any) -> Snapshot:
    header = {"dashboard_id": 42, "dashboard_name": "Shop", "project_id": 1, "host": "https://eu.posthog.com"}
    return Snapshot(**header, taken_at=at, tiles=list(tiles), **more)


def pair(kind: str, before: Any, after: Any, **more: Any) -> tuple[Snapshot, Snapshot]:
    """Two pictures of a dashboard with one tile, an hour apart."""
    return snapshot(tile(kind, before, at=THEN, **more), at=THEN), snapshot(tile(kind, after, **more))
