"""Where a command finds PostHog and its files: the environment, or an Airflow Connection."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from airflow_dashboards.hooks.connection import DEFAULT_HOST, ConnectionSettings

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Mapping

    from airflow_dashboards.posthog import AsyncClient, FlowClient
    from airflow_dashboards.posthog.flow import Flow
    from airflow_dashboards.refresh.doctor import Findings
    from airflow_dashboards.refresh.store import SnapshotStore

T = TypeVar("T")


class UsageError(Exception):
    """A command can't be carried out as it was given; nothing was sent."""


@dataclass(frozen=True)
class Access:
    """A PostHog project and a folder of captures.

    Both are found when they are first needed: comparing two files needs neither key nor project.
    """

    #: Reads the settings of the connection.
    read_settings: Callable[[], ConnectionSettings]
    #: Finds the storage path; takes the command's own argument.
    find_storage: Callable[[str | None], Any]
    #: Host and project, for finding captures of a dashboard.
    read_place: Callable[[], tuple[str, int]]

    def run(self, build: Callable[[FlowClient, ConnectionSettings], Flow[T]]) -> T:
        """Drive a flow to its end, as `PostHogHook.run` does."""
        settings = self.read_settings()

        async def drive() -> T:
            async with _client(settings) as client:
                return await client.run(build(client.flows, settings))

        return asyncio.run(drive())

    def examine(self) -> Findings:
        """Find out what the credential may do, in ten seconds at most, as `PostHogHook.test_connection` does."""
        from airflow_dashboards.refresh.doctor import QUICK, examine_quickly

        settings = self.read_settings()

        async def drive() -> Findings:
            async with _client(settings, **QUICK.client_arguments(settings.timeout)) as client:
                return await examine_quickly(client)

        return asyncio.run(drive())

    def store(self, path: str | None) -> SnapshotStore:
        """Return the store of captures; `path` is the command's own argument."""
        from airflow_dashboards.refresh.store import SnapshotStore

        return SnapshotStore(self.find_storage(path))


def _client(settings: ConnectionSettings, **changes: Any) -> AsyncClient:
    from airflow_dashboards.hooks.shared import shared
    from airflow_dashboards.posthog import AsyncClient

    common = shared(settings)
    arguments: dict[str, Any] = {
        "timeout": settings.timeout,
        "budget": common.budget,
        "capabilities": common.capabilities,
    }
    return AsyncClient(settings.host, settings.project_id, settings.credential, **arguments | changes)


def from_environment(options: Namespace, environment: Mapping[str, str] = os.environ) -> Access:
    """Return access as `POSTHOG_HOST`, `POSTHOG_PROJECT_ID` and `POSTHOG_API_KEY` describe it.

    The options `--host` and `--project-id` go before the variables. A key that starts with `pha_` is an OAuth token.
    """

    def place() -> tuple[str, int]:
        host = options.host or environment.get("POSTHOG_HOST") or DEFAULT_HOST
        project = options.project_id or environment.get("POSTHOG_PROJECT_ID")
        if not project:
            raise UsageError(
                "Which project? Set POSTHOG_PROJECT_ID, or say --project-id: the number in PostHog's address bar."
            )
        if not str(project).isascii() or not str(project).isdigit() or int(project) == 0:
            raise UsageError(f"POSTHOG_PROJECT_ID must be a whole number above 0, not {project!r}.")
        return host if "://" in host else f"https://{host}", int(project)

    def settings() -> ConnectionSettings:
        from airflow_dashboards.posthog import OAuthToken, PersonalAPIKey

        host, project = place()
        key = environment.get("POSTHOG_API_KEY", "").strip()
        if not key:
            raise UsageError(
                "No key: set POSTHOG_API_KEY to a personal API key (phx_…). It is not taken as an argument, which other"
                " users of this machine could read."
            )
        credential = OAuthToken(key) if key.startswith("pha_") else PersonalAPIKey(key)
        return ConnectionSettings(host=host, project_id=project, credential=credential)

    def storage(path: str | None) -> Any:
        return path_of(path or environment.get("POSTHOG_STORAGE_PATH") or "posthog")

    return Access(settings, storage, place)


def from_airflow(options: Namespace) -> Access:
    """Return access as an Airflow Connection describes it."""

    def settings() -> ConnectionSettings:
        # As Airflow's own commands do: without it only environment variables are looked at, not the database.
        os.environ.setdefault("_AIRFLOW_PROCESS_CONTEXT", "server")
        from airflow.models.connection import Connection

        from airflow_dashboards.compat import AirflowNotFoundException
        from airflow_dashboards.hooks.connection import parse_connection, read_extra

        try:
            found = Connection.get_connection_from_secrets(options.conn_id)
        except AirflowNotFoundException as error:
            raise UsageError(f"{error}. `airflow connections list` shows those there are.") from None
        if found.conn_type != "posthog":
            raise UsageError(f"Connection {options.conn_id!r} is of type {found.conn_type!r}, not 'posthog'.")
        return parse_connection(
            conn_id=options.conn_id,
            host=found.host,
            port=found.port,
            login=found.login,
            password=found.password,
            extra=read_extra(options.conn_id, found.extra),
        )

    def storage(path: str | None) -> Any:
        from airflow_dashboards.settings import storage_root

        return storage_root(path, None if path else settings().storage_path)

    def place() -> tuple[str, int]:
        found = settings()
        return found.host, found.project_id

    return Access(settings, storage, place)


def path_of(text: str) -> Any:
    """Return a path-like of the local disk or, where the text is an address, of an object store."""
    if "://" not in text:
        return Path(text).expanduser().absolute()
    from upath import UPath  # Airflow brings it

    return UPath(text)
