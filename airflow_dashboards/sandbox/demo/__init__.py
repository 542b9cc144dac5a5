"""The demo: an online shop whose events arrive in a nightly load, three dashboards over them, ways to break the load.

Everything follows from the calendar: the same day always brings the same events. `history(now)` is what has been loaded
so far, up to the end of the day before yesterday; yesterday is what the next load brings.

Example:
    >>> from datetime import date
    >>> from airflow_dashboards.sandbox import demo
    >>> events = demo.day(date(2026, 6, 1), [demo.Breakage.PURCHASES_TWICE])
    >>> demo.count(events, "purchase", date(2026, 6, 1)) == 2 * demo.count(demo.day(date(2026, 6, 1)), "purchase")
    True
"""

from airflow_dashboards.sandbox.demo.breakages import ALL, BROKEN_TILES, Breakage, day, deletions, expected
from airflow_dashboards.sandbox.demo.dashboards import DASHBOARDS, DashboardSpec, InsightSpec, TextSpec
from airflow_dashboards.sandbox.demo.load import load_day
from airflow_dashboards.sandbox.demo.shop import HISTORY_DAYS, count, history

__all__ = [
    "ALL",
    "BROKEN_TILES",
    "DASHBOARDS",
    "HISTORY_DAYS",
    "Breakage",
    "DashboardSpec",
    "InsightSpec",
    "TextSpec",
    "count",
    "day",
    "deletions",
    "expected",
    "history",
    "load_day",
]
