"""How long a thousand, or ten thousand, dashboards take behind one API key, without waiting for it.

The very same code that runs in production (flows, client, budget, retry) is driven by an event loop whose clock jumps
to the next event, against a PostHog in memory that computes nothing but enforces the limits of contract 2.3. Printed
per case: time to finish against the lower bound that the limits leave to anybody, requests, and refusals (429).

    python -m benchmarks.simulation                            # 10,000 dashboards with 1, 4 and 16 workers
    python -m benchmarks.simulation --dashboards 1000 --workers 4
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import re
import selectors
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import datetime, timezone
from email.utils import format_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from airflow_dashboards.posthog import Budget, FlowClient, PersonalAPIKey, RetryPolicy
from airflow_dashboards.posthog.budget import LIMITS, Window
from airflow_dashboards.posthog.flow import Flow, Gather, arun
from airflow_dashboards.posthog.transport import AsyncDriver
from airflow_dashboards.posthog.wire import Wire, tls
from airflow_dashboards.refresh.batch import refresh_many
from airflow_dashboards.refresh.capture import capture
from airflow_dashboards.refresh.outcome import RefreshOutcome, RefreshStatus
from airflow_dashboards.refresh.patience import patiently
from airflow_dashboards.refresh.plan import RefreshOptions

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

HOST = "https://posthog.example.com"
START = 1_780_300_800.0


class _Jumping(selectors.DefaultSelector):
    """Waits for nothing: the time that would have been waited is added to the clock."""

    skipped = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout is None:
            raise RuntimeError("the simulation waits for something that can't come")
        if not ready and timeout:
            self.skipped += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock starts at 0 and moves only when everybody waits."""

    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        # Small numbers: beside the seconds since 1970 the loop's own resolution of a nanosecond would be lost.
        return self._jumping.skipped

    def clock(self) -> float:
        """Seconds since the epoch, as everybody in the simulation sees them."""
        return START + self._jumping.skipped


class Throttle:
    """Sliding windows as the server has them: refused requests are not counted (contract 2.3)."""

    def __init__(self, windows: Iterable[Window]) -> None:
        self.windows = [(window, deque[float]()) for window in windows]

    def refuse(self, now: float) -> int | None:
        """Count a request, or return the seconds to wait."""
        waits = []
        for window, log in self.windows:
            while log and log[0] <= now - window.seconds:
                log.popleft()
            if len(log) >= window.limit:
                waits.append(log[0] + window.seconds - now)
        if waits:
            return max(1, math.ceil(max(waits)))
        for _, log in self.windows:
            log.append(now)
        return None


@dataclass
class Server(httpx.AsyncBaseTransport):
    """The few answers of PostHog that a refresh needs."""

    loop: VirtualLoop
    tiles: int
    tile_seconds: float
    workers: int
    latency: float = 0.05
    throttles: dict[str, Throttle] = field(default_factory=lambda: {name: Throttle(w) for name, w in LIMITS.items()})
    answered: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.free = [0.0] * self.workers
        self.ends: dict[str, float] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(self.latency)
        path = request.url.path
        bucket = "query" if "/query/" in path else "dashboards"
        wait = self.throttles[bucket].refuse(self.loop.clock())
        if wait is not None:
            self.refused[bucket] += 1
            detail = f"Request was throttled. Expected available in {wait} seconds."
            return self._answer(
                429, {"type": "throttled_error", "code": "throttled", "detail": detail}, {"retry-after": str(wait)}
            )
        self.answered[bucket] += 1
        if match := re.search(r"/query/(\w+)/", path):
            return self._status(match[1])
        if match := re.search(r"/dashboards/(\d+)/", path):
            return self._dashboard(int(match[1]), kick=request.url.params.get("refresh") == "force_async")
        return self._answer(200, {"count": 1, "next": None, "previous": None, "results": []})

    def _answer(self, status: int, body: Any, headers: dict[str, str] | None = None) -> httpx.Response:
        date = format_datetime(datetime.fromtimestamp(int(self.loop.clock()), tz=timezone.utc), usegmt=True)
        return httpx.Response(status, json=body, headers={"date": date, **(headers or {})})

    def _status(self, key: str) -> httpx.Response:
        end = self.ends.get(key, 0.0)
        done = end <= self.loop.clock()
        status = {"id": key, "complete": done, "error": False, "end_time": _iso(end) if done else None}
        return self._answer(200 if done else 202, {"query_status": status})

    def _dashboard(self, board: int, *, kick: bool) -> httpx.Response:
        now = self.loop.clock()
        tiles = []
        for number in range(self.tiles):
            key = f"cache_{board}_{number}"
            if kick:
                worker = self.free.index(min(self.free))
                self.free[worker] = self.ends[key] = max(now, self.free[worker]) + self.tile_seconds
            end = self.ends.get(key, START - 3600)
            fresh = not kick and end <= now
            tiles.append(
                {
                    "id": board * 1000 + number,
                    "insight": {
                        "id": board * 1000 + number,
                        "result": None if kick else [1],
                        "last_refresh": _iso(end) if fresh else (None if kick else _iso(START - 3600)),
                        "query_status": {"id": key, "complete": False, "error": False} if kick else None,
                        "filters_hash": key,
                    },
                }
            )
        return self._answer(200, {"id": board, "name": f"Board {board}", "tiles": tiles})


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, tz=timezone.utc).isoformat()


@dataclass(frozen=True)
class Result:
    """One simulated night."""

    dashboards: int
    workers: int
    seconds: float
    lower_bound: float
    requests: int
    polls: int
    refused: int
    refreshed: int
    #: What it took this machine to simulate it.
    real_seconds: float

    @property
    def ratio(self) -> float:
        """Time to finish over the lower bound."""
        return self.seconds / self.lower_bound


def lower_bound(requests: int, windows: Sequence[Window]) -> float:
    """Return the shortest time in which anybody can send so many requests: bursts as early as the windows allow."""
    logs = [deque[float](maxlen=window.limit) for window in windows]
    now = 0.0
    for _ in range(requests):
        for window, log in zip(windows, logs, strict=True):
            if len(log) == window.limit:
                now = max(now, log[0] + window.seconds)
        for log in logs:
            log.append(now)
    return now


def simulate(
    dashboards: int, workers: int, *, tiles: int = 4, tile_seconds: float = 0.2, server_workers: int = 8
) -> Result:
    """Capture and refresh so many dashboards from so many processes that share nothing but the key."""
    tls()  # otherwise read in a thread, for which a clock that jumps does not wait
    loop = VirtualLoop()
    server = Server(loop, tiles, tile_seconds, server_workers)
    ids = list(range(1, dashboards + 1))
    shares = [ids[start::workers] for start in range(workers)]
    begun = time.perf_counter()
    try:
        done = loop.run_until_complete(_night(loop, server, shares))
    finally:
        loop.close()
    computing = dashboards * tiles * tile_seconds / server_workers
    polls = server.answered["query"]
    return Result(
        dashboards=dashboards,
        workers=workers,
        seconds=loop.time(),
        lower_bound=max(computing, lower_bound(3 * dashboards, LIMITS["dashboards"])),
        requests=sum(server.answered.values()),
        polls=polls,
        refused=sum(server.refused.values()),
        refreshed=sum(each.status is RefreshStatus.REFRESHED for each in done),
        real_seconds=time.perf_counter() - begun,
    )


async def _night(loop: VirtualLoop, server: Server, shares: Sequence[Sequence[int]]) -> list[RefreshOutcome]:
    """Every process captures its share; when all have, and the load is done, every process refreshes its share."""
    processes = [_process(loop, server) for _ in shares]
    await asyncio.gather(
        *(arun(_captures(flows, share), driver) for (flows, driver), share in zip(processes, shares, strict=True))
    )
    outcomes = await asyncio.gather(
        *(
            arun(refresh_many(flows, share, OPTIONS), driver)
            for (flows, driver), share in zip(processes, shares, strict=True)
        )
    )
    for _, driver in processes:
        await driver.aclose()
    return [outcome for share in outcomes for outcome in share]


OPTIONS = RefreshOptions(host=HOST, timeout=6 * 3600.0)


def _process(loop: VirtualLoop, server: Server) -> tuple[FlowClient, AsyncDriver]:
    """A worker process: its own connection pool and its own count of the key's budget."""
    retry = RetryPolicy()
    wire = Wire(HOST, PersonalAPIKey("phx_simulated"), timeout=60.0, retry=retry, budget=Budget())
    return FlowClient(1, retry=retry, host=HOST), AsyncDriver(wire, server, now=loop.clock)


def _captures(flows: FlowClient, ids: Sequence[int]) -> Flow[None]:
    def one(dashboard_id: int) -> Flow[None]:
        yield from patiently(lambda: capture(flows, dashboard_id, host=HOST))

    answers: list[Exception | None] = yield Gather([one(each) for each in ids], limit=8)
    for answer in answers:
        if answer is not None:
            raise answer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--dashboards", type=int, default=10_000)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--tiles", type=int, default=4)
    parser.add_argument("--tile-seconds", type=float, default=0.2)
    parser.add_argument("--json", type=Path, help="also write the results here")
    given = parser.parse_args()
    results = []
    columns = ("dashboards", "workers", "hours", "bound", "ratio", "per board", "polls", "429", "refreshed", "real s")
    print(" ".join(f"{column:>10}" for column in columns))
    for workers in given.workers:
        result = simulate(given.dashboards, workers, tiles=given.tiles, tile_seconds=given.tile_seconds)
        results.append(result)
        figures = (
            f"{result.dashboards}",
            f"{result.workers}",
            f"{result.seconds / 3600:.2f}",
            f"{result.lower_bound / 3600:.2f}",
            f"{result.ratio:.3f}",
            f"{result.requests / result.dashboards:.3f}",
            f"{result.polls}",
            f"{result.refused}",
            f"{result.refreshed}",
            f"{result.real_seconds:.1f}",
        )
        print(" ".join(f"{figure:>10}" for figure in figures), flush=True)
    if given.json:
        given.json.parent.mkdir(parents=True, exist_ok=True)
        given.json.write_text(json.dumps([{**vars(each), "ratio": each.ratio} for each in results], indent=2) + "\n")


if __name__ == "__main__":
    main()
