"""HogQLQuery and EventsQuery: rows in columns, with ClickHouse's names for their types (contract 4.7)."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from airflow_dashboards.sandbox.engine import dates, hogql
from airflow_dashboards.sandbox.engine import expressions as sql
from airflow_dashboards.sandbox.engine.errors import InvalidQueryError
from airflow_dashboards.sandbox.engine.parts import Interval
from airflow_dashboards.sandbox.engine.properties import matches
from airflow_dashboards.sandbox.engine.scope import Computed, Scope, named, within

if TYPE_CHECKING:
    from airflow_dashboards.sandbox.engine.schema import EventsQuery, HogQLQuery
    from airflow_dashboards.sandbox.engine.store import Row

#: Rows of a query without a LIMIT of its own.
DEFAULT_LIMIT = 100
#: Rows of any query.
MAX_LIMIT = 50_000

_TYPES = {
    "BOOLEAN": "Bool",
    "TINYINT": "Int8",
    "SMALLINT": "Int16",
    "INTEGER": "Int32",
    "BIGINT": "Int64",
    "HUGEINT": "Int64",
    "UBIGINT": "UInt64",
    "FLOAT": "Float32",
    "DOUBLE": "Float64",
    "VARCHAR": "String",
    "JSON": "String",
    "UUID": "UUID",
    "DATE": "Date",
    '"NULL"': "Nothing",
}


def compute_sql(scope: Scope, query: HogQLQuery) -> Computed:
    """Run a HogQLQuery over the project's events.

    Raises:
        InvalidQueryError: The SQL is wrong, is no SELECT, or wants anything but the project's events.
    """
    tree = hogql.parse_query(query.query, _placeholders(scope, query))
    own_limit = isinstance(tree.args.get("limit"), exp.Limit)
    most = MAX_LIMIT if own_limit else DEFAULT_LIMIT
    translation = hogql.query(tree if own_limit else tree.limit(most + 1), scope.context)
    columns, rows = scope.store.table(translation.tree)
    names = _names(tree, [name for name, _ in columns])
    known = translation.types if len(translation.types) == len(columns) else [None] * len(columns)
    return Computed(
        result=[_values(row, scope.timezone) for row in rows[:most]],
        columns=names,
        types=[
            [name, told or clickhouse_type(kind, scope.timezone)]
            for name, (_, kind), told in zip(names, columns, known, strict=True)
        ],
        hogql=query.query.strip(),
        has_more=len(rows) > most,
        resolved_date_range=_resolved(scope, query),
    )


def _names(tree: exp.Query, given: list[str]) -> list[str]:
    """Return output names as HogQL gives them: an expression without a name is called by its own text."""
    selects = tree.selects
    if len(selects) != len(given) or any(isinstance(selected, exp.Star) for selected in selects):
        return given
    return [_name(selected, fallback) for selected, fallback in zip(selects, given, strict=True)]


def _name(selected: exp.Expr, fallback: str) -> str:
    if selected.alias:
        return selected.alias
    if isinstance(selected, exp.Column):
        return selected.parts[-1].name
    return selected.sql(dialect="clickhouse") or fallback


def _placeholders(scope: Scope, query: HogQLQuery) -> dict[str, exp.Expr]:
    values: dict[str, exp.Expr] = {"filters": _filters(scope, query)}
    for variable in (query.variables or {}).values():
        values[f"variables.{variable.code_name}"] = _constant(variable.value)
    for name, value in (query.values or {}).items():
        values[name] = _constant(value)
    return values


def _constant(value: Any) -> exp.Expr:
    if isinstance(value, list):
        return exp.Tuple(expressions=[_constant(one) for one in value])
    if value is None:
        return exp.null()
    if isinstance(value, (str, bool, int, float)):
        return sql.literal(value)
    raise InvalidQueryError(f"A variable cannot hold {type(value).__name__}")


def _filters(scope: Scope, query: HogQLQuery) -> exp.Expr:
    filters = query.filters
    if filters is None:
        return exp.true()
    conditions = [matches(scope, filters.properties)]
    if filters.date_range is not None and (filters.date_range.date_from or filters.date_range.date_to):
        window = scope.window(filters.date_range, Interval.DAY)
        conditions.append(within(window) if filters.date_range.date_from else _until(window))
    return sql.every(*conditions)


def _until(window: dates.Window) -> exp.Expr:
    return exp.LTE(this=sql.column("timestamp"), expression=sql.moment(window.end))


def _resolved(scope: Scope, query: HogQLQuery) -> dict[str, str] | None:
    if query.filters is None or query.filters.date_range is None or "{filters" not in query.query:
        return None
    return scope.window(query.filters.date_range, Interval.DAY).resolved


def compute_events(scope: Scope, query: EventsQuery) -> Computed:
    """List events, the newest first unless told otherwise; `*` and `person` are objects, everything else HogQL.

    Raises:
        InvalidQueryError: An expression of it is wrong.
    """
    limit = min(query.limit or DEFAULT_LIMIT, MAX_LIMIT)
    context = scope.context
    selected = [_selected(scope, text) for text in query.select]
    conditions = [
        named(query.event),
        matches(scope, query.properties, query.fixed_properties),
        *(hogql.condition(hogql.parse_expression(text), context) for text in query.where or []),
    ]
    for text, node in ((query.after, exp.GT), (query.before, exp.LT)):
        if text and text != "all":
            instant = sql.moment(dates.read(text, scope.clock, scope.timezone))
            conditions.append(node(this=sql.column("timestamp"), expression=instant))
    statement = (
        exp.select(*(expression.as_(f"column_{place}") for place, expression in enumerate(selected)))
        .from_(scope.events)
        .where(*conditions)
        .order_by(*(_ordered(scope, text) for text in query.order_by or ["timestamp DESC"]))
        .limit(limit + 1)
        .offset(query.offset or 0)
    )
    columns, rows = scope.store.table(statement)
    names = list(query.select)
    return Computed(
        result=[_listed(names, _values(row, scope.timezone)) for row in rows[:limit]],
        columns=names,
        types=[[name, clickhouse_type(kind, scope.timezone)] for name, (_, kind) in zip(names, columns, strict=True)],
        has_more=len(rows) > limit,
    )


_OBJECTS = {
    "*": ("uuid", "event", "properties", "timestamp", "distinct_id"),
    "person": ("person_id", "distinct_id"),
}


def _selected(scope: Scope, text: str) -> exp.Expr:
    """Return one selected expression; a trailing `-- comment` is a column's title in PostHog, and no part of it."""
    text = text.split("--")[0].strip()
    if text in _OBJECTS:
        return sql.call("ROW({all})", *(sql.column(name) for name in _OBJECTS[text]))
    return hogql.expression(hogql.parse_expression(text), scope.context)


def _ordered(scope: Scope, text: str) -> exp.Expr:
    bare, _, direction = text.strip().rpartition(" ")
    if direction.upper() not in ("ASC", "DESC") or not bare:
        bare, direction = text, "ASC"
    translated = hogql.expression(hogql.parse_expression(bare), scope.context)
    return exp.Ordered(this=translated, desc=direction.upper() == "DESC", nulls_first=False)


def _listed(names: list[str], row: list[Any]) -> list[Any]:
    return [_object(name, value) if name in _OBJECTS else value for name, value in zip(names, row, strict=True)]


def _object(name: str, values: Any) -> dict[str, Any]:
    parts = list(values.values()) if isinstance(values, Mapping) else list(values)
    if name == "person":
        return {"uuid": parts[0], "distinct_id": parts[1], "properties": {}}
    return {**dict(zip(_OBJECTS["*"], parts, strict=True)), "properties": json.loads(parts[2]), "elements_chain": ""}


def clickhouse_type(kind: str, timezone: str) -> str:
    """Return ClickHouse's name for a DuckDB type.

    Example:
        `clickhouse_type("BIGINT[]", "UTC")` is `Array(Int64)`.
    """
    if kind.endswith("[]"):
        return f"Array({clickhouse_type(kind[:-2], timezone)})"
    if kind.startswith("DECIMAL"):
        return "Float64"
    if kind.startswith("TIMESTAMP"):
        return f"DateTime64(6, '{timezone}')"
    return _TYPES.get(kind, "Tuple" if kind.startswith("STRUCT") else "String")


def _values(row: Row, timezone: str) -> list[Any]:
    return [_json(value, timezone) for value in row]


def _json(value: Any, timezone: str) -> Any:
    """Return a value as JSON has it; what JSON has no number for is null (contract 1.1)."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, datetime):
        return dates.instant(value, timezone)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return [_json(one, timezone) for one in value.values()]
    if isinstance(value, (list, tuple)):
        return [_json(one, timezone) for one in value]
    return str(value)
