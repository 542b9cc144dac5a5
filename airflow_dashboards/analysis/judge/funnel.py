"""Judging funnels: how many came in, and which share went on from step to step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from airflow_dashboards.analysis.judge import amount, charts, proportion
from airflow_dashboards.analysis.judge.amount import covers_a_week
from airflow_dashboards.analysis.judge.case import Case, Reading, Unreadable, as_number, canonical
from airflow_dashboards.analysis.judge.lines import breakdown_label, is_rest
from airflow_dashboards.analysis.judge.values import Named
from airflow_dashboards.analysis.judge.values import judge as judge_values
from airflow_dashboards.analysis.model import Chart, Figure, Finding, Severity
from airflow_dashboards.analysis.words import brief


@dataclass(frozen=True, slots=True)
class _Step:
    name: str
    count: float


@dataclass(frozen=True, slots=True)
class _Funnel:
    label: str
    steps: tuple[_Step, ...]
    rest: bool = False

    @property
    def entered(self) -> float:
        return self.steps[0].count if self.steps else 0.0


def judge(case: Case) -> Reading:
    """Compare funnels step by step (contract 4.7); with a breakdown, one per value."""
    after = _read(case.after.result)
    before = _read(case.before.result) if case.before is not None else None
    findings: list[Finding] = []
    if before is not None:
        both = sorted(before.keys() & after.keys())
        looks = sum(len(after[key].steps) for key in both) or 1
        whole = sum(funnel.entered for funnel in before.values()) or 1.0
        for key in both:
            share = before[key].entered / whole
            findings += _one(case, before[key], after[key], looks=looks, share=share, several=len(after) > 1)
        if len(before) > 1 or len(after) > 1:
            findings += _values(case, before, after)
    return Reading(
        changed=before is not None and before != after,
        findings=findings,
        figure=_figure(before, after, findings),
        chart=_chart(before, after, findings),
    )


def _read(result: Any) -> dict[str, _Funnel]:
    if not isinstance(result, list):
        raise Unreadable("expected a list of steps")
    if all(isinstance(item, dict) for item in result):
        return {"": _funnel(result, None)} if result else {}
    if not all(isinstance(item, list) for item in result):
        raise Unreadable("expected a list of steps, or of lists of steps")
    funnels: dict[str, _Funnel] = {}
    for steps in sorted(result, key=canonical):
        if not steps or not all(isinstance(step, dict) for step in steps):
            raise Unreadable("expected a list of steps per breakdown value")
        value = steps[0].get("breakdown_value", steps[0].get("breakdown"))
        key, number = canonical(value), 1
        while key in funnels:
            number += 1
            key = f"{canonical(value)} #{number}"
        funnels[key] = _funnel(steps, value)
    return funnels


def _funnel(steps: list[dict[str, Any]], value: Any) -> _Funnel:
    read = []
    for position, step in enumerate(steps):
        amount_ = as_number(step.get("count"))
        if amount_ is None or amount_ < 0:
            raise Unreadable("a step has no count")
        order = as_number(step.get("order"))
        name = step.get("custom_name") or step.get("name") or step.get("action_id")
        read.append((position if order is None else order, canonical(name), amount_))
    read.sort()
    taken: dict[str, int] = {}
    named = []
    for _, name, amount_ in read:
        taken[name] = taken.get(name, 0) + 1
        shown = brief(name) if taken[name] == 1 else f"{brief(name)} ({taken[name]})"
        named.append(_Step(shown, amount_))
    label = breakdown_label(value[0] if isinstance(value, list) and len(value) == 1 else value)
    return _Funnel("" if value is None and len(steps) else label, tuple(named), rest=is_rest(value))


def _one(case: Case, before: _Funnel, after: _Funnel, *, looks: int, share: float, several: bool) -> list[Finding]:
    suffix = f" for {after.label}" if several and after.label else ""
    if [step.name for step in before.steps] != [step.name for step in after.steps]:
        return [
            Finding(
                code="funnel.steps",
                severity=Severity.WARN,
                message=f"The funnel{suffix} has other steps: {len(before.steps)} before, {len(after.steps)} now.",
                before=float(len(before.steps)),
                after=float(len(after.steps)),
            )
        ]
    if before.entered >= case.rules.min_volume and not any(step.count for step in after.steps):
        return [
            Finding(
                code="funnel.emptied",
                severity=Severity.FAIL if share >= 0.05 else Severity.WARN,
                message=f"Nobody enters the funnel{suffix} any more; {before.entered:,.0f} did before.",
                subject=after.steps[0].name if after.steps else None,
                before=before.entered,
                after=0.0,
            )
        ]
    findings: list[Finding] = []
    # A value few people have may move by itself without the funnel being any the worse.
    steady = share >= 0.05 and covers_a_week(case)
    for position, (old, new) in enumerate(zip(before.steps, after.steps, strict=True)):
        if position == 0:
            entered = amount.judge(
                case, f"{new.name}{suffix}", old.count, new.count, counts=True, code="funnel.entered", share=share
            )
            findings += [finding.model_copy(update={"subject": new.name}) for finding in entered]
            continue
        findings += proportion.judge(
            case,
            f"conversion from {after.steps[position - 1].name} to {new.name}{suffix}",
            (old.count, before.steps[position - 1].count),
            (new.count, after.steps[position - 1].count),
            code="funnel.conversion",
            looks=looks,
            share=share,
            subject=new.name,
            steady=steady,
        )
    if len(after.steps) > 2 and not findings:
        findings += proportion.judge(
            case,
            f"overall conversion{suffix}",
            (before.steps[-1].count, before.entered),
            (after.steps[-1].count, after.entered),
            code="funnel.conversion",
            looks=looks,
            share=share,
            subject=after.steps[-1].name,
            steady=steady,
        )
    return findings


def _values(case: Case, before: dict[str, _Funnel], after: dict[str, _Funnel]) -> list[Finding]:
    """Breakdown values that have come or gone, by how many entered."""
    sides = [
        {key: Named(key, funnel.label or "None", funnel.entered, funnel.rest) for key, funnel in side.items()}
        for side in (before, after)
    ]
    found = judge_values(case, sides[0], sides[1], what="people who entered", ranking=case.after.has_more).findings
    return [finding for finding in found if finding.code.endswith((".vanished", ".appeared"))]


def _figure(before: dict[str, _Funnel] | None, after: dict[str, _Funnel], findings: list[Finding]) -> Figure | None:
    worst = next((finding for finding in findings if finding.severity is Severity.FAIL), None) or next(
        (finding for finding in findings if finding.severity is Severity.WARN), None
    )
    if worst is not None:
        ratio = worst.code.startswith("funnel.conversion")
        label = f"conversion to {worst.subject}" if ratio else worst.subject or "funnel"
        return Figure(label=label, before=worst.before, after=worst.after, unit="ratio" if ratio else None)
    if not after:
        return None
    return Figure(label="overall conversion", before=_overall(before), after=_overall(after), unit="ratio")


def _overall(side: dict[str, _Funnel] | None) -> float | None:
    if not side:
        return None
    entered = sum(funnel.entered for funnel in side.values())
    return (
        round(sum(funnel.steps[-1].count for funnel in side.values() if funnel.steps) / entered, 6) if entered else None
    )


def _chart(before: dict[str, _Funnel] | None, after: dict[str, _Funnel], findings: list[Finding]) -> Chart | None:
    model = max(after.values(), key=lambda funnel: (funnel.entered, funnel.label), default=None)
    if model is None:
        return None
    names = [step.name for step in model.steps]

    def sums(side: dict[str, _Funnel] | None) -> list[float | None]:
        return [
            sum(funnel.steps[index].count for funnel in side.values() if index < len(funnel.steps)) if side else None
            for index in range(len(names))
        ]

    return charts.of_values(names, sums(before), sums(after), findings, "people")
