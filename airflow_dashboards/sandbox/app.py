"""The HTTP face: an ASGI application that takes a request through the checks, in PostHog's order.

Route, rendering, authentication, method, project, scopes, throttle; then the endpoint's own: consent, object lookup,
validation (contract 1.3, 2.4). Around it: faults, the log, the `Date` of the sandbox's clock.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from airflow_dashboards.sandbox import api, control
from airflow_dashboards.sandbox.auth import CredentialKind, check_scopes, find_project
from airflow_dashboards.sandbox.call import Call
from airflow_dashboards.sandbox.encode import encode
from airflow_dashboards.sandbox.errors import (
    RefusalError,
    method_not_allowed,
    not_found,
    of_status,
    server_error,
    throttled,
)
from airflow_dashboards.sandbox.incoming import Incoming
from airflow_dashboards.sandbox.routing import Answer, Endpoint, Router
from airflow_dashboards.sandbox.settings import Build

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import Message, Receive, Scope, Send

    from airflow_dashboards.sandbox.auth import Credential
    from airflow_dashboards.sandbox.connections import Connections
    from airflow_dashboards.sandbox.faults import Effects, Fault
    from airflow_dashboards.sandbox.instance import Instance
    from airflow_dashboards.sandbox.requestlog import Entry

_log = logging.getLogger(__name__)

#: How many requests may wait for computations at once. They only wait: the computing is the workers' part.
_MOST_WAITING = 512


class SandboxApp:
    """An ASGI application around an `Instance`; `connections` are those of the server that runs it."""

    def __init__(self, instance: Instance, connections: Connections) -> None:
        self._instance = instance
        self._connections = connections
        self._waiting: CapacityLimiter | None = None
        api.load()
        self._routers = {build: Router(build) for build in Build}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        body = await request.body()
        if scope["path"].startswith(control.PREFIX):
            response = await to_thread.run_sync(self._control, request, body)
            await response(scope, receive, _Outgoing(self._instance, send))
            return
        await self._serve(request, body, send)

    def _control(self, request: Request, body: bytes) -> Response:
        status, payload = control.handle(self._instance, request, body)
        return Response(encode(payload), status, media_type="application/json")

    async def _serve(self, request: Request, body: bytes, send: Send) -> None:
        begun = time.perf_counter()
        instance, scope = self._instance, request.scope
        query = scope["query_string"].decode("latin-1")
        incoming = Incoming(
            method=request.method,
            path=scope["path"],
            headers=request.headers,
            cookies=request.cookies if "cookie" in request.headers else {},
            query=parse_qs(query, keep_blank_values=True) if query else {},
            body=body,
            base_url=f"{scope['scheme']}://{request.headers.get('host', 'localhost')}{scope['path']}",
        )
        with instance.lock:
            entry = instance.log.open(incoming.method, incoming.path, query, instance.clock.now())
            effects = instance.faults.on_request(incoming.origin)
        entry.fault = effects.kind
        outgoing = _Outgoing(instance, send, entry, effects.fault, lambda: self._connections.close(scope["client"]))
        try:
            if effects.delay:
                await asyncio.sleep(effects.delay)
            response = await self._respond(incoming, entry, effects)
            # Before it is sent, so that whoever has the answer finds it in the log; a stream takes longer than this.
            entry.milliseconds = _milliseconds_since(begun)
            if response is None:
                self._connections.reset(scope["client"])
            else:
                await response(scope, request.receive, outgoing)
            if effects.kind in ("reset", "truncate"):
                await _disconnected(request)
        finally:
            entry.milliseconds = _milliseconds_since(begun)

    async def _respond(self, incoming: Incoming, entry: Entry, effects: Effects) -> Response | None:
        """The response; None where the connection is to be reset instead."""
        fault = effects.fault
        if fault is not None and fault.kind == "status":
            return _fault_response(fault)
        resets = fault is not None and fault.kind == "reset"
        if fault is not None and resets and fault.options.get("when") == "before":
            return None
        response = await self._answer(incoming, entry)
        return None if resets else response

    async def _answer(self, incoming: Incoming, entry: Entry) -> Response:
        try:
            with self._instance.lock:
                prepared = self._check(incoming, entry)
                if isinstance(prepared, Answer):
                    return _response(prepared)
                found, call = prepared
                if found.computes is None or not found.computes(call):
                    return _response(found.handler(call))
            self._waiting = self._waiting or CapacityLimiter(_MOST_WAITING)
            return await to_thread.run_sync(lambda: _response(found.handler(call)), limiter=self._waiting)
        except RefusalError as refusal:
            return _refusal(refusal)
        except Exception:
            _log.exception("sandbox: %s %s crashed", incoming.method, incoming.path)
            return _refusal(server_error())

    def _check(self, incoming: Incoming, entry: Entry) -> Answer | tuple[Endpoint, Call]:
        """Everything before the endpoint itself. Needs the lock."""
        instance = self._instance
        parts = _parts(incoming.path)
        if (handler := api.OPEN.get("/".join(parts))) is not None:
            incoming.negotiate()
            return handler(instance, incoming)
        if len(parts) < 3 or parts[0] != "projects":
            raise not_found("Endpoint not found.")
        match = self._routers[instance.settings.build].match(parts[2:])
        if match is None:
            raise not_found("Endpoint not found.")
        incoming.negotiate()
        credential = self._authenticate(incoming)
        entry.credential, entry.user = credential.kind.value, credential.user.id
        method = "GET" if incoming.method == "HEAD" else incoming.method
        found = match.methods.get(method)
        if found is None:
            raise method_not_allowed(incoming.method)
        entry.action = found.action
        project = find_project(instance.store, credential, parts[1])
        check_scopes(credential, found.scopes, instance.settings.build)
        self._throttle(credential, found)
        return found, Call(instance, incoming, credential, project, match.params)

    def _authenticate(self, incoming: Incoming) -> Credential:
        return self._instance.credentials.authenticate(
            self._instance.store,
            method=incoming.method,
            headers=incoming.headers,
            cookies=incoming.cookies,
            query_key=incoming.argument("personal_api_key"),
            body_key=incoming.body_key,
            now=self._instance.clock.now(),
        )

    def _throttle(self, credential: Credential, found: Endpoint) -> None:
        limited = self._instance.settings.rate_limits_enabled
        if not limited or credential.kind is not CredentialKind.PERSONAL_API_KEY or credential.key is None:
            return
        wait = self._instance.throttle.wait(credential.key.token, found.bucket, now=self._instance.clock.time())
        if wait:
            raise throttled(wait)


class _Outgoing:
    """`send`, with the sandbox's `Date`, the byte count of the log, and the faults of the connection."""

    def __init__(
        self,
        instance: Instance,
        send: Send,
        entry: Entry | None = None,
        fault: Fault | None = None,
        close: Callable[[], None] = lambda: None,
    ) -> None:
        self._instance = instance
        self._send = send
        self._entry = entry
        self._left = int(fault.value) if fault is not None and fault.kind == "truncate" else None
        self._close = close

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"].append((b"date", self._instance.clock.http_date().encode()))
            if self._entry:
                self._entry.status = message["status"]
        elif message["type"] == "http.response.body":
            body = message.get("body", b"")
            if self._left is not None:
                await self._cut(body, last=not message.get("more_body", False))
                return
            if self._entry:
                self._entry.bytes += len(body)
        await self._send(message)

    async def _cut(self, body: bytes, *, last: bool) -> None:
        """Send what the fault leaves of the body, then close without an end."""
        kept = body[: self._left]
        self._left = (self._left or 0) - len(kept)
        if self._entry:
            self._entry.bytes += len(kept)
        if kept:
            await self._send({"type": "http.response.body", "body": kept, "more_body": True})
        if self._left == 0 or last:
            self._close()


def _parts(path: str) -> list[str]:
    """The path behind `/api`, with the older spellings turned into the current one (contract 1.1)."""
    parts = path.strip("/").split("/")
    if parts[0] != "api":
        return []
    parts = parts[1:]
    if parts and parts[0] == "environments":
        parts[0] = "projects"
    if parts and parts[0] == "dashboard":
        parts[:1] = ["projects", "@current", "dashboards"]
    return parts


def _response(answer: Answer) -> Response:
    if answer.stream is not None:
        # As a header, because a media type would get a charset that PostHog does not send.
        return StreamingResponse(answer.stream, answer.status, {"Content-Type": "text/event-stream"})
    if answer.empty:
        return Response(status_code=answer.status)
    response = Response(encode(answer.payload), answer.status, media_type="application/json")
    for name, value in answer.cookies.items():
        response.set_cookie(name, value, path="/", samesite="lax", httponly=name == "sessionid")
    return response


def _refusal(refusal: RefusalError) -> Response:
    return Response(encode(refusal.body), refusal.status, refusal.headers, media_type="application/json")


def _fault_response(fault: Fault) -> Response:
    plain = of_status(fault.value) if fault.value >= 400 else RefusalError(fault.value, {})
    wanted: dict[str, str | None] = {**plain.headers, **fault.options.get("headers", {})}
    headers = {name: text for name, text in wanted.items() if text is not None}
    body: Any = fault.options.get("body", plain.body)
    if isinstance(body, str):
        return Response(body, fault.value, headers, media_type="text/html")
    return Response(encode(body), fault.value, headers, media_type="application/json")


def _milliseconds_since(begun: float) -> float:
    return round((time.perf_counter() - begun) * 1000, 3)


async def _disconnected(request: Request) -> None:
    """Wait until the server has noticed that the connection is gone."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
