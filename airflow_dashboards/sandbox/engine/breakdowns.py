"""Breakdowns: which values a query is split by, and what stands for the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_dashboards.sandbox.engine import expressions as sql
from airflow_dashboards.sandbox.engine import hogql
from airflow_dashboards.sandbox.engine.errors import InvalidQueryError

if TYPE_CHECKING:
    from sqlglot import exp

    from airflow_dashboards.sandbox.engine.parts import BreakdownFilter
    from airflow_dashboards.sandbox.engine.scope import Scope

OTHER = "$$_posthog_breakdown_other_$$"
NULL = "$$_posthog_breakdown_null_$$"
#: How many values a breakdown of trends names before the rest becomes "other".
TRENDS_LIMIT = 25

#: One text per property of the breakdown.
Value = tuple[str, ...]


@dataclass(frozen=True)
class Split:
    """What to split by: one expression per property, missing values standing as `NULL`."""

    expressions: list[exp.Expr]
    limit: int
    #: Whether values show as lists: so they do for the multi-property form, whatever their number.
    listed: bool
    hide_other: bool = False

    def shown(self, value: Value) -> str | list[str]:
        """Return `breakdown_value` as the wire has it."""
        return list(value) if self.listed else value[0]

    @property
    def other(self) -> Value:
        """The value that stands for the rest."""
        return (OTHER,) * len(self.expressions)


def split(scope: Scope, wanted: BreakdownFilter | None, *, limit: int) -> Split | None:
    """Return how a query is split, None if it is not.

    Raises:
        InvalidQueryError: The breakdown is of a type that the sandbox has not.
    """
    if wanted is None:
        return None
    if wanted.breakdowns:
        pairs = [(str(one.property), one.type or "event") for one in wanted.breakdowns]
    elif wanted.breakdown:
        names = wanted.breakdown if isinstance(wanted.breakdown, list) else [wanted.breakdown]
        pairs = [(str(name), wanted.breakdown_type or "event") for name in names]
    else:
        return None
    return Split(
        expressions=[_expression(scope, name, kind) for name, kind in pairs],
        limit=wanted.breakdown_limit or limit,
        listed=bool(wanted.breakdowns) or isinstance(wanted.breakdown, list),
        hide_other=bool(wanted.breakdown_hide_other_aggregation),
    )


def label(value: Value) -> str:
    """Return a series' label for a value; several properties are joined as PostHog's charts join them."""
    return "::".join(value)


def sort_key(value: Value, size: float) -> tuple[bool, bool, float, Value]:
    """Return the order of series: largest first, then missing values, then the rest."""
    return OTHER in value, NULL in value, -size, value


def _expression(scope: Scope, name: str, kind: str) -> exp.Expr:
    if kind == "event":
        text = sql.event_property(name)
    elif kind == "hogql":
        text = sql.call("CAST({0} AS VARCHAR)", hogql.expression(hogql.parse_expression(name), scope.context))
    else:
        raise InvalidQueryError(f"The sandbox does not break down by {kind}")
    return sql.call("COALESCE(NULLIF({0}, ''), {1})", text, sql.literal(NULL))
