"""Properties of proof 3 that need both sides: what the client foretells is what a server does, for any input."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_dashboards.posthog import Client, PersonalAPIKey, TileArrangement
from airflow_dashboards.refresh.packing import Box, packed
from airflow_dashboards.refresh.tags import normalised_tags, plan_tags

#: The board is built once per example, on a sandbox that answers within a millisecond.
BRIEF = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
SIZE = st.none() | st.tuples(st.integers(1, 15), st.integers(1, 9))
TAG = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=12).filter(str.strip)


@pytest.fixture
def both(begin: Any) -> Iterator[tuple[Any, Client]]:
    world = begin("cloud", dashboard_limit=None)
    with Client(world.sandbox.url, 1, PersonalAPIKey(world.sandbox.personal_api_key)) as client:
        yield world, client


@BRIEF
@given(sizes=st.lists(SIZE, min_size=1, max_size=6), layout=st.sampled_from(TileArrangement), data=st.data())
def test_the_client_foretells_where_tiles_go(both: Any, sizes: Any, layout: TileArrangement, data: Any) -> None:
    """3.12: the same boxes, whatever the sizes and the order, and no two of them overlap."""
    world, client = both
    texts = [
        {"text": {"body": str(index)}, "layouts": {"sm": {"x": 0, "y": 99, "w": size[0], "h": size[1]}} if size else {}}
        for index, size in enumerate(sizes)
    ]
    board = client.dashboards.create(name="x")
    made = client.dashboards.update(board.id, tiles=texts).tiles
    size_of = {tile.id: sizes[int(tile.text["body"])] for tile in made if tile.text is not None}
    order = data.draw(st.permutations(sorted(size_of)))
    after = client.dashboards.reorder_tiles(board.id, tile_order=order, layout=layout)
    boxes = {tile.id: Box.of(tile.layouts) for tile in after.tiles}
    foretold = packed([size_of[tile_id] or (None, None) for tile_id in order], layout)
    assert boxes == dict(zip(order, foretold, strict=True))
    cells = [
        (x, y)
        for tile in after.tiles
        for x in range(tile.layouts["sm"]["x"], tile.layouts["sm"]["x"] + tile.layouts["sm"]["w"])
        for y in range(tile.layouts["sm"]["y"], tile.layouts["sm"]["y"] + tile.layouts["sm"]["h"])
    ]
    assert len(cells) == len(set(cells))
    assert all(0 <= x < 12 and y >= 0 for x, y in cells)
    assert world.build == "cloud"


@BRIEF
@given(
    before=st.lists(TAG, max_size=5),
    tags=st.lists(TAG, min_size=1, max_size=5),
    action=st.sampled_from(["add", "remove", "set"]),
)
def test_the_client_foretells_what_tags_become(both: Any, before: list[str], tags: list[str], action: str) -> None:
    """3.4 and 3.19: trimmed, lower-cased, each once; a plan is what the server's own action does."""
    world, client = both
    board = client.dashboards.create(name="x", tags=before)
    assert sorted(board.tags) == normalised_tags(before)
    plan = plan_tags({board.id: board.tags}, action, tags)
    (foretold,) = [change.after for change in plan.changes] or [sorted(board.tags)]
    body = {"ids": [board.id], "action": action, "tags": tags}
    answer = world.json("POST", "dashboards/bulk_update_tags/", body, who="session")
    assert answer["updated"] == [{"id": board.id, "tags": foretold}]


@BRIEF
@given(count=st.integers(0, 12), page_size=st.integers(1, 7), pinned=st.data())
def test_every_dashboard_is_listed_once_and_in_order(both: Any, count: int, page_size: int, pinned: Any) -> None:
    """3.1: pinned first, then by name, whatever the size of the pages."""
    world, client = both
    world.begin("cloud")
    flags = pinned.draw(st.lists(st.booleans(), min_size=count, max_size=count))
    for index, flag in enumerate(flags):
        client.dashboards.create(name=f"{index:02}", pinned=flag)
    listed = [board.name for board in client.dashboards.list(page_size=page_size)]
    order = sorted(range(count), key=lambda index: (not flags[index], index))
    assert listed == [f"{index:02}" for index in order]


@BRIEF
@given(boxes=st.lists(st.tuples(st.integers(0, 11), st.integers(0, 9)), min_size=1, max_size=6))
def test_tiles_come_in_the_order_of_their_layout(both: Any, boxes: list[tuple[int, int]]) -> None:
    """3.2: by y, then x; `order` counts from 0."""
    _, client = both
    tiles = [
        {"text": {"body": str(index)}, "layouts": {"sm": {"x": x, "y": y, "w": 1, "h": 1}}}
        for index, (x, y) in enumerate(boxes)
    ]
    board = client.dashboards.create(name="x")
    client.dashboards.update(board.id, tiles=tiles)
    found = client.dashboards.get(board.id).tiles
    places = [(tile.layouts["sm"]["y"], tile.layouts["sm"]["x"]) for tile in found]
    assert places == sorted((y, x) for x, y in boxes)
    assert [tile.order for tile in found] == [*range(len(boxes))]
