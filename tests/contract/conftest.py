"""What the contract tests share: a sandbox they speak plain HTTP to, and what an expected answer looks like.

The expectations come from the wire contract, never from the sandbox. Nothing of the client is used here.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from airflow_dashboards.sandbox import Sandbox

#: The contract's letters (0.2).
BUILDS = {"A": "2026-04", "B": "2026-05", "C": "cloud"}
#: Types of the normal envelope by status (contract 2.1).
TYPES = {
    400: "validation_error",
    401: "authentication_error",
    402: "limit_exceeded",
    403: "authentication_error",
    404: "invalid_request",
    405: "invalid_request",
    406: "invalid_request",
    415: "invalid_request",
    429: "throttled_error",
    500: "server_error",
}
TREND = {
    "kind": "InsightVizNode",
    "source": {
        "kind": "TrendsQuery",
        "series": [{"kind": "EventsNode", "event": "signup"}],
        "dateRange": {"date_from": "-7d"},
    },
}
TEMPLATE = {
    "template_name": "KPIs",
    "dashboard_description": "of the week",
    "dashboard_filters": {},
    "tiles": [
        {"type": "INSIGHT", "name": "Sign-ups", "description": "", "query": TREND, "color": None, "layouts": {}},
        {"type": "TEXT", "body": "## Loads", "color": None, "layouts": {}},
    ],
}


class World:
    """A sandbox, and callers of every kind. Paths are relative to project 1 unless they begin with a slash."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.http = httpx.Client(verify=False, trust_env=False, timeout=30)
        self._sessions: dict[str, dict[str, str]] = {}
        self.build = ""

    def begin(self, build: str, **settings: Any) -> World:
        """Forget everything."""
        self.sandbox.reset(build=build)
        self.sandbox.settings(tile_seconds=0, **settings)
        self._sessions = {}
        self.build = build
        return self

    # Who asks

    def bearer(self, token: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {token}"}

    def key(self, *scopes: str, **options: Any) -> dict[str, str]:
        """Headers of a new key."""
        return self.bearer(self.sandbox.new_key(scopes, **options))

    def session(self, email: str = "owner@example.com") -> dict[str, str]:
        """Headers of somebody who has logged in."""
        if email not in self._sessions:
            reply = self.http.post(f"{self.sandbox.url}/api/login", json={"email": email, "password": "sandbox"})
            assert reply.status_code == 200, reply.text
            cookies = {cookie.name: cookie.value or "" for cookie in reply.cookies.jar}
            self.http.cookies.clear()
            self._sessions[email] = {
                "Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items()),
                "X-CSRFToken": cookies["posthog_csrftoken"],
            }
        return dict(self._sessions[email])

    def who(self, name: str | dict[str, str]) -> dict[str, str]:
        if isinstance(name, dict):
            return name
        if name == "key":
            return self.bearer(self.sandbox.personal_api_key)
        if name == "nobody":
            return {}
        return self.session({"session": "owner", "member": "member", "outsider": "outsider"}[name] + "@example.com")

    # Requests

    def call(
        self, method: str, path: str, body: Any = None, *, who: str | dict[str, str] = "key", **options: Any
    ) -> httpx.Response:
        if body is not None:
            options["json"] = body
        headers = {**self.who(who), **options.pop("headers", {})}
        url = self.sandbox.url + (path if path.startswith("/") else f"/api/projects/1/{path}")
        reply = self.http.request(method, url, headers=headers, **options)
        self.http.cookies.clear()
        return reply

    def get(self, path: str, who: str | dict[str, str] = "key", **params: Any) -> httpx.Response:
        return self.call("GET", path, who=who, params=params)

    def post(self, path: str, body: Any = None, who: str | dict[str, str] = "key") -> httpx.Response:
        return self.call("POST", path, body, who=who)

    def patch(self, path: str, body: Any = None, who: str | dict[str, str] = "key") -> httpx.Response:
        return self.call("PATCH", path, body, who=who)

    def json(self, method: str, path: str, body: Any = None, *, status: int = 200, **options: Any) -> Any:
        """The answer of a call that must succeed."""
        reply = self.call(method, path, body, **options)
        assert reply.status_code == status, reply.text
        return reply.json() if reply.content else None

    # Content

    def board(self, **fields: Any) -> int:
        return int(self.json("POST", "dashboards/", {"name": "Board", **fields}, status=201, who="session")["id"])

    def dashboard(self, board: int, **params: Any) -> dict[str, Any]:
        found: dict[str, Any] = self.json("GET", f"dashboards/{board}/", params=params)
        return found

    def tiles(self, board: int, **params: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.dashboard(board, **params)["tiles"]
        return found

    def _new_tile(self, board: int, content: dict[str, Any]) -> int:
        before = {tile["id"] for tile in self.tiles(board)}
        after = self.json("PATCH", f"dashboards/{board}/", {"tiles": [content]}, who="session")["tiles"]
        (new,) = {tile["id"] for tile in after} - before
        return int(new)

    def text(self, board: int, body: str = "## Loads", **looks: Any) -> int:
        """A text tile's id; made as every build can (contract 3.4)."""
        return self._new_tile(board, {"text": {"body": body}, **looks})

    def button(self, board: int) -> int:
        button = {"url": "https://example.com", "text": "Go", "placement": "left", "style": "primary"}
        return self._new_tile(board, {"button_tile": button})

    def widget(self, board: int, kind: str = "error_tracking_list", **fields: Any) -> int:
        widgets = [{"widget_type": kind, "config": {}, **fields}]
        made = self.json("POST", f"dashboards/{board}/widgets/batch", {"widgets": widgets}, status=201)
        return int(made["tiles"][0]["id"])

    def insight(self, *boards: int, query: Any = TREND, **fields: Any) -> dict[str, Any]:
        made: dict[str, Any] = self.json(
            "POST",
            "insights/",
            {"name": "Sign-ups", "query": query, "dashboards": list(boards), **fields},
            status=201,
            who="session",
        )
        return made

    def insight_tile(self, board: int, query: Any = TREND, **fields: Any) -> int:
        return int(self.insight(board, query=query, **fields)["dashboard_tiles"][0]["id"])

    def place(self, board: int, tile: int, **layouts: Any) -> None:
        self.json("PATCH", f"dashboards/{board}/", {"tiles": [{"id": tile, "layouts": layouts}]})

    def delete_board(self, board: int, **fields: Any) -> None:
        self.json("PATCH", f"dashboards/{board}/", {"deleted": True, **fields})

    def finished(self, query_id: str) -> httpx.Response:
        """The status of a query, once it is over."""
        until = time.monotonic() + 20
        while time.monotonic() < until:
            reply = self.get(f"query/{query_id}/")
            if reply.status_code != 202:
                return reply
        raise AssertionError(f"{query_id} does not end")

    # Answers

    def check(self, reply: httpx.Response, expected: Any) -> None:
        """Compare an answer with what was expected.

        `expected`: a status; `(status, code, attr, detail)` for the normal envelope, with a pattern or None where the
        contract gives no exact words, and `...` for a code or attr it does not give; or `(status, body)` for any
        other JSON body, or a predicate of it.
        """
        if isinstance(expected, int):
            assert reply.status_code == expected, reply.text
            return
        status, *rest = expected
        assert reply.status_code == status, reply.text
        if len(rest) == 1:
            (body,) = rest
            if callable(body):
                assert body(reply.json()), reply.text
            else:
                assert reply.json() == body
            return
        code, attr, detail = rest
        answer = reply.json()
        kind = "invalid_request" if code == "parse_error" else TYPES[status]
        told = {"type": kind, "code": code, "attr": attr}
        known = {name: value for name, value in told.items() if value is not ...}
        assert {name: answer.get(name) for name in known} == known, answer
        assert set(answer) - {"extra", "error_event_id"} == {"type", "code", "detail", "attr"}
        assert answer["detail"]
        assert isinstance(answer["detail"], str)
        if isinstance(detail, re.Pattern):
            assert detail.search(answer["detail"]), answer["detail"]
        elif detail is not None:
            assert answer["detail"] == detail


def sse(text: str) -> list[dict[str, Any]]:
    """The events of a stream that has nothing but `data:` lines, each followed by a blank line (contract 4.8)."""
    assert text == "" or text.endswith("\n\n")
    lines = text.split("\n\n")[:-1]
    assert all(line.startswith("data: ") and "\n" not in line for line in lines), text
    return [json.loads(line.removeprefix("data: ")) for line in lines]


@pytest.fixture(scope="session")
def _world() -> Iterator[World]:
    with Sandbox() as sandbox:
        world = World(sandbox)
        yield world
        world.http.close()


@pytest.fixture
def begin(_world: World) -> Callable[..., World]:
    """Start afresh on a build: `begin("cloud", widgets_enabled=False)`."""
    return _world.begin


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A table `SENTENCES` of a module, each row on each of its builds: `(name, builds, ask, expected)`."""
    if "sentence" not in metafunc.fixturenames:
        return
    rows = metafunc.module.SENTENCES
    assert len({row[0] for row in rows}) == len(rows), "two rows with one name"
    metafunc.parametrize(
        ("build", "sentence"),
        [pytest.param(BUILDS[letter], row, id=f"{row[0]}-{BUILDS[letter]}") for row in rows for letter in row[1]],
    )


@pytest.fixture
def april(begin: Callable[..., World]) -> World:
    return begin("2026-04")


@pytest.fixture
def may(begin: Callable[..., World]) -> World:
    return begin("2026-05")


@pytest.fixture
def cloud(begin: Callable[..., World]) -> World:
    return begin("cloud")


@pytest.fixture(params=["2026-04", "2026-05", "cloud"])
def every(request: pytest.FixtureRequest, begin: Callable[..., World]) -> World:
    """Each build in turn."""
    return begin(request.param)


@pytest.fixture
def events_of() -> Callable[[str], list[dict[str, Any]]]:
    return sse
