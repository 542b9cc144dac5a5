"""Flows: what to do next, without doing it.

A flow is a generator that *yields* steps (send this request, wait that long, what time is it) and receives their
outcome. It never touches a socket or a clock, so retries, paging, polling and the whole refresh cycle are written once,
serve a synchronous and an asynchronous world, and are tested without a network or a sleep.

Example:
    >>> def twice(request: Request) -> Flow[int]:
    ...     first = yield Send(request)
    ...     yield Sleep(1.5)
    ...     second = yield Send(request)
    ...     return first.status + second.status
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request, relative to the host: `path` starts with `/`, credentials are added by the transport."""

    method: str
    path: str
    params: Mapping[str, str | Sequence[str]] = field(default_factory=dict)
    json: Any = None
    #: Whether repeating it has no further effect, so that it may be sent again after a fault (contract 5.5).
    idempotent: bool = True
    #: Budget class of contract 2.3: `dashboards`, `insights` or `query`.
    bucket: str = "dashboards"
    #: What it is for, to complete "Could not …", e.g. `read dashboard 42`.
    intent: str = ""
    #: Name in the capability table, e.g. `snapshot` (contract 1.4).
    action: str = ""
    #: Whether the server works on it for so long that giving up waiting means that it is still at it.
    long_running: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer, whatever its status. `headers` has lower-case names."""

    status: int
    headers: Mapping[str, str]
    content: bytes
    request: Request
    #: Where it came from, in full and without secrets; empty when a test made it up.
    url: str = ""


@dataclass(frozen=True, slots=True)
class Opened:
    """An answer whose body is still to come: `chunks` is an iterator of bytes, asynchronous in an asynchronous world.

    `chunks` is None when the answer is an error; its body is in `reply` then. `close` ends the exchange early or late;
    asynchronous worlds await it.
    """

    reply: Reply
    chunks: Any = None
    close: Any = None


@dataclass(frozen=True, slots=True)
class Send:
    """Send one request; resumes with its `Reply`, or raises `PostHogConnectionError` into the flow."""

    request: Request


@dataclass(frozen=True, slots=True)
class Open:
    """Send one request and resume with `Opened` as soon as the answer begins."""

    request: Request


@dataclass(frozen=True, slots=True)
class Receive:
    """Send one request and hand the body of a good answer to `take`, piece by piece, as it arrives.

    Resumes with the `Reply`, without that body; an error's body is in it as usual. `take` must not raise.
    """

    request: Request
    take: Callable[[bytes], None]


@dataclass(frozen=True, slots=True)
class Sleep:
    """Wait `seconds`; resumes with None."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Now:
    """Resumes with the driver's clock: seconds since the epoch, UTC."""


@dataclass(frozen=True, slots=True)
class Gather:
    """Run flows at the same time, at most `limit` at once; resumes with their results in order.

    A flow that raised has its exception in the place of its result. The synchronous driver runs them one by one.
    """

    flows: Sequence[Generator[Any, Any, Any]]
    limit: int = 8


Step: TypeAlias = Send | Open | Receive | Sleep | Now | Gather
Flow: TypeAlias = Generator[Step, Any, T]


class Driver(Protocol):
    """What a flow needs from a synchronous world."""

    def send(self, request: Request) -> Reply:
        """Send one request; its answer, or `PostHogConnectionError`."""
        ...

    def open(self, request: Request) -> Opened:
        """Send one request; its answer as soon as it begins."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait."""
        ...

    def now(self) -> float:
        """Seconds since the epoch."""
        ...


class AsyncDriver(Protocol):
    """What a flow needs from an asynchronous world."""

    async def send(self, request: Request) -> Reply:
        """Send one request; its answer, or `PostHogConnectionError`."""
        ...

    async def open(self, request: Request) -> Opened:
        """Send one request; its answer as soon as it begins."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...

    def now(self) -> float:
        """Seconds since the epoch."""
        ...


def _settle(flow: Flow[Any], driver: Driver) -> Any:
    try:
        return run(flow, driver)
    except Exception as error:
        return error


def _receive(opened: Opened, take: Callable[[bytes], None]) -> Reply:
    if opened.chunks is not None:
        try:
            for chunk in opened.chunks:
                take(chunk)
        finally:
            opened.close()
    return opened.reply


def run(flow: Flow[T], driver: Driver) -> T:
    """Drive a flow to its end; returns what it returns, raises what it raises."""
    outcome: Any = None
    failure: Exception | None = None
    try:
        while True:
            step = flow.throw(failure) if failure is not None else flow.send(outcome)
            outcome, failure = None, None
            try:
                if isinstance(step, Send):
                    outcome = driver.send(step.request)
                elif isinstance(step, Sleep):
                    driver.sleep(step.seconds)
                elif isinstance(step, Now):
                    outcome = driver.now()
                elif isinstance(step, Open):
                    outcome = driver.open(step.request)
                elif isinstance(step, Receive):
                    outcome = _receive(driver.open(step.request), step.take)
                else:
                    outcome = [_settle(each, driver) for each in step.flows]
            except Exception as error:  # it belongs to the flow, which may know what to do
                failure = error
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]
    finally:
        flow.close()


async def _gather(step: Gather, driver: AsyncDriver) -> list[Any]:
    slots = asyncio.Semaphore(step.limit)

    async def one(flow: Flow[Any]) -> Any:
        async with slots:
            return await arun(flow, driver)

    return await asyncio.gather(*map(one, step.flows), return_exceptions=True)


async def _areceive(opened: Opened, take: Callable[[bytes], None]) -> Reply:
    if opened.chunks is not None:
        try:
            async for chunk in opened.chunks:
                take(chunk)
        finally:
            await opened.close()
    return opened.reply


async def arun(flow: Flow[T], driver: AsyncDriver) -> T:
    """Drive a flow to its end without blocking the event loop; the twin of `run`."""
    outcome: Any = None
    failure: Exception | None = None
    try:
        while True:
            step = flow.throw(failure) if failure is not None else flow.send(outcome)
            outcome, failure = None, None
            try:
                if isinstance(step, Send):
                    outcome = await driver.send(step.request)
                elif isinstance(step, Sleep):
                    await driver.sleep(step.seconds)
                elif isinstance(step, Now):
                    outcome = driver.now()
                elif isinstance(step, Open):
                    outcome = await driver.open(step.request)
                elif isinstance(step, Receive):
                    outcome = await _areceive(await driver.open(step.request), step.take)
                else:
                    outcome = await _gather(step, driver)
            except Exception as error:  # it belongs to the flow, which may know what to do
                failure = error
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]
    finally:
        flow.close()
