"""Many small dashboards inside a local sandbox: content for tests that are about numbers, not about meaning."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import httpx
from local_sandbox import LocalSandbox

TAG = "chaos"
#: Insight tiles of each dashboard; the text tile comes on top.
TILES = 4


def fill(sandbox: LocalSandbox, dashboards: int) -> dict[int, list[int]]:
    """Make dashboards of four insights each, no two with the same query; returns the insight ids by dashboard."""
    sandbox.control("PATCH", "settings", {"dashboard_limit": None, "tile_seconds": 0})
    add_events(sandbox, 5)
    headers = {"Authorization": f"Bearer {sandbox.create_key(['*'])}"}
    made: dict[int, list[int]] = {}
    with httpx.Client(base_url=f"{sandbox.url}/api/projects/1", headers=headers, timeout=60, trust_env=False) as client:

        def post(path: str, body: dict[str, Any]) -> int:
            return int(client.post(path, json=body).raise_for_status().json()["id"])

        for number in range(dashboards):
            board = post("/dashboards/", {"name": f"Board {number}", "tags": [TAG]})
            made[board] = [
                post("/insights/", {"name": f"Tile {number}.{tile}", "query": query, "dashboards": [board]})
                for tile, query in enumerate(_queries(number))
            ]
        for board in made:
            client.get(f"/dashboards/{board}/", params={"refresh": "force_blocking"}).raise_for_status()
    return made


def add_events(sandbox: LocalSandbox, count: int) -> None:
    """Add to what happened on each of the last days, so that every tile shows something else once it is refreshed."""
    days = [date.today() - timedelta(days=ago) for ago in range(1, 8)]  # noqa: DTZ011 - any day will do
    events = [
        {"event": "ping", "distinct_id": f"user-{number}", "timestamp": f"{day}T08:00:00Z", "properties": {}}
        for day in days
        for number in range(count)
    ]
    sandbox.control("POST", "events", {"project": 1, "events": events})


def _queries(number: int) -> list[dict[str, Any]]:
    series = [{"kind": "EventsNode", "event": "ping", "name": "ping"}]
    # The limit of a breakdown and a label that nobody has make each query one of its own, at no further cost.
    trends = [
        {
            "kind": "InsightVizNode",
            "source": {
                "kind": "TrendsQuery",
                "series": [{**series[0], "custom_name": f"ping {number}.{tile}"}],
                "interval": "day",
                "dateRange": {"date_from": "-7d"},
            },
        }
        for tile in range(TILES - 1)
    ]
    sql = {
        "kind": "DataVisualizationNode",
        "source": {"kind": "HogQLQuery", "query": f"select count() as pings, {number} as board from events"},  # noqa: S608
    }
    return [*trends, sql]
