"""The sandbox as a server in a thread of this process, and its control interface as methods."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import uvicorn
from pydantic_core import from_json, to_json

from airflow_dashboards.sandbox import control
from airflow_dashboards.sandbox.app import SandboxApp
from airflow_dashboards.sandbox.connections import Connections
from airflow_dashboards.sandbox.encode import encode
from airflow_dashboards.sandbox.instance import Instance
from airflow_dashboards.sandbox.settings import Build

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from types import TracebackType

OWNER_EMAIL = "owner@example.com"
OWNER_PASSWORD = "sandbox"  # noqa: S105 - of a server on this machine


class Sandbox:
    """A PostHog on this machine.

    Args:
        build: `"2026-04"`, `"2026-05"` or `"cloud"` (contract 0.2).
        demo: Start with the demo's shop: three dashboards over 90 days of events.
        host: Address to listen on; the control interface answers to loopback peers only, whatever this is.
        port: 0 for a free one.

    Example:
        >>> with Sandbox(build="2026-05", demo=True) as sandbox:
        ...     client = Client(sandbox.url, 1, PersonalAPIKey(sandbox.personal_api_key))
        ...     sandbox.advance(600)
    """

    def __init__(self, build: str = "cloud", *, demo: bool = False, host: str = "127.0.0.1", port: int = 0) -> None:
        self._build = Build(build)
        self._demo = demo
        self._address = (host, port)
        self._instance: Instance | None = None
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None
        self._url = ""

    def __enter__(self) -> Sandbox:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Listen, and serve from a thread. The address is open when this returns.

        Raises:
            OSError: the port is taken.
        """
        if self._server is not None:
            raise RuntimeError("the sandbox is running already")
        is_ipv6 = ":" in self._address[0]
        listener = socket.create_server(self._address, family=socket.AF_INET6 if is_ipv6 else socket.AF_INET)
        host, port = listener.getsockname()[:2]
        self._url = f"http://[{host}]:{port}" if is_ipv6 else f"http://{host}:{port}"
        self._instance = Instance(self._build)
        connections = Connections()
        config = uvicorn.Config(
            SandboxApp(self._instance, connections),
            http=connections.protocol(),
            ws="none",
            lifespan="off",
            log_level="warning",
            access_log=False,
            date_header=False,
            server_header=False,
            # Longer than people poll: a connection closed just as it is used again looks like a fault.
            timeout_keep_alive=120,
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [listener]}, name="sandbox-server", daemon=True
        )
        if self._demo:
            self.reset(build=self._build.value, demo=True)
        self._thread.start()

    def stop(self) -> None:
        """End the server and its threads."""
        if self._server is None or self._thread is None or self._instance is None:
            return
        self._server.should_exit = True
        self._instance.close()
        self._thread.join(timeout=10)
        self._server = self._thread = self._instance = None

    @property
    def url(self) -> str:
        """Where it answers, `http://127.0.0.1:<port>`."""
        return self._url

    @property
    def personal_api_key(self) -> str:
        """The owner's key, with every scope; it outlives resets."""
        return self._running.personal_api_key or ""

    def conn_uri(self, *, session: bool = False, project_id: int = 1, key: str | None = None) -> str:
        """An Airflow connection URI for the sandbox: with the key, or with the owner's login.

        Args:
            session: Log in as owner@example.com instead of using a key.
            project_id: The project the connection is for.
            key: Another key than the owner's.
        """
        extra: dict[str, Any] = {"project_id": project_id}
        if session:
            extra["credential"] = "session"
        login, password = (OWNER_EMAIL, OWNER_PASSWORD) if session else ("", key or self.personal_api_key)
        account = f"{quote(login, safe='')}:{quote(password, safe='')}"
        query = urlencode({"__extra__": to_json(extra).decode()})
        return f"posthog://{account}@{quote(self.url, safe='')}/?{query}"

    def reset(self, *, build: str | None = None, demo: bool = False) -> dict[str, Any]:
        """Forget everything; returns the settings."""
        return self._control("POST", "reset", {"demo": demo, **({"build": build} if build else {})})

    def settings(self, **changes: Any) -> dict[str, Any]:
        """Change settings (none: only look); returns all of them."""
        return self._control("PATCH", "settings", changes) if changes else self._control("GET", "settings", {})

    def new_key(
        self,
        scopes: Iterable[str] = ("*",),
        *,
        projects: Iterable[int] | None = None,
        user: int = 7,
        kind: str = "personal_api_key",
    ) -> str:
        """Make a key of a user; `kind="oauth"` makes an OAuth access token."""
        limited = None if projects is None else list(projects)
        body = {"scopes": list(scopes), "projects": limited, "user": user, "kind": kind}
        return str(self._control("POST", "keys", body)["key"])

    def advance(self, seconds: float) -> str:
        """Move the sandbox's clock forward; returns its instant."""
        return str(self._control("POST", "clock", {"advance_seconds": seconds})["now"])

    def add_events(self, events: Sequence[Mapping[str, Any]], *, project: int = 1) -> int:
        """Add events; returns how many."""
        return int(self._control("POST", "events", {"project": project, "events": list(events)})["count"])

    def delete_events(self, where: str, *, project: int = 1) -> int:
        """Delete the events that match an SQL condition; returns how many."""
        return int(self._control("DELETE", "events", {"project": project, "where": where})["count"])

    def fault(
        self, fault: Mapping[str, Any], *, match: Mapping[str, Any] | None = None, times: int | None = 1
    ) -> dict[str, Any]:
        """Add a fault, e.g. `fault({"status": 503}, match={"method": "GET"}, times=3)`; see `faults`."""
        return self._control("POST", "faults", {"match": dict(match or {}), "times": times, "fault": dict(fault)})

    def clear_faults(self) -> None:
        """Drop all faults."""
        self._control("DELETE", "faults", {})

    def set_access(
        self,
        access: str,
        *,
        insight: int | None = None,
        dashboard: int | None = None,
        project: int = 1,
        user: int | None = None,
    ) -> None:
        """Give users another level on an insight or a dashboard: none, viewer, editor or manager."""
        target = {"insight": insight} if insight is not None else {"dashboard": dashboard}
        self._control("POST", "access", {"project": project, "access": access, "user": user, **target})

    def log(self) -> list[dict[str, Any]]:
        """The API requests so far; see `requestlog` for the keys."""
        requests: list[dict[str, Any]] = self._control("GET", "log", {})["requests"]
        return requests

    def clear_log(self) -> None:
        """Forget the requests so far."""
        self._control("DELETE", "log", {})

    @property
    def _running(self) -> Instance:
        if self._instance is None:
            raise RuntimeError("the sandbox is not running; use it in a `with` statement")
        return self._instance

    def _control(self, method: str, name: str, body: dict[str, Any]) -> dict[str, Any]:
        status, answer = control.dispatch(self._running, method, name, body)
        if status != 200:
            raise ValueError(answer["error"])
        result: dict[str, Any] = from_json(encode(answer))
        return result
