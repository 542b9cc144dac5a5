"""Pairs of series: what a benign morning and each kind of harm does to trends, breakdowns and tables keyed by date."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from benchmarks.judgement.world import WINDOWS, Morning, Process, label, step, window

Values = dict[datetime, int]
#: Fewest things per period for the loss or doubling of one period to be more than chance.
NOTICEABLE = 60


@dataclass
class Pair:
    """What a tile showed before and after; `None` in place of a result means the state speaks."""

    kind: str
    before: Any
    after: Any
    query: dict[str, Any]
    interval: str | None = None
    columns: list[str] | None = None
    extra_before: dict[str, Any] = field(default_factory=dict)
    extra_after: dict[str, Any] = field(default_factory=dict)


def volume(rng: random.Random, least: float, most: float = 1e6) -> float:
    return least * (most / least) ** rng.random()


@dataclass
class Lines:
    """Several processes over one window, as both pictures show them."""

    rng: random.Random
    morning: Morning
    interval: str
    names: list[str]
    processes: list[Process]
    days_before: list[datetime]
    days_after: list[datetime]
    before: list[Values] = field(default_factory=list)
    after: list[Values] = field(default_factory=list)

    @classmethod
    def random(
        cls, rng: random.Random, morning: Morning, *, parts: int = 1, least: float = 3, interval: str = ""
    ) -> Lines:
        interval = interval or rng.choice(("day",) * 6 + ("hour",) * 2 + ("week", "month"))
        length = rng.choice(WINDOWS[interval])
        now, then = morning.local(morning.after_at), morning.local(morning.before_at)
        days_after, days_before = window(now, interval, length), window(then, interval, length)
        level = volume(rng, least)
        shape = rng.randrange(1 << 30)
        processes = []
        for index in range(parts):
            # Parts of one whole share its rhythm; the first is the largest.
            process = Process.random(
                random.Random(shape),
                interval,
                level / (1 + index * rng.uniform(0.3, 1.2)),
                days_after[-1],
                long=length >= 90,
            )
            process.rng = random.Random(rng.randrange(1 << 30))
            processes.append(process)
        names = [f"part {index}" for index in range(parts)]
        lines = cls(rng, morning, interval, names, processes, days_before, days_after)
        for process in processes:
            lines.before.append({day: process.shown(day, morning.loaded_before) for day in days_before})
            lines.after.append({day: process.shown(day, morning.loaded_after) for day in days_after})
        return lines

    @property
    def complete(self) -> list[datetime]:
        """Periods of the window after that are over and loaded."""
        return [day for day in self.days_after if step(day, self.interval) <= self.morning.loaded_after]

    @property
    def new(self) -> list[datetime]:
        """Those of them that were not complete before."""
        return [day for day in self.complete if step(day, self.interval) > self.morning.loaded_before]

    @property
    def old(self) -> list[datetime]:
        return [day for day in self.complete if step(day, self.interval) <= self.morning.loaded_before]

    def noticeable(self, days: list[datetime], part: int = 0) -> bool:
        return bool(days) and all(self.processes[part].mean(day) >= NOTICEABLE for day in days)


def trends(lines: Lines, *, math: str = "total", broken_down: bool = True) -> Pair:
    many = len(lines.names) > 1 and broken_down

    def side(days: list[datetime], values: list[Values]) -> list[dict[str, Any]]:
        labels = [label(day, lines.interval) for day in days]
        series = []
        for index, (name, one) in enumerate(zip(lines.names, values, strict=True)):
            data = [one.get(day, 0) for day in days]
            item: dict[str, Any] = {
                "data": data,
                "days": labels,
                "labels": labels,
                "count": float(sum(data)),
                "label": name if many else f"event {index}",
                "action": {"id": "e", "type": "events", "order": 0 if many else index, "name": "e", "math": math},
            }
            if many:
                item["breakdown_value"] = name
            series.append(item)
        return series

    query = {"kind": "InsightVizNode", "source": {"kind": "TrendsQuery", "interval": lines.interval}}
    return Pair(
        "trends", side(lines.days_before, lines.before), side(lines.days_after, lines.after), query, lines.interval
    )


def dated_table(lines: Lines) -> Pair:
    """The same as SQL rows, one per period and part; periods without anything have no row."""
    wide = len(lines.names) > 1

    def side(days: list[datetime], values: list[Values]) -> list[list[Any]]:
        rows = [
            [label(day, lines.interval), *([name] if wide else []), one[day]]
            for name, one in zip(lines.names, values, strict=True)
            for day in days
            if one.get(day, 0)
        ]
        lines.rng.shuffle(rows)
        return rows

    query = {"kind": "DataVisualizationNode", "source": {"kind": "HogQLQuery", "query": "select ..."}}
    return Pair(
        "table",
        side(lines.days_before, lines.before),
        side(lines.days_after, lines.after),
        query,
        columns=["day", *(["part"] if wide else []), "n"],
    )


# What is done to the values after. Each returns False where it would make no difference that anyone could see.

Change = Callable[[Lines], bool]


def ordinary(lines: Lines) -> bool:
    return True


def late_events(lines: Lines) -> bool:
    """The last periods were a few per cent short before."""
    for process, before in zip(lines.processes, lines.before, strict=True):
        for back, day in enumerate(reversed(lines.old[-5:])):
            before[day] = round(process.value(day) * (1 - lines.rng.uniform(0, 0.06) / (1 + back)))
    return True


def good_news(lines: Lines) -> bool:
    """A period was empty or partial before and is whole now."""
    if len(lines.old) < 5:
        return False
    day = lines.rng.choice(lines.old[-6:])
    part = lines.rng.choice((0.0, 0.0, 0.3, 0.5))
    for before in lines.before:
        before[day] = round(before.get(day, 0) * part)
    return True


def undoubled(lines: Lines) -> bool:
    """A period was loaded twice before and is right now."""
    if len(lines.old) < 8:
        return False
    day = lines.rng.choice(lines.old[-6:])
    for before in lines.before:
        before[day] = before.get(day, 0) * 2
    return lines.noticeable([day])


def step_change(lines: Lines) -> bool:
    """The level changed for good some weeks ago; that is known by now."""
    if len(lines.complete) < 20 or lines.interval == "hour":
        return False
    factor, since = lines.rng.choice((0.5, 1.8)), lines.complete[-9]
    for before, after in zip(lines.before, lines.after, strict=True):
        for side in (before, after):
            for day in side:
                if day >= since:
                    side[day] = round(side[day] * factor)
    return True


def _times(lines: Lines, days: list[datetime], factor: float, parts: list[int] | None = None) -> bool:
    for index in parts if parts is not None else range(len(lines.after)):
        for day in days:
            lines.after[index][day] = round(lines.after[index].get(day, 0) * factor)
    return lines.noticeable(days)


def lost(lines: Lines) -> bool:
    return _times(lines, lines.new, 0.0)


def _known_kind(lines: Lines) -> bool:
    """Whether days like the new ones were seen before.

    A quarter of what came on Friday, or four times as much, is what the first Saturday or Monday may well have: without
    one before it nobody could say whether a part of it is missing or was loaded twice.
    """
    if lines.interval not in ("hour", "day"):
        return True
    return {day.weekday() >= 5 for day in lines.new} <= {day.weekday() >= 5 for day in lines.old}


def mostly_lost(lines: Lines) -> bool:
    """Less than half of the new periods has come; see `_known_kind` for where that can't be told."""
    if not _known_kind(lines):
        return False
    return _times(lines, lines.new, lines.rng.uniform(0.03, 0.35))


def doubled(lines: Lines) -> bool:
    """The new periods were loaded twice; see `_known_kind` for where that can't be told."""
    return _known_kind(lines) and _times(lines, lines.new, 2.0)


def part_lost(lines: Lines) -> bool:
    """One value of a breakdown has lost its new periods."""
    return _times(lines, lines.new, lines.rng.choice((0.0, 0.1)), [0])


def restated(lines: Lines) -> bool:
    n = max(3, len(lines.old) // lines.rng.choice((1, 2, 4)))
    if len(lines.old) < 5:
        return False
    begin = lines.rng.randrange(max(len(lines.old) - n, 0) + 1)
    return _times(lines, lines.old[begin : begin + n], lines.rng.choice((0.5, 0.7, 0.85, 1.2, 1.5, 2.0)))


def hole(lines: Lines) -> bool:
    """One to three known periods are empty.

    Not those the window begins with: a table shows no row for them, as it does after its window has moved on.
    """
    n = lines.rng.choice((1, 2, 3))
    first = max(len(lines.new), 1)
    if len(lines.old) < max(6, first + n + 1):
        return False
    begin = lines.rng.randrange(first, len(lines.old) - n)
    return _times(lines, lines.old[begin : begin + n], 0.0)


def emptied(lines: Lines) -> bool:
    days = list(lines.days_after)
    _times(lines, days, 0.0)
    return sum(lines.before[0].values()) >= 30 and len(lines.old) >= 3


def scaled(lines: Lines) -> bool:
    factor = lines.rng.choice((100, 1000, 0.01))
    days = lines.new if lines.rng.random() < 0.5 else lines.complete
    return _times(lines, days, factor)


def stuck(lines: Lines) -> bool:
    """A load that writes the last value again and again."""
    if len(lines.new) < 1 or len(lines.old) < 8 or lines.interval == "hour":
        return False
    last = lines.old[-1]
    for process, before, after in zip(lines.processes, lines.before, lines.after, strict=True):
        for day in lines.new:
            after[day] = after.get(last, before.get(last, 0))
        if process.mean(last) * max(process.spread, 0.03) < 400:
            return False
    return True


def vanished(lines: Lines) -> bool:
    """A breakdown value is gone; mostly its volume is under null now."""
    if len(lines.names) < 2:
        return False
    index = lines.rng.randrange(min(len(lines.names), 3))
    gone, name = lines.after.pop(index), lines.names[index]
    where = lines.rng.choice(("$$_posthog_breakdown_null_$$", "$$_posthog_breakdown_other_$$", ""))
    total = sum(sum(values.values()) for values in lines.before)
    share = sum(lines.before[index].values()) / max(total, 1)
    lines.names_after = [each for each in lines.names if each != name]  # type: ignore[attr-defined]
    if where:
        lines.names_after.append(where)  # type: ignore[attr-defined]
        lines.after.append(gone)
    return share >= 0.08 and sum(lines.before[index].values()) >= 100


def truncated(lines: Lines) -> bool:
    """The newest periods are not there at all."""
    if len(lines.new) < 1 or len(lines.old) < 8:
        return False
    for day in [day for day in lines.days_after if day >= lines.new[0]]:
        for after in lines.after:
            after.pop(day, None)
    lines.days_after = [day for day in lines.days_after if day < lines.new[0]]
    return all(process.mean(lines.old[-1]) >= NOTICEABLE for process in lines.processes[:1])


BENIGN: dict[str, Change] = {
    "ordinary": ordinary,
    "late_events": late_events,
    "good_news": good_news,
    "undoubled": undoubled,
    "step_change": step_change,
}
HARM: dict[str, Change] = {
    "lost": lost,
    "mostly_lost": mostly_lost,
    "doubled": doubled,
    "restated": restated,
    "hole": hole,
    "emptied": emptied,
    "scaled": scaled,
    "stuck": stuck,
    "truncated": truncated,
}


def series_pair(lines: Lines, shape: str) -> Pair:
    """Turn values into a tile: `trends`, `several`, `breakdown`, `table` or `wide_table`."""
    names_after = getattr(lines, "names_after", None)
    if shape in ("table", "wide_table"):
        pair = dated_table(_sided(lines, lines.names))
    else:
        pair = trends(_sided(lines, lines.names), broken_down=shape == "breakdown")
    if names_after is not None:
        after = Lines(
            lines.rng, lines.morning, lines.interval, names_after, lines.processes, lines.days_before, lines.days_after,
            [{} for _ in names_after], lines.after,
        )  # fmt: skip
        other = dated_table(after) if shape == "wide_table" else trends(after)
        pair.after = other.after
    return pair


def _sided(lines: Lines, names: list[str]) -> Lines:
    if len(lines.after) == len(names):
        return lines
    padded = lines.after + [{} for _ in range(len(names) - len(lines.after))]
    return Lines(
        lines.rng, lines.morning, lines.interval, names, lines.processes, lines.days_before, lines.days_after,
        lines.before, padded,
    )  # fmt: skip
