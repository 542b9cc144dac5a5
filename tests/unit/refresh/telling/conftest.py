"""Analyses of a shop's dashboards, as small as a test of telling needs them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from airflow_dashboards.analysis import Analysis, Comparability, Finding, Severity, TileAnalysis, Verdict
from airflow_dashboards.analysis.model import Figure, QueryKind

HOST = "https://posthog.example.com"
NOON = datetime(2026, 6, 8, 12, 0, tzinfo=timezone.utc)


def make_tile(
    tile_id: int,
    name: str,
    verdict: Verdict = Verdict.PASS,
    *,
    before: float = 100.0,
    after: float = 100.0,
    findings: list[Finding] | None = None,
    summary: str = "As expected.",
    **more: Any,
) -> TileAnalysis:
    return TileAnalysis(
        tile_id=tile_id,
        name=name,
        kind=QueryKind.TRENDS,
        comparability=Comparability.CHANGED,
        verdict=verdict,
        summary=summary,
        figure=Figure(label=f"{name} on 2026-06-07", before=before, after=after),
        findings=findings or [],
        last_refresh_after=NOON - timedelta(minutes=tile_id),
        **more,
    )


def make_analysis(dashboard_id: int, tiles: list[TileAnalysis], *, at: datetime = NOON, name: str = "Shop") -> Analysis:
    rank = [Verdict.PASS, Verdict.WARN, Verdict.FAIL]
    return Analysis(
        dashboard_id=dashboard_id,
        dashboard_name=name,
        project_id=1,
        host=HOST,
        url=f"{HOST}/project/1/dashboard/{dashboard_id}",
        before_at=at - timedelta(hours=1),
        after_at=at,
        comparability=Comparability.CHANGED,
        status=max((tile.verdict for tile in tiles), key=rank.index, default=Verdict.PASS),
        summary="Compared.",
        tiles=tiles,
    )


def broken(at: datetime = NOON, dashboard_id: int = 42) -> Analysis:
    drop = Finding(
        code="series.drop",
        severity=Severity.FAIL,
        message="7 Jun has 7,400 where 11,800 to 12,900 were expected.",
        period="2026-06-07",
        before=12345.0,
        after=7407.0,
        expected_low=11800.0,
        expected_high=12900.0,
        confidence=0.99,
    )
    tiles = [
        make_tile(1, "Purchases", Verdict.FAIL, before=12345, after=7407, findings=[drop], summary=drop.message),
        make_tile(2, "Visitors", before=500, after=520),
    ]
    return make_analysis(dashboard_id, tiles, at=at)


@pytest.fixture
def tile() -> Callable[..., TileAnalysis]:
    return make_tile


@pytest.fixture
def analysis() -> Callable[..., Analysis]:
    return make_analysis


@pytest.fixture
def fail() -> Callable[..., Analysis]:
    return broken
