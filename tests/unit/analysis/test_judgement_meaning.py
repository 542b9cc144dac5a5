"""What a verdict is held against: an edited question, a day that was empty before its load, a number by itself."""

from __future__ import annotations

import json
import runpy
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_dashboards.analysis import Comparability, QueryKind, Rules, Severity, TileAnalysis, Verdict, compare
from airflow_dashboards.analysis.report import Medium, message, render_html, render_markdown, to_json

pictures = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("pictures.py"))))
DAYS, NOW, THEN, pair, series, snapshot, tile = (
    pictures.DAYS, pictures.NOW, pictures.THEN, pictures.pair, pictures.series, pictures.snapshot, pictures.tile,
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


def judged(kind: str, before: Any, after: Any, rules: Rules | None = None, **more: Any) -> TileAnalysis:
    (found,) = compare(*pair(kind, before, after, **more), rules).tiles
    return found


def steps(*counts: int) -> list[dict[str, Any]]:
    return [{"name": f"step {i}", "custom_name": None, "order": i, "count": n} for i, n in enumerate(counts)]


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [
        # A week of thirty without `pay` is 23 % of it.
        ((100_000, 30_000, 9_000), (101_000, 30_200, 6_980), Verdict.WARN),
        ((100_000, 30_000, 6_980), (101_000, 30_200, 9_000), Verdict.WARN),
        ((100_000, 30_000, 9_000), (101_000, 30_200, 13_500), Verdict.WARN),
        ((100_000, 30_000, 9_000), (101_000, 30_200, 2_000), Verdict.FAIL),
        # A window that moved by one ordinary day, and no two weeks are alike.
        ((100_000, 30_000, 9_000), (100_400, 30_300, 8_950), Verdict.PASS),
        ((100_000, 30_000, 9_000), (101_000, 30_200, 8_000), Verdict.PASS),
        # The same move, where it may be chance.
        ((300, 90, 27), (303, 91, 20), Verdict.PASS),
    ],
)
def test_a_large_funnel_notices_what_a_small_one_must_not(
    before: tuple[int, ...], after: tuple[int, ...], verdict: Verdict
) -> None:
    query = {"kind": "FunnelsQuery", "dateRange": {"date_from": "-30d"}}
    assert judged("funnel", steps(*before), steps(*after), query=query).verdict is verdict


@pytest.mark.parametrize("begin", ["-1d", "dStart", "mStart"])
def test_a_funnel_over_a_day_or_two_may_have_its_weekend(begin: str) -> None:
    query = {"kind": "FunnelsQuery", "dateRange": {"date_from": begin}}
    found = judged("funnel", steps(100_000, 30_000, 9_000), steps(101_000, 30_200, 6_980), query=query)
    assert found.verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [
        (3, 6, Verdict.WARN),
        (8, 16, Verdict.WARN),
        (10, 5, Verdict.WARN),
        (6, 3, Verdict.WARN),
        (8, 14, Verdict.PASS),
        (2, 4, Verdict.PASS),  # both below min_volume
        (4, 1, Verdict.PASS),
        (1000, 300, Verdict.FAIL),
    ],
)
def test_a_single_number_that_doubles_or_halves_is_worth_a_look(before: int, after: int, verdict: Verdict) -> None:
    total = judged("trends_total", [{"aggregated_value": before}], [{"aggregated_value": after}])
    table = judged("table", [[before]], [[after]], columns=["orders"], interval=None)
    assert (total.verdict, table.verdict) == (verdict, verdict)


def test_one_of_many_small_values_may_double() -> None:
    def parts(*values: int) -> list[dict[str, Any]]:
        return [{"aggregated_value": value, "breakdown_value": f"v{i}"} for i, value in enumerate(values)]

    assert judged("trends_total", parts(3, 8, 7, 9, 6), parts(6, 8, 8, 9, 6)).verdict is Verdict.PASS


def test_a_number_that_is_not_there_is_not_called_0() -> None:
    found = judged("trends_total", [{"aggregated_value": 900}], [{"aggregated_value": None}])
    assert (found.verdict, found.summary) == (Verdict.FAIL, "value has no value, it was 900.")


CUSTOMERS = [[f"customer {i}", f"city {i % 7}", 10 + i] for i in range(200)]


def customers(before: list[list[Any]], after: list[list[Any]]) -> TileAnalysis:
    return judged("table", before, after, columns=["customer", "city", "orders"], interval=None)


def test_a_column_of_numbers_that_holds_text_is_said_to() -> None:
    found = customers(CUSTOMERS, [[*row[:2], f"{row[2]} EUR"] for row in CUSTOMERS])
    assert (found.verdict, codes(found)) == (Verdict.FAIL, {"table.types"})
    assert "“10 EUR”" in found.summary
    one = customers(CUSTOMERS, [*CUSTOMERS[:-1], [*CUSTOMERS[-1][:2], "n/a"]])
    assert (one.verdict, codes(one)) == (Verdict.WARN, {"table.types"})


def test_a_tenth_of_two_hundred_rows_gone_null_is_no_chance() -> None:
    def without(rows: list[list[Any]], every: int) -> list[list[Any]]:
        return [[row[0], None if i % every == 0 else row[1], row[2]] for i, row in enumerate(rows)]

    assert codes(customers(CUSTOMERS, without(CUSTOMERS, 10))) == {"table.nulls"}
    assert codes(customers(without(CUSTOMERS, 10), without(CUSTOMERS, 9))) == set()
    assert codes(customers(CUSTOMERS[:30], without(CUSTOMERS[:30], 10))) == set()


def test_what_fell_away_without_harm_is_one_sentence_below_the_finding() -> None:
    found = customers(CUSTOMERS, [[*row[:2], 0] for row in CUSTOMERS[60:]])
    assert found.verdict is Verdict.FAIL
    infos = [finding for finding in found.findings if finding.code == "table.value.vanished"]
    assert len(infos) <= 3
    assert all(finding.severity is Severity.INFO for finding in infos)
    assert found.findings[0].severity is Severity.FAIL


def dated(values: list[Any]) -> list[list[Any]]:
    return [[day, value] for day, value in zip(DAYS, values, strict=False)]


@pytest.mark.parametrize(
    ("last", "said"), [([], "has no row,"), ([[DAYS[-2], None]], "has no value,"), ([[DAYS[-2], 0]], "is 0,")]
)
def test_a_row_that_is_missing_is_not_called_0(last: list[list[Any]], said: str) -> None:
    history = pictures.week()[:-2]
    found = judged("table", dated(history), [*dated(history), *last], columns=["day", "orders"], interval=None)
    assert found.verdict is Verdict.FAIL
    assert f"orders on {DAYS[-2]} {said}" in found.summary


def test_columns_of_one_name_are_numbered() -> None:
    rows = [[f"c{i}", 1, 1] for i in range(30)]
    found = judged("table", rows, [[*row[:2], 3] for row in rows], columns=["c", "n", "n"], interval=None)
    assert "n (2), all together is 90" in found.summary


def test_cohorts_are_read_as_days() -> None:
    def cohorts(scale: float) -> list[dict[str, Any]]:
        return [
            {"date": f"2026-05-{day}T00:00:00Z", "values": [{"count": round(n * scale)} for n in (400, 120, 80)]}
            for day in range(10, 31)
        ]

    found = judged(QueryKind.RETENTION.value, cohorts(1.0), cohorts(0.5))
    assert found.verdict is Verdict.FAIL
    assert not [finding.message for finding in found.findings if "T00:00" in finding.message]


@pytest.mark.parametrize(
    ("clock", "said"),
    [
        ("T00:00:00Z", ""),
        ("T04:00:00.000000+02:00", " 04:00"),
        (" 04:00:07", " 04:00:07"),
        ("T04:00:00.5Z", " 04:00:00.5"),
    ],
)
def test_a_rows_time_is_read_without_what_nobody_needs(clock: str, said: str) -> None:
    rows = [[f"2026-05-{day:02}{clock}", day] for day in (1, 2, 4, 9, 16)]
    found = judged("table", rows, [*rows, *rows], columns=["signed_up", "orders"], interval=None)
    (message,) = [finding.message for finding in found.findings if finding.code == "table.duplicates"]
    assert message.endswith(f" 2026-05-16{said} is there 2 times.")
