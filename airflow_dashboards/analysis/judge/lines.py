"""Reading the series of a result: what PostHog calls them, and how those before and after are matched."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

from airflow_dashboards.analysis.judge.case import Unreadable, as_numbers, canonical
from airflow_dashboards.analysis.words import brief

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

#: How PostHog marks the rest and the missing among breakdown values.
OTHER, NOTHING = "$$_posthog_breakdown_other_$$", "$$_posthog_breakdown_null_$$"
_REST = frozenset({OTHER, NOTHING, "other", "null", "none", "", "(none)", "(empty)", "(other)"})
#: Aggregations of events that are no counts: an average does not grow with the number of events.
_COUNTS = frozenset({
    "total", "dau", "weekly_active", "monthly_active", "unique_group", "unique_session", "first_time_for_user",
    "first_matching_event_for_user", "hogql_count",
})  # fmt: skip
_SUMS = frozenset({"sum"})

#: Parts of what identifies a series of a trend, and which of them is the status of a lifecycle; how none is written.
_TREND_KEY, _STATUS, _NONE = 5, 2, canonical(None)

Value = float | None


@dataclass(frozen=True)
class Line:
    """One series: what identifies it, what it is called, and its values by period."""

    key: tuple[str, ...]
    label: str
    days: Sequence[str]
    data: Sequence[Value]
    #: Whether values are numbers of things, and so have the noise of counting.
    counts: bool = True
    #: Whether values of periods and of series may be added up.
    additive: bool = True
    #: Whether it shows the period before the window, for comparison.
    previous: bool = False
    #: Whether it holds what has no breakdown value of its own.
    rest: bool = False
    broken_down: bool = False

    @property
    def whole(self) -> str | None:
        """What it is a part of: the event, or the column, that is broken down; None where it stands for itself."""
        if len(self.key) == _TREND_KEY and self.key[_STATUS] != _NONE:
            return self.key[0]  # new, returning, resurrecting, dormant
        if not self.broken_down:
            return None
        return self.key[0] if len(self.key) > 1 else ""

    @cached_property
    def volume(self) -> float:
        """Sum of the absolute values."""
        return sum(map(abs, filter(None, self.data)), 0.0)


def numbers(data: Any) -> Sequence[Value]:
    """Return a list's numbers, None for what is none."""
    if not isinstance(data, list):
        raise Unreadable("a series has no list of values")
    return as_numbers(data)


def is_rest(value: Any) -> bool:
    """Whether a breakdown value stands for the missing or for the rest."""
    if isinstance(value, list):
        return bool(value) and all(is_rest(each) for each in value)
    return value is None or (isinstance(value, str) and value.strip().lower() in _REST)


def breakdown_label(value: Any) -> str:
    """A breakdown value as people call it."""
    if isinstance(value, list):
        return " / ".join(breakdown_label(each) for each in value)
    if value == OTHER:
        return "Other"
    if value is None or value in (NOTHING, ""):
        return "None"
    return brief(canonical(value))


def _measure(action: Any, *, formula: bool) -> tuple[bool, bool]:
    """Whether a series counts, and whether it adds up."""
    if formula:
        return False, False
    math = action.get("math") if isinstance(action, dict) else None
    if math is None or math in _COUNTS:
        return True, math in (None, "total", "hogql_count")
    return False, math in _SUMS


def read(result: Any) -> list[Line]:
    """Read a list of series (contract 4.7); sorted by what identifies them, whatever order they came in.

    Raises:
        Unreadable: it is no list of series.
    """
    if not isinstance(result, list):
        raise Unreadable(f"expected a list of series, got {_name(result)}")
    lines = []
    for item in result:
        if not isinstance(item, dict):
            raise Unreadable(f"expected a series, got {_name(item)}")
        days = item.get("days")
        data = item.get("data")
        if not isinstance(days, list) or not isinstance(data, list):
            raise Unreadable("a series has no `days` or no `data`")
        if len(days) != len(data):
            raise Unreadable(f"a series has {len(days)} periods but {len(data)} values")
        if set(map(type, days)) != {str}:
            days = [canonical(day) for day in days]
        lines.append(_line(item, days, numbers(data)))
    return unique(lines)


def _line(item: dict[str, Any], days: list[str], data: Sequence[Value]) -> Line:
    action = item.get("action")
    broken_down = "breakdown_value" in item
    value = item.get("breakdown_value")
    label = item.get("label")
    status = item.get("status")
    if isinstance(status, str) and min(filter(None, data), default=0.0) < 0 and max(filter(None, data)) < 0:
        data = [None if number is None else -number for number in data]  # those who left are shown below the axis
    compare = item.get("compare_label")
    formula = action is None and status is None
    counts, additive = _measure(action, formula=formula)
    # Whatever the query calls it: numbers of things are whole, and what is not has not the noise of counting.
    counts = (counts or formula) and _whole(data)
    order = action.get("order") if isinstance(action, dict) else None
    shown = brief(label) if isinstance(label, str) and label else ""
    if broken_down:
        name = isinstance(action, dict) and (action.get("custom_name") or action.get("name"))
        part = breakdown_label(value)
        shown = part if not name or shown == part or not isinstance(name, str) else f"{brief(name)}, {part}"
    if isinstance(status, str):
        shown = status if not shown or status in shown else f"{shown}, {status}"
    identity = "" if broken_down else canonical(label)
    return Line(
        key=(
            canonical(order),
            canonical(compare),
            canonical(status),
            canonical(value) if broken_down else "",
            identity,
        ),
        label=shown or "series",
        days=days,
        data=data,
        counts=counts,
        additive=additive or isinstance(status, str),
        previous=compare == "previous",
        rest=broken_down and is_rest(value),
        broken_down=broken_down,
    )


def _whole(data: Sequence[Value]) -> bool:
    types = set(map(type, data))
    if types == {float}:
        return all(map(float.is_integer, cast("Sequence[float]", data)))
    return types <= {int} or all(map(float.is_integer, map(float, filter(None, data))))


def alike(before: list[Line], after: list[Line]) -> tuple[list[Line], list[Line]]:
    """Let both pictures say what a series measures: one that is not whole in one of them counts in neither."""
    sides = before, after
    not_counts = [{line.key for line in side if not line.counts} for side in sides]
    if not_counts[0] == not_counts[1]:
        return sides
    rates = not_counts[0] | not_counts[1]
    told = [
        [replace(line, counts=False) if line.counts and line.key in rates else line for line in side] for side in sides
    ]
    return told[0], told[1]


def unique(lines: Iterable[Line]) -> list[Line]:
    """Sort by key; series with one key between them are told apart by their content."""
    ordered = sorted(lines, key=lambda line: line.key)
    keys = [line.key for line in ordered]
    if len(set(keys)) == len(keys):
        return ordered
    taken: dict[tuple[str, ...], int] = {}
    told = []
    for line in sorted(ordered, key=lambda line: (line.key, canonical(line.days), canonical(line.data))):
        number = taken.get(line.key, 0)
        taken[line.key] = number + 1
        if number:
            told.append(_with_key(line, (*line.key, str(number))))
        else:
            told.append(line)
    return told


def _with_key(line: Line, key: tuple[str, ...]) -> Line:
    return replace(line, key=key)


def _name(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "text", bool: "true or false", int: "a number", float: "a number"}
    return "nothing" if value is None else names.get(type(value), "something else")
