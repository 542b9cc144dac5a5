"""One sandbox for all of these tests, reset before each, and callers with every kind of credential."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from airflow_dashboards.sandbox import Sandbox

TREND = {
    "kind": "InsightVizNode",
    "source": {
        "kind": "TrendsQuery",
        "series": [{"kind": "EventsNode", "event": "signup"}],
        "dateRange": {"date_from": "-7d"},
    },
}
SQL = {
    "kind": "DataVisualizationNode",
    "source": {"kind": "HogQLQuery", "query": "select event, count() as n from events group by event"},
}
BROKEN_SQL = {"kind": "DataVisualizationNode", "source": {"kind": "HogQLQuery", "query": "select amout from events"}}


def trend(event: str = "signup", **source: Any) -> dict[str, Any]:
    """A trend of an event; different arguments have different cache keys."""
    series = [{"kind": "EventsNode", "event": event}]
    return {"kind": "InsightVizNode", "source": {**TREND["source"], "series": series, **source}}  # type: ignore[dict-item]


def new_client(**options: Any) -> httpx.Client:
    """Without certificates, whose loading takes longer than a test."""
    return httpx.Client(verify=False, timeout=30, **options)


class Caller:
    """Requests of one credential; paths are relative to project 1."""

    def __init__(self, sandbox: Sandbox, http: httpx.Client, project: str = "1") -> None:
        self.sandbox = sandbox
        self.http = http
        self.root = f"{sandbox.url}/api/projects/{project}"

    def __call__(self, method: str, path: str, json: Any = None, **options: Any) -> httpx.Response:
        if json is not None:
            options["json"] = json
        return self.http.request(method, f"{self.root}/{path}", **options)

    def get(self, path: str, **params: Any) -> httpx.Response:
        return self("GET", path, params=params)

    def ok(self, method: str, path: str, json: Any = None, status: int = 200) -> Any:
        reply = self(method, path, json)
        assert reply.status_code == status, reply.text
        return reply.json() if reply.content else None

    def dashboard(self, **body: Any) -> dict[str, Any]:
        return self.ok("POST", "dashboards/", {"name": "Board", **body}, 201)

    def insight(self, *dashboards: int, query: Any = TREND, **body: Any) -> dict[str, Any]:
        return self.ok("POST", "insights/", {"name": "I", "query": query, "dashboards": list(dashboards), **body}, 201)

    def tiles(self, dashboard: int, **params: Any) -> list[dict[str, Any]]:
        reply = self.get(f"dashboards/{dashboard}", **params)
        assert reply.status_code == 200, reply.text
        return reply.json()["tiles"]

    def finished(self, query_id: str) -> httpx.Response:
        """Poll a query status until it is over."""
        until = time.monotonic() + 20
        while time.monotonic() < until:
            reply = self.get(f"query/{query_id}/")
            if reply.status_code != 202:
                return reply
        raise AssertionError(f"{query_id} does not end")


@pytest.fixture(scope="session")
def running() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: Sandbox) -> Sandbox:
    running.reset(build="cloud")
    running.settings(tile_seconds=0)
    return running


@pytest.fixture
def build(sandbox: Sandbox) -> Callable[[str], None]:
    """Switch the build."""
    return lambda name: sandbox.settings(build=name) and None


@pytest.fixture
def caller(sandbox: Sandbox) -> Iterator[Callable[..., Caller]]:
    """Make callers: `caller()` with the owner's key, `caller(scopes=[…])` with another."""
    clients = []

    def make(scopes: list[str] | None = None, project: str = "1", **key: Any) -> Caller:
        token = sandbox.new_key(scopes, **key) if scopes is not None or key else sandbox.personal_api_key
        clients.append(new_client(headers={"Authorization": f"Bearer {token}"}))
        return Caller(sandbox, clients[-1], project)

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def api(caller: Callable[..., Caller]) -> Caller:
    """The owner, by key."""
    return caller()


@pytest.fixture
def login(sandbox: Sandbox) -> Iterator[Callable[..., Caller]]:
    """Callers by session: `login()` is the owner."""
    clients = []

    def make(email: str = "owner@example.com", project: str = "1") -> Caller:
        http = new_client()
        clients.append(http)
        reply = http.post(f"{sandbox.url}/api/login", json={"email": email, "password": "sandbox"})
        assert reply.json() == {"success": True}
        http.headers["X-CSRFToken"] = http.cookies["posthog_csrftoken"]
        return Caller(sandbox, http, project)

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def session(login: Callable[..., Caller]) -> Caller:
    """The owner, logged in."""
    return login()
