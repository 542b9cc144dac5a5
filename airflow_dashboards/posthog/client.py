"""The clients: the same endpoints for synchronous code, for asynchronous code, and for larger flows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from airflow_dashboards.posthog import arguments
from airflow_dashboards.posthog.call import Context
from airflow_dashboards.posthog.capabilities import Capabilities
from airflow_dashboards.posthog.credentials import Credential, CredentialKind
from airflow_dashboards.posthog.endpoint import AsyncFace, F, FlowFace, SyncFace
from airflow_dashboards.posthog.errors import PostHogArgumentError
from airflow_dashboards.posthog.flow import Flow, arun, run
from airflow_dashboards.posthog.resources.annotations import Annotations
from airflow_dashboards.posthog.resources.dashboards import Dashboards
from airflow_dashboards.posthog.resources.insights import Insights
from airflow_dashboards.posthog.resources.query import Query
from airflow_dashboards.posthog.resources.themes import DataColorThemes
from airflow_dashboards.posthog.retry import RetryPolicy
from airflow_dashboards.posthog.transport import AsyncDriver, SyncDriver
from airflow_dashboards.posthog.wire import Wire

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from types import TracebackType

    import httpx

    from airflow_dashboards.posthog.budget import Budget
    from airflow_dashboards.posthog.observer import Observer
    from airflow_dashboards.posthog.stream import Stream

T = TypeVar("T")
#: What sends, and what it sends with.
D = TypeVar("D")
W = TypeVar("W")


class _Clientlike(Generic[F]):
    """The resources, on one face."""

    def __init__(self, face: F, context: Context, host: str) -> None:
        root = f"/api/projects/{context.project_id}"
        self._context = context
        self.host = host
        self.dashboards: Dashboards[F] = Dashboards(face, context, f"{root}/dashboards")
        self.insights: Insights[F] = Insights(face, context, f"{root}/insights")
        self.query: Query[F] = Query(face, context, f"{root}/query")
        self.data_color_themes: DataColorThemes[F] = DataColorThemes(face, context, f"{root}/data_color_themes")
        self.annotations: Annotations[F] = Annotations(face, context, f"{root}/annotations")

    @property
    def project_id(self) -> int | str:
        """The project all calls are about."""
        return self._context.project_id

    @property
    def credential_kind(self) -> CredentialKind:
        """`personal_api_key`, `oauth` or `session`."""
        return self._context.credential_kind

    @property
    def capabilities(self) -> Capabilities:
        """What this connection has learnt about the server."""
        return self._context.capabilities

    def __repr__(self) -> str:
        return f"{type(self).__name__}(host={self.host!r}, project_id={self.project_id!r})"


class FlowClient(_Clientlike[FlowFace]):
    """Endpoints as flows, to be composed with `yield from` into larger ones that any client can run.

    Example:
        >>> def names(flows: FlowClient) -> Flow[list[str | None]]:
        ...     dashboards = yield from flows.dashboards.list(tags=["etl"])
        ...     return [dashboard.name for dashboard in dashboards]
        >>> client.run(names(client.flows))
    """

    def __init__(
        self,
        project_id: int | str,
        retry: RetryPolicy | None = None,
        capabilities: Capabilities | None = None,
        credential_kind: CredentialKind = CredentialKind.PERSONAL_API_KEY,
        host: str = "",
        *,
        context: Context | None = None,
    ) -> None:
        if context is None:
            context = Context(
                project_id=arguments.project(project_id),
                retry=retry or RetryPolicy(),
                capabilities=capabilities if capabilities is not None else Capabilities(),
                credential_kind=CredentialKind(credential_kind),
            )
        super().__init__(FlowFace(), context, host)


class _SyncFace(SyncFace):
    def __init__(self, driver: SyncDriver) -> None:
        self._driver = driver

    def present(self, flow: Flow[Any]) -> Any:
        return run(flow, self._driver)

    def present_stream(self, stream: Stream[Any]) -> Iterator[Any]:
        opened = run(stream.opening, self._driver)
        try:
            for chunk in opened.chunks:
                yield from stream.reader.feed(chunk)
            stream.reader.end()
        finally:
            opened.chunks.close()
            opened.close()


class _AsyncFace(AsyncFace):
    def __init__(self, driver: AsyncDriver) -> None:
        self._driver = driver

    def present(self, flow: Flow[Any]) -> Any:
        return arun(flow, self._driver)

    async def present_stream(self, stream: Stream[Any]) -> AsyncIterator[Any]:
        opened = await arun(stream.opening, self._driver)
        try:
            async for chunk in opened.chunks:
                for event in stream.reader.feed(chunk):
                    yield event
            stream.reader.end()
        finally:
            await opened.chunks.aclose()
            await opened.close()


class _Connected(_Clientlike[F], Generic[F, D, W]):
    """A client with connections of its own; the arguments are told at `Client`."""

    def __init__(
        self,
        host: str,
        project_id: int | str,
        credential: Credential,
        *,
        timeout: float = 60.0,
        retry: RetryPolicy = RetryPolicy(),  # noqa: B008 - frozen
        budget: Budget | None = None,
        capabilities: Capabilities | None = None,
        observer: Observer | None = None,
        transport: W | None = None,
    ) -> None:
        if not isinstance(credential, Credential):
            raise PostHogArgumentError(
                "credential must be a PersonalAPIKey, OAuthToken, SessionLogin or SessionCookies."
            )
        if isinstance(timeout, bool) or not isinstance(timeout, int | float) or not timeout > 0:
            raise PostHogArgumentError(f"timeout must be a number of seconds above 0, not {timeout!r}.")
        origin = arguments.host(host)
        context = Context(
            arguments.project(project_id),
            retry=retry,
            capabilities=capabilities if capabilities is not None else Capabilities(),
            credential_kind=credential.kind,
            observer=observer,
        )
        wire = Wire(origin, credential, timeout=float(timeout), retry=retry, budget=budget, observer=observer)
        self._driver, face = self._driven(wire, transport)
        super().__init__(face, context, origin)
        self.flows = FlowClient(context.project_id, context=context, host=origin)

    @staticmethod
    def _driven(wire: Wire, transport: W | None) -> tuple[D, F]:
        """Return what sends, and the face that speaks through it."""
        raise NotImplementedError


class Client(_Connected[SyncFace, SyncDriver, "httpx.BaseTransport"]):
    """PostHog for synchronous code. Opens no connection before its first call; thread-safe.

    Args:
        host: Origin of PostHog's app, e.g. `https://eu.posthog.com`.
        project_id: The project's number, or `@current`.
        credential: Who asks.
        timeout: Seconds to wait for the next byte of an answer.
        retry: How patiently failed calls are repeated.
        budget: Request budget of the key, shared with other clients; None sends without counting.
        capabilities: What earlier clients of this connection have learnt; grows with every answer.
        observer: Who is told of each call, for metrics and traces.
        transport: What httpx sends with; for tests.

    Raises:
        PostHogArgumentError: One of them can not be right.

    Example:
        >>> with Client("https://eu.posthog.com", 7, PersonalAPIKey("phx_…")) as client:
        ...     print(client.dashboards.get(42).name)
    """

    @staticmethod
    def _driven(wire: Wire, transport: httpx.BaseTransport | None) -> tuple[SyncDriver, _SyncFace]:
        driver = SyncDriver(wire, transport)
        return driver, _SyncFace(driver)

    def run(self, flow: Flow[T]) -> T:
        """Drive any flow with this client's connections, budget and clock."""
        return run(flow, self._driver)

    def login(self) -> None:
        """Log in now instead of at the first call; only with `SessionLogin` (contract 3.23).

        Raises:
            AuthenticationError: PostHog does not accept e-mail and password.
            PostHogArgumentError: The credential is of another kind.
        """
        self._driver.login()

    def close(self) -> None:
        """Close the connections."""
        self._driver.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


class AsyncClient(_Connected[AsyncFace, AsyncDriver, "httpx.AsyncBaseTransport"]):
    """PostHog for asynchronous code: the arguments and endpoints of `Client`, awaited.

    Example:
        >>> async with AsyncClient("https://eu.posthog.com", 7, PersonalAPIKey("phx_…")) as client:
        ...     print((await client.dashboards.get(42)).name)
    """

    @staticmethod
    def _driven(wire: Wire, transport: httpx.AsyncBaseTransport | None) -> tuple[AsyncDriver, _AsyncFace]:
        driver = AsyncDriver(wire, transport)
        return driver, _AsyncFace(driver)

    async def run(self, flow: Flow[T]) -> T:
        """Drive any flow with this client's connections, budget and clock."""
        return await arun(flow, self._driver)

    async def login(self) -> None:
        """As `Client.login`."""
        await self._driver.login()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._driver.aclose()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()
