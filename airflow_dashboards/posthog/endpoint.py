"""One definition per endpoint, three faces.

An endpoint is written once, as a method that returns a `Flow`. Which face a caller sees depends on the resource it is
read from: `Client` resources run the flow and return its result, `AsyncClient` resources return an awaitable, and
`FlowClient` resources hand the flow out, to be composed into larger flows with `yield from`.
"""

from __future__ import annotations

from functools import update_wrapper
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, TypeVar, overload

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Iterator

    from airflow_dashboards.posthog.call import Context
    from airflow_dashboards.posthog.flow import Flow
    from airflow_dashboards.posthog.stream import Stream

P = ParamSpec("P")
T = TypeVar("T")
F = TypeVar("F", bound="Face")


class Face:
    """How a flow reaches the caller. One instance per client."""

    def present(self, flow: Flow[Any]) -> Any:
        """Turn a flow into what this face's callers receive."""
        raise NotImplementedError

    def present_stream(self, stream: Stream[Any]) -> Any:
        """Turn a stream into what this face's callers iterate over."""
        raise NotImplementedError


class SyncFace(Face):
    """Runs the flow and returns its result."""


class AsyncFace(Face):
    """Returns an awaitable of the flow's result."""


class FlowFace(Face):
    """Returns the flow itself."""

    def present(self, flow: Flow[Any]) -> Any:
        """Return the flow as it is."""
        return flow

    def present_stream(self, stream: Stream[Any]) -> Any:
        """Return the stream as it is."""
        return stream


class Resource(Generic[F]):
    """A group of endpoints, e.g. `client.dashboards`. `root` is its path, `/api/projects/7/dashboards`."""

    def __init__(self, face: F, context: Context, root: str) -> None:
        self._face = face
        self._context = context
        self._root = root

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._root}>"


class endpoint(Generic[P, T]):  # noqa: N801 - reads as the decorator it is
    """Declare a method of a `Resource` as an endpoint: written as a flow, served on every face."""

    def __init__(self, flow: Callable[Concatenate[Any, P], Flow[T]]) -> None:
        self.flow = flow
        update_wrapper(self, flow)  # type: ignore[arg-type]

    @overload
    def __get__(self, resource: None, owner: type) -> endpoint[P, T]: ...
    @overload
    def __get__(self, resource: Resource[SyncFace], owner: type) -> Callable[P, T]: ...
    @overload
    def __get__(self, resource: Resource[AsyncFace], owner: type) -> Callable[P, Coroutine[Any, Any, T]]: ...
    @overload
    def __get__(self, resource: Resource[FlowFace], owner: type) -> Callable[P, Flow[T]]: ...
    def __get__(self, resource: Resource[Any] | None, owner: type) -> Any:
        if resource is None:
            return self

        def call(*args: P.args, **kwargs: P.kwargs) -> Any:
            return resource._face.present(self.flow(resource, *args, **kwargs))

        return _bound(call, self.flow, resource)


class streaming(Generic[P, T]):  # noqa: N801 - reads as the decorator it is
    """Declare a method of a `Resource` as a stream of `T`: iterated with `for`, or with `async for`."""

    def __init__(self, stream: Callable[Concatenate[Any, P], Stream[T]]) -> None:
        self.stream = stream
        update_wrapper(self, stream)  # type: ignore[arg-type]

    @overload
    def __get__(self, resource: None, owner: type) -> streaming[P, T]: ...
    @overload
    def __get__(self, resource: Resource[SyncFace], owner: type) -> Callable[P, Iterator[T]]: ...
    @overload
    def __get__(self, resource: Resource[AsyncFace], owner: type) -> Callable[P, AsyncIterator[T]]: ...
    @overload
    def __get__(self, resource: Resource[FlowFace], owner: type) -> Callable[P, Stream[T]]: ...
    def __get__(self, resource: Resource[Any] | None, owner: type) -> Any:
        if resource is None:
            return self

        def call(*args: P.args, **kwargs: P.kwargs) -> Any:
            return resource._face.present_stream(self.stream(resource, *args, **kwargs))

        return _bound(call, self.stream, resource)


def _bound(call: Callable[..., Any], written: Callable[..., Any], resource: Resource[Any]) -> Callable[..., Any]:
    # Kept on the resource, where the next look-up finds it before it comes here.
    bound = update_wrapper(call, written)
    resource.__dict__[written.__name__] = bound
    return bound
