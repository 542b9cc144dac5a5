"""The control interface: design section 5's table."""

from __future__ import annotations

from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx
import pytest
from starlette.requests import Request

from airflow_dashboards.sandbox.control import handle


def control(sandbox, method, path, json=None, **options):
    return httpx.request(method, f"{sandbox.url}/_sandbox/{path}", json=json, **options, verify=False)


def test_settings(sandbox):
    control(sandbox, "POST", "reset", {"build": "2026-05", "demo": False})
    shown = control(sandbox, "GET", "settings").json()
    assert shown == {
        "build": "2026-05",
        "ai_consent": True,
        "ai": "ok",
        "widgets_enabled": True,
        "rate_limits_enabled": False,
        "tile_seconds": 0.05,
        "workers": 4,
        "paid_features": True,
        "dashboard_limit": 500,
    }
    changed = control(sandbox, "PATCH", "settings", {"ai": "failing", "workers": 8}).json()
    assert changed == {**shown, "ai": "failing", "workers": 8}


@pytest.mark.parametrize(
    ("method", "path", "body", "message"),
    [
        ("PATCH", "settings", {"bild": "cloud"}, "unknown field bild"),
        ("PATCH", "settings", {"build": "2026-06"}, "build: '2026-06' is not one of"),
        ("PATCH", "settings", {"ai": "off"}, "ai: 'off' is not one of"),
        ("PATCH", "settings", {"ai_consent": 1}, "ai_consent: true or false"),
        ("PATCH", "settings", {"tile_seconds": -1}, "tile_seconds"),
        ("PATCH", "settings", {"workers": 0}, "workers"),
        ("PATCH", "settings", {"dashboard_limit": "x"}, "dashboard_limit"),
        ("POST", "reset", {"builds": "cloud"}, "unknown field builds"),
        ("POST", "reset", {"build": "x"}, "build: 'x' is not one of"),
        ("POST", "reset", {"demo": "yes"}, "demo: true or false"),
        ("POST", "keys", {"scopes": "dashboard:read"}, "scopes: a list"),
        ("POST", "keys", {"scopes": ["dashboard"]}, "scopes: a list"),
        ("POST", "keys", {"projects": [9]}, "projects:"),
        ("POST", "keys", {"user": 99}, "user: 99"),
        ("POST", "keys", {"kind": "jwt"}, "kind: 'jwt'"),
        ("POST", "clock", {}, "advance_seconds"),
        ("POST", "clock", {"advance_seconds": -1}, "advance_seconds"),
        ("POST", "events", {"project": 1}, "events: a list"),
        ("POST", "events", {"project": 9, "events": []}, "project: 9"),
        ("POST", "events", {"events": [{"event": "x"}]}, "events[0]"),
        ("DELETE", "events", {"project": 1}, "where"),
        ("DELETE", "events", {"project": 1, "where": "no such thing"}, "where: "),
        ("POST", "access", {"access": "none"}, "exactly one of insight and dashboard"),
        ("POST", "access", {"insight": 9, "access": "none"}, "insight: there is no 9"),
        ("POST", "faults", {"fault": {"status": 503}, "path": "/"}, "unknown field path"),
        ("POST", "faults", [], "an object is expected"),
    ],
)
def test_what_is_wrong_is_told(sandbox, method, path, body, message):
    reply = control(sandbox, method, path, body)
    assert reply.status_code == 400
    assert message in reply.json()["error"]


def test_other_calls(sandbox):
    assert control(sandbox, "GET", "nothing").status_code == 404
    assert control(sandbox, "GET", "reset").status_code == 405
    assert control(sandbox, "POST", "reset", content=b"{").status_code == 400


def test_reset_forgets_everything_but_the_owners_key(sandbox, api, session, caller):
    key, other = sandbox.personal_api_key, caller(scopes=["*"])
    board = api.dashboard()["id"]
    sandbox.advance(3600)
    sandbox.settings(ai="failing")
    sandbox.fault({"status": 503}, times=None)
    control(sandbox, "POST", "reset", {"build": "2026-04"})
    assert sandbox.personal_api_key == key
    assert sandbox.log() == []
    assert sandbox.settings()["build"] == "2026-04"
    assert sandbox.settings()["ai"] == "ok"
    assert api.get(f"dashboards/{board}").status_code == 404
    assert other.get("dashboards").status_code == 401
    assert session.get("dashboards").status_code == 401
    now = parsedate_to_datetime(api.get("dashboards").headers["Date"])
    assert abs(now - datetime.now(now.tzinfo)) < timedelta(seconds=30)


def test_keys(sandbox):
    key = control(sandbox, "POST", "keys", {"scopes": ["dashboard:read"], "projects": None, "user": 7}).json()["key"]
    assert key.startswith("phx_")
    url = f"{sandbox.url}/api/projects/1/dashboards"
    assert httpx.get(url, headers={"Authorization": f"Bearer {key}"}, verify=False).status_code == 200


def test_the_clock_moves_dates_and_caches(sandbox, api):
    board = api.dashboard()["id"]
    api.insight(board)
    api.tiles(board, refresh="blocking")
    before = parsedate_to_datetime(api.get("dashboards/999").headers["Date"])
    now = control(sandbox, "POST", "clock", {"advance_seconds": 7 * 86400}).json()["now"]
    assert now.endswith("Z")
    after = parsedate_to_datetime(api.get("nothing").headers["Date"])
    assert timedelta(days=7) <= after - before < timedelta(days=7, seconds=30)
    assert api.tiles(board)[0]["insight"]["result"] is None


def test_events(sandbox, api):
    events = [
        {
            "event": "signup",
            "distinct_id": str(number),
            "timestamp": "2026-06-01T10:00:00Z",
            "properties": {"n": number},
        }
        for number in range(4)
    ]
    assert control(sandbox, "POST", "events", {"project": 1, "events": events}).json() == {"count": 4}
    where = "event = 'signup' and timestamp >= '2026-06-01'"
    assert control(sandbox, "DELETE", "events", {"project": 2, "where": where}).json() == {"count": 0}
    query = {"kind": "HogQLQuery", "query": "select count() from events where event = 'signup'"}
    assert api.ok("POST", "query", {"query": query})["results"] == [[4]]
    assert control(sandbox, "DELETE", "events", {"project": 1, "where": where}).json() == {"count": 4}
    assert api.ok("POST", "query", {"query": query, "refresh": "force_blocking"})["results"] == [[0]]


def test_the_log(sandbox, api, session):
    sandbox.clear_log()
    board = api.dashboard(name="x")["id"]
    session.get(f"dashboards/{board}/", refresh="force_cache")
    httpx.get(
        f"{sandbox.url}/api/projects/1/dashboards/", params={"personal_api_key": "phx_secret", "limit": 1}, verify=False
    )
    log = control(sandbox, "GET", "log").json()["requests"]
    assert [(entry["method"], entry["path"], entry["status"], entry["credential"]) for entry in log] == [
        ("POST", "/api/projects/1/dashboards/", 201, "personal_api_key"),
        ("GET", f"/api/projects/1/dashboards/{board}/", 200, "session"),
        ("GET", "/api/projects/1/dashboards/", 401, None),
    ]
    assert log[0]["action"] == "dashboards.create"
    assert log[1]["query"] == "refresh=force_cache"
    assert log[1]["bytes"] > 500
    assert log[1]["milliseconds"] > 0
    assert log[2]["query"] == "personal_api_key=***&limit=1"
    assert "phx_" not in str(log)


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example.com"},
        {"Host": ""},
        {"Origin": "http://evil.example.com"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_pages_of_other_sites_are_refused(sandbox, headers):
    assert control(sandbox, "POST", "reset", {}, headers=headers).status_code == 403


def test_this_machines_own_names_are_fine(sandbox):
    port = sandbox.url.rpartition(":")[2]
    for host in ("localhost", f"localhost:{port}", f"127.0.0.1:{port}", f"[::1]:{port}"):
        assert control(sandbox, "GET", "settings", headers={"Host": host}).status_code == 200
    same = {"Origin": sandbox.url, "Sec-Fetch-Site": "same-origin"}
    assert control(sandbox, "GET", "settings", headers=same).status_code == 200


def test_access(sandbox, api, login):
    board = api.dashboard()["id"]
    insight = api.insight(board)
    member = login("member@example.com")
    sandbox.set_access("none", insight=insight["id"], user=8)
    seen = member.tiles(board)[0]
    assert seen["insight"] == {"id": insight["id"], "short_id": insight["short_id"], "user_access_level": "none"}
    assert (seen["last_refresh"], seen["is_cached"]) == (None, False)
    assert api.tiles(board)[0]["insight"]["query"]["kind"] == "InsightVizNode"
    assert member.get(f"insights/{insight['id']}").status_code == 403
    sandbox.set_access("viewer", dashboard=board)
    refused = api("PATCH", f"dashboards/{board}", {"name": "x"})
    assert refused.json()["detail"] == "You do not have editor access to this resource."
    sandbox.set_access("none", dashboard=board)
    refused = api.get(f"dashboards/{board}")
    assert refused.json()["detail"] == "You do not have viewer access to this resource."
    assert api.get("dashboards").json()["count"] == 0


@pytest.mark.parametrize(
    ("client", "status"), [(("10.0.0.5", 1), 403), (None, 403), (("127.0.0.1", 1), 200), (("::1", 1), 200)]
)
def test_other_machines_are_refused(sandbox, client, status):
    scope = {
        "type": "http",
        "method": "GET",
        "scheme": "http",
        "path": "/_sandbox/settings",
        "query_string": b"",
        "headers": [(b"host", b"localhost:8010")],
        "client": client,
        "server": ("0.0.0.0", 8010),
    }
    assert handle(sandbox._running, Request(scope), b"")[0] == status
