"""Measures: what is counted of a series' events, per period or altogether."""

from __future__ import annotations

from dataclasses import dataclass

from sqlglot import exp

from airflow_dashboards.sandbox.engine import dates, hogql
from airflow_dashboards.sandbox.engine import expressions as sql
from airflow_dashboards.sandbox.engine.errors import InvalidQueryError
from airflow_dashboards.sandbox.engine.parts import EventsNode, Interval, Math
from airflow_dashboards.sandbox.engine.scope import Scope, within

#: Days that the trailing measures look back, the period's own included.
_TRAILING = {Math.WEEKLY_ACTIVE: 7, Math.MONTHLY_ACTIVE: 30}
#: Periods at least as long as what a trailing measure looks back: there it is the period's own persons.
_LONG = {
    Math.WEEKLY_ACTIVE: (Interval.WEEK, Interval.MONTH),
    Math.MONTHLY_ACTIVE: (Interval.MONTH,),
}
_OF_A_PROPERTY = {
    Math.SUM: "SUM({0})",
    Math.AVG: "AVG({0})",
    Math.MIN: "MIN({0})",
    Math.MAX: "MAX({0})",
    Math.MEDIAN: "QUANTILE_CONT({0}, 0.5)",
    Math.P75: "QUANTILE_CONT({0}, 0.75)",
    Math.P90: "QUANTILE_CONT({0}, 0.9)",
    Math.P95: "QUANTILE_CONT({0}, 0.95)",
    Math.P99: "QUANTILE_CONT({0}, 0.99)",
}


@dataclass(frozen=True)
class Measure:
    """An aggregate over events, and how far back it looks."""

    over_all: exp.Expr
    math: Math

    def query(
        self,
        scope: Scope,
        window: dates.Window,
        interval: Interval,
        conditions: list[exp.Expr],
        columns: list[exp.Expr],
        *,
        total: bool,
    ) -> exp.Select:
        """Return the query of (period or NULL, value, *columns)."""
        if self.math in _TRAILING and total:
            start = dates.shift(dates.floor(window.end, Interval.DAY), 1 - _TRAILING[self.math], "day")
            window = dates.Window(start, window.end, window.timezone, interval)
        elif self.math in _TRAILING and interval not in _LONG[self.math]:
            return self._trailing(scope, window, interval, conditions, columns)
        bucket = exp.null() if total else sql.period(interval)
        query = (
            exp.select(bucket.as_("bucket"), self.over_all.copy().as_("value"), *_as(columns))
            .from_(scope.events)
            .where(within(window), *(condition.copy() for condition in conditions))
        )
        return query.group_by(*_positions(1, 3, columns))

    def _trailing(
        self,
        scope: Scope,
        window: dates.Window,
        interval: Interval,
        conditions: list[exp.Expr],
        columns: list[exp.Expr],
    ) -> exp.Select:
        """Count persons from some days before each period's end to that end."""
        back = _TRAILING[self.math]
        early = dates.Window(dates.shift(window.start, -back, "day"), window.end, window.timezone, interval)
        seen = (
            exp.select(sql.column("person_id"), sql.column("timestamp"), *_as(columns))
            .from_(scope.events)
            .where(within(early), *(condition.copy() for condition in conditions))
            .subquery("seen")
        )
        ends = exp.Array(
            expressions=[
                sql.call("ROW({0}, {1})", sql.moment(start), sql.moment(dates.following(start, interval)))
                for start in window.periods
            ]
        )
        periods = exp.select(sql.call("UNNEST({0}) AS bounds", ends)).subquery("periods")
        in_reach = sql.call(
            f"{{0}} < STRUCT_EXTRACT(bounds, 2) AND {{0}} >= STRUCT_EXTRACT(bounds, 2) - INTERVAL {back} DAY",
            sql.column("timestamp"),
        )
        query = (
            exp.select(
                sql.call("STRUCT_EXTRACT(bounds, 1)").as_("bucket"),
                self.over_all.copy().as_("value"),
                *(sql.column(f"split_{index}") for index in range(len(columns))),
            )
            .from_(periods)
            .join(seen, on=in_reach)
        )
        return query.group_by(*_positions(1, 3, columns))


def _as(columns: list[exp.Expr]) -> list[exp.Expr]:
    return [column.copy().as_(f"split_{index}") for index, column in enumerate(columns)]


def _positions(bucket: int, first: int, columns: list[exp.Expr]) -> list[exp.Expr]:
    return [exp.Literal.number(place) for place in (bucket, *range(first, first + len(columns)))]


def measure(scope: Scope, node: EventsNode) -> Measure:
    """Return what a series counts.

    Raises:
        InvalidQueryError: The property or expression it counts is missing or wrong.
    """
    return Measure(_aggregate(scope, node), node.math)


def _aggregate(scope: Scope, node: EventsNode) -> exp.Expr:
    if node.math is Math.TOTAL:
        return sql.call("COUNT(*)")
    if node.math in (Math.DAU, *_TRAILING):
        return sql.call("COUNT(DISTINCT {0})", sql.column("person_id"))
    if node.math is Math.UNIQUE_SESSION:
        return sql.call("COUNT(DISTINCT {0})", sql.event_property("$session_id"))
    if node.math is Math.HOGQL:
        if not node.math_hogql:
            raise InvalidQueryError("A series with math hogql needs math_hogql")
        translated = hogql.expression(hogql.parse_expression(node.math_hogql), scope.context)
        return sql.call("CAST({0} AS DOUBLE)", translated)
    if not node.math_property:
        raise InvalidQueryError(f"A series with math {node.math.value} needs math_property")
    return sql.call(_OF_A_PROPERTY[node.math], sql.number(sql.event_property(node.math_property)))
