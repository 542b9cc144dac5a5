"""The server's clock, the only one by which freshness is judged.

PostHog tells it in the `Date` header, in whole seconds, cut off. A reading D therefore means "between D and D + 1 s",
and a tile computed within that second may be older than the reading. So T0 is D + 1 s, and the refresh is sent only
once that second has surely passed: whatever was computed before our reading is older than T0, whatever our own request
computes is not. It costs one second per batch, not per dashboard.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

from airflow_dashboards.posthog.errors import PostHogProtocolError
from airflow_dashboards.posthog.flow import Flow, Sleep

if TYPE_CHECKING:
    from airflow_dashboards.posthog import FlowClient

#: Seconds between reading the server's clock and sending the refresh: the second that `Date` cuts off, and a little for
#: the clocks of PostHog's own machines, which differ by milliseconds.
SETTLE = 1.1


def instant(seconds: float) -> datetime:
    """Return seconds since the epoch as an instant in UTC."""
    return datetime.fromtimestamp(seconds, tz=timezone.utc)


def fresh_since(flows: FlowClient) -> Flow[float]:
    """Return a T0 for a refresh that starts now: seconds since the epoch by the server's clock. Takes `SETTLE` seconds.

    Raises:
        PostHogError: the server gave no answer, or none that carries a time.
    """
    page = yield from flows.dashboards.page(limit=1)  # the smallest request that carries the clock
    if page.server_time is None:
        raise PostHogProtocolError(
            "Could not read PostHog's clock: its answers carry no Date header, so that freshness can't be proved. "
            "Something between here and PostHog removes it.",
            request_id=page.request_id,
        )
    yield Sleep(SETTLE)
    return page.server_time.timestamp() + 1.0
