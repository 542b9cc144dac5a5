"""The sandbox's own clock: real time plus what was advanced. Caches, tokens and the `Date` header follow it."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from email.utils import formatdate


class Clock:
    """A clock that can be moved forward.

    Example:
        >>> clock = Clock()
        >>> clock.advance(600)
        >>> clock.time() - time.time() > 599
        True
    """

    def __init__(self) -> None:
        self._offset = 0.0

    def time(self) -> float:
        """Seconds since the epoch, on this clock."""
        return time.time() + self._offset

    def now(self) -> datetime:
        """This clock's instant, in UTC."""
        return datetime.fromtimestamp(self.time(), timezone.utc)

    def advance(self, seconds: float) -> None:
        """Move forward by `seconds`."""
        self._offset += seconds

    def http_date(self) -> str:
        """This clock's instant as a `Date` header."""
        return formatdate(self.time(), usegmt=True)
