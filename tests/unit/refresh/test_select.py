from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_dashboards.posthog import RateLimitError
from airflow_dashboards.refresh.select import Selector, parse_dashboards, resolve


@pytest.mark.parametrize(
    ("value", "ids"),
    [
        (42, [42]),
        ("42", [42]),
        (" 42 ", [42]),
        ([42, 43], [42, 43]),
        ((42, 43), [42, 43]),
        (["42", 43], [42, 43]),
        ("42, 43", [42, 43]),
        ("42,43,", None),
        ("[42, 43]", [42, 43]),
        ('["42", "43"]', [42, 43]),
        ("(42, 43)", [42, 43]),
        ([43, 42, 43], [43, 42]),
    ],
)
def test_ids_in_every_form_a_template_may_yield(value, ids):
    if ids is None:
        with pytest.raises(ValueError):
            parse_dashboards(value)
    else:
        assert parse_dashboards(value) == ids


@pytest.mark.parametrize(
    "value",
    [
        {"tags": ["etl"]},
        {"tags": "etl"},
        "{'tags': ['etl']}",  # how Jinja prints a dict
        '{"tags": ["etl"], "search": null}',
        Selector(tags=("etl",)),
    ],
)
def test_selectors_in_every_form(value):
    assert parse_dashboards(value) == Selector(tags=("etl",))


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (True, "True is not a dashboard id"),
        (0, "0 is not"),
        (-1, "-1 is not"),
        (4.5, "4.5 is not"),
        (None, "None is not"),
        ("", "empty"),
        ("kpis", "'kpis' is not a dashboard id"),
        ("[42, ", "neither JSON nor"),
        ([], "empty list"),
        ([42, True], "True is not"),
        ([42, [43]], "is not a dashboard id"),
        ({}, "needs a criterion"),
        ({"all": False}, "needs a criterion"),
        ({"tag": ["etl"]}, "has no tag; it may have tags, search"),
        ({"tags": [" "]}, "non-empty texts"),
        ({"tags": [7]}, "non-empty texts"),
        ({"search": " "}, "search is a non-empty text"),
        ({"pinned": "yes"}, "pinned is true or false"),
        ("__import__('os').system('true')", "is not a dashboard id"),
        ("[__import__('os')]", "neither JSON nor"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_words(value, words):
    with pytest.raises(ValueError, match=r".*") as caught:
        parse_dashboards(value)
    assert words in str(caught.value)


@given(st.lists(st.integers(1, 10**9), min_size=1))
def test_a_printed_list_reads_as_the_list(ids):
    once = list(dict.fromkeys(ids))
    assert parse_dashboards(str(ids)) == once
    assert parse_dashboards(",".join(map(str, ids))) == once


def test_ids_cost_no_request(posthog):
    assert posthog.run(resolve(posthog.flows(), [42, 42, 43])) == [42, 43]
    assert posthog.log == []


def test_a_selector_is_checked_again_here(posthog):
    """A build that ignores a filter answers with everything: that must not refresh everything."""
    posthog.board(1, name="Weekly KPIs", tags=["etl"])
    posthog.board(2, name="Other", tags=["etl", "kpi"], pinned=True)
    posthog.board(3, name="Third")
    run = lambda value, **k: posthog.run(resolve(posthog.flows(), value, **k))  # noqa: E731
    assert run({"tags": ["ETL"]}) == [1, 2]
    assert run({"search": "kpi"}) == [1, 2]
    assert run({"tags": ["etl"], "pinned": True}) == [2]
    assert run({"all": True}) == [1, 2, 3]
    assert run({"search": "nothing"}, allow_empty=True) == []
    with pytest.raises(ValueError, match="no dashboard matches"):
        run({"search": "nothing"})


def test_a_folder_is_refused_where_the_server_ignores_folders(posthog):
    """Nothing in the list says in which folder a dashboard is: an ignored folder would mean every dashboard."""
    posthog.board(1)
    with pytest.raises(ValueError, match="'etl': this build of PostHog ignores folders"):
        posthog.run(resolve(posthog.flows(), {"folder": "etl"}))


def test_no_match_is_said_in_the_words_of_the_selector(posthog):
    with pytest.raises(ValueError, match=r"no dashboard matches tags=\('etl',\), pinned=False\. Check") as caught:
        posthog.run(resolve(posthog.flows(), {"tags": ["etl"], "pinned": False}))
    assert "None" not in str(caught.value)


REFUSAL = {"type": "throttled_error", "code": "throttled", "detail": "Expected available in 1500 seconds."}


@pytest.mark.parametrize("selector", [{"tags": ["etl"]}, {"all": True}])
def test_a_spent_budget_is_waited_out_for_exactly_as_long_as_is_asked(posthog, selector):
    posthog.board(1, tags=["etl"])
    posthog.fault(r"GET .*dashboards/", (429, REFUSAL), times=3)
    assert posthog.run(resolve(posthog.flows(), selector)) == [1]
    assert posthog.slept == [1500.0] * 3


def test_a_budget_that_stays_spent_is_told_in_the_end(posthog):
    posthog.fault(r"GET .*dashboards/", (429, REFUSAL), times=99)
    with pytest.raises(RateLimitError) as caught:
        posthog.run(resolve(posthog.flows(), {"all": True}))
    assert (caught.value.retry_after, posthog.slept) == (1500.0, [1500.0] * 4)  # two hours at most
    posthog.slept.clear()
    with pytest.raises(RateLimitError):
        posthog.run(resolve(posthog.flows(), {"all": True}, patience=0.0))
    assert posthog.slept == []


def test_a_key_in_the_wrong_place_is_not_shown():
    with pytest.raises(ValueError, match="is not a dashboard id") as caught:
        parse_dashboards("phx_never_shown")
    assert "never_shown" not in str(caught.value)


def test_hundreds_of_dashboards_are_listed_page_by_page(posthog):
    for board in range(1, 251):
        posthog.board(board, tags=["etl"])
    assert len(posthog.run(resolve(posthog.flows(), {"tags": ["etl"]}))) == 250
    assert len(posthog.log) == 3
