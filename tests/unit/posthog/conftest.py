"""A world without sockets and clocks for flows to live in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from pydantic_core import to_json

from airflow_dashboards.posthog import Flow, FlowClient, Opened, Reply, Request, RetryPolicy, arun, run


def reply(status: int = 200, body: Any = None, headers: Mapping[str, str] | None = None) -> Callable[[Request], Reply]:
    """An answer, made when its request is known."""
    content = body if isinstance(body, bytes) else b"" if body is None else to_json(body)

    def answer(request: Request) -> Reply:
        return Reply(status, dict(headers or {}), content, request, url=f"https://posthog.test{request.path}")

    return answer


class Script:
    """A driver that answers from a list and notes what was asked of it."""

    def __init__(self, *answers: Callable[[Request], Reply] | Exception) -> None:
        self.answers = list(answers)
        self.requests: list[Request] = []
        self.slept: list[float] = []
        self.clock = 1_000_000.0

    def send(self, request: Request) -> Reply:
        self.requests.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer(request)

    def open(self, request: Request) -> Opened:
        answered = self.send(request)
        return Opened(answered, chunks=iter([answered.content]) if answered.status == 200 else None)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.clock += seconds

    def now(self) -> float:
        return self.clock

    def run(self, flow: Flow[Any]) -> Any:
        return run(flow, self)


class AsyncScript(Script):
    """The same for the asynchronous driver."""

    async def send(self, request: Request) -> Reply:  # type: ignore[override]
        return super().send(request)

    async def open(self, request: Request) -> Opened:  # type: ignore[override]
        return super().open(request)

    async def sleep(self, seconds: float) -> None:  # type: ignore[override]
        super().sleep(seconds)

    async def arun(self, flow: Flow[Any]) -> Any:
        return await arun(flow, self)


class World:
    """What tests of flows need, in one place."""

    reply = staticmethod(reply)
    Script = Script
    AsyncScript = AsyncScript

    @staticmethod
    def flows(**policy: Any) -> FlowClient:
        return FlowClient(7, retry=RetryPolicy(**policy))


@pytest.fixture
def world() -> type[World]:
    return World
