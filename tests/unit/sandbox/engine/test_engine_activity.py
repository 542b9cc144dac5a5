from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_dashboards.sandbox.engine import InvalidQueryError

VISIT = {"kind": "EventsNode", "event": "visit"}


@pytest.fixture
def visits(bench):
    bench.add(
        ("visit", "a", "2026-06-01T10:00:00Z"),
        ("visit", "a", "2026-06-01T11:00:00Z"),
        ("visit", "a", "2026-06-02T10:00:00Z"),
        ("visit", "b", "2026-06-01T10:00:00Z"),
        ("visit", "b", "2026-06-03T10:00:00Z"),
        ("visit", "c", "2026-06-02T10:00:00Z"),
        ("other", "d", "2026-05-01T10:00:00Z"),
        ("visit", "d", "2026-06-03T10:00:00Z"),
        ("visit", "e", "2026-05-31T10:00:00Z"),
    )
    return bench


def _retention(bench, **more):
    query = {
        "kind": "RetentionQuery",
        "retentionFilter": {
            "period": "Day",
            "totalIntervals": 3,
            "targetEntity": {"id": "visit", "type": "events"},
            "returningEntity": {"id": "visit", "type": "events"},
            **more,
        },
    }
    return bench.compute(query).result


def _counts(result):
    return [[value["count"] for value in cohort["values"]] for cohort in result]


def test_retention(visits) -> None:
    found = _retention(visits)
    assert found[0] == {
        "date": "2026-06-01T00:00:00Z",
        "label": "Day 0",
        "values": [{"count": 2, "label": "Day 0"}, {"count": 1, "label": "Day 1"}, {"count": 1, "label": "Day 2"}],
    }
    assert [cohort["date"][:10] for cohort in found] == ["2026-06-01", "2026-06-02", "2026-06-03"]
    assert _counts(found) == [[2, 1, 1], [2, 0], [2]]


def test_retention_for_the_first_time(visits) -> None:
    assert _counts(_retention(visits, retentionType="retention_first_time")) == [[2, 1, 1], [1, 0], [1]]


def test_retention_by_another_event_and_period(visits) -> None:
    visits.add(("order", "a", "2026-06-02T12:00:00Z"), ("order", "e", "2026-06-03T12:00:00Z"))
    found = _retention(visits, returningEntity={"id": "order"}, totalIntervals=2, period="Week")
    assert [cohort["date"][:10] for cohort in found] == ["2026-05-24", "2026-05-31"]
    assert _counts(found) == [[0, 0], [5]]
    hours = _retention(visits, period="Hour", totalIntervals=5)
    assert hours[0]["date"] == "2026-06-03T10:00:00Z"
    assert _counts(hours)[0] == [2, 0, 0, 0, 0]
    assert _counts(_retention(visits, returningEntity={"id": "order"})) == [[2, 1, 0], [2, 0], [2]]


def test_retention_up_to_a_day(visits) -> None:
    query = {
        "kind": "RetentionQuery",
        "dateRange": {"date_from": "-90d", "date_to": "2026-06-02"},
        "retentionFilter": {"totalIntervals": 2, "targetEntity": {"id": "visit"}, "returningEntity": {"id": None}},
        "properties": [{"key": "x", "operator": "is_not_set"}],
    }
    assert _counts(visits.compute(query).result) == [[2, 1], [2]]


def test_retention_starts_from_page_views_unless_told(bench) -> None:
    bench.add(("$pageview", "a", "2026-06-02T10:00:00Z"), ("$pageview", "a", "2026-06-03T10:00:00Z"))
    query = {"kind": "RetentionQuery", "retentionFilter": {"totalIntervals": 2}}
    assert _counts(bench.compute(query).result) == [[1, 1], [1]]


def test_retention_of_an_action_is_refused(bench) -> None:
    with pytest.raises(InvalidQueryError, match="Action ID 4 does not exist!"):
        _retention(bench, targetEntity={"id": 4, "type": "actions"})


def test_lifecycle(visits) -> None:
    query = {"kind": "LifecycleQuery", "series": [VISIT], "dateRange": {"date_from": "-2d"}}
    found = visits.compute(query).result
    assert {one["status"]: one["data"] for one in found} == {
        "new": [2, 1, 0],
        "returning": [0, 1, 0],
        "resurrecting": [0, 0, 2],
        "dormant": [-1, -1, -2],
    }
    assert [one["label"] for one in found] == [
        "visit - new",
        "visit - returning",
        "visit - resurrecting",
        "visit - dormant",
    ]
    assert (found[0]["days"], found[0]["count"]) == (["2026-06-01", "2026-06-02", "2026-06-03"], 3.0)


def test_stickiness(visits) -> None:
    query = {"kind": "StickinessQuery", "series": [VISIT], "dateRange": {"date_from": "-2d"}}
    found = visits.compute(query).result[0]
    assert (found["data"], found["labels"], found["days"], found["count"]) == (
        [2, 2, 0],
        ["1 day", "2 days", "3 days"],
        [1, 2, 3],
        4,
    )


def test_a_lifecycle_needs_a_series(bench) -> None:
    with pytest.raises(InvalidQueryError, match="needs a series"):
        bench.compute({"kind": "LifecycleQuery", "series": []})


def test_paths(bench) -> None:
    def view(who: str, at: str, url: str):
        return ("$pageview", who, f"2026-06-02T{at}Z", {"$current_url": url})

    bench.add(
        view("a", "10:00:00", "/"),
        view("a", "10:00:05", "/"),
        view("a", "10:00:10", "/shop/"),
        view("a", "10:01:10", "/pay"),
        view("b", "10:00:00", "/"),
        view("b", "10:00:30", "/shop"),
        view("b", "10:31:00", "/pay"),  # after a pause: another path
        view("b", "10:31:01", "/shop"),
        ("order", "b", "2026-06-02T10:00:10Z"),
    )

    def edges(**paths):
        query = {"kind": "PathsQuery", "pathsFilter": {"includeEventTypes": ["$pageview"], **paths}}
        found = bench.compute(query).result
        return [(one["source"], one["target"], one["value"], one["average_conversion_time"]) for one in found]

    assert edges() == [
        ("1_/", "2_/shop", 2, 20_000.0),
        ("1_/pay", "2_/shop", 1, 1_000.0),
        ("2_/shop", "3_/pay", 1, 60_000.0),
    ]
    assert edges(startPoint="/shop/") == [("1_/shop", "2_/pay", 1, 60_000.0)]
    assert edges(endPoint="/shop", stepLimit=2)[0] == ("1_/", "2_/shop", 2, 20_000.0)
    assert edges(excludeEvents=["/shop"]) == [("1_/", "2_/pay", 1, 70_000.0)]
    assert edges(minEdgeWeight=2) == edges(edgeLimit=1) == [("1_/", "2_/shop", 2, 20_000.0)]
    assert edges(includeEventTypes=["custom_event"]) == []
    assert edges(includeEventTypes=["$pageview", "custom_event"], startPoint="order") == [
        ("1_order", "2_/shop", 1, 20_000.0)
    ]


@settings(max_examples=25, deadline=None)
@given(st.sets(st.tuples(st.sampled_from("abcd"), st.integers(0, 9)), min_size=1))
def test_activity_agrees_with_sets(shared_engine, rows) -> None:
    now = datetime(2026, 6, 10, 12, tzinfo=timezone.utc)
    start = datetime(2026, 6, 1, 9, tzinfo=timezone.utc)
    engine = shared_engine
    engine.reset()
    engine.add_events(
        1,
        [
            {"event": "visit", "distinct_id": who, "timestamp": (start + timedelta(days=day)).isoformat()}
            for who, day in rows
        ],
    )
    active = [{who for who, on in rows if on == day} for day in range(10)]
    first = {who: min(on for one, on in rows if one == who) for who, _ in rows}

    def compute(query):
        return engine.compute(1, query, now=now, timezone="UTC").result

    entity = {"id": "visit"}
    retention = {"totalIntervals": 10, "targetEntity": entity, "returningEntity": entity}
    cohorts = compute({"kind": "RetentionQuery", "retentionFilter": retention})
    assert _counts(cohorts) == [[len(active[day] & active[later]) for later in range(day, 10)] for day in range(10)]
    lifecycle = compute({"kind": "LifecycleQuery", "series": [VISIT], "dateRange": {"date_from": "-9d"}})
    new, returning, resurrecting, dormant = (one["data"] for one in lifecycle)
    assert new == [sum(1 for who in active[day] if first[who] == day) for day in range(10)]
    assert [n + r + s for n, r, s in zip(new, returning, resurrecting, strict=True)] == [len(one) for one in active]
    assert dormant[1:] == [-len(active[day - 1] - active[day]) for day in range(1, 10)]
    sticky = compute({"kind": "StickinessQuery", "series": [VISIT], "dateRange": {"date_from": "-9d"}})[0]
    assert sum(days * persons for days, persons in zip(sticky["days"], sticky["data"], strict=True)) == len(rows)
