"""When a failed request may be sent again, and after how long. Pure: no clock, no randomness, no waiting of its own."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from airflow_dashboards.posthog.errors import (
    PostHogConnectionError,
    PostHogError,
    PostHogProtocolError,
    RateLimitError,
    ServerError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_dashboards.posthog.flow import Request

#: Answers of gateways and busy servers. A 500 is not among them: it tends to come again (contract 2.5).
_PASSING = frozenset({502, 503, 504})
_WAIT_IN_WORDS = re.compile(r"available in (\d{1,9}) second")


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How patiently a call is repeated.

    Attributes:
        attempts: How often a request is sent at most. 1 means never again.
        total_seconds: From the first failure on, no repeat starts later than this.
        first_delay: Seconds before the first repeat where the server named no time; doubles from then on.
        max_delay: Upper end of that doubling, in seconds.
        max_retry_after: The longest time named by the server that is waited for. Beyond it the call fails at once,
            with `retry_after` set, so that a task can give its slot back instead of sleeping in it.
        jitter: Share of a delay that is added at random, never subtracted: nobody comes earlier than asked.

    Example:
        >>> RetryPolicy(attempts=3, total_seconds=60)
        RetryPolicy(attempts=3, total_seconds=60, first_delay=0.5, max_delay=30.0, max_retry_after=120.0, jitter=0.25)
    """

    attempts: int = 5
    total_seconds: float = 300.0
    first_delay: float = 0.5
    max_delay: float = 30.0
    max_retry_after: float = 120.0
    jitter: float = 0.25

    def delay(
        self, request: Request, error: PostHogError, *, attempt: int, elapsed: float, spread: float
    ) -> float | None:
        """Seconds to wait before sending `request` again after `error`; None: do not.

        Args:
            request: What was sent.
            error: What came of it.
            attempt: How often it has been sent, 1 or more.
            elapsed: Seconds since its first failure.
            spread: A random number in [0, 1), for the jitter.
        """
        if attempt >= self.attempts or not may_repeat(request, error):
            return None
        asked = error.retry_after
        if asked is not None:
            if asked > self.max_retry_after:
                return None
            delay = asked + spread * self.jitter * min(asked, self.max_delay)
        else:
            backoff = min(self.max_delay, self.first_delay * 2.0 ** min(attempt - 1, 60))
            delay = backoff * (1 + spread * self.jitter)
        return delay if elapsed + delay <= self.total_seconds else None


def may_repeat(request: Request, error: PostHogError) -> bool:
    """Whether sending `request` again after `error` can do no harm (contract 5.5).

    Whatever its method, a request that certainly did not run may be sent again: a throttled one (PostHog throttles
    before the action starts) and one that never left this machine. Others only where a repeat has no further effect,
    and not where giving up waiting has left the server at work on it.
    """
    if isinstance(error, RateLimitError):
        return True
    if isinstance(error, PostHogConnectionError):
        if not error.sent:
            return True
        return request.idempotent and not (request.long_running and error.timed_out)
    if isinstance(error, ServerError):
        # A GET that was turned away at the door has not begun; behind a 502 or 504 it may have.
        turned_away = error.status == 503 and request.method == "GET"
        repeatable = request.idempotent or turned_away
        return repeatable and error.status in _PASSING and not (request.long_running and error.status == 504)
    return isinstance(error, PostHogProtocolError) and error.broken and request.idempotent


def retry_after(headers: Mapping[str, str], detail: str | None, *, now: float) -> float | None:
    """Seconds the server asks to wait; None if it does not say.

    Takes whole or decimal seconds and HTTP dates (measured on the server's own clock, where it sent it), and falls back
    to the sentence of a throttled answer (contract 2.3).
    """
    value = headers.get("retry-after", "").strip()
    if value:
        try:
            seconds = float(value)
        except ValueError:
            seconds = _seconds_until(value, headers.get("date"), now)
        if math.isfinite(seconds):
            return max(0.0, seconds)
    words = _WAIT_IN_WORDS.search(detail or "")
    return float(words.group(1)) if words else None


def _seconds_until(date: str, server_date: str | None, now: float) -> float:
    target = _epoch(date)
    reference = _epoch(server_date) if server_date else None
    if target is None:
        return math.nan
    return target - (reference if reference is not None else now)


def _epoch(date: str) -> float | None:
    try:
        return parsedate_to_datetime(date).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
