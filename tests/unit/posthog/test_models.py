"""Models take whatever some build may legally answer."""

from __future__ import annotations

import contextlib
import pickle
from datetime import datetime, timezone
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from airflow_dashboards.posthog import (
    Dashboard,
    FlowClient,
    Insight,
    PostHogProtocolError,
    QueryStatus,
    Reply,
    RetryPolicy,
    Tile,
    run,
)


def test_unknown_fields_are_kept():
    dashboard = Dashboard.model_validate({"id": 1, "brand_new": {"x": 1}, "tiles": [{"id": 2, "novel": True}]})
    assert dashboard.model_extra == {"brand_new": {"x": 1}}
    assert dashboard.tiles[0].model_extra == {"novel": True}


def test_an_unreadable_insight_is_known_by_what_it_lacks():
    assert not Insight.model_validate({"id": 1, "short_id": "a", "user_access_level": "none"}).is_readable
    assert Insight.model_validate({"id": 1, "short_id": "a", "result": None}).is_readable


def test_nulls_where_lists_and_objects_are_expected():
    dashboard = Dashboard.model_validate({"id": 1, "tags": None, "tiles": None, "filters": None, "variables": None})
    assert (dashboard.tags, dashboard.tiles, dashboard.filters, dashboard.variables) == ([], [], {}, {})
    assert Tile.model_validate({"id": 1, "layouts": None, "insight": None}).layouts == {}


def test_a_tile_that_failed():
    assert Tile.model_validate({"id": 7, "error": {"type": "x", "message": "m"}}).error.message == "m"
    assert Tile.model_validate({"id": 7, "error": "m"}).error.message == "m"


def test_a_status_that_says_null_is_neither_complete_nor_failed():
    status = QueryStatus.model_validate({"id": "cache_1", "complete": None, "error": None})
    assert (status.complete, status.error) == (False, False)


def test_a_status_without_an_id():
    assert QueryStatus.model_validate({"error": True, "error_message": "crash"}).id == ""


@given(level=st.text(), mode=st.text(), result=st.recursive(st.none() | st.text(), st.lists, max_leaves=5))
def test_words_and_results_are_left_as_they_are(level, mode, result):
    body = {"id": 1, "user_access_level": level, "creation_mode": mode}
    dashboard = Dashboard.model_validate({**body, "tiles": [{"id": 1, "insight": {"id": 1, "result": result}}]})
    assert (dashboard.user_access_level, dashboard.creation_mode) == (level, mode)
    assert dashboard.tiles[0].insight.result == result


def test_the_servers_clock_and_its_request_id(world):
    headers = {"date": "Sat, 21 Nov 2026 20:15:30 GMT", "x-request-id": "r-1"}
    script = world.Script(world.reply(200, {"id": 42}, headers))
    dashboard = script.run(world.flows().dashboards.get(42))
    assert dashboard.server_time == datetime(2026, 11, 21, 20, 15, 30, tzinfo=timezone.utc)
    assert dashboard.request_id == "r-1"
    assert "server_time" not in dashboard.model_dump()
    assert pickle.loads(pickle.dumps(dashboard)) == dashboard


@pytest.mark.parametrize("date", ["", "yesterday", "Sat, 99 Nov 2026 20:15:30 GMT"])
def test_a_strange_clock_is_none(world, date):
    assert (
        world.Script(world.reply(200, {"id": 1}, {"date": date})).run(world.flows().dashboards.get(1)).server_time
        is None
    )


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"name": "x"}, "another shape than PostHog's: id: Field required"),
        ({"id": 1, "tiles": [{"id": "seven"}]}, r"tiles\.0\.id"),
        ([1], "the answer as a whole"),
        (b"<html><title>Sign in</title></html>", 'web page titled "Sign in"'),
        (b"", "an empty body"),
        (b'{"id": 42, "name": "KP', "22 bytes that are not whole JSON"),
    ],
)
def test_what_is_not_posthogs_is_named(world, body, said):
    script = world.Script(world.reply(200, body))
    with pytest.raises(PostHogProtocolError, match=said) as caught:
        script.run(world.flows(attempts=1).dashboards.get(42))
    assert "https://posthog.test/api/projects/7/dashboards/42/" in str(caught.value)


@given(
    body=st.binary(max_size=80) | st.sampled_from([b"[" * 100_000, b'{"a":' * 100_000, b"9" * 10_000, b'{"id": 1e400}'])
)
def test_any_answer_is_a_result_or_an_error_of_ours(body):
    def send(request):
        return Reply(200, {}, body, request)

    driver = SimpleNamespace(send=send, now=lambda: 0.0)
    with contextlib.suppress(PostHogProtocolError):
        run(FlowClient(7, RetryPolicy(attempts=1)).dashboards.get(42), driver)


def test_a_message_shows_no_data(world):
    script = world.Script(world.reply(200, {"id": "confidential revenue"}))
    with pytest.raises(PostHogProtocolError) as caught:
        script.run(world.flows().dashboards.get(42))
    assert "confidential" not in str(caught.value)


def test_insight_needs_an_id():
    with pytest.raises(ValidationError):
        Insight.model_validate({"short_id": "x"})
