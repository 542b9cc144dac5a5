"""One call: send, judge the answer, repeat what may be repeated, read the result. Once, for every endpoint and face."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

from pydantic import TypeAdapter
from pydantic import ValidationError as ModelError

from airflow_dashboards.posthog.capabilities import ACTIONS, Capabilities
from airflow_dashboards.posthog.credentials import CredentialKind
from airflow_dashboards.posthog.errors import (
    EndpointNotFoundError,
    KeyNotAccepted,
    PostHogError,
    PostHogProtocolError,
)
from airflow_dashboards.posthog.failures import (
    could_not,
    failure,
    html_message,
    looks_like_html,
    quote,
    read_body,
    where,
)
from airflow_dashboards.posthog.flow import Flow, Now, Open, Opened, Receive, Reply, Request, Send, Sleep
from airflow_dashboards.posthog.models import Answer
from airflow_dashboards.posthog.retry import RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable
    from datetime import datetime

    from pydantic_core import ErrorDetails

    from airflow_dashboards.posthog.observer import Observed, Observer

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Context:
    """What every call of a client shares."""

    project_id: int | str
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    capabilities: Capabilities = field(default_factory=Capabilities)
    credential_kind: CredentialKind = CredentialKind.PERSONAL_API_KEY
    #: Spreads repeats; injectable, so that tests need no luck.
    spread: Callable[[], float] = random.random
    #: Who watches the calls; nobody costs nothing.
    observer: Observer | None = None


def succeeded(reply: Reply) -> bool:
    """Whether an answer is a success."""
    return 200 <= reply.status < 300


def call(
    context: Context, request: Request, parse: Callable[[Reply], T], accepts: Callable[[Reply], bool] = succeeded
) -> Flow[T]:
    """Send a request, again where that is safe, and parse its answer.

    Raises:
        PostHogError: Of the last attempt, with `attempts` set.
    """

    def once() -> Flow[T]:
        reply = yield Send(request)
        if accepts(reply):
            return parse(reply)
        raise failure(
            reply, now=(yield Now()), credential_kind=context.credential_kind.value, project_id=context.project_id
        )

    return _repeat(context, request, once)


def open_stream(context: Context, request: Request) -> Flow[Opened]:
    """As `call`, for an answer that is read piece by piece."""

    def once() -> Flow[Opened]:
        opened: Opened = yield Open(request)
        if opened.chunks is not None:
            return opened
        raise failure(
            opened.reply,
            now=(yield Now()),
            credential_kind=context.credential_kind.value,
            project_id=context.project_id,
        )

    return _repeat(context, request, once)


class Reader(Protocol[T_co]):
    """Makes something of a body that arrives in pieces."""

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes. Must not raise: what is wrong with them is told at the end."""

    def end(self, reply: Reply) -> T_co:
        """Return what the body said; `reply` is the answer without it."""


def receive(context: Context, request: Request, reader: Callable[[], Reader[T]]) -> Flow[T]:
    """As `call`, for an answer that may be too large to be held as a whole; each attempt has a reader of its own."""

    def once() -> Flow[T]:
        reading = reader()
        reply = yield Receive(request, reading.feed)
        if succeeded(reply):
            return reading.end(reply)
        raise failure(
            reply, now=(yield Now()), credential_kind=context.credential_kind.value, project_id=context.project_id
        )

    return _repeat(context, request, once)


def _repeat(context: Context, request: Request, once: Callable[[], Flow[T]]) -> Flow[T]:
    if context.observer is None:
        return _attempts(context, request, once)
    return _watched(context.observer, context, request, once)


def _watched(observer: Observer, context: Context, request: Request, once: Callable[[], Flow[T]]) -> Flow[T]:
    observed = observer.began(request)
    try:
        result = yield from _attempts(context, request, once, observed)
    except BaseException as error:  # a flow that is given up is closed, which is no Exception
        observed.ended(error)
        raise
    observed.ended(None)
    return result


def _attempts(
    context: Context, request: Request, once: Callable[[], Flow[T]], observed: Observed | None = None
) -> Flow[T]:
    attempt = 1
    first_failure: float | None = None
    while True:
        try:
            result = yield from once()
        except PostHogError as error:
            error.attempts = attempt
            _learn_from(error, context, request)
            now: float = yield Now()
            first_failure = now if first_failure is None else first_failure
            delay = context.retry.delay(
                request, error, attempt=attempt, elapsed=now - first_failure, spread=context.spread()
            )
            if observed is not None:
                observed.failed(error, delay=delay)
            if delay is None:
                raise
        else:
            if request.action in ACTIONS:
                context.capabilities.note_available(request.action, context.credential_kind)
            return result
        yield Sleep(delay)
        attempt += 1


def _learn_from(error: PostHogError, context: Context, request: Request) -> None:
    if not request.action:
        return
    if isinstance(error, KeyNotAccepted):
        context.capabilities.note_key_refused(request.action)
    elif isinstance(error, EndpointNotFoundError):
        context.capabilities.note_missing(request.action)


@lru_cache(maxsize=256)
def _adapter(kind: Hashable) -> TypeAdapter[Any]:
    return TypeAdapter(cast("Any", kind))


@lru_cache(maxsize=64)
def _instant(date: str) -> datetime | None:
    try:
        return parsedate_to_datetime(date)
    except (ValueError, TypeError, IndexError):
        return None


def answer(kind: type[T]) -> Callable[[Reply], T]:
    """A parser of answers of one type, e.g. `answer(Dashboard)` or `answer(list[DataColorTheme])`."""
    adapter = _adapter(cast("Hashable", kind))

    def parse(reply: Reply) -> T:
        try:
            value = adapter.validate_json(reply.content)
        except ModelError as error:
            raise unreadable(reply, error) from None
        if isinstance(value, Answer):
            note_headers(value, reply)
        return cast("T", value)

    return parse


def note_headers(value: Answer, reply: Reply) -> None:
    """Write down what an answer's headers say."""
    date = reply.headers.get("date")
    value.server_time = _instant(date) if date else None
    value.request_id = reply.headers.get("x-request-id")


def nothing(reply: Reply) -> None:
    """The parser of answers without content."""
    if looks_like_html(reply.content):
        raise PostHogProtocolError(
            html_message(reply, read_body(reply.content).words),
            status=reply.status,
            method=reply.request.method,
            path=reply.request.path,
        )


def unreadable(reply: Reply, error: ModelError) -> PostHogProtocolError:
    """The exception for a good answer that is not what the endpoint answers."""
    facts: dict[str, Any] = {
        "status": reply.status,
        "method": reply.request.method,
        "path": reply.request.path,
        "request_id": reply.headers.get("x-request-id"),
    }
    if looks_like_html(reply.content):
        return PostHogProtocolError(html_message(reply, read_body(reply.content).words), **facts)
    # Inputs are left out: they are data, which does not belong into a message.
    first: ErrorDetails = error.errors(include_url=False, include_context=False, include_input=False)[0]
    what = f"{could_not(reply.request)}: {where(reply)} answered {reply.status}"
    if first["type"] == "json_invalid":
        size = f"{len(reply.content)} bytes" if reply.content.strip() else "an empty body"
        return PostHogProtocolError(
            f"{what} with {size} that are not whole JSON ({quote(first['msg'], 200)}). "
            "The answer was probably cut on its way, or something between here and PostHog replaced it.",
            broken=True,
            **facts,
        )
    field_name = ".".join(map(str, first["loc"])) or "the answer as a whole"
    return PostHogProtocolError(
        f"{what} with JSON of another shape than PostHog's: {quote(field_name, 200)}: {quote(first['msg'], 200)}. "
        "Check that the host of the connection is PostHog, and of a build that this client knows.",
        attr=field_name,
        **facts,
    )
