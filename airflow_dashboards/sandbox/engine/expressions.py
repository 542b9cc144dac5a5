"""Small builders of DuckDB SQL, as sqlglot expressions: a value never becomes text except through its quoting."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import exp
from sqlglot.dialects.duckdb import DuckDB

from airflow_dashboards.sandbox.engine.parts import Interval

if TYPE_CHECKING:
    from datetime import datetime


class Call(exp.Anonymous):
    """A call whose SQL is a format text, with `{0}`, `{1}` … for its arguments and `{tail}` for FILTER and OVER."""

    arg_types = {"this": True, "expressions": False, "tail": False}  # noqa: RUF012 - sqlglot's declaration of a node


class Target(DuckDB):
    """DuckDB, which also writes `Call`."""

    class Generator(DuckDB.Generator):  # type: ignore[valid-type, misc]  # a metaclass sets it
        """Writes a `Call` by filling its format text."""

        TRANSFORMS = {  # noqa: RUF012 - sqlglot's own declaration
            **DuckDB.Generator.TRANSFORMS,
            Call: lambda self, node: _call_sql(self, node),
        }


def _call_sql(generator: Any, node: exp.Expr) -> str:
    arguments = [generator.sql(argument) for argument in node.expressions]
    tail = "".join(f" {generator.sql(part)}" for part in node.args.get("tail") or [])
    template: str = node.args["this"]
    return template.format(*arguments, all=", ".join(arguments), tail=tail)


def render(expression: exp.Expr) -> str:
    """Return the DuckDB SQL of an expression."""
    return expression.sql(dialect=Target)


def call(template: str, *arguments: exp.Expr) -> exp.Expr:
    """Return a call written by a format text, e.g. `call("COUNT(DISTINCT {0})", column("person_id"))`."""
    return Call(this=template, expressions=list(arguments))


def column(name: str) -> exp.Expr:
    """Return a column by its name, quoted."""
    return exp.column(exp.to_identifier(name, quoted=True))


def literal(value: str | float | bool) -> exp.Expr:
    """Return a value as a quoted literal."""
    return exp.convert(value)


def moment(instant: datetime) -> exp.Expr:
    """Return a local instant as a TIMESTAMP."""
    return call("CAST({0} AS TIMESTAMP)", literal(instant.isoformat(sep=" ")))


def every(*conditions: exp.Expr) -> exp.Expr:
    """Return the conjunction of conditions; true without any."""
    return exp.and_(*conditions) if conditions else exp.true()


def either(*conditions: exp.Expr) -> exp.Expr:
    """Return the disjunction of conditions; false without any."""
    return exp.or_(*conditions) if conditions else exp.false()


def property_text(properties: exp.Expr, *path: str) -> exp.Expr:
    """Return a property as text; NULL where it is missing or JSON null."""
    pointer = "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in path)
    return call("JSON_EXTRACT_STRING({0}, {1})", properties, literal(pointer))


def event_property(name: str) -> exp.Expr:
    """Return an event's property as text."""
    return property_text(column("properties"), name)


def number(expression: exp.Expr) -> exp.Expr:
    """Return an expression as a number; NULL where it is none."""
    return call("TRY_CAST({0} AS DOUBLE)", expression)


def period(interval: Interval) -> exp.Expr:
    """Return the start of the period an event lies in; weeks start on Sunday.

    Older DuckDBs give a date for whole days: the cast makes all of them give a time.
    """
    if interval is Interval.WEEK:
        return call("DATE_TRUNC('week', {0} + INTERVAL 1 DAY) - INTERVAL 1 DAY", column("timestamp"))
    return call(f"CAST(DATE_TRUNC('{interval.value}', {{0}}) AS TIMESTAMP)", column("timestamp"))
