"""The small writes: each does its thing once, and says so when there is nothing to do."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_dashboards.posthog import KeyNotAccepted, NotFoundError, PostHogArgumentError, TileArrangement
from airflow_dashboards.refresh import board, board_tiles
from airflow_dashboards.refresh.effects import BoardStateError, Effect
from airflow_dashboards.refresh.many import on_each
from airflow_dashboards.refresh.packing import COLUMNS, Box, packed

QUERY = {"kind": "InsightVizNode"}


def effects(run: Any, build: Any, times: int = 2) -> list[Effect]:
    return [run(build).effect for _ in range(times)]


# --- notes


@pytest.mark.parametrize("april", [True, False])
def test_a_note_is_added_once_and_then_updated(make_world: Any, april: bool) -> None:
    world = make_world(april=april)
    home = world.add_board("a")
    world.add_tile(home, text={"id": 900, "body": "Loaded **yesterday**."})

    def write(body: str) -> Any:
        return world.run(lambda flows: board_tiles.ensure_text_tile(flows, home["id"], body=body, key="load.note"))

    first, same, other = write("Loaded **today**."), write("Loaded **today**."), write("Loaded.")
    assert [each.effect for each in (first, same, other)] == [Effect.DONE, Effect.ALREADY_SO, Effect.DONE]
    assert first.tile_ids == same.tile_ids == other.tile_ids
    bodies = [tile["text"]["body"] for tile in world.full(home)["tiles"]]
    assert bodies == ["Loaded **yesterday**.", "Loaded.\n\n[//]: # (airflow-note:load.note)"]


def test_notes_of_two_keys_are_two(world: Any) -> None:
    home = world.add_board("a")
    for key in ("x", "xy"):
        world.run(lambda flows, key=key: board_tiles.ensure_text_tile(flows, home["id"], body="hi", key=key))
    assert len(world.full(home)["tiles"]) == 2


def test_a_note_written_twice_at_the_same_moment_becomes_one_again(world: Any) -> None:
    home = world.add_board("a")
    for _ in range(2):
        world.add_tile(home, text={"id": 1, "body": board_tiles.note_body("hi", "x")})
    result = world.run(lambda flows: board_tiles.ensure_text_tile(flows, home["id"], body="hi", key="x"))
    assert result.effect is Effect.DONE
    assert len(world.full(home)["tiles"]) == 1


def test_a_planned_note_writes_nothing(world: Any) -> None:
    home = world.add_board("a")

    def note(body: str, *, dry_run: bool = False) -> Any:
        return world.run(
            lambda flows: board_tiles.ensure_text_tile(flows, home["id"], body=body, key="x", dry_run=dry_run)
        )

    plan = note("hi", dry_run=True)
    assert (plan.effect, plan.tile_ids, world.writes) == (Effect.PLANNED, [], [])
    written = note("hi")
    world.log.clear()
    assert note("hi", dry_run=True).effect is Effect.ALREADY_SO
    plan = note("other", dry_run=True)
    assert (plan.effect, plan.tile_ids, world.writes) == (Effect.PLANNED, written.tile_ids, [])


@pytest.mark.parametrize(
    ("body", "key", "words"),
    [
        ("", "x", "must not be blank"),
        ("x" * 4000, "x", "at most 4000"),
        ("hi", "a b", "key: must be"),
        ("hi", "", "key"),
    ],
)
def test_bad_notes_are_refused_before_anything_is_sent(world: Any, body: str, key: str, words: str) -> None:
    with pytest.raises(PostHogArgumentError, match=words):
        world.run(lambda flows: board_tiles.ensure_text_tile(flows, 1, body=body, key=key))
    assert world.log == []


# --- tiles


def test_copying_twice_copies_once(world: Any) -> None:
    source, home = world.add_board("a"), world.add_board("b")
    world.add_insight(source, query=QUERY)
    (tile,) = (tile["id"] for tile in world.tiles.values())
    copy = lambda flows: board_tiles.copy_tile(  # noqa: E731
        flows, home["id"], from_dashboard_id=source["id"], tile_id=tile
    )
    assert effects(world.run, copy) == [Effect.DONE, Effect.ALREADY_SO]
    assert len(world.full(home)["tiles"]) == 1
    with pytest.raises(BoardStateError, match="has no tile 99 to copy"):
        world.run(lambda flows: board_tiles.copy_tile(flows, home["id"], from_dashboard_id=source["id"], tile_id=99))


def test_moving_twice_moves_once(world: Any) -> None:
    source, home = world.add_board("a"), world.add_board("b")
    tile = world.add_tile(source, text={"id": 900, "body": "x"})["id"]
    move = lambda flows: board_tiles.move_tile(flows, source["id"], tile_id=tile, to_dashboard=home["id"])  # noqa: E731
    assert effects(world.run, move) == [Effect.DONE, Effect.ALREADY_SO]
    assert [each["id"] for each in world.full(home)["tiles"]] == [tile]
    with pytest.raises(BoardStateError, match="neither on dashboard"):
        world.run(lambda flows: board_tiles.move_tile(flows, source["id"], tile_id=99, to_dashboard=home["id"]))


def test_a_key_that_may_not_move_copies_and_removes(world: Any, refused: Any) -> None:
    source, home = world.add_board("a"), world.add_board("b")
    tile = world.add_tile(source, text={"id": 900, "body": "x"})["id"]

    def refuse(*_: Any) -> Any:
        raise refused(403, "This action does not support Personal API Key access", "permission_denied")

    world.on_move_tile = refuse
    result = world.run(lambda flows: board_tiles.move_tile(flows, source["id"], tile_id=tile, to_dashboard=home["id"]))
    assert result.effect is Effect.DONE
    assert [each["id"] for each in world.full(home)["tiles"]] == result.tile_ids
    assert world.full(source)["tiles"] == []


@pytest.mark.parametrize("april", [True, False])
def test_removing_twice_removes_once(make_world: Any, april: bool) -> None:
    world = make_world(april=april)
    home = world.add_board("a")
    tile = world.add_tile(home, text={"id": 900, "body": "x"})["id"]
    remove = lambda flows: board_tiles.delete_tile(flows, home["id"], tile_id=tile)  # noqa: E731
    assert effects(world.run, remove) == [Effect.DONE, Effect.ALREADY_SO]
    with pytest.raises(NotFoundError):
        world.run(lambda flows: board_tiles.delete_tile(flows, 99, tile_id=tile))


def test_widgets_are_added_once(world: Any) -> None:
    home = world.add_board("a")
    wanted = [{"widget_type": "error_tracking_list", "config": {"limit": n}} for n in range(1, 13)]
    add = lambda flows: board_tiles.ensure_widgets(flows, home["id"], widgets=wanted)  # noqa: E731
    plan = world.run(lambda flows: board_tiles.ensure_widgets(flows, home["id"], widgets=wanted, dry_run=True))
    assert (plan.effect, world.writes) == (Effect.PLANNED, [])
    first = world.run(add)
    assert [len(body["widgets"]) for _, _, body in world.writes] == [10, 2]
    second = world.run(add)
    assert (first.effect, second.effect) == (Effect.DONE, Effect.ALREADY_SO)
    assert second.tile_ids == first.tile_ids


# --- order


def test_the_worked_example_of_the_contract() -> None:
    boxes = packed([(6, 3), (6, 5), (6, 2)], TileArrangement.PRESERVE)
    assert [(box.x, box.y) for box in boxes] == [(0, 0), (6, 0), (0, 3)]


SIZES = st.lists(st.tuples(st.none() | st.integers(-2, 20), st.none() | st.integers(-2, 9)), max_size=25)


@given(SIZES, st.sampled_from(TileArrangement))
def test_packed_tiles_stay_on_the_board_and_apart(sizes: Any, layout: TileArrangement) -> None:
    boxes = packed(sizes, layout)
    cells = [(x, y) for box in boxes for x in range(box.x, box.x + box.w) for y in range(box.y, box.y + box.h)]
    assert len(cells) == len(set(cells))
    assert all(0 <= x < COLUMNS and y >= 0 for x, y in cells)
    assert packed([(box.w, box.h) for box in boxes], layout) == boxes


@given(SIZES)
def test_preserve_keeps_sizes_and_leaves_no_lower_place_free(sizes: Any) -> None:
    boxes = packed(sizes, TileArrangement.PRESERVE)
    for (w, h), box in zip(sizes, boxes, strict=True):
        assert box.w == (6 if w is None else min(max(w, 1), 12))
        assert box.h == (5 if h is None else max(h, 1))
    for index, box in enumerate(boxes):
        tops = []
        for x in range(COLUMNS - box.w + 1):
            above = [o.y + o.h for o in boxes[:index] if o.x < x + box.w and x < o.x + o.w]
            tops.append(max(above, default=0))
        assert (box.y, box.x) == (min(tops), tops.index(min(tops)))


def test_reordering_says_when_there_is_nothing_to_move(world: Any) -> None:
    home = world.add_board("a")
    layouts = [{"sm": box._asdict()} for box in (Box(0, 0, 6, 5), Box(6, 0, 6, 5))]
    ids = [world.add_tile(home, text={"id": n, "body": "x"}, layouts=layout)["id"] for n, layout in enumerate(layouts)]

    def reorder(order: list[int], **options: Any) -> Any:
        return world.run(lambda flows: board_tiles.reorder_tiles(flows, home["id"], tile_order=order, **options))

    assert reorder(ids).effect is Effect.ALREADY_SO
    assert reorder(ids[::-1], dry_run=True).effect is Effect.PLANNED
    assert reorder(ids[:1], layout="full_width", dry_run=True).effect is Effect.PLANNED
    assert world.writes == []
    with pytest.raises(BoardStateError, match="has no tile 98, 99"):
        reorder([99, ids[0], 98])
    refused = [([], {}, "tile_order is empty"), ([1, 1], {}, "more than once"), (ids, {"layout": "x"}, "layout")]
    for order, options, words in refused:
        with pytest.raises(PostHogArgumentError, match=words):
            reorder(order, **options)


def test_tiles_in_the_wrong_order_on_a_phone_alone_are_reordered_too(world: Any) -> None:
    home = world.add_board("a")
    wide = Box(0, 0, 6, 5), Box(6, 0, 6, 5)
    phone = [{"x": 0, "y": 5, "w": 1, "h": 5}, {"x": 0, "y": 0, "w": 1, "h": 5}]
    ids = [
        world.add_tile(home, text={"id": n, "body": "x"}, layouts={"sm": box._asdict(), "xs": xs})["id"]
        for n, (box, xs) in enumerate(zip(wide, phone, strict=True))
    ]
    plan = world.run(lambda flows: board_tiles.reorder_tiles(flows, home["id"], tile_order=ids, dry_run=True))
    assert (plan.effect, plan.detail) == (Effect.PLANNED, "2 of 2 tiles would move.")


# --- whole dashboards


def test_only_fields_that_differ_are_written(world: Any) -> None:
    home = world.add_board("a", ["x"])
    fields = {"name": "a", "description": "new", "tags": [" X"]}
    plan = world.run(lambda flows: board.update_dashboard(flows, home["id"], fields, dry_run=True))
    assert (plan.effect, world.writes) == (Effect.PLANNED, [])
    update = lambda flows: board.update_dashboard(flows, home["id"], fields)  # noqa: E731
    assert effects(world.run, update) == [Effect.DONE, Effect.ALREADY_SO]
    assert [body for _, _, body in world.writes] == [{"description": "new"}]


def test_a_field_that_posthog_leaves_as_it_was_is_no_change(world: Any) -> None:
    home = world.add_board("a")
    variables = {"018f": {"code_name": "country", "value": "DE"}}
    clear = lambda flows: board.update_dashboard(flows, home["id"], {"name": "b", "variables": {}})  # noqa: E731
    home["variables"] = variables
    for _ in range(2):
        with pytest.raises(BoardStateError, match="left variables of dashboard"):
            world.run(clear)
    assert (home["name"], home["variables"]) == ("b", variables)
    home["variables"] = {}
    assert effects(world.run, clear, times=1) == [Effect.ALREADY_SO]


@pytest.mark.parametrize(
    ("fields", "words"), [({}, "Nothing to change"), ({"nmae": "x"}, "nmae"), ({"filters": {}}, "filters")]
)
def test_bad_fields_are_refused(fields: Any, words: str) -> None:
    with pytest.raises(PostHogArgumentError, match=words):
        board.checked_fields(fields)


def test_deleting_and_restoring_twice(world: Any) -> None:
    home = world.add_board("a")
    plan = world.run(lambda flows: board.delete_dashboard(flows, home["id"], dry_run=True))
    assert (plan.effect, world.writes) == (Effect.PLANNED, [])
    delete = lambda flows: board.delete_dashboard(flows, home["id"])  # noqa: E731
    restore = lambda flows: board.restore_dashboard(flows, home["id"])  # noqa: E731
    assert effects(world.run, delete) == [Effect.DONE, Effect.ALREADY_SO]
    world.log.clear()
    plan = world.run(lambda flows: board.restore_dashboard(flows, home["id"], dry_run=True))
    assert (plan.effect, world.writes) == (Effect.PLANNED, [])
    assert effects(world.run, restore) == [Effect.DONE, Effect.ALREADY_SO]


def test_the_unlisted_dashboard_is_made_once(make_world: Any) -> None:
    world = make_world(session=True)
    ensure = lambda flows: board.ensure_unlisted_dashboard(flows, "llm-analytics")  # noqa: E731
    first, second = world.run(ensure), world.run(ensure)
    assert (first.effect, second.effect) == (Effect.DONE, Effect.ALREADY_SO)
    assert first.dashboard_id == second.dashboard_id
    world.session = False
    assert world.run(ensure).dashboard_id == first.dashboard_id


def test_an_unlisted_dashboard_made_by_somebody_else_meanwhile_is_found(make_world: Any) -> None:
    world = make_world(session=True)
    make = world.on_create_unlisted_dashboard

    def and_somebody_else(body: Any) -> Any:
        world.add_board("theirs", [body["tag"]], creation_mode="unlisted")
        return make(body)

    world.on_create_unlisted_dashboard = and_somebody_else
    result = world.run(lambda flows: board.ensure_unlisted_dashboard(flows, "llm-analytics"))
    assert (result.effect, result.dashboard_id) == (Effect.ALREADY_SO, 1)


def test_a_key_can_not_make_an_unlisted_dashboard(world: Any) -> None:
    with pytest.raises(KeyNotAccepted):
        world.run(lambda flows: board.ensure_unlisted_dashboard(flows, "llm-analytics"))


def test_one_failing_dashboard_does_not_lose_the_others(world: Any) -> None:
    homes = [world.add_board(name)["id"] for name in "abc"]
    world.read_only.add(homes[1])
    fields = {"description": "new"}
    result = world.run(
        lambda flows: on_each([*homes, homes[0]], lambda each: board.update_dashboard(flows, each, fields))
    )
    assert [change.dashboard_id for change in result.changes] == [homes[0], homes[2]]
    assert [failure.dashboard_id for failure in result.failed] == [homes[1]]
    assert "edit permissions" in result.failed[0].reason
