"""Judging tables: SQL and other rows in columns. Rows are matched by key; rows keyed by date are series."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from itertools import accumulate
from typing import TYPE_CHECKING, cast

from airflow_dashboards.analysis import periods
from airflow_dashboards.analysis.judge import rows
from airflow_dashboards.analysis.judge.case import Case, Reading, as_numbers
from airflow_dashboards.analysis.judge.columns import Column, Holds, Table, Timeline, find_key, read, readable, timeline
from airflow_dashboards.analysis.judge.lines import Line, is_rest, unique
from airflow_dashboards.analysis.judge.series import judge_lines
from airflow_dashboards.analysis.model import Figure, Finding, Severity
from airflow_dashboards.analysis.words import brief, listed

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Series, and periods, a table may be taken apart into.
_MOST_LINES, _MOST_PERIODS = 2000, 20_000
#: Periods the last row may have been behind before; more, and the window is taken to end there on purpose.
_LATEST = {"minute": 240, "hour": 48, "day": 2}


def judge(case: Case) -> Reading:
    """Compare two tables (contract 4.7)."""
    ignored = case.rules.ignore_columns
    after = read(case.after.result, case.after.columns, ignored)
    before = read(case.before.result, case.before.columns, ignored) if case.before is not None else None
    key = find_key(before if before is not None else after, case.rules.key_columns)
    key = tuple(name for name in key if name in after.columns)
    findings = _columns(before, after) if before is not None else []
    dates = timeline(before if before is not None else after, key) if key else None
    if dates is not None and _lines_fit(after, key, dates):
        reading = _as_series(case, before, after, key, dates)
        if before is not None:
            findings += rows.types(before, after) + rows.duplicates(case, before, after, key)
            findings += rows.nulls(before, after)
        reading.findings = findings + reading.findings
        return reading
    if before is None:
        return Reading(False, [], Figure(label="rows", after=float(after.size)))
    reading = rows.judge(case, before, after, key)
    reading.findings = findings + reading.findings
    return reading


def _columns(before: Table, after: Table) -> list[Finding]:
    lost = sorted(before.columns.keys() - after.columns.keys())
    if not lost:
        return []
    names = listed([brief(name) for name in lost])
    return [
        Finding(
            code="table.columns",
            severity=Severity.FAIL,
            message=f"{'A column is' if len(lost) == 1 else 'Columns are'} missing: {names}.",
            subject=lost[0],
            before=float(len(before.columns)),
            after=float(len(after.columns)),
        )
    ]


def _lines_fit(table: Table, key: Sequence[str], dates: Timeline) -> bool:
    dimensions = [name for name in key if name != dates.column]
    groups = len(set(table.keys(dimensions))) if dimensions and table.size else 1
    measures = sum(column.measures for column in table.columns.values())
    return 0 < groups * max(measures, 1) <= _MOST_LINES and measures > 0


def _as_series(case: Case, before: Table | None, after: Table, key: Sequence[str], dates: Timeline) -> Reading:
    midnight = all(start.time() == datetime.min.time() for start in dates.starts)
    mine = _axis(after, dates, midnight)
    theirs = _axis(before, dates, midnight) if before is not None else []
    mine = _extended(case, theirs, _from_the_start(case, theirs, mine, dates.interval), dates.interval)
    new = _lines(after, key, dates, mine, midnight, like=before)
    old = _lines(before, key, dates, theirs, midnight, like=before) if before is not None else None
    reading = judge_lines(case, old, new, dates.interval)
    if any(finding.after == 0 for finding in reading.findings):
        _name_what_is_missing(reading, after, key, dates, {line.label: line.key for line in new}, midnight)
    return reading


def _name_what_is_missing(
    reading: Reading,
    table: Table,
    key: Sequence[str],
    dates: Timeline,
    measured: dict[str, tuple[str, ...]],
    midnight: bool,
) -> None:
    """Say of a period that was counted as 0 that it has no row, or no value, where that is the case."""
    dimensions = [name for name in key if name != dates.column]
    groups = table.keys(dimensions) if dimensions else [()] * table.size
    there: dict[tuple[str, tuple[str, ...]], list[int]] = {}
    for index, (group, start) in enumerate(zip(groups, table.columns[dates.column].starts, strict=True)):
        if start is not None:
            there.setdefault((_label(start, midnight), group), []).append(index)
    for place, finding in enumerate(reading.findings):
        name, *part = measured.get(finding.subject or "", ("",))
        if finding.after != 0 or finding.period is None or name not in table.columns:
            continue
        found = there.get((finding.period, tuple(part)), [])
        if any(table.columns[name].values[index] is not None for index in found):
            continue
        missing = f" has no {'value' if found else 'row'},"
        said = finding.message.replace(" is 0,", missing, 1).replace(" has no value,", missing, 1)
        reading.findings[place] = finding.model_copy(update={"message": said})


def _axis(table: Table, dates: Timeline, midnight: bool) -> list[datetime]:
    """Every period from a table's first to its last, those without a row included."""
    found = {start for start in set(table.columns[dates.column].starts) if start is not None}
    if not found:
        return []
    last, axis = max(found), [min(found)]
    while axis[-1] < last and len(axis) < _MOST_PERIODS:
        axis.append(periods.end(axis[-1], dates.interval))
    # Weeks and months that do not begin where the calendar's do keep their own dates.
    return sorted(found) if not found <= set(axis) else axis


def _from_the_start(case: Case, theirs: list[datetime], mine: list[datetime], interval: str) -> list[datetime]:
    """Add the periods a window should begin with: it moves on with time, or by as much as is new at its end."""
    if not mine or not theirs or case.then is None:
        return mine
    new = sum(start > theirs[-1] for start in mine)
    moved = max(_turns(case.then, case.now, interval), new)
    due = theirs[min(moved, len(theirs) - 1)]
    return [*(start for start in theirs if due <= start < mine[0]), *mine]


def _turns(then: datetime, now: datetime, interval: str) -> int:
    """How many periods have begun between two moments, a fraction of one counting as one."""
    return len(_missing(then, now, interval)) + 1


def _extended(case: Case, theirs: list[datetime], mine: list[datetime], interval: str) -> list[datetime]:
    """Add the periods at the end for which there ought to be rows by now, going by how late they were before."""
    if not mine or not theirs or case.then is None:
        return mine
    late_then = _missing(theirs[-1], case.then, interval)
    late_now = _missing(mine[-1], case.now, interval)
    if len(late_then) > _LATEST.get(interval, 1) or not late_now or len(late_now) > 60:
        return mine  # a window that is closed, or data that comes much later than it happens
    turned = bool(_missing(_last_complete(theirs[-1], late_then), case.now, interval))
    expected = len(late_now) - len(late_then) if turned else len(late_now)
    if interval in ("hour", "minute"):
        # A nightly load brings whole days, however late in the night either picture was taken.
        midnight = case.now.replace(hour=0, minute=0, second=0, microsecond=0)
        expected = max(expected, sum(start < midnight for start in late_now))
    return mine + late_now[: max(expected, 0)]


def _missing(last: datetime, now: datetime, interval: str) -> list[datetime]:
    """Complete periods after `last`."""
    found: list[datetime] = []
    start = periods.end(last, interval)
    while periods.end(start, interval) <= now and len(found) <= 60:
        found.append(start)
        start = periods.end(start, interval)
    return found


def _last_complete(last: datetime, late: list[datetime]) -> datetime:
    return late[-1] if late else last


def _label(start: datetime, midnight: bool) -> str:
    return start.date().isoformat() if midnight else start.isoformat(sep=" ")


def _lines(
    table: Table, key: Sequence[str], dates: Timeline, axis: list[datetime], midnight: bool, *, like: Table | None
) -> list[Line]:
    days = [_label(start, midnight) for start in axis]
    place: dict[datetime | None, int] = {start: index for index, start in enumerate(axis)}
    at = list(map(place.get, table.columns[dates.column].starts))
    dimensions = [name for name in key if name != dates.column]
    groups = _grouped(table.keys(dimensions) if dimensions else [()] * table.size, at)
    lines = []
    for name, column in sorted(table.columns.items()):
        kind = _kind(column, like)
        if kind not in (Holds.COUNT, Holds.SUM, Holds.RATE):
            continue
        numbers = as_numbers(column.values)
        for group, (mine, places) in groups.items():
            values = _by_period(list(map(numbers.__getitem__, mine)), places, len(axis), kind)
            lines.append(_line(name, kind, group, days, values, several=bool(dimensions)))
    return unique(lines)


def _grouped(
    groups: Sequence[tuple[str, ...]], at: Sequence[int | None]
) -> dict[tuple[str, ...], tuple[list[int], list[int]]]:
    """The rows of each group that have a period, and where in time they are; sorted, as a look at each takes longer."""
    found = [row for row, index in enumerate(at) if index is not None]
    number = {group: place for place, group in enumerate(dict.fromkeys(map(groups.__getitem__, found)))}
    numbers = [number.get(group, -1) for group in groups]
    found.sort(key=numbers.__getitem__)
    places = cast("list[int]", list(map(at.__getitem__, found)))
    sizes = Counter(map(numbers.__getitem__, found))
    ends = list(accumulate(sizes[place] for place in number.values()))
    return {
        group: (found[begin:end], places[begin:end])
        for group, begin, end in zip(number, [0, *ends], ends, strict=False)
    }


def _by_period(given: list[float | None], places: list[int], size: int, kind: Holds) -> list[float | None]:
    """The numbers of some rows by period."""
    rate = kind is Holds.RATE
    if None not in given and places == list(range(size)):
        plain = cast("list[float]", given)
        return list(map(float, plain)) if rate else [amount + 0.0 for amount in plain]
    # A period without a row had nothing to count; an average of nothing is no number.
    values: list[float | None] = [None if rate else 0.0] * size
    for index, amount in zip(places, given, strict=True):
        if amount is not None:
            values[index] = float(amount) if rate else amount + (values[index] or 0.0)
    return values


def _kind(column: Column, like: Table | None) -> Holds:
    """What a column holds, by the picture before where it says more: a column gone null still measures."""
    known = like.columns.get(column.name) if like is not None else None
    return known.holds if known is not None and known.holds is not Holds.NOTHING else column.holds


def _line(
    name: str, kind: Holds, group: tuple[str, ...], days: list[str], values: list[float | None], *, several: bool
) -> Line:
    label = brief(name) if not group else f"{readable(group, most=30)}, {brief(name)}"
    return Line(
        (name, *group),
        label,
        days,
        values,
        counts=kind is Holds.COUNT,
        additive=kind is not Holds.RATE,
        rest=bool(group) and all(map(is_rest, group)),
        broken_down=several,
    )
