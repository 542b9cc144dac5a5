"""A window into a client: somebody else's metrics and traces learn of each call, without the client knowing them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from airflow_dashboards.posthog.errors import PostHogError
    from airflow_dashboards.posthog.flow import Request


class Observed(Protocol):
    """One call being watched. A call is one use of an endpoint, however often its request is sent. Must not raise."""

    def failed(self, error: PostHogError, *, delay: float | None) -> None:
        """A request came to nothing; it is sent again after `delay` seconds, or (None) not any more."""
        ...

    def ended(self, error: BaseException | None) -> None:
        """The call is over: with its result, with an error, or because its caller lost interest."""
        ...


class Observer(Protocol):
    """Whom a client tells of its work, in whichever thread or event loop makes the call. Must not raise or block.

    Example:
        >>> Client("https://eu.posthog.com", 7, PersonalAPIKey("phx_…"), observer=metrics)  # doctest: +SKIP
    """

    def began(self, request: Request) -> Observed:
        """A call begins. `request.action` and `request.bucket` are of few values; paths hold ids."""
        ...

    def held_back(self, request: Request, seconds: float) -> None:
        """A request waits `seconds` before it is sent, because the key's budget is spent."""
        ...
