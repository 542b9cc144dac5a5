"""Periods complete in both pictures: held against each other by plain equality, looked at where they differ."""

from __future__ import annotations

from itertools import compress
from operator import ne
from typing import TYPE_CHECKING

from airflow_dashboards.analysis import periods
from airflow_dashboards.analysis.judge.restated import Moves, Pair
from airflow_dashboards.analysis.judge.track import value_at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_dashboards.analysis.judge.frame import Frame
    from airflow_dashboards.analysis.judge.lines import Line
    from airflow_dashboards.analysis.judge.track import Track


def unmoved(each: Track) -> bool:
    """Whether everything that was complete before is as it was, but for what has only just ended and may fill up."""
    before, after, frame, past = each.before, each.after, each.frame, each.past
    if before is None:
        return True
    if past is not None and past.before != past.after:
        return False
    if frame.run is not None:
        mine, theirs = frame.run
        equal = before.data[mine] == after.data[theirs]
    else:
        equal = all(before.data[b] == after.data[a] for b, a in frame.firm)
    return equal and not _shrunk_lately(before, after, frame)


def _shrunk_lately(before: Line, after: Line, frame: Frame) -> bool:
    known = frame.rechecked
    return any(a not in known or _less(after.data[a], before.data[known[a]]) for a in frame.recheck)


def _less(after: float | None, before: float | None) -> bool:
    """Whether a period has less than it had, on either side of 0."""
    return abs(after or 0.0) < abs(before or 0.0)


def moves(each: Track) -> Moves:
    """What moved of a series that is in both pictures."""
    before, after, frame, past = each.before, each.after, each.frame, each.past
    assert before is not None  # noqa: S101 - asked only where there is a picture before
    # What has only just ended may still fill up: that is judged as a new period is.
    known = frame.rechecked
    fallen = [(known[a], a) for a in frame.recheck if a in known and _less(after.data[a], before.data[known[a]])]
    kept = [*frame.firm, *fallen] if fallen else frame.firm
    if frame.run is not None and not fallen:
        old, new = before.data[frame.run[0]], after.data[frame.run[1]]
    else:
        old, new = [before.data[b] for b, _ in kept], [after.data[a] for _, a in kept]
    earlier = 0 if past is None else len(past.days)
    moved = [
        Pair(
            frame.starts_after[a],
            after.days[a],
            value_at(before.data, b),
            value_at(after.data, a),
            frame.age(a),
        )
        for b, a in map(kept.__getitem__, _unequal(old, new))
    ]
    of, last = len(kept) - _nothing(old, new), after.days[kept[-1][1]] if kept else ""
    total, volume = sum(filter(None, old)), sum(map(abs, filter(None, old)))
    alive = any(new)
    if past is not None:
        moved = [
            Pair(
                periods.parse(past.days[index]),
                past.days[index],
                value_at(past.before, index),
                value_at(past.after, index),
                earlier - 1 - index + len(frame.settled),
            )
            for index in _unequal(past.before, past.after)
        ] + moved
        of += earlier - _nothing(past.before, past.after)
        last = last or past.days[-1]
        total += sum(filter(None, past.before))
        volume += sum(map(abs, filter(None, past.before)))
        alive = alive or any(past.after)
    return Moves([pair for pair in moved if pair.before != pair.after], of, last, total, volume, alive)


def _unequal(old: Sequence[float | None], new: Sequence[float | None]) -> list[int]:
    return list(compress(range(len(old)), map(ne, old, new))) if old != new else []


def _nothing(old: Sequence[float | None], new: Sequence[float | None]) -> int:
    """How many periods have no value in either picture."""
    if None not in old or None not in new:
        return 0
    return sum(one is None and other is None for one, other in zip(old, new, strict=True))
