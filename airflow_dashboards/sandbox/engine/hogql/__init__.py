"""HogQL, PostHog's SQL, read in ClickHouse's dialect and written in DuckDB's; only reading own events gets through."""

from airflow_dashboards.sandbox.engine.hogql.parse import Placeholders, parse_expression, parse_query
from airflow_dashboards.sandbox.engine.hogql.translate import (
    COLUMNS,
    Context,
    PropertyType,
    Translation,
    condition,
    expression,
    query,
)

__all__ = [
    "COLUMNS",
    "Context",
    "Placeholders",
    "PropertyType",
    "Translation",
    "condition",
    "expression",
    "parse_expression",
    "parse_query",
    "query",
]
