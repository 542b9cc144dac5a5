"""Waiting out a spent request budget, where a flow has nothing better to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from airflow_dashboards.posthog.errors import RateLimitError
from airflow_dashboards.posthog.flow import Flow, Now, Sleep

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

#: Seconds that a spent budget is waited out at most: one hourly window, and some (contract 2.3).
LONGEST = 2 * 3600.0


def patiently(make: Callable[[], Flow[T]], *, longest: float = LONGEST) -> Flow[T]:
    """Run a flow again after exactly the time a refusal names, until it is let through.

    The client itself waits for short refusals only, so that a task may give its slot back. This is for work that may
    take as long as the key's limits ask for, such as capturing ten thousand dashboards at 4,800 requests an hour.

    Args:
        make: makes the flow anew for each try.
        longest: seconds waited altogether; then the refusal is raised.

    Example:
        >>> snapshot = client.run(patiently(lambda: capture(client.flows, 42, host=client.host)))
    """
    begun: float = yield Now()
    while True:
        try:
            return (yield from make())
        except RateLimitError as error:  # noqa: PERF203 - to try again is what the loop is for
            now: float = yield Now()
            if error.retry_after is None or now + error.retry_after > begun + longest:
                raise
            yield Sleep(error.retry_after)
