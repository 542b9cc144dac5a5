"""What can be wrong with a query, told apart as PostHog tells it apart (contract 3.2)."""

from __future__ import annotations


class QuerySchemaError(Exception):
    """The query's JSON is not a query: PostHog shows it as the tile's `error` key, the rest of the dashboard stands.

    Example:
        `QuerySchemaError("ValidationError", "source.kind: unknown query kind 'NoSuchQuery'")`
    """

    def __init__(self, type: str, message: str) -> None:  # noqa: A002 - the wire's own name (contract 4.2)
        super().__init__(type, message)
        self.type = type
        self.message = message

    def __str__(self) -> str:
        return self.message


class InvalidQueryError(Exception):
    """The query is well formed but cannot be computed: PostHog answers the whole call with 400 `validation_error`.

    Example:
        `InvalidQueryError("Unable to resolve field: amout")`
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message
