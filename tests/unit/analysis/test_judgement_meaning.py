"""What a verdict is held against: an edited question, a day that was empty before its load, a number by itself."""

from __future__ import annotations

import json
import runpy
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_dashboards.analysis import Comparability, Severity, TileAnalysis, Verdict, compare
from airflow_dashboards.analysis.report import Medium, message, render_html, render_markdown, to_json

pictures = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("pictures.py"))))
NOW, THEN, pair, series, snapshot, tile = (
    pictures.NOW, pictures.THEN, pictures.pair, pictures.series, pictures.snapshot, pictures.tile,
)  # fmt: skip


def trends(data: list[int], *, query: dict[str, Any] | None = None, at: Any = NOW, **more: Any) -> Any:
    return tile("trends", [series(data)], at=at, query={"kind": "TrendsQuery", **(query or {})}, **more)


def codes(found: TileAnalysis) -> set[str]:
    return {finding.code for finding in found.findings if finding.severity is not Severity.INFO}


ONE_EVENT, OTHER_EVENT = {"series": [{"event": "order"}]}, {"series": [{"event": "purchase"}]}
FILTERED = {"properties": [{"key": "country", "value": "DE"}]}


@pytest.mark.parametrize(
    ("asked", "now", "header", "told"),
    [
        ({"query": ONE_EVENT}, {"query": OTHER_EVENT}, {}, "tile.query_changed"),
        ({}, {"query": FILTERED}, {"filters": FILTERED}, "tile.filters_changed"),
        ({}, {"timezone": "Europe/Berlin"}, {}, "tile.query_changed"),
    ],
)
def test_a_changed_question_hides_no_lost_day(asked: Any, now: Any, header: Any, told: str) -> None:
    before = snapshot(trends(pictures.week(), at=THEN, **asked), at=THEN)
    well, lost = (
        compare(before, snapshot(trends(pictures.loaded(pictures.week(400), value), **now), **header)).tiles[0]
        for value in (400, 0)
    )
    assert (well.verdict, well.comparability) == (Verdict.PASS, Comparability.NOTHING_COMPARABLE)
    assert well.findings[0].code == told
    assert (lost.verdict, lost.comparability) == (Verdict.FAIL, Comparability.NOTHING_COMPARABLE)
    assert codes(lost) == {"series.drop"}
    assert told in {finding.code for finding in lost.findings}


def test_an_edited_tile_that_was_not_refreshed_says_both() -> None:
    before = snapshot(trends(pictures.week(), at=THEN, query=ONE_EVENT), at=THEN)
    stale = trends(pictures.week(400), query=OTHER_EVENT, last_refresh=THEN - timedelta(hours=2))
    (found,) = compare(before, snapshot(stale)).tiles
    assert {"tile.query_changed", "tile.stale"} <= {finding.code for finding in found.findings}


def test_a_lost_day_is_shown_beside_what_was_expected_and_not_as_no_change() -> None:
    analysis = compare(*pair("trends", [series(pictures.week())], [series(pictures.week())]))
    (found,) = analysis.tiles
    assert (found.verdict, found.comparability) == (Verdict.FAIL, Comparability.CHANGED)
    assert found.figure is not None
    assert (found.figure.before, found.figure.after) == (None, 0)
    assert found.figure.expected_low is not None
    assert found.figure.expected_low > 100
    for told in (
        render_html([analysis], title="Load"),
        render_markdown([analysis], title="Load"),
        *(message([analysis], medium=medium) for medium in Medium),
    ):
        assert "too low" in told
        assert "expected" in told
        assert not any(unmoved in told for unmoved in ("(0%)", ">0%<", "| 0% |"))
    (data,) = json.loads(to_json([analysis]))
    assert data["comparability"] == "changed"
    assert data["tiles"][0]["figure"]["before"] is None


def test_a_number_that_fell_keeps_its_number_before() -> None:
    (found,) = compare(*pair("trends_total", [{"aggregated_value": 900}], [{"aggregated_value": 200}])).tiles
    assert found.figure is not None
    assert (found.figure.before, found.figure.expected_low) == (900, None)
