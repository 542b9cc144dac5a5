"""The log of API requests that `GET /_sandbox/log` shows. It holds no credential.

Keys of an entry: `method`, `path` (as sent, without the query), `query` (keys in it masked), `credential`
(`personal_api_key`, `oauth`, `session` or null), `user` (id or null), `action` (`dashboards.retrieve`; null where no
endpoint was reached), `status` (null after a reset), `bytes` (of the body that was sent), `milliseconds`, `fault`
(kind of the injected fault or null) and `at` (the sandbox clock's instant at the request's arrival).
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from datetime import datetime

_KEPT: Final = 200_000
_SECRET = re.compile(r"(personal_api_key=)[^&]*")


@dataclass(slots=True)
class Entry:
    """One API request. See the module for its keys."""

    method: str
    path: str
    query: str
    at: datetime
    credential: str | None = None
    user: int | None = None
    action: str | None = None
    status: int | None = None
    bytes: int = 0
    milliseconds: float = 0.0
    fault: str | None = None


class RequestLog:
    """The newest requests, oldest first."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=_KEPT)

    def open(self, method: str, path: str, query: str, at: datetime) -> Entry:
        """Begin an entry when a request arrives; the log's order is the order of arrival."""
        entry = Entry(method, path, _SECRET.sub(r"\1***", query), at)
        self._entries.append(entry)
        return entry

    def dump(self) -> list[dict[str, Any]]:
        """All entries; `at` is still an instant."""
        return [asdict(entry) for entry in list(self._entries)]

    def clear(self) -> None:
        """Forget all entries."""
        self._entries.clear()
