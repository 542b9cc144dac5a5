"""Routes, credentials, projects, scopes, throttles: contract 1.1 to 2.4, and the order of the checks."""

from __future__ import annotations

import httpx
import pytest

DASHBOARD_ACTIONS = {
    ("GET", "dashboards/"): "dashboard:read",
    ("GET", "dashboards/999/"): "dashboard:read",
    ("POST", "dashboards/"): "dashboard:write",
    ("PUT", "dashboards/999/"): "dashboard:write",
    ("PATCH", "dashboards/999/"): "dashboard:write",
    ("DELETE", "dashboards/999/"): "dashboard:write",
    ("POST", "dashboards/999/copy_tile/"): "dashboard:write",
    ("POST", "dashboards/999/reorder_tiles/"): "dashboard:write",
    ("GET", "dashboards/999/run_insights/"): "query:read",
    ("GET", "data_color_themes/"): "project:read",
    ("POST", "data_color_themes/"): "project:write",
    ("PATCH", "data_color_themes/999/"): "project:write",
    ("DELETE", "data_color_themes/999/"): "project:write",
    ("GET", "insights/999/"): "insight:read",
    ("POST", "insights/"): "insight:write",
    ("GET", "query/none/"): "query:read",
    ("DELETE", "query/none/"): "query:read",
    ("POST", "annotations/"): "annotation:write",
}
SINCE_MAY = {
    ("POST", "dashboards/999/move_tile/"): "dashboard:write",
    ("PATCH", "dashboards/999/move_tile/"): "dashboard:write",
    ("POST", "dashboards/999/create_text_tile/"): "dashboard:write",
    ("POST", "dashboards/999/update_text_tile/"): "dashboard:write",
    ("POST", "dashboards/999/delete_tile/"): "dashboard:write",
    ("GET", "dashboards/999/run_widgets/"): "dashboard:read",
    ("POST", "dashboards/999/widgets/batch/"): "dashboard:write",
    ("GET", "dashboards/widget_catalog/"): "dashboard:read",
}
SESSION_ONLY = [
    ("GET", "dashboards/999/stream_tiles/"),
    ("POST", "dashboards/bulk_update_tags/"),
    ("POST", "dashboards/create_from_template_json/"),
    ("POST", "dashboards/create_unlisted_dashboard/"),
]
UNTIL_MAY = [("POST", "dashboards/999/snapshot/"), ("POST", "dashboards/999/analyze_refresh_result/")]


def scoped(build: str) -> dict[tuple[str, str], str]:
    found = dict(DASHBOARD_ACTIONS)
    if build == "2026-04":
        found["POST", "dashboards/999/generate_metadata/"] = "dashboard:write"
    else:
        found |= SINCE_MAY
    if build == "cloud":
        found["PATCH", "dashboards/999/widgets/batch_update/"] = "dashboard:write"
    return found


def session_only(build: str) -> list[tuple[str, str]]:
    april = [("PATCH", "dashboards/999/move_tile/")] if build == "2026-04" else []
    return [*SESSION_ONLY, *april, *([] if build == "cloud" else UNTIL_MAY)]


@pytest.mark.parametrize("name", ["2026-04", "2026-05", "cloud"])
def test_every_action_wants_its_scope_before_it_looks_for_the_object(sandbox, caller, name):
    sandbox.settings(build=name)
    other = caller(scopes=["person:write"])
    for (method, path), scope in scoped(name).items():
        refused = other(method, path)
        assert refused.status_code == 403, path
        assert refused.json() == {
            "type": "authentication_error",
            "code": "permission_denied",
            "detail": f"API key missing required scope '{scope}'",
            "attr": None,
        }
        granted = caller(scopes=[scope])(method, path)
        assert granted.status_code not in (401, 403), (path, granted.text)


@pytest.mark.parametrize("name", ["2026-04", "2026-05", "cloud"])
@pytest.mark.parametrize("kind", ["personal_api_key", "oauth"])
def test_session_only_actions_refuse_every_key(sandbox, caller, session, name, kind):
    sandbox.settings(build=name)
    key = caller(scopes=["*"], kind=kind)
    words = "Personal API Key" if name == "2026-04" else "personal API key"
    for method, path in session_only(name):
        refused = key(method, path)
        assert refused.status_code == 403
        assert refused.json()["detail"] == f"This action does not support {words} access"
        assert session(method, path).status_code != 403


@pytest.mark.parametrize(
    ("name", "missing"),
    [
        ("2026-04", [*list(SINCE_MAY)[2:], ("PATCH", "dashboards/1/widgets/batch_update")]),
        ("2026-05", [("POST", "dashboards/1/generate_metadata"), ("PATCH", "dashboards/1/widgets/batch_update")]),
        ("cloud", [("POST", "dashboards/1/generate_metadata"), *UNTIL_MAY]),
    ],
)
def test_what_a_build_does_not_have_is_no_endpoint_even_without_a_credential(sandbox, name, missing):
    sandbox.settings(build=name)
    for method, path in [*missing, ("GET", "nothing"), ("GET", "dashboards/1/nothing"), ("GET", "dashboards/1/a/b/c")]:
        reply = httpx.request(method, f"{sandbox.url}/api/projects/1/{path}", verify=False)
        assert reply.status_code == 404
        assert reply.json() == {
            "type": "invalid_request",
            "code": "not_found",
            "detail": "Endpoint not found.",
            "attr": None,
        }, path


@pytest.mark.parametrize("path", ["", "api", "api/", "api/projects", "api/projects/1", "api/nothing/1/dashboards"])
def test_other_paths_are_no_endpoints(sandbox, path):
    assert httpx.get(f"{sandbox.url}/{path}", verify=False).json()["detail"] == "Endpoint not found."


def test_write_satisfies_read_and_a_star_everything(caller):
    assert caller(scopes=["dashboard:write"]).get("dashboards").status_code == 200
    assert caller(scopes=["*"]).get("dashboards").status_code == 200
    assert caller(scopes=["dashboard:read"])("POST", "dashboards", {}).status_code == 403
    board = caller().dashboard()["id"]
    assert caller(scopes=["dashboard:write"]).get(f"dashboards/{board}/run_insights").status_code == 403


def test_a_key_is_found_in_header_body_and_query_in_this_order(sandbox):
    url, key = f"{sandbox.url}/api/projects/1/dashboards/", sandbox.personal_api_key
    assert httpx.get(url, params={"personal_api_key": key}, verify=False).status_code == 200
    assert httpx.post(url, json={"personal_api_key": key, "name": "x"}, verify=False).status_code == 201
    assert httpx.post(url, data={"personal_api_key": key, "name": "x"}, verify=False).status_code == 201
    wrong = {"Authorization": "Bearer phx_wrong"}
    for options, place in [
        ({"headers": wrong, "params": {"personal_api_key": key}}, "request Authorization header"),
        ({"json": {"personal_api_key": "no"}, "params": {"personal_api_key": key}}, "request body"),
        ({"params": {"personal_api_key": "no"}}, "request query string"),
    ]:
        reply = httpx.post(url, **options, verify=False)
        assert reply.status_code == 401
        assert reply.json() == {
            "type": "authentication_error",
            "code": "authentication_failed",
            "detail": f"Personal API key found in {place} is invalid.",
            "attr": None,
        }


def test_no_credential(sandbox):
    reply = httpx.get(f"{sandbox.url}/api/projects/99/dashboards/", verify=False)
    assert (reply.status_code, reply.json()["code"]) == (401, "not_authenticated")
    assert reply.json()["detail"] == "Authentication credentials were not provided."


def test_a_project_secret_key_is_refused(sandbox):
    headers = {"Authorization": "Bearer phs_something"}
    assert httpx.get(f"{sandbox.url}/api/projects/1/dashboards/", headers=headers, verify=False).status_code == 403


def test_an_oauth_token_lives_for_an_hour(sandbox, caller):
    token = caller(scopes=["dashboard:read"], kind="oauth")
    assert token.get("dashboards").status_code == 200
    assert sandbox.log()[-1]["credential"] == "oauth"
    sandbox.advance(3600)
    assert token.get("dashboards").status_code == 401


def test_login_and_csrf(sandbox, session):
    assert session("POST", "dashboards", {"name": "x"}).status_code == 201
    del session.http.headers["X-CSRFToken"]
    assert session.get("dashboards").status_code == 200
    for headers in ({}, {"X-CSRFToken": "wrong"}):
        refused = session("POST", "dashboards", {"name": "x"}, headers=headers)
        assert refused.status_code == 403
        assert refused.json()["detail"].startswith("CSRF Failed: ")
    sandbox.advance(14 * 86400)
    assert session.get("dashboards").json()["code"] == "not_authenticated"


@pytest.mark.parametrize(
    ("body", "code", "attr"),
    [
        ({"email": "owner@example.com", "password": "no"}, "invalid_credentials", None),
        ({"email": "nobody@example.com", "password": "sandbox"}, "invalid_credentials", None),
        ({"password": "sandbox"}, "required", "email"),
        ({"email": "owner@example.com"}, "required", "password"),
    ],
)
def test_a_wrong_login(sandbox, body, code, attr):
    reply = httpx.post(f"{sandbox.url}/api/login/", json=body, verify=False)
    assert (reply.status_code, reply.json()["code"], reply.json()["attr"]) == (400, code, attr)
    assert not reply.cookies


def test_projects(caller, login):
    assert caller(project="2").get("dashboards").status_code == 200
    for project in ("4", "abc", "-1"):
        reply = caller(project=project).get("dashboards")
        assert (reply.status_code, reply.json()["detail"]) == (404, "Project not found.")
    foreign = caller(project="3").get("dashboards")
    assert (foreign.status_code, foreign.json()["detail"]) == (403, "You don't have access to the project.")
    assert login("outsider@example.com", project="3").get("dashboards").status_code == 200
    limited = caller(scopes=["*"], projects=[1], project="2").get("dashboards")
    assert limited.status_code == 403
    assert limited.json()["detail"] == "API key does not have access to the requested project: ID 2."


def test_an_object_of_another_project_is_not_found(caller):
    board = caller(project="2").dashboard()["id"]
    assert caller().get(f"dashboards/{board}").json()["detail"] == "Not found."


def test_the_other_spellings_of_a_path(sandbox, api):
    board = api.dashboard()["id"]
    for path in (
        f"projects/1/dashboards/{board}",
        f"projects/1/dashboards/{board}/",
        f"projects/@current/dashboards/{board}/",
        f"environments/1/dashboards/{board}",
        f"dashboard/{board}",
        f"dashboard/{board}/",
    ):
        reply = api.http.get(f"{sandbox.url}/api/{path}")
        assert reply.status_code == 200, path
        assert reply.json()["id"] == board
        assert not reply.history


def test_a_wrong_method_is_told_once_the_caller_is_known(sandbox, api):
    assert httpx.post(f"{sandbox.url}/api/projects/1/dashboards/1/run_insights", verify=False).status_code == 401
    reply = api("POST", "dashboards/1/run_insights", {})
    assert (reply.status_code, reply.json()) == (
        405,
        {
            "type": "invalid_request",
            "code": "method_not_allowed",
            "detail": 'Method "POST" not allowed.',
            "attr": None,
        },
    )


@pytest.mark.parametrize("accept", ["application/json", "*/*", "text/html, */*;q=0.1", "text/event-stream"])
def test_acceptable(api, accept):
    reply = api("GET", "dashboards", headers={"Accept": accept})
    assert (reply.status_code, reply.headers["content-type"]) == (200, "application/json")


def test_not_acceptable_and_unsupported(api, session):
    reply = api("GET", "dashboards", headers={"Accept": "text/csv"})
    assert (reply.status_code, reply.json()["code"]) == (406, "not_acceptable")
    xml = {"content": b"<x/>", "headers": {"Content-Type": "application/xml"}}
    reply = api("POST", "dashboards", **xml)
    assert (reply.status_code, reply.json()["code"]) == (415, "unsupported_media_type")
    form = session("POST", "dashboards/create_from_template_json", data={"template": "{}"})
    assert form.status_code == 415


def test_json_that_can_not_be_parsed(api):
    for content in (b"{", b"\xff", b'{"name": NaN}'):
        reply = api("POST", "dashboards", content=content, headers={"Content-Type": "application/json"})
        assert (reply.status_code, reply.json()["code"]) == (400, "parse_error")
        assert reply.json()["detail"].startswith("JSON parse error - ")


def test_forms_are_bodies_too(api):
    board = api("POST", "dashboards", data={"name": "form", "pinned": "true", "tags": ["a", "B"]})
    assert board.status_code == 201
    assert (board.json()["name"], board.json()["pinned"], board.json()["tags"]) == ("form", True, ["a", "b"])
    multipart = api("PATCH", f"dashboards/{board.json()['id']}", files={"name": (None, "parts")})
    assert multipart.json()["name"] == "parts"


def test_a_dashboard_id_that_is_no_number(api):
    assert api.get("dashboards/abc").status_code == 500


class TestThrottle:
    def test_nothing_is_throttled_unless_switched_on(self, api):
        assert {api.get("dashboards").status_code for _ in range(490)} == {200}

    def test_the_burst_limit(self, sandbox, caller, session):
        sandbox.settings(rate_limits_enabled=True)
        key = caller(scopes=["dashboard:read"])
        assert [key("POST", "dashboards", {}).status_code for _ in range(20)] == [403] * 20
        assert {key.get("dashboards").status_code for _ in range(480)} == {200}
        refused = key.get("dashboards")
        assert refused.status_code == 429
        wait = int(refused.headers["Retry-After"])
        assert 1 <= wait <= 60
        assert refused.json()["type"] == "throttled_error"
        assert refused.json()["detail"] == f"Request was throttled. Expected available in {wait} seconds."
        assert session.get("dashboards").status_code == 200
        assert caller(scopes=["dashboard:read"]).get("dashboards").status_code == 200
        sandbox.advance(wait)
        assert key.get("dashboards").status_code == 200

    def test_insights_have_a_bucket_of_their_own(self, sandbox, api):
        sandbox.settings(rate_limits_enabled=True)
        assert {api.get("insights/1").status_code for _ in range(240)} == {404}
        assert api.get("insights/1").status_code == 429
        assert api.get("dashboards").status_code == 200

    def test_an_unknown_dashboard_counts_an_unknown_route_does_not(self, sandbox, api):
        sandbox.settings(rate_limits_enabled=True)
        assert {api.get("dashboards/1/snapshot").status_code for _ in range(481)} == {404}
        assert {api.get("dashboards/1").status_code for _ in range(480)} == {404}
        assert api.get("dashboards/1").status_code == 429
