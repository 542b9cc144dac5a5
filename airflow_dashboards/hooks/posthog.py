"""From an Airflow Connection to a PostHog client."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from airflow.sdk import BaseHook
from airflow.sdk.log import mask_secret

from airflow_dashboards.hooks.connection import SECRET_FIELDS, ConnectionSettings, parse_connection, read_extra
from airflow_dashboards.hooks.shared import shared
from airflow_dashboards.metrics import observer
from airflow_dashboards.posthog import AsyncClient, Client, PostHogError
from airflow_dashboards.refresh.doctor import QUICK, examine_quickly
from airflow_dashboards.settings import storage_root

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from airflow.sdk import Connection, ObjectStoragePath

    from airflow_dashboards.posthog import FlowClient, RetryPolicy
    from airflow_dashboards.posthog.flow import Flow
    from airflow_dashboards.refresh.doctor import Findings

T = TypeVar("T")


class PostHogHook(BaseHook):
    """A PostHog project, as an Airflow Connection of type `posthog` describes it.

    Making a hook reads no connection and sends nothing. All clients of one process that use the same credential share
    one request budget and what was learnt of the server.

    Args:
        posthog_conn_id: id of the Connection.

    Example:
        >>> hook = PostHogHook("posthog_default")  # doctest: +SKIP
        >>> with hook.client as client:  # doctest: +SKIP
        ...     client.dashboards.get(42).name
        'Weekly KPIs'
    """

    conn_name_attr = "posthog_conn_id"
    default_conn_name = "posthog_default"
    conn_type = "posthog"
    hook_name = "PostHog"

    def __init__(self, posthog_conn_id: str = default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.posthog_conn_id = posthog_conn_id

    @cached_property
    def settings(self) -> ConnectionSettings:
        """What the connection says; read once.

        Raises:
            AirflowNotFoundException: there is no such connection.
            ConnectionFieldError: a field can't be used as it is.
        """
        return self._settings(self.get_connection(self.posthog_conn_id))

    async def asettings(self) -> ConnectionSettings:
        """As `settings`, without blocking an event loop: Airflow's triggerer forbids the synchronous way."""
        if "settings" not in self.__dict__:
            self.__dict__["settings"] = self._settings(await self.aget_connection(self.posthog_conn_id))
        return self.settings

    def _settings(self, connection: Connection) -> ConnectionSettings:
        # Decoded here, not by `extra_dejson`, whose masking speaks to the supervisor synchronously.
        extra = read_extra(self.posthog_conn_id, connection.extra)
        for secret in SECRET_FIELDS:
            if secret in extra:
                mask_secret(str(extra[secret]))
        return parse_connection(
            conn_id=self.posthog_conn_id,
            host=connection.host,
            port=connection.port,
            login=connection.login,
            password=connection.password,
            extra=extra,
        )

    @cached_property
    def client(self) -> Client:
        """A client for synchronous code. Close it, or use it in a `with`, when done."""
        return Client(**self._client_arguments(self.settings))

    async def aclient(self) -> AsyncClient:
        """Return a new client for asynchronous code; use it in an `async with`."""
        return AsyncClient(**self._client_arguments(await self.asettings()))

    def _client_arguments(self, settings: ConnectionSettings) -> dict[str, Any]:
        common = shared(settings)
        return {
            "host": settings.host,
            "project_id": settings.project_id,
            "credential": settings.credential,
            "timeout": settings.timeout,
            "budget": common.budget,
            "capabilities": common.capabilities,
            "observer": observer(),
        }

    def run(self, build: Callable[[FlowClient], Flow[T]], *, retry: RetryPolicy | None = None) -> T:
        """Drive a flow to its end with as much of it at the same time as it allows, and close the connections after.

        Inside a running event loop, such as a notebook's, one step follows the other.

        Args:
            build: makes the flow from `client.flows`.
            retry: how patient its calls are, where that is not as usual.

        Example:
            >>> hook.run(lambda flows: flows.dashboards.get(42))  # doctest: +SKIP
        """
        # Read before the loop starts: inside it Airflow refuses to fetch a connection synchronously.
        arguments = self._client_arguments(self.settings)
        if retry is not None:
            arguments["retry"] = retry
        if _in_event_loop():
            # Also where a signal has interrupted another `run`, and its handler asks something of its own.
            with Client(**arguments) as blocking:
                return blocking.run(build(blocking.flows))

        async def drive() -> T:
            async with AsyncClient(**arguments) as client:
                return await client.run(build(client.flows))

        return asyncio.run(drive())

    def get_conn(self) -> Client:
        """Return `client`; the name that Airflow's generic code uses."""
        return self.client

    def storage_root(self, argument: str | None = None) -> ObjectStoragePath:
        """Return where files of this connection are kept; `argument` goes before the connection's own path."""
        return storage_root(argument, self.settings.storage_path)

    def test_connection(self) -> tuple[bool, str]:
        """Try the connection with harmless calls; says what the credential may and may not do. Changes nothing.

        Takes ten seconds at most, whatever the connection's own timeout: a thread of Airflow's API server waits for it.

        Returns:
            Whether snapshot and refresh will work, and what was found out, in words without secrets.
        """
        try:
            arguments = self._client_arguments(self.settings)
            findings = _finished(_examine(arguments | QUICK.client_arguments(arguments["timeout"])))
        except (PostHogError, ValueError) as error:
            return False, str(error)
        return findings.usable, findings.describe()


async def _examine(arguments: dict[str, Any]) -> Findings:
    async with AsyncClient(**arguments) as client:
        return await examine_quickly(client)


def _finished(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end, inside a running event loop too: in a thread with a loop of its own."""
    if not _in_event_loop():
        return asyncio.run(work)
    with ThreadPoolExecutor(1) as beside:
        return beside.submit(asyncio.run, work).result()


def _in_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
