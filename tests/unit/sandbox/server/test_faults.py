from __future__ import annotations

import time

import httpx
import pytest

from airflow_dashboards.sandbox.faults import Faults, Origin


def test_reset_breaks_the_connection_after_the_request_was_carried_out(sandbox, api):
    sandbox.fault({"reset": True}, match={"method": "POST"})
    with pytest.raises(httpx.ReadError):
        api("POST", "dashboards/", {"name": "made all the same"})
    assert [item["name"] for item in api.get("dashboards/").json()["results"]] == ["made all the same"]
    entry = next(entry for entry in sandbox.log() if entry["method"] == "POST")
    assert (entry["fault"], entry["status"], entry["bytes"]) == ("reset", None, 0)


def test_reset_before_carries_nothing_out(sandbox, api):
    sandbox.fault({"reset": True, "when": "before"}, match={"method": "POST"})
    with pytest.raises(httpx.ReadError):
        api("POST", "dashboards/", {"name": "never"})
    assert api.get("dashboards/").json()["count"] == 0


def test_truncate_closes_in_the_middle_of_the_body(sandbox, api):
    sandbox.fault({"truncate": 10})
    with pytest.raises(httpx.RemoteProtocolError, match="received 10 bytes"):
        api.get("dashboards/")
    assert sandbox.log()[-1]["bytes"] == 10
    assert api.get("dashboards/").status_code == 200


def test_truncate_beyond_the_end_sends_all_of_it(sandbox, api):
    sandbox.fault({"truncate": 10**9})
    assert api.get("dashboards/").json()["count"] == 0


@pytest.mark.parametrize(
    ("status", "code"),
    [(503, "error"), (500, "error"), (429, "throttled"), (404, "not_found"), (401, "not_authenticated")],
)
def test_status(sandbox, api, status, code):
    sandbox.fault({"status": status}, times=2)
    for _ in range(2):
        reply = api.get("dashboards/")
        assert (reply.status_code, reply.json()["code"]) == (status, code)
        assert ("Retry-After" in reply.headers) == (status == 429)
    assert api.get("dashboards/").status_code == 200


def test_status_with_a_body_of_ones_own(sandbox, api):
    sandbox.fault({"status": 502, "body": "<html>Bad gateway</html>", "headers": {"X-Proxy": "yes"}})
    reply = api.get("dashboards/")
    assert reply.text == "<html>Bad gateway</html>"
    assert reply.headers["content-type"].startswith("text/html")
    assert reply.headers["x-proxy"] == "yes"


def test_a_429_without_retry_after(sandbox, api):
    sandbox.fault({"status": 429, "headers": {"Retry-After": None}})
    reply = api.get("dashboards/")
    assert (reply.status_code, "Retry-After" in reply.headers) == (429, False)


def test_delay_comes_before_the_answer_and_beside_other_faults(sandbox, api):
    sandbox.fault({"delay": 0.3})
    sandbox.fault({"status": 503})
    begun = time.monotonic()
    assert api.get("dashboards/").status_code == 503
    assert time.monotonic() - begun >= 0.3


def test_a_fault_matches_method_and_path(sandbox, api):
    board = api.dashboard()["id"]
    sandbox.fault({"status": 503}, match={"method": "GET", "path_regex": f"/dashboards/{board}/?$"})
    assert api.get("dashboards/").status_code == 200
    assert api("PATCH", f"dashboards/{board}", {"pinned": True}).status_code == 200
    assert api.get(f"dashboards/{board}/", refresh="force_cache").status_code == 503
    assert api.get(f"dashboards/{board}/").status_code == 200


def test_a_fault_for_ever_ends_when_it_is_cleared(sandbox, api):
    sandbox.fault({"status": 503}, times=None)
    assert [api.get("dashboards/").status_code for _ in range(5)] == [503] * 5
    sandbox.clear_faults()
    assert api.get("dashboards/").status_code == 200


def test_control_calls_are_never_hit(sandbox):
    sandbox.fault({"status": 503}, times=None)
    assert httpx.get(f"{sandbox.url}/_sandbox/settings", verify=False).status_code == 200


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "exactly one of"),
        ({"fault": {"status": 503, "delay": 1}}, "exactly one of"),
        ({"fault": {"explode": True}}, "exactly one of"),
        ({"fault": {"status": "x"}}, "fault.status"),
        ({"fault": {"status": 99}}, "fault.status"),
        ({"fault": {"delay": -1}}, "fault.delay"),
        ({"fault": {"reset": False}}, "fault.reset"),
        ({"fault": {"reset": True, "when": "later"}}, "fault.when"),
        ({"fault": {"truncate": -1}}, "fault.truncate"),
        ({"fault": {"tile_error": ""}}, "fault.tile_error"),
        ({"fault": {"tile_error": "x", "crash": "y"}}, "fault.crash"),
        ({"fault": {"status": 503, "headers": {"X": 1}}}, "fault.headers"),
        ({"fault": {"delay": 1, "body": "x"}}, "does not go with"),
        ({"fault": {"status": 503}, "times": 0}, "times"),
        ({"fault": {"status": 503}, "match": {"path": "/"}}, "match"),
        ({"fault": {"status": 503}, "match": {"path_regex": "("}}, "match.path_regex"),
        ({"fault": {"status": 503}, "match": {"tile": 7}}, "tile_error only"),
    ],
)
def test_a_wrong_fault_is_refused_with_what_is_wrong(body, message):
    with pytest.raises(ValueError, match=message):
        Faults().add(body)


def test_a_tile_error_is_used_up_by_the_tiles_it_means():
    faults = Faults()
    faults.add({"fault": {"tile_error": "boom"}, "match": {"insight": 5}, "times": 2})
    origin = Origin("GET", "/api/projects/1/dashboards/1")
    found = [faults.on_tile(origin, insight, 1) for insight in (4, 5, 5, 5)]
    assert [fault and fault.value for fault in found] == [None, "boom", "boom", None]
