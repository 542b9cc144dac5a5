"""Rate limits: a sliding window of timestamps per key and bucket (contract 2.3)."""

from __future__ import annotations

import math
from collections import deque
from enum import Enum


class Bucket(Enum):
    """Endpoints that are counted together: (calls, seconds) pairs that all hold."""

    DEFAULT = ((480, 60), (4800, 3600))
    CLICKHOUSE = ((240, 60), (1200, 3600))
    WIDGETS = ((120, 60), (600, 3600))


class Throttle:
    """Counts calls.

    Example:
        >>> throttle = Throttle()
        >>> [throttle.wait("key", Bucket.DEFAULT, now=0.5) for _ in range(481)][-1]
        60
    """

    def __init__(self) -> None:
        self._calls: dict[tuple[str, Bucket, int], deque[float]] = {}

    def wait(self, who: str, bucket: Bucket, *, now: float) -> int:
        """0 and the call is counted; or the whole seconds until one is free, the call then not being counted."""
        longest = 0.0
        windows = []
        for limit, seconds in bucket.value:
            calls = self._calls.setdefault((who, bucket, seconds), deque())
            while calls and calls[0] <= now - seconds:
                calls.popleft()
            windows.append(calls)
            if len(calls) >= limit:
                longest = max(longest, calls[0] + seconds - now)
        if longest > 0:
            return max(1, math.ceil(longest))
        for calls in windows:
            calls.append(now)
        return 0
