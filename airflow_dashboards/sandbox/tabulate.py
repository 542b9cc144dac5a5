"""Results as pipe-separated text, `run_insights`' `optimized` format (contract 3.15). Made to be read, not parsed."""

from __future__ import annotations

from typing import Any


def as_table(result: Any) -> str:
    r"""A result of an insight as a text table.

    Example:
        >>> as_table([{"label": "Pageviews", "days": ["2026-06-01"], "data": [12]}])
        'Date|Pageviews\n2026-06-01|12'
    """
    items = result if isinstance(result, list) else [result]
    if not items:
        return ""
    if items and all(isinstance(item, list) for item in items):
        return "\n\n".join(as_table(item) for item in items)
    if not all(isinstance(item, dict) for item in items):
        return "\n".join(str(item) for item in items)
    first = items[0]
    if "days" in first and first.get("data"):
        return _series(items)
    if "aggregated_value" in first:
        return as_lines([["Series", "Value"], *([item.get("label"), item.get("aggregated_value")] for item in items)])
    if "values" in first and "date" in first:
        width = max(len(item["values"]) for item in items)
        rows = [[item["date"][:10], *(value.get("count") for value in item["values"])] for item in items]
        return as_lines([["Date", *(f"Period {index}" for index in range(width))], *rows])
    if "count" in first and "order" in first:
        return as_lines(
            [["Step", "Count"], *([item.get("custom_name") or item.get("name"), item["count"]] for item in items)]
        )
    keys = list(first)
    return as_lines([keys, *([item.get(key) for key in keys] for item in items)])


def _series(items: list[dict[str, Any]]) -> str:
    days = max((item.get("days") or [] for item in items), key=len)
    columns = [item.get("data") or [] for item in items]
    head = ["Date", *(item.get("label") for item in items)]
    rows = [[day, *(data[index] if index < len(data) else "" for data in columns)] for index, day in enumerate(days)]
    return as_lines([head, *rows])


def as_lines(rows: list[list[Any]]) -> str:
    r"""Rows as text, one a line.

    Example:
        >>> as_lines([["day", "n"], ["2026-06-01", 12.0]])
        'day|n\n2026-06-01|12'
    """
    return "\n".join("|".join(_cell(value) for value in row) for row in rows)


def _cell(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None else str(value)
