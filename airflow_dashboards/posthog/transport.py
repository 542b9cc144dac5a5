"""The two drivers: what flows ask for, done with httpx. What decides lives elsewhere; here are sockets and clocks."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING

import httpx

from airflow_dashboards.posthog.flow import Opened, Reply, Request
from airflow_dashboards.posthog.wire import Wire, tls

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator


class SyncDriver:
    """Drives flows with a blocking `httpx.Client`. Thread-safe."""

    def __init__(
        self,
        wire: Wire,
        transport: httpx.BaseTransport | None = None,
        *,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.wire = wire
        self.sleep = sleep
        self.now = now
        self._transport = transport
        self._client: httpx.Client | None = None
        self._lock = threading.Lock()
        self._login_lock = threading.Lock()

    def send(self, request: Request) -> Reply:
        """Send one request, logging in first where that is needed."""
        generation = self._signed_in()
        reply = self._transmit(request)
        if self.wire.expired(reply):
            self.login(unless_after=generation)
            reply = self._transmit(request)
        return reply

    def open(self, request: Request) -> Opened:
        """As `send`, for a body that is read piece by piece."""
        generation = self._signed_in()
        opened = self._begin(request)
        if opened.chunks is None and self.wire.expired(opened.reply):
            self.login(unless_after=generation)
            opened = self._begin(request)
        return opened

    def login(self, *, unless_after: int | None = None) -> None:
        """Log in, unless somebody has done so since generation `unless_after`."""
        with self._login_lock:
            if unless_after is None or self.wire.auth.generation == unless_after:
                self.wire.finish_login(
                    self._transmit(self.wire.login_request(first_refusal_counts=unless_after is not None))
                )

    def close(self) -> None:
        """Close the connections. The next request opens new ones."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def _signed_in(self) -> int:
        if self.wire.auth.needs_login:
            self.login(unless_after=self.wire.auth.generation)
        return self.wire.auth.generation

    def _connected(self) -> httpx.Client:
        with self._lock:
            if self._client is None:
                self._client = httpx.Client(transport=self._transport, **self.wire.options())
            return self._client

    def _prepared(self, request: Request) -> tuple[httpx.Client, httpx.Request]:
        wait = self.wire.reserve(request, self.now())
        if wait > 0:
            self.sleep(wait)
        client = self._connected()
        return client, self.wire.message(request)

    def _transmit(self, request: Request) -> Reply:
        try:
            client, message = self._prepared(request)
            response = client.send(message)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise self.wire.failure(request, error) from None
        reply = self.wire.reply(request, response)
        self.wire.note(reply, self.now())
        return reply

    def _begin(self, request: Request) -> Opened:
        try:
            client, message = self._prepared(request)
            response = client.send(message, stream=True)
            if not response.is_success:
                response.read()
                response.close()
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise self.wire.failure(request, error) from None
        if not response.is_success:
            reply = self.wire.reply(request, response)
            self.wire.note(reply, self.now())
            return Opened(reply)
        return Opened(
            Reply(response.status_code, response.headers, b"", request, url=self.wire.host + request.path),
            chunks=self._chunks(request, response),
            close=response.close,
        )

    def _chunks(self, request: Request, response: httpx.Response) -> Iterator[bytes]:
        try:
            yield from response.iter_bytes()
        except (httpx.HTTPError, httpx.StreamError) as error:
            raise self.wire.failure(request, error) from None


class AsyncDriver:
    """Drives flows with an `httpx.AsyncClient`, made in the event loop that uses it.

    Waits for nothing but the loop. Reading an answer's JSON is not handed to a thread: the parser holds the interpreter
    lock, so the loop would stand as long (measured: about 20 ms per MB, inline and in a thread alike).
    """

    def __init__(
        self,
        wire: Wire,
        transport: httpx.AsyncBaseTransport | None = None,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.wire = wire
        self.now = now
        self._sleep = sleep
        self._transport = transport
        self._client: httpx.AsyncClient | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._login_lock = asyncio.Lock()

    async def sleep(self, seconds: float) -> None:
        """Wait without blocking the loop."""
        await self._sleep(seconds)

    async def send(self, request: Request) -> Reply:
        """Send one request, logging in first where that is needed."""
        generation = await self._signed_in()
        reply = await self._transmit(request)
        if self.wire.expired(reply):
            await self.login(unless_after=generation)
            reply = await self._transmit(request)
        return reply

    async def open(self, request: Request) -> Opened:
        """As `send`, for a body that is read piece by piece."""
        generation = await self._signed_in()
        opened = await self._begin(request)
        if opened.chunks is None and self.wire.expired(opened.reply):
            await self.login(unless_after=generation)
            opened = await self._begin(request)
        return opened

    async def login(self, *, unless_after: int | None = None) -> None:
        """Log in, unless somebody has done so since generation `unless_after`."""
        await self._connected()
        async with self._login_lock:
            if unless_after is None or self.wire.auth.generation == unless_after:
                self.wire.finish_login(
                    await self._transmit(self.wire.login_request(first_refusal_counts=unless_after is not None))
                )

    async def aclose(self) -> None:
        """Close the connections. The next request opens new ones."""
        client, self._client = self._client, None
        if client is not None and self._loop is asyncio.get_running_loop():
            await client.aclose()

    async def _signed_in(self) -> int:
        if self.wire.auth.needs_login:
            await self.login(unless_after=self.wire.auth.generation)
        return self.wire.auth.generation

    async def _connected(self) -> httpx.AsyncClient:
        loop = asyncio.get_running_loop()
        if self._client is None or self._loop is not loop:
            tls_ready = tls.cache_info().currsize > 0
            if not tls_ready:
                await asyncio.to_thread(tls)
            # Another task may have been here meanwhile. Connections and locks of an earlier loop are dead in this one.
            if self._client is None or self._loop is not loop:
                self._client = httpx.AsyncClient(transport=self._transport, **self.wire.options())
                self._loop = loop
                self._login_lock = asyncio.Lock()
        return self._client

    async def _prepared(self, request: Request) -> tuple[httpx.AsyncClient, httpx.Request]:
        wait = self.wire.reserve(request, self.now())
        if wait > 0:
            await self.sleep(wait)
        client = await self._connected()
        return client, self.wire.message(request)

    async def _transmit(self, request: Request) -> Reply:
        try:
            client, message = await self._prepared(request)
            response = await client.send(message)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise self.wire.failure(request, error) from None
        reply = self.wire.reply(request, response)
        self.wire.note(reply, self.now())
        return reply

    async def _begin(self, request: Request) -> Opened:
        try:
            client, message = await self._prepared(request)
            response = await client.send(message, stream=True)
            if not response.is_success:
                await response.aread()
                await response.aclose()
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise self.wire.failure(request, error) from None
        if not response.is_success:
            reply = self.wire.reply(request, response)
            self.wire.note(reply, self.now())
            return Opened(reply)
        return Opened(
            Reply(response.status_code, response.headers, b"", request, url=self.wire.host + request.path),
            chunks=self._chunks(request, response),
            close=response.aclose,
        )

    async def _chunks(self, request: Request, response: httpx.Response) -> AsyncIterator[bytes]:
        try:
            async for chunk in response.aiter_bytes():
                yield chunk
        except (httpx.HTTPError, httpx.StreamError) as error:
            raise self.wire.failure(request, error) from None
