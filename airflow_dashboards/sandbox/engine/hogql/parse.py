"""HogQL text to a syntax tree: ClickHouse's grammar, one SELECT, with `{placeholders}` and `properties.$names`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from sqlglot import ErrorLevel, Token, exp
from sqlglot.dialects.clickhouse import ClickHouse
from sqlglot.errors import ParseError, TokenError

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


#: Where a quoted text, a quoted name or a comment begins.
_OPENING = re.compile(r"""['"`]|/\*""")


class _UnexpectedError(ParseError):
    """The parser can't go on at a token; None: the text ends too early."""

    def __init__(self, token: Token | None) -> None:
        super().__init__("unexpected token")
        self.token = token


class HogQL(ClickHouse):
    """ClickHouse's grammar, in which a call stays a name with arguments: the translation decides what it means."""

    class Parser(ClickHouse.Parser):  # type: ignore[valid-type, misc]  # a metaclass sets it
        """Knows no function but CAST."""

        FUNCTIONS: ClassVar[dict[str, Any]] = {}
        FUNCTION_PARSERS: ClassVar[dict[str, Any]] = {"CAST": ClickHouse.Parser.FUNCTION_PARSERS["CAST"]}
        NO_PAREN_FUNCTIONS: ClassVar[dict[Any, Any]] = {}

        def raise_error(self, message: str, token: Token | None = None) -> None:
            """Say where it is stuck; its words are about its own insides."""
            raise _UnexpectedError(self._curr or None)  # what stands behind the last token is false


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
    tree = _parse(text, placeholders or {}, lead="SELECT ")
    whole = isinstance(tree, exp.Select) and not any(value for key, value in tree.args.items() if key != "expressions")
    if not whole or len(tree.expressions) != 1:
        raise InvalidQueryError(f"Expected one expression, got: {text}")
    found: exp.Expr = tree.expressions[0]
    found.pop()
    return found


def _parse(text: str, placeholders: Placeholders, *, lead: str = "") -> exp.Expr:
    """Parse a text; `lead` goes before it and does not count in what is said of places."""
    whole = lead + text
    if not re.match(r"\s*(--[^\n]*\n\s*|/\*.*?\*/\s*)*[(\s]*(select|with)\b", whole, re.IGNORECASE | re.DOTALL):
        raise InvalidQueryError("Only SELECT queries are supported")
    dialect = HogQL()
    readable = _SPECIAL.sub(_prepare, whole)
    try:
        tokens = dialect.tokenize(readable)
        trees = [tree for tree in dialect.parser(error_level=ErrorLevel.IMMEDIATE).parse(tokens, readable) if tree]
    except TokenError as error:
        raise InvalidQueryError(_unreadable(text)) from error
    except _UnexpectedError as error:
        raise InvalidQueryError(_unexpected(error.token, whole, lead)) from error
    except RecursionError as error:
        raise InvalidQueryError("The query is nested too deeply") from error
    if len(trees) != 1 or trees[0] is None:
        raise InvalidQueryError("Expected exactly one SELECT query")
    return _fill(trees[0], placeholders)


def _prepare(match: re.Match[str]) -> str:
    if match["placeholder"]:
        return f"{_MARK}('{match['placeholder']}')"
    return f"`{match['dollar']}`" if match["dollar"] else match[0]


def _unexpected(token: Token | None, text: str, lead: str) -> str:
    if token is None:
        return "Syntax error: unexpected end of the query"
    start, end = _before_preparing(text, token.start)[0], _before_preparing(text, token.end)[1]
    return f"Syntax error at {_place(text, start, len(lead))}: unexpected '{text[start:end][:60]}'"


def _before_preparing(text: str, offset: int) -> tuple[int, int]:
    """Return where that which stands at an offset of the prepared text begins and ends in the text itself."""
    longer = 0
    for match in _SPECIAL.finditer(text):
        start, size = match.start() + longer, len(_prepare(match))
        if offset < start:
            break
        if offset < start + size and not match["skip"]:
            return match.span()
        longer += size - len(match[0])
    return offset - longer, offset - longer + 1


def _unreadable(text: str) -> str:
    without = _SPECIAL.sub(lambda match: " " * len(match[0]), text)
    opening = _OPENING.search(without)
    if opening is None:
        return "Syntax error: the query cannot be read"
    return f"Syntax error at {_place(text, opening.start())}: {opening[0]} is never closed"


def _place(text: str, offset: int, lead: int = 0) -> str:
    line_start = text.rfind("\n", 0, offset) + 1
    column = offset - line_start + 1 - (lead if line_start == 0 else 0)
    return f"line {text.count(chr(10), 0, offset) + 1}, column {column}"


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
