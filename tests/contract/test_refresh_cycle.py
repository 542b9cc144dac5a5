"""The refresh cycle against the sandbox, which knows nothing of it: over real sockets, with real computing."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timezone

import pytest

from airflow_dashboards.analysis import TileStatus
from airflow_dashboards.posthog import AsyncClient, Client, PersonalAPIKey
from airflow_dashboards.refresh.batch import advance, refresh_many
from airflow_dashboards.refresh.capture import capture
from airflow_dashboards.refresh.cycle import refresh
from airflow_dashboards.refresh.ledger import Ledger
from airflow_dashboards.refresh.outcome import RefreshOutcome, RefreshStatus
from airflow_dashboards.refresh.plan import PollState, RefreshOptions, Strategy, Watch
from airflow_dashboards.refresh.poll import poll
from airflow_dashboards.sandbox import Sandbox

COMPUTING = [Strategy.FORCE_ASYNC, Strategy.FORCE_BLOCKING, Strategy.PER_TILE]


def trends(event: str) -> dict:
    return {
        "kind": "InsightVizNode",
        "source": {"kind": "TrendsQuery", "series": [{"kind": "EventsNode", "event": event}]},
    }


def sql(text: str) -> dict:
    return {"kind": "DataVisualizationNode", "source": {"kind": "HogQLQuery", "query": text}}


@pytest.fixture(scope="module")
def server() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(server: Sandbox) -> Sandbox:
    server.reset(build="cloud")
    now = datetime.now(tz=timezone.utc).isoformat()
    server.add_events([{"event": "order", "distinct_id": "a", "timestamp": now, "properties": {}}])
    return server


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[Client]:
    with Client(sandbox.url, 1, PersonalAPIKey(sandbox.personal_api_key)) as client:
        yield client


def board(client: Client, *queries: dict, **facts) -> int:
    made = client.dashboards.create(name="KPIs", **facts)
    for number, query in enumerate(queries):
        client.insights.create(name=f"Insight {number}", query=query, dashboards=[made.id])
    return made.id


def run(client: Client, dashboard: int, strategy: Strategy = Strategy.FORCE_ASYNC, **facts):
    return client.run(refresh(client.flows, dashboard, RefreshOptions(host=client.host, strategy=strategy, **facts)))


def sent(sandbox: Sandbox) -> Counter[str]:
    return Counter(entry["path"].split("?")[0].strip("/").split("/")[3] for entry in sandbox.log())


@pytest.mark.parametrize("strategy", COMPUTING)
def test_new_events_show_after_every_computing_strategy(sandbox, client, strategy):
    one = board(client, trends("order"), sql("select count() from events"), filters={"date_from": "-7d"})
    assert run(client, one, strategy).snapshot.tiles[1].result == [[1]]
    now = datetime.now(tz=timezone.utc).isoformat()
    sandbox.add_events([{"event": "order", "distinct_id": "b", "timestamp": now, "properties": {}}])
    done = run(client, one, strategy)
    assert done.outcome.status is RefreshStatus.REFRESHED
    assert done.snapshot.tiles[1].result == [[2]]
    assert done.snapshot.tiles[0].result[0]["count"] == 2


@pytest.mark.parametrize("strategy", COMPUTING)
def test_one_broken_tile_is_named_in_the_server_s_words(sandbox, client, strategy):
    one = board(client, trends("order"), sql("select no_such_column from events"), trends("signup"))
    done = run(client, one, strategy)
    assert (done.outcome.status, done.outcome.counts) == (RefreshStatus.PARTIAL, {"refreshed": 2, "failed": 1})
    [tile] = done.outcome.tiles
    assert tile.name == "Insight 1"
    assert "no_such_column" in tile.message


def test_a_tile_that_crashes_inside_a_200_is_a_failure(sandbox, client):
    one = board(client, trends("order"))
    run(client, one)
    sandbox.fault({"tile_error": "Memory limit exceeded"})
    done = run(client, one, Strategy.FORCE_BLOCKING)
    assert "Memory limit exceeded" in done.outcome.describe()


def test_a_tile_without_access_is_told(sandbox, client):
    one = board(client, trends("order"), trends("signup"))
    hidden = client.dashboards.get(one).tiles[1].insight.id
    sandbox.set_access("none", insight=hidden)
    done = run(client, one)
    assert (done.outcome.status, done.outcome.counts) == (RefreshStatus.REFRESHED, {"refreshed": 1, "no_access": 1})


def test_blocking_does_not_recompute_what_the_server_thinks_fresh(sandbox, client):
    one = board(client, trends("order"))
    run(client, one)
    assert run(client, one, Strategy.BLOCKING).outcome.counts == {"stale": 1}
    assert run(client, one, Strategy.BLOCKING, accept_cached=True).outcome.status is RefreshStatus.REFRESHED
    sandbox.advance(7 * 3600)
    assert run(client, one, Strategy.BLOCKING).outcome.counts == {"refreshed": 1}


def test_slow_tiles_are_waited_for_and_read_once(sandbox, client):
    one = board(client, *(trends(f"event {n}") for n in range(4)))
    sandbox.settings(tile_seconds=0.5, workers=2)
    sandbox.clear_log()
    assert run(client, one).outcome.counts == {"refreshed": 4}
    paths = [(entry["path"].split("?")[0]) for entry in sandbox.log()]
    assert sum(path.rstrip("/").endswith(f"/dashboards/{one}") for path in paths) == 2


def test_a_batch_deferred_over_json_costs_few_requests(sandbox, client):
    ids = [board(client, trends("order"), trends("signup")) for _ in range(20)]
    sandbox.settings(tile_seconds=0.1, workers=4)
    sandbox.clear_log()
    options = RefreshOptions(host=client.host)
    changes: list[dict] = []

    async def worker(ready: list[int]) -> tuple[Watch | None, Ledger]:
        ledger = Ledger.from_changes(ids, json.loads(json.dumps(changes)))
        async with AsyncClient(sandbox.url, 1, PersonalAPIKey(sandbox.personal_api_key)) as each:
            return await each.run(advance(each.flows, ledger, options, ready=ready, journal=changes.extend)), ledger

    async def trigger(watch: Watch) -> PollState:
        watch, state = Watch.from_json(json.loads(json.dumps(watch.to_json()))), PollState()
        async with AsyncClient(sandbox.url, 1, PersonalAPIKey(sandbox.personal_api_key)) as each:
            while not state.over:
                state = await each.run(poll(each.flows, watch, state))
                await asyncio.sleep(state.wait)
        return state

    async def whole() -> list[RefreshOutcome]:
        ready: list[int] = []
        while True:
            watch, ledger = await worker(ready)
            if watch is None:
                return ledger.outcomes()
            ready = (await trigger(watch)).done

    outcomes = asyncio.run(whole())
    assert [each.status for each in outcomes] == [RefreshStatus.REFRESHED] * 20
    counted = sent(sandbox)
    assert counted["dashboards"] <= 2 * 20 + 3
    assert counted["query"] <= 12


def test_sync_and_async_come_to_the_same(sandbox, client):
    ids = [board(client, trends("order"), sql("select broken from events")), board(client), 9999]
    options = RefreshOptions(host=client.host)

    async def other() -> list[RefreshOutcome]:
        async with AsyncClient(sandbox.url, 1, PersonalAPIKey(sandbox.personal_api_key)) as each:
            return await each.run(refresh_many(each.flows, ids, options))

    def facts(outcomes: list[RefreshOutcome]) -> list:
        return [
            (o.dashboard_id, o.status, o.counts, o.error, [(t.id, t.status, t.message) for t in o.tiles])
            for o in outcomes
        ]

    one = client.run(refresh_many(client.flows, ids, options))
    assert facts(one) == facts(asyncio.run(other()))
    assert [each.status.value for each in one] == ["partial", "refreshed", "failed"]


@pytest.mark.parametrize("mode", ["blocking", "force_blocking"])
def test_a_broken_tile_costs_a_computing_capture_that_tile_alone(sandbox, client, mode):
    one = board(client, trends("order"), sql("select no_such_column from events"), sql("select count() from events"))
    snapshot = client.run(capture(client.flows, one, host=client.host, mode=mode))
    assert [tile.status for tile in snapshot.tiles] == [TileStatus.OK, TileStatus.FAILED, TileStatus.OK]
    assert "no_such_column" in (snapshot.tiles[1].error or "")
