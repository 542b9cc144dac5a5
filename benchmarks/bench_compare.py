"""`compare` against `deepdiff` on the same two pictures of a dashboard: 1,000,000 points on each side.

deepdiff says which values differ; `compare` also says which of it matters. Both get plain Python objects in memory.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import time
from datetime import date, datetime, timedelta, timezone
from typing import Any

from airflow_dashboards.analysis import QueryKind, Snapshot, Tile, TileStatus, compare
from benchmarks.figures import Figure, main

POINTS = 1_000_000
#: A large series: a thousand days of ten values of a breakdown per tile.
DAYS, SERIES = 1000, 10
#: Seconds after which deepdiff is stopped; the figure is then a lower bound.
PATIENCE = 300


def pictures(points: int) -> tuple[Snapshot, Snapshot]:
    """A dashboard before and after a load: the newest day moved, a few older ones restated, one tile dropped."""
    chance = random.Random(1)
    days = [(date(2023, 1, 1) + timedelta(days=day)).isoformat() for day in range(DAYS)]
    query = {"kind": "InsightVizNode", "source": {"kind": "TrendsQuery", "interval": "day", "series": []}}
    before, after = [], []
    for number in range(1, points // (DAYS * SERIES) + 1):
        old, new = [], []
        for each in range(SERIES):
            data = [float(1000 + day % 7 * 50 + chance.randrange(100)) for day in range(DAYS)]
            fresh = [*data[:-1], data[-1] * (0.1 if number == 1 else 1.02)]
            for _ in range(3):
                fresh[chance.randrange(DAYS)] += 1
            facts = {"days": days, "labels": days, "label": f"series {each}", "breakdown_value": f"series {each}"}
            old.append({"data": data, "count": sum(data), **facts})
            new.append({"data": fresh, "count": sum(fresh), **facts})
        for tiles, result in ((before, old), (after, new)):
            tiles.append(
                Tile(
                    id=number,
                    kind=QueryKind.TRENDS,
                    status=TileStatus.OK,
                    name=f"Tile {number}",
                    insight_id=number,
                    query=query,
                    interval="day",
                    result=result,
                    last_refresh=datetime(2025, 9, 27, 6, tzinfo=timezone.utc),
                )
            )
    facts_of_all = {"dashboard_id": 1, "project_id": 1, "host": "https://posthog.example.com"}
    return (
        Snapshot(**facts_of_all, taken_at=datetime(2025, 9, 27, 5, tzinfo=timezone.utc), tiles=before),
        Snapshot(**facts_of_all, taken_at=datetime(2025, 9, 27, 7, tzinfo=timezone.utc), tiles=after),
    )


def _plain(snapshot: Snapshot) -> dict[int, Any]:
    return {tile.id: tile.result for tile in snapshot.tiles}


def deepdiff_seconds(points: int) -> float:
    """CPU seconds of deepdiff on the results of all tiles, by tile."""
    from deepdiff import DeepDiff

    before, after = pictures(points)
    one, other = _plain(before), _plain(after)
    begun = time.process_time()
    assert DeepDiff(one, other)
    return time.process_time() - begun


def our_seconds(points: int) -> float:
    """CPU seconds of `compare`, the best of three: what is slower was disturbed."""
    before, after = pictures(points)
    found = []
    for _ in range(3):
        begun = time.process_time()
        analysis = compare(before, after)
        found.append(time.process_time() - begun)
        assert any(tile.tile_id == 1 and tile.findings for tile in analysis.tiles)
    return min(found)


def measure(quick: bool) -> list[Figure]:
    points = 20_000 if quick else POINTS
    ours = our_seconds(points)
    command = [sys.executable, "-m", "benchmarks.bench_compare", "--deepdiff", str(points)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=True)
        theirs, note = float(done.stdout), ""
    except subprocess.TimeoutExpired:
        theirs, note = float(PATIENCE), f"At least: deepdiff was stopped after {PATIENCE} seconds."
    return [
        Figure(
            f"compare, {points:,} points, times faster than deepdiff",
            theirs / ours,
            limit=10,
            at_most=False,
            note=note,
            details={"deepdiff_cpu_seconds": theirs, "our_cpu_seconds": ours},
        ),
        Figure(f"compare, {points:,} points", ours, unit="s", limit=2),
    ]


if __name__ == "__main__":
    if "--deepdiff" in sys.argv:
        asked = argparse.ArgumentParser()
        asked.add_argument("--deepdiff", type=int)
        print(deepdiff_seconds(asked.parse_args().deepdiff))
    else:
        main(measure, __doc__)
