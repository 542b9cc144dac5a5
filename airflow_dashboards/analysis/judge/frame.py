"""Aligning two windows of periods: which were complete in both pictures, which are new, which still run.

Series of one tile share their periods, so a `Frame` is worked out once per pair of windows and not once per series.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from airflow_dashboards.analysis import periods

if TYPE_CHECKING:
    from collections.abc import Sequence

#: How long before the last midnight a period that is still looked at has ended: a load brings yesterday.
_YESTERDAY = timedelta(days=1)


@dataclass
class Frame:
    """Two windows of periods, aligned. Indexes point into the window named: `b` before, `a` after."""

    interval: str | None
    days_before: Sequence[str]
    days_after: Sequence[str]
    starts_before: list[datetime | None]
    starts_after: list[datetime | None]
    #: Complete in both pictures: pairs (b, a), oldest first.
    settled: list[tuple[int, int]] = field(default_factory=list)
    #: Complete now and not before: a, oldest first.
    fresh: list[int] = field(default_factory=list)
    #: Those of `fresh` that were running in the picture before: a -> b.
    grown: dict[int, int] = field(default_factory=dict)
    #: Running in both pictures: a -> b.
    still: dict[int, int] = field(default_factory=dict)
    #: Still running: a.
    running: list[int] = field(default_factory=list)
    #: Only before, because the window has moved on: b.
    left: list[int] = field(default_factory=list)
    #: Only before, although the window after covers them, or ends earlier: b.
    gone: list[int] = field(default_factory=list)
    #: Only after, older than what the window before began with: a.
    older: list[int] = field(default_factory=list)
    #: Settled, but ended so recently that it is looked at again: a.
    recheck: list[int] = field(default_factory=list)
    #: False where labels are no dates, so that nothing is known about time.
    dated: bool = True
    #: Slices of the settled periods that are not looked at again, where they are contiguous in both windows.
    run: tuple[slice, slice] | None = None

    @cached_property
    def firm(self) -> list[tuple[int, int]]:
        """Settled periods that are not looked at again."""
        again = set(self.recheck)
        return [pair for pair in self.settled if pair[1] not in again]

    @cached_property
    def rechecked(self) -> dict[int, int]:
        """Where the periods that are looked at again were in the window before: a -> b."""
        return {a: b for b, a in self.settled[-len(self.recheck) :]} if self.recheck else {}

    @cached_property
    def _ages(self) -> dict[int, int]:
        return {a: len(self.settled) - 1 - position for position, (_, a) in enumerate(self.settled)}

    def age(self, a: int) -> int:
        """How many settled periods came after one of them."""
        return self._ages[a]

    @cached_property
    def complete(self) -> list[int]:
        """Periods of the window after that are complete."""
        return sorted({*self.older, *(a for _, a in self.settled), *self.fresh})

    #: Complete by now, and not in the window although the window before was up to date: their starts.
    absent: list[datetime] = field(default_factory=list)

    def since_midnight(self, now: datetime) -> set[int]:
        """Fresh periods of the current local day."""
        today = now.date()
        return {index for index in (*self.fresh, *self.recheck) if _date(self.starts_after[index]) == today}


def _date(start: datetime | None) -> date | None:
    return start.date() if start is not None else None


def align(
    before: Sequence[str] | None,
    after: Sequence[str],
    interval: str | None,
    *,
    then: datetime | None,
    now: datetime,
) -> Frame:
    """Align two windows of period labels; `then` and `now` are when each was computed, as wall-clock time."""
    before = before if before is not None else []
    starts_b = [periods.parse(day) for day in before]
    starts_a = [periods.parse(day) for day in after]
    if interval is None:
        known = sorted(start for start in starts_a if start is not None)
        interval = periods.infer(known)
    frame = Frame(interval, before, after, starts_b, starts_a)
    frame.dated = bool(after) and None not in starts_a and None not in starts_b
    where_b = {day: index for index, day in enumerate(before)}
    where_a = {day: index for index, day in enumerate(after)}
    if not frame.dated:
        frame.settled = sorted((where_b[day], index) for day, index in where_a.items() if day in where_b)
        frame.gone = [index for day, index in where_b.items() if day not in where_a]
        frame.run = _run(frame.firm)
        return frame
    first_b = min((start for start in starts_b if start is not None), default=None)
    first_a = min(start for start in starts_a if start is not None)
    for day, index in sorted(where_a.items(), key=lambda item: starts_a[item[1]] or now):
        _place(frame, day, index, where_b, first_b, then, now)
    for day, index in sorted(where_b.items()):
        start = starts_b[index]
        if day in where_a or start is None:
            continue
        if start < first_a:
            frame.left.append(index)
        elif then is not None and periods.end(start, interval) <= then:
            frame.gone.append(index)
    frame.run = _run(frame.firm)
    if then is not None:
        frame.absent = _absent(frame, then, now)
    return frame


def _absent(frame: Frame, then: datetime, now: datetime) -> list[datetime]:
    """Complete periods after the last one shown, if the window before reached up to its own time."""
    last_b = max((start for start in frame.starts_before if start is not None), default=None)
    last_a = max((start for start in frame.starts_after if start is not None), default=None)
    if last_b is None or last_a is None:
        return []
    following = periods.end(last_b, frame.interval)
    if periods.end(following, frame.interval) <= then:
        return []  # a window that ends in the past, or is not filled to its end
    found: list[datetime] = []
    start = periods.end(last_a, frame.interval)
    while periods.end(start, frame.interval) <= now and len(found) < 1000:
        found.append(start)
        start = periods.end(start, frame.interval)
    return found


def _place(
    frame: Frame,
    day: str,
    index: int,
    where_b: dict[str, int],
    first_b: datetime | None,
    then: datetime | None,
    now: datetime,
) -> None:
    start = frame.starts_after[index]
    assert start is not None  # noqa: S101 - the frame is dated
    finish = periods.end(start, frame.interval)
    other = where_b.get(day)
    if finish > now:
        frame.running.append(index)
        if other is not None:
            frame.still[index] = other
        return
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    if other is not None and then is not None and finish <= then:
        frame.settled.append((other, index))
        if finish > (midnight - _YESTERDAY if midnight.year > 1 else midnight):
            frame.recheck.append(index)
    elif other is not None:
        frame.fresh.append(index)
        frame.grown[index] = other
    elif first_b is None:
        # No picture before: only what has just ended is news.
        (frame.fresh if finish > (midnight - _YESTERDAY if midnight.year > 1 else midnight) else frame.older).append(
            index
        )
    elif start < first_b:
        frame.older.append(index)
    else:
        frame.fresh.append(index)


def _run(pairs: list[tuple[int, int]]) -> tuple[slice, slice] | None:
    if not pairs:
        return slice(0, 0), slice(0, 0)
    (first_b, first_a), (last_b, last_a) = pairs[0], pairs[-1]
    n = len(pairs)
    if last_b - first_b != n - 1 or last_a - first_a != n - 1:
        return None
    if any(b - a != first_b - first_a for b, a in pairs):
        return None
    return slice(first_b, last_b + 1), slice(first_a, last_a + 1)
