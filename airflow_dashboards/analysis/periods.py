"""Periods of a series: reading their labels, where they end, which are still running, how far apart they are.

All wall-clock times here are naive and in the tile's timezone, as PostHog labels them; an instant becomes one through
`local`.
"""

from __future__ import annotations

import re
from collections import Counter
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Sequence

_LABEL = re.compile(r"(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2})(:\d{2})?)?")
_FIXED = {
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(days=7),
}
#: Distance of two neighbours in seconds, lowest and highest.
_GAPS = (
    ("minute", 60, 60),
    ("hour", 3600, 3600),
    ("day", 86400, 86400),
    ("week", 7 * 86400, 7 * 86400),
    ("month", 28 * 86400, 31 * 86400),
    ("quarter", 89 * 86400, 92 * 86400),
    ("year", 365 * 86400, 366 * 86400),
)
_NAMES = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
_MONTHS = {"month": 1, "quarter": 3, "year": 12}


@lru_cache(maxsize=16384)
def parse(label: str) -> datetime | None:
    """Read a period's label (`2026-06-01`, `2026-06-01 05:00:00`, ISO) as wall-clock time; None if it is none.

    An offset is dropped: PostHog labels periods in the project's timezone already (contract 4.7).
    """
    found = _LABEL.match(label)
    if found is None:
        return None
    day, time, seconds = found.groups()
    try:
        return datetime.fromisoformat(f"{day}T{time or '00:00'}{seconds or ':00'}")
    except ValueError:
        return None


def end(start: datetime, interval: str | None) -> datetime:
    """Return where the period that begins at `start` ends; a period of unknown length counts as a day."""
    try:
        if interval in _MONTHS:
            month = start.month - 1 + _MONTHS[interval]
            return start.replace(year=start.year + month // 12, month=month % 12 + 1, day=1)
        return start + _FIXED.get(interval or "day", _FIXED["day"])
    except (OverflowError, ValueError):  # year 9999
        return datetime.max  # noqa: DTZ901 - wall-clock times are naive here


def named(label: str, interval: str | None = None) -> str:
    """Call a period what people call it: a day by its date, a week by its first day, a month by its name.

    Example:
        >>> named("2026-05-01", "month"), named("2026-06-07", "week"), named("2026-06-01T00:00:00Z")
        ('May 2026', 'the week of 2026-06-07', '2026-06-01')
    """
    start = parse(label)
    if start is None:
        return label
    day = start.date().isoformat()
    if interval == "week":
        return f"the week of {day}"
    if start.day == 1 and interval == "month":
        return f"{_NAMES[start.month - 1]} {start.year}"
    if start.day == 1 and interval == "quarter":
        return f"Q{(start.month + 2) // 3} {start.year}"
    if start.day == start.month == 1 and interval == "year":
        return str(start.year)
    has_time = len(label) > 10 and interval != "day" and "T00:00:00" not in label
    return f"{day} {start:%H:%M}" if has_time else day


def when(label: str, interval: str | None = None) -> str:
    """Say when a period was: `on 2026-06-01`, `in the week of 2026-06-07`, `in May 2026`."""
    name = named(label, interval)
    return f"{'on' if name[:1].isdigit() and len(name) > 4 else 'in'} {name}"


@lru_cache(maxsize=256)
def _zone(name: str) -> ZoneInfo | timezone:
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):  # unknown, malformed, or no timezone data on this machine
        return timezone.utc


def instant(moment: datetime | None) -> datetime | None:
    """Return the moment with a timezone: one without is UTC, as all of PostHog's are (contract 1.1)."""
    if moment is None:
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=timezone.utc)


def local(moment: datetime, zone: str) -> datetime:
    """Return an instant as naive wall-clock time in an IANA timezone; an unknown name counts as UTC."""
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=timezone.utc)
    try:
        return aware.astimezone(_zone(zone)).replace(tzinfo=None)
    except (OverflowError, ValueError):  # at the ends of the calendar
        return aware.replace(tzinfo=None)


def infer(starts: Sequence[datetime]) -> str | None:
    """Return the interval of sorted period starts from the distance most of them have; None where there is none.

    Example:
        >>> infer([datetime(2026, 6, 1), datetime(2026, 6, 2), datetime(2026, 6, 4)])
        'day'
    """
    gaps = Counter(round((later - earlier).total_seconds()) for earlier, later in pairwise(starts))
    gaps.pop(0, None)
    for name, low, high in _GAPS:
        if sum(times for gap, times in gaps.items() if low <= gap <= high) * 2 > sum(gaps.values()):
            return name
    return None
