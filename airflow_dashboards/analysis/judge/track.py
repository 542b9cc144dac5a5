"""A series on its way through the judgement, and what its last periods say: which are news, how soon data arrives."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import compress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_dashboards.analysis.expectation import History
    from airflow_dashboards.analysis.judge.case import Case
    from airflow_dashboards.analysis.judge.frame import Frame
    from airflow_dashboards.analysis.judge.lines import Line
    from airflow_dashboards.analysis.model import Finding


@dataclass(frozen=True, slots=True)
class Past:
    """The older part of a long series, complete in both pictures and period by period the same ones."""

    days: Sequence[str]
    before: Sequence[float | None]
    after: Sequence[float | None]


@dataclass
class Track:
    """A series with all that was worked out about it."""

    before: Line | None
    after: Line
    frame: Frame
    share: float
    #: What is older than what the two lines hold, and has stayed in its place.
    past: Past | None = None
    findings: list[Finding] = field(default_factory=list)
    history: History | None = None


def arrives_promptly(lines: list[Track], case: Case) -> bool:
    """Whether data used to arrive within hours: then an empty last hour is news, else it is just not loaded yet.

    Nightly loads end at midnight. Before midnight has had time to show, the picture after has to say.
    """
    if case.before is None or case.then is None:
        return False
    hourly = [each for each in lines if not each.after.previous and each.frame.interval in ("hour", "minute")]
    if case.then.hour >= 2:
        last = max(
            (start for each in hourly if (start := _last_filled(each.before, each.frame.starts_before))), default=None
        )
        return last is not None and last >= max(midnight(case.then), case.then - timedelta(hours=4))
    last = max((start for each in hourly if (start := _last_filled(each.after, each.frame.starts_after))), default=None)
    return last is not None and last >= midnight(case.now)


def _last_filled(line: Line | None, starts: Sequence[datetime | None]) -> datetime | None:
    if line is None:
        return None
    return max(filter(None, compress(starts, line.data)), default=None)


def news_of(each: Track) -> list[int]:
    """Periods that are new, or have come in since: complete now, and as yet judged by nobody."""
    arrived = []
    if each.before is not None:
        known = each.frame.rechecked
        arrived = [a for a in each.frame.recheck if a in known and each.after.data[a] != each.before.data[known[a]]]
    return sorted([*arrived, *each.frame.fresh])


def value_at(values: Sequence[float | None], index: int) -> float:
    """A value, 0 where there is none."""
    return values[index] or 0.0


def midnight(start: datetime) -> datetime:
    """The beginning of a moment's day."""
    return start.replace(hour=0, minute=0, second=0, microsecond=0)
