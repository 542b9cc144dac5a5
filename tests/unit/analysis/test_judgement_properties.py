"""What holds of every comparison, whatever PostHog sends."""

from __future__ import annotations

import json
import random
import runpy
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_dashboards.analysis import (
    Analysis,
    Comparability,
    QueryKind,
    Rules,
    Snapshot,
    Tile,
    TileStatus,
    classify,
    compare,
    dump,
    interval,
    load,
)

pictures = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("pictures.py"))))

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**30), 10**30),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(
        [
            "",
            "a",
            "2026-06-01",
            "2026-06-01 05:00:00",
            "0001-01-01",
            "9999-12-31",
            "12.5",
            "$$_posthog_breakdown_null_$$",
        ]
    ),
    st.text(max_size=6),
)
json_values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)
numbers = st.one_of(st.integers(-5, 10**7), st.none(), st.floats(-1e6, 1e12, allow_nan=False))
labels = st.sampled_from(
    [*pictures.DAYS[-12:], "2026-06-01 05:00:00", "2026-06-01T00:00:00Z", "9999-12-31", "0001-01-01", "no date"]
)


@st.composite
def series(draw: st.DrawFn) -> dict[str, Any]:
    days = draw(st.lists(labels, max_size=12))
    data = draw(st.lists(numbers, min_size=len(days), max_size=len(days)))
    made: dict[str, Any] = {"days": days, "data": data, "labels": days, "label": draw(scalars), "count": 1}
    made |= draw(st.fixed_dictionaries({}, optional={
        "action": st.one_of(st.none(), st.fixed_dictionaries({"order": scalars, "math": scalars, "name": scalars})),
        "breakdown_value": json_values,
        "compare_label": st.sampled_from(["current", "previous"]),
        "status": scalars,
        "aggregated_value": numbers,
    }))  # fmt: skip
    return made


rows = st.integers(0, 4).flatmap(
    lambda width: st.lists(st.lists(st.one_of(scalars, numbers, labels), min_size=width, max_size=width), max_size=8)
)
step = st.fixed_dictionaries(
    {"count": numbers, "order": scalars, "name": scalars}, optional={"breakdown_value": json_values}
)
cohort = st.fixed_dictionaries(
    {"date": labels, "values": st.lists(st.fixed_dictionaries({"count": numbers}), max_size=6)},
    optional={"breakdown_value": scalars},
)
edge = st.fixed_dictionaries({"source": scalars, "target": scalars, "value": numbers})
pairs = st.tuples(numbers, numbers).map(list)
results = st.one_of(
    st.lists(series(), max_size=4),
    rows,
    st.lists(step, max_size=4),
    st.lists(st.lists(step, max_size=3), max_size=3),
    st.lists(cohort, max_size=8),
    st.lists(edge, max_size=5),
    st.fixed_dictionaries({"bins": st.lists(pairs, max_size=4), "average_conversion_time": scalars}),
    json_values,
)  # fmt: skip
moments = st.one_of(
    st.none(),
    st.datetimes(datetime(2026, 5, 25), datetime(2026, 6, 3)),  # noqa: DTZ001 - a moment without a zone is UTC
    st.datetimes(timezones=st.just(timezone.utc)),
)
queries = st.one_of(
    st.none(),
    st.dictionaries(st.text(max_size=4), json_values, max_size=3),
    st.sampled_from(["mStart", "-7d", "yStart", 3]).map(
        lambda start: {"kind": "TrendsQuery", "dateRange": {"date_from": start}}
    ),
)


@st.composite
def tiles(draw: st.DrawFn) -> Tile:
    return Tile(
        id=draw(st.integers(1, 3)),
        kind=draw(st.sampled_from(QueryKind)),
        status=draw(st.sampled_from([TileStatus.OK] * 8 + list(TileStatus))),
        name=draw(st.text(max_size=6)),
        query=draw(queries),
        interval=draw(st.sampled_from(["hour", "day", "week", "month", None, "fortnight"])),
        timezone=draw(st.sampled_from(["UTC", "Europe/Berlin", "America/Los_Angeles", "Nowhere/At all", ""])),
        result=draw(results),
        columns=draw(st.one_of(st.none(), st.lists(st.text(max_size=3), max_size=4))),
        has_more=draw(st.booleans()),
        last_refresh=draw(moments),
    )


@st.composite
def snapshots(draw: st.DrawFn) -> Snapshot:
    return Snapshot(
        dashboard_id=draw(st.sampled_from([1, 1, 1, 2])),
        project_id=1,
        host="https://eu.posthog.com",
        taken_at=draw(moments.filter(bool)),
        tiles=draw(st.lists(tiles(), max_size=4)),
        filters=draw(st.dictionaries(st.text(max_size=3), json_values, max_size=2)),
    )


relaxed = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


@relaxed
@given(st.one_of(st.none(), snapshots()), snapshots())
def test_it_never_raises_and_says_the_same_twice(before: Snapshot | None, after: Snapshot) -> None:
    first = compare(before, after).model_dump_json()
    assert first == compare(before, after).model_dump_json()
    assert json.loads(first)["format"] == "airflow-dashboards/analysis/1"
    assert Analysis.model_validate_json(first).model_dump_json() == first


@relaxed
@given(tiles(), tiles())
def test_two_results_of_any_one_kind_never_raise(one: Tile, other: Tile) -> None:
    board = pictures.snapshot()
    other = other.model_copy(
        update={"id": one.id, "kind": one.kind, "query": one.query, "timezone": one.timezone, "interval": one.interval}
    )
    before = board.model_copy(update={"tiles": [one], "taken_at": pictures.THEN})
    compare(before, board.model_copy(update={"tiles": [other]}), Rules(max_drop=0.3, max_rise=0.3))


@relaxed
@given(snapshots())
def test_a_snapshot_compared_with_itself_has_not_changed(board: Snapshot) -> None:
    analysis = compare(board, board)
    assert analysis.comparability is not Comparability.CHANGED
    for tile in analysis.tiles:
        if tile.status_after in (TileStatus.OK, TileStatus.EMPTY):
            assert (tile.comparability, tile.findings) == (Comparability.UNCHANGED, [])


def shuffled(value: Any, chance: random.Random) -> Any:
    """Rearrange keys everywhere, and the lists whose order says nothing: series, rows, edges, cohorts."""
    if isinstance(value, dict):
        items = list(value.items())
        chance.shuffle(items)
        return {key: shuffled(inner, chance) for key, inner in items}
    return [shuffled(inner, chance) for inner in value] if isinstance(value, list) else value


@relaxed
@given(snapshots(), snapshots(), st.integers(0, 1000))
def test_the_order_of_tiles_rows_and_keys_never_matters(before: Snapshot, after: Snapshot, seed: int) -> None:
    chance = random.Random(seed)

    def rearranged(board: Snapshot) -> Snapshot:
        moved = []
        for tile in board.tiles:
            result = shuffled(tile.result, chance)
            if isinstance(result, list) and tile.kind is not QueryKind.FUNNEL and tile.kind is not QueryKind.UNKNOWN:
                chance.shuffle(result)
            moved.append(tile.model_copy(update={"result": result, "query": shuffled(tile.query, chance)}))
        chance.shuffle(moved)
        return board.model_copy(update={"tiles": moved, "filters": shuffled(board.filters, chance)})

    # Two tiles of one id are told apart by their content, keys included; PostHog never sends that.
    for board in (before, after):
        if len({tile.id for tile in board.tiles}) < len(board.tiles):
            return
    # A kind that is not known is seen from its first element.
    if any(tile.kind is QueryKind.UNKNOWN for board in (before, after) for tile in board.tiles):
        return
    told = compare(before, after)
    # Of several things that make a result unreadable the first is named.
    if any(finding.code == "tile.unreadable" for tile in told.tiles for finding in tile.findings):
        return
    assert told == compare(rearranged(before), rearranged(after))


@pytest.mark.parametrize("factor", [0.1, 0.4, 2.0, 10.0])
def test_what_falls_one_way_rises_the_other(factor: float) -> None:
    def number(value: float) -> list[dict[str, Any]]:
        return [{"data": [], "label": "n", "aggregated_value": value, "action": {"order": 0}}]

    there = compare(*pictures.pair("trends_total", number(1000), number(1000 * factor))).tiles[0]
    back = compare(*pictures.pair("trends_total", number(1000 * factor), number(1000))).tiles[0]
    assert {there.findings[0].code, back.findings[0].code} == {"number.drop", "number.rise"}


@relaxed
@given(snapshots())
def test_a_snapshot_survives_its_file(board: Snapshot) -> None:
    lines = list(dump(board))
    assert load(lines).model_dump_json() == board.model_dump_json()
    assert list(dump(load(lines))) == lines


@relaxed
@given(json_values, results)
def test_any_query_has_a_kind(query: Any, result: Any) -> None:
    assert classify(query, result) in QueryKind
    assert interval(query) in (None, "minute", "hour", "day", "week", "month")


def test_the_clock_on_the_wall_is_not_read() -> None:
    before, after = pictures.pair("trends", [pictures.series(pictures.week())], [pictures.series(pictures.week())])
    later = after.model_copy(update={"taken_at": after.taken_at + timedelta(days=900)})
    assert compare(before, later).tiles[0].findings == compare(before, after).tiles[0].findings
