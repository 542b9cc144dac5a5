"""Pairs of series that are not plain counts in time: idle weekends, ratios, lags, unlike events, losses, sums."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from benchmarks.judgement.tiles import Lines, Pair, trends
from benchmarks.judgement.world import Morning, Process, label, step, window

if TYPE_CHECKING:
    import random

_LENGTHS = (14, 20, 30, 60, 90)


def _days(rng: random.Random, morning: Morning) -> tuple[list[datetime], list[datetime]]:
    length = rng.choice(_LENGTHS)
    return (
        window(morning.local(morning.before_at), "day", length),
        window(morning.local(morning.after_at), "day", length),
    )


def _new(morning: Morning, days: list[datetime]) -> list[datetime]:
    return [day for day in days if morning.loaded_before < step(day, "day") <= morning.loaded_after]


def _midnights(morning: Morning) -> Morning:
    """The same morning with a nightly load, whose hours say nothing."""
    made = object.__new__(Morning)
    made.__dict__.update(morning.__dict__)
    made.loaded_after = morning.local(morning.after_at).replace(hour=0, minute=0, second=0, microsecond=0)
    made.loaded_before = made.loaded_after - timedelta(days=1)
    return made


def _level(rng: random.Random, least: float, most: float) -> float:
    return least * (most / least) ** rng.random()


def _series(
    days: list[datetime], data: list[Any], *, name: str, formula: bool = False, order: int = 0
) -> dict[str, Any]:
    labels = [label(day, "day") for day in days]
    action = {"id": name, "type": "events", "order": order, "name": name, "math": "total"}
    return {
        "data": data,
        "days": labels,
        "labels": labels,
        "count": 0,
        "label": name,
        "action": None if formula else action,
    }


def _pair(before: list[dict[str, Any]], after: list[dict[str, Any]], display: str = "ActionsLineGraph") -> Pair:
    query = {
        "kind": "InsightVizNode",
        "source": {"kind": "TrendsQuery", "interval": "day", "trendsFilter": {"display": display}},
    }
    return Pair("trends", before, after, query, "day")


def idle_weekend(rng: random.Random, morning: Morning, harm: str | None) -> Pair | None:
    """A business that rests: next to nothing comes on Saturdays and Sundays."""
    morning = _midnights(morning)
    days_before, days_after = _days(rng, morning)
    new = _new(morning, days_after)
    if harm and any(day.weekday() >= 5 for day in new):
        return None
    level, idle = _level(rng, 100, 1e5), rng.choice((0.0, 0.0, 0.01, 0.03, 0.06))
    made = Process(rng, "day", level, idle, 0.0, rng.choice((0.03, 0.08)), 0, (1.0,) * 7, 1.0, days_after[-1])
    lines = Lines(rng, morning, "day", ["work"], [made], days_before, days_after)
    lines.before = [{day: made.shown(day, morning.loaded_before) for day in days_before}]
    factor = {"lost": 0, "doubled": 2}.get(harm or "", 1)
    lines.after = [{day: made.shown(day, morning.loaded_after) * (factor if day in new else 1) for day in days_after}]
    return trends(lines)


def ratio(rng: random.Random, morning: Morning, harm: str | None) -> Pair | None:
    """One number divided by another: nothing is counted, and where there was nothing to divide by there is none."""
    morning = _midnights(morning)
    days_before, days_after = _days(rng, morning)
    level, spread, unloaded = _level(rng, 0.002, 80), rng.choice((0.02, 0.05, 0.1)), rng.choice((0, None))
    resting = harm is None and rng.random() < 0.3
    values = {
        day: None if resting and day.weekday() >= 5 else round(level * math.exp(rng.gauss(0, spread)), 6)
        for day in sorted({*days_before, *days_after})
    }
    new = _new(morning, days_after)
    after: dict[datetime, Any] = dict(values)
    for day in new:
        value = values[day]
        if harm and value is not None:
            after[day] = {"lost": 0, "null": None, "halved": value * 0.4, "scaled": value * 100}[harm]

    def side(days: list[datetime], known: dict[datetime, Any], loaded: datetime) -> list[dict[str, Any]]:
        return [
            _series(days, [known[d] if step(d, "day") <= loaded else unloaded for d in days], name="A/B", formula=True)
        ]

    return _pair(side(days_before, values, morning.loaded_before), side(days_after, after, morning.loaded_after))


def days_late(rng: random.Random, morning: Morning, harm: str | None) -> Pair | None:
    """Data that comes two days after the fact, by design."""
    morning = _midnights(morning)
    days_before, days_after = _days(rng, morning)
    lag = timedelta(days=1)
    made = Process.random(rng, "day", _level(rng, 100, 1e5), days_after[-1])
    made.weekend = max(made.weekend, 0.35)
    before = [made.shown(day, morning.loaded_before - lag) for day in days_before]
    loaded = morning.loaded_before if harm == "lost" else morning.loaded_after
    after = {day: made.shown(day, loaded - lag) for day in days_after}
    if harm == "doubled":
        after[morning.loaded_after - 2 * lag] *= 2
    return _pair([_series(days_before, before, name="late")], [_series(days_after, list(after.values()), name="late")])


def unlike_sizes(rng: random.Random, morning: Morning, harm: str | None) -> Pair | None:
    """Two events of one tile, one of them a hundred times the other."""
    morning = _midnights(morning)
    days_before, days_after = _days(rng, morning)
    large, small = _level(rng, 1e4, 1e6), _level(rng, 100, 800)
    before, after = [], []
    for order, level in enumerate((large, small)):
        made = Process.random(rng, "day", level, days_after[-1])
        made.weekend = max(made.weekend, 0.35)
        known = {day: made.shown(day, morning.loaded_after) for day in days_after}
        if order and harm:
            at = _new(morning, days_after) if harm != "hole" else days_after[4:6]
            known.update({day: known[day] * (2 if harm == "doubled" else 0) for day in at})
        if order and harm == "doubled" and {day.weekday() >= 5 for day in at} == {True}:
            return None
        name = f"event {order}"
        old = [made.shown(day, morning.loaded_before) for day in days_before]
        before.append(_series(days_before, old, name=name, order=order))
        after.append(_series(days_after, list(known.values()), name=name, order=order))
    return _pair(before, after)


def below_zero(rng: random.Random, morning: Morning, harm: str | None) -> Pair | None:
    """A difference of two things: a loss every day, or a margin on either side of 0."""
    morning = _midnights(morning)
    days_before, days_after = _days(rng, morning)
    size = _level(rng, 10, 1e5)
    middle, width = (-size, size * 0.06) if rng.random() < 0.5 else (size * 0.3, size)
    values = {day: round(rng.gauss(middle, width), 2) for day in sorted({*days_before, *days_after})}
    after = dict(values)
    for day in _new(morning, days_after):
        if harm:
            after[day] = {"lost": 0.0, "crashed": -30 * size, "scaled": values[day] * 1000}[harm]

    def side(days: list[datetime], known: dict[datetime, float], loaded: datetime) -> list[dict[str, Any]]:
        return [_series(days, [known[d] if step(d, "day") <= loaded else 0 for d in days], name="A-B", formula=True)]

    return _pair(side(days_before, values, morning.loaded_before), side(days_after, after, morning.loaded_after))


def cumulative(rng: random.Random, morning: Morning, harm: str | None) -> Pair | None:
    """Counts shown added up."""
    morning = _midnights(morning)
    days_before, days_after = _days(rng, morning)
    made = Process.random(rng, "day", _level(rng, 200, 1e5), days_after[-1])
    made.weekend = max(made.weekend, 0.5)
    factor = {"lost": 0, "scaled": 30}.get(harm or "", 1)
    new = _new(morning, days_after)
    old = accumulate(made.shown(day, morning.loaded_before) for day in days_before)
    now = accumulate(made.shown(day, morning.loaded_after) * (factor if day in new else 1) for day in days_after)
    display = "ActionsLineGraphCumulative"
    return _pair([_series(days_before, list(old), name="sum")], [_series(days_after, list(now), name="sum")], display)


Maker = Callable[["random.Random", Morning, "str | None"], "Pair | None"]
#: Maker, and the harm it knows.
KINDS: dict[str, tuple[Maker, tuple[str, ...]]] = {
    "idle_weekend": (idle_weekend, ("lost", "doubled")),
    "ratio": (ratio, ("lost", "null", "halved", "scaled")),
    "days_late": (days_late, ("lost", "doubled")),
    "unlike_sizes": (unlike_sizes, ("lost", "doubled", "hole")),
    "below_zero": (below_zero, ("lost", "crashed", "scaled")),
    "cumulative": (cumulative, ("lost", "scaled")),
}
