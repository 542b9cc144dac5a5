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
    from collections.abc import Callable, Iterable, Mapping, Sequence

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


@dataclass(frozen=True, slots=True)
class Side:
    """Named values of one picture, in the order of their keys: of very many, few ever have to be called by name."""

    amounts: Mapping[str, float]
    #: The value with that key, and its name.
    named: Callable[[str], Named]
    #: Whether there are values and not one of them is a number.
    missing: bool

    @classmethod
    def of(cls, found: Mapping[str, Named]) -> Side:
        """Return values whose names are known."""
        amounts = {key: each.value for key, each in found.items()}
        return cls(amounts, found.__getitem__, bool(found) and all(each.missing for each in found.values()))

    def __len__(self) -> int:
        return len(self.amounts)

    @property
    def total(self) -> float:
        """What the values come to."""
        return sum(self.amounts.values())

    def all(self) -> list[Named]:
        """Every value with its name."""
        return list(map(self.named, self.amounts))


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
    sides = Side.of(before), Side.of(after)
    found = findings(case, *sides, what=what, counts=counts, ranking=ranking, code=code, additive=additive)
    changed = {key: each.value for key, each in before.items()} != {key: each.value for key, each in after.items()}
    figure = Figure(label=_label(*sides, what), before=sum(each.value for each in before.values()), after=total)
    return Reading(changed, found, figure, _chart(before, after, found, what))


def findings(
    case: Case,
    before: Side,
    after: Side,
    *,
    what: str,
    counts: bool,
    ranking: bool,
    code: str,
    additive: bool,
) -> list[Finding]:
    """What is wrong with named values; the arguments are those of `judge`."""
    old, total = before.total, after.total
    found: list[Finding] = []
    single = len(before) == len(after) == 1
    if additive or single:
        label = _label(before, after, what)
        found += amount.judge(
            case, label, old, total, counts=counts, code="number", alone=single, missing=after.missing
        )
    if not single:
        whole = abs(old) or 1.0
        found += _moved(case, before, after, whole, counts=counts, code=code, follow=bool(found))
        found += _lost(case, before, after, whole, ranking=ranking, code=code)
        found += _new(before, after, code=code)
    return found


def _label(before: Side, after: Side, what: str) -> str:
    return after.named(next(iter(after.amounts))).label if len(before) == len(after) == 1 else f"{what}, all together"


def _moved(
    case: Case,
    before: Side,
    after: Side,
    whole: float,
    *,
    counts: bool,
    code: str,
    follow: bool,
) -> list[Finding]:
    old, new = before.amounts, after.amounts
    largest = max((max(abs(max(side)), abs(min(side))) for side in (old.values(), new.values()) if side), default=0.0)
    if largest / max(whole, 1e-12) < _MOVED:
        return []
    both = old.keys() & new.keys()
    shares = {key: max(abs(old[key]), abs(new[key])) / max(whole, 1e-12) for key in both}
    off = [
        key
        for key, share in shares.items()
        if share >= _MOVED and amount.is_off(case, old[key], new[key], counts=counts)
    ]
    if not off:
        return []
    ratios = [log(new[key] / old[key]) for key in both if old[key] > 0 and new[key] > 0]
    middle = median(ratios) if len(ratios) >= 5 else 0.0
    # Values that all jump about by themselves say what jump is ordinary here.
    usual = MAD * median(abs(ratio - middle) for ratio in ratios) if len(ratios) >= 5 else 0.0
    findings = []
    for key in sorted(off):
        if old[key] > 0 and new[key] > 0:
            own = log(new[key] / old[key]) - middle
            if abs(own) < max(4 * usual, 0.35 if follow else 0.0):
                continue
        one = after.named(key)
        findings += amount.judge(
            case, one.label, old[key], new[key], counts=counts, code=code, share=shares[key], missing=one.missing
        )
    return findings


def _lost(case: Case, before: Side, after: Side, whole: float, *, ranking: bool, code: str) -> list[Finding]:
    missing = sorted(before.amounts.keys() - after.amounts.keys())
    gone = [before.named(key) for key in missing if abs(before.amounts[key]) >= case.rules.min_volume]
    if not gone or not len(after):
        return []
    now = after.all()
    smallest = min((abs(each.value) for each in now if not each.rest), default=0.0)
    rest = [each for each in now if each.rest]
    gain = sum(each.value - before.amounts.get(each.key, 0.0) for each in rest)
    # In a list of the largest, one at the end falls off as another takes its place.
    full = ranking or sum(not one.rest for one in now) >= sum(not one.rest for one in before.all())
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


def _new(before: Side, after: Side, *, code: str) -> list[Finding]:
    some = map(after.named, after.amounts.keys() - before.amounts.keys())
    new = sorted(some, key=lambda each: (-each.value, each.key))
    if not new or not len(before):
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
