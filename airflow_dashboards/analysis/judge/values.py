"""Judging named values: a number per series, per breakdown value, per edge of a path, per row of a table."""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from statistics import median
from typing import TYPE_CHECKING

from airflow_dashboards.analysis.judge import amount, charts
from airflow_dashboards.analysis.judge.case import Case, Reading
from airflow_dashboards.analysis.model import Chart, Figure, Finding, Severity
from airflow_dashboards.analysis.noise import MAD
from airflow_dashboards.analysis.words import listed, number, percent

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

#: Share of the whole from which a value that moved on its own, or vanished, matters.
_MOVED, _VANISHED = 0.05, 0.02


@dataclass(frozen=True, slots=True)
class Named:
    """A value with what identifies it."""

    key: str
    label: str
    value: float
    #: Whether it stands for what has no name of its own, or for the rest.
    rest: bool = False
    #: Whether there is no number at all; `value` is 0 then.
    missing: bool = False


def collect(items: Iterable[Named]) -> dict[str, Named]:
    """Named values by key, in the order of keys; those that share one are added up."""
    given = list(items)
    alone = {item.key: item for item in given}
    if len(alone) == len(given):
        return {key: alone[key] for key in sorted(alone)}
    found: dict[str, Named] = {}
    for item in sorted(given, key=lambda each: (each.key, each.label, each.value)):
        known = found.get(item.key)
        found[item.key] = (
            item
            if known is None
            else Named(item.key, known.label, known.value + item.value, known.rest, known.missing and item.missing)
        )
    return found


def judge(
    case: Case,
    before: dict[str, Named] | None,
    after: dict[str, Named],
    *,
    what: str,
    counts: bool = True,
    ranking: bool = False,
    code: str = "value",
    additive: bool = True,
) -> Reading:
    """Compare named values; `what` is what their sum is called, `ranking` whether only the largest are shown."""
    total = sum(each.value for each in after.values())
    if before is None:
        return Reading(False, [], Figure(label=what, after=total), _chart(None, after, [], what))
    found = findings(case, before, after, what=what, counts=counts, ranking=ranking, code=code, additive=additive)
    changed = {key: each.value for key, each in before.items()} != {key: each.value for key, each in after.items()}
    figure = Figure(label=_label(before, after, what), before=sum(each.value for each in before.values()), after=total)
    return Reading(changed, found, figure, _chart(before, after, found, what))


def findings(
    case: Case,
    before: dict[str, Named],
    after: dict[str, Named],
    *,
    what: str,
    counts: bool,
    ranking: bool,
    code: str,
    additive: bool,
) -> list[Finding]:
    """What is wrong with named values; the arguments are those of `judge`."""
    old, total = (sum(each.value for each in side.values()) for side in (before, after))
    found: list[Finding] = []
    single = len(before) == len(after) == 1
    if additive or single:
        gone = bool(after) and all(each.missing for each in after.values())
        found += amount.judge(
            case, _label(before, after, what), old, total, counts=counts, code="number", alone=single, missing=gone
        )
    if not single:
        whole = abs(old) or 1.0
        found += _moved(case, before, after, whole, counts=counts, code=code, follow=bool(found))
        found += _lost(case, before, after, whole, ranking=ranking, code=code)
        found += _new(before, after, code=code)
    return found


def _label(before: dict[str, Named], after: dict[str, Named], what: str) -> str:
    return next(iter(after.values())).label if len(before) == len(after) == 1 else f"{what}, all together"


def _moved(
    case: Case,
    before: dict[str, Named],
    after: dict[str, Named],
    whole: float,
    *,
    counts: bool,
    code: str,
    follow: bool,
) -> list[Finding]:
    both = [(before[key], after[key]) for key in sorted(before.keys() & after.keys())]
    ratios = [log(new.value / old.value) for old, new in both if old.value > 0 and new.value > 0]
    middle = median(ratios) if len(ratios) >= 5 else 0.0
    # Values that all jump about by themselves say what jump is ordinary here.
    usual = MAD * median(abs(ratio - middle) for ratio in ratios) if len(ratios) >= 5 else 0.0
    findings = []
    for old, new in both:
        share = max(abs(old.value), abs(new.value)) / max(whole, 1e-12)
        if share < _MOVED or not amount.is_off(case, old.value, new.value, counts=counts):
            continue
        if old.value > 0 and new.value > 0:
            own = log(new.value / old.value) - middle
            if abs(own) < max(4 * usual, 0.35 if follow else 0.0):
                continue
        findings += amount.judge(
            case, new.label, old.value, new.value, counts=counts, code=code, share=share, missing=new.missing
        )
    return findings


def _lost(
    case: Case, before: dict[str, Named], after: dict[str, Named], whole: float, *, ranking: bool, code: str
) -> list[Finding]:
    gone = [
        before[key] for key in sorted(before.keys() - after.keys()) if abs(before[key].value) >= case.rules.min_volume
    ]
    if not gone or not after:
        return []
    smallest = min((abs(each.value) for each in after.values() if not each.rest), default=0.0)
    rest = [each for each in after.values() if each.rest]
    gain = sum(each.value - (before[each.key].value if each.key in before else 0.0) for each in rest)
    # In a list of the largest, one at the end falls off as another takes its place.
    full = ranking or sum(not one.rest for one in after.values()) >= sum(not one.rest for one in before.values())
    findings: list[Finding] = []
    small: list[Named] = []
    for each in sorted(gone, key=lambda one: (-abs(one.value), one.key)):
        share = abs(each.value) / whole
        outranked = full and abs(each.value) <= (2.0 if ranking else 1.5) * smallest
        bad = share >= _VANISHED and not outranked and not each.rest
        if not bad:
            small.append(each)
            continue
        message = f"{each.label} has vanished; it was {number(each.value)}, {percent(share)} of all"
        if gain >= 0.5 * each.value:
            message += f", and its volume is under {listed([one.label for one in rest])} now"
        findings.append(
            Finding(
                code=f"{code}.vanished",
                severity=Severity.FAIL if share >= 0.1 else Severity.WARN,
                message=message + ".",
                subject=each.label,
                before=each.value,
                after=0.0,
            )
        )
    return findings + _lost_small(small, whole, code=code)


def _lost_small(gone: list[Named], whole: float, *, code: str) -> list[Finding]:
    """What is gone without harm, in one sentence: a long list of it would bury what matters."""
    if not gone:
        return []
    was = sum(each.value for each in gone)
    few = f"{gone[0].label} has vanished; it was" if len(gone) == 1 else None
    many = (
        f"{len(gone):,} values have vanished that matter little one by one "
        f"({listed([each.label for each in gone])}); together they were"
    )
    return [
        Finding(
            code=f"{code}.vanished",
            severity=Severity.INFO,
            message=f"{few or many} {number(was)}, {percent(was / whole)} of all.",
            subject=gone[0].label if few else None,
            before=was,
        )
    ]


def _new(before: dict[str, Named], after: dict[str, Named], *, code: str) -> list[Finding]:
    new = sorted((after[key] for key in after.keys() - before.keys()), key=lambda each: (-each.value, each.key))
    if not new or not before:
        return []
    return [
        Finding(
            code=f"{code}.appeared",
            severity=Severity.INFO,
            message=f"New: {listed([each.label for each in new])}.",
            subject=new[0].label,
            after=new[0].value,
        )
    ]


def _chart(
    before: dict[str, Named] | None, after: dict[str, Named], findings: Sequence[Finding], what: str
) -> Chart | None:
    urgent = {finding.subject for finding in findings if finding.severity is not Severity.INFO}
    everyone = {**(before or {}), **after}
    order = sorted(
        everyone,
        key=lambda key: (
            everyone[key].label not in urgent,
            -max(abs(side[key].value) for side in (before or {}, after) if key in side),
            key,
        ),
    )
    return charts.of_values(
        [everyone[key].label for key in order],
        [before[key].value if before and key in before else None for key in order],
        [after[key].value if key in after else None for key in order],
        findings,
        what,
    )
