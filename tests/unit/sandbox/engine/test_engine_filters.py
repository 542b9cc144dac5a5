from __future__ import annotations

from copy import deepcopy
from datetime import datetime, timezone

import pytest

from airflow_dashboards.sandbox.engine import (
    InvalidQueryError,
    QuerySchemaError,
    derived_name,
    filters,
    interval,
    is_insight_viz,
    window,
)

NOW = datetime(2026, 6, 3, 14, 30, tzinfo=timezone.utc)
SERIES = [{"kind": "EventsNode", "event": "order"}]
TRENDS = {
    "kind": "InsightVizNode",
    "source": {
        "kind": "TrendsQuery",
        "series": SERIES,
        "dateRange": {"date_from": "-7d", "explicitDate": False},
        "properties": [{"key": "a", "value": "1"}],
    },
}
SQL = {
    "kind": "DataVisualizationNode",
    "source": {
        "kind": "HogQLQuery",
        "query": "SELECT {variables.x} FROM events WHERE {filters}",
        "variables": {"id-1": {"variableId": "id-1", "code_name": "x", "value": 1}},
    },
}


def _apply(query, dashboard=None, variables=None, tile=None):
    before = deepcopy(query)
    applied = filters.apply(
        query, dashboard_filters=dashboard or {}, variables=variables or {}, tile_overrides=tile or {}
    )
    assert query == before
    return applied.get("source", applied)


def test_nothing_to_apply() -> None:
    assert _apply(TRENDS) == TRENDS["source"]
    assert _apply(TRENDS, {"date_from": None, "properties": []}) == TRENDS["source"]


def test_a_dashboard_s_dates_replace_the_query_s() -> None:
    applied = _apply(TRENDS, {"date_from": "-30d", "date_to": "-1d"})
    assert applied["dateRange"] == {"date_from": "-30d", "date_to": "-1d", "explicitDate": False}


def test_a_dashboard_s_properties_are_added() -> None:
    added = {"key": "b", "value": "2"}
    assert _apply(TRENDS, {"properties": [added]})["properties"] == [{"key": "a", "value": "1"}, added]
    group = {"type": "OR", "values": [added]}
    assert _apply(TRENDS, {"properties": group})["properties"] == {
        "type": "AND",
        "values": [{"type": "AND", "values": [{"key": "a", "value": "1"}]}, group],
    }


def test_a_breakdown_splits_what_can_be_split() -> None:
    split = {"breakdown": "country", "breakdown_type": "event"}
    assert _apply(TRENDS, {"breakdown_filter": split})["breakdownFilter"] == split
    sticky = {"kind": "InsightVizNode", "source": {"kind": "StickinessQuery", "series": SERIES}}
    assert "breakdownFilter" not in _apply(sticky, {"breakdown_filter": split})


def test_a_tile_wins_over_its_dashboard() -> None:
    dashboard = {"date_from": "-30d", "date_to": "-1d", "properties": [{"key": "b", "value": "2"}]}
    applied = _apply(TRENDS, dashboard, tile={"date_from": "-3d"})
    assert applied["dateRange"] == {"date_from": "-3d", "date_to": None, "explicitDate": False}
    assert applied["properties"][1:] == [{"key": "b", "value": "2"}]
    other = {"key": "c", "value": "3"}
    applied = _apply(TRENDS, dashboard, tile={"properties": [other]})
    assert applied["dateRange"]["date_from"] == "-30d"
    assert applied["properties"][1:] == [other]


def test_sql_gets_filters_and_variables_by_their_code_name() -> None:
    variables = {
        "id-9": {"code_name": "x", "variableId": "id-9", "value": 5},
        "id-8": {"code_name": "y", "value": 6},
        "z": {"value": 7},
    }
    applied = _apply(SQL, {"date_from": "-7d", "properties": [{"key": "b", "value": "2"}]}, variables)
    assert applied["filters"] == {
        "dateRange": {"date_from": "-7d", "date_to": None},
        "properties": [{"key": "b", "value": "2"}],
    }
    assert applied["variables"] == {"id-1": {"variableId": "id-1", "code_name": "x", "value": 5}}
    assert "filters" not in _apply(SQL)


def test_an_events_query_and_a_bare_source() -> None:
    table = {"kind": "DataTableNode", "source": {"kind": "EventsQuery", "select": ["*"]}}
    applied = _apply(table, {"date_from": "-7d", "properties": [{"key": "b", "value": "2"}]})
    assert (applied["after"], applied["before"], len(applied["properties"])) == ("-7d", None, 1)
    assert _apply(TRENDS["source"], {"date_from": "-3d"})["dateRange"]["date_from"] == "-3d"


def test_filtered_queries_compute(bench) -> None:
    bench.add(
        ("order", "a", "2026-06-02T10:00:00Z", {"a": "1", "b": "2"}),
        ("order", "a", "2026-06-02T10:00:00Z", {"a": "1", "b": "3"}),
        ("order", "a", "2026-05-20T10:00:00Z", {"a": "1", "b": "2"}),
    )
    dashboard = {"date_from": "-3d", "properties": [{"key": "b", "value": "2"}]}
    assert sum(bench.compute(_apply(TRENDS, dashboard)).result[0]["data"]) == 1
    found = bench.compute(
        _apply(SQL, dashboard, {"v": {"code_name": "x", "value": "here"}}), kind="DataVisualizationNode"
    )
    assert found.result == [["here"]]


@pytest.mark.parametrize(
    ("filtered", "expected"),
    [
        ({"key": "n", "operator": "exact", "value": "5"}, {"five", "5.0"}),
        ({"key": "n", "operator": "exact", "value": ["5", "six"]}, {"five", "5.0", "six"}),
        ({"key": "n", "value": 5}, {"five", "5.0"}),
        ({"key": "n", "operator": "is_not", "value": ["5"]}, {"six", "none", "null", "60"}),
        ({"key": "n", "operator": "icontains", "value": "IX"}, {"six"}),
        ({"key": "n", "operator": "not_icontains", "value": "6"}, {"five", "5.0", "six", "none", "null"}),
        ({"key": "n", "operator": "regex", "value": "^[0-9]+$"}, {"five", "60"}),
        ({"key": "n", "operator": "not_regex", "value": "^[0-9]+$"}, {"5.0", "six", "none", "null"}),
        ({"key": "n", "operator": "gt", "value": 5}, {"60"}),
        ({"key": "n", "operator": "gte", "value": "5"}, {"five", "5.0", "60"}),
        ({"key": "n", "operator": "lt", "value": "59.5"}, {"five", "5.0"}),
        ({"key": "n", "operator": "lte", "value": 5}, {"five", "5.0"}),
        ({"key": "n", "operator": "is_set", "value": "is_set"}, {"five", "5.0", "six", "60"}),
        ({"key": "n", "operator": "is_not_set"}, {"none", "null"}),
        ({"key": "flag", "operator": "exact", "value": ["true"]}, {"six"}),
        ({"key": "flag", "operator": "exact", "value": True}, {"six"}),
        ({"key": "day", "operator": "is_date_before", "value": "2026-06-02"}, {"five"}),
        ({"key": "day", "operator": "is_date_after", "value": "-2d"}, {"six"}),
        ({"key": "day", "operator": "is_date_exact", "value": "2026-06-02"}, {"six"}),
        ({"key": "properties.n = '60' OR event = 'x'", "type": "hogql"}, {"60"}),
        ({"key": "it's", "value": "'"}, {"60"}),
        (
            {
                "type": "OR",
                "values": [{"key": "n", "value": "60"}, {"type": "AND", "values": [{"key": "flag", "value": "true"}]}],
            },
            {"six", "60"},
        ),
        ({"type": "AND", "values": []}, {"five", "5.0", "six", "none", "null", "60"}),
    ],
)
def test_property_filters(bench, filtered, expected) -> None:
    day = "2026-06-02T10:00:00Z"
    bench.add(
        ("e", "five", day, {"n": 5, "day": "2026-06-01"}),
        ("e", "5.0", day, {"n": 5.0}),
        ("e", "six", day, {"n": "six", "flag": True, "day": "2026-06-02T09:00:00"}),
        ("e", "none", day, {}),
        ("e", "null", day, {"n": None}),
        ("e", "60", day, {"n": "60", "it's": "'"}),
    )
    properties = filtered if "values" in filtered else [filtered]
    query = {"kind": "TrendsQuery", "series": [{"kind": "EventsNode", "event": "e", "properties": properties}]}
    split = {"breakdown": "distinct_id", "breakdown_type": "hogql"}
    assert {one["breakdown_value"] for one in bench.compute({**query, "breakdownFilter": split}).result} == expected
    shared = {**query, "series": [{"kind": "EventsNode", "event": "e"}], "properties": properties}
    assert sum(bench.compute(shared).result[0]["data"]) == len(expected)


@pytest.mark.parametrize(
    ("filtered", "message"),
    [
        ({"key": "n", "operator": "exact"}, "has no value"),
        ({"key": "n", "operator": "gt", "value": []}, "has no value"),
        ({"key": "email", "type": "person", "value": "x"}, "does not filter by properties of type person"),
        ({"key": "1 +", "type": "hogql"}, "Syntax error"),
        ({"key": "n", "operator": "regex", "value": "("}, "missing"),
    ],
)
def test_filters_that_make_no_sense(bench, filtered, message) -> None:
    bench.add(("e", "a", "2026-06-02T10:00:00Z", {"n": "x"}))
    with pytest.raises(InvalidQueryError, match=message):
        bench.trends("e", properties=[filtered])


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"kind": "NoSuchQuery"}, "NoSuchQuery"),
        ({}, "kind"),
        ("text", "dictionary"),
        ({"kind": "InsightVizNode"}, "source"),
        ({"kind": "InsightVizNode", "source": {"kind": "HogQLQuery", "query": "SELECT 1"}}, "HogQLQuery"),
        ({"kind": "TrendsQuery", "series": "order"}, "series"),
        ({"kind": "TrendsQuery", "series": SERIES, "interval": "fortnight"}, "interval"),
        ({"kind": "TrendsQuery", "series": [{"kind": "EventsNode", "event": "e", "math": "magic"}]}, "math"),
        ({"kind": "TrendsQuery", "series": SERIES, "trendsFilter": {"display": "Hologram"}}, "display"),
        ({"kind": "RetentionQuery", "retentionFilter": {"totalIntervals": 0}}, "totalIntervals"),
        ({"kind": "DataVisualizationNode", "source": {"kind": "HogQLQuery"}}, "query"),
    ],
)
def test_what_is_no_query_is_told_apart_from_a_wrong_one(bench, query, message) -> None:
    with pytest.raises(QuerySchemaError, match=message) as caught:
        bench.engine.compute(1, query, now=NOW, timezone="UTC")
    assert caught.value.type == "ValidationError"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ({"kind": "TrendsQuery", "series": []}, "day"),
        ({"kind": "TrendsQuery", "series": [], "interval": "hour"}, "hour"),
        ({"kind": "FunnelsQuery", "series": []}, "day"),
        ({"kind": "RetentionQuery", "retentionFilter": {"period": "Week"}}, "week"),
        ({"kind": "PathsQuery", "pathsFilter": {}}, None),
        ({"kind": "HogQLQuery", "query": "SELECT 1"}, None),
        ({"kind": "Unknown"}, None),
    ],
)
def test_interval(source, expected) -> None:
    assert interval(source) == expected


def test_only_insight_viz_nodes_are_insight_viz() -> None:
    assert is_insight_viz(TRENDS)
    assert not is_insight_viz(SQL)
    assert not is_insight_viz(TRENDS["source"])


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ({"kind": "TrendsQuery", "series": []}, ("2026-05-27T00:00:00+00:00", "2026-06-03T23:59:59.999999+00:00")),
        (
            {"kind": "TrendsQuery", "series": [], "interval": "hour", "dateRange": {"date_from": "-24h"}},
            ("2026-06-02T14:00:00+00:00", "2026-06-03T14:59:59.999999+00:00"),
        ),
        (
            {"kind": "TrendsQuery", "series": [], "dateRange": {"date_from": "2026-05-01", "date_to": "2026-05-31"}},
            ("2026-05-01T00:00:00+00:00", "2026-05-31T23:59:59.999999+00:00"),
        ),
        (
            {"kind": "TrendsQuery", "series": [], "dateRange": {"date_from": "all"}},
            (None, "2026-06-03T23:59:59.999999+00:00"),
        ),
        ({"kind": "HogQLQuery", "query": "SELECT 1", "filters": {"dateRange": {"date_from": "-1d"}}}, (None, None)),
        (
            {"kind": "HogQLQuery", "query": "SELECT {filters}", "filters": {"dateRange": {"date_from": "-1d"}}},
            ("2026-06-02T00:00:00+00:00", "2026-06-03T23:59:59.999999+00:00"),
        ),
        ({"kind": "EventsQuery", "select": ["*"], "before": "2026-06-01"}, (None, "2026-06-01T00:00:00+00:00")),
        (
            {"kind": "RetentionQuery", "retentionFilter": {"totalIntervals": 3}},
            ("2026-06-01T00:00:00+00:00", "2026-06-03T23:59:59.999999+00:00"),
        ),
    ],
)
def test_window(source, expected) -> None:
    assert tuple(end.isoformat() if end else None for end in window(source, NOW, "UTC")) == expected


def test_a_window_is_the_project_s() -> None:
    start, end = window({"kind": "TrendsQuery", "series": []}, NOW, "America/New_York")
    assert start is not None
    assert end is not None
    assert (start.isoformat(), end.isoformat()) == ("2026-05-27T00:00:00-04:00", "2026-06-03T23:59:59.999999-04:00")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ({"kind": "TrendsQuery", "series": [{"kind": "EventsNode", "event": "$pageview"}]}, "Pageview count"),
        (
            {
                "kind": "TrendsQuery",
                "series": [{"kind": "EventsNode", "event": "order", "math": "sum", "math_property": "amount"}],
                "breakdownFilter": {"breakdown": "$browser"},
            },
            "order's amount sum by $browser",
        ),
        (
            {
                "kind": "TrendsQuery",
                "series": [{"kind": "EventsNode", "event": "a", "math": "dau"}, {"kind": "EventsNode", "event": None}],
                "trendsFilter": {"formula": "A/B"},
            },
            "A/B on A. a unique users & B. All events count",
        ),
        (
            {
                "kind": "FunnelsQuery",
                "series": [*SERIES, {"kind": "EventsNode", "event": "paid", "custom_name": "Paid"}],
            },
            "order → Paid user conversion rate",
        ),
        (
            {
                "kind": "RetentionQuery",
                "retentionFilter": {"retentionType": "retention_first_time", "returningEntity": {"id": "order"}},
            },
            "Retention of users based on doing Pageview for the first time and returning with order",
        ),
        ({"kind": "LifecycleQuery", "series": SERIES}, "User lifecycle based on order"),
        ({"kind": "StickinessQuery", "series": SERIES}, "User stickiness based on order"),
        ({"kind": "PathsQuery", "pathsFilter": {"includeEventTypes": ["$pageview"]}}, "User paths based on Pageview"),
        ({"kind": "HogQLQuery", "query": "SELECT 1"}, None),
        ({"kind": "TrendsQuery", "series": []}, None),
        ({"kind": "Unknown"}, None),
    ],
)
def test_derived_names(source, expected) -> None:
    assert derived_name(source) == expected
