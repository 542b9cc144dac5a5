"""`compare` against `deepdiff` on two pictures of a dashboard: 1,000,000 points on each side, in several shapes.

deepdiff says which values differ; `compare` also says which of it matters. Both get the Python objects that the files
of two snapshots give. The slowest shape decides. deepdiff is stopped after a minute of CPU: how many times faster
`compare` is, is a lower bound then, and said to be one.
"""

from __future__ import annotations

import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from airflow_dashboards.analysis import QueryKind, Snapshot, Tile, TileStatus, compare, dump, load
from benchmarks.figures import Figure, main

POINTS = 1_000_000
#: CPU seconds after which deepdiff is stopped; the figure is then a lower bound.
PATIENCE = 60
DAY = timedelta(days=1)
NOW = datetime(2025, 9, 27, 6, tzinfo=timezone.utc)
STEPS = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1), "day": DAY}
#: Fields of a tile but its id and name.
Fields = dict[str, Any]


def _starts(interval: str, periods: int) -> list[str]:
    """Labels of the last complete periods."""
    step, form = STEPS[interval], "%Y-%m-%d" if interval == "day" else "%Y-%m-%d %H:%M:%S"
    last = NOW.replace(hour=0)
    return [(last - step * back).strftime(form) for back in range(periods, 0, -1)]


def _value(chance: random.Random, number: int) -> float:
    return float(1000 + number % 7 * 50 + chance.randrange(100))


def _reload(chance: random.Random, data: list[float], *, lost: bool) -> list[float]:
    """A series after a load: its newest value has moved, or is lost, and a few older ones have by one."""
    fresh = [*data[:-1], data[-1] * (0.1 if lost else 1.02)]
    for _ in range(3):
        fresh[chance.randrange(len(data))] += 1
    return fresh


def _series(interval: str, series: int, periods: int) -> Callable[[int], tuple[Fields, Fields]]:
    days = _starts(interval, periods)
    query = {"kind": "InsightVizNode", "source": {"kind": "TrendsQuery", "interval": interval, "series": []}}

    def tile(number: int) -> tuple[Fields, Fields]:
        chance = random.Random(number)
        old, new = [], []
        for each in range(series):
            data = [_value(chance, index) for index in range(periods)]
            fresh = _reload(chance, data, lost=number == 1)
            facts = {"days": days, "labels": days, "label": f"series {each}", "breakdown_value": f"series {each}"}
            old.append({"data": data, "count": sum(data), **facts})
            new.append({"data": fresh, "count": sum(fresh), **facts})
        shared = {"kind": QueryKind.TRENDS, "query": query, "interval": interval}
        return {**shared, "result": old}, {**shared, "result": new}

    return tile


def _table(
    names: list[str], rows: Callable[[random.Random], list[list[Any]]]
) -> Callable[[int], tuple[Fields, Fields]]:
    query = {"kind": "DataVisualizationNode", "source": {"kind": "HogQLQuery", "query": "select 1"}}
    width = len(names)

    def tile(number: int) -> tuple[Fields, Fields]:
        chance = random.Random(number)
        old = rows(chance)
        new = [list(row) for row in old]
        for row in chance.sample(new, 1 + len(new) // 300):
            row[width - 1] += 1
        if number == 1:
            for row in new[-len(new) // 2 :]:
                row[width - 1] = 0
        shared = {"kind": QueryKind.TABLE, "query": query, "columns": names}
        return {**shared, "result": old}, {**shared, "result": new}

    return tile


def _keyed(size: int) -> Callable[[random.Random], list[list[Any]]]:
    """Rows by the name of a thing."""
    return lambda chance: [
        [f"/page/{row:06}", f"section {row % 40}", chance.randrange(1000), chance.randrange(5000)]
        for row in range(size)
    ]


def _dated(days: int, parts: int) -> Callable[[random.Random], list[list[Any]]]:
    """Rows by day and by one more column."""
    labels = _starts("day", days)
    return lambda chance: [
        [day, f"country {part}", chance.randrange(1000), int(_value(chance, number))]
        for number, day in enumerate(labels)
        for part in range(parts)
    ]


@dataclass(frozen=True)
class Shape:
    """Tiles of one kind, all of one size."""

    name: str
    #: Points of a tile: values of series, cells of tables.
    points: int
    tile: Callable[[int], tuple[Fields, Fields]]


@dataclass(frozen=True)
class Times:
    """CPU seconds of both on one shape."""

    shape: Shape
    ours: float
    theirs: float
    #: Whether deepdiff came to its end before it was stopped.
    finished: bool

    @property
    def faster(self) -> float:
        """How many times faster `compare` is, at the least."""
        return self.theirs / self.ours

    @property
    def times(self) -> str:
        return f"{'' if self.finished else 'at least '}{self.faster:,.0f} x"

    @property
    def said(self) -> str:
        did = "took" if self.finished else "did not finish in"
        return f"{self.ours:.2f} s; deepdiff {did} {self.theirs:.1f} s, {self.times}"


def shapes(points: int) -> list[Shape]:
    """The ways in which a dashboard may have that many points on each side."""
    few = points // 1000
    return [
        Shape("100 tiles of 10 series, 1,000 days", few * 10, _series("day", 10, few)),
        Shape("1 series of minutes", points, _series("minute", 1, points)),
        Shape("10 series of hours", points, _series("hour", 10, points // 10)),
        Shape("1,000 series of 1,000 days", points, _series("day", 1000, few)),
        Shape("10,000 series of 100 days", points, _series("day", points // 100, 100)),
        Shape("100 tiles of 100 series, 100 days", points // 100, _series("day", points // 10_000, 100)),
        Shape("table, 250,000 rows", points, _table(["page", "section", "visits", "views"], _keyed(points // 4))),
        Shape(
            "100 tables of 2,500 rows",
            points // 100,
            _table(["page", "section", "visits", "views"], _keyed(points // 400)),
        ),
        Shape(
            "100 tables by day and country",
            points // 100,
            _table(["day", "country", "visits", "views"], _dated(few // 8, 20)),
        ),
    ]


def pictures(shape: Shape, points: int) -> tuple[Snapshot, Snapshot]:
    """A dashboard before and after a load, as their files give them."""
    before: list[Tile] = []
    after: list[Tile] = []
    for number in range(1, max(points // shape.points, 1) + 1):
        for tiles, fields, at in zip((before, after), shape.tile(number), (NOW - DAY, NOW), strict=True):
            facts = {"id": number, "name": f"Tile {number}", "insight_id": number, "last_refresh": at}
            tiles.append(Tile(status=TileStatus.OK, **facts, **fields))
    of = {"dashboard_id": 1, "project_id": 1, "host": "https://posthog.example.com"}
    one = load(dump(Snapshot(**of, taken_at=NOW - DAY, tiles=before)))
    return one, load(dump(Snapshot(**of, taken_at=NOW, tiles=after)))


def _plain(snapshot: Snapshot) -> dict[int, Any]:
    return {tile.id: tile.result for tile in snapshot.tiles}


def deepdiff_seconds(shape: Shape, points: int) -> float:
    """CPU seconds of deepdiff on the results of all tiles, by tile."""
    from deepdiff import DeepDiff

    before, after = pictures(shape, points)
    one, other = _plain(before), _plain(after)
    begun = time.process_time()
    end = int(begun + PATIENCE)
    resource.setrlimit(resource.RLIMIT_CPU, (end, end))
    assert DeepDiff(one, other)
    return time.process_time() - begun


def our_seconds(shape: Shape, points: int) -> float:
    """CPU seconds of `compare`, the best of three: what is slower was disturbed."""
    before, after = pictures(shape, points)
    found = []
    for _ in range(3):
        begun = time.process_time()
        analysis = compare(before, after)
        found.append(time.process_time() - begun)
        assert any(tile.tile_id == 1 and tile.findings for tile in analysis.tiles)
    return min(found)


def _apart(*arguments: str) -> float | None:
    """What this module prints when it is run in a process of its own; None if its time was up."""
    command = [sys.executable, "-m", "benchmarks.bench_compare", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
        return None
    done.check_returncode()
    return float(done.stdout)


def measure(quick: bool) -> list[Figure]:
    points = 20_000 if quick else POINTS
    found: list[Times] = []
    for shape in shapes(points):
        ours = _apart("--ours", shape.name, str(points))
        theirs = _apart("--deepdiff", shape.name, str(points))
        assert ours is not None
        found.append(Times(shape, ours, theirs if theirs is not None else PATIENCE, finished=theirs is not None))
        print(f"  {shape.name}: {found[-1].said}", flush=True)
    slowest = max(found, key=lambda each: each.ours)
    nearest = min(found, key=lambda each: each.faster)
    details = {
        each.shape.name: {
            "our_cpu_seconds": each.ours,
            "deepdiff_cpu_seconds": each.theirs,
            "deepdiff_finished": each.finished,
            "times_faster": each.times,
        }
        for each in found
    }
    return [
        Figure(
            f"compare, {points:,} points, times faster than deepdiff",
            nearest.faster,
            limit=10,
            at_most=False,
            note=(
                f"The worst of {len(found)} shapes: {nearest.shape.name}, {nearest.times}. "
                f"deepdiff is stopped after {PATIENCE} s."
            ),
            details=details,
        ),
        Figure(
            f"compare, {points:,} points",
            slowest.ours,
            unit="s",
            limit=2,
            note=f"The slowest of {len(found)} shapes: {slowest.shape.name}.",
        ),
    ]


def _one(which: str, name: str, points: int) -> float:
    shape = next(each for each in shapes(points) if each.name == name)
    return our_seconds(shape, points) if which == "--ours" else deepdiff_seconds(shape, points)


if __name__ == "__main__":
    if sys.argv[1:2] in (["--ours"], ["--deepdiff"]):
        print(_one(sys.argv[1], sys.argv[2], int(sys.argv[3])))
    else:
        main(measure, __doc__)
