"""Snapshot x Snapshot -> Analysis -> report: what changed between two pictures of a dashboard, and what of it is wrong.

Pure: no HTTP, no Airflow, no clock. Usable in a notebook:

    >>> from airflow_dashboards.analysis import Rules, compare, load
    >>> analysis = compare(load(open("before.jsonl")), load(open("after.jsonl")), Rules(max_drop=0.3))
    >>> analysis.status, analysis.summary
"""

from __future__ import annotations

from airflow_dashboards.analysis.comparison import compare
from airflow_dashboards.analysis.files import SnapshotFormatError, dump, load
from airflow_dashboards.analysis.kinds import classify, interval
from airflow_dashboards.analysis.model import (
    Analysis,
    Chart,
    ChartMark,
    ChartSeries,
    Comparability,
    Figure,
    Finding,
    QueryKind,
    Severity,
    Snapshot,
    SnapshotHeader,
    Tile,
    TileAnalysis,
    TileStatus,
    Verdict,
)
from airflow_dashboards.analysis.rules import Override, RuleBook, Rules, RulesError, Sensitivity

__all__ = [
    "Analysis",
    "Chart",
    "ChartMark",
    "ChartSeries",
    "Comparability",
    "Figure",
    "Finding",
    "Override",
    "QueryKind",
    "RuleBook",
    "Rules",
    "RulesError",
    "Sensitivity",
    "Severity",
    "Snapshot",
    "SnapshotFormatError",
    "SnapshotHeader",
    "Tile",
    "TileAnalysis",
    "TileStatus",
    "Verdict",
    "classify",
    "compare",
    "dump",
    "interval",
    "load",
]
