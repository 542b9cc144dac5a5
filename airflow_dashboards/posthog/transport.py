"""The two drivers: what flows ask for, done with httpx. What decides lives elsewhere; here are sockets and clocks."""

from __future__ import annotations

import asyncio
import threading
import time
from functools import lru_cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING, Any

import httpx

from airflow_dashboards import __version__
from airflow_dashboards.posthog.arguments import json_text
from airflow_dashboards.posthog.call import succeeded
from airflow_dashboards.posthog.credentials import Authenticator, Credential, CredentialKind
from airflow_dashboards.posthog.errors import AuthenticationError, PostHogConnectionError, PostHogError, RateLimitError
from airflow_dashboards.posthog.failures import could_not, failure, quote, read_body
from airflow_dashboards.posthog.flow import Opened, Reply, Request
from airflow_dashboards.posthog.retry import RetryPolicy, retry_after

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

    from airflow_dashboards.posthog.budget import Budget

#: Failures before a connection stood: the server certainly did not see the request.
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol, httpx.InvalidURL)
_LOGIN_PATH = "/api/login"


@lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    # Reading the certificates takes tens of milliseconds: once per process is enough.
    return httpx.create_ssl_context()


class Wire:
    """What both drivers share: how a request is written, how an answer and a failure are read."""

    def __init__(
        self, host: str, credential: Credential, *, timeout: float, retry: RetryPolicy, budget: Budget | None
    ) -> None:
        self.host = host
        self.auth = Authenticator(credential, host)
        self.timeout = timeout
        self.patience = retry.max_retry_after
        # Sessions and OAuth tokens are not limited (contract 2.3).
        self.budget = budget if credential.kind is CredentialKind.PERSONAL_API_KEY else None

    def options(self) -> dict[str, Any]:
        """Arguments of the httpx client."""
        return {
            "headers": {"accept": "application/json", "user-agent": f"airflow-dashboards/{__version__}"},
            "timeout": httpx.Timeout(self.timeout, connect=min(self.timeout, 15.0)),
            "follow_redirects": False,
            # Sessions are followed by the authenticator; nobody else needs cookies.
            "cookies": CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            "verify": _tls(),
        }

    def arguments(self, request: Request) -> dict[str, Any]:
        """Arguments of `build_request`."""
        headers = self.auth.headers(request.method)
        written: dict[str, Any] = {"method": request.method, "url": self.host + request.path, "headers": headers}
        if request.params:
            written["params"] = dict(request.params)
        if request.json is not None:
            headers["content-type"] = "application/json"
            written["content"] = json_text(request.json, "The request's body").encode()
        return written

    def reply(self, request: Request, response: httpx.Response) -> Reply:
        """What a flow sees of an answer. Errors are cleaned of secrets, should the server have echoed one."""
        content = response.content
        headers: Any = response.headers
        if not response.is_success or "json" not in headers.get("content-type", ""):
            content = self.auth.redact(content)
            headers = {name: self.auth.redact(value.encode()).decode() for name, value in response.headers.items()}
        if self.auth.credential.kind is CredentialKind.SESSION:
            self.auth.remember({cookie.name: cookie.value or "" for cookie in response.cookies.jar})
        return Reply(response.status_code, headers, content, request, url=self._url(response))

    def _url(self, response: httpx.Response) -> str:
        return self.auth.redact(str(response.request.url).encode()).decode() if not response.is_success else ""

    def reserve(self, request: Request) -> float:
        """Seconds to wait for the key's budget.

        Raises:
            RateLimitError: It would take longer than the retry policy waits for a server.
        """
        if self.budget is None:
            return 0.0
        wait = self.budget.reserve(request.bucket, time.time(), patience=self.patience)
        if wait > self.patience:
            raise RateLimitError(
                f"{could_not(request)}: not sent, because this key's request budget for {request.bucket} is spent for "
                f"another {wait:.0f} seconds. Run fewer dashboards at once, or use a second key.",
                method=request.method,
                path=request.path,
                retry_after=wait,
            )
        return wait

    def note(self, reply: Reply) -> None:
        """Let every user of the budget know of a refusal."""
        if self.budget is not None and reply.status == 429:
            now = time.time()
            wait = retry_after(reply.headers, read_body(reply.content).words, now=now)
            if wait is not None:
                self.budget.note_throttled(reply.request.bucket, now + wait)

    def expired(self, reply: Reply) -> bool:
        """Whether an answer says that the session is no more, and a new log-in may help."""
        return (
            self.auth.can_log_in
            and reply.status in {401, 403}
            and isinstance(failure(reply, now=0.0), AuthenticationError)
        )

    def login_request(self) -> Request:
        """`POST /api/login` (contract 3.23)."""
        body = self.auth.login_body()
        self.auth.forget_session()
        return Request("POST", _LOGIN_PATH, json=body, idempotent=False, intent="log in")

    def finish_login(self, reply: Reply) -> None:
        """Judge the answer to a log-in.

        Raises:
            PostHogError: There is no session.
        """
        advice = (
            "Check e-mail and password in the connection. Users with single sign-on or a second factor can not log in "
            "this way: use a personal API key, or the cookies of a browser session."
        )
        if reply.status in {400, 401, 403}:
            body = read_body(reply.content)
            raise AuthenticationError(
                f"Could not log in: PostHog answered {reply.status} to POST {self.host}{_LOGIN_PATH}: "
                f"{quote(body.words or 'without saying why')} {advice}",
                status=reply.status,
                code=body.code,
                detail=body.words,
                method="POST",
                path=_LOGIN_PATH,
            )
        if not succeeded(reply):
            raise failure(reply, now=time.time())
        if not self.auth.logged_in():
            raise AuthenticationError(
                f"Could not log in: PostHog answered {reply.status} to POST {self.host}{_LOGIN_PATH} but gave no "
                f"session. {advice}",
                status=reply.status,
                method="POST",
                path=_LOGIN_PATH,
            )

    def failure(self, request: Request, error: Exception) -> PostHogError:
        """What became of a request that got no answer."""
        facts = {"method": request.method, "path": request.path}
        target = f"{request.method} {self.host}{request.path}"
        timed_out = isinstance(error, httpx.TimeoutException)
        sent = not isinstance(error, _NOT_SENT)
        words = self.auth.redact(quote(str(error), 200).encode()).decode() or type(error).__name__
        if not sent:
            said = f"{could_not(request)}: PostHog can not be reached at {self.host} ({target}): {words}. "
            advice = "Check the host in the connection, and that this machine may reach it."
        elif timed_out:
            said = f"{could_not(request)}: no answer within {self.timeout:g} seconds ({target}). "
            advice = (
                "The calculation may still finish: read it later with refresh=force_cache."
                if request.long_running
                else "Raise the timeout of the connection if the server is known to be slow."
            )
        else:
            said = f"{could_not(request)}: the connection broke before the answer was complete ({target}): {words}. "
            advice = "" if request.idempotent else "PostHog may have done it all the same: look before repeating it."
        return PostHogConnectionError((said + advice).strip(), sent=sent, timed_out=timed_out, **facts)


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
                self.wire.finish_login(self._transmit(self.wire.login_request()))

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
        wait = self.wire.reserve(request)
        if wait > 0:
            self.sleep(wait)
        client = self._connected()
        return client, client.build_request(**self.wire.arguments(request))

    def _transmit(self, request: Request) -> Reply:
        client, message = self._prepared(request)
        try:
            response = client.send(message)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise self.wire.failure(request, error) from None
        reply = self.wire.reply(request, response)
        self.wire.note(reply)
        return reply

    def _begin(self, request: Request) -> Opened:
        client, message = self._prepared(request)
        try:
            response = client.send(message, stream=True)
            if not response.is_success:
                response.read()
                response.close()
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise self.wire.failure(request, error) from None
        if not response.is_success:
            reply = self.wire.reply(request, response)
            self.wire.note(reply)
            return Opened(reply)
        return Opened(
            Reply(response.status_code, response.headers, b"", request),
            chunks=self._chunks(request, response),
            close=response.close,
        )

    def _chunks(self, request: Request, response: httpx.Response) -> Iterator[bytes]:
        try:
            yield from response.iter_bytes()
        except (httpx.HTTPError, httpx.StreamError) as error:
            raise self.wire.failure(request, error) from None


class AsyncDriver:
    """Drives flows with an `httpx.AsyncClient`, made in the event loop that uses it, and never blocks that loop."""

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
                self.wire.finish_login(await self._transmit(self.wire.login_request()))

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
            tls_ready = _tls.cache_info().currsize > 0
            if not tls_ready:
                await asyncio.to_thread(_tls)
            # Another task may have been here meanwhile. Connections and locks of an earlier loop are dead in this one.
            if self._client is None or self._loop is not loop:
                self._client = httpx.AsyncClient(transport=self._transport, **self.wire.options())
                self._loop = loop
                self._login_lock = asyncio.Lock()
        return self._client

    async def _prepared(self, request: Request) -> tuple[httpx.AsyncClient, httpx.Request]:
        wait = self.wire.reserve(request)
        if wait > 0:
            await self.sleep(wait)
        client = await self._connected()
        return client, client.build_request(**self.wire.arguments(request))

    async def _transmit(self, request: Request) -> Reply:
        client, message = await self._prepared(request)
        try:
            response = await client.send(message)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise self.wire.failure(request, error) from None
        reply = self.wire.reply(request, response)
        self.wire.note(reply)
        return reply

    async def _begin(self, request: Request) -> Opened:
        client, message = await self._prepared(request)
        try:
            response = await client.send(message, stream=True)
            if not response.is_success:
                await response.aread()
                await response.aclose()
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise self.wire.failure(request, error) from None
        if not response.is_success:
            reply = self.wire.reply(request, response)
            self.wire.note(reply)
            return Opened(reply)
        return Opened(
            Reply(response.status_code, response.headers, b"", request),
            chunks=self._chunks(request, response),
            close=response.aclose,
        )

    async def _chunks(self, request: Request, response: httpx.Response) -> AsyncIterator[bytes]:
        try:
            async for chunk in response.aiter_bytes():
                yield chunk
        except (httpx.HTTPError, httpx.StreamError) as error:
            raise self.wire.failure(request, error) from None
