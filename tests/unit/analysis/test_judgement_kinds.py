"""Every other kind of tile: funnels, retention, numbers, tables, paths; and the states a tile may be in."""

from __future__ import annotations

import runpy
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_dashboards.analysis import Comparability, Rules, Severity, TileAnalysis, TileStatus, Verdict, compare

pictures = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("pictures.py"))))
DAYS, NOW, THEN, pair, series, snapshot, tile = (
    pictures.DAYS, pictures.NOW, pictures.THEN, pictures.pair, pictures.series, pictures.snapshot, pictures.tile,
)  # fmt: skip


def judged(kind: str, before: Any, after: Any, rules: Rules | None = None, **more: Any) -> TileAnalysis:
    (found,) = compare(*pair(kind, before, after, **more), rules).tiles
    return found


def codes(found: TileAnalysis) -> set[str]:
    return {finding.code for finding in found.findings if finding.severity is not Severity.INFO}


def steps(*counts: int) -> list[dict[str, Any]]:
    return [{"name": f"step {i}", "custom_name": None, "order": i, "count": n} for i, n in enumerate(counts)]


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (steps(1010, 408, 99), set()),
        (steps(1010, 120, 30), {"funnel.conversion.drop"}),
        (steps(450, 180, 45), {"funnel.entered.drop"}),
        (steps(2000, 800, 200), {"funnel.entered.rise"}),
        (steps(0, 0, 0), {"funnel.emptied"}),
        (steps(1010, 408), {"funnel.steps"}),
    ],
)
def test_funnels(after: Any, expected: set[str]) -> None:
    assert codes(judged("funnel", steps(1000, 400, 100), after)) == expected


def test_a_collapse_among_thirty_people_proves_nothing() -> None:
    assert codes(judged("funnel", steps(30, 12, 3), steps(31, 6, 1))) == set()


def test_funnels_by_value_name_the_one_that_broke() -> None:
    def by_value(**parts: tuple[int, int]) -> list[list[dict[str, Any]]]:
        return [[{**step, "breakdown_value": [name]} for step in steps(*counts)] for name, counts in parts.items()]

    found = judged("funnel", by_value(DE=(1000, 400), FR=(800, 300)), by_value(FR=(810, 40), DE=(1000, 405)))
    assert codes(found) == {"funnel.conversion.drop"}
    assert found.findings[0].subject == "step 1"
    assert "for FR is" in found.findings[0].message


def number(value: float, **more: Any) -> list[dict[str, Any]]:
    return [
        {
            "data": [],
            "days": [],
            "count": 0,
            "label": "orders",
            "aggregated_value": value,
            "action": {"order": 0},
            **more,
        }
    ]


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [
        (1000, 1080, Verdict.PASS),
        (1000, 2000, Verdict.WARN),
        (1000, 500, Verdict.WARN),
        (1000, 0, Verdict.FAIL),
        (1000, 100_000, Verdict.FAIL),
        (3, 6, Verdict.WARN),
        (2, 4, Verdict.PASS),
        (0, 700, Verdict.PASS),
    ],
)
def test_numbers(before: float, after: float, verdict: Verdict) -> None:
    assert judged("trends_total", number(before), number(after)).verdict is verdict
    assert judged("table", [[before]], [[after]], columns=["orders"]).verdict is verdict


def test_month_to_date_begins_anew_and_grows_by_itself() -> None:
    query = {"kind": "TrendsQuery", "dateRange": {"date_from": "mStart"}}
    before = snapshot(
        tile("trends_total", number(30_000), at=NOW - timedelta(days=2), query=query), at=NOW - timedelta(days=2)
    )
    after = snapshot(tile("trends_total", number(900), query=query))
    assert compare(before, after).status is Verdict.PASS


def rows(**counts: float) -> list[list[Any]]:
    return [[country, orders, orders * 31.5] for country, orders in counts.items()]


SHOP = rows(DE=900, FR=500, US=400, NL=300, BE=200, AT=100)
COLUMNS = {"columns": ["country", "orders", "revenue"]}


def test_rows_are_matched_by_key_in_any_order() -> None:
    found = judged("table", SHOP, [*reversed(rows(DE=915, FR=490, US=410, NL=305, BE=195, AT=103))], **COLUMNS)
    assert found.verdict is Verdict.PASS
    assert judged("table", SHOP, [*reversed(SHOP)], **COLUMNS).comparability is Comparability.UNCHANGED


@pytest.mark.parametrize(
    ("after", "code"),
    [
        (SHOP[:2], "table.rows.drop"),
        ([*SHOP, *SHOP[:3]], "table.duplicates"),
        ([[country, None, revenue] for country, _, revenue in SHOP], "table.nulls"),
        ([[country, orders * 2, revenue] for country, orders, revenue in SHOP], "table.sum.rise"),
        ([[country, orders, revenue * 100] for country, orders, revenue in SHOP], "table.sum.rise"),
        (SHOP[1:], "table.value.vanished"),
    ],
)
def test_tables(after: Any, code: str) -> None:
    found = judged("table", SHOP, after, **COLUMNS)
    assert found.verdict is not Verdict.PASS
    assert code in codes(found)


def test_a_missing_column_fails() -> None:
    before, after = pair("table", SHOP, [row[:2] for row in SHOP], **COLUMNS)
    narrower = after.tiles[0].model_copy(update={"columns": ["country", "orders"]})
    (found,) = compare(before, after.model_copy(update={"tiles": [narrower]})).tiles
    assert "table.columns" in codes(found)


def test_key_columns_may_be_given() -> None:
    before = [["a", "x", 10], ["a", "y", 10], ["b", "x", 10], ["b", "y", 10]]
    after = [["a", "x", 10], ["a", "x", 10], ["b", "x", 10], ["b", "y", 10]]
    columns = {"columns": ["one", "two", "n"]}
    assert "table.duplicates" in codes(judged("table", before, after, Rules(key_columns=("one", "two")), **columns))


def dated(values: list[int]) -> list[list[Any]]:
    return [[day, value] for day, value in zip(DAYS, values, strict=True) if value]


def test_a_table_keyed_by_date_is_a_series() -> None:
    week = pictures.week()
    columns = {"columns": ["day", "n"]}
    assert (
        judged("table", dated(week), [*reversed(dated(pictures.loaded(week, 200)))], **columns).verdict is Verdict.PASS
    )
    assert codes(judged("table", dated(week), dated(pictures.loaded(week, 400)), **columns)) == {"series.rise"}
    # Yesterday has no row at all: there is nothing to be seen but what is missing.
    assert codes(judged("table", dated(week), dated(week), **columns)) == {"series.drop"}
    hole = pictures.loaded(week, 200)
    hole[40] = 0
    assert codes(judged("table", dated(week), dated(hole), **columns)) == {"series.restated"}


def cohorts() -> list[dict[str, Any]]:
    return [
        {
            "date": f"{day}T00:00:00Z",
            "label": f"Day {index}",
            "values": [{"count": 1000}, *({"count": 400 // (1 + k)} for k in range(8 - index))],
        }
        for index, day in enumerate(DAYS[-9:])
    ]


def test_retention_that_is_restated_or_emptied_fails() -> None:
    before = cohorts()
    assert judged("retention", before, cohorts()).verdict is Verdict.PASS
    nobody = [
        {**cohort, "values": [cohort["values"][0], *({"count": 0} for _ in cohort["values"][1:])]} for cohort in before
    ]
    assert judged("retention", before, nobody).verdict is Verdict.FAIL
    half = [{**cohort, "values": [{"count": cell["count"] // 2} for cell in cohort["values"]]} for cohort in before]
    assert judged("retention", before, half).verdict is Verdict.FAIL


def test_paths_and_stickiness() -> None:
    edges = [{"source": f"1_{i}", "target": f"2_{i}", "value": 900 // (i + 1)} for i in range(8)]
    fewer = [{**edge, "value": edge["value"] // 3} for edge in edges]
    assert judged("paths", edges, [*reversed(edges)]).comparability is Comparability.UNCHANGED
    assert judged("paths", edges, fewer).verdict is not Verdict.PASS
    days = {"labels": ["1 day", "2 days"], "days": [1, 2], "label": "visit"}
    assert judged("stickiness", [{**days, "data": [900, 400]}], [{**days, "data": [930, 395]}]).verdict is Verdict.PASS
    assert judged("stickiness", [{**days, "data": [900, 400]}], [{**days, "data": [1860, 800]}]).verdict is Verdict.WARN


# States.

GOOD = number(1000)


def with_state(status: TileStatus | None, status_before: TileStatus = TileStatus.OK) -> TileAnalysis:
    before, after = pair("trends_total", GOOD, GOOD)
    if status_before is not TileStatus.OK:
        one = before.tiles[0].model_copy(update={"status": status_before, "result": None, "last_refresh": None})
        before = before.model_copy(update={"tiles": [one]})
    if status is not None:
        other = after.tiles[0].model_copy(update={"status": status, "result": None, "error": "Memory limit exceeded"})
        after = after.model_copy(update={"tiles": [other]})
    (found,) = compare(before, after).tiles
    return found


@pytest.mark.parametrize(
    ("status", "code", "verdict"),
    [
        (TileStatus.FAILED, "tile.failed", Verdict.FAIL),
        (TileStatus.COLD, "tile.cold", Verdict.FAIL),
        (TileStatus.NO_ACCESS, "tile.no_access", Verdict.WARN),
        (TileStatus.EMPTY, "tile.emptied", Verdict.FAIL),
    ],
)
def test_a_tile_without_a_result_is_never_unchanged(status: TileStatus, code: str, verdict: Verdict) -> None:
    found = with_state(status)
    assert (codes(found), found.verdict) == ({code}, verdict)
    assert found.comparability is not Comparability.UNCHANGED


def test_the_servers_words_are_in_the_sentence() -> None:
    assert with_state(TileStatus.FAILED).summary == "Computing Purchases failed: Memory limit exceeded."


def test_a_result_that_is_back_is_good_news() -> None:
    found = with_state(None, TileStatus.FAILED)
    assert (found.verdict, found.comparability) == (Verdict.PASS, Comparability.NOTHING_CAPTURED)


def test_a_tile_that_was_not_refreshed_is_never_unchanged() -> None:
    before = snapshot(tile("trends_total", GOOD, at=THEN), at=THEN)
    after = snapshot(tile("trends_total", GOOD, at=THEN))
    (found,) = compare(before, after).tiles
    assert (codes(found), found.comparability) == ({"tile.stale"}, Comparability.NOTHING_COMPARABLE)
    (found,) = compare(before, after, Rules(stale=Severity.FAIL)).tiles
    assert found.verdict is Verdict.FAIL
    (found,) = compare(before, after, Rules(stale=Severity.INFO)).tiles
    assert found.verdict is Verdict.PASS


def test_a_snapshot_compared_with_itself_is_unchanged() -> None:
    board = snapshot(tile("trends_total", GOOD))
    analysis = compare(board, board)
    assert (analysis.comparability, analysis.status) == (Comparability.UNCHANGED, Verdict.PASS)
    assert analysis.tiles[0].findings == []


def test_an_edited_insight_is_no_change_of_data_and_says_so() -> None:
    before, after = pair("trends_total", number(1000), number(5))
    for query, filters, code in (
        ({"kind": "TrendsQuery", "series": [{"event": "other"}]}, {}, "tile.query_changed"),
        ({"kind": "TrendsQuery", "dateRange": {"date_from": "-7d"}}, {"date_from": "-7d"}, "tile.filters_changed"),
    ):
        one = before.tiles[0].model_copy(update={"query": {"kind": "TrendsQuery"}})
        other = after.tiles[0].model_copy(update={"query": query})
        analysis = compare(
            before.model_copy(update={"tiles": [one]}), after.model_copy(update={"tiles": [other], "filters": filters})
        )
        (found,) = analysis.tiles
        assert [finding.code for finding in found.findings] == [code]
        assert (found.verdict, found.comparability) == (Verdict.PASS, Comparability.NOTHING_COMPARABLE)
        assert [finding.code for finding in analysis.findings] == (["dashboard.filters_changed"] if filters else [])


def test_how_a_chart_is_drawn_is_no_edit() -> None:
    before, after = pair("trends_total", number(1000), number(1010))
    one = before.tiles[0].model_copy(update={"query": {"kind": "TrendsQuery"}})
    other = after.tiles[0].model_copy(update={"query": {"kind": "TrendsQuery", "trendsFilter": {"showLegend": True}}})
    (found,) = compare(before.model_copy(update={"tiles": [one]}), after.model_copy(update={"tiles": [other]})).tiles
    assert found.comparability is Comparability.CHANGED


def test_tiles_added_and_removed() -> None:
    before = snapshot(tile("trends_total", GOOD, id=1, at=THEN), tile("trends_total", GOOD, id=2, at=THEN), at=THEN)
    after = snapshot(tile("trends_total", GOOD, id=2), tile("trends_total", GOOD, id=3))
    analysis = compare(before, after)
    assert [finding.code for finding in analysis.findings] == ["tile.added", "tile.removed"]
    assert analysis.status is Verdict.PASS
    assert {tile.tile_id: tile.comparability.value for tile in analysis.tiles} == {
        1: "nothing_comparable",
        2: "unchanged",
        3: "nothing_captured",
    }


@pytest.mark.parametrize(
    "kind", ["trends", "funnel", "retention", "table", "paths", "stickiness", "trends_total", "lifecycle"]
)
def test_garbage_gives_nothing_comparable_with_the_reason(kind: str) -> None:
    for garbage in ("text", 7, {"x": 1}, [[1], [2, 3]], [None], [{"data": "no"}, 1]):
        found = judged(kind, garbage, garbage, columns=["a", "b"])
        assert found.comparability is Comparability.NOTHING_COMPARABLE
        assert "nothing to compare: " in found.summary


def test_pictures_of_two_dashboards_are_not_compared() -> None:
    board = snapshot(tile("trends_total", GOOD))
    analysis = compare(board.model_copy(update={"dashboard_id": 7}), board)
    assert [finding.code for finding in analysis.findings] == ["dashboard.other"]
    assert analysis.comparability is Comparability.NOTHING_CAPTURED
