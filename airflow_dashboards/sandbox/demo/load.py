"""The demo's nightly load: a day's events, through the sandbox's control interface."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from airflow_dashboards.sandbox.demo import breakages as broken

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import date

#: Seconds that one call may take.
TIMEOUT = 60.0


def load_day(url: str, day: date, *, project: int = 1, breakages: Collection[broken.Breakage] = ()) -> int:
    """Load one day of the shop into a running sandbox, replacing what it has of that day; return how many events.

    Args:
        url: Address of the sandbox, e.g. `http://127.0.0.1:8010`.
        day: The day to load, UTC; after a fresh start with the demo it is yesterday.
        project: Whose events.
        breakages: What goes wrong; `demo.ALL` for everything.

    Raises:
        httpx.HTTPStatusError: The sandbox refuses.
        httpx.TransportError: There is no sandbox at `url`.

    Example:
        `load_day("http://127.0.0.1:8010", date(2026, 6, 1), breakages=demo.ALL)`
    """
    with httpx.Client(base_url=url, timeout=TIMEOUT) as client:
        for where in broken.deletions(day, breakages):
            deleted = client.request("DELETE", "/_sandbox/events", json={"project": project, "where": where})
            deleted.raise_for_status()
        events = broken.day(day, breakages)
        client.post("/_sandbox/events", json={"project": project, "events": events}).raise_for_status()
    return len(events)
