"""Reading a table: its columns, what each holds, and which of them identify a row."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from itertools import combinations
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from airflow_dashboards.analysis import periods
from airflow_dashboards.analysis.judge.case import Unreadable, as_number, as_numbers, canonical
from airflow_dashboards.analysis.words import brief

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

#: Names of columns whose values can't be added up.
_RATE = re.compile(
    r"(?:^|[^a-z])(?:avg|average|mean|median|rate|ratio|pct|percent|percentage|share|conversion|per|p\d\d|min|max|score"
    r"|quantile\w*)(?:$|[^a-z])|%",
)
_STAMP = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(\.\d*[1-9])?(?:\.?0*)(?:Z|[+-]\d\d:?\d\d)?")
_ID = re.compile(r"(?:^|_)(?:id|uuid|key|code|sku|zip|year|month|week|weekday|dow|hour|rank|position|bucket)$")
#: Rows looked at to learn what a column holds.
_SAMPLE = 2000
_MOST_KEY_COLUMNS = 3
_NUMBERS = frozenset({int, float})


class Holds(str, Enum):
    """What the values of a column are."""

    TIME = "time"
    TEXT = "text"
    COUNT = "count"  # whole numbers that may be added up
    SUM = "sum"  # other numbers that may be added up
    RATE = "rate"  # numbers that may not
    ID = "id"  # whole numbers that name things
    NOTHING = "nothing"


@dataclass(frozen=True)
class Column:
    """A column with its values, row by row."""

    name: str
    holds: Holds
    values: Sequence[Any]

    @property
    def measures(self) -> bool:
        """Whether it holds numbers that say how much, and not which."""
        return self.holds in (Holds.COUNT, Holds.SUM, Holds.RATE)

    @property
    def empty_share(self) -> float:
        """Share of rows in which there is no value."""
        if not self.values or self.types <= _NUMBERS:
            return 0.0
        return (self.values.count(None) + self.values.count("")) / len(self.values)

    @cached_property
    def types(self) -> frozenset[type]:
        """The types of its values."""
        return frozenset(map(type, self.values))

    @cached_property
    def starts(self) -> list[datetime | None]:
        """Its values as dates; None for what is none."""
        if self.types != {str}:
            return [periods.parse(value) if isinstance(value, str) else None for value in self.values]
        known = {value: periods.parse(value) for value in set(self.values)}
        return list(map(known.__getitem__, self.values))

    @cached_property
    def texts(self) -> Sequence[str]:
        """Its values as what names a row."""
        return self.values if self.types == {str} else list(map(canonical, self.values))


@dataclass(frozen=True)
class Table:
    """Rows in columns."""

    columns: dict[str, Column]
    size: int

    def distinct(self, names: Sequence[str]) -> int:
        """How many rows differ in these columns."""
        rows = list(zip(*(self.columns[name].values for name in names), strict=True))
        try:
            return len(set(rows))
        except TypeError:  # a cell holds a list or an object
            return len(set(self.keys(names)))

    def keys(self, names: Sequence[str]) -> list[tuple[str, ...]]:
        """What identifies each row, by the values of these columns."""
        return list(zip(*(self.columns[name].texts for name in names), strict=True))


def readable(key: Sequence[str], *, most: int = 80) -> str:
    """What identifies a row, to be read: dates without a midnight, times without a zero second or an offset.

    Example:
        >>> readable(("US", "2026-06-15T00:00:00Z"))
        'US / 2026-06-15'
    """
    return " / ".join([brief(_readable(part), most=most) for part in key])


def readables(table: Table, names: Sequence[str], *, most: int) -> Sequence[str]:
    """What identifies each row by the values of these columns, to be read: `readable` for many."""
    columns = [_brief_parts(table.columns[name].texts, most=most) for name in names]
    return columns[0] if len(columns) == 1 else list(map(" / ".join, zip(*columns, strict=True)))


def _brief_parts(parts: Sequence[str], *, most: int) -> Sequence[str]:
    # Mostly all of them can stay as they are, and one look at them all is quicker than one at each.
    text = "\0".join(parts)
    flat = " ".join(text.split()) == text and " \0" not in text and "\0 " not in text
    if flat and max(map(len, parts), default=0) <= most and not (":" in text and _STAMP.search(text)):
        return parts
    known = {part: brief(_readable(part), most=most) for part in set(parts)}
    return list(map(known.__getitem__, parts))


def _readable(part: str) -> str:
    found = _STAMP.fullmatch(part)
    if found is None:
        return part
    day, clock, fraction = found.groups()
    if clock == "00:00:00" and not fraction:
        return day
    return f"{day} {clock}{fraction}" if fraction else f"{day} {clock.removesuffix(':00')}"


def read(result: Any, names: list[str] | None, ignored: Sequence[str]) -> Table:
    """Read rows (contract 4.7).

    Raises:
        Unreadable: rows are no lists, or not as wide as there are columns.
    """
    if not isinstance(result, list):
        raise Unreadable("expected a list of rows")
    if not set(map(type, result)) <= {list}:
        if all(isinstance(row, dict) for row in result):
            names = sorted({key for row in result for key in row})
            result = [[row.get(name) for name in names] for row in result]
        else:
            raise Unreadable("a row is not a list")
    widths = set(map(len, result))
    if len(widths) > 1:
        raise Unreadable("rows differ in their number of columns")
    width = widths.pop() if widths else len(names or ())
    if names is None:
        names = [f"column {index + 1}" for index in range(width)]
    if result and len(names) != width:
        raise Unreadable(f"rows have {width} values but there are {len(names)} columns")
    by_column: Sequence[Sequence[Any]] = [tuple(map(itemgetter(index), result)) for index in range(width)]
    columns: dict[str, Column] = {}
    for name, values in zip(names, by_column, strict=True):
        if name in ignored:
            continue
        unique, number = name, 1
        while unique in columns:
            number += 1
            unique = f"{name} ({number})"
        columns[unique] = Column(unique, _holds(name, values), values)
    return Table(columns, len(result))


def _holds(name: str, values: Sequence[Any]) -> Holds:
    # Evenly spread, not the first: rows of a table are sorted more often than not. Sorted values would cost more.
    step = max(len(values) // _SAMPLE, 1)
    sample = values[::step]
    types = set(map(type, sample))
    plain = types <= _NUMBERS
    seen = sample if plain else [value for value in sample if value is not None and value != ""]
    if not seen:
        return Holds.NOTHING
    lowered = name.lower()
    numbers = as_numbers(seen) if as_number(seen[0]) is not None else [None]
    dates = not plain and _are_days(seen)
    if None not in numbers and not dates:
        whole = types == {int} or all(number == int(number) for number in numbers if number is not None)
        if whole and _ID.search(lowered):
            return Holds.ID
        if _RATE.search(lowered):
            return Holds.RATE
        if whole:
            return Holds.COUNT
        return Holds.RATE if all(number is not None and 0 <= number <= 1 for number in numbers) else Holds.SUM
    return Holds.TIME if dates else Holds.TEXT


def _are_days(values: Sequence[Any]) -> bool:
    if not isinstance(values[0], str) or periods.parse(values[0]) is None:
        return False
    return set(map(type, values)) == {str} and all(periods.parse(value) is not None for value in set(values))


def find_key(table: Table, given: Sequence[str]) -> tuple[str, ...]:
    """Columns that identify a row: those given, else the fewest, leftmost, that tell all rows apart; () if none do."""
    if given and all(name in table.columns for name in given):
        return tuple(given)
    if table.size < 2:
        texts = [name for name, column in table.columns.items() if column.holds in (Holds.TIME, Holds.TEXT)]
        return tuple(texts[:1])
    order = (Holds.TIME, Holds.TEXT, Holds.ID)
    likely = sorted(
        (name for name, column in table.columns.items() if column.holds in order),
        key=lambda name: (table.columns[name].holds is Holds.ID, name),
    )[:6]
    first = min(table.columns, default="")
    for size in range(1, _MOST_KEY_COLUMNS + 1):
        for names in combinations(likely, size):
            if table.distinct(names) == table.size:
                return names
    # A bare histogram: whole numbers that name their row.
    if len(table.columns) > 1 and not likely:
        for name, column in sorted(table.columns.items()):
            if column.holds is Holds.COUNT and table.distinct([name]) == table.size and name == first:
                return (name,)
    return ()


@dataclass(frozen=True)
class Timeline:
    """The dates of a table that is a series in disguise."""

    column: str
    interval: str
    starts: list[datetime]


def timeline(table: Table, key: Sequence[str]) -> Timeline | None:
    """The dates by which the rows are keyed, if they are evenly spaced; None where they are not dates at all."""
    times = [name for name in key if table.columns[name].holds is Holds.TIME]
    if len(times) != 1:
        return None
    starts = sorted(start for start in set(table.columns[times[0]].starts) if start is not None)
    if len(starts) < 4:
        return None
    interval = periods.infer(starts)
    return Timeline(times[0], interval, starts) if interval else None
