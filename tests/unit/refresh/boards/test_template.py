"""From a template to a dashboard and back: both ways, every failing step, and running twice."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import jinja2
import pytest

from airflow_dashboards.posthog import PostHogArgumentError
from airflow_dashboards.refresh.effects import BoardStateError
from airflow_dashboards.refresh.template import (
    TemplateError,
    TemplateStepError,
    apply_template,
    export_template,
    file_of,
)

HOST = "https://posthog.example"
QUERY = {
    "kind": "InsightVizNode",
    "source": {"kind": "TrendsQuery", "series": [{"kind": "EventsNode", "event": "signup"}]},
}
TEMPLATE: dict[str, Any] = {
    "template_name": "Weekly KPIs",
    "dashboard_description": "What the week brought",
    "dashboard_filters": {"date_from": "-7d"},
    "tags": ["kpi"],
    "tiles": [
        {
            "type": "INSIGHT",
            "name": "Sign-ups",
            "description": "per day",
            "query": QUERY,
            "color": "blue",
            "layouts": {"sm": {"x": 0, "y": 0, "w": 6, "h": 5}},
        },
        {"type": "TEXT", "body": "## Loads\nfine", "color": None, "layouts": {"sm": {"x": 6, "y": 0, "w": 6, "h": 2}}},
        {"type": "INSIGHT", "name": "", "description": "", "query": {**QUERY, "full": True}},
    ],
}


def apply(world: Any, template: Any = TEMPLATE, **options: Any) -> Any:
    return world.run(lambda flows: apply_template(flows, template, host=HOST, **options))


def essence(board: dict[str, Any]) -> Any:
    """Return a dashboard without its ids."""
    tiles = []
    for tile in board["tiles"]:
        insight = tile.get("insight") or {}
        text = (tile.get("text") or {}).get("body")
        content = (insight.get("name"), insight.get("description"), insight.get("query"), text)
        tiles.append((content, tile["layouts"], tile["color"]))
    return board["name"], board["description"], board["filters"], board["tags"], tiles


def test_both_ways_make_the_same_dashboard(make_world: Any) -> None:
    with_session, with_key, april = make_world(session=True), make_world(), make_world(april=True)
    results = [apply(each) for each in (with_session, with_key, april)]
    first, second, third = (
        [essence(board) for board in each.live("Weekly KPIs")] for each in (with_session, with_key, april)
    )
    assert first == second == third
    assert len(first) == 1
    assert [result.via for result in results] == ["create_from_template_json", "single calls", "single calls"]
    for result in results:
        assert (result.created, result.updated) == (True, False)
        assert [(tile.type.value, tile.name) for tile in result.tiles] == [
            ("INSIGHT", "Sign-ups"),
            ("TEXT", "Loads"),
            ("INSIGHT", ""),
        ]
        assert result.url == f"{HOST}/project/1/dashboard/{result.dashboard_id}"


@pytest.mark.parametrize("session", [True, False])
def test_running_twice_makes_one(make_world: Any, session: bool) -> None:
    world = make_world(session=session)
    first = apply(world)
    written = len(world.writes)
    second = apply(world)
    assert second.dashboard_id == first.dashboard_id
    assert (second.created, second.updated, second.via) == (False, False, "nothing to write")
    assert [tile.id for tile in second.tiles] == [tile.id for tile in first.tiles]
    assert len(world.writes) == written


def test_a_dashboard_of_a_person_with_the_same_name_is_left_alone(world: Any) -> None:
    theirs = world.add_board("Weekly KPIs", ["kpi"])
    result = apply(world, if_exists="update", prune=True)
    assert result.created
    assert theirs == world.boards[theirs["id"]]
    assert len(world.live("Weekly KPIs")) == 2


def test_one_template_makes_several_dashboards_under_several_names(world: Any) -> None:
    ids = {apply(world, name=name).dashboard_id for name in ("EU", "US", "EU")}
    assert len(ids) == 2


def test_fail_says_where_it_is_and_create_makes_another(world: Any) -> None:
    first = apply(world)
    with pytest.raises(BoardStateError, match=f"Dashboard {first.dashboard_id} 'Weekly KPIs' is already there"):
        apply(world, if_exists="fail")
    second = apply(world, if_exists="create")
    assert second.dashboard_id != first.dashboard_id
    with pytest.raises(BoardStateError, match=f"Dashboards {first.dashboard_id}, {second.dashboard_id} all are"):
        apply(world, if_exists="update")


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"if_exists": "sometimes"}, PostHogArgumentError, "if_exists: must be one of skip, update, fail, create"),
        ({"prune": True}, PostHogArgumentError, "only goes with if_exists='update'"),
        ({"tags": [" "]}, PostHogArgumentError, "must not be blank"),
        ({"variables": {"X": 1}}, TemplateError, "declares no variable X"),
        ({"name": ""}, TemplateError, "template_name: must not be blank"),
    ],
)
def test_bad_arguments_are_refused_before_anything_is_sent(world: Any, options: Any, error: Any, words: str) -> None:
    with pytest.raises(error, match=words):
        apply(world, **options)
    assert world.log == []


# With a key the writes are: 1 the refused action, 2 the dashboard, 3 to 5 the tiles, 6 the places, 7 the tags.
STEPS = {2: "creating the dashboard", 3: "adding tile 1 of 3 ('Sign-ups')", 4: "adding tile 2 of 3 ('Loads')"}
STEPS |= {5: "adding tile 3 of 3", 6: "giving the tiles their places", 7: "giving the dashboard its tags"}


@pytest.mark.parametrize("how", [500, "reset", "lost"])
@pytest.mark.parametrize("write", sorted(STEPS))
def test_a_failing_step_leaves_nothing_and_says_which(world: Any, write: int, how: Any) -> None:
    # A connection that breaks on a repeatable write is tried again: make it break every time.
    world.faults = {write: how} if how == 500 or write < 6 else dict.fromkeys(range(write, write + 5), how)
    with pytest.raises(TemplateStepError) as told:
        apply(world)
    assert told.value.step == STEPS[write]
    assert told.value.left_behind == []
    assert "Nothing of the template is left" in str(told.value)
    assert world.live("Weekly KPIs") == []
    attached = {tile["insight"] for tile in world.tiles.values() if "insight" in tile}
    assert all(world.insights[each]["deleted"] for each in attached)
    world.faults = {}
    assert apply(world).created
    assert len(world.live("Weekly KPIs")) == 1


@pytest.mark.parametrize("how", [500, "reset", "lost"])
def test_a_failing_server_action_leaves_nothing(make_world: Any, how: Any) -> None:
    world = make_world(session=True)
    world.faults = {1: how}
    with pytest.raises(TemplateStepError, match="Creating the dashboard failed"):
        apply(world)
    assert world.live("Weekly KPIs") == []


def test_what_cannot_be_cleaned_up_is_named_and_removed_by_the_next_run(world: Any) -> None:
    world.faults = dict.fromkeys(range(4, 40), 500)
    with pytest.raises(TemplateStepError) as told:
        apply(world)
    (left,) = world.live("Weekly KPIs")
    assert told.value.left_behind == [f"dashboard {left['id']}"]
    assert f"Left behind: dashboard {left['id']}" in str(told.value)
    world.faults = {}
    result = apply(world)
    assert result.created
    assert [board["id"] for board in world.live("Weekly KPIs")] == [result.dashboard_id]


def test_a_tile_that_posthog_left_out_in_silence_is_noticed(world: Any) -> None:
    full = world.full

    def without_texts(board: dict[str, Any]) -> Any:
        answer = full(board)
        return {**answer, "tiles": [tile for tile in answer["tiles"] if "text" not in tile]}

    world.full = without_texts
    with pytest.raises(TemplateStepError, match="the dashboard has 2 tiles, and the template 3"):
        apply(world)
    assert world.live("Weekly KPIs") == []


def test_a_step_error_survives_the_way_between_processes(world: Any) -> None:
    world.faults = {3: 500}
    with pytest.raises(TemplateStepError) as told:
        apply(world)
    copied = pickle.loads(pickle.dumps(told.value))
    assert (str(copied), copied.step, copied.status, copied.retryable) == (
        str(told.value),
        told.value.step,
        500,
        told.value.retryable,
    )


def test_buttons_and_widgets_are_built_by_calls(make_world: Any) -> None:
    world = make_world(session=True)
    tiles = [
        {"type": "BUTTON", "url": "https://example.com/docs", "text": "Docs", "style": "primary"},
        {"type": "WIDGET", "widget_type": "error_tracking_list", "config": {"limit": 5}, "name": "Errors"},
    ]
    result = apply(world, {**TEMPLATE, "tiles": tiles})
    assert result.via == "single calls"
    assert [(tile.type.value, tile.name) for tile in result.tiles] == [("BUTTON", "Docs"), ("WIDGET", "Errors")]
    assert apply(world, {**TEMPLATE, "tiles": tiles}, if_exists="update").updated is False


# --- update


def test_update_brings_the_dashboard_to_the_template_and_keeps_what_people_added(world: Any) -> None:
    first = apply(world)
    board = world.boards[first.dashboard_id]
    by_hand = world.add_tile(board, text={"id": 900, "body": "by hand"})
    board["tags"].append("mine")
    template = copy.deepcopy(TEMPLATE)
    template["dashboard_description"] = "New words"
    template["tiles"][0]["query"] = {**QUERY, "version": 2}
    template["tiles"][1]["body"] = "## Loads\nlate"
    template["tiles"][1]["layouts"] = {"sm": {"x": 0, "y": 9, "w": 6, "h": 2}}
    template["tiles"].append({"type": "TEXT", "body": "# New"})
    result = apply(world, template, if_exists="update")
    assert (result.created, result.updated, result.via) == (False, True, "update")
    assert [tile.id for tile in result.tiles][:3] == [tile.id for tile in first.tiles]
    (shown,) = world.live("Weekly KPIs")
    assert shown["description"] == "New words"
    assert {"kpi", "mine", "template:weekly-kpis"} == set(shown["tags"])
    assert world.insights[result.tiles[0].insight_id]["query"]["version"] == 2
    assert by_hand["id"] in {tile["id"] for tile in shown["tiles"]}
    bodies = {tile["text"]["body"] for tile in shown["tiles"] if "text" in tile}
    assert bodies == {"## Loads\nlate", "# New", "by hand"}
    written = len(world.writes)
    again = apply(world, template, if_exists="update")
    assert (again.updated, again.via) == (False, "nothing to write")
    assert len(world.writes) == written


@pytest.mark.parametrize("april", [True, False])
def test_prune_removes_what_the_template_does_not_have(make_world: Any, april: bool) -> None:
    world = make_world(april=april)
    first = apply(world)
    world.add_tile(world.boards[first.dashboard_id], text={"id": 900, "body": "by hand"})
    world.boards[first.dashboard_id]["tags"].append("mine")
    result = apply(world, if_exists="update", prune=True)
    (shown,) = world.live("Weekly KPIs")
    assert result.updated
    assert len(shown["tiles"]) == 3
    assert set(shown["tags"]) == {"kpi", "template:weekly-kpis"}


def test_filters_that_cannot_be_cleared_are_told(world: Any) -> None:
    apply(world)
    result = apply(world, {**TEMPLATE, "dashboard_filters": {}}, if_exists="update")
    assert any("keeps its filters" in note for note in result.notes)


def test_a_failing_update_says_how_far_it_came(world: Any) -> None:
    first = apply(world)
    template = copy.deepcopy(TEMPLATE)
    template["tiles"][1]["body"] = "## Loads\nlate"
    world.faults = {len(world.writes) + 1: 500}
    with pytest.raises(TemplateStepError, match=r"Changing tile .*'Loads'.* running again does the rest") as told:
        apply(world, template, if_exists="update")
    assert told.value.left_behind == [f"dashboard {first.dashboard_id}"]
    world.faults = {}
    assert apply(world, template, if_exists="update").updated


# --- the way back


@pytest.mark.parametrize("session", [True, False])
def test_an_exported_dashboard_makes_the_same_dashboard(make_world: Any, session: bool) -> None:
    world, other = make_world(session=session), make_world(session=session)
    first = apply(world)
    exported = world.run(lambda flows: export_template(flows, first.dashboard_id))
    assert exported["dashboard_filters"] == TEMPLATE["dashboard_filters"]
    assert exported["tiles"][0]["query"] == QUERY
    assert exported["tags"] == ["kpi"]
    second = apply(other, exported)
    again = other.run(lambda flows: export_template(flows, second.dashboard_id))
    assert again == exported


def test_an_insight_that_cannot_be_read_is_no_silent_gap(world: Any) -> None:
    first = apply(world)
    full = world.full

    def hidden(board: dict[str, Any]) -> Any:
        answer = full(board)
        for tile in answer["tiles"]:
            if "insight" in tile:
                tile["insight"] = {"id": tile["insight"]["id"], "short_id": "x", "user_access_level": "none"}
        return answer

    world.full = hidden
    with pytest.raises(TemplateError, match="may not be read with this credential"):
        world.run(lambda flows: export_template(flows, first.dashboard_id))


def test_an_empty_dashboard_is_no_template(world: Any) -> None:
    home = world.add_board("a")
    with pytest.raises(TemplateError, match="tiles: must have at least 1 item"):
        world.run(lambda flows: export_template(flows, home["id"]))


@pytest.mark.parametrize("body", ["{{ sic }}", "{{{x}}}", "{% raw %}", "{# no #}", "\\{{ x", "{filters} {} ü"])
def test_what_looks_like_jinja_in_a_dashboard_survives_its_file(body: str) -> None:
    template = {"tiles": [{"body": body, "layouts": {}}]}
    assert json.loads(jinja2.Template(file_of(template)).render()) == template
