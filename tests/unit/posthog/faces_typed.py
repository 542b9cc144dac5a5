"""Checked by mypy, never run: what each face's calls are, by type."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

from typing_extensions import assert_type

from airflow_dashboards.posthog import (
    AsyncClient,
    Client,
    Dashboard,
    DashboardSummary,
    Flow,
    FlowClient,
    Insight,
    QueryStatus,
    Tile,
    TileEvent,
)
from airflow_dashboards.posthog.stream import Stream


def sync(client: Client) -> None:
    assert_type(client.dashboards.get(42), Dashboard)
    assert_type(client.dashboards.list(tags=["etl"]), list[DashboardSummary])
    assert_type(client.dashboards.create_text_tile(42, body="x"), Tile)
    assert_type(client.dashboards.delete_tile(42, tile_id=1), None)
    assert_type(client.insights.get("hYp3"), Insight)
    assert_type(client.query.status("q"), QueryStatus)
    assert_type(client.dashboards.stream_tiles(42), Iterator[TileEvent])
    assert_type(client.run(client.flows.dashboards.get(42)), Dashboard)


async def nonsync(aclient: AsyncClient) -> None:
    assert_type(await aclient.dashboards.get(42), Dashboard)
    assert_type(await aclient.dashboards.list(), list[DashboardSummary])
    assert_type(await aclient.query.status("q"), QueryStatus)
    assert_type(aclient.dashboards.stream_tiles(42), AsyncIterator[TileEvent])
    assert_type(await aclient.run(aclient.flows.dashboards.get(42)), Dashboard)


def flow(flows: FlowClient) -> Flow[str | None]:
    assert_type(flows.dashboards.get(42), Flow[Dashboard])
    assert_type(flows.dashboards.stream_tiles(42), Stream[TileEvent])
    dashboard = yield from flows.dashboards.get(42)
    assert_type(dashboard, Dashboard)
    return dashboard.name


def mistakes(client: Client, flows: FlowClient) -> None:
    client.dashboards.get("42")  # type: ignore[arg-type]
    client.dashboards.get(42, refreh="blocking")  # type: ignore[call-arg]
    client.dashboards.update(42, nmae="x")  # type: ignore[call-arg]
    print(flows.dashboards.get(42).name)  # type: ignore[attr-defined]
