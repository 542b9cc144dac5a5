"""Packing and closing gaps, for any boxes: contract 3.12 and 3.14."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from airflow_dashboards.sandbox import layout

boxes = st.builds(
    lambda x, y, w, h: {"sm": {"x": min(x, 12 - w), "y": y, "w": w, "h": h}},
    st.integers(0, 11),
    st.integers(0, 30),
    st.integers(1, 12),
    st.integers(1, 8),
)
layouts = st.lists(boxes, max_size=14)


def overlap(one, other):
    return (
        one["x"] < other["x"] + other["w"]
        and other["x"] < one["x"] + one["w"]
        and one["y"] < other["y"] + other["h"]
        and other["y"] < one["y"] + one["h"]
    )


def none_overlap(placed, size="sm"):
    return not any(overlap(one[size], other[size]) for one, other in combinations(placed, 2))


@given(layouts)
def test_packed_boxes_keep_their_size_fit_and_never_overlap(before):
    packed = layout.preserve(before)
    assert [(box["sm"]["w"], box["sm"]["h"]) for box in packed] == [(box["sm"]["w"], box["sm"]["h"]) for box in before]
    assert all(0 <= box["sm"]["x"] <= 12 - box["sm"]["w"] for box in packed)
    assert none_overlap(packed)
    assert none_overlap(packed, "xs")


@given(layouts)
def test_each_packed_box_stands_as_high_and_then_as_far_left_as_the_skyline_lets_it(before):
    skyline = [0] * 12
    for box in (item["sm"] for item in layout.preserve(before)):
        tops = {x: max(skyline[x : x + box["w"]]) for x in range(12 - box["w"] + 1)}
        lowest = min(tops.values())
        assert (box["x"], box["y"]) == (min(x for x, top in tops.items() if top == lowest), lowest)
        skyline[box["x"] : box["x"] + box["w"]] = [box["y"] + box["h"]] * box["w"]


@given(layouts)
def test_closing_gaps_moves_boxes_into_free_places_only(before):
    closed = layout.close_gaps(before)
    for old, new in zip(before, closed, strict=True):
        assert {**old["sm"], "y": 0} == {**new["sm"], "y": 0}
    assert none_overlap(closed)
    assert layout.close_gaps(closed) == closed


@given(layouts)
def test_packing_is_settled_after_one_time(before):
    packed = layout.preserve(before)
    assert layout.preserve(packed) == packed
