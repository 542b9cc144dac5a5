"""Judging retention: how large each cohort was, and which share of it came back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_dashboards.analysis import periods
from airflow_dashboards.analysis.judge import proportion, restated
from airflow_dashboards.analysis.judge.case import Case, Reading, Unreadable, as_number, canonical
from airflow_dashboards.analysis.judge.fresh import short
from airflow_dashboards.analysis.judge.lines import Line, breakdown_label
from airflow_dashboards.analysis.judge.restated import Moves, Pair
from airflow_dashboards.analysis.judge.series import judge_lines
from airflow_dashboards.analysis.model import Figure, Severity

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from airflow_dashboards.analysis.model import Finding

#: Cohorts a new cell is held against.
_PAST = 8
_JUST_ENDED = timedelta(hours=36)


@dataclass(frozen=True, slots=True)
class _Cohort:
    date: str
    start: datetime | None
    values: tuple[float, ...]


_Groups = dict[str, tuple[str, list[_Cohort]]]


def judge(case: Case) -> Reading:
    """Compare cohorts by their date (contract 4.7): sizes as a series, returns as shares of the cohort's size."""
    interval = case.after.interval or "day"
    after = _read(case.after.result)
    before = _read(case.before.result) if case.before is not None else None
    lines = _sizes(after)
    reading = judge_lines(case, _sizes(before) if before is not None else None, lines, interval)
    reading.changed = before is not None and before != after
    if before is None:
        return reading
    several = len(after) > 1
    for key in sorted(before.keys() & after.keys()):
        label, cohorts = after[key]
        suffix = f" for {label}" if several and label else ""
        found = _returns(case, before[key][1], cohorts, interval, suffix)
        if found and all(finding.severity is Severity.INFO for finding in reading.findings):
            reading.figure = _figure(found[0])
        reading.findings += found
    return reading


def _figure(finding: Finding) -> Figure:
    ratio = finding.code.startswith("retention.")
    label = " on ".join(part for part in (finding.subject, None if ratio else finding.period) if part)
    return Figure(
        label=label or "returning users", before=finding.before, after=finding.after, unit="ratio" if ratio else None
    )


def _read(result: Any) -> _Groups:
    if not isinstance(result, list):
        raise Unreadable("expected a list of cohorts")
    groups: _Groups = {}
    for item in result:
        if not isinstance(item, dict) or not isinstance(item.get("values"), list):
            raise Unreadable("a cohort has no list of values")
        date = item.get("date")
        if not isinstance(date, str):
            raise Unreadable("a cohort has no date")
        counts = []
        for cell in item["values"]:
            value = as_number(cell.get("count")) if isinstance(cell, dict) else as_number(cell)
            if value is None and not (cell is None or (isinstance(cell, dict) and cell.get("count", 0) is None)):
                raise Unreadable("a cell of a cohort has no count")
            counts.append(value or 0.0)
        part = item.get("breakdown_value")
        key = canonical(part)
        label = "" if part is None else breakdown_label(part)
        # Cohorts are dated to the second; a day's is read as a day.
        groups.setdefault(key, (label, []))[1].append(_Cohort(short(date), periods.parse(date), tuple(counts)))
    for _, cohorts in groups.values():
        cohorts.sort(key=lambda cohort: (cohort.date, cohort.values))
    return groups


def _sizes(groups: _Groups) -> list[Line]:
    lines = []
    for key, (label, cohorts) in sorted(groups.items()):
        first: dict[str, float] = {}
        for cohort in cohorts:
            first[cohort.date] = cohort.values[0] if cohort.values else 0.0
        lines.append(
            Line(
                (key,),
                f"cohort size{f' of {label}' if label else ''}",
                list(first),
                list(first.values()),
                broken_down=len(groups) > 1,
            )
        )
    return lines


def _closed(cohort: _Cohort, offset: int, interval: str, now: datetime | None) -> bool:
    """Whether the period in which that cell's people came back is over."""
    start = _begins(cohort, offset, interval)
    return start is not None and now is not None and periods.end(start, interval) <= now


def _begins(cohort: _Cohort, offset: int, interval: str) -> datetime | None:
    """The period in which that cell's people came back."""
    start = cohort.start
    for _ in range(offset if start is not None else 0):
        start = periods.end(start, interval) if start is not None else None
    return start


def _size(cohort: _Cohort | None) -> float:
    return cohort.values[0] if cohort is not None and cohort.values else 0.0


def _returns(
    case: Case, before: Sequence[_Cohort], after: Sequence[_Cohort], interval: str, suffix: str
) -> list[Finding]:
    known = {cohort.date: cohort for cohort in before}
    widest = max((len(cohort.values) for cohort in after), default=0)
    changed: list[Pair] = []
    fresh: dict[int, list[_Cohort]] = {}
    past: dict[int, list[_Cohort]] = {}
    arrived = {
        cohort.start
        for cohort in after
        if cohort.values and cohort.values[0] > 0 and not _size(known.get(cohort.date)) and cohort.start is not None
    }
    for offset in range(1, widest):
        for cohort in after:
            if offset >= len(cohort.values) or cohort.values[0] <= 0 or not _closed(cohort, offset, interval, case.now):
                continue
            old = known.get(cohort.date)
            settled = old is not None and offset < len(old.values) and _closed(old, offset, interval, case.then)
            if settled and old is not None and old.values[offset] < cohort.values[offset]:
                # What has only just ended may still fill up: that is judged as a new cell is.
                settled = _closed(cohort, offset, interval, case.now - _JUST_ENDED)
            if settled and old is not None and cohort.values[offset] == 0 == old.values[offset]:
                # Nobody came back, although that period has been loaded since: new, and not as it was.
                settled = _begins(cohort, offset, interval) not in arrived
            if not settled or old is None:
                fresh.setdefault(offset, []).append(cohort)
                continue
            past.setdefault(offset, []).append(old)
            if old.values[offset] != cohort.values[offset]:
                changed.append(
                    Pair(
                        cohort.start,
                        f"{cohort.date}, {interval} {offset}",
                        old.values[offset],
                        cohort.values[offset],
                        0,
                    )
                )
    findings = restated.judge(
        case, f"returning users{suffix}", Moves.among(changed), None, None, counts=True, share=1.0
    )
    if findings:
        return findings
    return _new_cells(case, fresh, past, before, interval, suffix)


def _new_cells(
    case: Case,
    fresh: dict[int, list[_Cohort]],
    past: dict[int, list[_Cohort]],
    before: Sequence[_Cohort],
    interval: str,
    suffix: str,
) -> list[Finding]:
    """New cells, all of one offset together, against the cohorts before them."""
    findings: list[Finding] = []
    hits = expected = people = 0.0
    for offset, cohorts in sorted(fresh.items()):
        relatives = past.get(offset, [])[-_PAST:]
        of = sum(cohort.values[0] for cohort in relatives)
        if len(relatives) < 2 or of <= 0:
            continue
        returned = sum(cohort.values[offset] for cohort in relatives)
        new, new_of = sum(each.values[offset] for each in cohorts), sum(each.values[0] for each in cohorts)
        hits, expected, people = hits + new, expected + returned / of * new_of, people + new_of
        findings += proportion.judge(
            case,
            f"retention on {interval} {offset}{suffix}",
            (returned, of),
            (new, new_of),
            code="retention",
            looks=len(fresh),
            period=cohorts[-1].date,
        )
    if not findings and people > 0 and expected > 0:
        # Each cell may be too small to say anything; their sum is not.
        sample = sum(cohort.values[0] for cohort in before if cohort.values) or people
        findings += proportion.judge(
            case,
            f"returning users of all new cells{suffix}",
            (expected / people * sample, sample),
            (hits, people),
            code="retention",
            looks=1,
        )
    return sorted(findings, key=lambda finding: (-(finding.confidence or 0.0), finding.subject or ""))[:3]
