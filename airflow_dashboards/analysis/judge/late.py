"""Periods that are not due yet: data that comes days later by design, as the picture before shows that it does."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from airflow_dashboards.analysis import periods

if TYPE_CHECKING:
    from airflow_dashboards.analysis.judge.case import Case
    from airflow_dashboards.analysis.judge.track import Track

#: How much earlier in the day than now the picture before may have been taken, for its lag to say something of today's.
_SLACK = timedelta(hours=2)
_CLOCK = frozenset({"minute", "hour"})


def not_due(case: Case, each: Track) -> set[int]:
    """Return the empty periods at a series' end that are no later than the data has proved to be.

    Proved it is by a period that was over as long when the picture before was taken, was as empty, with all that came
    after it, and has come since: a day that is lost has no such forerunner, for the day before it was there.
    """
    frame, after, then = each.frame, each.after, case.then
    if then is None or each.before is None or not frame.dated:
        return set()
    complete = frame.complete
    n = len(complete)
    while n and not after.data[complete[n - 1]]:
        n -= 1
    empty = complete[n:]
    if not n or not empty:
        return set()
    lag = _lag(each, complete[:n], then)
    if lag is None:
        return set()
    age, last = lag
    found = set()
    for index in empty:
        start = frame.starts_after[index]
        if start is None or case.now - periods.end(start, frame.interval) > age + _SLACK:
            continue
        # Hours come by the day: the rest of a day of which some have come is not late but lost.
        if frame.interval not in _CLOCK or start.date() > last.date():
            found.add(index)
    return found


def _lag(each: Track, filled: list[int], then: datetime) -> tuple[timedelta, datetime] | None:
    """How long the first period that has come since had been over, and the start of the last that has come."""
    frame, before, after = each.frame, each.before, each.after
    assert before is not None  # noqa: S101 - asked only where there is a picture before
    known = {day: index for index, day in enumerate(frame.days_before)}
    end, shown = len(known), max(filter(None, frame.starts_before), default=None)
    first: datetime | None = None
    for a in reversed(filled):
        start, b = frame.starts_after[a], known.get(after.days[a], end)
        if start is None or (b < end and before.data[b]):
            break
        if after.data[a] and periods.end(start, frame.interval) <= then and (b < end or shown is None or start > shown):
            first = start
    last = frame.starts_after[filled[-1]]
    return (then - periods.end(first, frame.interval), last) if first is not None and last is not None else None
