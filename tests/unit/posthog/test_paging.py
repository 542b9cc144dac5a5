"""Lists read all pages, each dashboard once, and come to an end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import to_json

from airflow_dashboards.posthog import FlowClient, PostHogProtocolError, Reply, RetryPolicy, run


class Pages:
    """A server with dashboards, which gives at most `cap` at once, and may gain some on top between two pages."""

    def __init__(self, ids, cap, arrivals=()):
        self.ids, self.cap, self.arrivals, self.requests = list(ids), cap, list(arrivals), []

    def send(self, request):
        self.requests.append(request)
        limit, offset = int(request.params["limit"]), int(request.params["offset"])
        end = offset + min(limit, self.cap)
        body = {
            "count": len(self.ids),
            "next": f"https://elsewhere.test/?offset={end}" if end < len(self.ids) else None,
            "results": [{"id": number} for number in self.ids[offset:end]],
        }
        if self.arrivals:
            self.ids.insert(0, self.arrivals.pop())
        return Reply(200, {}, to_json(body), request)

    def now(self):
        return 0.0


def listed(server, page_size):
    return [
        entry.id for entry in run(FlowClient(7, RetryPolicy(attempts=1)).dashboards.list(page_size=page_size), server)
    ]


@given(count=st.integers(0, 60), page_size=st.integers(1, 25), cap=st.integers(1, 25))
def test_everything_once_and_in_order(count, page_size, cap):
    server = Pages(range(1, count + 1), cap)
    assert listed(server, page_size) == list(range(1, count + 1))
    step = min(page_size, cap)
    assert len(server.requests) == max(1, -(-count // step))
    assert {request.path for request in server.requests} == {"/api/projects/7/dashboards/"}


@given(
    count=st.integers(1, 40),
    page_size=st.integers(2, 10),
    arrivals=st.lists(st.integers(100, 200), max_size=10, unique=True),
)
def test_dashboards_made_meanwhile_double_nothing_and_hide_nothing(count, page_size, arrivals):
    server = Pages(range(1, count + 1), 100, arrivals)
    found = listed(server, page_size)
    assert len(found) == len(set(found))
    assert set(range(1, count + 1)) <= set(found)


@given(page=st.lists(st.integers(1, 50), min_size=1, max_size=10), page_size=st.integers(1, 10))
def test_a_server_that_ignores_the_offset_is_found_out(page, page_size):
    class Stuck(Pages):
        def send(self, request):
            self.requests.append(request)
            body = {"count": 10**9, "next": "https://elsewhere.test/", "results": [{"id": number} for number in page]}
            return Reply(200, {}, to_json(body), request)

    server = Stuck([], 1)
    with pytest.raises(PostHogProtocolError, match="without an end"):
        listed(server, page_size)
    assert len(server.requests) == 2


def test_an_empty_page_ends_the_list():
    class Hollow(Pages):
        def send(self, request):
            return Reply(200, {}, to_json({"count": 5, "next": "https://elsewhere.test/", "results": []}), request)

    assert listed(Hollow([], 1), 10) == []
