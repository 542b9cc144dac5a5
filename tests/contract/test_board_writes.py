"""The small writes on every build: each does its thing once, and says so when there is nothing to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from airflow_dashboards.posthog import Client, EndpointNotFoundError, KeyNotAccepted, PersonalAPIKey, SessionLogin
from airflow_dashboards.posthog.flow import Flow
from airflow_dashboards.refresh import board, board_tiles
from airflow_dashboards.refresh.effects import BoardChange, BoardStateError, Effect
from airflow_dashboards.refresh.packing import Box
from airflow_dashboards.refresh.template import apply_template
from airflow_dashboards.sandbox import Sandbox

BUILDS = ["2026-04", "2026-05", "cloud"]
ONCE = [Effect.DONE, Effect.ALREADY_SO]
QUERY = {
    "kind": "InsightVizNode",
    "source": {"kind": "TrendsQuery", "series": [{"kind": "EventsNode", "event": "signup"}]},
}
TEMPLATE = {
    "template_name": "Source",
    "dashboard_description": "",
    "dashboard_filters": {},
    "tiles": [
        {"type": "INSIGHT", "name": "Sign-ups", "query": QUERY, "layouts": {"sm": {"x": 0, "y": 0, "w": 6, "h": 3}}},
        {"type": "TEXT", "body": "## Loads", "layouts": {"sm": {"x": 6, "y": 0, "w": 6, "h": 5}}},
        {"type": "INSIGHT", "name": "Again", "query": QUERY, "layouts": {"sm": {"x": 0, "y": 3, "w": 6, "h": 2}}},
    ],
}


@pytest.fixture(params=BUILDS)
def build(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def client(posthog_sandbox: Sandbox, build: str) -> Iterator[Client]:
    posthog_sandbox.reset(build=build)
    with Client(posthog_sandbox.url, 1, PersonalAPIKey(posthog_sandbox.personal_api_key)) as client:
        yield client


@pytest.fixture
def tiles(client: Client) -> list[int]:
    """The tiles of dashboard 1; dashboard 2 is empty."""
    result = client.run(apply_template(client.flows, TEMPLATE, host=client.host))
    assert result.dashboard_id == 1
    assert client.dashboards.create(name="Destination").id == 2
    return [tile.id for tile in result.tiles]


def twice(client: Client, write: Callable[[Any], Flow[BoardChange]]) -> list[Effect]:
    return [client.run(write(client.flows)).effect for _ in range(2)]


def ids(client: Client, dashboard_id: int) -> list[int]:
    return [tile.id for tile in client.dashboards.get(dashboard_id).tiles]


def test_a_note_is_written_once_and_updated_after_that(client: Client, tiles: list[int]) -> None:
    place = {"sm": {"x": 0, "y": 9, "w": 12, "h": 1}}

    def note(body: str, **options: Any) -> BoardChange:
        return client.run(board_tiles.ensure_text_tile(client.flows, 1, body=body, key="load", **options))

    first, same, other = note("Loaded.", layouts=place), note("Loaded."), note("Loaded again.", color="blue")
    assert [change.effect for change in (first, same, other)] == [*ONCE, Effect.DONE]
    assert first.tile_ids == same.tile_ids == other.tile_ids
    (written,) = [tile for tile in client.dashboards.get(1).tiles if tile.id not in tiles]
    assert written.text is not None
    assert written.text["body"].startswith("Loaded again.\n")
    assert (written.layouts, written.color) == (place, "blue")


def test_insights_and_texts_are_copied_once(client: Client, tiles: list[int]) -> None:
    for tile in tiles[:2]:
        effects = twice(client, lambda f, t=tile: board_tiles.copy_tile(f, 2, from_dashboard_id=1, tile_id=t))
        assert effects == ONCE
    assert len(ids(client, 2)) == 2


@pytest.mark.parametrize("name", ["Replays", None])
def test_widgets_are_cloned_once(client: Client, build: str, tiles: list[int], name: str | None) -> None:
    widget = {"widget_type": "session_replay_list", "config": {"limit": 5}, "name": name}
    if build == "2026-04":
        with pytest.raises(EndpointNotFoundError):
            client.dashboards.add_widgets(1, widgets=[widget])
        return
    (tile,) = client.dashboards.add_widgets(1, widgets=[widget])
    assert twice(client, lambda flows: board_tiles.copy_tile(flows, 2, from_dashboard_id=1, tile_id=tile.id)) == ONCE
    assert len(ids(client, 2)) == 1


def test_a_tile_is_moved_once(client: Client, build: str, tiles: list[int]) -> None:
    change = client.run(board_tiles.move_tile(client.flows, 1, tile_id=tiles[0], to_dashboard=2))
    assert change.effect is Effect.DONE
    assert ids(client, 2) == change.tile_ids
    assert tiles[0] not in ids(client, 1)
    if build != "2026-04":  # there a key copies and removes, and the tile has a new id
        assert change.tile_ids == [tiles[0]]
        again = client.run(board_tiles.move_tile(client.flows, 1, tile_id=tiles[0], to_dashboard=2))
        assert again.effect is Effect.ALREADY_SO


def test_a_tile_is_removed_once(client: Client, tiles: list[int]) -> None:
    assert twice(client, lambda flows: board_tiles.delete_tile(flows, 1, tile_id=tiles[1])) == ONCE
    assert ids(client, 1) == [tiles[0], tiles[2]]


@pytest.mark.parametrize("layout", ["preserve", "two_column", "full_width"])
def test_tiles_are_reordered_once_and_land_where_the_plan_says(
    client: Client, build: str, tiles: list[int], layout: str
) -> None:
    order = tiles[::-1]
    reorder = lambda flows: board_tiles.reorder_tiles(flows, 1, tile_order=order, layout=layout)  # noqa: E731
    first = client.run(reorder(client.flows))
    assert first.effect is Effect.DONE
    if build == "2026-04" and layout != "two_column":
        assert "build 2026-04 always makes two columns" in first.detail
    else:
        assert first.detail.endswith("of 3 tiles moved.")
        assert client.run(reorder(client.flows)).effect is Effect.ALREADY_SO
    places = {tile.id: Box.of(tile.layouts) for tile in client.dashboards.get(1).tiles}
    assert sorted(order, key=lambda tile: (places[tile].y, places[tile].x)) == order  # type: ignore[union-attr]


def test_widgets_are_added_once(client: Client, build: str, tiles: list[int]) -> None:
    widgets = [
        {"widget_type": "error_tracking_list", "config": {"limit": 5}},
        {"widget_type": "session_replay_list", "config": {}, "name": "Replays"},
    ]
    ensure = lambda flows: board_tiles.ensure_widgets(flows, 2, widgets=widgets)  # noqa: E731
    if build == "2026-04":
        with pytest.raises(EndpointNotFoundError):
            client.run(ensure(client.flows))
        return
    assert twice(client, ensure) == ONCE
    assert len(ids(client, 2)) == 2


def test_fields_are_changed_once(client: Client, tiles: list[int]) -> None:
    fields = {
        "name": "Renamed",
        "description": "new",
        "pinned": True,
        "tags": [" ETL", "b", "a"],
        "filters": {"date_from": "-7d"},
        "restriction_level": 21,
    }
    assert twice(client, lambda flows: board.update_dashboard(flows, 1, fields)) == ONCE
    assert twice(client, lambda flows: board.update_dashboard(flows, 1, {"tags": ["c"]})) == ONCE


def test_variables_are_changed_once(client: Client, tiles: list[int]) -> None:
    change = lambda variables: lambda flows: board.update_dashboard(flows, 1, {"variables": variables})  # noqa: E731
    assert client.run(change({})(client.flows)).effect is Effect.ALREADY_SO
    assert twice(client, change({"018f": {"code_name": "country", "value": "DE"}})) == ONCE
    # The contract leaves open whether an empty object clears them; this sandbox says that it does not.
    with pytest.raises(BoardStateError, match="left variables of dashboard 1 as it was"):
        client.run(change({})(client.flows))


def test_a_dashboard_is_deleted_and_restored_once(client: Client, tiles: list[int]) -> None:
    delete = lambda flows: board.delete_dashboard(flows, 1, delete_insights=True)  # noqa: E731
    assert twice(client, delete) == ONCE
    assert twice(client, lambda flows: board.restore_dashboard(flows, 1)) == ONCE
    assert ids(client, 1) == tiles


def test_the_unlisted_dashboard_is_made_once_by_a_session_and_found_by_a_key(
    client: Client, posthog_sandbox: Sandbox
) -> None:
    ensure = lambda flows: board.ensure_unlisted_dashboard(flows, "llm-analytics")  # noqa: E731
    with pytest.raises(KeyNotAccepted):
        client.run(ensure(client.flows))
    with Client(posthog_sandbox.url, 1, SessionLogin("owner@example.com", "sandbox")) as session:
        assert twice(session, ensure) == ONCE
    assert client.run(ensure(client.flows)).effect is Effect.ALREADY_SO
