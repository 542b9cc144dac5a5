"""TrendsQuery: what happened per period, or altogether, split and combined (contract 4.7)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from airflow_dashboards.sandbox.engine import breakdowns, dates
from airflow_dashboards.sandbox.engine import expressions as sql
from airflow_dashboards.sandbox.engine.formula import compile_formula
from airflow_dashboards.sandbox.engine.measures import Measure, measure
from airflow_dashboards.sandbox.engine.parts import Display, EventsNode, Interval
from airflow_dashboards.sandbox.engine.properties import matches
from airflow_dashboards.sandbox.engine.schema import FormulaNode, TrendsFilter, TrendsQuery
from airflow_dashboards.sandbox.engine.scope import Computed, Scope, events_nodes, named, within

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from airflow_dashboards.sandbox.engine.breakdowns import Split, Value

Number = float | int


@dataclass(frozen=True)
class _Line:
    """One series of the answer, before it is written for the wire."""

    values: list[Number]
    order: int = 0
    value: Value | None = None


@dataclass(frozen=True)
class _Plan:
    """What all series of one query share."""

    scope: Scope
    query: TrendsQuery
    split: Split | None
    total: bool
    nodes: list[EventsNode] = field(default_factory=list)


def compute(scope: Scope, query: TrendsQuery) -> Computed:
    """Compute a TrendsQuery: a list of series in the query's order, with a comparison twice as many.

    Raises:
        InvalidQueryError: It asks for something PostHog refuses or the sandbox has not.
    """
    trends = query.trends or TrendsFilter()
    total = trends.display.is_total_value
    split = breakdowns.split(scope, query.breakdown, limit=breakdowns.TRENDS_LIMIT)
    plan = _Plan(scope, query, split, total, events_nodes(query.series))
    window = scope.window(query.date_range, query.interval)
    shown = window if total or (query.date_range and query.date_range.explicit_date) else window.whole
    result = _answer(plan, trends, shown)
    if query.compare is not None and query.compare.compare:
        before = dates.previous(window, query.date_range, query.compare.compare_to)
        result = [
            {**entry, "compare": True, "compare_label": name}
            for name, entries in (
                ("current", result),
                ("previous", _answer(plan, trends, before if total else before.whole)),
            )
            for entry in entries
        ]
    return Computed(
        result=result,
        has_more=any(_is_other(entry.get("breakdown_value")) for entry in result),
        resolved_date_range=window.resolved,
    )


def _is_other(value: Any) -> bool:
    return value == breakdowns.OTHER or (isinstance(value, list) and breakdowns.OTHER in value)


def _answer(plan: _Plan, trends: TrendsFilter, window: dates.Window) -> list[dict[str, Any]]:
    periods = [] if plan.total else window.periods
    lines = [_lines(plan, node, order, window, periods) for order, node in enumerate(plan.nodes)]
    formulas = _formulas(trends)
    if formulas:
        return [
            _formula_entry(plan, formula, line, periods)
            for formula in formulas
            for line in _combined(plan, formula, lines, max(len(periods), 1))
        ]
    if trends.display is Display.CUMULATIVE:
        lines = [[replace(line, values=list(accumulate(line.values))) for line in some] for some in lines]
    return [_entry(plan, trends, line, periods) for some in lines for line in some]


def _lines(plan: _Plan, node: EventsNode, order: int, window: dates.Window, periods: list[datetime]) -> list[_Line]:
    """Compute one series: one line, or one per value of the breakdown, the largest first."""
    counted = measure(plan.scope, node)
    conditions = [named(node.event), matches(plan.scope, node.properties, node.fixed_properties, plan.query.properties)]
    split = plan.split
    if split is None:
        found = _values(plan, counted, window, conditions, [])
        return [_Line(_filled(found.get((), {}), periods), order)]
    kept = _kept(plan, counted, window, conditions, split)
    rest = exp.Case(ifs=[], default=sql.literal(breakdowns.OTHER))
    columns: list[exp.Expr] = []
    for index, expression in enumerate(split.expressions):
        if kept is None:
            columns.append(expression.copy())
            continue
        test = sql.either(*(_equals(split, value) for value in kept))
        case = rest.copy()
        case.append("ifs", exp.If(this=test, true=split.expressions[index].copy()))
        columns.append(case)
    found = _values(plan, counted, window, conditions, columns)
    if split.hide_other:
        found.pop(split.other, None)
    lines = [_Line(_filled(values, periods), order, value) for value, values in found.items()]
    return sorted(lines, key=lambda line: breakdowns.sort_key(line.value or (), sum(line.values)))


def _equals(split: Split, value: Value) -> exp.Expr:
    return sql.every(
        *(
            sql.call("{0} = {1}", expression.copy(), sql.literal(part))
            for expression, part in zip(split.expressions, value, strict=True)
        )
    )


def _kept(
    plan: _Plan, counted: Measure, window: dates.Window, conditions: list[exp.Expr], split: Split
) -> list[Value] | None:
    """Return the values that keep a series of their own; None where all do."""
    query = (
        exp.select(*(expression.copy() for expression in split.expressions), counted.over_all.copy())
        .from_(plan.scope.events)
        .where(within(window), *(condition.copy() for condition in conditions))
        .group_by(*(exp.Literal.number(index + 1) for index in range(len(split.expressions))))
    )
    ranked = sorted(plan.scope.rows(query), key=lambda row: (-(row[-1] or 0), row[:-1]))
    values = [tuple(row[:-1]) for row in ranked]
    return values[: split.limit] if len(values) > split.limit else None


def _values(
    plan: _Plan,
    counted: Measure,
    window: dates.Window,
    conditions: list[exp.Expr],
    columns: list[exp.Expr],
) -> dict[Value, dict[datetime | None, Number]]:
    """Return the measure per value of the breakdown and period (period None for a total)."""
    query = counted.query(plan.scope, window, plan.query.interval, conditions, columns, total=plan.total)
    found: dict[Value, dict[datetime | None, Number]] = {}
    for bucket, value, *split in plan.scope.rows(query):
        found.setdefault(tuple(split), {})[bucket] = value or 0
    return found


def _filled(values: dict[datetime | None, Number], periods: list[datetime]) -> list[Number]:
    """Return one number per period, zero where nothing happened; without periods the total alone."""
    return [values.get(period, 0) for period in periods] if periods else [values.get(None, 0)]


def _formulas(trends: TrendsFilter) -> list[FormulaNode]:
    if trends.formula_nodes:
        return trends.formula_nodes
    texts = trends.formulas or ([trends.formula] if trends.formula else [])
    return [FormulaNode(formula=text) for text in texts]


def _combined(plan: _Plan, formula: FormulaNode, lines: list[list[_Line]], length: int) -> list[_Line]:
    """Apply a formula period by period, breakdown values met with their like and zero where a series lacks one."""
    evaluate = compile_formula(formula.formula, len(lines))
    values: dict[Value | None, None] = {line.value: None for some in lines for line in some}
    combined: list[_Line] = []
    for value in values:
        found = [next((line.values for line in some if line.value == value), [0] * length) for some in lines]
        combined.append(_Line([evaluate(row) for row in zip(*found, strict=True)], value=value))
    if plan.split is not None:
        combined.sort(key=lambda line: breakdowns.sort_key(line.value or (), sum(line.values)))
    return combined


def _formula_entry(plan: _Plan, formula: FormulaNode, line: _Line, periods: list[datetime]) -> dict[str, Any]:
    label = formula.custom_name or f"Formula ({formula.formula})"
    return _wire(plan, label, line, periods, action=None, several=False)


def _entry(plan: _Plan, trends: TrendsFilter, line: _Line, periods: list[datetime]) -> dict[str, Any]:
    node = plan.nodes[line.order]
    label = node.event or "All events"
    entry = _wire(
        plan,
        label,
        line,
        periods,
        action=action(node, line.order, periods, plan.scope.timezone),
        several=len(plan.nodes) > 1,
    )
    if trends.display is Display.CUMULATIVE:
        entry["count"] = float(line.values[-1]) if line.values else 0.0
    return entry


def _wire(
    plan: _Plan,
    label: str,
    line: _Line,
    periods: list[datetime],
    *,
    action: dict[str, Any] | None,
    several: bool,
) -> dict[str, Any]:
    interval = plan.query.interval
    entry: dict[str, Any] = {
        "data": [] if plan.total else line.values,
        "labels": labels(periods, interval),
        "days": days(periods, interval),
        "count": 0 if plan.total else float(sum(line.values)),
        "label": label,
        "filter": {},
        "action": action,
    }
    if plan.total:
        entry["aggregated_value"] = line.values[0]
    if plan.split is not None and line.value is not None:
        name = breakdowns.label(line.value)
        entry["label"] = f"{label} - {name}" if several else name
        entry["breakdown_value"] = plan.split.shown(line.value)
    return entry


def labels(periods: Sequence[datetime], interval: Interval) -> list[str]:
    """Return the labels of periods."""
    return [dates.label(period, interval) for period in periods]


def days(periods: Sequence[datetime], interval: Interval) -> list[str]:
    """Return the `days` of periods."""
    return [dates.day(period, interval) for period in periods]


def action(node: EventsNode, order: int, periods: Sequence[datetime], timezone: str) -> dict[str, Any]:
    """Return what a series says of where it comes from."""
    return {
        "days": [dates.instant(period, timezone) for period in periods],
        "id": node.event,
        "type": "events",
        "order": order,
        "name": node.name or node.event or "All events",
        "custom_name": node.custom_name,
        "math": node.math.value,
        "math_property": node.math_property,
        "math_hogql": node.math_hogql,
        "math_group_type_index": None,
        "properties": {},
    }
