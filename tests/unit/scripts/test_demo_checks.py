"""The demo can fail: whatever differs from the truth is said."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

import demo_checks
import pytest
from demo_checks import BROKEN_TILES, TASK_STATES, Figure

from airflow_dashboards.analysis import Analysis, Comparability, QueryKind, TileAnalysis, TileStatus, Verdict
from airflow_dashboards.analysis.model import Figure as TileFigure

NOW = datetime(2026, 6, 2, 7, tzinfo=timezone.utc)


def tile(name: str, verdict: Verdict = Verdict.PASS, figure: TileFigure | None = None) -> TileAnalysis:
    return TileAnalysis(
        tile_id=1,
        name=name,
        kind=QueryKind.TRENDS,
        status_before=TileStatus.OK,
        status_after=TileStatus.EMPTY,
        comparability=Comparability.CHANGED,
        verdict=verdict,
        summary="",
        figure=figure,
    )


def analysis(dashboard: str, *tiles: TileAnalysis) -> Analysis:
    return Analysis(
        dashboard_id=1,
        dashboard_name=dashboard,
        project_id=1,
        host="http://posthog.test",
        url="http://posthog.test/project/1/dashboard/1",
        before_at=NOW,
        after_at=NOW,
        comparability=Comparability.CHANGED,
        status=Verdict.FAIL,
        summary="",
        tiles=list(tiles),
    )


def as_broken() -> list[Analysis]:
    return [
        analysis(dashboard, tile(name, verdict))
        for dashboard, name, verdict in ((*key.split(" / "), verdict) for key, verdict in BROKEN_TILES.items())
    ]


def test_the_broken_tiles_and_no_other_are_as_expected() -> None:
    assert demo_checks.wrong_tiles(as_broken()) == []


def test_a_broken_tile_that_is_not_named_is_told() -> None:
    assert demo_checks.wrong_tiles(as_broken()[1:]) == ["Shop KPIs / Purchases: no complaint instead of fail"]


def test_a_tile_that_is_named_without_need_is_told() -> None:
    found = [*as_broken(), analysis("Growth", tile("Visitors", Verdict.WARN))]

    assert demo_checks.wrong_tiles(found) == ["Growth / Visitors: warn instead of no complaint"]


def test_figures_that_agree_are_no_difference() -> None:
    found = [analysis("Growth", tile("Visitors", figure=TileFigure(label="", before=0, after=310)), tile("Stock"))]
    truth = [Figure("Growth / Visitors", None, 310.0), Figure("Growth / Stock", 4.0, 0.0)]

    assert demo_checks.wrong_figures(found, truth) == []


@pytest.mark.parametrize(
    ("truth", "told"),
    [
        (Figure("Growth / Visitors", 0, 311), "Growth / Visitors, after: 310.0 in the analysis, 311 by SQL"),
        (Figure("Growth / Visitors", 7, 310), "Growth / Visitors, before: 0.0 in the analysis, 7 by SQL"),
        (Figure("Growth / Stock", 4, 4), "Growth / Stock: has rows before, after: [True, False], but SQL"),
        (Figure("Growth / Orders", 0, 1), "Growth / Orders: the analysis has no such tile"),
    ],
)
def test_a_figure_that_differs_is_told(truth: Figure, told: str) -> None:
    found = [analysis("Growth", tile("Visitors", figure=TileFigure(label="", before=0, after=310)), tile("Stock"))]

    (difference,) = demo_checks.wrong_figures(found, [truth])

    assert difference.startswith(told)


def test_states_and_the_deferral_are_checked() -> None:
    deferred = [("kpis.refresh", "deferred")]
    passed = {**TASK_STATES, "kpis.analyze": "success"}

    assert demo_checks.wrong_states(TASK_STATES, deferred) == []
    assert demo_checks.wrong_states(passed, deferred) == ["task kpis.analyze: success instead of failed"]
    assert demo_checks.wrong_states(TASK_STATES, []) == ["task kpis.refresh: was never seen waiting in the triggerer"]


def test_sql_on_the_events_sees_what_the_broken_load_does() -> None:
    counted = {figure.tile: figure for figure in demo_checks.figures_by_sql(NOW)}

    purchases, sign_ups = counted["Shop KPIs / Purchases"], counted["Growth / Sign-ups"]
    orders = counted["Operations / Orders per day"]
    assert purchases.before == sign_ups.before == orders.before == 0
    assert orders.after is not None
    assert purchases.after == pytest.approx(2 * orders.after, rel=0.1)
    assert 0 < (sign_ups.after or 0) < 40
    assert counted["Operations / Stock by warehouse"][1:] == (4, 0)


def test_a_secret_in_a_file_is_found(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "task.log").write_text("Bearer phx_of_the_demo")
    (tmp_path / "report.html").write_text("nothing")

    assert demo_checks.files_with("phx_of_the_demo", tmp_path) == [tmp_path / "deep" / "task.log"]
