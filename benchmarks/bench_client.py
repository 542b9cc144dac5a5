"""What our client adds to bare httpx: CPU per call, on the same answers from the same local server.

Calls per second of CPU, because both wait alike for the server. Pairs of blocks alternate between the two, so that what
disturbs the machine disturbs both; the figure is the median of the pairs' ratios.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from airflow_dashboards.posthog import AsyncClient, Budget, Client, PersonalAPIKey
from benchmarks.figures import Figure, main, median_ratio

KEY = "phx_benchmark"
HEADERS = {"authorization": f"Bearer {KEY}", "accept": "application/json"}
DASHBOARD = "/api/projects/1/dashboards/42/"
STATUS = "/api/projects/1/query/cache_1_abc/"

#: Blocks of calls per side.
PAIRS = 25
CALLS = 150


def _dashboard() -> dict[str, Any]:
    days = [f"2026-05-{day:02d}" for day in range(1, 32)]
    series = [
        {"data": [float(day * each) for day in range(31)], "days": days, "labels": days, "label": f"series {each}"}
        for each in range(3)
    ]
    insight = {
        "id": 1,
        "short_id": "abcdefgh",
        "name": "Orders",
        "query": {"kind": "InsightVizNode", "source": {"kind": "TrendsQuery", "interval": "day", "series": []}},
        "result": series,
        "last_refresh": "2026-06-01T08:00:00Z",
        "is_cached": True,
        "query_status": None,
        "timezone": "UTC",
    }
    tiles = [{"id": each, "insight": {**insight, "id": each}, "layouts": {}, "order": each} for each in range(6)]
    return {"id": 42, "name": "Board", "tags": [], "filters": {}, "variables": {}, "tiles": tiles}


ANSWERS = {
    DASHBOARD: _dashboard(),
    STATUS: {"query_status": {"id": "cache_1_abc", "complete": False, "error": False, "query_async": True}},
}


async def serve() -> None:
    """Answer every request for one of the paths with the same bytes: the cheapest server that keeps connections."""
    answers = {path.encode(): _message(body) for path, body in ANSWERS.items()}

    class Connection(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport = transport
            self.buffer = b""

        def data_received(self, data: bytes) -> None:
            self.buffer += data
            while b"\r\n\r\n" in self.buffer:
                head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
                path = head.split(b" ", 2)[1].partition(b"?")[0]
                assert isinstance(self.transport, asyncio.Transport)
                self.transport.write(answers[path])

    server = await asyncio.get_running_loop().create_server(Connection, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def _message(body: Any) -> bytes:
    content = json.dumps(body).encode()
    head = (
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ndate: Mon, 01 Jun 2026 08:00:00 GMT\r\n"
        f"content-length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


@contextmanager
def server() -> Iterator[str]:
    """The server in a process of its own, whose CPU is not ours."""
    process = subprocess.Popen([sys.executable, "-m", "benchmarks.bench_client", "--serve"], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.terminate()
        process.wait()


def _cpu(block: Callable[[], object]) -> float:
    begun = time.process_time()
    block()
    return time.process_time() - begun


def _pairs(bare: Callable[[], object], ours: Callable[[], object], count: int) -> list[tuple[float, float]]:
    bare(), ours()  # warm: connections, caches, models
    pairs = []
    for number in range(count):
        if number % 2:
            second = _cpu(ours)
            pairs.append((_cpu(bare), second))
        else:
            first = _cpu(bare)
            pairs.append((first, _cpu(ours)))
    return pairs


def _sync(url: str, pairs: int, calls: int) -> dict[str, list[tuple[float, float]]]:
    with (
        httpx.Client(base_url=url, headers=HEADERS, timeout=60) as bare,
        Client(url, 1, PersonalAPIKey(KEY), budget=Budget({})) as ours,
    ):

        def bare_dashboard() -> None:
            for _ in range(calls):
                bare.get(DASHBOARD, params={"refresh": "force_cache"}).raise_for_status().json()

        def our_dashboard() -> None:
            for _ in range(calls):
                ours.dashboards.get(42)

        def bare_status() -> None:
            for _ in range(calls):
                bare.get(STATUS).raise_for_status().json()

        def our_status() -> None:
            for _ in range(calls):
                ours.query.status("cache_1_abc")

        return {
            "dashboard": _pairs(bare_dashboard, our_dashboard, pairs),
            "query status": _pairs(bare_status, our_status, pairs),
        }


def _async(url: str, pairs: int, calls: int) -> dict[str, list[tuple[float, float]]]:
    with asyncio.Runner() if sys.version_info >= (3, 11) else _Runner() as runner:
        bare = httpx.AsyncClient(base_url=url, headers=HEADERS, timeout=60)
        ours = AsyncClient(url, 1, PersonalAPIKey(KEY), budget=Budget({}))

        async def bare_dashboard() -> None:
            for _ in range(calls):
                (await bare.get(DASHBOARD, params={"refresh": "force_cache"})).raise_for_status().json()

        async def our_dashboard() -> None:
            for _ in range(calls):
                await ours.dashboards.get(42)

        async def bare_status() -> None:
            for _ in range(calls):
                (await bare.get(STATUS)).raise_for_status().json()

        async def our_status() -> None:
            for _ in range(calls):
                await ours.query.status("cache_1_abc")

        found = {
            "dashboard": _pairs(lambda: runner.run(bare_dashboard()), lambda: runner.run(our_dashboard()), pairs),
            "query status": _pairs(lambda: runner.run(bare_status()), lambda: runner.run(our_status()), pairs),
        }
        runner.run(bare.aclose())
        runner.run(ours.aclose())
        return found


class _Runner:
    """`asyncio.Runner`, which Python 3.10 does not have yet, as far as it is used here."""

    def __enter__(self) -> _Runner:
        self._loop = asyncio.new_event_loop()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.close()

    def run(self, work: Any) -> Any:
        return self._loop.run_until_complete(work)


def measure(quick: bool) -> list[Figure]:
    pairs, calls = (3, 20) if quick else (PAIRS, CALLS)
    figures = []
    with server() as url:
        for face, found in (("sync", _sync(url, pairs, calls)), ("async", _async(url, pairs, calls))):
            for answer, blocks in found.items():
                figures.append(
                    Figure(
                        name=f"client calls per second against bare httpx, {face}, {answer}",
                        value=median_ratio(blocks),
                        limit=0.9,
                        at_most=False,
                        details={
                            "calls_per_cpu_second_bare": calls * len(blocks) / sum(bare for bare, _ in blocks),
                            "calls_per_cpu_second_ours": calls * len(blocks) / sum(ours for _, ours in blocks),
                            "pairs": len(blocks),
                            "calls_per_block": calls,
                        },
                    )
                )
    return figures


if __name__ == "__main__":
    if "--serve" in sys.argv:
        asyncio.run(serve())
    else:
        main(measure, __doc__)
