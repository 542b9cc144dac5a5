"""What a series' expectation is learnt from: its complete periods as they were before those in question."""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING

from airflow_dashboards.analysis.expectation import MIN_HISTORY, MOST_HISTORY, History
from airflow_dashboards.analysis.judge.frame import Frame, Learnt

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from airflow_dashboards.analysis.judge.case import Case
    from airflow_dashboards.analysis.judge.lines import Line
    from airflow_dashboards.analysis.judge.track import Track

#: Starts, labels and values of periods, oldest first.
_Known = tuple["Sequence[datetime]", "Sequence[str]", "list[float]"]
#: Periods by their start, with label and value.
_Points = dict["datetime", tuple[str, "float | None"]]

#: Periods of a weekend.
_WEEKEND = {"minute": 2 * 1440, "hour": 48, "day": 2}


def history(each: Track, previous: list[Track], case: Case, moved: Collection[str]) -> History:
    """What was known before the periods in question; `moved` are the labels of those that were restated.

    Restated periods are left out, for either of their values may be the wrong one; as they were, where they are many.
    """
    after, before, frame = each.after, each.before, each.frame
    most = MOST_HISTORY.get(frame.interval or "day", MOST_HISTORY["day"])
    skip = set(frame.recheck)
    if before is not None and frame.interval in ("hour", "minute"):
        # Hours that were there already, and have stayed as they were, are no news.
        known = frame.rechecked
        skip = {a for a in skip if not after.data[a] or a not in known or before.data[known[a]] != after.data[a]}
    shared = _shared(each, frozenset(skip), most, case) if not previous and not moved else None
    starts, labels, values = shared or _own(each, previous, case, moved, skip, most)
    first = next((index for index, value in enumerate(values) if value), len(values))
    # Zeros before the first value are a time before the thing existed, if they are more than an idle weekend.
    longer = first > _WEEKEND.get(frame.interval or "", 0)
    first = first if longer and len(values) - first >= MIN_HISTORY else 0
    return History(starts[first:], labels[first:], values[first:], frame.interval, counts=after.counts)


def _own(
    each: Track, previous: list[Track], case: Case, moved: Collection[str], skip: Collection[int], most: int
) -> _Known:
    """What is known of a series."""
    after, before, frame = each.after, each.before, each.frame
    points = _points(after, frame.starts_after, frame.older[-most:])
    if before is not None:
        points.update(_points(before, frame.starts_before, frame.left[-most:]))
        settled = frame.settled[-most:]
        if skip:
            settled = [(b, a) for b, a in settled if a not in skip or after.days[a] in moved]
        points.update(_points(before, frame.starts_before, list(map(itemgetter(0), settled))))
        if moved:
            points = _without(points, moved)
            if len(points) < MIN_HISTORY:
                filled = [a for _, a in settled if after.days[a] in moved and a not in frame.recheck]
                points.update(_points(after, frame.starts_after, filled))
    _extend_with_previous(points, each, previous)
    starts = sorted(points)[-most:]
    if case.rules.holidays:
        starts = [start for start in starts if start.date() not in case.rules.holidays]
    kept = [points[start] for start in starts]
    values = [float(value or 0.0) for _, value in kept]
    return starts, [label for label, _ in kept], values


def _shared(each: Track, skip: frozenset[int], most: int, case: Case) -> _Known | None:
    """The same, of periods that are worked out once for all series of a tile; None where it has gaps of its own."""
    frame = each.frame
    periods = frame.learnt.get(skip)
    if periods is None:
        periods = frame.learnt[skip] = _periods(frame, skip, most, case, known=each.before is not None)
    if periods.starts is None:
        return None
    data = [*map(each.after.data.__getitem__, periods.after)]
    if each.before is not None:
        data += map(each.before.data.__getitem__, periods.before)
    if None in data:
        return None
    values = [float(data[place] or 0.0) for place in periods.order]
    return periods.starts, periods.labels, values


def _periods(frame: Frame, skip: frozenset[int], most: int, case: Case, *, known: bool) -> Learnt:
    after, before = frame.older[-most:], []
    if known:
        before = [*frame.left[-most:], *(b for b, a in frame.settled[-most:] if a not in skip)]
    places = [(frame.starts_after[a], frame.days_after[a]) for a in after]
    places += [(frame.starts_before[b], frame.days_before[b]) for b in before]
    starts = [start for start, _ in places if start is not None]
    if len(set(starts)) < len(places):
        return Learnt(None, [], [], [], [])  # periods that are named twice
    order = sorted(range(len(places)), key=starts.__getitem__)[-most:]
    order = [place for place in order if starts[place].date() not in case.rules.holidays]
    labels = [places[place][1] for place in order]
    return Learnt(tuple(starts[place] for place in order), labels, after, before, order)


def _without(points: _Points, moved: Collection[str]) -> _Points:
    """Leave out what was restated; where it is much, only what was empty: that says nothing of how much is ordinary."""
    few = len(moved) <= 0.4 * len(points)
    return {start: point for start, point in points.items() if point[0] not in moved or not (few or not point[1])}


def _points(line: Line, starts: Sequence[datetime | None], indexes: Sequence[int]) -> _Points:
    days, data = line.days, line.data
    return {
        start: (days[index], data[index])
        for index in indexes
        if (start := starts[index]) is not None and data[index] is not None
    }


def _extend_with_previous(points: _Points, each: Track, previous: list[Track]) -> None:
    """A tile that compares with the period before shows twice the history: use it."""
    first = min(points, default=None) if previous else None
    mine = each.after.key
    for other in previous:
        theirs = other.after
        if (theirs.key[0], *theirs.key[2:]) != (mine[0], *mine[2:]):
            continue
        earlier = [
            index
            for index, start in enumerate(other.frame.starts_after)
            if start is not None and (first is None or start < first)
        ]
        points.update(_points(theirs, other.frame.starts_after, earlier))
