"""The status of a query can be read without its results, which may be megabytes."""

from __future__ import annotations

import tracemalloc
from typing import Any

import pytest

from airflow_dashboards.posthog import PostHogArgumentError, QueryStatus

SERIES = [{"data": [day + 0.5 for day in range(5000)], "label": str(number)} for number in range(20)]


def status(**facts: Any) -> dict[str, Any]:
    said = {"id": "q", "complete": True, "error": False, "end_time": "2026-06-01T08:00:00Z", "results": SERIES}
    return {"query_status": {**said, "novel": SERIES, **facts}, "beside": SERIES}


def told(world, body: Any, code: int = 200, **arguments: Any) -> QueryStatus:
    script = world.Script(world.reply(code, body, {"date": "Mon, 01 Jun 2026 08:00:02 GMT"}))
    return script.run(world.flows().query.status("q", **arguments))


def test_without_results_the_rest_is_the_same(world):
    whole, brief = told(world, status()), told(world, status(), results=False)
    assert (whole.results, brief.results) == (SERIES, None)
    assert whole.model_extra == {"novel": SERIES}
    assert isinstance(brief, QueryStatus)
    named = set(QueryStatus.model_fields) - {"results"}
    assert {name: getattr(brief, name) for name in named} == {name: getattr(whole, name) for name in named}
    assert brief.server_time is not None
    assert (brief.server_time - brief.end_time).total_seconds() == 2


def test_a_failure_is_told_without_results_too(world):
    brief = told(world, status(error=True, error_message="No.", results=None), code=400, results=False)
    assert (brief.error, brief.error_message) == (True, "No.")


def test_results_that_are_left_unread_never_become_objects(world):
    def peak(**arguments: Any) -> int:
        told(world, status(results=[]), **arguments)  # what is made once is not counted
        script = world.Script(world.reply(200, status()))
        flow = world.flows().query.status("q", **arguments)
        tracemalloc.start()
        try:
            script.run(flow)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert peak(results=False) < 200_000 < 2_000_000 < peak()


@pytest.mark.parametrize("results", [None, 0, "no"])
def test_whether_to_read_results_is_true_or_false(world, results):
    with pytest.raises(PostHogArgumentError, match="results must be True or False"):
        told(world, status(), results=results)
