"""Formulas over series: `A/B*100`, letters being the series in their order; a division by zero gives zero."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Sequence

from airflow_dashboards.sandbox.engine.errors import InvalidQueryError

_BINARY: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Mod: operator.mod,
    ast.Pow: math.pow,
}
_UNARY: dict[type[ast.unaryop], Callable[[float], float]] = {ast.USub: operator.neg, ast.UAdd: operator.pos}

Formula = Callable[[Sequence[float]], float]


def compile_formula(text: str, series: int) -> Formula:
    """Return a function of the series' values in one period.

    Args:
        text: Letters `A` to `Z`, numbers, `+ - * / % ^` and parentheses.
        series: How many series there are, so which letters mean something.

    Raises:
        InvalidQueryError: It is no such formula, or names a series that is not there.

    Example:
        `compile_formula("A/B", 2)([1, 2])` is `0.5`.
    """
    try:
        tree = ast.parse(text.strip().upper().replace("^", "**"), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise InvalidQueryError(f"Invalid formula: {text}") from error
    compiled = _compile(tree, text, series)

    def evaluate(values: Sequence[float]) -> float:
        try:
            value = compiled(values)
        except (ZeroDivisionError, OverflowError, ValueError):
            return 0.0
        return value if math.isfinite(value) else 0.0

    return evaluate


def _compile(node: ast.expr, text: str, series: int) -> Formula:
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)) and not isinstance(node.value, bool):
        constant = float(node.value)
        return lambda values: constant
    if isinstance(node, ast.Name) and len(node.id) == 1 and 0 <= ord(node.id) - ord("A") < series:
        index = ord(node.id) - ord("A")
        return lambda values: values[index]
    if isinstance(node, ast.BinOp) and type(node.op) in _BINARY:
        binary, left, right = (
            _BINARY[type(node.op)],
            _compile(node.left, text, series),
            _compile(node.right, text, series),
        )
        return lambda values: binary(left(values), right(values))
    if isinstance(node, ast.UnaryOp) and type(node.op) in _UNARY:
        unary, operand = _UNARY[type(node.op)], _compile(node.operand, text, series)
        return lambda values: unary(operand(values))
    raise InvalidQueryError(f"Invalid formula: {text}")
