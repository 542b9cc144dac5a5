"""The sandbox as a process of its own, driven over its control interface as any other program would."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from servers import Server, free_port


@dataclass
class LocalSandbox:
    """A PostHog of one build on a free loopback port.

    Args:
        log: the file its output goes to.
        build: `2026-04`, `2026-05` or `cloud`.
        demo: with the online shop's dashboards and 90 days of events.

    Raises:
        NotStartedError: from `start`, when it ends or is not ready in time.

    Example:
        >>> with LocalSandbox(Path("build/sandbox.log")) as sandbox:
        ...     sandbox.start()
        ...     key = sandbox.create_key(["dashboard:read"])
    """

    log: Path
    build: str = "cloud"
    demo: bool = True
    port: int = field(default_factory=free_port)

    def __post_init__(self) -> None:
        self.url = f"http://127.0.0.1:{self.port}"
        command = [sys.executable, "-m", "airflow_dashboards.sandbox", "--port", str(self.port), "--build", self.build]
        self.server = Server("sandbox", command, log=self.log, environment=os.environ)
        self._http = httpx.Client(base_url=self.url, timeout=120, trust_env=False)

    def __enter__(self) -> LocalSandbox:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()

    def start(self, *, seconds: float = 60) -> None:
        """Start the process, wait until it answers and give it its content."""
        self.server.start()
        self.server.wait_until(self._answers, seconds=seconds)
        self.control("POST", "reset", {"build": self.build, "demo": self.demo})

    def stop(self) -> None:
        """End the process; harmless when it does not run."""
        self.server.stop()
        self._http.close()

    def _answers(self) -> bool:
        try:
            return self._http.get("/_sandbox/settings").is_success
        except httpx.TransportError:
            return False

    def control(self, method: str, call: str, body: object = None) -> Any:
        """Return the answer of one call of the control interface."""
        answer = self._http.request(method, f"/_sandbox/{call}", json=body)
        if answer.is_error:
            raise RuntimeError(f"The sandbox answered {answer.status_code} to {method} {call}: {answer.text[:500]}")
        return answer.json()

    def create_key(self, scopes: Sequence[str]) -> str:
        """Return a new personal API key with these scopes."""
        return str(self.control("POST", "keys", {"scopes": list(scopes)})["key"])

    def requests(self) -> list[dict[str, Any]]:
        """Return the log of API requests so far."""
        entries: list[dict[str, Any]] = self.control("GET", "log")["requests"]
        return entries

    def connection(self, key: str, *, project_id: int = 1, **extra: Any) -> str:
        """Return the Airflow Connection of type `posthog` that reaches this sandbox, as `AIRFLOW_CONN_…` takes it."""
        return json.dumps(
            {"conn_type": "posthog", "host": self.url, "password": key, "extra": {"project_id": project_id, **extra}}
        )
