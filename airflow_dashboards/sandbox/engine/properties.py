"""Property filters as conditions over `events`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from airflow_dashboards.sandbox.engine import dates, hogql
from airflow_dashboards.sandbox.engine import expressions as sql
from airflow_dashboards.sandbox.engine.errors import InvalidQueryError
from airflow_dashboards.sandbox.engine.parts import Operator, Properties, PropertyFilter, PropertyGroup

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from airflow_dashboards.sandbox.engine.scope import Scope


def matches(scope: Scope, *filters: Properties) -> exp.Expr:
    """Return the condition that an event passes all filters; no filters are passed by every event.

    Raises:
        InvalidQueryError: A filter is of a kind that the sandbox has not, or lacks its value.
    """
    return sql.every(*(condition for some in filters if (condition := _several(scope, some)) is not None))


def _several(scope: Scope, filters: Properties) -> exp.Expr | None:
    if not filters:
        return None
    if isinstance(filters, PropertyGroup):
        return _group(scope, filters)
    return _joined(scope, filters, sql.every)


def _group(scope: Scope, group: PropertyGroup) -> exp.Expr | None:
    return _joined(scope, group.values, sql.every if group.type == "AND" else sql.either)


def _joined(
    scope: Scope, filters: Sequence[PropertyGroup | PropertyFilter], join: Callable[..., exp.Expr]
) -> exp.Expr | None:
    conditions = [
        condition
        for some in filters
        if (condition := _group(scope, some) if isinstance(some, PropertyGroup) else _one(scope, some)) is not None
    ]
    return exp.paren(join(*conditions)) if conditions else None


def _one(scope: Scope, some: PropertyFilter) -> exp.Expr:
    if some.type == "hogql":
        return hogql.condition(hogql.parse_expression(some.key), scope.context)
    if some.type not in ("event", "feature"):
        raise InvalidQueryError(f"The sandbox does not filter by properties of type {some.type}")
    text = sql.event_property(some.key)
    operator = some.operator or Operator.EXACT
    if operator in (Operator.IS_SET, Operator.IS_NOT_SET):
        template = "({0} IS NOT NULL)" if operator is Operator.IS_SET else "({0} IS NULL)"
        return sql.call(template, text)
    values = some.value if isinstance(some.value, list) else [some.value]
    if not values or any(value is None for value in values):
        raise InvalidQueryError(f"The filter on {some.key} has no value")
    if operator in _NEGATIONS:
        positive = sql.either(*(_compare(scope, text.copy(), _NEGATIONS[operator], value) for value in values))
        return sql.call("(NOT COALESCE({0}, FALSE))", positive)
    return sql.either(*(_compare(scope, text.copy(), operator, value) for value in values))


_NEGATIONS = {
    Operator.IS_NOT: Operator.EXACT,
    Operator.NOT_ICONTAINS: Operator.ICONTAINS,
    Operator.NOT_REGEX: Operator.REGEX,
}
_ORDERS = {Operator.GT: ">", Operator.GTE: ">=", Operator.LT: "<", Operator.LTE: "<="}
_DATES = {Operator.IS_DATE_BEFORE: "<", Operator.IS_DATE_AFTER: ">"}


def _compare(scope: Scope, text: exp.Expr, operator: Operator, value: Any) -> exp.Expr:
    wanted = value if isinstance(value, str) else json.dumps(value)
    if operator is Operator.EXACT:
        same = sql.call("({0} = {1})", text, sql.literal(wanted))
        figure = _figure(wanted)
        if figure is None:
            return same
        return sql.call("({0} OR {1} = {2})", same, sql.number(text.copy()), sql.literal(figure))
    if operator is Operator.ICONTAINS:
        return sql.call("CONTAINS(LOWER({0}), LOWER({1}))", text, sql.literal(wanted))
    if operator is Operator.REGEX:
        return sql.call("REGEXP_MATCHES({0}, {1})", text, sql.literal(wanted))
    if operator in _ORDERS:
        figure = _figure(wanted)
        if figure is None:
            return sql.call(f"({{0}} {_ORDERS[operator]} {{1}})", text, sql.literal(wanted))
        return sql.call(f"({{0}} {_ORDERS[operator]} {{1}})", sql.number(text), sql.literal(figure))
    instant = sql.moment(dates.read(wanted, scope.clock, scope.timezone))
    moment = sql.call("TRY_CAST({0} AS TIMESTAMP)", text)
    if operator in _DATES:
        return sql.call(f"({{0}} {_DATES[operator]} {{1}})", moment, instant)
    return sql.call("(CAST({0} AS DATE) = CAST({1} AS DATE))", moment, instant)


def _figure(text: str) -> float | None:
    try:
        figure = float(text)
    except ValueError:
        return None
    return figure if figure == figure and abs(figure) != float("inf") else None
