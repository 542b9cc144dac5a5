from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_dashboards.sandbox.engine import InvalidQueryError

D1, D2, D3 = "2026-06-01", "2026-06-02", "2026-06-03"
NULL, OTHER = "$$_posthog_breakdown_null_$$", "$$_posthog_breakdown_other_$$"


def _node(event, **more):
    return {"kind": "EventsNode", "event": event, **more}


@pytest.fixture
def orders(bench):
    bench.add(
        ("order", "a", f"{D1}T00:00:00Z", {"amount": 10, "country": "NL"}),
        ("order", "a", f"{D1}T23:59:59.999999Z", {"amount": 20.5, "country": "NL"}),
        ("order", "b", f"{D1}T12:00:00Z", {"amount": "30", "country": "DE"}),
        ("order", "b", f"{D3}T12:00:00", {"amount": 5, "country": ""}),
        ("order", "c", f"{D3}T14:00:00+02:00", {"amount": None}),
        ("visit", "a", f"{D2}T10:00:00Z", {"$session_id": "s1"}),
        ("visit", "a", f"{D2}T11:00:00Z", {"$session_id": "s1"}),
        ("visit", "z", "2026-05-31T23:59:59Z", {"$session_id": "s0"}),
        ("visit", "z", "2026-06-04T00:00:00Z"),
    )
    bench.add(("order", "x", f"{D2}T10:00:00Z", {"amount": 1000}), project=2)
    return bench


def test_a_series_has_every_period_of_the_window_and_the_running_one(orders) -> None:
    assert orders.trends("order") == [
        {
            "data": [3, 0, 2],
            "labels": ["1-Jun-2026", "2-Jun-2026", "3-Jun-2026"],
            "days": [D1, D2, D3],
            "count": 5.0,
            "label": "order",
            "filter": {},
            "action": {
                "days": [f"{D1}T00:00:00Z", f"{D2}T00:00:00Z", f"{D3}T00:00:00Z"],
                "id": "order",
                "type": "events",
                "order": 0,
                "name": "order",
                "custom_name": None,
                "math": "total",
                "math_property": None,
                "math_hogql": None,
                "math_group_type_index": None,
                "properties": {},
            },
        }
    ]


@pytest.mark.parametrize(
    ("series", "expected"),
    [
        (_node("order", math="dau"), [2, 0, 2]),
        (_node("order", math="sum", math_property="amount"), [60.5, 0, 5.0]),
        (_node("order", math="avg", math_property="amount"), [60.5 / 3, 0, 5.0]),
        (_node("order", math="min", math_property="amount"), [10.0, 0, 5.0]),
        (_node("order", math="max", math_property="amount"), [30.0, 0, 5.0]),
        (_node("order", math="median", math_property="amount"), [20.5, 0, 5.0]),
        (_node("order", math="p90", math_property="amount"), [20.5 + 0.8 * 9.5, 0, 5.0]),
        (_node("order", math="hogql", math_hogql="count() * 2"), [6.0, 0, 4.0]),
        (_node("visit", math="unique_session"), [0, 1, 0]),
        (_node(None), [3, 2, 2]),
        (_node("nothing"), [0, 0, 0]),
    ],
)
def test_maths(orders, series, expected) -> None:
    assert orders.trends(series)[0]["data"] == pytest.approx(expected)


def test_trailing_active_users(bench) -> None:
    bench.add(
        ("visit", "a", "2026-05-20T10:00:00Z"),
        ("visit", "b", "2026-05-27T10:00:00Z"),
        ("visit", "c", "2026-06-02T10:00:00Z"),
    )
    assert bench.trends(_node("visit", math="weekly_active"))[0]["data"] == [1, 2, 1]
    assert bench.trends(_node("visit", math="monthly_active"))[0]["data"] == [2, 3, 3]
    number = bench.trends(_node("visit", math="weekly_active"), trendsFilter={"display": "BoldNumber"})
    assert number[0]["aggregated_value"] == 1
    weekly = bench.trends(_node("visit", math="weekly_active"), interval="week", dateRange={"date_from": "-14d"})
    assert weekly[0]["data"] == [1, 1, 1]


@pytest.mark.parametrize("display", ["BoldNumber", "ActionsPie", "ActionsTable", "ActionsBarValue"])
def test_total_values_have_no_periods(orders, display) -> None:
    found = orders.trends("order", _node("order", math="dau"), trendsFilter={"display": display})
    assert [(one["data"], one["days"], one["count"], one["aggregated_value"]) for one in found] == [
        ([], [], 0, 5),
        ([], [], 0, 3),
    ]


def test_a_total_of_nothing_is_zero(bench) -> None:
    assert bench.trends("order", trendsFilter={"display": "BoldNumber"})[0]["aggregated_value"] == 0


def test_hours(orders) -> None:
    found = orders.trends("order", interval="hour", dateRange={"date_from": "-3h"})[0]
    assert found["data"] == [0, 2, 0, 0]
    assert found["days"][0] == f"{D3} 11:00:00"
    assert found["labels"][1] == "3-Jun-2026 12:00"


def test_weeks_count_their_first_week_whole(orders) -> None:
    found = orders.trends("order", "visit", interval="week")
    assert (found[0]["days"], found[0]["data"]) == (["2026-05-31"], [5])
    assert found[1]["data"] == [3]


def test_months(orders) -> None:
    assert orders.trends("visit", interval="month", dateRange={"date_from": "-1m"})[0]["data"] == [1, 2]


def test_periods_are_cut_where_the_project_is(orders) -> None:
    orders.timezone = "Europe/Amsterdam"
    assert orders.trends("order")[0]["data"] == [2, 1, 2]
    assert orders.trends("visit")[0]["action"]["days"][0] == f"{D1}T00:00:00+02:00"


def test_a_breakdown_has_a_series_per_value_the_largest_first(orders) -> None:
    found = orders.trends("order", breakdownFilter={"breakdown": "country"})
    assert [(one["label"], one["breakdown_value"], one["data"]) for one in found] == [
        ("NL", "NL", [2, 0, 0]),
        ("DE", "DE", [1, 0, 0]),
        (NULL, NULL, [0, 0, 2]),
    ]


def test_a_breakdown_of_several_series_says_which(orders) -> None:
    found = orders.trends("order", "visit", breakdownFilter={"breakdown": "country"})
    assert [one["label"] for one in found] == ["order - NL", "order - DE", f"order - {NULL}", f"visit - {NULL}"]


def test_a_breakdown_by_several_properties(orders) -> None:
    found = orders.trends(
        "order", breakdownFilter={"breakdowns": [{"property": "country", "type": "event"}, {"property": "amount"}]}
    )
    assert [NULL, "5"] in [one["breakdown_value"] for one in found]
    assert "NL::10" in [one["label"] for one in found]


def test_the_rest_of_a_breakdown_is_one_series(bench) -> None:
    rows = [("order", f"p{n}", f"{D2}T10:00:00Z", {"shop": f"s{n:02}"}) for n in range(30)]
    rows += [("order", "q", f"{D3}T10:00:00Z", {"shop": "s29"})]
    bench.add(*rows)
    computed = bench.compute(
        {
            "kind": "TrendsQuery",
            "series": [_node("order")],
            "dateRange": {"date_from": "-2d"},
            "breakdownFilter": {"breakdown": "shop"},
        }
    )
    assert computed.has_more
    values = [one["breakdown_value"] for one in computed.result]
    assert (len(values), values[0], values[-1]) == (26, "s29", OTHER)
    assert computed.result[-1]["data"] == [0, 5, 0]
    few = bench.trends("order", breakdownFilter={"breakdown": "shop", "breakdown_limit": 1})
    assert [(one["breakdown_value"], one["count"]) for one in few] == [("s29", 2.0), (OTHER, 29.0)]
    hidden = {"breakdown": "shop", "breakdown_limit": 1, "breakdown_hide_other_aggregation": True}
    assert [one["breakdown_value"] for one in bench.trends("order", breakdownFilter=hidden)] == ["s29"]


def test_distinct_persons_of_the_rest_are_counted_once(bench) -> None:
    bench.add(*(("order", "same", f"{D2}T1{n}:00:00Z", {"shop": f"s{n}"}) for n in range(4)))
    found = bench.trends(_node("order", math="dau"), breakdownFilter={"breakdown": "shop", "breakdown_limit": 1})
    assert [one["count"] for one in found] == [1.0, 1.0]


def test_formulas(orders) -> None:
    series = (_node("order", math="sum", math_property="amount"), "order")
    found = orders.trends(*series, trendsFilter={"formula": "A/B"})
    assert (found[0]["label"], found[0]["action"]) == ("Formula (A/B)", None)
    assert found[0]["data"] == pytest.approx([60.5 / 3, 0, 2.5])
    several = orders.trends(
        *series, trendsFilter={"formulaNodes": [{"formula": "A+B"}, {"formula": "-B*(2^2)", "custom_name": "Odd"}]}
    )
    assert [(one["label"], one["data"]) for one in several] == [
        ("Formula (A+B)", [63.5, 0.0, 7.0]),
        ("Odd", [-12.0, 0.0, -8.0]),
    ]
    total = orders.trends(*series, trendsFilter={"formulas": ["A/B"], "display": "BoldNumber"})
    assert total[0]["aggregated_value"] == pytest.approx(65.5 / 5)


def test_a_formula_meets_breakdown_values_with_their_like(orders) -> None:
    german = _node("order", properties=[{"key": "country", "value": "DE", "operator": "exact"}])
    found = orders.trends("order", german, breakdownFilter={"breakdown": "country"}, trendsFilter={"formula": "B/A"})
    assert {one["breakdown_value"]: one["data"] for one in found} == {
        "DE": [1.0, 0, 0],
        "NL": [0, 0, 0],
        NULL: [0, 0, 0],
    }


@pytest.mark.parametrize("formula", ["A/", "C", "__import__('os')", "A.b", "AB", "[A]", "1 if A else 2", "A and B"])
def test_what_is_no_formula_is_refused(orders, formula) -> None:
    with pytest.raises(InvalidQueryError, match="Invalid formula"):
        orders.trends("order", "visit", trendsFilter={"formula": formula})


def test_a_comparison_shows_both_periods(orders) -> None:
    orders.add(("order", "a", "2026-05-30T10:00:00Z"))
    found = orders.trends("order", compareFilter={"compare": True})
    assert [(one["compare"], one["compare_label"], one["days"], one["data"]) for one in found] == [
        (True, "current", [D1, D2, D3], [3, 0, 2]),
        (True, "previous", ["2026-05-29", "2026-05-30", "2026-05-31"], [0, 1, 0]),
    ]


def test_cumulative(orders) -> None:
    found = orders.trends("order", trendsFilter={"display": "ActionsLineGraphCumulative"})[0]
    assert (found["data"], found["count"]) == ([3, 3, 5], 5.0)


def test_all_time_starts_with_the_first_event(orders) -> None:
    assert orders.trends("order", dateRange={"date_from": "all"})[0]["days"] == ["2026-05-31", D1, D2, D3]


def test_a_closed_window_and_what_it_says_of_itself(orders) -> None:
    query = {"kind": "TrendsQuery", "series": [_node("order")], "dateRange": {"date_from": D1, "date_to": D2}}
    computed = orders.compute(query)
    assert computed.result[0]["data"] == [3, 0]
    assert computed.resolved_date_range == {
        "date_from": f"{D1}T00:00:00+00:00",
        "date_to": f"{D2}T23:59:59.999999+00:00",
    }
    assert (computed.columns, computed.types, computed.has_more) == (None, None, False)


def test_a_series_is_named_by_its_event_and_titled_by_its_name(orders) -> None:
    found = orders.trends(_node("order", name="Order", custom_name="Paid"), _node(None))
    assert [one["label"] for one in found] == ["order", "All events"]
    assert (found[0]["action"]["name"], found[0]["action"]["custom_name"]) == ("Order", "Paid")


@pytest.mark.parametrize(
    ("series", "more", "message"),
    [
        ({"kind": "ActionsNode", "id": 3}, {}, "Action ID 3 does not exist!"),
        (_node("order", math="sum"), {}, "needs math_property"),
        (_node("order", math="hogql"), {}, "needs math_hogql"),
        (_node("order"), {"breakdownFilter": {"breakdown": 1, "breakdown_type": "cohort"}}, "by cohort"),
        (_node("order"), {"dateRange": {"date_from": "whenever"}}, "Invalid date: whenever"),
    ],
)
def test_what_cannot_be_computed_says_why(orders, series, more, message) -> None:
    with pytest.raises(InvalidQueryError, match=message):
        orders.trends(series, **more)


_EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["a", "b"]),
        st.sampled_from(["p", "q", "r"]),
        st.integers(min_value=0, max_value=20 * 24 * 60 - 1),
        st.sampled_from(["x", "y", None]),
    ),
    max_size=60,
)


@settings(max_examples=40, deadline=None)
@given(
    rows=_EVENTS,
    interval=st.sampled_from(["hour", "day", "week", "month"]),
    zone=st.sampled_from(["UTC", "Asia/Tokyo"]),
)
def test_counts_agree_with_counting_by_hand(shared_engine, rows, interval, zone) -> None:
    now = datetime(2026, 6, 3, 14, 30, tzinfo=timezone.utc)
    events = [
        {"event": event, "distinct_id": who, "timestamp": now - timedelta(minutes=ago), "properties": {"k": k}}
        for event, who, ago, k in rows
    ]
    counts: dict[tuple[str, str], int] = defaultdict(int)
    persons: dict[str, set[str]] = defaultdict(set)
    for event in events:
        if event["event"] != "a":
            continue
        local = event["timestamp"].astimezone(ZoneInfo(zone))
        start = {
            "hour": local.strftime("%Y-%m-%d %H:00:00"),
            "day": local.strftime("%Y-%m-%d"),
            "week": (local - timedelta(days=(local.weekday() + 1) % 7)).strftime("%Y-%m-%d"),
            "month": local.strftime("%Y-%m-01"),
        }[interval]
        counts[start, event["properties"]["k"] or NULL] += 1
        persons[start].add(event["distinct_id"])
    engine = shared_engine
    engine.reset()
    engine.add_events(1, [{**event, "timestamp": event["timestamp"].isoformat()} for event in events])
    query = {
        "kind": "TrendsQuery",
        "series": [_node("a"), _node("a", math="dau")],
        "interval": interval,
        "dateRange": {"date_from": "-40d"},
    }
    total, dau = engine.compute(1, query, now=now, timezone=zone).result
    split = engine.compute(1, {**query, "breakdownFilter": {"breakdown": "k"}}, now=now, timezone=zone).result
    by_day: dict[str, int] = defaultdict(int)
    for (start, _), number in counts.items():
        by_day[start] += number
    assert {day: n for day, n in zip(total["days"], total["data"], strict=True) if n} == by_day
    assert {day: n for day, n in zip(dau["days"], dau["data"], strict=True) if n} == {
        day: len(who) for day, who in persons.items()
    }
    found = {
        (day, one["breakdown_value"]): n
        for one in split
        if one["action"]["math"] == "total"
        for day, n in zip(one["days"], one["data"], strict=True)
        if n
    }
    assert found == counts
