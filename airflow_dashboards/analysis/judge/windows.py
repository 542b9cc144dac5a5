"""The windows of a series before and after: aligned once per pair of windows, the long past apart from what is recent.

Series of one tile share their periods. Of a long series the older part is the same periods in both pictures: there only
values have to be compared, and its labels are never read as dates.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from airflow_dashboards.analysis import periods
from airflow_dashboards.analysis.expectation import MOST_HISTORY
from airflow_dashboards.analysis.judge.frame import Frame, align
from airflow_dashboards.analysis.judge.track import Past, Track

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_dashboards.analysis.judge.case import Case
    from airflow_dashboards.analysis.judge.lines import Line

#: Periods kept as recent beyond those an expectation is learnt from: what is new, is repaired, or has not begun.
_MORE = 300
#: Pairs of windows that are remembered; a tile rarely has more than one.
_REMEMBERED = 8


@dataclass(frozen=True, slots=True)
class _Window:
    """One pair of windows: where what is recent begins, and where the past before it does."""

    days_before: Sequence[str] | None
    days_after: Sequence[str]
    recent_before: int
    recent_after: int
    past: int
    frame: Frame


class Frames:
    """Frames by pair of windows: the series of a tile share them."""

    def __init__(self, case: Case, interval: str | None) -> None:
        self._case = case
        self._interval = interval
        self._whole: list[tuple[Sequence[str] | None, Sequence[str], Frame]] = []
        self._windows: list[tuple[Sequence[str] | None, Sequence[str], _Window]] = []

    def of(self, before: Line | None, after: Line) -> Frame:
        """Align two whole series."""
        mine = before.days if before is not None else None
        for days_before, days_after, frame in self._whole:
            if days_after == after.days and days_before == mine:
                return frame
        frame = self._align(mine, after.days)
        self._whole = [(mine, after.days, frame), *self._whole[: _REMEMBERED - 1]]
        return frame

    def track(self, before: Line | None, after: Line, share: float) -> Track:
        """Align what is recent of two series, and set apart what is past."""
        window = self._window(before, after)
        if not window.recent_after:
            return Track(before, after, window.frame, share)
        to_a, to_b, size = window.recent_after, window.recent_before, window.past
        recent = replace(after, days=window.days_after, data=after.data[to_a:])
        if before is None or window.days_before is None:
            return Track(None, recent, window.frame, share)
        past = Past(after.days[to_a - size : to_a], before.data[to_b - size : to_b], after.data[to_a - size : to_a])
        return Track(
            replace(before, days=window.days_before, data=before.data[to_b:]), recent, window.frame, share, past
        )

    def _window(self, before: Line | None, after: Line) -> _Window:
        mine = before.days if before is not None else None
        for days_before, days_after, window in self._windows:
            if days_after == after.days and days_before == mine:
                return window
        to_b, to_a, size = self._recent(mine, after.days)
        recent_b, recent_a = mine[to_b:] if mine is not None else None, after.days[to_a:]
        window = _Window(recent_b, recent_a, to_b, to_a, size, self._align(recent_b, recent_a))
        self._windows = [(mine, after.days, window), *self._windows[: _REMEMBERED - 1]]
        return window

    def _recent(self, before: Sequence[str] | None, after: Sequence[str]) -> tuple[int, int, int]:
        """Where what is recent begins before and after, and how many periods are past in both; zeros if none are."""
        most = MOST_HISTORY.get(self._interval or "", max(MOST_HISTORY.values())) + _MORE
        if before is None:
            return 0, max(len(after) - most, 0), 0
        to_b = len(before) - most
        if to_b <= 0 or self._case.then is None:
            return 0, 0, 0
        start = periods.parse(before[to_b])
        if start is None or periods.end(start, self._interval) > self._case.then or before[to_b] not in after:
            return 0, 0, 0
        to_a = after.index(before[to_b])
        size = min(to_a, to_b)
        first = periods.parse(after[0])
        plain = first is not None and first <= start and before[to_b - size : to_b] == after[to_a - size : to_a]
        return (to_b, to_a, size) if plain else (0, 0, 0)

    def _align(self, before: Sequence[str] | None, after: Sequence[str]) -> Frame:
        return align(before, after, self._interval, then=self._case.then, now=self._case.now)
