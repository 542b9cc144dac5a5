"""Judging tables row by row: gained, lost and duplicated rows, columns gone null, sums and single values."""

from __future__ import annotations

from collections import Counter
from heapq import nlargest
from math import fsum, inf, sqrt
from typing import TYPE_CHECKING

from airflow_dashboards.analysis.judge import amount, charts, values
from airflow_dashboards.analysis.judge.case import Case, Reading, as_numbers, canonical
from airflow_dashboards.analysis.judge.columns import Column, Holds, Table, readable
from airflow_dashboards.analysis.judge.row_names import RowNames
from airflow_dashboards.analysis.model import Chart, Figure, Finding, Severity
from airflow_dashboards.analysis.words import brief, count, listed, percent

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Rows that are compared one by one; larger tables by their sums, keys and columns.
_ONE_BY_ONE = 5000
#: Share of rows, net of new ones, whose loss is a warning and a failure.
_LOST, _LOST_MOST = 0.15, 0.5
#: Share of rows gone empty that is a finding in any table, and the one that is where it can't be chance.
_EMPTIER, _EMPTIER_SURELY, _STANDARD_ERRORS = 0.3, 0.05, 4.0
#: Share of values that are numbers no more from which nothing can be done with the column.
_MOSTLY = 0.5


def judge(case: Case, before: Table, after: Table, key: Sequence[str]) -> Reading:
    """Compare the rows of two tables; `key` may be empty, then only counts and sums are compared."""
    findings = types(before, after) + duplicates(case, before, after, key) + nulls(before, after)
    doubled = any(finding.code == "table.duplicates" for finding in findings)
    names = [RowNames(table, key) for table in (before, after)]
    measured, chart_of = _measures(case, before, after, key, names)
    findings += _size(case, before, after, key, doubled=doubled)
    findings += measured
    return Reading(
        changed=_rows(before) != _rows(after),
        findings=findings,
        figure=_figure(before, after, findings),
        chart=_chart(before, after, key, names, chart_of, findings),
    )


def _rows(table: Table) -> Counter[tuple[object, ...]]:
    names = sorted(table.columns)
    try:
        return Counter(zip(*(table.columns[name].values for name in names), strict=True))
    except TypeError:  # a cell holds a list or an object
        return Counter(table.keys(names))


def _common(before: Table, after: Table) -> list[str]:
    return sorted(before.columns.keys() & after.columns.keys())


def duplicates(case: Case, before: Table, after: Table, key: Sequence[str]) -> list[Finding]:
    """Rows that share what identified a row before."""
    if before.size < 2 or after.size < 2:
        return []
    whole = _common(before, after)
    if not whole:
        return []
    names = list(key) or whole
    was = before.size - before.distinct(names)
    now = after.size - after.distinct(names)
    if now == 0 or (was / before.size >= 0.02 and now / after.size < was / before.size + 0.3):
        return []
    identical = after.size - after.distinct(whole)
    given = bool(case.rules.key_columns)
    if key and not given and not identical:
        # A key that was found may have told rows apart by chance; few rows, or all new ones, prove nothing.
        shared = len(set(before.keys(key)) & set(after.keys(key)))
        if before.size < 5 or shared < 0.5 * before.size or now / after.size < 0.02:
            return []
    if not key and now / after.size < 0.1:
        return []
    worst = max(Counter(after.keys(names)).items(), key=lambda item: (item[1], item[0]))
    what = f"by {listed([brief(name) for name in key])}" if key else "in all columns"
    return [
        Finding(
            code="table.duplicates",
            severity=Severity.FAIL if now >= max(2, 0.1 * after.size) else Severity.WARN,
            message=(
                f"{count(now, 'row')} of {after.size:,} {'is a duplicate' if now == 1 else 'are duplicates'} {what}; "
                f"there {'was' if was == 1 else 'were'} {was:,} before. "
                f"{readable(worst[0])} is there {worst[1]} times."
            ),
            subject=key[0] if key else None,
            before=float(was),
            after=float(now),
            expected_low=0.0,
            expected_high=float(was),
        )
    ]


def types(before: Table, after: Table) -> list[Finding]:
    """Columns that held numbers and hold something else now: their sums can't be judged any more."""
    findings = []
    for name in _common(before, after):
        old, new = before.columns[name], after.columns[name]
        if not old.measures or new.holds not in (Holds.TEXT, Holds.TIME):
            continue
        there = [value for value in new.values if value is not None and value != ""]
        other = [value for value, read in zip(there, as_numbers(there), strict=True) if read is None]
        share = len(other) / len(there) if new.holds is Holds.TEXT else 1.0
        example = min(map(canonical, other or there))
        findings.append(
            Finding(
                code="table.types",
                severity=Severity.FAIL if share >= _MOSTLY else Severity.WARN,
                message=(
                    f"Column {brief(name)} held numbers; {percent(share)} of its values are something else now, "
                    f"e.g. “{brief(example, most=30)}”."
                ),
                subject=name,
                before=0.0,
                after=round(share, 6),
                expected_low=0.0,
                expected_high=0.0,
            )
        )
    return findings


def _emptier(was: float, now: float, before: int, after: int) -> bool:
    """Whether a column has lost so many values that neither chance nor habit explains it."""
    if now - was >= _EMPTIER:
        return True
    if now - was < _EMPTIER_SURELY or now < 2 * was:
        return False
    pooled = (was * before + now * after) / (before + after)
    return now - was >= _STANDARD_ERRORS * sqrt(pooled * (1 - pooled) * (1 / before + 1 / after))


def nulls(before: Table, after: Table) -> list[Finding]:
    """Columns that have lost their values."""
    findings = []
    for name in _common(before, after):
        if not before.size or not after.size:
            continue
        was, now = before.columns[name].empty_share, after.columns[name].empty_share
        if not _emptier(was, now, before.size, after.size) or (after.size - before.size * was) < 1:
            continue
        findings.append(
            Finding(
                code="table.nulls",
                severity=Severity.FAIL if now >= 0.8 else Severity.WARN,
                message=f"Column {brief(name)} is empty in {percent(now)} of rows, before in {percent(was)}.",
                subject=name,
                before=round(was, 6),
                after=round(now, 6),
                expected_low=0.0,
                expected_high=round(min(was + _EMPTIER_SURELY, now), 6),
            )
        )
    return findings


def _size(case: Case, before: Table, after: Table, key: Sequence[str], *, doubled: bool) -> list[Finding]:
    capped = case.after.has_more and case.before is not None and case.before.has_more
    if capped or not before.size:
        return []
    lost = gained = 0
    if key:
        was, now = set(before.keys(key)), set(after.keys(key))
        lost, gained = len(was - now), len(now - was)
        net = lost - gained
        if lost and gained < lost / 2 and net >= 3 and net / before.size >= _LOST:
            return [_rows_lost(case, before, after, net, sorted(was - now))]
    if doubled or max(before.size, after.size) < 10:
        return []
    return amount.judge(case, "number of rows", before.size, after.size, counts=True, code="table.rows")


def _rows_lost(case: Case, before: Table, after: Table, net: int, lost: list[tuple[str, ...]]) -> Finding:
    share = net / before.size
    own = case.rules.max_drop
    fail = share >= _LOST_MOST if own is None else share > own
    return Finding(
        code="table.rows.drop",
        severity=Severity.FAIL if fail else Severity.WARN,
        message=(
            f"{count(len(lost), 'row')} of {before.size:,} {'is' if len(lost) == 1 else 'are'} gone: "
            f"{listed([readable(each) for each in lost])}."
        ),
        subject="number of rows",
        before=float(before.size),
        after=float(after.size),
        expected_low=float(round(before.size * (1 - (own if own is not None else _LOST)))),
    )


def _total(column: Column) -> float:
    """Sum of a column; `fsum`, because a plain sum of fractions depends on the order of rows."""
    if set(map(type, column.values)) <= {int, float}:
        try:
            total = fsum(column.values)
        except OverflowError:  # an integer beyond any float
            total = inf
        if abs(total) < 1e100:
            return total
    return fsum(value for value in as_numbers(column.values) if value is not None)


def _measures(
    case: Case, before: Table, after: Table, key: Sequence[str], names: Sequence[RowNames]
) -> tuple[list[Finding], str | None]:
    """Findings about numeric columns, and the column worth drawing."""
    findings: list[Finding] = []
    drawn = None
    one_by_one = key and before.size > 1 and max(before.size, after.size) <= _ONE_BY_ONE
    named_vanished: set[str | None] = set()
    for name in _common(before, after):
        old, new = before.columns[name], after.columns[name]
        if name in key or not old.measures or new.holds not in (Holds.COUNT, Holds.SUM, Holds.RATE):
            continue
        drawn = drawn or name
        if not before.size or not after.size:
            continue
        some = _one_by_one(case, before, after, names, name) if one_by_one else _summed(case, before, after, name)
        for finding in some:
            if finding.code == "table.value.vanished":
                if finding.subject in named_vanished:
                    continue
                named_vanished.add(finding.subject)
            if finding.severity is not Severity.INFO:
                drawn = name if not findings else drawn
            findings.append(finding)
    return findings, drawn


def _summed(case: Case, before: Table, after: Table, name: str) -> list[Finding]:
    old, new = before.columns[name], after.columns[name]
    if old.holds is Holds.RATE:
        return amount.judge(
            case, brief(name), _total(old) / before.size, _total(new) / after.size, counts=False, code="table.sum"
        )
    label = brief(name) if before.size == after.size == 1 else f"sum of {brief(name)}"
    return amount.judge(
        case,
        label,
        _total(old),
        _total(new),
        counts=old.holds is Holds.COUNT,
        code="table.sum",
        alone=before.size == after.size == 1,
        missing=new.empty_share == 1.0,
    )


def _one_by_one(case: Case, before: Table, after: Table, names: Sequence[RowNames], name: str) -> list[Finding]:
    old, new = before.columns[name], after.columns[name]
    sides = [of.side(column) for of, column in zip(names, (old, new), strict=True)]
    churn = len(sides[0].amounts.keys() & sides[1].amounts.keys()) < 0.5 * min(len(sides[0]), len(sides[1]))
    if churn:
        # A list of the latest or largest things, not a list of the same things: only its sum can be compared.
        return [
            finding
            for finding in _summed(case, before, after, name)
            if finding.before and finding.after is not None and not 1 / 3 < finding.after / finding.before < 3
        ]
    full = before.size == after.size and before.size >= 10 and before.size % 5 == 0
    found = values.findings(
        case,
        sides[0],
        sides[1],
        what=brief(name),
        counts=old.holds is Holds.COUNT,
        ranking=case.after.has_more or full,
        code="table.value",
        additive=old.holds is not Holds.RATE,
    )
    return [
        finding.model_copy(
            update={
                "code": finding.code.replace("number.", "table.sum."),
                "message": finding.message
                if finding.code.startswith("number")
                else f"{brief(name)}: {finding.message}",
            }
        )
        for finding in found
    ]


def _figure(before: Table, after: Table, findings: list[Finding]) -> Figure:
    for severity in (Severity.FAIL, Severity.WARN):
        for finding in findings:
            if finding.severity is severity:
                return Figure(
                    label=finding.subject or "rows",
                    before=finding.before,
                    after=finding.after,
                    unit="ratio" if finding.code in ("table.nulls", "table.types") else None,
                )
    for name in _common(before, after):
        column = before.columns[name]
        if column.holds in (Holds.COUNT, Holds.SUM) and after.columns[name].measures:
            label = brief(name) if before.size == after.size == 1 else f"sum of {brief(name)}"
            return Figure(label=label, before=_total(column), after=_total(after.columns[name]))
    return Figure(label="rows", before=float(before.size), after=float(after.size))


def _chart(
    before: Table,
    after: Table,
    key: Sequence[str],
    names: Sequence[RowNames],
    name: str | None,
    findings: list[Finding],
) -> Chart | None:
    if name is None or not key or name not in after.columns or max(before.size, after.size) > _ONE_BY_ONE:
        return None
    old, new = (named.sums(table.columns[name]) for table, named in zip((before, after), names, strict=True))
    urgent = {finding.subject for finding in findings if finding.severity is not Severity.INFO}
    # What is too small to be drawn need not be put in order.
    least = min(nlargest(charts.MOST_BARS, map(abs, new.values()))) if len(new) > charts.MOST_BARS else 0.0
    large = {each for side in (old, new) for each, value in side.items() if abs(value) >= least or each in urgent}
    sizes = {each: max(abs(old.get(each, 0.0)), abs(new.get(each, 0.0))) for each in large}
    order = sorted(large, key=lambda each: (each not in urgent, -sizes[each], each))
    return charts.of_values(
        order, [old.get(each) for each in order], [new.get(each) for each in order], findings, brief(name)
    )
