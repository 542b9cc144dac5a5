"""HogQL's tree to DuckDB's: every node is on a list of what is allowed, every table is the project's own events."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from sqlglot import exp

from airflow_dashboards.sandbox.engine import expressions as sql
from airflow_dashboards.sandbox.engine.errors import InvalidQueryError
from airflow_dashboards.sandbox.engine.hogql import functions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

#: Columns of `events`, in the order of `SELECT *`.
COLUMNS = ("uuid", "event", "properties", "timestamp", "distinct_id", "person_id")


class PropertyType(str, Enum):
    """What a property's values are, learnt from the events as PostHog learns it: mixed ones are text."""

    NUMERIC = "Numeric"
    BOOLEAN = "Boolean"
    STRING = "String"


@dataclass(frozen=True)
class Context:
    """What a translation depends on beside the text."""

    #: Builds the project's `events` relation with `COLUMNS`, `timestamp` on the project's wall clock.
    events: Callable[[], exp.Subquery]
    #: The clock, on the project's wall clock.
    now: datetime
    property_types: Mapping[str, PropertyType] = field(default_factory=dict)


@dataclass(frozen=True)
class Translation:
    """A translated query and, per output column, ClickHouse's type where it is known better than from DuckDB's."""

    tree: exp.Query
    types: list[str | None]


_STATEMENTS = (exp.Select, exp.Union, exp.Except, exp.Intersect, exp.Subquery, exp.With, exp.CTE, exp.From, exp.Join)
_CLAUSES = (exp.Where, exp.Group, exp.Having, exp.Order, exp.Ordered, exp.Limit, exp.Offset, exp.Distinct)
_NAMES = (exp.Table, exp.TableAlias, exp.Alias, exp.Identifier, exp.Column, exp.Star)
_VALUES = (exp.Literal, exp.Boolean, exp.Null, exp.Interval, exp.Var, exp.Cast, exp.DataType, exp.Tuple, exp.Array)
_LOGIC = (exp.And, exp.Or, exp.Not, exp.Paren, exp.Case, exp.If, exp.Is, exp.In, exp.Between, exp.Like, exp.ILike)
_OPERATORS = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.NullSafeEQ, exp.Add, exp.Sub, exp.Mul, exp.Div)
_MORE = (exp.Mod, exp.Neg, exp.DPipe, exp.Bracket, exp.Window, exp.WindowSpec)
#: Calls as ClickHouse's grammar tells them apart; the last two are kinds of these.
_AGGREGATES = (exp.AnonymousAggFunc, exp.ParameterizedAgg, exp.CombinedAggFunc, exp.CombinedParameterizedAgg)
_CALLS = (exp.Anonymous, *_AGGREGATES)
_ALLOWED = frozenset({*_STATEMENTS, *_CLAUSES, *_NAMES, *_VALUES, *_LOGIC, *_OPERATORS, *_MORE, *_CALLS})
_SELECT_PARTS = {
    "with",
    "expressions",
    "distinct",
    "from",
    "joins",
    "where",
    "group",
    "having",
    "order",
    "limit",
    "offset",
}
_NUMBERS = {"INT", "BIGINT", "SMALLINT", "TINYINT", "UINT", "UBIGINT", "FLOAT", "DOUBLE", "DECIMAL"}
_MOMENTS = {"DATETIME", "DATETIME64", "TIMESTAMP", "TIMESTAMPTZ"}
_CASTS = {*_NUMBERS, *_MOMENTS, "TEXT", "VARCHAR", "BOOLEAN", "DATE", "DATE32"}


def query(tree: exp.Query, context: Context) -> Translation:
    """Translate a SELECT.

    Raises:
        InvalidQueryError: It uses something HogQL (or the sandbox) has not.
    """
    types = [_type(selected) for selected in tree.selects]
    translated = _Translator(context).translate(tree)
    if not isinstance(translated, exp.Query):
        raise InvalidQueryError("Only SELECT queries are supported")
    return Translation(translated, types)


def expression(tree: exp.Expr, context: Context) -> exp.Expr:
    """Translate one expression over the columns of `events`.

    Raises:
        InvalidQueryError: It uses something HogQL (or the sandbox) has not.
    """
    return _Translator(context).translate(exp.paren(tree.copy()))


def condition(tree: exp.Expr, context: Context) -> exp.Expr:
    """Translate a condition over the columns of `events`; what is neither true nor false is false."""
    return sql.call("COALESCE(CAST({0} AS BOOLEAN), FALSE)", expression(tree, context))


def _type(selected: exp.Expr) -> str | None:
    inner = selected.unalias()
    if not isinstance(inner, _CALLS):
        return None
    function = functions.find(inner.name) or functions.find_if(inner.name) or functions.PARAMETRIC.get(inner.name)
    return function.type if function else None


class _Translator:
    def __init__(self, context: Context) -> None:
        self._context = context
        self._names: set[str] = set()

    def translate(self, tree: exp.Expr) -> exp.Expr:
        tree = tree.copy()
        self._names = {cte.alias for cte in tree.find_all(exp.CTE)}
        if "events" in self._names:
            raise InvalidQueryError("A subquery cannot be named events")
        try:
            return self._rewrite(tree)
        except RecursionError as error:
            raise InvalidQueryError("The query is nested too deeply") from error

    def _rewrite(self, node: exp.Expr) -> exp.Expr:
        """Rewrite a tree from its leaves upward; what a filter put in is DuckDB's already."""
        if isinstance(node, sql.Call):
            return node
        if type(node) not in _ALLOWED:
            raise InvalidQueryError(f"Unsupported syntax: {_shown(node)}")
        self._refuse(node)
        if isinstance(node, exp.Column):
            return self._column(node)
        if isinstance(node, exp.Bracket) and (path := _properties_bracket(node)):
            return self._property(*path)
        for child in list(node.iter_expressions()):
            rewritten = self._rewrite(child)
            if rewritten is not child:
                child.replace(rewritten)
        if isinstance(node, exp.Table):
            return self._table(node)
        if isinstance(node, exp.Window):
            return _windowed(node)
        if isinstance(node, exp.Cast):
            return _cast(node)
        if isinstance(node, _CALLS):
            return self._call(node)
        return node

    def _refuse(self, node: exp.Expr) -> None:
        parts = {key.rstrip("_") for key, value in node.args.items() if value}
        if isinstance(node, exp.Select) and (strange := parts - _SELECT_PARTS):
            named = ", ".join(sorted(part.replace("_", " ").upper() for part in strange))
            raise InvalidQueryError(f"Unsupported clause in SELECT: {named}")
        if isinstance(node, exp.Limit) and parts - {"expression"}:
            raise InvalidQueryError("LIMIT BY is not supported by the sandbox")
        if isinstance(node, exp.With) and "recursive" in parts:
            raise InvalidQueryError("Recursive subqueries are not supported")
        if isinstance(node, exp.Group) and parts - {"expressions"}:
            raise InvalidQueryError("Only plain GROUP BY is supported by the sandbox")
        if isinstance(node, exp.Join) and (
            node.kind not in ("", "INNER", "CROSS", "OUTER") or node.side not in ("", "LEFT", "RIGHT", "FULL")
        ):
            raise InvalidQueryError(f"Unsupported join: {node.kind or node.side}")
        if isinstance(node, exp.Star) and parts:
            raise InvalidQueryError("Unsupported syntax: * with modifiers")

    def _column(self, node: exp.Column) -> exp.Expr:
        if isinstance(node.this, exp.Star):
            return node
        if not all(isinstance(part, exp.Identifier) for part in node.parts):
            raise InvalidQueryError(f"Unsupported syntax: {_shown(node)}")
        names = [part.name for part in node.parts]
        if names[0] == "person":
            return _person(names)
        for place in (0, 1):
            if len(names) > place + 1 and names[place] == "properties":
                return self._property(names[:place], names[place + 1 :])
        if len(names) > 2:
            raise InvalidQueryError(f"Unable to resolve field: {'.'.join(names)}")
        for part in node.parts:
            part.set("quoted", True)
        return node

    def _property(self, table: list[str], path: list[str]) -> exp.Expr:
        owner = exp.column(
            exp.to_identifier("properties", quoted=True),
            table=exp.to_identifier(table[0], quoted=True) if table else None,
        )
        text = sql.property_text(owner, *path)
        kind = self._context.property_types.get(path[0]) if len(path) == 1 else None
        if kind is PropertyType.NUMERIC:
            return sql.number(text)
        if kind is PropertyType.BOOLEAN:
            return sql.call("TRY_CAST({0} AS BOOLEAN)", text)
        return text

    def _table(self, node: exp.Table) -> exp.Expr:
        name = node.name
        known = isinstance(node.this, exp.Identifier) and not node.args.get("db") and not node.args.get("catalog")
        if any(value for key, value in node.args.items() if key not in ("this", "alias") and value):
            known = False
        if known and name in self._names:
            node.this.set("quoted", True)
            return node
        if not known or name != "events":
            raise InvalidQueryError(f'Unknown table "{_shown(node)}".')
        events = self._context.events()
        events.set("alias", exp.TableAlias(this=exp.to_identifier(node.alias or "events", quoted=True)))
        return events

    def _call(self, node: exp.Expr) -> exp.Expr:
        name = node.name
        arguments = list(node.expressions)
        parameters = node.args.get("params")
        constant = self._constant(name, arguments)
        if constant is not None:
            return constant
        if name in ("and", "or") and arguments:
            return exp.paren((exp.and_ if name == "and" else exp.or_)(*arguments))
        if name == "multiIf" and len(arguments) % 2 and len(arguments) > 1:
            case = exp.Case(ifs=[], default=arguments[-1])
            for test, value in zip(arguments[:-1:2], arguments[1::2], strict=True):
                case.append("ifs", exp.If(this=test, true=value))
            return case
        if parameters is not None:
            return _parametric(name, arguments, list(parameters))
        return _plain(name, arguments)

    def _constant(self, name: str, arguments: list[exp.Expr]) -> exp.Expr | None:
        if arguments:
            return None
        today = self._context.now.date().isoformat()
        if name.lower() in ("now", "now64"):
            return sql.moment(self._context.now)
        if name.lower() in ("today", "yesterday"):
            date = sql.call("CAST({0} AS DATE)", sql.literal(today))
            return date if name.lower() == "today" else sql.call("({0} - 1)", date)
        return None


def _person(names: list[str]) -> exp.Expr:
    if names[1:] == ["id"]:
        return sql.column("person_id")
    raise InvalidQueryError(f"Unable to resolve field: {'.'.join(names)} (the sandbox keeps no person properties)")


def _plain(name: str, arguments: list[exp.Expr]) -> exp.Expr:
    if name in ("toStartOfWeek", "formatDateTime") and len(arguments) == 2:
        return _special(name, arguments)
    function = functions.find(name)
    if function is None and (filtered := functions.find_if(name)) is not None:
        _check(name, filtered, len(arguments) - 1)
        return _made(filtered, arguments[:-1], arguments[-1])
    if function is None:
        raise InvalidQueryError(_unknown(name))
    _check(name, function, len(arguments))
    return _made(function, arguments)


def _special(name: str, arguments: list[exp.Expr]) -> exp.Expr:
    if name == "toStartOfWeek":
        monday = arguments[1].name in ("1", "3", "5", "7", "9")
        return _plain("toMonday" if monday else "toStartOfWeek", arguments[:1])
    codes = {"%i": "%M", "%M": "%B", "%F": "%Y-%m-%d", "%T": "%H:%M:%S", "%R": "%H:%M", "%e": "%-d", "%Q": "%q"}
    if not arguments[1].is_string:
        raise InvalidQueryError("The format of formatDateTime must be a constant")
    text = arguments[1].name
    pattern = "".join(codes.get(piece, piece) for piece in _pieces(text))
    return sql.call("STRFTIME(CAST({0} AS TIMESTAMP), {1})", arguments[0], sql.literal(pattern))


def _pieces(text: str) -> list[str]:
    pieces, place = [], 0
    while place < len(text):
        width = 2 if text[place] == "%" else 1
        pieces.append(text[place : place + width])
        place += width
    return pieces


def _parametric(name: str, parameters: list[exp.Expr], arguments: list[exp.Expr]) -> exp.Expr:
    where = None
    base = name
    if name.endswith("If") and name[:-2] in functions.PARAMETRIC and arguments:
        base, where = name[:-2], arguments.pop()
    function = functions.PARAMETRIC.get(base)
    if function is None:
        raise InvalidQueryError(_unknown(name))
    _check(name, function, len(parameters) + len(arguments))
    return _made(function, [*parameters, *arguments], where)


def _made(function: functions.Function, arguments: list[exp.Expr], where: exp.Expr | None = None) -> exp.Expr:
    made = sql.call(function.template, *arguments)
    if where is not None:
        made.append("tail", sql.call("FILTER (WHERE {0})", where))
    return made


def _windowed(node: exp.Window) -> exp.Expr:
    made = node.this
    if not isinstance(made, sql.Call) or "{tail}" not in made.args["this"]:
        raise InvalidQueryError("Only an aggregate can stand before OVER")
    if node.args.get("alias"):
        raise InvalidQueryError("Named windows are not supported by the sandbox")
    node.set("this", exp.Var(this=""))
    made.append("tail", node.copy())
    return made


def _cast(node: exp.Cast) -> exp.Expr:
    kind = node.to.this
    name = kind.name if isinstance(kind, Enum) else str(kind)
    if name not in _CASTS or (node.to.expressions and name not in _MOMENTS | {"DECIMAL"}):
        raise InvalidQueryError(f"Unsupported type in cast: {_shown(node.to)}")
    return sql.call("CAST({0} AS TIMESTAMP)", node.this) if name in _MOMENTS else node


def _check(name: str, function: functions.Function, given: int) -> None:
    if given < function.least or (function.most is not None and given > function.most):
        expected = str(function.least)
        if function.most != function.least:
            expected = f"at least {function.least}" if function.most is None else f"{function.least} to {function.most}"
        raise InvalidQueryError(f"Function '{name}' expects {expected} argument(s), found {given}")


def _unknown(name: str) -> str:
    near = difflib.get_close_matches(name, functions.names(), n=1)
    hint = f" Perhaps you meant '{near[0]}(...)'?" if near else ""
    return f"Unsupported function call '{name}(...)'.{hint}"


def _properties_bracket(node: exp.Bracket) -> tuple[list[str], list[str]] | None:
    owner, keys = node.this, node.expressions
    if not isinstance(owner, exp.Column) or owner.name != "properties" or len(keys) != 1 or not keys[0].is_string:
        return None
    return [part.name for part in owner.parts[:-1]], [keys[0].name]


def _shown(node: exp.Expr) -> str:
    return node.sql(dialect="clickhouse")[:80]
