"""What is wrong with a template is told with its place; placeholders are filled in."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from airflow_dashboards.refresh.placeholders import fill_placeholders
from airflow_dashboards.refresh.template import marker_of, prepared
from airflow_dashboards.refresh.template_schema import TemplateError, server_can_build, validated

TEMPLATE: dict[str, Any] = {
    "template_name": "Weekly KPIs",
    "dashboard_description": "",
    "dashboard_filters": {},
    "tiles": [
        {"type": "INSIGHT", "name": "Orders", "description": "", "query": {"kind": "InsightVizNode"}},
        {"type": "TEXT", "body": "## Loads"},
    ],
}


def changed(path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    template: Any = copy.deepcopy(TEMPLATE)
    place = template
    for step in path[:-1]:
        place = place[step]
    if value is DROP:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return template


DROP = object()


def test_layouts_and_colours_may_be_left_out() -> None:
    whole = validated(TEMPLATE)
    assert [tile["layouts"] for tile in whole["tiles"]] == [{}, {}]
    assert "layouts" not in TEMPLATE["tiles"][0]


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (("template_name",), DROP, "template_name: is required"),
        (("template_name",), " ", "template_name: must not be blank"),
        (("template_name",), "x" * 401, "template_name: must have at most 400 characters, has 401"),
        (("dashboard_description",), None, "dashboard_description: must be text, not NoneType"),
        (("dashboard_filters",), [], "dashboard_filters: must be an object, not list"),
        (("tiles",), [], "tiles: must have at least 1 item"),
        (("tiles",), {}, "tiles: must be a list, not dict"),
        (("tiles", 0), "x", "tiles[0]: must be an object, not str"),
        (("tiles", 0, "type"), DROP, "tiles[0].type: is required"),
        (("tiles", 0, "type"), "insight", "tiles[0].type: must be one of INSIGHT, TEXT, BUTTON, WIDGET, not 'insight'"),
        (("tiles", 0, "query"), DROP, "tiles[0].query: is required"),
        (("tiles", 0, "query"), {}, "tiles[0].query.kind: is required"),
        (("tiles", 0, "query", "kind"), 3, "tiles[0].query.kind: must be text, not int"),
        (("tiles", 0, "layouts"), None, "tiles[0].layouts: must be an object, not NoneType"),
        (("tiles", 0, "layouts"), {"sm": {"x": -1}}, "tiles[0].layouts.sm.x: must be 0 or more, not -1"),
        (("tiles", 0, "layouts"), {"sm": {"x": "0"}}, "tiles[0].layouts.sm.x: must be a whole number, not str"),
        (("tiles", 1, "body"), DROP, "tiles[1].body: is required"),
        (("tiles", 1, "body"), "  ", "tiles[1].body: must not be blank"),
        (("tiles", 1, "body"), "x" * 4001, "tiles[1].body: must have at most 4000 characters, has 4001"),
        (("tags",), ["a", 3], "tags[1]: must be text, not int"),
        (("variables",), [{"name": "x"}], "variables[0].id: is required"),
        (("tiles", 0), {"type": "BUTTON", "url": "javascript:x", "text": "go"}, "'javascript:x' is not in the right"),
        (("tiles", 0), {"type": "WIDGET"}, "tiles[0].widget_type: is required, tiles[0].config: is required"),
    ],
)
def test_a_flaw_is_told_with_its_place(path: tuple[Any, ...], value: Any, words: str) -> None:
    with pytest.raises(TemplateError) as told:
        validated(changed(path, value))
    assert words in str(told.value)
    assert len(str(told.value)) < 300


def test_many_flaws_are_counted() -> None:
    template = {**TEMPLATE, "tiles": [{"type": "TEXT", "body": ""}] * 8}
    with pytest.raises(TemplateError, match=r"tiles\[4\]\.body: must not be blank; and 3 more"):
        validated(template)


@pytest.mark.parametrize("template", [None, 3, "x", [], ["template_name"]])
def test_something_else_is_no_template(template: Any) -> None:
    with pytest.raises(TemplateError, match="template: must be an object"):
        validated(template)


def test_placeholders_stand_for_whole_values() -> None:
    template = validated(
        changed(
            ("tiles", 0, "query"), {"kind": "X", "series": ["{EVENT}"], "sql": "select {filters}", "n": ["{EVENT}!"]}
        )
        | {"variables": [{"id": "EVENT", "default": {"id": "$pageview"}, "required": True}]}
    )
    query = fill_placeholders(template, {"EVENT": {"id": "signup"}})["tiles"][0]["query"]
    assert query == {"kind": "X", "series": [{"id": "signup"}], "sql": "select {filters}", "n": ["{EVENT}!"]}
    assert fill_placeholders(template)["tiles"][0]["query"]["series"] == [{"id": "$pageview"}]
    assert template["tiles"][0]["query"]["series"] == ["{EVENT}"]


@pytest.mark.parametrize(
    ("variables", "values", "words"),
    [
        ([], {"EVENT": "x"}, "declares no variable EVENT; the variables it declares: none"),
        ([{"id": "EVENT", "required": True}], {}, "variable EVENT is required and has no default"),
        ([{"id": "EVENT"}], {}, "tiles[0].query.event: the variable EVENT has neither a value nor a default"),
        ([], {}, "tiles[0].query.event: the placeholder {EVENT} is not declared"),
    ],
)
def test_a_placeholder_without_a_value_is_told(variables: Any, values: Any, words: str) -> None:
    template = changed(("tiles", 0, "query", "event"), "{EVENT}") | {"variables": variables}
    with pytest.raises(TemplateError) as told:
        fill_placeholders(validated(template), values)
    assert words in str(told.value)


def test_a_flaw_that_a_placeholder_brings_in_is_told() -> None:
    template = changed(("tiles", 0, "query"), "{Q}") | {"variables": [{"id": "Q", "default": {}}]}
    with pytest.raises(TemplateError, match=r"tiles\[0\]\.query"):
        prepared(template)


def test_name_and_tags_are_taken_over() -> None:
    whole = prepared(TEMPLATE | {"tags": ["A"]}, name=" Mine ", tags=["b", " a"])
    assert (whole["template_name"], whole["tags"]) == ("Mine", ["a", "b"])


def test_the_marker_is_of_the_template_and_not_of_the_name() -> None:
    assert marker_of(TEMPLATE) == "template:weekly-kpis"
    assert marker_of({"template_name": "Продажи / 売上"}) == "template:продажи-売上"
    assert marker_of({"template_name": "!!"}) == "template:untitled"
    assert len(marker_of({"template_name": "x" * 400})) < 250


def test_only_what_posthog_reads_goes_to_its_action() -> None:
    assert server_can_build(validated(TEMPLATE))
    assert not server_can_build(validated(changed(("tiles", 0, "filters_overrides"), {"date_from": "-7d"})))
    button = {"type": "BUTTON", "url": "https://example.com", "text": "Docs"}
    assert not server_can_build(validated(changed(("tiles", 0), button)))
