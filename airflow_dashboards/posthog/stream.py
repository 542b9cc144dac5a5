"""The tile stream: from server-sent events to typed ones (contract 4.8). Sans-I/O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from pydantic import ValidationError as ModelError
from pydantic_core import from_json

from airflow_dashboards.posthog.errors import PostHogProtocolError
from airflow_dashboards.posthog.failures import could_not, quote
from airflow_dashboards.posthog.models import StreamError, StreamMetadata, StreamTile, TileEvent
from airflow_dashboards.posthog.sse import EventDecoder

if TYPE_CHECKING:
    from airflow_dashboards.posthog.flow import Flow, Opened, Request

T = TypeVar("T")


class Reader(Protocol[T]):
    """Turns the bytes of a stream into events."""

    def feed(self, chunk: bytes) -> list[T]:
        """Take the next bytes; the events they complete."""

    def end(self) -> None:
        """The stream has ended; raise if it was not complete."""


@dataclass(frozen=True, slots=True)
class Stream(Generic[T]):
    """How to open a stream, and how to read it. A driver does both."""

    opening: Flow[Opened]
    reader: Reader[T]
    request: Request


class TileReader:
    """Reads one tile stream.

    Example:
        >>> reader = TileReader(request)
        >>> for chunk in chunks:
        ...     for event in reader.feed(chunk):
        ...         print(event)
        >>> reader.end()
    """

    def __init__(self, request: Request, decoder: EventDecoder | None = None) -> None:
        self._request = request
        self._decoder = decoder or EventDecoder()
        self._complete = False
        self._last_words: str | None = None

    def feed(self, chunk: bytes) -> list[TileEvent]:
        """Take the next bytes.

        Raises:
            PostHogProtocolError: They are not events of a tile stream.
        """
        events = []
        for data in self._decoder.feed(chunk):
            event = None if self._complete else self._event(data)
            if event is not None:
                events.append(event)
        return events

    def end(self) -> None:
        """The stream has ended.

        Raises:
            PostHogProtocolError: It had not said that it was complete.
        """
        if not self._complete:
            reason = f" PostHog said: {self._last_words}." if self._last_words else ""
            raise PostHogProtocolError(
                f"{could_not(self._request)}: the stream ended before it was complete.{reason} "
                "Read the dashboard with dashboards.get instead.",
                broken=True,
                method=self._request.method,
                path=self._request.path,
                detail=self._last_words,
            )

    def _event(self, data: str) -> TileEvent | None:
        try:
            value: Any = from_json(data)
        except ValueError:
            raise self._garbled("an event that is not JSON") from None
        kind = value.get("type") if isinstance(value, dict) else None
        try:
            if kind == "metadata":
                return StreamMetadata.model_validate(value)
            if kind == "tile":
                return StreamTile.model_validate(value)
            if kind == "error":
                error = StreamError.model_validate(value)
                if error.tile_id is None and error.error:
                    self._last_words = quote(error.error)
                return error
        except ModelError as error:
            field_name = ".".join(map(str, error.errors(include_input=False)[0]["loc"]))
            raise self._garbled(
                f"a {kind} event of another shape than PostHog's, at {quote(field_name, 200)}"
            ) from None
        if kind == "complete":
            self._complete = True
        elif not isinstance(value, dict):
            raise self._garbled("an event that is not an object")
        return None

    def _garbled(self, what: str) -> PostHogProtocolError:
        return PostHogProtocolError(
            f"{could_not(self._request)}: the stream brought {what}.",
            method=self._request.method,
            path=self._request.path,
        )
