"""Runs for the page's tests: written by the same function that the analyzing task uses."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from airflow_dashboards.analysis import Comparability, Verdict
from airflow_dashboards.refresh.run_record import RunRecord, write_run
from airflow_dashboards.refresh.summary import AnalysisSummary, TileSummary

TODAY = datetime(2026, 6, 30, 12, tzinfo=timezone.utc)


def verdict(number: int = 42, status: str = "pass", name: str | None = None, **more: Any) -> AnalysisSummary:
    tiles = [TileSummary(id=7, name="Purchases", verdict=Verdict(status), summary="Twice the usual.")]
    fields: dict[str, Any] = {
        "host": "https://eu.posthog.com",
        "project_id": 1,
        "dashboard_id": number,
        "dashboard_name": name or f"Shop {number}",
        "url": f"https://eu.posthog.com/project/1/dashboard/{number}",
        "status": Verdict(status),
        "comparability": Comparability.CHANGED,
        "summary": f"All is {status}.",
        "counts": {"pass": 3},
        "tiles": [] if status == "pass" else tiles,
        "before_at": TODAY - timedelta(hours=2),
        "after_at": TODAY,
    }
    return AnalysisSummary(**fields | more)


def record(*dashboards: AnalysisSummary, days_ago: float = 0, **more: Any) -> RunRecord:
    fields: dict[str, Any] = {
        "dag_id": "nightly",
        "run_id": f"scheduled__{days_ago:g}",
        "task_id": "kpis.analyze",
        "at": TODAY - timedelta(days=days_ago),
        "title": "Dashboards after nightly",
        "dashboards": list(dashboards) or [verdict()],
    }
    return RunRecord(**fields | more)


def keep(root: Path, record: RunRecord, report: str | None = "<!doctype html><title>Report</title><p>A report.") -> str:
    """Write a run as its task would, with a report unless there is none, and return the run's key."""
    if report is not None and record.report is None:
        record = record.model_copy(update={"report": f"reports/{record.key}/report.html"})
        folder = root / "reports" / record.key
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "report.html").write_text(report, encoding="utf-8")
    return write_run(root, record)
