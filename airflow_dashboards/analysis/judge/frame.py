"""Aligning two windows of periods: which were complete in both pictures, which are new, which still run.

Series of one tile share their periods, so a `Frame` is worked out once per pair of windows and not once per series.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property
from operator import itemgetter
from typing import TYPE_CHECKING

from airflow_dashboards.analysis import periods

if TYPE_CHECKING:
    from collections.abc import Sequence

#: How long before the last midnight a period that is still looked at has ended: a load brings yesterday.
_YESTERDAY = timedelta(days=1)
_first = itemgetter(0)


@dataclass(frozen=True, slots=True)
class Learnt:
    """The periods of two windows that an expectation is learnt from: they are the same for all series of a tile."""

    #: When they began, oldest first; None where they can't be told apart.
    starts: tuple[datetime, ...] | None
    labels: list[str]
    #: Indexes into the windows after and before, and the order that puts the values of both by their starts.
    after: list[int]
    before: list[int]
    order: list[int]


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
    #: What was worked out of these windows, by the indexes after that are left out.
    learnt: dict[frozenset[int], Learnt] = field(default_factory=dict)

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
    _place(frame, where_a, where_b, first_b, then, now)
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
    where_a: dict[str, int],
    where_b: dict[str, int],
    first_b: datetime | None,
    then: datetime | None,
    now: datetime,
) -> None:
    placed = sorted(((start, index) for index in where_a.values() if (start := frame.starts_after[index])), key=_first)
    starts, order = [start for start, _ in placed], [index for _, index in placed]
    others = [where_b.get(frame.days_after[index]) for index in order]

    def over(moment: datetime) -> int:
        # Periods end in the order in which they begin.
        return bisect_right(starts, moment, key=lambda start: periods.end(start, frame.interval))

    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    recent = over(midnight - _YESTERDAY if midnight.year > 1 else midnight)
    complete = over(now)
    before = min(over(then), complete) if then is not None else 0
    for place, (other, index) in enumerate(zip(others[:before], order, strict=False)):
        if other is not None:
            frame.settled.append((other, index))
            if place >= recent:
                frame.recheck.append(index)
    for place, (start, other, index) in enumerate(zip(starts, others, order, strict=True)):
        if place >= complete:
            frame.running.append(index)
            if other is not None:
                frame.still[index] = other
        elif other is not None:
            if place >= before:
                frame.fresh.append(index)
                frame.grown[index] = other
        elif first_b is None:
            # No picture before: only what has just ended is news.
            (frame.fresh if place >= recent else frame.older).append(index)
        else:
            (frame.older if start < first_b else frame.fresh).append(index)


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
