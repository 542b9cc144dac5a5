"""Contract 3.10 to 3.14, sentence by sentence: tiles moved, copied, placed, written on and removed."""

from __future__ import annotations

import re
from typing import Any

import pytest

NOWHERE = 987_654_321
NOT_FOUND = (404, "not_found", None, "Not found.")
REQUIRED = "This field is required."
MOVE_REFUSED = "Invalid request data for moving tile."
BOX = {"x": 0, "y": 0, "w": 6, "h": 5}


def gone(world: Any, board: int) -> int:
    """A tile that was removed from a dashboard."""
    tile = world.text(board, "gone")
    world.json("PATCH", f"dashboards/{board}/", {"tiles": [{"id": tile, "deleted": True}]})
    return int(tile)


def deleted(world: Any) -> int:
    made = world.board()
    world.delete_board(made)
    return int(made)


def elsewhere(world: Any) -> int:
    return int(world.json("POST", "/api/projects/2/dashboards/", {"name": "x"}, status=201)["id"])


def move(make: Any = None, **changes: Any) -> Any:
    """Move a text tile; `make` gives other values, as functions of the world and the source."""

    def ask(world: Any) -> Any:
        source = world.board()
        april = world.build == "2026-04"
        body: dict[str, Any] = {"to_dashboard": world.board(), "tile": {"id": world.text(source)}, **changes}
        if make:
            body |= make(world, source)
        body = {name: value for name, value in body.items() if value is not ...}
        if april and "to_dashboard" in body:
            body["toDashboard"] = body.pop("to_dashboard")
        return world.patch(f"dashboards/{source}/move_tile/", body, who="session")

    return ask


def move_twin(world: Any) -> Any:
    """The destination shows the same insight."""
    source, destination = world.board(), world.board()
    insight = world.insight(source, destination)
    (tile,) = [tile["id"] for tile in insight["dashboard_tiles"] if tile["dashboard_id"] == source]
    body = {"to_dashboard": destination, "toDashboard": destination, "tile": {"id": tile}}
    return world.patch(f"dashboards/{source}/move_tile/", body, who="session")


def move_text_twin(world: Any) -> Any:
    source, destination = world.board(), world.board()
    tile = world.text(source)
    world.json("POST", f"dashboards/{destination}/copy_tile/", {"fromDashboardId": source, "tileId": tile})
    body = {"to_dashboard": destination, "toDashboard": destination, "tile": {"id": tile}}
    return world.patch(f"dashboards/{source}/move_tile/", body, who="session")


def move_to_restricted(world: Any) -> Any:
    source, destination = world.board(), world.board(restriction_level=37)
    body = {"to_dashboard": destination, "toDashboard": destination, "tile": {"id": world.text(source)}}
    return world.patch(f"dashboards/{source}/move_tile/", body, who="member")


def move_widget(world: Any) -> Any:
    source, destination = world.board(), world.board()
    tile = world.widget(source)
    world.sandbox.settings(widgets_enabled=False)
    return world.post(f"dashboards/{source}/move_tile/", {"to_dashboard": destination, "tile": {"id": tile}})


def copy(make: Any = None, **changes: Any) -> Any:
    def ask(world: Any) -> Any:
        source, destination = world.board(), world.board()
        body = {"fromDashboardId": source, "tileId": world.text(source), **changes}
        if make:
            body |= make(world, source, destination)
        return world.post(
            f"dashboards/{destination}/copy_tile/", {key: value for key, value in body.items() if value is not ...}
        )

    return ask


def copy_twice(kind: str) -> Any:
    def ask(world: Any) -> Any:
        source, destination = world.board(), world.board()
        tile = world.text(source) if kind == "text" else world.insight_tile(source)
        body = {"fromDashboardId": source, "tileId": tile}
        world.json("POST", f"dashboards/{destination}/copy_tile/", body)
        return world.post(f"dashboards/{destination}/copy_tile/", body)

    return ask


def copy_unseen(what: str) -> Any:
    """The member may not see the source dashboard, or its insight."""

    def ask(world: Any) -> Any:
        source, destination = world.board(), world.board()
        insight = world.insight(source)
        world.sandbox.set_access("none", user=8, **({what: source} if what == "dashboard" else {what: insight["id"]}))
        body = {"fromDashboardId": source, "tileId": insight["dashboard_tiles"][0]["id"]}
        return world.post(f"dashboards/{destination}/copy_tile/", body, who="member")

    return ask


def reorder(**body: Any) -> Any:
    def ask(world: Any) -> Any:
        board = world.board()
        tiles = [world.text(board, name) for name in "ab"]
        order = body.get("tile_order", tiles)
        sent = {**body, "tile_order": order(tiles) if callable(order) else order}
        return world.post(
            f"dashboards/{board}/reorder_tiles/", {key: value for key, value in sent.items() if value is not ...}
        )

    return ask


def text(**body: Any) -> Any:
    return lambda w: w.post(f"dashboards/{w.board()}/create_text_tile/", body)


def edit(**body: Any) -> Any:
    def ask(world: Any) -> Any:
        board = world.board()
        sent = {"tile_id": world.text(board), **body}
        return world.post(
            f"dashboards/{board}/update_text_tile/", {key: value for key, value in sent.items() if value is not ...}
        )

    return ask


def on_tile(action: str, pick: Any, **more: Any) -> Any:
    """An action on the tile that `pick` gives."""

    def ask(world: Any) -> Any:
        board = world.board()
        return world.post(f"dashboards/{board}/{action}/", {"tile_id": pick(world, board), **more})

    return ask


def delete_twice(world: Any) -> Any:
    board = world.board()
    body = {"tile_id": world.text(board)}
    world.json("POST", f"dashboards/{board}/delete_tile/", body, status=204)
    return world.post(f"dashboards/{board}/delete_tile/", body)


def delete_on_deleted(world: Any) -> Any:
    board = world.board()
    tile = world.text(board)
    world.delete_board(board)
    return world.post(f"dashboards/{board}/delete_tile/", {"tile_id": tile})


TOO_LONG = "Text body cannot exceed 4000 characters"
UNIQUE = {"detail": "tile_order must contain unique tile IDs"}
UNKNOWN = {"detail": "Tile IDs not found on this dashboard: [987654321, 987654322]"}

SENTENCES: list[tuple[str, str, Any, Any]] = [
    # 3.10
    ("move", "ABC", move(), 200),
    ("move-nowhere", "BC", move(to_dashboard=...), (400, "required", "to_dashboard", REQUIRED)),
    ("move-april-body", "BC", move(to_dashboard=..., toDashboard=8), (400, "required", "to_dashboard", REQUIRED)),
    ("move-nothing", "BC", move(tile=...), (400, "required", "tile", REQUIRED)),
    ("move-no-id", "BC", move(tile={}), (400, "required", "tile__id", REQUIRED)),
    ("move-extra-keys", "BC", move(lambda w, s: {"tile": {"id": w.text(s), "layouts": 7}}), 200),
    ("move-nowhere-april", "A", move(to_dashboard=...), 500),
    ("move-no-id-april", "A", move(tile={}), 500),
    ("move-unknown-tile", "ABC", move(tile={"id": NOWHERE}), NOT_FOUND),
    ("move-foreign-tile", "ABC", move(lambda w, _: {"tile": {"id": w.text(w.board())}}), NOT_FOUND),
    ("move-gone-tile", "ABC", move(lambda w, s: {"tile": {"id": gone(w, s)}}), NOT_FOUND),
    ("move-to-unknown", "ABC", move(to_dashboard=NOWHERE), NOT_FOUND),
    ("move-to-deleted", "ABC", move(lambda w, _: {"to_dashboard": deleted(w)}), NOT_FOUND),
    ("move-to-other-project", "ABC", move(lambda w, _: {"to_dashboard": elsewhere(w)}), NOT_FOUND),
    ("move-twin", "BC", move_twin, (400, "invalid_input", None, MOVE_REFUSED)),
    ("move-text-twin", "BC", move_text_twin, (400, "invalid_input", None, MOVE_REFUSED)),
    ("move-to-restricted", "BC", move_to_restricted,
     (403, "permission_denied", None, "You don't have edit permissions for the destination dashboard.")),
    ("move-widget-flag-off", "BC", move_widget, (400, ..., ..., None)),
    ("move-to-same", "ABC", move(lambda _, s: {"to_dashboard": s}), 200),
    # 3.11
    ("copy", "ABC", copy(), 200),
    ("copy-no-source", "ABC", copy(fromDashboardId=...), (400, "required", "fromDashboardId", REQUIRED)),
    ("copy-no-tile", "ABC", copy(tileId=...), (400, "required", "tileId", REQUIRED)),
    ("copy-same", "ABC", copy(lambda _w, _s, d: {"fromDashboardId": d}),
     (400, ..., ..., re.compile("^Destination must be a different dashboard"))),
    ("copy-unknown-source", "ABC", copy(fromDashboardId=NOWHERE), NOT_FOUND),
    ("copy-deleted-source", "ABC", copy(lambda w, *_: {"fromDashboardId": deleted(w)}), NOT_FOUND),
    ("copy-unknown-tile", "ABC", copy(tileId=NOWHERE), NOT_FOUND),
    ("copy-foreign-tile", "ABC", copy(lambda w, *_: {"tileId": w.text(w.board())}), NOT_FOUND),
    ("copy-gone-tile", "ABC", copy(lambda w, s, _: {"tileId": gone(w, s)}), NOT_FOUND),
    ("copy-unseen-dashboard", "ABC", copy_unseen("dashboard"), (403, "permission_denied", None, None)),
    ("copy-unseen-insight", "ABC", copy_unseen("insight"), (403, "permission_denied", None, None)),
    ("copy-insight-twice", "ABC", copy_twice("insight"),
     (400, ..., ..., "This insight is already on the destination dashboard.")),
    ("copy-text-twice", "ABC", copy_twice("text"),
     (400, ..., ..., re.compile("^This text card is already on the destination dashboard"))),
    ("copy-button-april", "A", copy(lambda w, s, _: {"tileId": w.button(s)}),
     (400, ..., ..., re.compile("^Only insight and text tiles"))),
    ("copy-button", "BC", copy(lambda w, s, _: {"tileId": w.button(s)}),
     (400, ..., ..., re.compile("^Only insight, text, and widget tiles"))),
    # 3.12
    ("reorder", "ABC", reorder(), 200),
    ("reorder-nothing", "ABC", reorder(tile_order=...), (400, "required", "tile_order", REQUIRED)),
    ("reorder-empty", "ABC", reorder(tile_order=[]), (400, ..., "tile_order", None)),
    ("reorder-empty-code", "BC", reorder(tile_order=[]), (400, "min_length", "tile_order", None)),
    ("reorder-word", "ABC", reorder(tile_order="x"), (400, "not_a_list", "tile_order", None)),
    ("reorder-number", "ABC", reorder(tile_order=7), (400, "not_a_list", "tile_order", None)),
    ("reorder-words", "ABC", reorder(tile_order=["a"]), (400, "invalid_input", "tile_order__0", None)),
    ("reorder-second", "ABC", reorder(tile_order=lambda t: [t[0], "a"]),
     (400, "invalid_input", "tile_order__1", None)),
    ("reorder-bad-layout", "BC", reorder(layout="masonry"), (400, "invalid_choice", "layout", None)),
    ("reorder-null-layout", "BC", reorder(layout=None), (400, "null", "layout", None)),
    ("reorder-layout-april", "A", reorder(layout="masonry"), 200),
    ("reorder-twice", "ABC", reorder(tile_order=lambda t: [t[0], t[1], t[0]]), (400, UNIQUE)),
    ("reorder-unknown", "ABC", reorder(tile_order=lambda t: [NOWHERE + 1, t[0], NOWHERE]), (404, UNKNOWN)),
    *[(f"reorder-{layout}", "BC", reorder(layout=layout), 200) for layout in ("preserve", "two_column", "full_width")],
    # 3.13
    ("text", "BC", text(body="x"), 201),
    ("text-of-4000", "BC", text(body=" " + "x" * 4000 + " "), 201),
    ("text-of-4001", "BC", text(body="x" * 4001), (400, "max_length", "body", re.compile(TOO_LONG))),
    ("text-none", "BC", text(), (400, "required", "body", REQUIRED)),
    ("text-null", "BC", text(body=None), (400, "null", "body", None)),
    ("text-blank", "BC", text(body=""), (400, "blank", "body", None)),
    ("text-spaces", "BC", text(body="  \n "), (400, "blank", "body", None)),
    ("text-color-400", "BC", text(body="x", color="c" * 400), 201),
    ("text-color-401", "BC", text(body="x", color="c" * 401), (400, "max_length", "color", None)),
    ("text-color-empty", "BC", text(body="x", color=""), 201),
    ("text-color-null", "BC", text(body="x", color=None), 201),
    ("text-layouts-list", "BC", text(body="x", layouts=[1]),
     (400, "invalid_input", "layouts__non_field_errors", None)),
    ("text-layouts-word", "BC", text(body="x", layouts="sm"),
     (400, "invalid_input", "layouts__non_field_errors", None)),
    ("text-box-word", "BC", text(body="x", layouts={"sm": {"x": "left"}}),
     (400, "invalid_input", "layouts__sm__x", None)),
    ("text-box-empty", "BC", text(body="x", layouts={"sm": {}}), 201),
    ("edit-text", "BC", edit(body="y"), 200),
    ("edit-text-only-id", "BC", edit(), 200),
    ("edit-text-no-id", "BC", edit(tile_id=...), (400, "required", "tile_id", REQUIRED)),
    ("edit-text-id-word", "BC", edit(tile_id="x"), (400, "invalid_input", "tile_id", None)),
    ("edit-text-null", "BC", edit(body=None), (400, "null", "body", None)),
    ("edit-text-blank", "BC", edit(body=""), (400, "blank", "body", None)),
    ("edit-text-4001", "BC", edit(body="x" * 4001), (400, "max_length", "body", re.compile(TOO_LONG))),
    ("edit-text-color-401", "BC", edit(color="c" * 401), (400, "max_length", "color", None)),
    ("edit-text-layouts", "BC", edit(layouts=[1]), (400, "invalid_input", "layouts__non_field_errors", None)),
    ("edit-insight", "BC", on_tile("update_text_tile", lambda w, b: w.insight_tile(b), body="x"),
     (400, "invalid_input", None, "Tile is not a text tile.")),
    ("edit-button", "BC", on_tile("update_text_tile", lambda w, b: w.button(b), body="x"),
     (400, "invalid_input", None, "Tile is not a text tile.")),
    ("edit-unknown", "BC", on_tile("update_text_tile", lambda *_: NOWHERE, body="x"), NOT_FOUND),
    ("edit-foreign", "BC", on_tile("update_text_tile", lambda w, _: w.text(w.board()), body="x"), NOT_FOUND),
    ("edit-gone", "BC", on_tile("update_text_tile", gone, body="x"), NOT_FOUND),
    ("edit-by-patch", "BC", lambda w: w.patch(f"dashboards/{w.board()}/update_text_tile/", {"tile_id": 1}),
     (405, "method_not_allowed", None, 'Method "PATCH" not allowed.')),
    # 3.14
    ("remove", "BC", on_tile("delete_tile", lambda w, b: w.text(b)), 204),
    ("remove-nothing", "BC", lambda w: w.post(f"dashboards/{w.board()}/delete_tile/", {}),
     (400, "required", "tile_id", REQUIRED)),
    ("remove-unknown", "BC", on_tile("delete_tile", lambda *_: NOWHERE), NOT_FOUND),
    ("remove-foreign", "BC", on_tile("delete_tile", lambda w, _: w.text(w.board())), NOT_FOUND),
    ("remove-gone", "BC", on_tile("delete_tile", gone), NOT_FOUND),
    ("remove-twice", "BC", delete_twice, NOT_FOUND),
    ("remove-on-deleted", "BC", delete_on_deleted, NOT_FOUND),
    *[
        (f"deleted-{action}", "BC",
         lambda w, a=action, b=body: w.post(f"dashboards/{deleted(w)}/{a}/", b), NOT_FOUND)
        for action, body in {
            "create_text_tile": {"body": "x"},
            "update_text_tile": {"tile_id": 1, "body": "x"},
            "copy_tile": {"fromDashboardId": 1, "tileId": 1},
            "reorder_tiles": {"tile_order": [1]},
            "move_tile": {"to_dashboard": 1, "tile": {"id": 1}},
        }.items()
    ],
]  # fmt: skip


def test_sentence(begin: Any, build: str, sentence: Any) -> None:
    _, _, ask, expected = sentence
    world = begin(build)
    world.check(ask(world), expected)


@pytest.fixture(params=["2026-05", "cloud"])
def since_may(request: Any, begin: Any) -> Any:
    return begin(request.param)


class TestMove:
    """3.10."""

    @pytest.mark.parametrize("method", ["PATCH", "POST"])
    def test_the_row_keeps_its_id_and_looks(self, since_may: Any, method: str) -> None:
        source, destination = since_may.board(), since_may.board()
        tile = since_may.text(source, color="blue")
        since_may.place(source, tile, sm=BOX)
        body = {"to_dashboard": destination, "tile": {"id": tile}}
        answer = since_may.json(method, f"dashboards/{source}/move_tile/", body)
        assert (answer["id"], answer["tiles"]) == (source, [])
        (moved,) = since_may.tiles(destination)
        assert (moved["id"], moved["layouts"], moved["color"]) == (tile, {"sm": BOX}, "blue")

    def test_in_april_only_patch(self, april: Any) -> None:
        source, destination = april.board(), april.board()
        body = {"toDashboard": destination, "tile": {"id": april.text(source)}}
        path = f"dashboards/{source}/move_tile/"
        april.check(
            april.post(path, body, who="session"), (405, "method_not_allowed", None, 'Method "POST" not allowed.')
        )
        assert april.json("PATCH", path, body, who="session")["tiles"] == []

    def test_a_deleted_twin_is_purged(self, since_may: Any) -> None:
        source, destination = since_may.board(), since_may.board()
        insight = since_may.insight(source, destination)
        tiles = {tile["dashboard_id"]: tile["id"] for tile in insight["dashboard_tiles"]}
        since_may.json("POST", f"dashboards/{destination}/delete_tile/", {"tile_id": tiles[destination]}, status=204)
        body = {"to_dashboard": destination, "tile": {"id": tiles[source]}}
        since_may.json("PATCH", f"dashboards/{source}/move_tile/", body)
        assert [tile["id"] for tile in since_may.tiles(destination)] == [tiles[source]]

    def test_a_refused_move_moves_nothing(self, since_may: Any) -> None:
        assert move_twin(since_may).status_code == 400
        assert [len(since_may.tiles(board)) for board in (1, 2)] == [1, 1]


class TestCopy:
    """3.11."""

    def test_insights_and_texts_are_linked(self, every: Any) -> None:
        source, destination = every.board(), every.board()
        every.place(source, text_id := every.text(source), sm=BOX)
        insight_id = every.insight_tile(source)
        for tile in (text_id, insight_id):
            answer = every.json(
                "POST", f"dashboards/{destination}/copy_tile/", {"fromDashboardId": source, "tileId": tile}
            )
            assert answer["id"] == destination

        def content(board: int) -> Any:
            return {(tile["text"] or tile["insight"])["id"] for tile in every.tiles(board)}

        assert content(source) == content(destination)
        copied = {tile["id"]: tile for tile in every.tiles(destination)}
        assert not {text_id, insight_id} & set(copied)
        assert {"sm": BOX} in [tile["layouts"] for tile in copied.values()]

    def test_a_deleted_twin_is_revived(self, every: Any) -> None:
        source, destination = every.board(), every.board()
        body = {"fromDashboardId": source, "tileId": every.text(source)}
        path = f"dashboards/{destination}/"
        (tile,) = every.json("POST", f"{path}copy_tile/", body)["tiles"]
        every.json("PATCH", path, {"tiles": [{"id": tile["id"], "deleted": True}]})
        (revived,) = every.json("POST", f"{path}copy_tile/", body)["tiles"]
        assert revived["id"] == tile["id"]

    def test_widgets_are_cloned_as_often_as_asked(self, since_may: Any) -> None:
        source, destination = since_may.board(), since_may.board()
        body = {"fromDashboardId": source, "tileId": since_may.widget(source, name="Errors")}
        for _ in range(2):
            tiles = since_may.json("POST", f"dashboards/{destination}/copy_tile/", body)["tiles"]
        assert [tile["widget"]["name"] for tile in tiles] == ["Errors (Copy)"] * 2
        assert len({tile["widget"]["id"] for tile in tiles}) == 2


def layouts(world: Any, board: int) -> dict[int, Any]:
    return {tile["id"]: tile["layouts"] for tile in world.tiles(board)}


def box(x: int, y: int, w: int, h: int) -> dict[str, int]:
    return {"x": x, "y": y, "w": w, "h": h}


class TestReorder:
    """3.12."""

    def board(self, world: Any, *sizes: Any) -> tuple[int, list[int]]:
        made = world.board()
        tiles = [world.text(made, str(index)) for index in range(len(sizes))]
        for index, (tile, size) in enumerate(zip(tiles, sizes, strict=True)):
            if size is not None:
                world.place(made, tile, sm={"x": 0, "y": 50 * index, "minW": 2, **dict(zip("wh", size, strict=True))})
        return made, tiles

    def test_the_worked_example(self, since_may: Any) -> None:
        board, tiles = self.board(since_may, (6, 3), (6, 5), (6, 2))
        since_may.json("POST", f"dashboards/{board}/reorder_tiles/", {"tile_order": tiles})
        found = [layouts(since_may, board)[tile] for tile in tiles]
        assert [(each["sm"]["x"], each["sm"]["y"]) for each in found] == [(0, 0), (6, 0), (0, 3)]
        assert [each["xs"]["y"] for each in found] == [0, 3, 8]
        assert all(set(each["sm"]) == {"x", "y", "w", "h"} for each in found), "other keys are dropped"

    @pytest.mark.parametrize(
        ("sizes", "expected"),
        [
            ([(20, 3), None, (12, 1)], [(0, 0, 12, 3), (0, 3, 6, 5), (0, 8, 12, 1)]),
            ([(3, 4), (9, 2), (9, 2), (12, 1)], [(0, 0, 3, 4), (3, 0, 9, 2), (3, 2, 9, 2), (0, 4, 12, 1)]),
            ([(4, 2), (4, 1), (4, 3), (4, 1)], [(0, 0, 4, 2), (4, 0, 4, 1), (8, 0, 4, 3), (4, 1, 4, 1)]),
        ],
        ids=["clamped", "beside", "lowest"],
    )
    def test_preserve(self, since_may: Any, sizes: Any, expected: Any) -> None:
        board, tiles = self.board(since_may, *sizes)
        body = {"tile_order": tiles, "layout": "preserve"}
        since_may.json("POST", f"dashboards/{board}/reorder_tiles/", body)
        found = layouts(since_may, board)
        assert [found[tile]["sm"] for tile in tiles] == [box(*each) for each in expected]
        tops = [sum(each[3] for each in expected[:index]) for index in range(len(expected))]
        assert [found[tile]["xs"] for tile in tiles] == [
            box(0, top, 1, each[3]) for top, each in zip(tops, expected, strict=True)
        ]

    def test_two_columns(self, since_may: Any) -> None:
        board, tiles = self.board(since_may, (3, 9), None, (12, 1))
        body = {"tile_order": tiles[::-1], "layout": "two_column"}
        since_may.json("POST", f"dashboards/{board}/reorder_tiles/", body)
        found = layouts(since_may, board)
        for index, tile in enumerate(tiles[::-1]):
            assert found[tile] == {
                "sm": box((index % 2) * 6, (index // 2) * 5, 6, 5),
                "xs": box(0, 5 * index, 1, 5),
            }

    def test_full_width(self, since_may: Any) -> None:
        board, tiles = self.board(since_may, (3, 9), None)
        since_may.json("POST", f"dashboards/{board}/reorder_tiles/", {"tile_order": tiles, "layout": "full_width"})
        found = layouts(since_may, board)
        for index, tile in enumerate(tiles):
            assert found[tile] == {"sm": box(0, 5 * index, 12, 5), "xs": box(0, 5 * index, 1, 5)}

    def test_april_always_makes_two_columns_with_wide_xs(self, april: Any) -> None:
        board, tiles = self.board(april, (3, 9), None, (12, 1))
        april.json("POST", f"dashboards/{board}/reorder_tiles/", {"tile_order": tiles, "layout": "full_width"})
        found = layouts(april, board)
        for index, tile in enumerate(tiles):
            assert found[tile]["sm"] == box((index % 2) * 6, (index // 2) * 5, 6, 5)
            assert (found[tile]["xs"]["x"], found[tile]["xs"]["y"], found[tile]["xs"]["w"]) == (0, 5 * index, 6)

    def test_unlisted_tiles_keep_their_layouts_and_refusals_write_nothing(self, every: Any) -> None:
        board, tiles = self.board(every, (6, 3), (6, 5))
        before = layouts(every, board)
        every.json("POST", f"dashboards/{board}/reorder_tiles/", {"tile_order": tiles[:1]})
        assert layouts(every, board)[tiles[1]] == before[tiles[1]]
        before = layouts(every, board)
        for order in ([tiles[1], tiles[1]], [tiles[1], NOWHERE]):
            assert every.post(f"dashboards/{board}/reorder_tiles/", {"tile_order": order}).status_code in {400, 404}
        assert layouts(every, board) == before


class TestTexts:
    """3.13."""

    def test_the_answer_is_the_tile(self, since_may: Any) -> None:
        board = since_may.board()
        body = {"body": "  ## Loads \n", "layouts": {"sm": {**BOX, "minW": 3}, "lg": BOX}, "color": "blue"}
        tile = since_may.json("POST", f"dashboards/{board}/create_text_tile/", body, status=201)
        assert (tile["text"]["body"], tile["order"], tile["color"]) == ("## Loads", None, "blue")
        assert tile["layouts"] == {"sm": BOX}

    def test_without_layouts_it_comes_last(self, since_may: Any) -> None:
        board = since_may.board()
        first = since_may.json("POST", f"dashboards/{board}/create_text_tile/", {"body": "x"}, status=201)
        assert first["layouts"] == {}
        second = since_may.json(
            "POST", f"dashboards/{board}/create_text_tile/", {"body": "x", "layouts": {"sm": BOX}}, status=201
        )
        assert first["id"] != second["id"]
        assert [tile["id"] for tile in since_may.tiles(board)] == [second["id"], first["id"]]

    def test_what_is_not_given_stays_and_layouts_are_replaced_whole(self, since_may: Any) -> None:
        board = since_may.board()
        made = since_may.text(board, "before", color="blue")
        since_may.place(board, made, sm=BOX, xs=BOX)
        path = f"dashboards/{board}/update_text_tile/"
        tile = since_may.json("POST", path, {"tile_id": made, "layouts": {"sm": {**BOX, "y": 3}}})
        assert (tile["text"]["body"], tile["color"], tile["order"]) == ("before", "blue", None)
        assert tile["layouts"] == {"sm": {**BOX, "y": 3}}
        tile = since_may.json("POST", path, {"tile_id": made, "body": "after"})
        assert (tile["text"]["body"], tile["layouts"]) == ("after", {"sm": {**BOX, "y": 3}})

    def test_an_update_is_stamped(self, may: Any) -> None:
        board = may.board()
        tile = may.text(board)
        may.sandbox.advance(60)
        first = may.tiles(board)[0]["text"]
        stamped = may.json("POST", f"dashboards/{board}/update_text_tile/", {"tile_id": tile})["text"]
        assert stamped["last_modified_at"] > first["last_modified_at"]
        assert stamped["last_modified_by"]["id"] == 7

    def test_the_newest_build_stamps_only_what_changed(self, cloud: Any) -> None:
        board = cloud.board()
        tile = cloud.text(board, "before")
        cloud.sandbox.advance(60)
        first = cloud.tiles(board)[0]["text"]
        path = f"dashboards/{board}/update_text_tile/"
        assert cloud.json("POST", path, {"tile_id": tile, "color": "blue"})["text"] == first
        changed = cloud.json("POST", path, {"tile_id": tile, "body": "after"})["text"]
        assert changed["last_modified_at"] > first["last_modified_at"]

    @pytest.mark.parametrize(("build", "source"), [("2026-05", "after"), ("cloud", "before")])
    def test_an_edited_copy_changes_its_source_but_in_the_newest_build(
        self, begin: Any, build: str, source: str
    ) -> None:
        world = begin(build)
        home, other = world.board(), world.board()
        tile = world.text(home, "before")
        (copy,) = world.json("POST", f"dashboards/{other}/copy_tile/", {"fromDashboardId": home, "tileId": tile})[
            "tiles"
        ]
        world.json("POST", f"dashboards/{other}/update_text_tile/", {"tile_id": copy["id"], "body": "after"})
        assert [world.tiles(board)[0]["text"]["body"] for board in (home, other)] == [source, "after"]


class TestRemove:
    """3.14."""

    def test_the_insight_survives(self, since_may: Any) -> None:
        board = since_may.board()
        insight = since_may.insight(board)
        body = {"tile_id": insight["dashboard_tiles"][0]["id"]}
        reply = since_may.post(f"dashboards/{board}/delete_tile/", body)
        assert (reply.status_code, reply.content) == (204, b"")
        assert since_may.tiles(board) == []
        assert since_may.get(f"insights/{insight['id']}/").status_code == 200

    def test_cloud_closes_the_gap_per_breakpoint(self, cloud: Any) -> None:
        board = cloud.board()
        top, left, right, below, bare = (cloud.text(board, name) for name in "abcde")
        cloud.place(board, top, sm=box(0, 0, 6, 4), xs=box(0, 0, 1, 2))
        cloud.place(board, left, sm=box(0, 4, 6, 2), xs=box(0, 2, 1, 2))
        cloud.place(board, right, sm=box(6, 3, 6, 3))
        cloud.place(board, below, sm=box(3, 9, 6, 1), xs=box(0, 9, 1, 1))
        cloud.json("POST", f"dashboards/{board}/delete_tile/", {"tile_id": top}, status=204)
        assert layouts(cloud, board) == {
            left: {"sm": box(0, 0, 6, 2), "xs": box(0, 0, 1, 2)},
            right: {"sm": box(6, 0, 6, 3)},
            below: {"sm": box(3, 3, 6, 1), "xs": box(0, 2, 1, 1)},
            bare: {},
        }
