"""Dashboards and insights: contract 3.1 to 3.5, 3.22, 3.23, 4.1 to 4.5."""

from __future__ import annotations

import pytest


def keys(text):
    return set(text.split())


FULL = keys(
    "id name description pinned created_at created_by last_accessed_at last_viewed_at is_shared deleted creation_mode "
    "filters variables breakdown_colors data_color_theme_id tags restriction_level effective_restriction_level "
    "effective_privilege_level user_access_level access_control_version last_refresh persisted_filters "
    "persisted_variables team_id quick_filter_ids tiles"
)
NOT_LISTED = keys(
    "filters variables breakdown_colors data_color_theme_id persisted_filters persisted_variables "
    "quick_filter_ids tiles"
)
TILE = keys(
    "id layouts color filters_overrides show_description transparent_background insight text button_tile order "
    "last_refresh is_cached"
)
INSIGHT = keys(
    "id short_id name derived_name filters query order deleted dashboards dashboard_tiles last_refresh "
    "cache_target_age "
    "next_allowed_client_refresh result hasMore columns created_at created_by description updated_at tags favorited "
    "saved last_modified_at last_modified_by is_sample effective_restriction_level effective_privilege_level "
    "user_access_level timezone is_cached query_status hogql types resolved_date_range alerts last_viewed_at "
    "filters_hash"
)
USER = keys("id uuid distinct_id first_name last_name email is_email_verified hedgehog_config role_at_organization")


def refusal(reply, status=400):
    assert reply.status_code == status, reply.text
    body = reply.json()
    return body["code"], body["attr"], body["detail"]


@pytest.mark.parametrize("name", ["2026-04", "2026-05", "cloud"])
def test_shapes(sandbox, api, name):
    sandbox.settings(build=name)
    cloud = {"search_match_type"} if name == "cloud" else set()
    board = api.dashboard()
    assert set(board) == FULL
    assert set(board["created_by"]) == USER
    assert set(api.get("dashboards").json()["results"][0]) == FULL - NOT_LISTED | cloud
    api.insight(board["id"])
    tile = api.tiles(board["id"])[0]
    assert set(tile) == (TILE if name == "2026-04" else TILE | {"widget"})
    assert set(tile["insight"]) == INSIGHT | cloud


def test_a_new_dashboards_values(api):
    board = api.dashboard(name="Weekly KPIs")
    assert {key: board[key] for key in FULL - {"created_at", "created_by"}} == {
        "id": 1,
        "name": "Weekly KPIs",
        "description": "",
        "pinned": False,
        "last_accessed_at": None,
        "last_viewed_at": None,
        "is_shared": False,
        "deleted": False,
        "creation_mode": "default",
        "filters": {},
        "variables": {},
        "breakdown_colors": [],
        "data_color_theme_id": None,
        "tags": [],
        "restriction_level": 21,
        "effective_restriction_level": 21,
        "effective_privilege_level": 37,
        "user_access_level": "manager",
        "access_control_version": "v2",
        "last_refresh": None,
        "persisted_filters": None,
        "persisted_variables": None,
        "team_id": 1,
        "quick_filter_ids": [],
        "tiles": [],
    }
    assert board["created_at"].endswith("Z")


class TestList:
    def names(self, api, **params):
        return [item["name"] for item in api.get("dashboards", **params).json()["results"]]

    def test_pinned_first_then_by_name_and_never_deleted(self, api):
        for name, pinned in [("b", False), ("C", True), ("a", False), ("D", True)]:
            api.dashboard(name=name, pinned=pinned)
        gone = api.dashboard(name="gone")["id"]
        api.ok("PATCH", f"dashboards/{gone}", {"deleted": True})
        assert self.names(api) == ["C", "D", "a", "b"]
        assert self.names(api, pinned="true") == ["C", "D"]

    def test_pages(self, api):
        for number in range(5):
            api.dashboard(name=f"n{number}", tags=["t"])
        page = api.get("dashboards/", limit=2, tags="t").json()
        assert (page["count"], page["previous"]) == (5, None)
        seen = [item["name"] for item in page["results"]]
        while page["next"]:
            page = api.http.get(page["next"]).json()
            seen += [item["name"] for item in page["results"]]
        assert seen == [f"n{number}" for number in range(5)]
        assert "offset=2" in page["previous"]
        assert len(self.names(api, limit="x")) == 5

    def test_search(self, sandbox, api):
        api.dashboard(name="Orders", description="about shops")
        api.dashboard(name="Shop")
        api.dashboard(name="Other", tags=["shop"])
        assert self.names(api, search="shop") == ["Shop", "Orders", "Other"]
        kinds = [item["search_match_type"] for item in api.get("dashboards", search="shop").json()["results"]]
        assert kinds == ["name", "description", "tag"]
        sandbox.settings(build="2026-05")
        assert self.names(api, search="shop") == ["Shop", "Orders"]
        assert refusal(api.get("dashboards", search="x" * 201))[1] == "search"
        sandbox.settings(build="2026-04")
        assert len(self.names(api, search="shop")) == 3

    def test_filters(self, api, session):
        api.dashboard(name="a", tags=["x"])
        api.dashboard(name="b", tags=["y"])
        api.dashboard(name="Generated Dashboard: flag", _create_in_folder="Flags")
        session.ok("POST", "dashboards/create_unlisted_dashboard", {"tag": "llm-analytics"}, 201)
        assert self.names(api, tags=["x", "y"]) == ["a", "b"]
        assert self.names(api, exclude_generated="true") == ["a", "b"]
        assert self.names(api, creation_mode="unlisted", tags="llm-analytics") == ["LLM analytics"]
        assert self.names(api, folder="Flags") == ["Generated Dashboard: flag"]


class TestCreate:
    @pytest.mark.parametrize(
        ("body", "code", "attr"),
        [
            ({"name": "x" * 401}, "max_length", "name"),
            ({"description": None}, "null", "description"),
            ({"pinned": "perhaps"}, "invalid_input", "pinned"),
            ({"tags": "etl"}, "not_a_list", "tags"),
            ({"tags": [["x"]]}, "invalid_input", "tags__0"),
            ({"restriction_level": 30}, "invalid_choice", "restriction_level"),
            ({"quick_filter_ids": ["x"]}, "invalid_input", "quick_filter_ids__0"),
            ({"quick_filter_ids": ["01900000-0000-7000-8000-000000000001"]}, "invalid_input", "quick_filter_ids"),
            ({"filters": ["x"]}, "invalid_input", "filters"),
            ({"use_template": "a", "use_dashboard": 1}, "invalid_input", None),
            ({"use_dashboard": 99}, "invalid_input", "use_dashboard"),
            ({"use_template": "nothing"}, "invalid_input", "use_template"),
            ({"data_color_theme_id": 99}, "does_not_exist", "data_color_theme_id"),
            ([], "invalid_input", None),
            ({"name": "x" * 401, "description": None}, "max_length", "name"),
        ],
    )
    def test_what_is_refused(self, api, body, code, attr):
        assert refusal(api("POST", "dashboards", body))[:2] == (code, attr)
        assert api.get("dashboards").json()["count"] == 0

    def test_odd_but_accepted(self, api):
        assert api.dashboard(name=None)["name"] is None
        assert api.dashboard(filters={})["persisted_filters"] is None

    def test_the_limit_of_cloud(self, sandbox, api):
        sandbox.settings(dashboard_limit=1)
        api.dashboard()
        reply = api("POST", "dashboards", {})
        assert reply.status_code == 402
        assert reply.json()["type"] == "limit_exceeded"
        assert reply.json()["extra"] | {"request": 0} == {
            "limit_key": "dashboards",
            "limit": 1,
            "current": 1,
            "request": 0,
        }
        sandbox.settings(build="2026-05")
        api.dashboard()

    def test_from_a_template(self, api):
        board = api.dashboard(use_template="Product analytics", name="Mine")
        assert (board["name"], board["creation_mode"], len(board["tiles"])) == ("Mine", "template", 4)
        assert all(tile["insight"]["is_sample"] for tile in board["tiles"] if tile["insight"])

    @pytest.mark.parametrize("deep", [True, False])
    def test_a_duplicate_shares_its_insights_or_copies_them(self, api, deep):
        source = api.dashboard(filters={"date_from": "-7d"})["id"]
        insight = api.insight(source)["id"]
        copy = api.ok("POST", "dashboards", {"use_dashboard": source, "duplicate_tiles": deep}, 201)
        assert copy["creation_mode"] == "duplicate"
        assert (copy["tiles"][0]["insight"]["id"] == insight) is not deep
        assert copy["tiles"][0]["id"] != api.tiles(source)[0]["id"]


class TestUpdate:
    def test_plain_fields_and_tags(self, api):
        board = api.dashboard(tags=["old"])["id"]
        changed = api.ok("PATCH", f"dashboards/{board}", {"name": "n", "tags": [" ETL ", "etl", "Weekly"]})
        assert (changed["name"], sorted(changed["tags"])) == ("n", ["etl", "weekly"])
        assert api.ok("PATCH", f"dashboards/{board}", {"tags": None})["tags"] == changed["tags"]
        assert api.ok("PUT", f"dashboards/{board}", {"tags": []})["tags"] == []
        assert api.ok("PATCH", f"dashboards/{board}", {"creation_mode": "template"})["creation_mode"] == "default"

    def test_filters_replace_and_can_not_be_cleared(self, api):
        board = api.dashboard(filters={"date_from": "-7d"})["id"]
        changed = api.ok("PATCH", f"dashboards/{board}", {"filters": {"date_to": "-1d"}})
        assert changed["filters"] == changed["persisted_filters"] == {"date_to": "-1d"}
        for falsy in ({}, [], None, ""):
            assert api.ok("PATCH", f"dashboards/{board}", {"filters": falsy})["filters"] == {"date_to": "-1d"}
        code, _, detail = refusal(api("PATCH", f"dashboards/{board}", {"filters": [1]}))
        assert (code, detail) == ("invalid_input", "Filters must be a dictionary")

    def test_overrides_are_shown_but_not_kept(self, api):
        board = api.dashboard(filters={"date_from": "-7d"})["id"]
        seen = api.get(
            f"dashboards/{board}",
            filters_override='{"date_to": "-1d"}',
            variables_override='{"a": {"code_name": "a", "value": 1}, "b": {"value": 2}}',
        ).json()
        assert seen["filters"] == {"date_from": "-7d", "date_to": "-1d"}
        assert seen["persisted_filters"] == {"date_from": "-7d"}
        assert seen["variables"] == {"a": {"code_name": "a", "value": 1}}
        assert seen["persisted_variables"] is None
        for name in ("filters_override", "variables_override"):
            code, attr, detail = refusal(api.get(f"dashboards/{board}", **{name: "{"}))
            assert (code, attr) == ("invalid_input", name)
            assert detail.startswith("Invalid JSON passed in")
            assert api.get(f"dashboards/{board}", **{name: "[1]"}).status_code == 500

    def test_reading_writes_last_accessed_at_and_running_does_not(self, api):
        board = api.dashboard()["id"]
        api.get(f"dashboards/{board}/run_insights")
        assert api.get("dashboards").json()["results"][0]["last_accessed_at"] is None
        api.get(f"dashboards/{board}")
        assert api.get("dashboards").json()["results"][0]["last_accessed_at"] is not None

    def test_delete_and_restore(self, api):
        board, other = api.dashboard()["id"], api.dashboard()["id"]
        alone, shared = api.insight(board)["id"], api.insight(board, other)["id"]
        removed = api.tiles(board)[0]["id"]
        api.ok("POST", f"dashboards/{board}/delete_tile", {"tile_id": removed}, 204)
        gone = api.ok("PATCH", f"dashboards/{board}", {"deleted": True, "delete_insights": True})
        assert (gone["deleted"], gone["tiles"]) == (True, [])
        assert api.get(f"insights/{alone}").status_code == 404
        assert api.get(f"insights/{shared}").json()["dashboards"] == [other]
        for method, body in (("GET", None), ("PATCH", {"name": "x"}), ("PATCH", {"deleted": True})):
            assert api(method, f"dashboards/{board}", body).json()["detail"] == "Not found."
        back = api.ok("PATCH", f"dashboards/{board}", {"deleted": False})
        assert (back["deleted"], len(back["tiles"])) == (False, 2)
        assert api.get(f"insights/{alone}").status_code == 200

    def test_delete_is_never_allowed(self, api):
        for board in (api.dashboard()["id"], 999):
            reply = api("DELETE", f"dashboards/{board}")
            assert (reply.status_code, reply.content) == (405, b"")
            assert "content-type" not in reply.headers

    def test_restriction(self, api, login):
        board = api.dashboard()["id"]
        member = login("member@example.com")
        assert member("PATCH", f"dashboards/{board}", {"restriction_level": 37}).status_code == 403
        assert member.ok("PATCH", f"dashboards/{board}", {"name": "x"})["user_access_level"] == "editor"
        api.ok("PATCH", f"dashboards/{board}", {"restriction_level": 37})
        refused = member("PATCH", f"dashboards/{board}", {"name": "y"})
        assert refusal(refused, 403)[2] == "You don't have edit permissions for this dashboard."
        assert member.get(f"dashboards/{board}").json()["effective_privilege_level"] == 21

    def test_tiles_display_fields(self, sandbox, api):
        board = api.dashboard()["id"]
        api.insight(board)
        tile = api.tiles(board)[0]["id"]
        entry = {"id": tile, "color": "blue", "layouts": {"sm": {"x": 1, "y": 2, "w": 3, "h": 4}}}
        changed = api.ok("PATCH", f"dashboards/{board}", {"tiles": [entry, {"id": 999, "color": "red"}]})["tiles"]
        assert [(item["id"], item["color"], item["layouts"]["sm"]["w"]) for item in changed] == [(tile, "blue", 3)]
        assert api.ok("PATCH", f"dashboards/{board}", {"tiles": [{"id": tile, "deleted": True}]})["tiles"] == []
        sandbox.settings(build="2026-04")
        assert api("PATCH", f"dashboards/{board}", {"tiles": [{"id": 999, "color": "red"}]}).status_code == 500

    def test_tiles_content(self, api):
        board, other = api.dashboard()["id"], api.dashboard()["id"]
        button = {"url": "https://example.com", "text": "Open", "placement": "right", "style": "secondary"}
        made = api.ok("PATCH", f"dashboards/{board}", {"tiles": [{"text": {"body": "hi"}}, {"button_tile": button}]})
        text, pressed = made["tiles"]
        assert text["text"]["body"] == "hi"
        assert {key: pressed["button_tile"][key] for key in button} == button
        edit = {"tiles": [{"id": text["id"], "text": {"id": text["text"]["id"], "body": "new"}}]}
        assert api.ok("PATCH", f"dashboards/{board}", edit)["tiles"][0]["text"]["body"] == "new"
        assert refusal(api("PATCH", f"dashboards/{other}", edit))[:2] == ("invalid_input", "text")
        long = {"tiles": [{"text": {"body": "x" * 4001}}]}
        assert refusal(api("PATCH", f"dashboards/{board}", long))[:2] == ("max_length", "text__body")


def test_tiles_come_in_layout_order_and_unplaced_ones_last(api):
    board = api.dashboard()["id"]
    ids = [api.insight(board)["dashboard_tiles"][0]["id"] for _ in range(4)]
    places = [None, {"x": 6, "y": 0}, {"x": 0, "y": 5}, {"x": 0, "y": 0}]
    entries = [{"id": tile, "layouts": {"sm": place}} for tile, place in zip(ids, places, strict=True) if place]
    api.ok("PATCH", f"dashboards/{board}", {"tiles": entries})
    assert [(tile["id"], tile["order"]) for tile in api.tiles(board)] == [
        (ids[3], 0),
        (ids[1], 1),
        (ids[2], 2),
        (ids[0], 3),
    ]


class TestInsights:
    def test_create_and_find_by_either_id(self, api):
        board = api.dashboard()["id"]
        insight = api.insight(board, name=None, tags=["A"])
        assert insight["dashboards"] == [board]
        assert set(insight["dashboard_tiles"][0]) == {"id", "dashboard_id", "deleted"}
        assert insight["derived_name"]
        assert insight["tags"] == ["a"]
        for key in (insight["id"], insight["short_id"]):
            assert api.get(f"insights/{key}").json()["id"] == insight["id"]
        assert api.get("insights/nosuchid").status_code == 404

    def test_dashboards_are_replaced_as_a_whole(self, api):
        first, second = api.dashboard()["id"], api.dashboard()["id"]
        insight = api.insight(first)["id"]
        tile = api.tiles(first)[0]["id"]
        assert api.ok("PATCH", f"insights/{insight}", {"dashboards": [second]})["dashboards"] == [second]
        assert api.tiles(first) == []
        assert api.ok("PATCH", f"insights/{insight}", {"dashboards": [first, second]})["dashboards"] == [first, second]
        assert api.tiles(first)[0]["id"] == tile

    @pytest.mark.parametrize(
        ("body", "code", "attr"),
        [
            ({"dashboards": [99]}, "does_not_exist", "dashboards"),
            ({"dashboards": ["x"]}, "invalid_input", "dashboards__0"),
            ({"query": "select 1"}, "not_a_dict", "query"),
            ({"name": "x" * 401}, "max_length", "name"),
        ],
    )
    def test_what_is_refused(self, api, body, code, attr):
        assert refusal(api("POST", "insights", body))[:2] == (code, attr)

    def test_a_restricted_dashboard_takes_no_tiles_of_others(self, api, login):
        board = api.dashboard(restriction_level=37)["id"]
        reply = login("member@example.com")("POST", "insights", {"dashboards": [board]})
        assert reply.status_code == 403

    def test_a_deleted_insights_tiles_are_dropped(self, api):
        board = api.dashboard()["id"]
        insight = api.insight(board)["id"]
        api.ok("PATCH", f"insights/{insight}", {"deleted": True})
        assert api.tiles(board) == []
        assert api.get("insights").json()["count"] == 0
        assert api("DELETE", f"insights/{insight}").status_code == 405


class TestThemes:
    def test_all_of_it(self, api):
        assert [theme["is_global"] for theme in api.get("data_color_themes").json()] == [True]
        theme = api.ok("POST", "data_color_themes", {"name": "Corporate"}, 201)
        assert theme["colors"] == []
        assert set(theme) == {"id", "name", "colors", "is_global", "created_at", "created_by"}
        path = f"data_color_themes/{theme['id']}"
        assert api.ok("PATCH", path, {"colors": ["#fff"]})["colors"] == ["#fff"]
        assert api.get(path).json()["name"] == "Corporate"
        board = api.dashboard(data_color_theme_id=theme["id"])["id"]
        assert api.get("data_color_themes", limit=0).json()[-1]["id"] == theme["id"]
        assert api("DELETE", path).status_code == 204
        assert api.get(f"dashboards/{board}").json()["data_color_theme_id"] is None
        assert api.get(path).status_code == 404

    def test_refusals(self, sandbox, api, caller):
        assert refusal(api("POST", "data_color_themes", {}))[:2] == ("required", "name")
        assert refusal(api("POST", "data_color_themes", {"name": "x" * 101}))[:2] == ("max_length", "name")
        theme = api.ok("POST", "data_color_themes", {"name": "x"}, 201)["id"]
        assert refusal(api("PUT", f"data_color_themes/{theme}", {}))[:2] == ("required", "name")
        assert caller(project="2").get(f"data_color_themes/{theme}").status_code == 404
        sandbox.settings(paid_features=False)
        for method in ("PATCH", "DELETE"):
            reply = api(method, f"data_color_themes/{theme}", {} if method == "PATCH" else None)
            assert refusal(reply, 403)[2] == "This feature is only available on paid plans."
        api.ok("POST", "data_color_themes", {"name": "y"}, 201)


def test_annotations(api):
    board = api.dashboard(name="B")["id"]
    body = {"content": "load", "date_marker": "2026-06-01T00:00:00Z", "scope": "dashboard", "dashboard_id": board}
    made = api.ok("POST", "annotations", body, 201)
    assert {key: made[key] for key in body} == body
    assert made["dashboard_name"] == "B"
    assert api.get("annotations").json()["results"] == [made]
    assert refusal(api("POST", "annotations", {"scope": "x"}))[:2] == ("invalid_choice", "scope")
    assert refusal(api("POST", "annotations", {"date_marker": "x"}))[:2] == ("invalid_input", "date_marker")
