"""Snapshot x Snapshot -> Analysis -> report: what changed between two pictures of a dashboard, and what of it is wrong.

Pure: no HTTP, no Airflow, no clock. Usable in a notebook:

    >>> from airflow_dashboards.analysis import Rules, compare, load
    >>> analysis = compare(load(open("before.jsonl")), load(open("after.jsonl")), Rules(max_drop=0.3))
    >>> analysis.status, analysis.summary
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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
    from airflow_dashboards.analysis.rule_book import Override, RuleBook, RulesError
    from airflow_dashboards.analysis.rules import Rules, Sensitivity

# Loaded on first use: a DAG file that only states `Rules` shall not wait for the whole judgement.
_MODULE_OF = {
    "Analysis": "model",
    "Chart": "model",
    "ChartMark": "model",
    "ChartSeries": "model",
    "Comparability": "model",
    "Figure": "model",
    "Finding": "model",
    "Override": "rule_book",
    "QueryKind": "model",
    "RuleBook": "rule_book",
    "Rules": "rules",
    "RulesError": "rule_book",
    "Sensitivity": "rules",
    "Severity": "severity",
    "Snapshot": "model",
    "SnapshotFormatError": "files",
    "SnapshotHeader": "model",
    "Tile": "model",
    "TileAnalysis": "model",
    "TileStatus": "model",
    "Verdict": "model",
    "classify": "kinds",
    "compare": "comparison",
    "dump": "files",
    "interval": "kinds",
    "load": "files",
}

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


def __getattr__(name: str) -> Any:
    """Load the module of a public name on first use (PEP 562)."""
    if (module := _MODULE_OF.get(name)) is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{module}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
