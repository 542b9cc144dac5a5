"""Tags of many dashboards: the plan, both ways of carrying it out, and what goes wrong on the way."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_dashboards.posthog import MissingScopeError, PostHogArgumentError
from airflow_dashboards.refresh import tags as tags_module
from airflow_dashboards.refresh.tags import TagResult, normalised_tags, plan_tags, undo_tags, update_tags

TAG = st.text(min_size=1, max_size=20).filter(str.strip)


def test_tags_are_kept_as_posthog_keeps_them() -> None:
    assert normalised_tags([" Weekly", "ETL", "etl "]) == ["etl", "weekly"]


@given(st.lists(TAG, max_size=20))
def test_normalising_twice_changes_nothing(tags: list[str]) -> None:
    once = normalised_tags(tags)
    assert normalised_tags(once) == once
    assert len(set(once)) == len(once)


@given(st.dictionaries(st.integers(1, 50), st.lists(TAG, max_size=5)), st.lists(TAG, min_size=1, max_size=5))
def test_removing_what_was_added_leaves_no_added_tag(current: dict[int, list[str]], tags: list[str]) -> None:
    has = {each: normalised_tags(values) for each, values in current.items()}
    added = plan_tags(has, "add", tags)
    assert {change.id for change in added.changes} | set(added.already_so) == set(has)
    after = has | {change.id: change.after for change in added.changes}
    assert plan_tags(after, "add", tags).changes == []
    assert all(
        not set(normalised_tags(tags)) & set(change.after) for change in plan_tags(after, "remove", tags).changes
    )


@pytest.mark.parametrize(
    ("action", "tags", "after"),
    [("add", ["B"], ["a", "b"]), ("remove", ["a"], []), ("set", [" C "], ["c"]), ("set", [], [])],
)
def test_plan(action: str, tags: list[str], after: list[str]) -> None:
    (change,) = plan_tags({1: ["a"]}, action, tags).changes
    assert (change.before, change.after) == (["a"], after)


@pytest.mark.parametrize(
    ("action", "tags", "words"),
    [
        ("ad", ["a"], "action: must be one of add, remove, set, not 'ad'"),
        ("add", [], "nothing to add"),
        ("remove", [], "nothing to remove"),
        ("add", ["  "], "must not be blank"),
        ("add", "etl", "must be a list"),
        ("add", [7], "every tag must be text, not int"),
        ("add", ["x" * 256], "at most 255 characters"),
        ("add", [f"t{n}" for n in range(101)], "at most 100 tags"),
    ],
)
def test_bad_arguments_are_refused_before_anything_is_sent(world: Any, action: str, tags: Any, words: str) -> None:
    with pytest.raises(PostHogArgumentError, match=words):
        world.run(lambda flows: update_tags(flows, [1], action, tags))
    assert world.log == []


@pytest.mark.parametrize("session", [True, False])
def test_both_ways_end_in_the_same_tags_and_the_same_report(make_world: Any, session: bool) -> None:
    world = make_world(session=session)
    ids = [world.add_board(name, tags)["id"] for name, tags in [("a", ["x"]), ("b", ["etl"]), ("c", []), ("d", [])]]
    world.read_only.add(ids[3])
    world.add_board("hidden", ["x"], creation_mode="unlisted")
    result = world.run(lambda flows: update_tags(flows, [*ids, 5, 99, ids[0]], "add", [" ETL"]))
    assert [world.boards[each]["tags"] for each in [*ids, 5]] == [["etl", "x"], ["etl"], ["etl"], [], ["etl", "x"]]
    assert result.via == ("bulk_update_tags" if session else "dashboard updates")
    assert [change.id for change in result.changed] == [1, 3, 5]
    assert result.already_so == [2]
    assert {each.id: each.reason for each in result.skipped} == {99: "Not found", 4: "Permission denied"}
    assert result.failed == []


@pytest.mark.parametrize("session", [True, False])
def test_nothing_is_written_that_is_already_so(make_world: Any, session: bool) -> None:
    world = make_world(session=session)
    world.add_board("a", ["etl"])
    result = world.run(lambda flows: update_tags(flows, [1], "set", ["etl"]))
    assert (result.already_so, result.changed, world.writes) == ([1], [], [])


def test_a_dry_run_plans_and_writes_nothing(world: Any) -> None:
    world.add_board("a", ["x"])
    result = world.run(lambda flows: update_tags(flows, [1], "set", ["etl"], dry_run=True))
    assert result.via == "dry run"
    assert [(change.before, change.after) for change in result.changed] == [(["x"], ["etl"])]
    assert world.writes == []


def test_one_failing_dashboard_does_not_lose_the_others(world: Any) -> None:
    for name in "abc":
        world.add_board(name)
    world.faults = {2 + 1: 500}  # the first write is the refused bulk action, the third the second dashboard's
    result = world.run(lambda flows: update_tags(flows, [1, 2, 3], "add", ["etl"]))
    assert [change.id for change in result.changed] == [1, 3]
    assert [each.id for each in result.failed] == [2]
    assert "A server error occurred." in result.failed[0].reason


def test_a_write_whose_answer_was_lost_counts_when_it_is_read_back(make_world: Any) -> None:
    world = make_world(session=True)
    world.add_board("a")
    world.faults = dict.fromkeys(range(1, 9), "lost")
    result = world.run(lambda flows: update_tags(flows, [1], "add", ["etl"]))
    assert [change.id for change in result.changed] == [1]
    assert result.failed == []


def test_tags_that_somebody_else_changed_meanwhile_are_told(world: Any) -> None:
    world.add_board("a")
    patch = world.patch

    def and_somebody_else(board: dict[str, Any], body: Any) -> Any:
        patch(board, body)
        return patch(board, {"tags": ["theirs"]})

    world.patch = and_somebody_else
    result = world.run(lambda flows: update_tags(flows, [1], "add", ["etl"]))
    assert "somebody else" in result.failed[0].reason


def test_a_credential_that_may_write_nothing_is_one_error_and_not_a_list(world: Any, refused: Any) -> None:
    world.add_board("a")
    world.add_board("b")

    def refuse(board: Any, body: Any) -> Any:
        raise refused(403, "API key missing required scope 'dashboard:write'", "permission_denied")

    world.patch = refuse
    with pytest.raises(MissingScopeError, match="dashboard:write"):
        world.run(lambda flows: update_tags(flows, [1, 2], "add", ["etl"]))


def test_more_than_one_call_holds_are_sent_in_slices(make_world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tags_module, "SLICE", 3)
    world = make_world(session=True)
    ids = [world.add_board(str(n))["id"] for n in range(7)]
    result = world.run(lambda flows: update_tags(flows, ids, "add", ["etl"]))
    assert [len(body["ids"]) for _, _, body in world.writes] == [3, 3, 1]
    assert len(result.changed) == 7


def test_many_tags_make_smaller_slices(make_world: Any) -> None:
    world = make_world(session=True)
    ids = [world.add_board(str(n))["id"] for n in range(150)]
    world.run(lambda flows: update_tags(flows, ids, "add", [f"t{n}" for n in range(100)]))
    assert [len(body["ids"]) for _, _, body in world.writes] == [100, 50]


def test_the_earlier_tags_can_be_put_back(world: Any) -> None:
    world.add_board("a", ["x", "y"])
    world.add_board("b", ["z"])
    result = world.run(lambda flows: update_tags(flows, [1, 2], "set", ["z"]))
    told = TagResult.model_validate(result.model_dump(mode="json"))
    undone = world.run(lambda flows: undo_tags(flows, told))
    assert [change.id for change in undone.changed] == [1]
    assert [world.boards[each]["tags"] for each in (1, 2)] == [["x", "y"], ["z"]]
