"""A small PostHog in memory with a clock of its own, written from the contract: what drives the flows under test."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from email.utils import format_datetime
from typing import Any

import pytest

from airflow_dashboards.posthog import FlowClient, PostHogConnectionError, RetryPolicy
from airflow_dashboards.posthog.flow import Opened, Reply, Request, run

#: 2026-06-01T08:00:00.400Z: within a second, as clocks are.
START = 1_780_300_800.4
HOST = "https://posthog.example.com"


def iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, tz=timezone.utc).isoformat().replace("+00:00", "Z")


@dataclass
class FakeTile:
    id: int
    name: str | None = None
    derived_name: str | None = None
    query: dict[str, Any] | None = field(
        default_factory=lambda: {"kind": "InsightVizNode", "source": {"kind": "TrendsQuery"}}
    )
    #: How long one computation takes, seconds.
    seconds: float = 1.0
    result: Any = None
    last_refresh: float | None = None
    #: The computation fails with this message.
    broken: str | None = None
    #: The SQL is invalid: executing it inside a request answers 400 for the whole dashboard.
    broken_sql: str | None = None
    #: The query no longer validates (key `error`).
    invalid: dict[str, str] | None = None
    readable: bool = True
    text: str | None = None
    #: So many kicks are refused with concurrency_limit_exceeded.
    refusals: int = 0
    #: Reads show a new result only so many seconds after the status says complete.
    lag: float = 0.0
    #: The server loses this many computations without a trace.
    losses: int = 0
    #: Query status records carry no end time, or are kept only so long.
    record_seconds: float = 1200.0

    @property
    def key(self) -> str:
        return f"cache_1_{self.id}"


@dataclass
class Job:
    tile: FakeTile
    start: float
    end: float


@dataclass
class FakeBoard:
    id: int
    name: str
    tiles: list[FakeTile]
    tags: list[str] = field(default_factory=list)
    pinned: bool = False
    deleted: bool = False


class FakePostHog:
    """The server and the driver in one: every request and every wait moves its clock."""

    def __init__(self, *, workers: int = 4, latency: float = 0.05) -> None:
        self.time = START
        self.latency = latency
        self.free = [0.0] * workers
        self.boards: dict[int, FakeBoard] = {}
        self.jobs: dict[str, Job] = {}
        self.log: list[Request] = []
        self.slept: list[float] = []
        #: Seconds after which a proxy cuts a request.
        self.proxy_timeout = 60.0
        #: (pattern of "METHOD path?refresh", how often, what happens)
        self.faults: list[list[Any]] = []
        self.version = 0
        self.date_header = True
        self.may_poll = True
        self.accept: dict[str, Any] = {}

    # set-up

    def board(
        self, board_id: int, *tiles: FakeTile, name: str = "", tags: list[str] | None = None, **facts: Any
    ) -> FakeBoard:
        board = FakeBoard(board_id, name or f"Board {board_id}", list(tiles), tags or [], **facts)
        self.boards[board_id] = board
        return board

    def warm(self, ago: float = 3600.0) -> None:
        """Everything was computed a while ago."""
        for board in self.boards.values():
            for tile in board.tiles:
                if tile.text is None and tile.readable and tile.invalid is None:
                    tile.result, tile.last_refresh = [{"version": 0}], self.time - ago

    def fault(self, pattern: str, what: Any, times: int = 1) -> None:
        self.faults.append([re.compile(pattern), times, what])

    # driving flows

    def run(self, flow: Any) -> Any:
        return run(flow, self)

    def flows(self, **facts: Any) -> FlowClient:
        return FlowClient(1, retry=RetryPolicy(attempts=1), host=HOST, **facts)

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.slept.append(seconds)
        self.time += seconds

    def open(self, request: Request) -> Opened:
        reply = self.send(request)
        if reply.status >= 300:
            return Opened(reply)
        return Opened(replace(reply, content=b""), chunks=iter([reply.content]), close=lambda: None)

    def count(self, pattern: str) -> int:
        return sum(bool(re.search(pattern, self._line(request))) for request in self.log)

    @staticmethod
    def _line(request: Request) -> str:
        refresh = request.params.get("refresh")
        return f"{request.method} {request.path}" + (f"?refresh={refresh}" if refresh else "")

    # serving

    def send(self, request: Request) -> Reply:
        self.log.append(request)
        self.time += self.latency
        line = self._line(request)
        for fault in self.faults:
            if fault[1] > 0 and fault[0].search(line):
                fault[1] -= 1
                what = fault[2]
                if isinstance(what, Exception):
                    raise what
                return self._reply(request, *what)
        path = request.path.removeprefix("/api/projects/1")
        refresh = str(request.params.get("refresh", "force_cache"))
        if match := re.fullmatch(r"/dashboards/(\d+)/", path):
            return self._dashboard(request, int(match[1]), refresh)
        if path == "/dashboards/":
            return self._list(request)
        if match := re.fullmatch(r"/insights/(\d+)/", path):
            return self._insight(request, int(match[1]), refresh)
        if match := re.fullmatch(r"/query/(\w+)/", path):
            return self._query(request, match[1])
        if path in self.accept:
            return self._reply(request, *self.accept[path])
        return self._reply(
            request,
            404,
            {"type": "invalid_request", "code": "not_found", "detail": "Endpoint not found.", "attr": None},
        )

    def _reply(self, request: Request, status: int, body: Any, **headers: str) -> Reply:
        date = {"date": format_datetime(datetime.fromtimestamp(int(self.time), tz=timezone.utc), usegmt=True)}
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return Reply(status, {**(date if self.date_header else {}), **headers}, content, request)

    def _error(
        self, request: Request, status: int, detail: str, code: str = "not_found", kind: str = "invalid_request"
    ) -> Reply:
        return self._reply(request, status, {"type": kind, "code": code, "detail": detail, "attr": None})

    def _settle(self) -> None:
        for job in self.jobs.values():
            tile = job.tile
            if (
                job.end + tile.lag <= self.time
                and (tile.last_refresh or 0) < job.end
                and not (tile.broken or tile.broken_sql)
            ):
                tile.result, tile.last_refresh = [{"version": self.version}], job.end

    def _enqueue(self, tile: FakeTile) -> None:
        worker = self.free.index(min(self.free))
        start = max(self.time, self.free[worker])
        self.free[worker] = start + tile.seconds
        self.jobs[tile.key] = Job(tile, start, start + tile.seconds)

    def _dashboard(self, request: Request, board_id: int, refresh: str) -> Reply:
        board = self.boards.get(board_id)
        if board is None or board.deleted:
            return self._error(request, 404, "Not found.")
        self._settle()
        refused: set[int] = set()
        insights = [tile for tile in board.tiles if tile.text is None and tile.readable and tile.invalid is None]
        if refresh in ("force_blocking", "blocking"):
            if (bad := next((tile for tile in insights if tile.broken_sql), None)) is not None:
                return self._error(request, 400, str(bad.broken_sql), "invalid_input", "validation_error")
            begun = self.time
            at = begun
            for tile in insights:
                if refresh == "blocking" and tile.last_refresh is not None and begun - tile.last_refresh < 21600:
                    continue
                if tile.refusals:
                    tile.refusals -= 1
                    refused.add(tile.id)
                    continue
                at += tile.seconds
                self.jobs[tile.key] = Job(tile, at - tile.seconds, at)
            if at - begun > self.proxy_timeout:
                self.time = begun + self.proxy_timeout
                self.version += 1
                raise PostHogConnectionError("Could not read: timed out", sent=True, timed_out=True)
            self.time = at
            self._settle()
            self.jobs = {key: job for key, job in self.jobs.items() if job.tile not in insights}
        if refresh == "force_async":
            for tile in insights:
                if tile.refusals:
                    tile.refusals -= 1
                    refused.add(tile.id)
                else:
                    self._enqueue(tile)
        tiles = [self._tile(tile, order, refresh, tile.id in refused) for order, tile in enumerate(board.tiles)]
        if refresh == "force_async":
            for tile in insights:
                if tile.losses and tile.id not in refused:
                    tile.losses -= 1
                    self.jobs.pop(tile.key)
        return self._reply(
            request,
            200,
            {
                "id": board.id,
                "name": board.name,
                "tags": board.tags,
                "filters": {},
                "variables": {},
                "last_refresh": None,
                "team_id": 1,
                "tiles": tiles,
            },
        )

    def _tile(self, tile: FakeTile, order: int, refresh: str, refused: bool) -> dict[str, Any]:
        shape: dict[str, Any] = {"id": tile.id, "order": order, "insight": None, "text": None, "button_tile": None}
        if tile.text is not None:
            return {**shape, "text": {"id": tile.id, "body": tile.text}}
        shape["insight"] = self._shape(tile, refresh, refused)
        return {**shape, "error": tile.invalid} if tile.invalid else shape

    def _shape(self, tile: FakeTile, refresh: str, refused: bool = False) -> dict[str, Any]:
        if not tile.readable:
            return {"id": 1000 + tile.id, "short_id": f"s{tile.id}", "user_access_level": "none"}
        insight: dict[str, Any] = {
            "id": 1000 + tile.id,
            "short_id": f"s{tile.id}",
            "name": tile.name,
            "derived_name": tile.derived_name,
            "query": tile.query,
            "result": tile.result,
            "last_refresh": iso(tile.last_refresh) if tile.last_refresh is not None else None,
            "is_cached": True,
            "query_status": None,
            "filters_hash": tile.key,
            "timezone": "UTC",
            "hasMore": False,
            "columns": None,
            "types": None,
        }
        if refused:
            error = {"id": tile.key, "complete": True, "error": True, "error_message": "concurrency_limit_exceeded"}
            return {**insight, "result": None, "last_refresh": iso(self.time), "query_status": error}
        if refresh == "force_async":
            running = {"id": tile.key, "complete": False, "error": False, "query_async": True, "results": None}
            return {**insight, "result": None, "last_refresh": None, "query_status": running}
        if refresh in ("blocking", "force_blocking") and tile.broken:
            error = {"id": tile.key, "complete": True, "error": True, "error_message": tile.broken}
            return {**insight, "result": None, "query_status": error}
        return insight

    def _insight(self, request: Request, insight_id: int, refresh: str) -> Reply:
        tile = next((t for b in self.boards.values() for t in b.tiles if 1000 + t.id == insight_id), None)
        if tile is None:
            return self._error(request, 404, "Not found.")
        self._settle()
        if refresh in ("force_blocking", "blocking"):
            if tile.broken_sql:
                return self._error(request, 400, tile.broken_sql, "invalid_input", "validation_error")
            self.time += tile.seconds
            if not tile.broken:
                tile.result, tile.last_refresh = [{"version": self.version}], self.time
        return self._reply(request, 200, self._shape(tile, refresh))

    def _query(self, request: Request, key: str) -> Reply:
        if not self.may_poll:
            return self._error(
                request, 403, "API key missing required scope 'query:read'", "permission_denied", "authentication_error"
            )
        job = self.jobs.get(key)
        if job is None or self.time > job.end + job.tile.record_seconds:
            return self._error(request, 404, f"Query {key} not found for team 1")
        if request.method == "DELETE":
            return self._reply(request, 200, {"message": "Query task cancelled"})
        status: dict[str, Any] = {
            "id": key,
            "team_id": 1,
            "query_async": True,
            "complete": False,
            "error": False,
            "error_message": None,
            "results": None,
            "start_time": iso(job.start),
        }
        if job.end > self.time:
            return self._reply(request, 202, {"query_status": status})
        status.update(complete=True, end_time=iso(job.end))
        message = job.tile.broken or job.tile.broken_sql
        if message:
            status.update(error=True, error_message=message)
            return self._reply(request, 400, {"query_status": status})
        return self._reply(request, 200, {"query_status": status})

    def _list(self, request: Request) -> Reply:
        rows = [
            {"id": b.id, "name": b.name, "description": "", "pinned": b.pinned, "tags": b.tags}
            for b in self.boards.values()
            if not b.deleted
        ]
        start, limit = int(str(request.params.get("offset", 0))), int(str(request.params.get("limit", 100)))
        more = "more" if start + limit < len(rows) else None
        return self._reply(
            request, 200, {"count": len(rows), "next": more, "previous": None, "results": rows[start : start + limit]}
        )


@pytest.fixture
def posthog() -> FakePostHog:
    return FakePostHog()


@pytest.fixture
def tile() -> type[FakeTile]:
    return FakeTile
