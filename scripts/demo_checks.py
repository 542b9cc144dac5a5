"""What the demo holds against the truth when its DAG run has ended.

The expectations are written here by hand: the names of the tiles from what the broken load does, the figures by SQL on
the shop's events. Nothing is taken from the sandbox's answers or from the analysis that is judged.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

from airflow_dashboards.analysis import Analysis, TileStatus, Verdict
from airflow_dashboards.sandbox import demo

#: What the broken load must be seen on, and how it must be judged: the day's purchases come twice, seven of eight of
#: its sign-ups are lost, the stock is gone.
BROKEN_TILES = {
    "Shop KPIs / Purchases": Verdict.FAIL,
    "Growth / Sign-ups": Verdict.FAIL,
    "Operations / Stock by warehouse": Verdict.FAIL,
}

TASK_STATES = {
    "kpis.snapshot": "success",
    "kpis.load_orders": "success",
    "kpis.build_marts": "success",
    "kpis.refresh": "success",
    "kpis.analyze": "failed",
}


class Figure(NamedTuple):
    """A tile's figure, counted before and after the load; None where there is nothing to count."""

    tile: str
    before: float | None
    after: float | None


#: One number per tile, over `events(event, time, person, properties)`; `$day` is the loaded day, `$start` is `-30d`.
FIGURES_SQL: Mapping[str, str] = {
    "Shop KPIs / Purchases": "SELECT count(*) FROM events WHERE event = 'purchase' AND time::DATE = $day",
    "Shop KPIs / Revenue": (
        "SELECT sum((properties->>'amount')::DOUBLE) FROM events WHERE event = 'order_paid' AND time::DATE = $day"
    ),
    "Shop KPIs / Revenue, last 30 days": (
        "SELECT sum((properties->>'amount')::DOUBLE) FROM events WHERE event = 'order_paid' AND time >= $start"
    ),
    "Shop KPIs / Average order amount": (
        "SELECT avg((properties->>'amount')::DOUBLE) FROM events WHERE event = 'order_paid' AND time::DATE = $day"
    ),
    "Shop KPIs / Orders by country": "SELECT count(*) FROM events WHERE event = 'order_paid' AND time >= $start",
    "Growth / Sign-ups": "SELECT count(*) FROM events WHERE event = 'signed_up' AND time::DATE = $day",
    "Growth / Visitors": (
        "SELECT count(DISTINCT person) FROM events WHERE event = '$pageview' AND time::DATE = $day"
        " AND (properties->>'is_internal') <> 'true'"
    ),
    "Operations / Stock by warehouse": (
        "SELECT count(DISTINCT properties->>'warehouse') FROM events WHERE event = 'stock_counted'"
    ),
    "Operations / Orders per day": "SELECT count(*) FROM events WHERE event = 'order_paid' AND time::DATE = $day",
    "Operations / Orders by payment method": (
        "SELECT count(*) FROM events WHERE event = 'order_paid' AND time >= $start"
    ),
}


def figures_by_sql(now: datetime) -> list[Figure]:
    """Count every figure of `FIGURES_SQL` in the shop's events, before and after the broken load of yesterday."""
    today = now.astimezone(timezone.utc).date()
    yesterday = today - timedelta(days=1)
    with duckdb.connect(":memory:") as connection:
        connection.execute("CREATE TABLE events (event TEXT, time TIMESTAMP, person TEXT, properties JSON)")
        _insert(connection, demo.history(now))
        before = _count(connection, today)
        # As the broken load does it: it replaces the day, and throws every count of the stock away.
        connection.execute("DELETE FROM events WHERE time::DATE = $day OR event = 'stock_counted'", {"day": yesterday})
        _insert(connection, demo.day(yesterday, demo.ALL))
        after = _count(connection, today)
    return [Figure(tile, before[tile], after[tile]) for tile in FIGURES_SQL]


def _insert(connection: duckdb.DuckDBPyConnection, events: Iterable[Mapping[str, Any]]) -> None:
    columns: dict[str, list[str]] = {"event": [], "time": [], "person": [], "properties": []}
    for event in events:
        columns["event"].append(event["event"])
        at = datetime.fromisoformat(event["timestamp"]).astimezone(timezone.utc)
        columns["time"].append(at.replace(tzinfo=None).isoformat())
        columns["person"].append(event["distinct_id"])
        columns["properties"].append(json.dumps(event["properties"]))
    connection.execute(
        "INSERT INTO events"
        " SELECT unnest($event), unnest($time)::TIMESTAMP, unnest($person), unnest($properties)::JSON",
        columns,
    )


def _count(connection: duckdb.DuckDBPyConnection, today: date) -> dict[str, float | None]:
    known = {"day": today - timedelta(days=1), "start": today - timedelta(days=30)}
    counted: dict[str, float | None] = {}
    for tile, sql in FIGURES_SQL.items():
        used = {name: value for name, value in known.items() if f"${name}" in sql.replace("'$pageview'", "")}
        (value,) = connection.execute(sql, used).fetchone() or (None,)
        counted[tile] = None if value is None else float(value)
    return counted


def wrong_tiles(analyses: Iterable[Analysis]) -> list[str]:
    """Return how the tiles that are named as warn or fail differ from the broken ones."""
    found = {
        f"{analysis.dashboard_name} / {tile.name}": tile.verdict
        for analysis in analyses
        for tile in analysis.tiles_with(Verdict.WARN, Verdict.FAIL)
    }
    return [
        f"{tile}: {_said(found.get(tile))} instead of {_said(BROKEN_TILES.get(tile))}"
        for tile in sorted({*found, *BROKEN_TILES})
        if found.get(tile) is not BROKEN_TILES.get(tile)
    ]


def _said(verdict: Verdict | None) -> str:
    return verdict.value if verdict else "no complaint"


def wrong_figures(analyses: Iterable[Analysis], truth: Iterable[Figure]) -> list[str]:
    """Return how the figures of the analysis differ from those counted by SQL."""
    tiles = {f"{analysis.dashboard_name} / {tile.name}": tile for analysis in analyses for tile in analysis.tiles}
    differences = []
    for name, *counts in truth:
        tile = tiles.get(name)
        if tile is None:
            differences.append(f"{name}: the analysis has no such tile")
        elif tile.figure is None or (tile.figure.before is None and tile.figure.after is None):
            # A table that was emptied has no figure to compare; whether it has rows is still told.
            told = [tile.status_before is TileStatus.OK, tile.status_after is TileStatus.OK]
            if told != [bool(count) for count in counts]:
                differences.append(f"{name}: has rows before, after: {told}, but SQL on the events counts {counts}")
        else:
            for when, count, figure in zip(
                ("before", "after"), counts, (tile.figure.before, tile.figure.after), strict=True
            ):
                # A day that is not there yet sums up to nothing in SQL and to 0 on a chart.
                if not math.isclose(figure or 0.0, count or 0.0, rel_tol=1e-6, abs_tol=1e-6):
                    differences.append(f"{name}, {when}: {figure} in the analysis, {count} by SQL on the events")
    return differences


def wrong_states(states: Mapping[str, str], seen: Iterable[tuple[str, str]]) -> list[str]:
    """Return how the tasks' final states differ from the expected ones, and whether the refresh was ever deferred."""
    differences = [
        f"task {task}: {states.get(task)} instead of {TASK_STATES.get(task)}"
        for task in sorted({*states, *TASK_STATES})
        if states.get(task) != TASK_STATES.get(task)
    ]
    if ("kpis.refresh", "deferred") not in set(seen):
        differences.append("task kpis.refresh: was never seen waiting in the triggerer")
    return differences


def files_with(secret: str, folder: Path) -> Sequence[Path]:
    """Return the files under `folder` that show `secret`."""
    return [file for file in sorted(folder.rglob("*")) if file.is_file() and secret.encode() in file.read_bytes()]
