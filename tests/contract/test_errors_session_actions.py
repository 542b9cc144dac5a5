"""Contract 3.19 to 3.21, sentence by sentence: tags in bulk, templates, the unlisted dashboard."""

from __future__ import annotations

import re
from typing import Any

import pytest

NOWHERE = 987_654_321
REQUIRED = "This field is required."
NOT_FOUND = (404, "not_found", None, "Not found.")
TREND = {
    "kind": "InsightVizNode",
    "source": {"kind": "TrendsQuery", "series": [{"kind": "EventsNode", "event": "signup"}]},
}
BOX = {"sm": {"x": 0, "y": 0, "w": 6, "h": 5}}
INSIGHT = {"type": "INSIGHT", "name": "Sign-ups", "description": "", "query": TREND, "color": "blue", "layouts": BOX}
TEXT = {"type": "TEXT", "body": "## Loads", "color": None, "layouts": {}}
TEMPLATE: dict[str, Any] = {
    "template_name": "KPIs",
    "dashboard_description": "of the week",
    "dashboard_filters": {"date_from": "-14d"},
    "tiles": [INSIGHT, TEXT],
    "tags": ["etl"],
}


def bulk(**changes: Any) -> Any:
    def ask(world: Any) -> Any:
        body = {"ids": [world.board()], "action": "add", "tags": ["etl"], **changes}
        return world.post(
            "dashboards/bulk_update_tags/", {key: value for key, value in body.items() if value is not ...}, "session"
        )

    return ask


def template(**changes: Any) -> Any:
    made = {key: value for key, value in {**TEMPLATE, **changes}.items() if value is not ...}
    return lambda w: w.post("dashboards/create_from_template_json/", {"template": made}, "session")


def tile(base: dict[str, Any] = INSIGHT, **changes: Any) -> Any:
    made = {key: value for key, value in {**base, **changes}.items() if value is not ...}
    return template(tiles=[made])


def unlisted(body: Any) -> Any:
    return lambda w: w.post("dashboards/create_unlisted_dashboard/", body, "session")


def form(world: Any) -> Any:
    return world.call("POST", "dashboards/create_from_template_json/", who="session", data={"template": "{}"})


TAG_REQUIRED = {"error": "tag is required"}
TAKEN = {"error": "Unlisted dashboard with tag 'llm-analytics' already exists"}


def unlisted_twice(world: Any) -> Any:
    assert unlisted({"tag": "llm-analytics"})(world).status_code == 201
    return unlisted({"tag": "llm-analytics"})(world)


def unlisted_again(world: Any) -> Any:
    """A deleted one is no live one."""
    first = unlisted({"tag": "llm-analytics"})(world).json()["id"]
    world.delete_board(first)
    return unlisted({"tag": "llm-analytics"})(world)


def schema(words: str | None = None) -> Any:
    return 400, "invalid_input", None, re.compile(re.escape(words)) if words else None


SENTENCES: list[tuple[str, str, Any, Any]] = [
    # 3.19
    ("bulk", "ABC", bulk(), (200, lambda b: set(b) == {"updated", "skipped"})),
    ("bulk-all-skipped", "ABC", bulk(ids=[NOWHERE]), (200, lambda b: b["updated"] == [] and len(b["skipped"]) == 1)),
    ("bulk-twice-skipped", "ABC", bulk(ids=[NOWHERE, NOWHERE]),
     (200, lambda b: [entry["id"] for entry in b["skipped"]] == [NOWHERE, NOWHERE])),
    ("bulk-no-ids", "ABC", bulk(ids=...), (400, "required", "ids", REQUIRED)),
    ("bulk-empty-ids", "ABC", bulk(ids=[]), (400, "empty", "ids", None)),
    ("bulk-500", "ABC", bulk(ids=[*range(1000, 1500)]), 200),
    ("bulk-501", "ABC", bulk(ids=[*range(1000, 1501)]),
     (400, "max_length", "ids", "Ensure this field has no more than 500 elements.")),
    ("bulk-word-ids", "ABC", bulk(ids="x"), (400, "not_a_list", "ids", None)),
    ("bulk-word-id", "ABC", bulk(ids=["x"]), (400, "invalid_input", "ids__0", None)),
    ("bulk-third-id", "ABC", bulk(ids=[1, 2, "x"]), (400, "invalid_input", "ids__2", None)),
    ("bulk-no-action", "ABC", bulk(action=...), (400, "required", "action", REQUIRED)),
    ("bulk-bad-action", "ABC", bulk(action="append"), (400, "invalid_choice", "action", None)),
    ("bulk-no-tags", "ABC", bulk(tags=...), (400, "required", "tags", REQUIRED)),
    ("bulk-add-nothing", "ABC", bulk(tags=[]), (400, "invalid_input", "tags", None)),
    ("bulk-remove-nothing", "ABC", bulk(action="remove", tags=[]), (400, "invalid_input", "tags", None)),
    ("bulk-set-nothing", "ABC", bulk(action="set", tags=[]), 200),
    ("bulk-blank-tag", "ABC", bulk(tags=[""]), (400, "blank", "tags__0", None)),
    ("bulk-blank-second", "ABC", bulk(tags=["a", ""]), (400, "blank", "tags__1", None)),
    ("bulk-word-tags", "ABC", bulk(tags="x"), (400, "not_a_list", "tags", None)),
    ("bulk-100-tags", "ABC", bulk(tags=[f"t{n}" for n in range(100)]), 200),
    ("bulk-101-tags", "C", bulk(tags=[f"t{n}" for n in range(101)]), (400, ..., re.compile("^tags"), None)),
    ("bulk-101-tags-before", "AB", bulk(tags=[f"t{n}" for n in range(101)]), 200),
    ("bulk-tag-of-255", "ABC", bulk(tags=["x" * 255]), 200),
    ("bulk-tag-of-256", "C", bulk(tags=["x" * 256]), (400, "max_length", "tags__0", None)),
    ("bulk-10000-pairs", "C", bulk(ids=[*range(1000, 1500)], tags=[f"t{n}" for n in range(20)]), 200),
    ("bulk-10500-pairs", "C", bulk(ids=[*range(1000, 1500)], tags=[f"t{n}" for n in range(21)]), (400, ..., ..., None)),
    # 3.20
    ("template", "ABC", template(), 200),
    ("template-as-form", "ABC", form, (415, "unsupported_media_type", None, None)),
    *[
        (f"template-without-{key}", "ABC", template(**{key: ...}), schema(f"'{key}' is a required property"))
        for key in ("template_name", "dashboard_description", "dashboard_filters", "tiles")
    ],
    ("template-no-tiles", "ABC", template(tiles=[]), schema()),
    ("template-word-tile", "ABC", template(tiles=["x"]), schema()),
    ("template-name-number", "ABC", template(template_name=7), schema()),
    ("template-filters-list", "ABC", template(dashboard_filters=[]), schema()),
    ("template-tags-numbers", "ABC", template(tags=[7]), schema()),
    ("template-variables-word", "ABC", template(variables="x"), schema()),
    ("template-variables-null", "ABC", template(variables=None), 200),
    ("template-other-keys", "ABC", template(something="else", is_featured=True, image_url="x"), 200),
    ("template-missing", "ABC", lambda w: w.post("dashboards/create_from_template_json/", {}, "session"), 500),
    ("template-tile-no-type", "ABC", tile(type=...), 500),
    ("template-tile-null-layouts", "ABC", tile(layouts=None), 500),
    ("template-docs-fields-ignored", "ABC",
     lambda w: w.post("dashboards/create_from_template_json/",
                      {"template": TEMPLATE, "name": 7, "pinned": "x", "creation_context": "onboarding"}, "session"),
     (200, lambda b: b["name"] == "KPIs" and b["pinned"] is False)),
    # 3.21
    ("unlisted", "ABC", unlisted({"tag": "llm-analytics"}), 201),
    ("unlisted-nothing", "ABC", unlisted({}), (400, TAG_REQUIRED)),
    ("unlisted-empty", "ABC", unlisted({"tag": ""}), (400, TAG_REQUIRED)),
    ("unlisted-unknown", "ABC", unlisted({"tag": "x"}), (400, {"error": "Unknown template tag: x"})),
    ("unlisted-twice", "ABC", unlisted_twice, (409, TAKEN)),
    ("unlisted-after-deletion", "ABC", unlisted_again, 201),
]  # fmt: skip


def test_sentence(begin: Any, build: str, sentence: Any) -> None:
    _, _, ask, expected = sentence
    world = begin(build)
    reply = ask(world)
    if isinstance(expected, tuple) and len(expected) == 4 and isinstance(expected[2], re.Pattern):
        assert expected[2].search(reply.json()["attr"] or ""), reply.text
        expected = (*expected[:2], ..., expected[3])
    world.check(reply, expected)


class TestBulkTags:
    """3.19."""

    def send(self, world: Any, ids: list[int], action: str, tags: list[str], who: str = "session") -> Any:
        body = {"ids": ids, "action": action, "tags": tags}
        return world.json("POST", "dashboards/bulk_update_tags/", body, who=who)

    @pytest.mark.parametrize(
        ("action", "tags", "after"),
        [
            ("add", [" ETL ", "etl", "New"], ["etl", "new", "old"]),
            ("remove", ["OLD", "unknown"], ["etl"]),
            ("set", ["z", "A "], ["a", "z"]),
            ("set", [], []),
        ],
    )
    def test_actions(self, every: Any, action: str, tags: list[str], after: list[str]) -> None:
        board = every.board(tags=["old", "etl"])
        for _ in range(2):
            assert self.send(every, [board], action, tags) == {"updated": [{"id": board, "tags": after}], "skipped": []}
            assert sorted(every.dashboard(board)["tags"]) == after

    def test_reasons(self, every: Any) -> None:
        mine, locked, gone = every.board(), every.board(restriction_level=37), every.board()
        every.delete_board(gone)
        other = every.json("POST", "/api/projects/2/dashboards/", {"name": "x"}, status=201)["id"]
        answer = self.send(every, [mine, locked, gone, other, NOWHERE], "add", ["x"], who="member")
        missing, denied = "Not found", "Permission denied"
        if every.build == "cloud":
            missing = denied = "Not found or no edit access"
        assert [entry["id"] for entry in answer["updated"]] == [mine]
        assert {entry["id"]: entry["reason"] for entry in answer["skipped"]} == {
            locked: denied,
            gone: missing,
            other: missing,
            NOWHERE: missing,
        }
        assert every.dashboard(locked)["tags"] == []


class TestTemplate:
    """3.20."""

    def test_the_result(self, every: Any) -> None:
        made = template()(every).json()
        assert (made["name"], made["description"]) == ("KPIs", "of the week")
        assert (made["filters"], made["tags"], made["creation_mode"]) == ({"date_from": "-14d"}, ["etl"], "default")
        insight, text = made["tiles"]
        assert (insight["insight"]["name"], insight["layouts"], insight["color"]) == ("Sign-ups", BOX, "blue")
        assert (insight["insight"]["is_sample"], insight["insight"]["saved"]) == (True, True)
        assert insight["insight"]["result"] is None
        assert (text["text"]["body"], text["text"]["created_by"]) == ("## Loads", None)

    def test_an_unknown_type_is_skipped(self, every: Any) -> None:
        made = template(tiles=[{**TEXT, "type": "CLOCK"}, TEXT])(every).json()
        assert len(made["tiles"]) == 1

    def test_placeholders_are_left(self, every: Any) -> None:
        variable = {"id": "v", "name": "X", "type": "event", "default": {}, "description": "", "required": False}
        query = {**TREND, "source": {**TREND["source"], "series": ["{X}"]}}
        made = template(tiles=[{**INSIGHT, "query": query}, TEXT], variables=[variable])(every)
        assert made.status_code == 200
        assert [bool(tile["insight"]) for tile in made.json()["tiles"]] == [True, False]

    def test_not_idempotent(self, every: Any) -> None:
        assert template()(every).json()["id"] != template()(every).json()["id"]

    @pytest.mark.parametrize("broken", [{**INSIGHT, "layouts": None}, {"body": "x", "layouts": {}}], ids=str)
    def test_a_failure_leaves_nothing(self, every: Any, broken: Any) -> None:
        assert template(tiles=[INSIGHT, broken])(every).status_code == 500
        assert every.json("GET", "dashboards/")["count"] == 0


class TestUnlisted:
    """3.21."""

    def test_what_it_is_and_where_it_is_found(self, every: Any) -> None:
        made = unlisted({"tag": "llm-analytics", "name": "ignored"})(every).json()
        assert (made["creation_mode"], made["tags"]) == ("unlisted", ["llm-analytics"])
        assert made["filters"]["__template_version"] == 1
        assert made["name"] != "ignored"
        assert every.dashboard(made["id"])["id"] == made["id"]
        assert every.json("GET", "dashboards/")["results"] == []
        params = {"creation_mode": "unlisted", "tags": "llm-analytics"}
        (found,) = every.json("GET", "dashboards/", params=params)["results"]
        assert found["id"] == made["id"]

    def test_each_project_has_its_own(self, every: Any) -> None:
        for project in (1, 2):
            path = f"/api/projects/{project}/dashboards/create_unlisted_dashboard/"
            every.json("POST", path, {"tag": "llm-analytics"}, status=201, who="session")
