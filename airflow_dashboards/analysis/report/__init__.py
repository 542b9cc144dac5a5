"""Says what `compare` found: as a page, Markdown, text, a message, JSON. Pure: returns strings, writes nothing."""

from __future__ import annotations

from airflow_dashboards.analysis.report.context import PastVerdict, ReportContext, history_key
from airflow_dashboards.analysis.report.html import render_html
from airflow_dashboards.analysis.report.json import json_schema, to_json
from airflow_dashboards.analysis.report.markdown import escape_markdown, render_markdown
from airflow_dashboards.analysis.report.message import Medium, message, summary_line
from airflow_dashboards.analysis.report.text import render_text, table

__all__ = [
    "Medium",
    "PastVerdict",
    "ReportContext",
    "escape_markdown",
    "history_key",
    "json_schema",
    "message",
    "render_html",
    "render_markdown",
    "render_text",
    "summary_line",
    "table",
    "to_json",
]
