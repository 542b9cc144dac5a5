"""What works where, as data; and what a connection learns."""

from __future__ import annotations

import json
import pickle

import pytest

from airflow_dashboards.posthog import (
    ACTIONS,
    Build,
    Capabilities,
    CredentialKind,
    EndpointNotFoundError,
    FlowClient,
    KeyNotAccepted,
    RetryPolicy,
)

KEY, SESSION = CredentialKind.PERSONAL_API_KEY, CredentialKind.SESSION
A, B, C = Build.APRIL_2026, Build.MAY_2026, Build.CLOUD


@pytest.mark.parametrize(
    ("action", "kind", "builds"),
    [
        ("get", KEY, {A, B, C}),
        ("run_insights", KEY, {A, B, C}),
        ("snapshot", KEY, set()),
        ("snapshot", SESSION, {A, B}),
        ("analyze_refresh_result", SESSION, {A, B}),
        ("generate_metadata", KEY, {A}),
        ("stream_tiles", KEY, set()),
        ("stream_tiles", SESSION, {A, B, C}),
        ("move_tile", KEY, {B, C}),
        ("move_tile", SESSION, {A, B, C}),
        ("create_text_tile", KEY, {B, C}),
        ("delete_tile", SESSION, {B, C}),
        ("bulk_update_tags", KEY, set()),
        ("create_from_template_json", CredentialKind.OAUTH, set()),
        ("create_unlisted_dashboard", SESSION, {A, B, C}),
        ("run_widgets", KEY, {B, C}),
    ],
)
def test_the_table_of_the_contract(action, kind, builds):
    assert {build for build in Build if ACTIONS[action].on(build, kind)} == builds


def test_six_actions_refuse_every_key_on_every_build_and_all_but_one_have_an_equivalent():
    refusing = {name for name, action in ACTIONS.items() if not any(action.on(build, KEY) for build in Build)}
    assert refusing == {
        "snapshot",
        "analyze_refresh_result",
        "stream_tiles",
        "bulk_update_tags",
        "create_from_template_json",
        "create_unlisted_dashboard",
    }
    assert {name for name in refusing if ACTIONS[name].equivalent is None} == {"create_unlisted_dashboard"}


def test_what_is_learnt():
    learnt = Capabilities()
    assert learnt.allows("snapshot", KEY) is None
    learnt.note_key_refused("snapshot")
    assert learnt.allows("snapshot", KEY) is False
    assert learnt.allows("snapshot", "oauth") is False
    assert learnt.allows("snapshot", SESSION) is None
    learnt.note_available("snapshot", SESSION)
    assert (learnt.allows("snapshot", SESSION), learnt.allows("snapshot", KEY)) == (True, False)
    learnt.note_missing("snapshot")
    assert learnt.allows("snapshot", SESSION) is False
    learnt.note_available("snapshot", KEY)
    assert learnt.allows("snapshot", KEY) is True


def test_it_travels_as_json_and_as_pickle():
    learnt = Capabilities()
    learnt.note_key_refused("stream_tiles")
    learnt.note_missing("snapshot")
    learnt.note_available("get", KEY)
    assert Capabilities(**json.loads(json.dumps(learnt.as_json()))) == learnt
    assert pickle.loads(pickle.dumps(learnt)) == learnt


def test_calls_teach_it(world):
    flows = FlowClient(7, RetryPolicy(attempts=1))
    no_keys = {"type": "authentication_error", "detail": "This action does not support personal API key access"}
    script = world.Script(
        world.reply(200, {"id": 42}),
        world.reply(403, no_keys),
        world.reply(404, {"detail": "Endpoint not found."}),
        world.reply(404, {"detail": "Not found."}),
    )
    script.run(flows.dashboards.get(42))
    with pytest.raises(KeyNotAccepted):
        script.run(flows.dashboards.bulk_update_tags([42], action="add", tags=["etl"]))
    with pytest.raises(EndpointNotFoundError):
        script.run(flows.dashboards.snapshot(42))
    with pytest.raises(Exception, match="Not found"):
        script.run(flows.dashboards.delete_tile(42, tile_id=9))
    allowed = {
        name: flows.capabilities.allows(name, KEY) for name in ("get", "bulk_update_tags", "snapshot", "delete_tile")
    }
    assert allowed == {"get": True, "bulk_update_tags": False, "snapshot": False, "delete_tile": None}
