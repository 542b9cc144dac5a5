"""The watcher: one loop for many dashboards, a memory over restarts, and patience."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import AssetWatcher
from airflow.triggers.base import BaseEventTrigger

from airflow_dashboards.assets import dashboard_asset
from airflow_dashboards.posthog import Client, PersonalAPIKey
from airflow_dashboards.sandbox import Sandbox
from airflow_dashboards.triggers.watch import PostHogDashboardWatchTrigger as Watch

QUERY = {"kind": "TrendsQuery", "series": [{"kind": "EventsNode", "event": "a"}]}


class StateStore:
    """As Airflow 3.3 hands to a watcher of one asset."""

    def __init__(self, kept: dict[str, Any]) -> None:
        self.kept = kept

    async def aget(self, key: str) -> Any:
        return self.kept.get(key)

    async def aset(self, key: str, value: Any) -> None:
        self.kept[key] = json.loads(json.dumps(value))


@pytest.fixture
def boards(posthog_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[int]:
    monkeypatch.setenv("AIRFLOW_CONN_POSTHOG_DEFAULT", posthog_sandbox.conn_uri())
    monkeypatch.setenv("AIRFLOW__POSTHOG__STORAGE_PATH", str(tmp_path))
    monkeypatch.setattr("airflow_dashboards.hooks.shared._by_identity", {})
    with client(posthog_sandbox) as posthog:
        ids = [posthog.dashboards.create(name=name).id for name in ("First", "Second")]
        for each in ids:
            posthog.insights.create(name="T", query={"kind": "InsightVizNode", "source": QUERY}, dashboards=[each])
            posthog.dashboards.get(each, refresh="force_blocking")
    return ids


def client(sandbox: Sandbox) -> Client:
    return Client(sandbox.url, 1, PersonalAPIKey(sandbox.personal_api_key))


def refresh(sandbox: Sandbox, board: int) -> None:
    sandbox.advance(60)
    with client(sandbox) as posthog:
        posthog.dashboards.get(board, refresh="force_blocking")


def watch(board: int, **arguments: Any) -> Watch:
    return Watch(board, poll_interval=0.01, **arguments)


async def next_event(events: AsyncIterator[Any]) -> Any:
    return (await asyncio.wait_for(anext(events), 20)).payload


async def quiet(sandbox: Sandbox, events: AsyncIterator[Any]) -> None:
    """Let three more looks happen, and see that none of them is an event."""
    before = len(sandbox.log())
    waiting = asyncio.ensure_future(anext(events))
    while len(sandbox.log()) < before + 3:
        await asyncio.wait([waiting], timeout=0.01)
        assert not waiting.done()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)


def test_each_refresh_is_told_once(boards: list[int], posthog_sandbox: Sandbox) -> None:
    async def watched() -> list[str]:
        told = []
        events = watch(boards[0]).run()
        waiting = asyncio.ensure_future(next_event(events))
        await looked(posthog_sandbox)
        for _ in range(3):
            await asyncio.to_thread(refresh, posthog_sandbox, boards[0])
            told.append((await waiting)["last_refresh"])
            waiting = asyncio.ensure_future(next_event(events))
            await looked(posthog_sandbox, 3)
            assert not waiting.done()
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        return told

    told = asyncio.run(watched())

    assert len(set(told)) == 3


async def looked(sandbox: Sandbox, times: int = 2) -> None:
    before = len(sandbox.log())
    while len(await asyncio.to_thread(sandbox.log)) < before + times:
        pass


@pytest.mark.parametrize("with_store", [True, False], ids=["state store", "file"])
def test_a_refresh_while_nobody_looked_is_told_once_after_a_restart(
    boards: list[int], posthog_sandbox: Sandbox, with_store: bool
) -> None:
    kept: dict[str, Any] = {}

    def restarted() -> Watch:
        trigger = watch(boards[0])
        trigger.asset_state_store = StateStore(kept) if with_store else None  # type: ignore[assignment]
        return trigger

    async def go() -> None:
        await quiet(posthog_sandbox, restarted().run())  # sets the mark
        await asyncio.to_thread(refresh, posthog_sandbox, boards[0])
        events = restarted().run()
        assert (await next_event(events))["changes"] == ["refresh"]
        await quiet(posthog_sandbox, events)
        await quiet(posthog_sandbox, restarted().run())

    asyncio.run(go())
    assert bool(kept) is with_store


def test_many_watchers_share_one_loop(boards: list[int], posthog_sandbox: Sandbox) -> None:
    first, second = (watch(each) for each in boards)
    assert first.shared_stream_key() == second.shared_stream_key()
    assert first.shared_stream_key() != Watch(boards[0], "other", poll_interval=0.01).shared_stream_key()

    async def go() -> list[Any]:
        queues: list[asyncio.Queue[Any]] = [asyncio.Queue(), asyncio.Queue()]

        async def share() -> None:
            async for seen in Watch.open_shared_stream(first.serialize()[1]):
                for queue in queues:
                    queue.put_nowait(seen)

        async def drain(queue: asyncio.Queue[Any]) -> AsyncIterator[Any]:
            while True:
                yield await queue.get()

        sharing = asyncio.ensure_future(share())
        streams = [
            trigger.filter_shared_stream(drain(queue)) for trigger, queue in zip((first, second), queues, strict=True)
        ]
        waiting = [asyncio.ensure_future(next_event(stream)) for stream in streams]
        await looked(posthog_sandbox, 4)
        posthog_sandbox.clear_log()
        await looked(posthog_sandbox, 4)
        paths = [each["path"] for each in posthog_sandbox.log()]
        assert {path.rstrip("/").rpartition("/")[2] for path in paths[:2]} == {str(each) for each in boards}
        for each in boards:
            await asyncio.to_thread(refresh, posthog_sandbox, each)
        told = await asyncio.gather(*waiting)
        sharing.cancel()
        await asyncio.gather(sharing, return_exceptions=True)
        for stream in streams:
            await stream.aclose()
        return told

    told = asyncio.run(go())

    assert [each["dashboard_id"] for each in told] == boards
    assert not Watch._wanted[first.shared_stream_key()]


def test_a_server_that_fails_for_a_while_ends_no_watch(
    boards: list[int], posthog_sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    async def go() -> Any:
        events = watch(boards[0]).run()
        waiting = asyncio.ensure_future(next_event(events))
        await looked(posthog_sandbox)
        posthog_sandbox.fault({"status": 500}, times=2)
        await looked(posthog_sandbox, 4)
        await asyncio.to_thread(refresh, posthog_sandbox, boards[0])
        return await waiting

    assert asyncio.run(go())["dashboard_id"] == boards[0]


def test_a_missing_dashboard_costs_the_others_nothing(boards: list[int], posthog_sandbox: Sandbox) -> None:
    async def go() -> tuple[Any, Any]:
        return await watch(boards[0])._look([boards[0], 4711])

    seen, failed = asyncio.run(go())

    assert list(seen) == [boards[0]]
    assert list(failed) == [4711]


def test_a_missing_connection_is_a_trouble_and_no_end(boards: list[int]) -> None:
    seen, failed = asyncio.run(Watch(1, "nowhere")._look([1]))

    assert seen == {}
    assert "nowhere" in failed[1]


def test_the_same_watch_has_one_identity() -> None:
    one, same, other = Watch(42), Watch(dashboard_id=42, posthog_conn_id="posthog_default"), Watch(42, watch_for="any")
    path, arguments = one.serialize()

    assert json.loads(json.dumps(arguments)) == arguments
    assert Watch(**arguments).serialize() == (path, arguments)
    assert BaseEventTrigger.hash(*one.serialize()) == BaseEventTrigger.hash(*same.serialize())
    assert BaseEventTrigger.hash(*one.serialize()) != BaseEventTrigger.hash(*other.serialize())
    assert Watch(**arguments, an_argument_of_tomorrow=1).serialize() == (path, arguments)


def test_an_asset_takes_it_as_a_watcher() -> None:
    asset = dashboard_asset("eu.posthog.com", 1, 42, watchers=[AssetWatcher(name="kpis", trigger=Watch(42))])

    assert asset.watchers[0].trigger.serialize()[1]["dashboard_id"] == 42


@pytest.mark.parametrize(
    "arguments",
    [{"dashboard_id": 0}, {"dashboard_id": True}, {"poll_interval": 0}, {"settle": -1}, {"watch_for": "nothing"}],
)
def test_what_can_not_be_watched_is_refused_where_the_dag_is_parsed(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        Watch(**{"dashboard_id": 42, **arguments})
