"""Move, copy, reorder, delete; text tiles; layouts: contract 3.10 to 3.14."""

from __future__ import annotations

import pytest

from airflow_dashboards.sandbox import layout


def refusal(reply, status=400):
    assert reply.status_code == status, reply.text
    body = reply.json()
    return body["code"], body["attr"]


def detail(reply, status):
    assert reply.status_code == status, reply.text
    return reply.json()["detail"]


@pytest.fixture
def boards(api):
    return api.dashboard(name="a")["id"], api.dashboard(name="b")["id"]


def text_tile(api, board, body="note", **more):
    return api.ok("POST", f"dashboards/{board}/create_text_tile", {"body": body, **more}, 201)


def button(api, board):
    tiles = [{"button_tile": {"url": "https://example.com", "text": "Open"}}]
    return api.ok("PATCH", f"dashboards/{board}", {"tiles": tiles})["tiles"][-1]["id"]


def widget(api, board):
    body = {"widgets": [{"widget_type": "error_tracking_list", "config": {}, "name": "Errors"}]}
    return api.ok("POST", f"dashboards/{board}/widgets/batch", body, 201)["tiles"][0]["id"]


class TestMove:
    @pytest.mark.parametrize("method", ["PATCH", "POST"])
    def test_it_keeps_its_id_and_looks(self, api, boards, method):
        source, target = boards
        api.insight(source)
        tile = api.tiles(source)[0]["id"]
        api.ok("PATCH", f"dashboards/{source}", {"tiles": [{"id": tile, "color": "blue"}]})
        body = {"to_dashboard": target, "tile": {"id": tile, "extra": 1}}
        left = api.ok(method, f"dashboards/{source}/move_tile", body)
        assert (left["id"], left["tiles"]) == (source, [])
        assert [(item["id"], item["color"]) for item in api.tiles(target)] == [(tile, "blue")]

    def test_to_the_same_dashboard_is_nothing(self, api, boards):
        tile = text_tile(api, boards[0])["id"]
        body = {"to_dashboard": boards[0], "tile": {"id": tile}}
        assert len(api.ok("POST", f"dashboards/{boards[0]}/move_tile", body)["tiles"]) == 1

    @pytest.mark.parametrize(
        ("body", "attr"),
        [
            ({}, "to_dashboard"),
            ({"to_dashboard": 2}, "tile"),
            ({"to_dashboard": 2, "tile": {}}, "tile__id"),
            ({"toDashboard": 2, "tile": {"id": 1}}, "to_dashboard"),
        ],
    )
    def test_what_is_missing(self, api, boards, body, attr):
        assert refusal(api("POST", f"dashboards/{boards[0]}/move_tile", body)) == ("required", attr)

    def test_refusals(self, sandbox, api, caller, login, boards):
        source, target = boards
        api.insight(source, target)
        tile = api.tiles(source)[0]["id"]
        elsewhere = caller(project="2").dashboard()["id"]

        def move(to, moved=tile, who=api):
            return who("POST", f"dashboards/{source}/move_tile", {"to_dashboard": to, "tile": {"id": moved}})

        for reply in (move(999), move(elsewhere), move(target, 999), move(target, api.tiles(target)[0]["id"])):
            assert detail(reply, 404) == "Not found."
        assert detail(move(target), 400) == "Invalid request data for moving tile."
        closed = api.dashboard(restriction_level=37)["id"]
        refused = move(closed, who=login("member@example.com"))
        assert detail(refused, 403) == "You don't have edit permissions for the destination dashboard."
        moved = widget(api, source)
        sandbox.settings(widgets_enabled=False)
        assert move(target, moved).status_code == 400

    def test_a_deleted_twin_is_purged(self, api, boards):
        source, target = boards
        api.insight(source, target)
        tile, twin = api.tiles(source)[0]["id"], api.tiles(target)[0]["id"]
        api.ok("POST", f"dashboards/{target}/delete_tile", {"tile_id": twin}, 204)
        api.ok("POST", f"dashboards/{source}/move_tile", {"to_dashboard": target, "tile": {"id": tile}})
        api.ok("PATCH", f"dashboards/{target}", {"deleted": True})
        restored = api.ok("PATCH", f"dashboards/{target}", {"deleted": False})
        assert [item["id"] for item in restored["tiles"]] == [tile]

    def test_build_april(self, sandbox, api, session, boards):
        source, target = boards
        tile = text_tile(api, source)["id"]
        sandbox.settings(build="2026-04")
        path = f"dashboards/{source}/move_tile"
        assert session("POST", path, {}).status_code == 405
        for body in ({}, {"to_dashboard": target, "tile": {"id": tile}}, {"toDashboard": target, "tile": {}}):
            assert session("PATCH", path, body).status_code == 500
        assert session.ok("PATCH", path, {"toDashboard": target, "tile": {"id": tile}})["tiles"] == []


class TestCopy:
    def copy(self, api, boards, tile):
        return api("POST", f"dashboards/{boards[1]}/copy_tile", {"fromDashboardId": boards[0], "tileId": tile})

    def test_insights_and_texts_are_shared(self, api, boards, build):
        build("2026-05")
        insight = api.insight(boards[0])["id"]
        note = text_tile(api, boards[0], layouts={"sm": {"x": 1, "y": 2, "w": 3, "h": 4}})
        for tile in api.tiles(boards[0]):
            assert self.copy(api, boards, tile["id"]).status_code == 200
        text, chart = api.tiles(boards[1])
        assert chart["insight"]["id"] == insight
        assert (text["text"]["id"], text["layouts"]) == (note["text"]["id"], note["layouts"])
        assert len(text["text"]["dashboard_tiles"]) == 2
        api.ok("POST", f"dashboards/{boards[1]}/update_text_tile", {"tile_id": text["id"], "body": "both"})
        assert [tile["text"]["body"] for tile in api.tiles(boards[0]) if tile["text"]] == ["both"]
        for tile in api.tiles(boards[0]):
            what = "insight" if tile["insight"] else "text card"
            again = self.copy(api, boards, tile["id"])
            assert detail(again, 400) == f"This {what} is already on the destination dashboard."

    def test_the_newest_build_gives_an_edited_copy_a_text_of_its_own(self, api, boards):
        note = text_tile(api, boards[0])
        (copy,) = self.copy(api, boards, note["id"]).json()["tiles"]
        assert copy["text"]["id"] == note["text"]["id"]
        edited = api.ok("POST", f"dashboards/{boards[1]}/update_text_tile", {"tile_id": copy["id"], "body": "mine"})
        assert edited["text"]["id"] != note["text"]["id"]
        assert [len(text["dashboard_tiles"]) for text in (edited["text"], api.tiles(boards[0])[0]["text"])] == [1, 1]
        assert [api.tiles(board)[0]["text"]["body"] for board in boards] == ["note", "mine"]

    def test_a_deleted_twin_is_revived(self, api, boards):
        tile = text_tile(api, boards[0])["id"]
        first = self.copy(api, boards, tile).json()["tiles"][0]["id"]
        api.ok("POST", f"dashboards/{boards[1]}/delete_tile", {"tile_id": first}, 204)
        assert [item["id"] for item in self.copy(api, boards, tile).json()["tiles"]] == [first]

    def test_widgets_are_cloned(self, api, boards):
        tile = widget(api, boards[0])
        for _ in range(2):
            tiles = self.copy(api, boards, tile).json()["tiles"]
        assert [item["widget"]["name"] for item in tiles] == ["Errors (Copy)"] * 2
        assert tiles[0]["widget"]["id"] != tiles[1]["widget"]["id"]

    @pytest.mark.parametrize(
        ("name", "kinds"), [("2026-04", "insight and text"), ("2026-05", "insight, text, and widget")]
    )
    def test_buttons_can_not_be_copied(self, sandbox, api, boards, name, kinds):
        tile = button(api, boards[0])
        sandbox.settings(build=name)
        assert detail(self.copy(api, boards, tile), 400).startswith(f"Only {kinds} tiles")

    def test_refusals(self, sandbox, api, boards):
        path = f"dashboards/{boards[1]}/copy_tile"
        assert refusal(api("POST", path, {})) == ("required", "fromDashboardId")
        assert refusal(api("POST", path, {"fromDashboardId": 1})) == ("required", "tileId")
        same = api("POST", path, {"fromDashboardId": boards[1], "tileId": 1})
        assert detail(same, 400).startswith("Destination must be a different dashboard")
        assert api("POST", path, {"fromDashboardId": 999, "tileId": 1}).status_code == 404
        assert self.copy(api, boards, 999).status_code == 404
        insight = api.insight(boards[0])["id"]
        sandbox.set_access("none", insight=insight)
        assert self.copy(api, boards, api.tiles(boards[0])[0]["id"]).status_code == 403


class TestReorder:
    @pytest.fixture
    def placed(self, api):
        board = api.dashboard()["id"]
        sizes = [(6, 3), (6, 5), (6, 2)]
        tiles = [text_tile(api, board, layouts={"sm": {"w": w, "h": h, "minW": 1}})["id"] for w, h in sizes]
        return board, tiles

    def test_preserve(self, api, placed):
        board, order = placed
        tiles = api.ok("POST", f"dashboards/{board}/reorder_tiles", {"tile_order": order})["tiles"]
        boxes = {tile["id"]: tile["layouts"] for tile in tiles}
        assert [(boxes[tile]["sm"]["x"], boxes[tile]["sm"]["y"]) for tile in order] == [(0, 0), (6, 0), (0, 3)]
        assert [boxes[tile]["xs"] for tile in order] == [
            {"x": 0, "y": y, "w": 1, "h": h} for y, h in [(0, 3), (3, 5), (8, 2)]
        ]

    @pytest.mark.parametrize(
        ("name", "body", "sm", "xs"),
        [
            ("cloud", {"layout": "two_column"}, [(0, 0, 6, 5), (6, 0, 6, 5), (0, 5, 6, 5)], 1),
            ("2026-05", {"layout": "full_width"}, [(0, 0, 12, 5), (0, 5, 12, 5), (0, 10, 12, 5)], 1),
            ("2026-04", {"layout": "full_width"}, [(0, 0, 6, 5), (6, 0, 6, 5), (0, 5, 6, 5)], 6),
        ],
    )
    def test_other_layouts(self, sandbox, api, placed, name, body, sm, xs):
        board, order = placed
        sandbox.settings(build=name)
        tiles = api.ok("POST", f"dashboards/{board}/reorder_tiles", {"tile_order": order[::-1], **body})["tiles"]
        boxes = {tile["id"]: tile["layouts"] for tile in tiles}
        assert [tuple(boxes[tile]["sm"][key] for key in "xywh") for tile in order[::-1]] == sm
        assert [boxes[tile]["xs"] for tile in order[::-1]] == [
            {"x": 0, "y": 5 * index, "w": xs, "h": 5} for index in range(3)
        ]

    def test_a_subset_leaves_the_others(self, api, placed):
        board, order = placed
        tiles = api.ok("POST", f"dashboards/{board}/reorder_tiles", {"tile_order": order[:1]})["tiles"]
        assert {tile["id"]: "xs" in tile["layouts"] for tile in tiles} == {
            order[0]: True,
            order[1]: False,
            order[2]: False,
        }

    @pytest.mark.parametrize(
        ("body", "expected"),
        [
            ({}, ("required", "tile_order")),
            ({"tile_order": []}, ("min_length", "tile_order")),
            ({"tile_order": "1"}, ("not_a_list", "tile_order")),
            ({"tile_order": ["a"]}, ("invalid_input", "tile_order__0")),
            ({"tile_order": [1], "layout": "wide"}, ("invalid_choice", "layout")),
            ({"tile_order": [1], "layout": None}, ("null", "layout")),
        ],
    )
    def test_validation(self, api, placed, body, expected):
        assert refusal(api("POST", f"dashboards/{placed[0]}/reorder_tiles", body)) == expected

    def test_bare_bodies(self, api, placed):
        board, order = placed
        path = f"dashboards/{board}/reorder_tiles"
        twice = api("POST", path, {"tile_order": [order[0], order[0]]})
        assert (twice.status_code, twice.json()) == (400, {"detail": "tile_order must contain unique tile IDs"})
        unknown = api("POST", path, {"tile_order": [order[0], 99, 98]})
        assert (unknown.status_code, unknown.json()) == (
            404,
            {"detail": "Tile IDs not found on this dashboard: [98, 99]"},
        )


class TestText:
    def test_create(self, api, boards):
        made = text_tile(
            api, boards[0], "  hi  ", layouts={"sm": {"x": 0, "y": 1, "w": 2, "h": 3, "minW": 1}, "lg": {}}, color="red"
        )
        assert made["text"]["body"] == "hi"
        assert made["layouts"] == {"sm": {"x": 0, "y": 1, "w": 2, "h": 3}}
        assert (made["color"], made["order"], made["insight"], made["is_cached"]) == ("red", None, None, False)
        assert set(made["text"]) == {
            *("id", "body", "created_by", "last_modified_by", "last_modified_at", "team", "dashboard_tiles")
        }
        assert made["text"]["dashboard_tiles"] == [{"id": made["id"], "dashboard_id": boards[0], "deleted": None}]
        assert text_tile(api, boards[0])["layouts"] == {}

    @pytest.mark.parametrize(
        ("body", "expected"),
        [
            ({}, ("required", "body")),
            ({"body": "  "}, ("blank", "body")),
            ({"body": None}, ("null", "body")),
            ({"body": "x" * 4001}, ("max_length", "body")),
            ({"body": "x", "color": "x" * 401}, ("max_length", "color")),
            ({"body": "x", "layouts": [1]}, ("invalid_input", "layouts__non_field_errors")),
            ({"body": "x", "layouts": {"sm": {"x": "left"}}}, ("invalid_input", "layouts__sm__x")),
        ],
    )
    def test_validation(self, api, boards, body, expected):
        assert refusal(api("POST", f"dashboards/{boards[0]}/create_text_tile", body)) == expected
        if "body" in body:
            update = {"tile_id": text_tile(api, boards[0])["id"], **body}
            assert refusal(api("POST", f"dashboards/{boards[0]}/update_text_tile", update)) == expected

    def test_the_text_of_a_long_body(self, api, boards):
        reply = api("POST", f"dashboards/{boards[0]}/create_text_tile", {"body": "x" * 4001})
        assert detail(reply, 400) == "Text body cannot exceed 4000 characters"

    def test_the_newest_build_stamps_a_text_that_changed(self, sandbox, api, boards):
        tile = text_tile(api, boards[0])
        sandbox.advance(60)
        path = f"dashboards/{boards[0]}/update_text_tile"
        for same in ({}, {"body": "note"}, {"color": "red"}):
            assert api.ok("POST", path, {"tile_id": tile["id"], **same})["text"] == tile["text"]
        changed = api.ok("POST", path, {"tile_id": tile["id"], "body": "other"})["text"]
        assert changed["last_modified_at"] > tile["text"]["last_modified_at"]

    def test_update(self, sandbox, api, boards, build):
        build("2026-05")
        tile = text_tile(api, boards[0], layouts={"sm": {"x": 1}, "xs": {"x": 1}}, color="red")
        path = f"dashboards/{boards[0]}/update_text_tile"
        sandbox.advance(60)
        stamped = api.ok("POST", path, {"tile_id": tile["id"]})
        assert (stamped["text"]["body"], stamped["color"], stamped["order"]) == ("note", "red", None)
        assert stamped["text"]["last_modified_at"] > tile["text"]["last_modified_at"]
        assert stamped["text"]["last_modified_by"]["id"] == 7
        changed = api.ok("POST", path, {"tile_id": tile["id"], "layouts": {"sm": {"x": 2}}, "color": None})
        assert (changed["layouts"], changed["color"]) == ({"sm": {"x": 2}}, None)
        assert refusal(api("POST", path, {})) == ("required", "tile_id")
        chart = api.insight(boards[0])["dashboard_tiles"][0]["id"]
        assert detail(api("POST", path, {"tile_id": chart, "body": "x"}), 400) == "Tile is not a text tile."
        other = text_tile(api, boards[1])["id"]
        for unknown in (999, other):
            assert detail(api("POST", path, {"tile_id": unknown, "body": "x"}), 404) == "Not found."


class TestDelete:
    def test_it_is_soft_and_counts_once(self, api, boards):
        tile = text_tile(api, boards[0])["id"]
        path = f"dashboards/{boards[0]}/delete_tile"
        gone = api("POST", path, {"tile_id": tile})
        assert (gone.status_code, gone.content) == (204, b"")
        assert api.tiles(boards[0]) == []
        assert api("POST", path, {"tile_id": tile}).status_code == 404
        assert refusal(api("POST", path, {})) == ("required", "tile_id")

    @pytest.mark.parametrize(("name", "rows"), [("2026-05", [3, 5]), ("cloud", [0, 2])])
    def test_the_gap_closes_in_cloud(self, sandbox, api, boards, name, rows):
        sandbox.settings(build=name)
        boxes = [{"x": 0, "y": 0, "w": 12, "h": 3}, {"x": 0, "y": 3, "w": 6, "h": 2}, {"x": 0, "y": 5, "w": 6, "h": 2}]
        tiles = [text_tile(api, boards[0], layouts={"sm": box})["id"] for box in boxes]
        bare = text_tile(api, boards[0])["id"]
        api.ok("POST", f"dashboards/{boards[0]}/delete_tile", {"tile_id": tiles[0]}, 204)
        left = {tile["id"]: tile["layouts"] for tile in api.tiles(boards[0])}
        assert [left[tile]["sm"]["y"] for tile in tiles[1:]] == rows
        assert left[bare] == {}


def test_boxes_beside_each_other_do_not_hold_each_other_up():
    placed = layout.close_gaps(
        [{"sm": {"x": 0, "y": 4, "w": 6, "h": 2}}, {"sm": {"x": 6, "y": 9, "w": 6, "h": 2}, "xs": {"x": 0, "y": 3}}]
    )
    assert [box["sm"]["y"] for box in placed] == [0, 0]
    assert placed[1]["xs"] == {"x": 0, "y": 0, "w": 1, "h": 1}


def test_sizes_out_of_bounds_are_clamped_when_packed():
    boxes = [{"sm": {"w": 99, "h": 0}}, {"sm": {"w": 0}}, {}, None]
    assert [(box["sm"]["w"], box["sm"]["h"]) for box in layout.preserve(boxes)] == [(12, 1), (1, 5), (6, 5), (6, 5)]
