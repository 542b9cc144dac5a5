"""Labelled dashboards: pairs of snapshots in which it is known of every tile whether it was harmed, and how."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_dashboards.analysis import Snapshot, Tile
from benchmarks.judgement import others, peculiar, tiles
from benchmarks.judgement.tiles import Lines, Pair
from benchmarks.judgement.world import ZONES, Morning

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Share of tiles that are harmed.
HARMED = 0.3
#: How long after it was computed a dashboard is read: a result shows what there was when it was computed.
_READ = timedelta(minutes=3)
_SHAPES = ("trends", "trends", "trends", "several", "breakdown", "table", "wide_table", "lifecycle")
_STATES = ("failed", "cold", "stale", "no_access")
_BENIGN_STATES = ("was_cold", "was_failed", "query_changed", "filters_changed", "unchanged", "added")


@dataclass(frozen=True)
class Dashboard:
    """Two snapshots, and the truth: tile id -> class, `benign/...` or `harm/...`."""

    before: Snapshot
    after: Snapshot
    truth: dict[int, str]


def generate(seed: int, dashboards: int) -> Iterator[Dashboard]:
    for index in range(dashboards):
        yield _dashboard(random.Random(f"{seed}/{index}"), index + 1)


def _dashboard(rng: random.Random, number: int) -> Dashboard:
    zone = rng.choice(ZONES)
    morning = Morning(rng, zone)
    truth: dict[int, str] = {}
    before, after = [], []
    for position in range(rng.randrange(4, 12)):
        tile_id = number * 100 + position
        name, pair = _tile(rng, morning, harmed=rng.random() < HARMED)
        one, other = _captured(rng, morning, zone, tile_id, name, pair)
        truth[tile_id] = name
        if one is not None:
            before.append(one)
        if other is not None:
            after.append(other)
    changed = any(name == "benign/state/filters_changed" for name in truth.values())
    rng.shuffle(after)
    common = {"dashboard_id": number, "dashboard_name": f"Board {number}", "project_id": 1, "host": "http://localhost"}
    return Dashboard(
        Snapshot(**common, taken_at=morning.before_at + _READ, tiles=before),
        Snapshot(
            **common, taken_at=morning.after_at + _READ, tiles=after, filters={"date_from": "-30d"} if changed else {}
        ),
        truth,
    )


def _tile(rng: random.Random, morning: Morning, *, harmed: bool) -> tuple[str, Pair]:
    for _ in range(50):
        draw = rng.random()
        if draw < 0.43:
            made = _series(rng, morning, harmed=harmed)
        elif draw < 0.58:
            made = _peculiar(rng, morning, harmed=harmed)
        elif draw < 0.9:
            kind = rng.choice(sorted(others.KINDS))
            make, harms = others.KINDS[kind]
            harm = rng.choice(harms) if harmed else None
            made = f"{'harm' if harm else 'benign'}/{kind}/{harm or 'ordinary'}", make(rng, morning, harm)
        else:
            state = rng.choice(_STATES if harmed else _BENIGN_STATES)
            pair = tiles.series_pair(Lines.random(rng, morning, interval="day"), "trends")
            made = f"{'harm' if harmed else 'benign'}/state/{state}", pair
        if made is not None:
            return made
    raise RuntimeError("no tile came about")


def _peculiar(rng: random.Random, morning: Morning, *, harmed: bool) -> tuple[str, Pair] | None:
    kind = rng.choice(sorted(peculiar.KINDS))
    make, harms = peculiar.KINDS[kind]
    harm = rng.choice(harms) if harmed else None
    pair = make(rng, morning, harm)
    return (f"{'harm' if harm else 'benign'}/{kind}/{harm or 'ordinary'}", pair) if pair is not None else None


def _series(rng: random.Random, morning: Morning, *, harmed: bool) -> tuple[str, Pair] | None:
    shape = rng.choice(_SHAPES)
    parts = {"several": 2, "breakdown": rng.choice((3, 5, 8)), "wide_table": 3, "lifecycle": 4}.get(shape, 1)
    interval = rng.choice(("day", "day", "hour")) if "table" in shape else ""
    lines = Lines.random(rng, morning, parts=parts, least=100 if harmed else 3, interval=interval)
    if not harmed:
        name = rng.choice(("ordinary", "ordinary", "ordinary", *tiles.BENIGN))
        if not tiles.BENIGN[name](lines):
            return None
        return f"benign/series/{name}", _shaped(rng, lines, shape)
    harms: dict[str, tiles.Change] = dict(tiles.HARM)
    if shape in ("breakdown", "wide_table"):
        harms = {**harms, "vanished": tiles.vanished, "part_lost": tiles.part_lost}
    name = rng.choice(sorted(harms))
    if not harms[name](lines):
        return None
    return f"harm/series/{name}", _shaped(rng, lines, shape)


def _shaped(rng: random.Random, lines: Lines, shape: str) -> Pair:
    pair = tiles.series_pair(lines, "several" if shape == "lifecycle" else shape)
    if shape == "lifecycle":
        pair.kind = "lifecycle"
        for side in (pair.before, pair.after):
            for item, status in zip(side, ("new", "returning", "resurrecting", "dormant"), strict=False):
                item["status"] = status
                item["label"] = f"e - {status}"
                item["action"]["order"] = 0
                if status == "dormant":
                    item["data"] = [-value for value in item["data"]]
    return pair


def _captured(
    rng: random.Random, morning: Morning, zone: str, tile_id: int, name: str, pair: Pair
) -> tuple[Tile | None, Tile | None]:
    common: dict[str, Any] = {
        "id": tile_id,
        "kind": pair.kind,
        "name": f"Tile {tile_id}",
        "interval": pair.interval,
        "timezone": zone,
        "columns": pair.columns,
    }
    state = name.rsplit("/", 1)[1] if "/state/" in name else ""
    query_after = pair.query
    if state == "query_changed":
        query_after = {"kind": "InsightVizNode", "source": {"kind": "TrendsQuery", "interval": "day", "series": ["x"]}}
    if state == "filters_changed":
        query_after = {
            "kind": "InsightVizNode",
            "source": {"kind": "TrendsQuery", "interval": "day", "dateRange": {"date_from": "-30d"}},
        }
    before = Tile(
        **common,
        status="ok" if pair.before else "empty",
        query=pair.query,
        result=pair.before,
        last_refresh=morning.before_at,
    )
    after = Tile(
        **common,
        status="ok" if pair.after else "empty",
        query=query_after,
        result=pair.after,
        last_refresh=morning.after_at,
    )
    unusable = {"result": None, "last_refresh": None}
    if state in ("failed", "cold", "no_access"):
        after = after.model_copy(update={**unusable, "status": after.status.__class__(state), "error": "Memory limit"})
    elif state == "stale":
        after = after.model_copy(update={"result": before.result, "last_refresh": before.last_refresh})
    elif state in ("was_cold", "was_failed"):
        before = before.model_copy(update={**unusable, "status": before.status.__class__(state[4:])})
    elif state == "unchanged":
        # Refreshed, and nothing happened to have changed: the window and what was loaded are the same.
        before = before.model_copy(update={"result": after.result})
    return (None if state == "added" else before), after
