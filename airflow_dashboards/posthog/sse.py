"""Server-sent events, decoded from bytes split anywhere. Sans-I/O, with bounded memory (contract 4.8)."""

from __future__ import annotations

import codecs

from airflow_dashboards.posthog.errors import PostHogProtocolError

#: The largest single event that is accepted, in characters. A dashboard tile with a large table is some megabytes.
MAX_EVENT = 64 * 1024 * 1024


class EventDecoder:
    r"""Feed it bytes, get the data of the events that are complete.

    Follows the event-stream format: lines end in CR, LF or CRLF, `data` lines of one event are joined by a newline, a
    blank line ends the event, comments and other fields are ignored, and an event without data is none.

    Example:
        >>> decoder = EventDecoder()
        >>> decoder.feed(b'data: {"type":'), decoder.feed(b' "complete"}\n\n')
        ([], ['{"type": "complete"}'])
    """

    def __init__(self, max_event: int = MAX_EVENT) -> None:
        self._decode = codecs.getincrementaldecoder("utf-8-sig")(errors="replace").decode
        self._max_event = max_event
        self._line: list[str] = []  # pieces of the line that has not ended yet
        self._data: list[str] = []  # data lines of the event that has not ended yet
        self._size = 0
        self._after_cr = False

    def feed(self, chunk: bytes) -> list[str]:
        """Take the next bytes of the stream.

        Raises:
            PostHogProtocolError: An event is larger than `max_event`.
        """
        text = self._decode(chunk)
        if self._after_cr and text:
            # The first half of a CRLF came in the chunk before, and has ended its line already.
            self._after_cr = False
            text = text.removeprefix("\n")
        if text.endswith("\r"):
            self._after_cr = True
        *lines, rest = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        events: list[str] = []
        for line in lines:
            self._hold(line)
            whole = "".join(self._line)
            self._line.clear()
            self._end_line(whole, events)
        if rest:
            self._hold(rest)
        return events

    def _hold(self, piece: str) -> None:
        self._line.append(piece)
        self._size += len(piece)
        if self._size > self._max_event:
            raise PostHogProtocolError(f"An event of the stream is larger than {self._max_event} characters.")

    def _end_line(self, line: str, events: list[str]) -> None:
        if not line:
            if self._data:
                events.append("\n".join(self._data))
                self._data.clear()
            self._size = 0
            return
        field, _, value = line.partition(":")
        if field == "data":
            self._data.append(value.removeprefix(" "))
        else:
            self._size -= len(line)
