"""Which periods of a series are held against what is expected of them, and in which direction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_dashboards.analysis.judge.fresh import Fresh
from airflow_dashboards.analysis.judge.late import not_due
from airflow_dashboards.analysis.judge.track import Track, news_of

if TYPE_CHECKING:
    from airflow_dashboards.analysis.judge.case import Case

#: So many periods may come at once without being a backfill: those of a weekend without a load.
_ARRIVING = 3


def periods_of(case: Case, each: Track, *, prompt: bool) -> list[Fresh]:
    """Return the periods to hold against the expectation: new ones, those that have just ended, the running one.

    `prompt` says whether data used to arrive within hours.
    """
    after, before, frame = each.after, each.before, each.frame
    waiting: set[int] = set()
    if frame.interval in ("hour", "minute") and not prompt:
        waiting = frame.since_midnight(case.now)
    if case.rules.late_periods:
        waiting |= set(frame.complete[-case.rules.late_periods :])
    judged, news, early = [], set(news_of(each)), not_due(case, each)
    gaps: bool | None = None
    # Where a load has brought hours, one without anything is a part of what it brought.
    loaded = bool(news & set(frame.recheck)) and all(a in news for a in frame.recheck if after.data[a])
    for index in (*frame.recheck, *frame.fresh):
        start, value = frame.starts_after[index], after.data[index]
        if start is None or index in early:
            continue
        missing = value is None
        if value is None:
            gaps = _has_gaps(each) if gaps is None else gaps
            if gaps:
                continue
            value = 0.0
        again = index in frame.recheck
        if again and value and index not in news and frame.interval in ("hour", "minute"):
            continue
        earlier = None
        if before is not None:
            b = frame.grown.get(index)
            if b is None and again:
                b = next((b for b, a in reversed(frame.settled) if a == index), None)
            earlier = before.data[b] if b is not None else None
        same = after.data[index] == earlier
        if again and not same:
            earlier_is_part = not earlier or abs(value) >= abs(earlier)
            if not earlier_is_part:
                continue  # restated downwards: judged as that
        judged.append(
            Fresh(
                start,
                after.days[index],
                float(value),
                earlier,
                rises_only=index in waiting,
                over=index not in waiting,
                drops_only=again and same and not (loaded and not value),
                missing=missing,
            )
        )
    for index in frame.running:
        start, value = frame.starts_after[index], after.data[index]
        if start is not None and value is not None and start <= case.now:
            judged.append(Fresh(start, after.days[index], float(value), rises_only=True, over=False))
    return [*judged, *_arrived(each)]


def _arrived(each: Track) -> list[Fresh]:
    """The periods that were over and still empty in the picture before, as data is that comes days later by design.

    That they have come is good news; that they came twice would not be. Many at once are a backfill, which is none of
    this.
    """
    after, before, frame = each.after, each.before, each.frame
    if before is None or frame.interval in ("hour", "minute"):
        return []
    found = []
    for b, a in reversed(frame.settled):
        start, value = frame.starts_after[a], after.data[a]
        if before.data[b] or start is None:
            break
        if value and a not in frame.recheck:
            found.append(Fresh(start, after.days[a], float(value), before.data[b], rises_only=True))
    return found[::-1] if len(found) <= _ARRIVING else []


def _has_gaps(each: Track) -> bool:
    """Whether periods without a value are nothing new: more than one in ten of those before."""
    frame, data = each.frame, each.after.data
    known = [data[a] for _, a in frame.firm] if each.before is not None else [data[a] for a in frame.older]
    return not known or sum(value is None for value in known) * 10 > len(known)
