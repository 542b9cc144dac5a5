"""Dashboards of any size: read tile by tile while the answer arrives, and never in memory as a whole. Sans-I/O."""

from __future__ import annotations

import codecs
import re
from dataclasses import replace
from json import JSONDecodeError, JSONDecoder
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError as ModelError

from airflow_dashboards.packed import WORTH_PACKING, Packed
from airflow_dashboards.posthog.call import answer, note_headers, unreadable
from airflow_dashboards.posthog.errors import PostHogProtocolError
from airflow_dashboards.posthog.failures import could_not, looks_like_html, where
from airflow_dashboards.posthog.models import Dashboard, Tile

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_dashboards.posthog.flow import Reply

#: Bytes from which an answer is read tile by tile. Below, reading it at once is faster, and it fits in memory.
LARGE = 4 << 20
#: What is left at the end of the text where a number was cut: `0.` reads as 0 and a dot.
_NUMBER_GOES_ON = re.compile(r"[.eE][-+0-9.eE]*")
_BLANK = re.compile(r"[ \t\r\n]*")


class _Incomplete(Exception):  # noqa: N818 - says what is the matter, and never leaves this file
    """More text is needed."""


class JSONSplitter:
    """Takes an object's JSON apart while it arrives: one member at a time, and the list in one of them item by item.

    Example:
        >>> splitter = JSONSplitter("tiles")
        >>> splitter.feed(b'{"id": 42, "tiles": [{"id": 1}, {"i')
        [({'id': 1}, 9)]
        >>> splitter.feed(b'd": 2}]}')
        [({'id': 2}, 9)]
        >>> splitter.members, splitter.complete
        ({'id': 42}, True)
    """

    def __init__(self, listed: str) -> None:
        self.members: dict[str, Any] = {}
        self.complete = False
        self._listed = listed
        self._decode = JSONDecoder().raw_decode
        self._bytes_to_text = codecs.getincrementaldecoder("utf-8")()
        self._text = ""
        self._at = 0
        #: Text that has arrived since.
        self._later: list[str] = []
        self._length = 0
        #: Characters worth another try: a value that is cut is read from its beginning again.
        self._enough = 0
        self._next = self._begin
        self._items: list[tuple[Any, int]] = []

    def feed(self, chunk: bytes) -> list[tuple[Any, int]]:
        """Take the next bytes; returns the items they complete, each with its length in characters.

        Raises:
            ValueError: it is no such object.
        """
        return self._read(self._bytes_to_text.decode(chunk))

    def finish(self) -> list[tuple[Any, int]]:
        """No more bytes come: as `feed`, for what was left until more would have come. See `complete`."""
        self._enough = 0
        return self._read(self._bytes_to_text.decode(b"", final=True))

    def _read(self, text: str) -> list[tuple[Any, int]]:
        self._later.append(text)
        self._length += len(self._later[-1])
        if self._length < self._enough:
            return []
        self._text, self._later = "".join([self._text, *self._later]), []
        try:
            while True:
                self._next()
        except _Incomplete:
            self._text, self._at = self._text[self._at :], 0
            self._length = len(self._text)
            self._enough = 2 * self._length
        items, self._items = self._items, []
        return items

    def _peek(self) -> str:
        """Return the next character that is no blank."""
        found = _BLANK.match(self._text, self._at)
        self._at = found.end() if found else self._at
        if self._at >= len(self._text):
            raise _Incomplete
        return self._text[self._at]

    def _take(self, expected: str) -> str:
        character = self._peek()
        if character not in expected:
            raise ValueError(f"{character!r} where one of {expected!r} is expected")
        self._at += 1
        return character

    def _value(self, ends: str) -> tuple[Any, int]:
        """Read one value and what follows it: a number may go on where the text ends."""
        self._peek()
        begin = self._at
        try:
            value, self._at = self._decode(self._text, begin)
            self._peek()
        except (JSONDecodeError, _Incomplete):
            self._at = begin
            raise _Incomplete from None
        size = self._at - begin
        if self._text[self._at] not in ends:
            if _NUMBER_GOES_ON.fullmatch(self._text, self._at):
                self._at = begin
                raise _Incomplete
            raise ValueError(f"{self._text[self._at]!r} where one of {ends!r} is expected")
        return value, size

    def _begin(self) -> None:
        self._take("{")
        self._next = self._first_member

    def _first_member(self) -> None:
        if self._peek() == "}":
            self._next = self._end
        else:
            self._next = self._member

    def _member(self) -> None:
        begin = self._at
        try:
            name, _ = self._value(":")
            self._take(":")
            if name == self._listed and self._peek() == "[":
                self._take("[")
                self._next = self._first_item
                return
            self.members[name], _ = self._value(",}")
        except _Incomplete:
            self._at = begin
            raise
        self._next = self._after_member

    def _after_member(self) -> None:
        if self._peek() == ",":
            self._take(",")
            self._next = self._member
        else:
            self._next = self._end

    def _first_item(self) -> None:
        if self._peek() == "]":
            self._take("]")
            self._next = self._after_member
        else:
            self._next = self._item

    def _item(self) -> None:
        self._items.append(self._value(",]"))
        self._next = self._item if self._take(",]") == "," else self._after_member

    def _end(self) -> None:
        if not self.complete:
            self._take("}")
            self.complete = True
        self._peek()
        raise ValueError("more text after the object")


class DashboardReader:
    """Reads one dashboard; the large results of a large one are `Packed`.

    Example:
        >>> reader = DashboardReader()
        >>> for chunk in chunks:
        ...     reader.feed(chunk)
        >>> dashboard = reader.end(reply)
    """

    def __init__(self) -> None:
        self._chunks: list[bytes] = []
        self._size = 0
        self._splitter: JSONSplitter | None = None
        self._tiles: list[Tile] = []
        self._problem: Exception | None = None

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes of the answer. Never raises: what is wrong with them is told at the end."""
        self._size += len(chunk)
        if self._splitter is None:
            self._chunks.append(chunk)
            if self._size < LARGE:
                return
            self._splitter = JSONSplitter("tiles")
            chunk, self._chunks = b"".join(self._chunks), []
        self._keep(lambda splitter: splitter.feed(chunk))

    def _keep(self, read: Callable[[JSONSplitter], list[tuple[Any, int]]]) -> None:
        if self._splitter is not None and self._problem is None:
            try:
                self._tiles += [_tile(item, size) for item, size in read(self._splitter)]
            except ValueError as error:  # of which pydantic's is one
                self._problem = error

    def end(self, reply: Reply) -> Dashboard:
        """Return the dashboard; `reply` is the answer without its body.

        Raises:
            PostHogProtocolError: the answer is not a dashboard, or was cut.
        """
        splitter = self._splitter
        if splitter is None:
            content = b"".join(self._chunks)
            # A page's words stay out of the message: they were not cleaned of secrets on the way.
            return answer(Dashboard)(replace(reply, content=b"<" if looks_like_html(content) else content))
        self._keep(JSONSplitter.finish)
        facts: dict[str, Any] = {"status": reply.status, "method": reply.request.method, "path": reply.request.path}
        if isinstance(self._problem, ModelError):
            raise unreadable(reply, self._problem)
        if self._problem is not None or not splitter.complete:
            what = f"({self._problem})" if self._problem is not None else "(it ends too early)"
            raise PostHogProtocolError(
                f"{could_not(reply.request)}: {where(reply)} answered {reply.status} with {self._size} bytes that are "
                f"not whole JSON {what}. The answer was probably cut on its way.",
                broken=True,
                **facts,
            )
        try:
            dashboard = Dashboard.model_validate({**splitter.members, "tiles": self._tiles})
        except ModelError as error:
            raise unreadable(reply, error) from None
        note_headers(dashboard, reply)
        return dashboard


def _tile(item: Any, size: int) -> Tile:
    tile = Tile.model_validate(item)
    if size >= WORTH_PACKING and tile.insight is not None and tile.insight.result is not None:
        tile.insight.result = Packed(tile.insight.result)
    return tile
