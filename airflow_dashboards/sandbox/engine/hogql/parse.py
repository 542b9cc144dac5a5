"""HogQL text to a syntax tree: ClickHouse's grammar, one SELECT, with `{placeholders}` and `properties.$names`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from sqlglot import ErrorLevel, exp
from sqlglot.dialects.clickhouse import ClickHouse
from sqlglot.errors import SqlglotError

from airflow_dashboards.sandbox.engine.errors import InvalidQueryError

#: Trees for `{filters}` and `{variables.x}`, by the text between the braces.
Placeholders = Mapping[str, exp.Expr]

_MARK = "__placeholder__"
#: Quoted text and comments first, so that nothing inside them is taken for anything else.
_SPECIAL = re.compile(
    r"""(?P<skip>'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.)*"|`(?:[^`\\]|\\.)*`|--[^\n]*|/\*.*?\*/)
      | \{\s*(?P<placeholder>[A-Za-z_][\w.]*)\s*\}
      | (?P<dollar>\$[A-Za-z_$][\w$]*)""",
    re.VERBOSE | re.DOTALL,
)


class HogQL(ClickHouse):
    """ClickHouse's grammar, in which a call stays a name with arguments: the translation decides what it means."""

    class Parser(ClickHouse.Parser):  # type: ignore[valid-type, misc]  # a metaclass sets it
        """Knows no function but CAST."""

        FUNCTIONS: ClassVar[dict[str, Any]] = {}
        FUNCTION_PARSERS: ClassVar[dict[str, Any]] = {"CAST": ClickHouse.Parser.FUNCTION_PARSERS["CAST"]}
        NO_PAREN_FUNCTIONS: ClassVar[dict[Any, Any]] = {}


def parse_query(text: str, placeholders: Placeholders) -> exp.Query:
    """Return the tree of one SELECT (or a UNION of them).

    Raises:
        InvalidQueryError: It is not exactly one SELECT, it does not parse, or a placeholder has no value.
    """
    tree = _parse(text, placeholders)
    if not isinstance(tree, exp.Query):
        raise InvalidQueryError("Only SELECT queries are supported")
    return tree


def parse_expression(text: str, placeholders: Placeholders | None = None) -> exp.Expr:
    """Return the tree of one expression, such as a filter's condition.

    Raises:
        InvalidQueryError: It is not one expression, or a placeholder has no value.
    """
    tree = _parse(f"SELECT {text}", placeholders or {})
    whole = isinstance(tree, exp.Select) and not any(value for key, value in tree.args.items() if key != "expressions")
    if not whole or len(tree.expressions) != 1:
        raise InvalidQueryError(f"Expected one expression, got: {text}")
    found: exp.Expr = tree.expressions[0]
    found.pop()
    return found


def _parse(text: str, placeholders: Placeholders) -> exp.Expr:
    if not re.match(r"\s*(--[^\n]*\n\s*|/\*.*?\*/\s*)*[(\s]*(select|with)\b", text, re.IGNORECASE | re.DOTALL):
        raise InvalidQueryError("Only SELECT queries are supported")
    dialect = HogQL()
    try:
        tokens = dialect.tokenize(_SPECIAL.sub(_prepare, text))
        trees = [tree for tree in dialect.parser(error_level=ErrorLevel.IMMEDIATE).parse(tokens, text) if tree]
    except SqlglotError as error:
        raise InvalidQueryError(f"Syntax error: {_first_line(error)}") from error
    except RecursionError as error:
        raise InvalidQueryError("The query is nested too deeply") from error
    if len(trees) != 1 or trees[0] is None:
        raise InvalidQueryError("Expected exactly one SELECT query")
    return _fill(trees[0], placeholders)


def _prepare(match: re.Match[str]) -> str:
    if match["placeholder"]:
        return f"{_MARK}('{match['placeholder']}')"
    return f"`{match['dollar']}`" if match["dollar"] else match[0]


def _fill(tree: exp.Expr, placeholders: Placeholders) -> exp.Expr:
    for node in list(tree.find_all(exp.Anonymous)):
        if node.name != _MARK:
            continue
        name = node.expressions[0].name if node.expressions else ""
        value = placeholders.get(name)
        if value is None:
            kind, _, code_name = name.partition(".")
            if kind == "variables":
                raise InvalidQueryError(f"Variable {code_name} is missing from query")
            raise InvalidQueryError(f"Placeholder {{{name}}} is not available in this context")
        filled = value.copy()
        node.replace(filled if isinstance(filled, exp.Tuple) else exp.paren(filled))
    return tree


def _first_line(error: Exception) -> str:
    text = re.sub(r"\x1b\[\d*m", "", str(error))
    return text.strip().splitlines()[0].rstrip(".")
