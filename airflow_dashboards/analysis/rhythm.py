"""Rhythms a series may have: what tells one period from another of the same length."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

Phase = Callable[[datetime], int]


def weekend(start: datetime) -> int:
    """1 on Saturdays and Sundays."""
    return int(start.weekday() >= 5)


def hour_and_weekend(start: datetime) -> int:
    """The hour of the day, told apart for weekends."""
    return start.hour + 24 * weekend(start)


#: Per interval: rhythms from simple to complex, each with its cycle in periods and the history it needs.
RHYTHMS: dict[str, tuple[tuple[Phase, int, int], ...]] = {
    "day": ((weekend, 7, 5), (datetime.weekday, 7, 14)),
    "hour": (
        (lambda start: start.hour, 24, 25),
        (hour_and_weekend, 24, 30),
        (lambda start: start.hour + 24 * start.weekday(), 168, 336),
    ),
    "minute": ((lambda start: start.hour, 1440, 2880),),
    "month": ((lambda start: start.month, 12, 25),),
}
