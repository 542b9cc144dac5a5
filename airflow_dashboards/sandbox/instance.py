"""One PostHog: everything that a reset forgets, and the lock around it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from airflow_dashboards.sandbox.auth import CredentialKind, Credentials
from airflow_dashboards.sandbox.cache import Cache
from airflow_dashboards.sandbox.clock import Clock
from airflow_dashboards.sandbox.engine import Engine
from airflow_dashboards.sandbox.faults import Faults
from airflow_dashboards.sandbox.requestlog import RequestLog
from airflow_dashboards.sandbox.settings import Build, Settings
from airflow_dashboards.sandbox.store import standard_content
from airflow_dashboards.sandbox.throttle import Throttle
from airflow_dashboards.sandbox.workers import Workers

if TYPE_CHECKING:
    from airflow_dashboards.sandbox.queries import Prepared

OWNER_ID = 7


class Instance:
    """The state of the sandbox. Hold `lock` to read or change any of it; computing happens outside it.

    The owner's key with all scopes (`personal_api_key`) stays the same over resets, as it is part of the standard
    content; keys made over the control interface do not.
    """

    def __init__(self, build: Build = Build.CLOUD) -> None:
        self._first_build = build
        self.lock = threading.RLock()
        self.engine = Engine()
        self.workers = Workers(Settings().workers)
        self.personal_api_key: str | None = None
        self.reset(build)

    def reset(self, build: Build | None = None) -> None:
        """Forget everything; without a build, go back to the one the instance was started as."""
        with self.lock:
            self.workers.clear()
            self.settings = Settings(build=build or self._first_build)
            self.workers.resize(self.settings.workers)
            self.clock = Clock()
            self.store = standard_content()
            self.cache = Cache(self.clock)
            self.credentials = Credentials()
            self.throttle = Throttle()
            self.faults = Faults()
            self.log = RequestLog()
            self.prepared: dict[Any, Prepared] = {}
            self.engine.reset()
            key = self.credentials.add_key(
                OWNER_ID, frozenset({"*"}), None, now=self.clock.now(), token=self.personal_api_key
            )
            self.personal_api_key = key.token

    def new_key(
        self,
        scopes: frozenset[str],
        projects: frozenset[int] | None,
        user_id: int,
        kind: CredentialKind = CredentialKind.PERSONAL_API_KEY,
    ) -> str:
        """Make a key; returns its token."""
        with self.lock:
            return self.credentials.add_key(user_id, scopes, projects, kind=kind, now=self.clock.now()).token

    def change_settings(self, changes: dict[str, Any]) -> None:
        """Switch; see `Settings.update` for what is refused."""
        with self.lock:
            self.settings.update(changes)
            self.workers.resize(self.settings.workers)

    def close(self) -> None:
        """End the threads and free the events' memory."""
        self.workers.close()
        self.engine.close()
