"""Every endpoint on every build with every credential: contract 1.2 to 1.5, 2.4 and section 3 as tables.

`ROUTES` says which scope each build wants for a route; `CREDENTIALS` says what a credential is and what it is worth.
Everything else is generated. A refusal is asked for with the id of no object: it comes before the object is looked up
(contract 1.3). A credential that is accepted is tried twice: with such an id, and with an object that is there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

BUILDS = ("2026-04", "2026-05", "cloud")
#: The id of nothing.
NOWHERE = 987_654_321

SESSION_ONLY = "session only"
ABSENT = "no such route"
NOT_FOUND = (404, "not_found", None, "Not found.")
ENDPOINT_NOT_FOUND = (404, "not_found", None, "Endpoint not found.")
PROJECT_NOT_FOUND = (404, "not_found", None, "Project not found.")

READ, WRITE = "dashboard:read", "dashboard:write"

Make = Callable[[Any], tuple[dict[str, Any], Any]]


def nothing(_world: Any) -> tuple[dict[str, Any], Any]:
    return {}, {}


@dataclass(frozen=True)
class Route:
    """One method of one path.

    Attributes:
        rule: What builds A, B and C want of a key: a scope, `SESSION_ONLY`, or `ABSENT`.
        ok: Status of the answer where the object is there.
        missing: The answer where it is not; None for routes without an id.
        make: Makes what the request is about: ids for the path (and `body`'s own), and the body that must succeed.
        body: The body when nothing was made, valid as far as possible.
    """

    name: str
    method: str
    path: str
    rule: tuple[str, str, str]
    ok: int
    missing: Any = None
    make: Make = nothing
    body: Any = None
    query: dict[str, str] = field(default_factory=dict)


def board(world: Any) -> tuple[dict[str, Any], Any]:
    return {"id": world.board()}, None


def with_text(body: Callable[[int], Any]) -> Make:
    """A dashboard with a text tile."""

    def make(world: Any) -> tuple[dict[str, Any], Any]:
        made = world.board()
        return {"id": made}, body(world.text(made))

    return make


def change_of(body: Any) -> Make:
    return lambda world: ({"id": world.board()}, body)


def copy(world: Any) -> tuple[dict[str, Any], Any]:
    source = world.board()
    return {"id": world.board()}, {"fromDashboardId": source, "tileId": world.text(source)}


def move(world: Any) -> tuple[dict[str, Any], Any]:
    source, destination = world.board(), world.board()
    key = "toDashboard" if world.build == "2026-04" else "to_dashboard"
    return {"id": source}, {key: destination, "tile": {"id": world.text(source)}}


def analyze(world: Any) -> tuple[dict[str, Any], Any]:
    made = world.board()
    taken = world.json("POST", f"dashboards/{made}/snapshot", {}, who="session")
    return {"id": made}, {"cache_key": taken["cache_key"]}


def run_widgets(world: Any) -> tuple[dict[str, Any], Any]:
    return {"id": world.board()}, None


def unlisted(world: Any) -> tuple[dict[str, Any], Any]:
    """There may be one already; it is deleted first (contract 3.21: 409 for a live one)."""
    for found in world.json("GET", "dashboards/", params={"creation_mode": "unlisted"})["results"]:
        world.delete_board(found["id"])
    return {}, {"tag": "llm-analytics"}


def bulk(world: Any) -> tuple[dict[str, Any], Any]:
    return {}, {"ids": [world.board()], "action": "add", "tags": ["etl"]}


def template(world: Any) -> tuple[dict[str, Any], Any]:
    tile = {"type": "TEXT", "body": "## Loads", "color": None, "layouts": {}}
    return {}, {
        "template": {"template_name": "x", "dashboard_description": "", "dashboard_filters": {}, "tiles": [tile]}
    }


def theme(body: Any = None) -> Make:
    def make(world: Any) -> tuple[dict[str, Any], Any]:
        made = world.json("POST", "data_color_themes/", {"name": "Corporate"}, status=201, who="session")
        return {"id": made["id"]}, body

    return make


def insight(body: Any = None) -> Make:
    return lambda world: ({"id": world.insight()["id"]}, body)


def running_query(world: Any) -> tuple[dict[str, Any], Any]:
    made = world.board()
    world.insight(made)
    (tile,) = world.json("GET", f"dashboards/{made}/", params={"refresh": "force_async"}, who="session")["tiles"]
    query_id = tile["insight"]["query_status"]["id"]
    world.finished(query_id)
    return {"id": query_id}, None


def rule(april: str, may: str | None = None, cloud: str | None = None) -> tuple[str, str, str]:
    second = may if may is not None else april
    return april, second, cloud if cloud is not None else second


UNKNOWN_QUERY = (404, "not_found", None, f"Query {NOWHERE} not found for team 1")
TEXT_BOX = {"body": "## Loads"}
WIDGETS = {"widgets": [{"widget_type": "error_tracking_list", "config": {}}]}
ANNOTATION = {"content": "loaded", "date_marker": "2026-06-01T06:00:00Z", "scope": "project"}
SEVENTH = {"tile": {"id": 7}, "to_dashboard": 8, "toDashboard": 8}
QUERY = {"kind": "HogQLQuery", "query": "select 1"}
SQL = {"kind": "DataVisualizationNode", "source": QUERY}

ROUTES = [
    # 3.1 to 3.5
    Route("list", "GET", "dashboards/", rule(READ), 200),
    Route("retrieve", "GET", "dashboards/{id}/", rule(READ), 200, NOT_FOUND, board),
    Route("create", "POST", "dashboards/", rule(WRITE), 201, body={"name": "Board"}),
    Route("update", "PUT", "dashboards/{id}/", rule(WRITE), 200, NOT_FOUND, change_of({"name": "x"}), {"name": "x"}),
    Route("patch", "PATCH", "dashboards/{id}/", rule(WRITE), 200, NOT_FOUND, change_of({"name": "x"}), {"name": "x"}),
    Route("destroy", "DELETE", "dashboards/{id}/", rule(WRITE), 405, 405, board),
    # 3.6 to 3.8
    Route(
        "snapshot",
        "POST",
        "dashboards/{id}/snapshot/",
        rule(SESSION_ONLY, SESSION_ONLY, ABSENT),
        200,
        NOT_FOUND,
        change_of({}),
        {},
    ),
    Route(
        "analyze",
        "POST",
        "dashboards/{id}/analyze_refresh_result/",
        rule(SESSION_ONLY, SESSION_ONLY, ABSENT),
        200,
        NOT_FOUND,
        analyze,
        {"cache_key": "x"},
    ),
    Route("metadata", "POST", "dashboards/{id}/generate_metadata/", rule(WRITE, ABSENT), 200, NOT_FOUND, board),
    # 3.9
    Route("stream", "GET", "dashboards/{id}/stream_tiles/", rule(SESSION_ONLY), 200, NOT_FOUND, board),
    # 3.10 to 3.12
    Route("move", "PATCH", "dashboards/{id}/move_tile/", rule(SESSION_ONLY, WRITE), 200, NOT_FOUND, move, SEVENTH),
    Route(
        "copy",
        "POST",
        "dashboards/{id}/copy_tile/",
        rule(WRITE),
        200,
        NOT_FOUND,
        copy,
        {"fromDashboardId": 3, "tileId": 45},
    ),
    Route(
        "reorder",
        "POST",
        "dashboards/{id}/reorder_tiles/",
        rule(WRITE),
        200,
        NOT_FOUND,
        with_text(lambda tile: {"tile_order": [tile]}),
        {"tile_order": [7]},
    ),
    # 3.13, 3.14
    Route(
        "new-text",
        "POST",
        "dashboards/{id}/create_text_tile/",
        rule(ABSENT, WRITE),
        201,
        NOT_FOUND,
        change_of(TEXT_BOX),
        TEXT_BOX,
    ),
    Route(
        "edit-text",
        "POST",
        "dashboards/{id}/update_text_tile/",
        rule(ABSENT, WRITE),
        200,
        NOT_FOUND,
        with_text(lambda tile: {"tile_id": tile, "body": "x"}),
        {"tile_id": 7, "body": "x"},
    ),
    Route(
        "delete-tile",
        "POST",
        "dashboards/{id}/delete_tile/",
        rule(ABSENT, WRITE),
        204,
        NOT_FOUND,
        with_text(lambda tile: {"tile_id": tile}),
        {"tile_id": 7},
    ),
    # 3.15 to 3.18
    Route("run-insights", "GET", "dashboards/{id}/run_insights/", rule("query:read"), 200, NOT_FOUND, board),
    Route(
        "run-widgets",
        "GET",
        "dashboards/{id}/run_widgets/",
        rule(ABSENT, READ),
        200,
        NOT_FOUND,
        run_widgets,
        query={"tile_ids": "7"},
    ),
    Route(
        "widgets",
        "POST",
        "dashboards/{id}/widgets/batch/",
        rule(ABSENT, WRITE),
        201,
        NOT_FOUND,
        change_of(WIDGETS),
        WIDGETS,
    ),
    Route("catalog", "GET", "dashboards/widget_catalog/", rule(ABSENT, READ), 200),
    # 3.19 to 3.21
    Route(
        "bulk-tags",
        "POST",
        "dashboards/bulk_update_tags/",
        rule(SESSION_ONLY),
        200,
        make=bulk,
        body={"ids": [NOWHERE], "action": "add", "tags": ["etl"]},
    ),
    Route(
        "template",
        "POST",
        "dashboards/create_from_template_json/",
        rule(SESSION_ONLY),
        200,
        make=template,
        body={"template": {}},
    ),
    Route(
        "unlisted",
        "POST",
        "dashboards/create_unlisted_dashboard/",
        rule(SESSION_ONLY),
        201,
        make=unlisted,
        body={"tag": "llm-analytics"},
    ),
    # 3.22
    Route("themes", "GET", "data_color_themes/", rule("project:read"), 200),
    Route("theme", "GET", "data_color_themes/{id}/", rule("project:read"), 200, NOT_FOUND, theme()),
    Route("new-theme", "POST", "data_color_themes/", rule("project:write"), 201, body={"name": "Corporate"}),
    Route(
        "put-theme",
        "PUT",
        "data_color_themes/{id}/",
        rule("project:write"),
        200,
        NOT_FOUND,
        theme({"name": "x"}),
        {"name": "x"},
    ),
    Route(
        "edit-theme",
        "PATCH",
        "data_color_themes/{id}/",
        rule("project:write"),
        200,
        NOT_FOUND,
        theme({"name": "x"}),
        {"name": "x"},
    ),
    Route("delete-theme", "DELETE", "data_color_themes/{id}/", rule("project:write"), 204, NOT_FOUND, theme()),
    # 3.23
    Route("insight", "GET", "insights/{id}/", rule("insight:read"), 200, NOT_FOUND, insight()),
    Route("new-insight", "POST", "insights/", rule("insight:write"), 201, body={"name": "x", "query": SQL}),
    Route(
        "edit-insight",
        "PATCH",
        "insights/{id}/",
        rule("insight:write"),
        200,
        NOT_FOUND,
        insight({"name": "x"}),
        {"name": "x"},
    ),
    Route("query", "GET", "query/{id}/", rule("query:read"), 200, UNKNOWN_QUERY, running_query),
    Route("cancel", "DELETE", "query/{id}/", rule("query:read"), 200, UNKNOWN_QUERY, running_query),
    Route("run-query", "POST", "query/", rule("query:read"), 200, body={"query": QUERY}),
    Route("annotate", "POST", "annotations/", rule("annotation:write"), 201, body=ANNOTATION),
]
#: Cloud has this route and its scope (contract 1.4); its body is not in the contract, so only the refusals are.
BATCH_UPDATE = Route("widgets-update", "PATCH", "dashboards/{id}/widgets/batch_update/", rule(ABSENT, ABSENT, WRITE), 0)

SCOPES = [
    *("dashboard:read", "dashboard:write", "insight:read", "insight:write", "query:read", "project:read"),
    *("project:write", "annotation:read", "annotation:write", "person:read"),
]
ACCEPTED = "accepted"
NO_KEYS = (403, "permission_denied", None, re.compile("(?i)^This action does not support personal api key access"))
MISSING_SCOPE = "API key missing required scope '{}'"
STRANGER = (403, "permission_denied", None, "You don't have access to the project.")
ELSEWHERE = (403, "permission_denied", None, "API key does not have access to the requested project: ID 1.")


def refused(code: str, where: str) -> tuple[Any, ...]:
    return 401, code, None, f"Personal API key found in request {where} is invalid."


Sent = tuple[dict[str, str], dict[str, str], dict[str, str]]


@dataclass(frozen=True)
class Credential:
    """Who asks.

    Attributes:
        sent: Headers, query and body keys that it adds, given the scope the route wants.
        verdict: What it is worth for a rule (a scope or `SESSION_ONLY`) and a route.
        suits: Routes that it can be tried on.
    """

    name: str
    sent: Callable[[Any, str], Sent]
    verdict: Callable[[str, Route], Any]
    suits: Callable[[str, Route], bool] = lambda _rule, _route: True


def in_header(world: Any, *scopes: str, **options: Any) -> Sent:
    return world.key(*scopes, **options), {}, {}


def as_read(scope: str) -> str:
    return scope.replace(":write", ":read")


def lacking(scope: str) -> list[str]:
    """Every scope but the one, and but the one that includes it."""
    return [other for other in SCOPES if other not in {scope, scope.replace(":read", ":write")}]


def keys(accepted: Any) -> Callable[[str, Route], Any]:
    return lambda rule, _route: NO_KEYS if rule == SESSION_ONLY else accepted


def without_scope(rule: str, _route: Route) -> Any:
    return NO_KEYS if rule == SESSION_ONLY else (403, "permission_denied", None, MISSING_SCOPE.format(rule))


def scoped(rule: str, _route: Route) -> bool:
    return rule != SESSION_ONLY


def has_body(_rule: str, route: Route) -> bool:
    return route.method in {"POST", "PUT", "PATCH"}


def unsafe(_rule: str, route: Route) -> bool:
    return route.method != "GET"


def everybody(verdict: Any) -> Callable[[str, Route], Any]:
    return lambda _rule, _route: verdict


def of_dashboards(_rule: str, route: Route) -> bool:
    return route.path.startswith("dashboards/")


def cookies_without_token(world: Any, _scope: str) -> Sent:
    return {"Cookie": world.session()["Cookie"]}, {}, {}


CREDENTIALS = [
    # Accepted where the route takes keys at all.
    Credential("key-exact", lambda w, scope: in_header(w, scope), keys(ACCEPTED), scoped),
    Credential("key-star", lambda w, _: in_header(w, "*"), keys(ACCEPTED)),
    Credential(
        "key-write-for-read",
        lambda w, scope: in_header(w, scope.replace(":read", ":write")),
        keys(ACCEPTED),
        lambda rule, route: scoped(rule, route) and rule.endswith(":read"),
    ),
    Credential("key-of-member", lambda w, _: in_header(w, "*", user=8), keys(ACCEPTED)),
    Credential("key-of-this-project", lambda w, _: in_header(w, "*", projects=[1]), keys(ACCEPTED)),
    Credential("key-in-query", lambda w, _: ({}, {"personal_api_key": w.sandbox.personal_api_key}, {}), keys(ACCEPTED)),
    Credential(
        "key-in-body",
        lambda w, _: ({}, {}, {"personal_api_key": w.sandbox.personal_api_key}),
        keys(ACCEPTED),
        has_body,
    ),
    Credential("oauth-exact", lambda w, scope: in_header(w, scope, kind="oauth"), keys(ACCEPTED), scoped),
    Credential("oauth-star", lambda w, _: in_header(w, "*", kind="oauth"), keys(ACCEPTED)),
    Credential("session", lambda w, _: (w.session(), {}, {}), everybody(ACCEPTED)),
    Credential("session-of-member", lambda w, _: (w.session("member@example.com"), {}, {}), everybody(ACCEPTED)),
    # The credential is good, and not for this.
    Credential("key-lacking", lambda w, scope: in_header(w, *lacking(scope)), without_scope),
    Credential("oauth-lacking", lambda w, scope: in_header(w, *lacking(scope), kind="oauth"), without_scope),
    Credential(
        "key-read-for-write",
        lambda w, scope: in_header(w, as_read(scope)),
        without_scope,
        lambda rule, _route: rule.endswith(":write"),
    ),
    Credential(
        "key-of-other-project",
        lambda w, _: in_header(w, "*", projects=[2]),
        lambda rule, _route: (403, "permission_denied", None, None) if rule == SESSION_ONLY else ELSEWHERE,
    ),
    Credential(
        "key-of-stranger",
        lambda w, _: in_header(w, "*", user=9),
        lambda rule, _route: (403, "permission_denied", None, None) if rule == SESSION_ONLY else STRANGER,
    ),
    Credential("session-of-stranger", lambda w, _: (w.session("outsider@example.com"), {}, {}), everybody(STRANGER)),
    Credential(
        "session-without-csrf", cookies_without_token, everybody((403, "permission_denied", None, None)), unsafe
    ),
    Credential("project-secret-key", lambda w, _: (w.bearer("phs_secret"), {}, {}), everybody(403), of_dashboards),
    # No credential, or one that nobody gave out.
    Credential(
        "none",
        lambda *_: ({}, {}, {}),
        everybody((401, "not_authenticated", None, "Authentication credentials were not provided.")),
    ),
    Credential(
        "wrong-key",
        lambda w, _: (w.bearer("phx_wrong"), {}, {}),
        everybody(refused("authentication_failed", "Authorization header")),
    ),
    Credential(
        "wrong-key-before-good-one",
        lambda w, _: (w.bearer("phx_wrong"), {"personal_api_key": w.sandbox.personal_api_key}, {}),
        everybody(refused("authentication_failed", "Authorization header")),
    ),
    Credential(
        "wrong-key-in-query",
        lambda *_: ({}, {"personal_api_key": "phx_wrong"}, {}),
        everybody(refused("authentication_failed", "query string")),
    ),
    Credential(
        "wrong-key-in-body",
        lambda *_: ({}, {}, {"personal_api_key": "phx_wrong"}),
        everybody(refused("authentication_failed", "body")),
        has_body,
    ),
    Credential(
        "wrong-oauth",
        lambda w, _: (w.bearer("pha_wrong"), {}, {}),
        everybody((401, "authentication_failed", None, None)),
    ),
    Credential(
        "project-token",
        lambda w, _: (w.bearer("phc_public"), {}, {}),
        everybody((401, "authentication_failed", None, None)),
    ),
    Credential(
        "dead-session",
        lambda *_: ({"Cookie": "sessionid=gone"}, {}, {}),
        everybody((401, "not_authenticated", None, None)),
        lambda _rule, route: route.method == "GET",
    ),
]


@dataclass(frozen=True)
class Case:
    """One cell of the matrix. `there`: the object exists."""

    build: str
    route: Route
    credential: Credential
    there: bool
    expected: Any

    def __str__(self) -> str:
        return f"{self.build}-{self.route.name}-{self.credential.name}{'-there' if self.there else ''}"


def cases() -> Iterator[Case]:
    for index, build in enumerate(BUILDS):
        for route in [*ROUTES, BATCH_UPDATE]:
            rule = route.rule[index]
            for credential in CREDENTIALS:
                if rule == ABSENT:
                    if credential.suits(WRITE, route):
                        yield Case(build, route, credential, False, ENDPOINT_NOT_FOUND)
                    continue
                if not credential.suits(rule, route):
                    continue
                verdict = credential.verdict(rule, route)
                if verdict != ACCEPTED:
                    yield Case(build, route, credential, False, verdict)
                elif route is not BATCH_UPDATE:
                    if route.missing is not None:
                        yield Case(build, route, credential, False, route.missing)
                    yield Case(build, route, credential, True, route.ok)


CASES = [*cases()]


def ask(world: Any, case: Case) -> Any:
    rule = case.route.rule[BUILDS.index(case.build)]
    ids, body = {"id": NOWHERE}, case.route.body
    if case.there:
        made, made_body = case.route.make(world)
        ids, body = {**ids, **made}, made_body or case.route.body
    headers, query, more = case.credential.sent(world, rule if ":" in rule else WRITE)
    if case.route.method in {"POST", "PUT", "PATCH"}:
        body = {**(body or {}), **more}
    path = case.route.path.format(**ids)
    return world.call(case.route.method, path, body, who=headers, params={**case.route.query, **query})


@pytest.mark.parametrize("case", CASES, ids=str)
def test_matrix(begin: Callable[..., Any], case: Case) -> None:
    world = begin(case.build, dashboard_limit=None)
    reply = ask(world, case)
    world.check(reply, case.expected)
    if case.route.name == "destroy" and reply.status_code == 405:
        assert reply.content == b""
        assert "content-type" not in reply.headers


def test_the_matrix_is_whole() -> None:
    """Every route of 1.4 in every build with every credential that can be tried on it, and no cell twice."""
    assert len({str(case) for case in CASES}) == len(CASES)
    for build in BUILDS:
        for route in [*ROUTES, BATCH_UPDATE]:
            tried = {case.credential.name for case in CASES if (case.build, case.route) == (build, route)}
            assert {"none", "wrong-key", "key-lacking", "oauth-lacking", "session-of-stranger"} <= tried
            assert route is BATCH_UPDATE or {"session", "key-star"} <= tried


PROJECTS = {
    "not-a-number": ("abc", PROJECT_NOT_FOUND),
    "unknown": ("987654", PROJECT_NOT_FOUND),
    "somebody-elses": ("3", STRANGER),
    "own": ("1", None),
    "second": ("2", None),
    "current": ("@current", None),
}


@pytest.mark.parametrize("prefix", ["projects", "environments"])
@pytest.mark.parametrize("who", ["key", "session"])
@pytest.mark.parametrize("project", PROJECTS)
@pytest.mark.parametrize("path", ["dashboards", "insights/987654321", "data_color_themes", "query/x"])
def test_projects(every: Any, prefix: str, who: str, project: str, path: str) -> None:
    name, expected = PROJECTS[project]
    reply = every.get(f"/api/{prefix}/{name}/{path}", who=who)
    if expected is not None:
        every.check(reply, expected)
    else:
        assert reply.status_code in {200, 404}
        assert "Endpoint" not in reply.text
        assert "Project" not in reply.text
    assert "location" not in reply.headers
