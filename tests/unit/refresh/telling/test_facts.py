"""Which figures of a text are the analysis's own."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_dashboards.refresh.facts import unverified

CASES = runpy.run_path(str(Path(__file__).with_name("conftest.py")))


@pytest.mark.parametrize(
    "text",
    [
        "Purchases fell by 40% to 7,407 on 7 June, from 12,345.",
        "Purchases fell by 40 per cent, from 12.3k to about 7.4 thousand.",
        "On 2026-06-07 there were 7407 where 11,800 to 12,900 were expected.",
        "One of two tiles needs a look; the other rose by 4% to 520.",
        "It lost 4,938 orders on June 7th.",
        "Read on 8 Jun 2026 at 12:00: 60% of what was there before.",
        "Look at Q1, p95 and v2 first.",
    ],
)
def test_figures_of_the_analysis_are_borne_out(fail, text):
    assert unverified(text, [fail()]) == []


@pytest.mark.parametrize(
    ("text", "passages"),
    [
        ("Purchases fell by 45%.", ["45%"]),
        ("Purchases fell to 7,500.", ["7,500"]),
        ("Since 6 June it reads 7,407.", ["6 June"]),
        ("At 09:15 nine tiles were broken.", ["09:15", "nine"]),
        ("It was 12.4k before.", ["12.4k"]),
        ("It fell on 7 June 2025.", ["7 June 2025"]),
        ("It fell by 7,407%.", ["7,407%"]),  # the number, but not as a percentage
    ],
)
def test_figures_that_it_does_not_have_are_named(fail, text, passages):
    assert unverified(text, [fail()]) == passages


@pytest.mark.parametrize(
    ("text", "passages"),
    [
        # The finding is 99 % sure; that is no share of anything.
        ("99 % of orders are lost.", ["99 %"]),
        ("It is 99% sure, even 100 percent.", ["99%", "100 percent"]),
        ("One hundred percent of them are gone.", ["One hundred percent"]),
        ("There were 1e6 orders.", ["1e6"]),
        ("There were 1.2345e4 orders.", []),
        ("There were 1e999 orders, or 1/0 of them.", ["1e999", "1/0"]),
        ("Orders halved.", ["halved"]),
        ("They doubled, then tripled; now 3x, or a 12-fold rise.", ["doubled", "tripled", "3x", "12-fold"]),
        ("½ of them, 1/4 of them, or two thirds.", ["½", "1/4", "two thirds"]),
        ("A loss by half.", ["half"]),
        ("It lost 2/5, or forty percent.", []),
        ("Ninety-nine orders are gone, a dozen remain.", ["Ninety-nine", "dozen"]),
        ("Seven thousand four hundred and seven are left.", []),
    ],
)
def test_figures_in_other_clothes_are_held_against_the_analysis_too(fail, text, passages):
    assert unverified(text, [fail()]) == passages


def test_multiples_that_the_analysis_has_are_borne_out(analysis, tile):
    rose = analysis(1, [tile(1, "Purchases", before=100.0, after=205.0), tile(2, "Visits", before=90.0, after=30.0)])
    assert (
        unverified("Purchases doubled (2x, twice what they were); visits fell to a third of it, 3 times less.", [rose])
        == []
    )
    assert unverified("Purchases tripled; visits halved.", [rose]) == ["tripled", "halved"]


def test_a_passage_occurs_only_where_it_is_meant(fail):
    """A report marks every occurrence of a passage, so a 5 alone would also mark the 5 in 12,345."""
    (passage,) = unverified("There were 12,345; now 5 are gone.", [fail()])
    assert passage == "now 5 are"
    assert unverified("From 5 to 6 of 12,345 and 7,456.", [fail()]) == ["From 5 to 6 of", "7,456"]


def test_a_tile_called_by_a_number_is_no_figure(analysis, tile):
    assert unverified("Top 50 pages is fine.", [analysis(1, [tile(1, "Top 50 pages")])]) == []
    assert unverified("Top 50 is fine.", [analysis(1, [tile(1, "Pages")])]) == ["50"]


@given(value=st.floats(min_value=-1e9, max_value=1e9, allow_nan=False).map(lambda each: round(each, 2)))
def test_every_number_is_borne_out_as_it_is_written(value):
    made = _analysis(value)
    assert unverified(f"It is {value:,.2f} now.", [made]) == []
    assert unverified(f"It is {value + 1000.55:,.2f} now.", [made]) != []


@given(st.text(max_size=300))
def test_no_text_breaks_it(text):
    for passage in unverified(text, [_analysis(3.0)]):
        assert passage in text


def _analysis(value):
    return CASES["make_analysis"](1, [CASES["make_tile"](1, "Purchases", before=value, after=value)])
