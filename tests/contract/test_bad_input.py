"""Bad input for every public function of the client: refused unsent, or answered by the server's own words.

`CALLS` has a call of every endpoint that would do, and says of what kind each of its arguments is; `BAD` has the values
that no argument of a kind may have. Every bad value is tried in every argument of its kind, the others left as they
are, against a real sandbox, whose log must then be empty. What only the server can know is in `ANSWERED`.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from typing import Any

import pytest

from airflow_dashboards.posthog import (
    BadRequestError,
    Client,
    ConflictError,
    ConsentRequiredError,
    EndpointNotFoundError,
    FlowClient,
    KeyNotAccepted,
    MissingScopeError,
    NotFoundError,
    OAuthToken,
    PermissionDeniedError,
    PersonalAPIKey,
    PostHogAPIError,
    PostHogArgumentError,
    ProjectNotFoundError,
    RetryPolicy,
    ServerError,
    SessionCookies,
    SessionLogin,
    ValidationError,
)
from airflow_dashboards.posthog.endpoint import endpoint, streaming

SECRET = "phx_do_not_show"
NOW = datetime(2026, 6, 1, tzinfo=timezone.utc)
NAIVE = datetime(2026, 6, 1)  # noqa: DTZ001 - that it has no timezone is the point
TILE = {"type": "TEXT", "body": "x", "layouts": {}}
TEMPLATE = {"template_name": "x", "dashboard_description": "", "dashboard_filters": {}, "tiles": [TILE]}
WIDGET = {"widget_type": "error_tracking_list", "config": {}}


class Odd:
    """Nothing that JSON can say."""


ID = [0, -1, True, 1.5, "x", "42", [1], {}, SECRET]
BAD: dict[str, list[Any]] = {
    "id": [*ID, None],
    "optional id": ID,
    "insight id": [0, -1, True, None, "", "a/b", "../x", 1.5, "a?b"],
    "ids": [[], "1,2", 7, [0], ["x"], [True], [1, None], {}, None],
    "optional ids": [[], "1,2", 7, [0], ["x"], [True], {}],
    "distinct ids": [[], "1,2", 7, [0], [3, 1, 3], None],
    "insight's dashboards": ["1,2", 7, [0], ["x"], {"a": 1}],
    "refresh": ["force-blocking", "blokcing", "FORCE_CACHE", "", "true", "async_except_on_cache_miss", None, True, 1],
    "choice": ["nope", "", 7, True, ["json"]],
    "required object": [[], "{}", 7, {1: 2}, {"a": Odd()}, None],
    "object": [[1], "{}", 7, {1: 2}, {"a": Odd()}],
    "filters": [[1], "x", 7, {1: 2}, {"a": Odd()}, {}],
    "search": ["", "  ", "x" * 201, 7, "\ud800", "a\x00b"],
    "words": ["", "  ", 7, ["x"], "a\x00b"],
    "required words": ["", "  ", 7, ["x"], None, "a\x00b"],
    "name": ["x" * 401, 7, ["x"], "\ud800"],
    "theme name": ["x" * 101, "", " ", 7, None],
    "theme's new name": ["x" * 101, "", " ", 7, None],
    "prose": [7, ["x"], "a\x00b"],
    "body": ["", " \n", "x" * 4001, 7, None, "\ud800"],
    "new body": ["", " \n", "x" * 4001, 7, "\ud800"],
    "color": ["x" * 401, 7, "a\x00b"],
    "tags": ["etl", 7, {"a": 1}, [""], [" "], [None], [7], ["ok", "x" * 256]],
    "tags to add": ["etl", 7, None, [], [""], ["ok", " "]],
    "flag": ["yes", "true", 1, 0, [True]],
    "count": [0, -1, True, 1.5, "9"],
    "offset": [-1, True, 1.5, "9", None],
    "list": ["x", {"a": 1}, 7, [Odd()]],
    "level": [22, True, "37", 21.5],
    "uuids": ["x", ["x"], 7, [None], {"a": 1}],
    "instant": ["2026-06-01", NAIVE, 7],
    "required instant": ["2026-06-01", NAIVE, 7, None],
    "layouts": [
        [1], "x", {"lg": {}}, {"sm": 3}, {"sm": {"x": -1}}, {"sm": {"w": 0}}, {"sm": {"x": 1.5}}, {"xs": {"d": 1}},
    ],
    "tiles": [
        *([], {}, [7], [{}], [{"id": 0}], [{"id": "x"}], [{"text": {"body": ""}}], [{"text": {"body": "x" * 4001}}]),
    ],
    "widgets": [
        *([], {}, "x", [7], [{}], [{"widget_type": "x"}], [{"config": {}}], [{**WIDGET, "config": []}], [WIDGET] * 11),
        *([{**WIDGET, "name": "x" * 401}], [{**WIDGET, "widget_type": " "}], None),
    ],
    "client results": [
        *([], "x", {"x": {}}, {1: {}}, {0: {"insight_name": "x", "data": [1]}}, {1: {"data": [1]}}, {1: "x"}),
        *({1: {"insight_name": "", "data": [1]}}, {1: {"insight_name": "x", "data": []}}, {1: {"insight_name": "x"}}),
    ],
    "template": [
        *({name: value for name, value in TEMPLATE.items() if name != key} for key in TEMPLATE),
        *(None, [], "x", {**TEMPLATE, "tiles": []}, {**TEMPLATE, "tiles": [7]}, {**TEMPLATE, "tags": [" "]}),
        *({**TEMPLATE, "tiles": [{**TILE, "layouts": None}]}, {**TEMPLATE, "tiles": [{"layouts": {}, "body": "x"}]}),
        *({**TEMPLATE, "tiles": [{**TILE, "type": "Text"}]}, {**TEMPLATE, "tiles": [{**TILE, "body": " "}]}),
        *({**TEMPLATE, "variables": [{"id": 7}]}, {**TEMPLATE, "dashboard_filters": []}),
        {**TEMPLATE, "template_name": 7},
    ],
    "query id": ["", " ", None, 7],
}  # fmt: skip

LIST = {
    "search": ("search", None),
    "tags": ("tags", ()),
    "creation_mode": ("choice", None),
    "exclude_generated": ("flag", False),
    "pinned": ("flag", None),
    "folder": ("words", None),
}
OVERRIDES = {"filters_override": ("object", None), "variables_override": ("object", None)}
FIELDS = {
    "description": ("prose", "x"),
    "pinned": ("flag", True),
    "tags": ("tags", ["etl"]),
    "variables": ("object", {"a": {}}),
    "breakdown_colors": ("list", [1]),
    "data_color_theme_id": ("optional id", 3),
    "restriction_level": ("level", 21),
    "quick_filter_ids": ("uuids", []),
}
ON = {"id": ("id", 42)}
#: Endpoint -> argument -> its kind, and a value that would do.
CALLS: dict[str, dict[str, tuple[str, Any]]] = {
    "dashboards.page": {**LIST, "limit": ("count", 10), "offset": ("offset", 0)},
    "dashboards.list": {**LIST, "page_size": ("count", 10)},
    "dashboards.get": {**ON, "refresh": ("refresh", "blocking"), **OVERRIDES, "packed": ("flag", False)},
    "dashboards.create": {
        "name": ("name", "x"),
        **FIELDS,
        "filters": ("object", {"a": 1}),
        "use_template": ("words", None),
        "use_dashboard": ("optional id", 7),
        "duplicate_tiles": ("flag", True),
        "create_in_folder": ("words", "a"),
    },
    "dashboards.update": {
        **ON,
        "name": ("name", "x"),
        **FIELDS,
        "filters": ("filters", {"a": 1}),
        "last_refresh": ("instant", NOW),
        "last_accessed_at": ("instant", NOW),
        "tiles": ("tiles", [{"id": 7}]),
        "duplicate_tiles": ("flag", True),
    },
    "dashboards.delete": {**ON, "delete_insights": ("flag", True)},
    "dashboards.restore": ON,
    "dashboards.snapshot": {**ON, "client_results": ("client results", None)},
    "dashboards.analyze_refresh_result": {**ON, "cache_key": ("required words", "k")},
    "dashboards.generate_metadata": ON,
    "dashboards.run_insights": {
        **ON,
        "refresh": ("refresh", "blocking"),
        "output_format": ("choice", "json"),
        **OVERRIDES,
        "tile_ids": ("optional ids", [1]),
        "max_result_chars": ("count", 10),
    },
    "dashboards.stream_tiles": {
        **ON,
        "refresh": ("refresh", "blocking"),
        "layout_size": ("choice", "sm"),
        **OVERRIDES,
    },
    "dashboards.run_widgets": {**ON, "tile_ids": ("ids", [1])},
    "dashboards.add_widgets": {**ON, "widgets": ("widgets", [WIDGET])},
    "dashboards.widget_catalog": {},
    "dashboards.bulk_update_tags": {"ids": ("ids", [1]), "action": ("choice", "add"), "tags": ("tags to add", ["x"])},
    "dashboards.create_from_template_json": {
        "template": ("template", TEMPLATE),
        "creation_context": ("words", "x"),
        "create_in_folder": ("words", "x"),
    },
    "dashboards.create_unlisted": {"tag": ("required words", "llm-analytics")},
    "dashboards.copy_tile": {**ON, "from_dashboard_id": ("id", 3), "tile_id": ("id", 7)},
    "dashboards.move_tile": {**ON, "tile_id": ("id", 7), "to_dashboard": ("id", 3)},
    "dashboards.reorder_tiles": {**ON, "tile_order": ("distinct ids", [1]), "layout": ("choice", None)},
    "dashboards.create_text_tile": {
        **ON,
        "body": ("body", "x"),
        "layouts": ("layouts", None),
        "color": ("color", None),
    },
    "dashboards.update_text_tile": {
        **ON,
        "tile_id": ("id", 7),
        "body": ("new body", "x"),
        "layouts": ("layouts", None),
        "color": ("color", None),
    },
    "dashboards.delete_tile": {**ON, "tile_id": ("id", 7)},
    "insights.get": {
        "id": ("insight id", 7),
        "refresh": ("refresh", "blocking"),
        "from_dashboard": ("optional id", None),
    },
    "insights.create": {
        "query": ("required object", {"kind": "x"}),
        "name": ("name", "x"),
        "description": ("prose", "x"),
        "dashboards": ("insight's dashboards", [1]),
        "tags": ("tags", ["x"]),
        "saved": ("flag", True),
    },
    "insights.update": {
        "id": ("insight id", 7),
        "query": ("required object", {"kind": "x"}),
        "name": ("name", "x"),
        "description": ("prose", "x"),
        "dashboards": ("insight's dashboards", [1]),
        "tags": ("tags", ["x"]),
        "saved": ("flag", True),
        "favorited": ("flag", True),
        "deleted": ("flag", True),
    },
    "query.status": {"query_id": ("query id", "x"), "results": ("flag", True)},
    "query.cancel": {"query_id": ("query id", "x")},
    "data_color_themes.list": {},
    "data_color_themes.get": ON,
    "data_color_themes.create": {"name": ("theme name", "x"), "colors": ("list", [])},
    "data_color_themes.update": {**ON, "name": ("theme's new name", "x"), "colors": ("list", [])},
    "data_color_themes.delete": ON,
    "annotations.create": {
        "content": ("required words", "x"),
        "date_marker": ("required instant", NOW),
        "scope": ("choice", "project"),
        "dashboard_id": ("optional id", None),
        "dashboard_item": ("optional id", None),
    },
}
#: How messages call an argument, where not by its name.
CALLED = {
    "id": r"(dashboard|theme|insight) id",
    "create_in_folder": "create_in_folder",
    "limit": "page_size",
    "layouts": "layouts",
    "client_results": "client_results",
}
#: Not arguments of their own: two that exclude each other, and what says nothing.
TOGETHER: dict[str, Callable[[Any], Any]] = {
    "use_template": lambda c: c.dashboards.create(name="x", use_template="a", use_dashboard=1),
    "use_dashboard": lambda c: c.dashboards.create(name="x", duplicate_tiles=True),
    "Nothing to change: dashboard": lambda c: c.dashboards.update(42),
    "Nothing to change: body": lambda c: c.dashboards.update_text_tile(42, tile_id=7),
    "Nothing to change: insight": lambda c: c.insights.update(7),
    "Nothing to change: theme": lambda c: c.data_color_themes.update(3),
    "destination itself": lambda c: c.dashboards.copy_tile(42, from_dashboard_id=42, tile_id=7),
    "at most 500": lambda c: c.dashboards.bulk_update_tags([*range(1, 502)], action="add", tags=["x"]),
    "at most 10": lambda c: c.dashboards.run_widgets(42, tile_ids=[*range(1, 12)]),
    "needs dashboard_id": lambda c: c.annotations.create(content="x", date_marker=NOW, scope="dashboard"),
    "needs dashboard_item": lambda c: c.annotations.create(content="x", date_marker=NOW, scope="dashboard_item"),
}


def bad_calls() -> Iterator[Any]:
    for name, arguments in CALLS.items():
        for argument, (kind, _) in arguments.items():
            for index, value in enumerate(BAD[kind]):
                yield pytest.param(name, argument, value, id=f"{name}-{argument}-{index}")


@pytest.fixture
def client(begin: Any) -> Iterator[Client]:
    world = begin("cloud")
    credential = PersonalAPIKey(world.sandbox.personal_api_key)
    with Client(world.sandbox.url, 1, credential, retry=RetryPolicy(attempts=1)) as client:
        yield client


@pytest.fixture
def log(client: Client, _world: Any) -> Any:
    """What the sandbox was asked."""
    return _world.sandbox.log


def of(client: Any, name: str) -> Any:
    resource, _, method = name.partition(".")
    return getattr(getattr(client, resource), method)


def refusal(call: Callable[[], Any]) -> PostHogArgumentError:
    def ask() -> None:
        result = call()
        if inspect.isgenerator(result):
            list(result)

    with pytest.raises(PostHogArgumentError) as caught:
        ask()
    assert SECRET not in str(caught.value)
    assert len(str(caught.value)) < 600
    return caught.value


@pytest.mark.parametrize(("name", "argument", "value"), [*bad_calls()])
def test_refused_unsent(client: Client, log: Any, name: str, argument: str, value: Any) -> None:
    given = {key: sound for key, (_, sound) in CALLS[name].items()} | {argument: value}
    if name == "dashboards.create" and argument == "use_template":
        given |= {"use_dashboard": None, "duplicate_tiles": None}
    refused = refusal(lambda: of(client, name)(**given))
    assert re.search(CALLED.get(argument, re.escape(argument)), str(refused)), refused
    assert log() == []


@pytest.mark.parametrize("words", TOGETHER)
def test_refused_together(client: Client, log: Any, words: str) -> None:
    refused = refusal(lambda: TOGETHER[words](client))
    assert all(part.strip() in str(refused) for part in words.split(":")), refused
    assert log() == []


def test_every_argument_of_every_endpoint_is_tried() -> None:
    flows = FlowClient(7)
    found = {}
    for resource in ("dashboards", "insights", "query", "data_color_themes", "annotations"):
        kind = type(getattr(flows, resource))
        for name in dir(kind):
            member = inspect.getattr_static(kind, name)
            if isinstance(member, endpoint | streaming):
                arguments = inspect.signature(member.__wrapped__ if hasattr(member, "__wrapped__") else member.flow)
                found[f"{resource}.{name}"] = set(arguments.parameters) - {"self"}
    assert {name: set(arguments) for name, arguments in CALLS.items()} == found


CLIENTS: dict[str, Callable[[], Any]] = {
    "host is missing": lambda: Client("", 1, PersonalAPIKey("phx_x")),
    "begins with http": lambda: Client("us.posthog.com", 1, PersonalAPIKey("phx_x")),
    "not contain credentials": lambda: Client(f"https://a:{SECRET}@b.test", 1, PersonalAPIKey("phx_x")),
    "must end after": lambda: Client("https://a.test/project/7", 1, PersonalAPIKey("phx_x")),
    "where events are sent": lambda: Client("https://eu.i.posthog.com", 1, PersonalAPIKey("phx_x")),
    "valid address": lambda: Client("https://a.test:port", 1, PersonalAPIKey("phx_x")),
    "project id must": lambda: Client("https://a.test", 0, PersonalAPIKey("phx_x")),
    "project id": lambda: Client("https://a.test", SECRET, PersonalAPIKey("phx_x")),
    "credential must be": lambda: Client("https://a.test", 1, SECRET),  # type: ignore[arg-type]
    "timeout must be": lambda: Client("https://a.test", 1, PersonalAPIKey("phx_x"), timeout=0),
    "timeout": lambda: Client("https://a.test", 1, PersonalAPIKey("phx_x"), timeout=float("nan")),
    "key is empty": lambda: PersonalAPIKey(" "),
    "can not be sent": lambda: PersonalAPIKey(f"{SECRET} x"),
    "public ingestion token": lambda: PersonalAPIKey("phc_x"),
    "project secret key": lambda: PersonalAPIKey("phs_x"),
    "token is empty": lambda: OAuthToken(""),
    "e-mail": lambda: SessionLogin("owner", "x"),
    "password": lambda: SessionLogin("owner@example.com", ""),
    "empty": lambda: SessionCookies("", "x"),
}


@pytest.mark.parametrize("words", CLIENTS)
def test_clients_and_credentials_that_can_not_work(words: str) -> None:
    assert words in str(refusal(CLIENTS[words]))


def scoped(world: Any, *scopes: str) -> Any:
    return PersonalAPIKey(world.sandbox.new_key(scopes))


Answered = tuple[str, str, Callable[[Any], Any], type[PostHogAPIError], str | None]
MISSING = "Not found."
NO_KEYS = "This action does not support"
#: Build, credential, call, error, and the server's own words (null where the contract gives none).
ANSWERED: list[Answered] = [
    ("cloud", "*", lambda c: c.dashboards.get(999), NotFoundError, MISSING),
    ("cloud", "*", lambda c: c.dashboards.update(999, name="x"), NotFoundError, MISSING),
    ("cloud", "*", lambda c: c.dashboards.delete(999), NotFoundError, MISSING),
    ("cloud", "*", lambda c: c.dashboards.restore(999), NotFoundError, MISSING),
    ("cloud", "*", lambda c: c.dashboards.run_insights(999), NotFoundError, MISSING),
    ("cloud", "*", lambda c: c.dashboards.copy_tile(999, from_dashboard_id=1, tile_id=1), NotFoundError, MISSING),
    ("cloud", "*", lambda c: c.dashboards.move_tile(999, to_dashboard=1, tile_id=1), NotFoundError, MISSING),
    ("cloud", "*", lambda c: c.dashboards.reorder_tiles(999, tile_order=[1]), NotFoundError, MISSING),
    ("cloud", "*", lambda c: c.dashboards.create_text_tile(999, body="x"), NotFoundError, MISSING),
    ("cloud", "*", lambda c: c.dashboards.update_text_tile(999, tile_id=1, body="x"), NotFoundError, MISSING),
    ("cloud", "*", lambda c: c.dashboards.delete_tile(999, tile_id=1), NotFoundError, MISSING),
    ("cloud", "*", lambda c: c.dashboards.run_widgets(999, tile_ids=[1]), NotFoundError, MISSING),
    ("cloud", "*", lambda c: c.dashboards.add_widgets(999, widgets=[WIDGET]), NotFoundError, MISSING),
    ("cloud", "session", lambda c: [*c.dashboards.stream_tiles(999)], NotFoundError, MISSING),
    ("cloud", "*", lambda c: c.insights.get(999), NotFoundError, MISSING),
    ("cloud", "*", lambda c: c.insights.get("zzzzzzzz"), NotFoundError, MISSING),
    ("cloud", "*", lambda c: c.insights.update(999, name="x"), NotFoundError, MISSING),
    ("cloud", "*", lambda c: c.query.status("nope"), NotFoundError, "Query nope not found for team 1"),
    ("cloud", "*", lambda c: c.query.cancel("nope"), NotFoundError, "Query nope not found for team 1"),
    ("cloud", "*", lambda c: c.data_color_themes.get(999), NotFoundError, MISSING),
    ("cloud", "*", lambda c: c.data_color_themes.update(999, name="x"), NotFoundError, MISSING),
    ("cloud", "*", lambda c: c.data_color_themes.delete(999), NotFoundError, MISSING),
    ("cloud", "*", lambda c: c.dashboards.create(name="x", use_template="nope"), ValidationError, None),
    ("cloud", "*", lambda c: c.dashboards.create(name="x", use_dashboard=999), ValidationError, None),
    ("cloud", "*", lambda c: c.dashboards.create(name="x", data_color_theme_id=999), ValidationError, None),
    ("cloud", "*", lambda c: c.dashboards.add_widgets(1, widgets=[{**WIDGET, "widget_type": "no"}]), NotFoundError,
     MISSING),
    ("2026-04", "session", lambda c: c.dashboards.snapshot(999), NotFoundError, MISSING),
    ("2026-05", "session", lambda c: c.dashboards.analyze_refresh_result(999, cache_key="x"), NotFoundError, MISSING),
    ("cloud", "session", lambda c: c.dashboards.snapshot(999), EndpointNotFoundError, "Endpoint not found."),
    ("cloud", "session", lambda c: c.dashboards.analyze_refresh_result(1, cache_key="x"), EndpointNotFoundError,
     "Endpoint not found."),
    ("cloud", "*", lambda c: c.dashboards.generate_metadata(1), EndpointNotFoundError, "Endpoint not found."),
    ("2026-04", "*", lambda c: c.dashboards.create_text_tile(1, body="x"), EndpointNotFoundError,
     "Endpoint not found."),
    ("2026-04", "*", lambda c: c.dashboards.widget_catalog(), EndpointNotFoundError, "Endpoint not found."),
    ("2026-05", "*", lambda c: c.dashboards.snapshot(1), KeyNotAccepted, NO_KEYS),
    ("2026-04", "*", lambda c: c.dashboards.move_tile(1, tile_id=1, to_dashboard=2), KeyNotAccepted, NO_KEYS),
    ("cloud", "*", lambda c: [*c.dashboards.stream_tiles(1)], KeyNotAccepted, NO_KEYS),
    ("cloud", "*", lambda c: c.dashboards.bulk_update_tags([1], action="add", tags=["x"]), KeyNotAccepted, NO_KEYS),
    ("cloud", "*", lambda c: c.dashboards.create_from_template_json(TEMPLATE), KeyNotAccepted, NO_KEYS),
    ("cloud", "*", lambda c: c.dashboards.create_unlisted("llm-analytics"), KeyNotAccepted, NO_KEYS),
    ("cloud", "person:read", lambda c: c.dashboards.list(), MissingScopeError,
     "API key missing required scope 'dashboard:read'"),
    ("cloud", "dashboard:read", lambda c: c.dashboards.create(name="x"), MissingScopeError,
     "API key missing required scope 'dashboard:write'"),
    ("cloud", "dashboard:write", lambda c: c.dashboards.run_insights(1), MissingScopeError,
     "API key missing required scope 'query:read'"),
    ("cloud", "dashboard:write", lambda c: c.insights.get(1), MissingScopeError,
     "API key missing required scope 'insight:read'"),
    ("cloud", "session", lambda c: c.dashboards.create_unlisted("nope"), BadRequestError, "Unknown template tag: nope"),
    ("cloud", "session", lambda c: (c.dashboards.create_unlisted("llm-analytics"),
                                    c.dashboards.create_unlisted("llm-analytics")), ConflictError,
     "Unlisted dashboard with tag 'llm-analytics' already exists"),
    ("cloud", "session", lambda c: c.dashboards.bulk_update_tags([*range(1, 501)], action="add",
                                                                  tags=[f"t{n}" for n in range(21)]),
     ValidationError, None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("build", "who", "call", "kind", "words"),
    [pytest.param(*row, id=f"{index}-{row[3].__name__}") for index, row in enumerate(ANSWERED)],
)
def test_answered_by_the_servers_own_words(
    begin: Any, build: str, who: str, call: Any, kind: type[PostHogAPIError], words: str | None
) -> None:
    world = begin(build)
    credential = SessionLogin("owner@example.com", "sandbox") if who == "session" else scoped(world, who)
    with (
        Client(world.sandbox.url, 1, credential, retry=RetryPolicy(attempts=1)) as client,
        pytest.raises(PostHogAPIError) as caught,
    ):
        call(client)
    error = caught.value
    (*_, last) = world.sandbox.log()
    assert type(error) is kind
    assert error.status == last["status"]
    assert error.detail
    assert (words or error.detail) in error.detail
    assert error.detail.rstrip(".") in str(error)
    assert last["path"] in str(error)


@pytest.mark.parametrize(
    ("project", "kind", "words"),
    [
        (987654, ProjectNotFoundError, "Project not found."),
        (3, PermissionDeniedError, "You don't have access to the project."),
    ],
)
def test_other_projects(begin: Any, project: int, kind: type[PostHogAPIError], words: str) -> None:
    world = begin("cloud")
    with Client(world.sandbox.url, project, scoped(world, "*")) as client, pytest.raises(kind) as caught:
        client.dashboards.list()
    assert caught.value.detail == words


def test_consent_and_server_faults(begin: Any) -> None:
    world = begin("2026-05", ai_consent=False)
    login = SessionLogin("owner@example.com", "sandbox")
    with Client(world.sandbox.url, 1, login, retry=RetryPolicy(attempts=1)) as client:
        with pytest.raises(ConsentRequiredError, match="AI data processing must be approved"):
            client.dashboards.snapshot(1)
        world.sandbox.settings(build="2026-04")
        board = client.dashboards.create(name="x")
        with pytest.raises(ServerError):
            client.dashboards.update(board.id, tiles=[{"id": 999, "color": "blue"}])


def test_how_many_there_are() -> None:
    """Proof 5 asks for at least 150."""
    assert len([*bad_calls()]) + len(TOGETHER) + len(CLIENTS) + len(ANSWERED) >= 150
