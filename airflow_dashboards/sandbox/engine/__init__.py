"""The sandbox's engine: really computes insights, from events in DuckDB, without a server around it."""

from airflow_dashboards.sandbox.engine import filters
from airflow_dashboards.sandbox.engine.engine import Engine
from airflow_dashboards.sandbox.engine.errors import InvalidQueryError, QuerySchemaError
from airflow_dashboards.sandbox.engine.facts import interval, is_insight_viz, window
from airflow_dashboards.sandbox.engine.naming import derived_name
from airflow_dashboards.sandbox.engine.scope import Computed

__all__ = [
    "Computed",
    "Engine",
    "InvalidQueryError",
    "QuerySchemaError",
    "derived_name",
    "filters",
    "interval",
    "is_insight_viz",
    "window",
]
