"""Matching one person's events against ordered steps. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, timedelta


class Event(NamedTuple):
    """When something happened, and which steps and exclusions (by their places) it is."""

    at: datetime
    steps: tuple[int, ...]
    exclusions: tuple[int, ...] = ()


@dataclass(frozen=True)
class Exclusion:
    """Something that must not happen after step `after` and before step `before`."""

    place: int
    after: int
    before: int


@dataclass(frozen=True)
class Rules:
    """How many steps there are, how long all of them may take, and what must not happen between."""

    steps: int
    window: timedelta
    exclusions: tuple[Exclusion, ...] = ()


def furthest(events: Sequence[Event], rules: Rules) -> list[datetime]:
    """Return when each step was reached, for the run of steps that got furthest; empty where not even the first was.

    Every first step starts a run anew; all steps of a run lie within the window from its first. One event is one
    step: it does not lead from a step to the next. Of runs that get equally far, the first counts. A person who does
    something excluded in every run that enters is not in the funnel at all.

    Args:
        events: One person's, in the order of time.
        rules: The funnel's.
    """
    runs: list[list[datetime] | None] = [None] * rules.steps
    best: list[datetime] = []
    spoiled: set[datetime] = set()
    for event in events:
        for exclusion in rules.exclusions:
            if exclusion.place in event.exclusions:
                _spoil(runs, exclusion, event.at, rules.window, spoiled)
        for step in sorted(event.steps, reverse=True):
            run = [event.at] if step == 0 else _continued(runs[step - 1], event.at, rules.window)
            reached = runs[step]
            if run is None or (step and reached is not None and reached[0] == run[0]):
                continue
            runs[step] = run
            if len(run) > len(best):
                best = run
        if len(best) == rules.steps:
            return best
    if rules.exclusions and best and best[0] in spoiled:
        clean = [run for run in runs if run is not None and run[0] not in spoiled]
        return max(clean, key=len, default=[])
    return best


def _continued(run: list[datetime] | None, at: datetime, window: timedelta) -> list[datetime] | None:
    if run is None or at - run[0] > window:
        return None
    return [*run, at]


def _spoil(
    runs: list[list[datetime] | None], exclusion: Exclusion, at: datetime, window: timedelta, spoiled: set[datetime]
) -> None:
    """End the runs that stand between the exclusion's steps."""
    for step in range(exclusion.after, min(exclusion.before, len(runs))):
        run = runs[step]
        if run is None or at - run[0] > window:
            continue
        further = runs[exclusion.before] if exclusion.before < len(runs) else None
        if further is None or further[0] != run[0]:
            spoiled.add(run[0])
            runs[step] = None
