from __future__ import annotations

import runpy
import xml.etree.ElementTree as ET
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_dashboards.analysis.model import Chart, ChartMark, ChartSeries, Severity, Verdict
from airflow_dashboards.analysis.report.plot import MAX_POINTS, MAX_SERIES, numbers, plot
from airflow_dashboards.analysis.report.svg import Width, _spread, draw

cases = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("report_cases.py"))))

any_number = st.none() | st.floats(allow_nan=True, allow_infinity=True) | st.integers(-(10**6), 10**6).map(float)
any_series = st.builds(
    ChartSeries,
    label=st.text(max_size=20),
    before=st.lists(any_number, max_size=30),
    after=st.lists(any_number, max_size=30),
    expected_low=st.none() | st.lists(any_number, max_size=30),
    expected_high=st.none() | st.lists(any_number, max_size=30),
)
any_mark = st.builds(
    ChartMark,
    series=st.integers(-2, 9),
    index=st.integers(-2, 40),
    severity=st.sampled_from(Severity),
    text=st.text(max_size=90),
)
any_chart = st.builds(
    Chart,
    type=st.sampled_from(["line", "bar"]),
    x=st.lists(st.text(max_size=30), max_size=30),
    series=st.lists(any_series, max_size=9),
    marks=st.lists(any_mark, max_size=5),
    incomplete_from=st.none() | st.integers(-3, 40),
    hidden_series=st.integers(0, 100),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(any_chart)
def test_any_chart_is_drawn_or_left_out_but_never_raises(chart: Chart) -> None:
    table = numbers(chart)
    assert all(len(row) == len(table.columns) for row in table.rows)
    drawn = plot(chart)
    if drawn:
        for width in Width:
            svg = draw(drawn, name="Tile", key="k", width=width)
            assert ET.fromstring(svg).tag == "svg"
            assert "nan" not in svg.split("</desc>")[1].replace("</text>", "").split("<text")[0]


def test_marked_points_and_extremes_survive_thinning() -> None:
    size = 5000
    values: list[float | None] = [100.0 + place % 7 for place in range(size)]
    after = list(values)
    after[1234], after[4321] = 900.0, 5.0
    chart = Chart(
        type="line",
        x=[str(place) for place in range(size)],
        series=[ChartSeries(label="s", before=values, after=after)],
        marks=[ChartMark(series=0, index=777, severity=Severity.WARN, text="here")],
        incomplete_from=size - 1,
    )
    drawn = plot(chart)
    assert drawn
    assert len(drawn.x) <= MAX_POINTS
    assert {"0", "777", "1234", "4321", str(size - 1)} <= set(drawn.x)
    assert drawn.x[drawn.marks[0].index] == "777"
    assert drawn.incomplete_from == len(drawn.x) - 1
    assert len(draw(drawn, name="n", key="k", width=Width.WIDE).encode()) < 25_000


def test_marked_series_are_drawn_before_larger_ones() -> None:
    series = [ChartSeries(label=f"s{place}", before=[1000.0 / (place + 1)] * 3, after=[1.0] * 3) for place in range(20)]
    chart = Chart(
        type="line",
        x=["a", "b", "c"],
        series=series,
        marks=[ChartMark(series=19, index=1, severity=Severity.FAIL, text="gone")],
        hidden_series=5,
    )
    drawn = plot(chart)
    assert drawn
    assert [line.label for line in drawn.lines] == ["s0", "s1", "s2", "s3", "s4", "s19"]
    assert len(drawn.lines) == MAX_SERIES
    assert drawn.left_out == "19 smaller series not drawn"
    assert drawn.marks[0].line == 5
    assert "gone" in drawn.description


def test_few_categories_stand_below_each_other_and_many_side_by_side() -> None:
    funnel = plot(cases.funnel_tile(1, Verdict.WARN).chart)
    assert funnel
    assert funnel.kind == "rows"
    svg = draw(funnel, name="Checkout", key="k", width=Width.NARROW)
    assert "! 4. purchase" in svg
    assert "18,604" in svg
    histogram = plot(cases.histogram_tile(1).chart)
    assert histogram
    assert histogram.kind == "columns"


def test_colours_are_variables_and_ids_belong_to_one_picture() -> None:
    drawn = plot(cases.series_tile(1, "A", verdict=Verdict.FAIL, factor=3, text="three times").chart)
    assert drawn
    svg = draw(drawn, name="A", key="tile-7", width=Width.WIDE)
    root = ET.fromstring(svg)
    assert root.attrib["aria-labelledby"] == "tile-7-t tile-7-d"
    assert "✕ three times" in [text.text for text in root.iter("text")]
    assert "var(--fail)" in svg
    assert "var(--band)" in svg
    assert "#0000" not in svg
    assert "DejaVu" not in svg
    ids = [element.attrib["id"] for element in root.iter() if "id" in element.attrib]
    assert all(each.startswith("tile-7-") for each in ids)
    assert {element.attrib["href"][1:] for element in root.iter("use")} <= set(ids)


@pytest.mark.parametrize("scale", [1e-200, 1e-12, 1e16, 1e300])
def test_very_small_and_very_large_numbers_are_drawn(scale: float) -> None:
    values = [scale, 3 * scale, 2 * scale]
    chart = Chart(type="line", x=["a", "b", "c"], series=[ChartSeries(label="s", before=values, after=values)])
    drawn = plot(chart)
    assert drawn
    assert "<path" in draw(drawn, name="n", key="k", width=Width.WIDE)


def test_a_long_table_keeps_what_was_found_fault_with_and_says_what_it_leaves_out() -> None:
    tile = cases.series_tile(1, "A", verdict=Verdict.FAIL, factor=3, at=3, amount=300, text="three times")
    table = numbers(tile.chart)
    assert tile.chart.x[3] in [row[0] for row in table.rows]
    assert tile.chart.x[299] in [row[0] for row in table.rows]
    assert table.left_out is not None
    assert "of 300 rows" in table.left_out
    assert [row[0] for row in table.rows] == sorted(row[0] for row in table.rows)


def test_nothing_to_draw_is_no_picture() -> None:
    assert plot(Chart(type="line", x=[], series=[])) is None
    assert (
        plot(Chart(type="bar", x=["a"], series=[ChartSeries(label="s", before=[None], after=[float("nan")])])) is None
    )


def test_words_too_long_for_a_picture_become_figures() -> None:
    tile = cases.series_tile(1, "A", verdict=Verdict.FAIL, factor=2, text="a sentence that goes on " * 5)
    drawn = plot(tile.chart)
    assert drawn
    assert drawn.marks[0].text == "2,606 on 13 Jun, expected 1,134 to 1,472"


def test_labels_of_the_axis_never_touch() -> None:
    at = [float(place) for place in (0, 1, 2, 50, 95, 99, 100)]
    assert _spread([each * 4 for each in at], [80.0] * 7, 7) == [0, 3, 6]
    assert _spread([0.0, 30.0], [80.0] * 2, 7) == [0]
    assert _spread([0.0], [80.0], 7) == [0]
