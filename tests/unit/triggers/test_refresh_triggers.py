"""Triggers: JSON arguments, exactly one event whatever happens, nothing kicked, passing faults tolerated."""

from __future__ import annotations

import asyncio
import json
import time
from functools import partial
from typing import Any

import pytest

from airflow_dashboards.posthog import AsyncClient, Client, PersonalAPIKey
from airflow_dashboards.refresh.clock import fresh_since
from airflow_dashboards.refresh.cycle import kick, watch
from airflow_dashboards.refresh.plan import Kick, PollState, RefreshOptions, Watch
from airflow_dashboards.sandbox import Sandbox
from airflow_dashboards.triggers.refresh import PostHogFreshnessTrigger, PostHogRefreshTrigger

pytestmark = pytest.mark.posthog_sandbox(build="cloud", demo=True)


@pytest.fixture
def posthog(posthog_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    monkeypatch.setenv("AIRFLOW_CONN_POSTHOG_DEFAULT", posthog_sandbox.conn_uri())
    monkeypatch.setattr("airflow_dashboards.hooks.shared._by_identity", {})
    return posthog_sandbox


def kicked(sandbox: Sandbox, dashboard: int = 1) -> Kick:
    with Client(sandbox.url, 1, PersonalAPIKey(sandbox.personal_api_key)) as client:
        done = client.run(kick(client.flows, dashboard, RefreshOptions(host=sandbox.url)))
    assert isinstance(done, Kick)
    return done


def events(trigger: Any) -> list[dict[str, Any]]:
    async def collect() -> list[dict[str, Any]]:
        return [event.payload async for event in trigger.run()]

    return asyncio.run(asyncio.wait_for(collect(), 60))


def again(trigger: Any) -> Any:
    """Return the trigger as another triggerer makes it anew from what the database holds."""
    path, arguments = trigger.serialize()
    assert path == f"{type(trigger).__module__}.{type(trigger).__name__}"
    return type(trigger)(**json.loads(json.dumps(arguments)))


def refresh_trigger(sandbox: Sandbox, **more: Any) -> PostHogRefreshTrigger:
    planned = watch([kicked(sandbox)])
    return PostHogRefreshTrigger("posthog_default", dashboards=[1], watch=planned.to_json(), **more)


def test_a_refresh_ends_in_one_event_that_names_what_is_done(posthog: Sandbox) -> None:
    trigger = again(refresh_trigger(posthog))
    posthog.clear_log()

    (event,) = events(trigger)

    assert event["dashboards"] == [1]
    assert PollState.from_json(event["state"]).done == [1]
    # It only looked: nothing but query status, and neither a kick nor a result.
    assert {entry["path"].split("/")[4] for entry in posthog.log()} == {"query"}


def test_a_second_run_of_the_same_trigger_kicks_nothing(posthog: Sandbox) -> None:
    trigger = refresh_trigger(posthog)
    posthog.clear_log()
    events(trigger)
    events(again(trigger))
    assert not [entry for entry in posthog.log() if "/dashboards/" in entry["path"]]


def test_arguments_of_a_later_version_are_taken_silently(posthog: Sandbox) -> None:
    _, arguments = refresh_trigger(posthog).serialize()
    (event,) = events(PostHogRefreshTrigger(**arguments, invented_later=True))
    assert event["state"]["done"] == [1]


def test_passing_faults_are_tolerated(posthog: Sandbox) -> None:
    trigger = refresh_trigger(posthog)
    posthog.fault({"status": 503}, match={"path_regex": "/query/"}, times=3)
    (event,) = events(trigger)
    assert event["state"]["done"] == [1]


def test_what_does_not_pass_is_one_event_with_the_servers_words(posthog: Sandbox) -> None:
    trigger = refresh_trigger(posthog)
    trigger.posthog_conn_id = "posthog_wrong"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW_CONN_POSTHOG_WRONG", posthog.conn_uri(key="phx_wrong"))
        (event,) = events(trigger)
    state = PollState.from_json(event["state"])
    assert state.over
    assert state.blind
    assert "is invalid" in (state.error or "")
    assert "phx_wrong" not in json.dumps(event)


def test_a_last_look_that_is_kept_waiting_ends_with_the_watch(
    posthog: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("airflow_dashboards.triggers.refresh.LAST_LOOK_SECONDS", 0.1)
    planned = watch([kicked(posthog).model_copy(update={"deadline": time.time() + 0.7})])
    posthog.fault({"delay": 5}, match={"path_regex": "/query/"})
    (event,) = events(PostHogRefreshTrigger("posthog_default", dashboards=[1], watch=planned.to_json()))
    state = PollState.from_json(event["state"])
    assert (state.over, state.done, state.blind) == (True, [1], False)  # only the read decides
    assert "wait" in (state.error or "")


def test_arguments_that_make_no_sense_are_one_event_too(posthog: Sandbox) -> None:
    (event,) = events(PostHogRefreshTrigger("posthog_default", dashboards=[1], watch={"nonsense": 1}))
    state = PollState.from_json(event["state"])
    assert (state.over, state.blind) == (True, True)


def test_a_connection_that_is_gone_is_one_event_too(posthog: Sandbox) -> None:
    refreshing = refresh_trigger(posthog)
    waiting = freshness(0)
    refreshing.posthog_conn_id = waiting.posthog_conn_id = "posthog_gone"

    (event,) = events(refreshing)
    assert "posthog_gone" in (PollState.from_json(event["state"]).error or "")

    (event,) = events(waiting)
    assert event["status"] == "error"
    assert "posthog_gone" in event["message"]


def test_no_event_overtakes_the_news_of_its_own_deferral(posthog: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("airflow_dashboards.triggers.refresh.EARLIEST_EVENT_SECONDS", 0.3)
    for make in (partial(refresh_trigger, posthog), partial(freshness, time.time() + 3600, deadline=0.0)):
        now = time.time()
        events(again(make(deferred_at=now)))
        assert time.time() >= now + 0.3


def test_killing_cancels_what_still_waits(posthog: Sandbox) -> None:
    posthog.settings(tile_seconds=5)
    kick_ = kicked(posthog)
    trigger = again(
        PostHogRefreshTrigger(
            "posthog_default", dashboards=[1], watch=watch([kick_]).to_json(), cancel_on_kill=kick_.pending
        )
    )
    posthog.clear_log()
    asyncio.run(trigger.on_kill())
    assert len([entry for entry in posthog.log() if entry["method"] == "DELETE"]) == len(kick_.pending)


def freshness(
    fresher_than: float, *, deadline: float | None = None, poke_interval: float = 0.05, **more: Any
) -> PostHogFreshnessTrigger:
    return again(  # type: ignore[no-any-return]
        PostHogFreshnessTrigger(
            "posthog_default",
            dashboards=[1],
            fresher_than=fresher_than,
            deadline=deadline if deadline is not None else time.time() + 30,
            poke_interval=poke_interval,
            **more,
        )
    )


def test_fresh_tiles_end_the_wait(posthog: Sandbox) -> None:
    async def refreshed() -> float:
        async with AsyncClient(posthog.url, 1, PersonalAPIKey(posthog.personal_api_key)) as client:
            since = await client.run(fresh_since(client.flows))
            await client.dashboards.get(1, refresh="force_blocking")
            return since

    assert events(freshness(asyncio.run(refreshed()))) == [{"status": "fresh"}]


def test_a_deadline_is_wall_clock_time_and_names_the_tiles(posthog: Sandbox) -> None:
    (event,) = events(freshness(time.time() + 3600, deadline=time.time() - 1))
    assert event["status"] == "timeout"
    assert "Purchases" in event["message"]


def test_the_last_look_is_at_the_deadline_however_far_apart_they_are(posthog: Sandbox) -> None:
    posthog.clear_log()
    (event,) = events(freshness(time.time() + 3600, deadline=time.time() + 0.5, poke_interval=3600))
    assert event["status"] == "timeout"
    assert len([entry for entry in posthog.log() if entry["path"].rstrip("/").endswith("/dashboards/1")]) == 2


def test_five_passing_faults_in_a_row_are_tolerated_and_a_wrong_key_is_not(posthog: Sandbox) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW_CONN_POSTHOG_DEFAULT", posthog.conn_uri(key="phx_wrong"))
        patch.setattr("airflow_dashboards.hooks.shared._by_identity", {})
        (event,) = events(freshness(0))
    assert event["status"] == "error"
    assert "is invalid" in event["message"]


def test_a_watch_survives_json(posthog: Sandbox) -> None:
    planned = watch([kicked(posthog)])
    assert Watch.from_json(json.loads(json.dumps(planned.to_json()))) == planned


def test_where_the_ledger_is_goes_with_the_event(posthog: Sandbox) -> None:
    trigger = PostHogRefreshTrigger("posthog_default", dashboards=[1], watch={}, ledger_at="s3://bucket/ledger/key")
    (event,) = events(trigger)
    assert event["ledger_at"] == "s3://bucket/ledger/key"
