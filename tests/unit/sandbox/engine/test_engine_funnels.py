from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_dashboards.sandbox.engine import InvalidQueryError
from airflow_dashboards.sandbox.engine.matching import Event, Exclusion, Rules, furthest

STEPS = ("visit", "cart", "order")


def _funnel(bench, *steps, breakdown=None, **funnels_filter):
    query = {
        "kind": "FunnelsQuery",
        "series": [{"kind": "EventsNode", "event": step} for step in steps or STEPS],
        "dateRange": {"date_from": "-7d"},
        "funnelsFilter": funnels_filter,
    }
    if breakdown:
        query["breakdownFilter"] = {"breakdown": breakdown}
    return bench.compute(query).result


@pytest.fixture
def shop(bench):
    bench.add(
        # a goes all the way, in the wrong order first
        ("order", "a", "2026-06-01T09:00:00Z", {"device": "phone"}),
        ("visit", "a", "2026-06-01T10:00:00Z", {"device": "desk"}),
        ("cart", "a", "2026-06-01T10:01:00Z", {"device": "phone"}),
        ("order", "a", "2026-06-01T10:03:00Z", {"device": "desk"}),
        # b stops at the cart
        ("visit", "b", "2026-06-01T10:00:00Z", {"device": "phone"}),
        ("cart", "b", "2026-06-01T10:05:00Z", {"device": "phone"}),
        # c is too slow by a second for a window of an hour
        ("visit", "c", "2026-06-02T10:00:00Z", {"device": "desk"}),
        ("cart", "c", "2026-06-02T11:00:01Z", {"device": "desk"}),
        # d never visits
        ("cart", "d", "2026-06-02T10:00:00Z", {"device": "desk"}),
        ("order", "d", "2026-06-02T10:00:00Z", {"device": "desk"}),
        # before the window
        ("visit", "e", "2026-05-20T10:00:00Z", {"device": "desk"}),
    )
    return bench


def test_steps(shop) -> None:
    found = _funnel(shop)
    assert found[1] == {
        "action_id": "cart",
        "name": "cart",
        "custom_name": None,
        "order": 1,
        "count": 3,
        "type": "events",
        "people": [],
        "average_conversion_time": (60 + 300 + 3601) / 3,
        "median_conversion_time": 300.0,
    }
    assert [step["count"] for step in found] == [3, 3, 1]
    assert (found[0]["average_conversion_time"], found[2]["average_conversion_time"]) == (None, 120.0)


def test_the_window_holds_the_whole_way(shop) -> None:
    narrow = {"funnelWindowInterval": 1, "funnelWindowIntervalUnit": "hour"}
    assert [step["count"] for step in _funnel(shop, **narrow)] == [3, 2, 1]
    narrower = {"funnelWindowInterval": 2, "funnelWindowIntervalUnit": "minute"}
    assert [step["count"] for step in _funnel(shop, **narrower)] == [3, 1, 0]


def test_nobody(bench) -> None:
    found = _funnel(bench)
    assert [(step["count"], step["average_conversion_time"]) for step in found] == [(0, None)] * 3


def test_a_breakdown_goes_by_the_first_step(shop) -> None:
    found = _funnel(shop, breakdown="device")
    assert [
        ([step["count"] for step in steps], steps[0]["breakdown_value"], steps[2]["breakdown"]) for steps in found
    ] == [
        ([2, 2, 1], ["desk"], ["desk"]),
        ([1, 1, 0], ["phone"], ["phone"]),
    ]


def test_the_rest_of_a_breakdown(bench) -> None:
    bench.add(*(("visit", f"p{n}", "2026-06-01T10:00:00Z", {"shop": f"s{n:02}"}) for n in range(12)))
    found = _funnel(bench, breakdown="shop")
    assert len(found) == 11
    assert (found[-1][0]["breakdown_value"], found[-1][0]["count"]) == (["$$_posthog_breakdown_other_$$"], 2)


def test_the_same_event_twice_needs_two_events(bench) -> None:
    bench.add(
        ("visit", "once", "2026-06-01T10:00:00Z"),
        ("visit", "twice", "2026-06-01T10:00:00Z"),
        ("visit", "twice", "2026-06-01T10:00:30Z"),
    )
    found = _funnel(bench, "visit", "visit")
    assert [(step["count"], step["average_conversion_time"]) for step in found] == [(2, None), (1, 30.0)]


def test_steps_have_filters(shop) -> None:
    query = {
        "kind": "FunnelsQuery",
        "series": [
            {"kind": "EventsNode", "event": "visit", "properties": [{"key": "device", "value": "desk"}]},
            {"kind": "EventsNode", "event": "cart", "properties": [{"key": "device", "value": "phone"}]},
        ],
    }
    assert [step["count"] for step in shop.compute(query).result] == [2, 1]


def test_an_exclusion_takes_a_person_out(shop) -> None:
    shop.add(("help", "b", "2026-06-01T10:01:00Z"), ("help", "a", "2026-06-01T10:02:00Z"))
    between = {"kind": "EventsNode", "event": "help", "funnelFromStep": 0, "funnelToStep": 1}
    assert [step["count"] for step in _funnel(shop, exclusions=[between])] == [2, 2, 1]


def test_time_to_convert(shop) -> None:
    found = _funnel(shop, funnelVizType="time_to_convert", funnelFromStep=0, funnelToStep=1)
    assert found == {"bins": [[60, 2], [1831, 1], [3602, 0]], "average_conversion_time": pytest.approx(3961 / 3)}
    assert _funnel(shop, "visit", "nothing", funnelVizType="time_to_convert")["bins"] == []


def test_trends_of_conversion(shop) -> None:
    found = _funnel(
        shop, "visit", "cart", funnelVizType="trends", funnelWindowInterval=1, funnelWindowIntervalUnit="hour"
    )
    assert found[0]["days"][-3:] == ["2026-06-01", "2026-06-02", "2026-06-03"]
    assert found[0]["data"][-3:] == [100.0, 0.0, 0]
    assert len(found[0]["data"]) == found[0]["count"] == 8


def test_a_person_counts_in_the_period_of_the_entry(bench) -> None:
    bench.add(
        ("visit", "a", "2026-06-01T23:50:00Z"),
        ("visit", "a", "2026-06-02T00:10:00Z"),
        ("cart", "a", "2026-06-02T00:20:00Z"),
    )
    found = _funnel(bench, "visit", "cart", funnelVizType="trends")
    assert found[0]["data"][-3:-1] == [100.0, 100.0]


@pytest.mark.parametrize(
    ("steps", "more", "message"),
    [
        (("visit",), {}, "at least two steps"),
        (STEPS, {"funnelOrderType": "unordered"}, "ordered funnels only"),
        (STEPS, {"funnelVizType": "trends", "funnelFromStep": 2, "funnelToStep": 1}, "must come before"),
    ],
)
def test_what_cannot_be_computed_says_why(bench, steps, more, message) -> None:
    with pytest.raises(InvalidQueryError, match=message):
        _funnel(bench, *steps, **more)


def _depth_by_trying(events: list[Event], steps: int, window: timedelta) -> int:
    """Try every way through the events."""

    def walk(place: int, step: int, entered: datetime | None) -> int:
        best = step
        for later in range(place, len(events)):
            event = events[later]
            if step == steps or step not in event.steps:
                continue
            if entered is not None and event.at - entered > window:
                break
            best = max(best, walk(later + 1, step + 1, entered or event.at))
        return best

    return walk(0, 0, None)


@given(
    st.lists(st.tuples(st.integers(0, 40), st.sets(st.integers(0, 2), min_size=1)), max_size=9),
    st.integers(1, 25),
)
def test_matching_goes_as_far_as_any_way_could(rows, minutes) -> None:
    start = datetime.fromisoformat("2026-06-01")
    ordered = sorted(rows, key=lambda row: row[0])
    # Distinct instants: of what happens at once, the order is a convention.
    events = [
        Event(start + timedelta(minutes=at, milliseconds=place), tuple(sorted(steps)))
        for place, (at, steps) in enumerate(ordered)
    ]
    rules = Rules(steps=3, window=timedelta(minutes=minutes))
    times = furthest(events, rules)
    assert len(times) == _depth_by_trying(events, 3, rules.window)
    assert times == sorted(times)
    assert not times or times[-1] - times[0] <= rules.window


def test_an_exclusion_spoils_only_what_it_interrupts() -> None:
    start = datetime.fromisoformat("2026-06-01")
    rules = Rules(2, timedelta(hours=1), (Exclusion(0, 0, 1),))

    def at(minute: int, *steps: int, excluded: bool = False) -> Event:
        return Event(start + timedelta(minutes=minute), steps, (0,) if excluded else ())

    assert len(furthest([at(0, 0), at(1, excluded=True), at(2, 1)], rules)) == 0
    assert len(furthest([at(0, 0), at(1, excluded=True), at(2, 0), at(3, 1)], rules)) == 2
    assert len(furthest([at(0, 0), at(1, 1), at(2, excluded=True)], rules)) == 2
    assert len(furthest([at(0, excluded=True), at(1, 0), at(2, 1)], rules)) == 2
