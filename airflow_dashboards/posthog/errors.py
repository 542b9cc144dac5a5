"""The exception tree: everything that can go wrong between a caller and PostHog.

Every exception pickles with its attributes (Airflow sends exceptions between processes), carries the facts a program
needs (`status`, `code`, `retry_after`, ...) and one message for people: what failed, where, why, and what to do. None
of them ever holds a credential.

Example:
    >>> try:
    ...     client.dashboards.get(42)
    ... except NotFoundError as error:
    ...     print(error.status, error.path)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def _rebuild(kind: type[PostHogError], state: dict[str, Any]) -> PostHogError:
    error = kind.__new__(kind, state["message"])
    error.__dict__.update(state)
    return error


class PostHogError(Exception):
    """Root of the tree: one `except` clause for everything this client raises.

    Attributes:
        message: One text for people.
        status: HTTP status; None when there was no answer.
        code: PostHog's machine-readable code, e.g. `invalid_input` (contract 2.1).
        detail: The server's own words, shortened, without secrets.
        attr: The field the server complains about, e.g. `tile__id`.
        method: HTTP method of the request.
        path: Path of the request, without host and query.
        request_id: What to give to PostHog's support, if the server named one.
        retry_after: Seconds to wait before it makes sense to ask again.
        extra: Further facts of the error body, e.g. `{"limit_key": ..., "limit": 500}` of a 402.
        attempts: How often the request was sent.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        code: str | None = None,
        detail: str | None = None,
        attr: str | None = None,
        method: str | None = None,
        path: str | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.code = code
        self.detail = detail
        self.attr = attr
        self.method = method
        self.path = path
        self.request_id = request_id
        self.retry_after = retry_after
        self.extra = extra
        self.attempts = 1

    @property
    def retryable(self) -> bool:
        """Whether the same call may succeed later, with nothing changed on this side."""
        return False

    def __str__(self) -> str:
        return self.message if self.attempts == 1 else f"{self.message} (after {self.attempts} attempts)"

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.__dict__)


class PostHogConnectionError(PostHogError):
    """There was no answer: unreachable, reset, or too slow.

    Attributes:
        sent: Whether the server may have received the request. False means that it certainly did not run.
        timed_out: Whether waiting was given up, so that the server may still be working on it.
    """

    def __init__(self, message: str, *, sent: bool, timed_out: bool = False, **facts: Any) -> None:
        super().__init__(message, **facts)
        self.sent = sent
        self.timed_out = timed_out

    @property
    def retryable(self) -> bool:
        """Always: networks recover."""
        return True


class PostHogProtocolError(PostHogError):
    """An answer that is not PostHog's: a web page, a redirect, broken JSON, a field of another type, a cut stream.

    Attributes:
        broken: Whether the answer was cut short or garbled on its way, as opposed to being of another kind.
    """

    def __init__(self, message: str, *, broken: bool = False, **facts: Any) -> None:
        super().__init__(message, **facts)
        self.broken = broken

    @property
    def retryable(self) -> bool:
        """Only an answer that broke on its way may be whole the next time."""
        return self.broken


class PostHogArgumentError(PostHogError, ValueError):
    """Refused before anything was sent: an argument that PostHog would reject, ignore or misread."""


class PostHogAPIError(PostHogError):
    """PostHog answered with an error."""


class BadRequestError(PostHogAPIError):
    """400."""


class ValidationError(BadRequestError):
    """400 that names what is wrong with a field (`attr`) or with the whole body."""


class AuthenticationError(PostHogAPIError):
    """401, or a failed login: PostHog does not know this credential."""


class LimitExceededError(PostHogAPIError):
    """402: a limit of the plan is reached; `extra` has `limit_key`, `limit` and `current`."""


class PermissionDeniedError(PostHogAPIError):
    """403."""


class KeyNotAccepted(PermissionDeniedError):  # noqa: N818 - a fact about the action, not a fault of the key
    """403 of an action that no API key or OAuth token may call, whatever its scopes (contract 1.3)."""


class MissingScopeError(PermissionDeniedError):
    """403: the key lacks a scope.

    Attributes:
        scope: The scope to add, e.g. `dashboard:write`.
    """

    def __init__(self, message: str, *, scope: str, **facts: Any) -> None:
        super().__init__(message, **facts)
        self.scope = scope


class ConsentRequiredError(PermissionDeniedError):
    """403: the organisation has not approved AI data processing (contract 3.6, build 2026-05)."""


class NotFoundError(PostHogAPIError):
    """404: the object is missing, deleted, or in another project."""


class ProjectNotFoundError(NotFoundError):
    """404: no such project."""


class EndpointNotFoundError(NotFoundError):
    """404: this build of PostHog has no such endpoint (contract 2.4)."""


class MethodNotAllowedError(PostHogAPIError):
    """405."""


class ConflictError(PostHogAPIError):
    """409: it exists already."""


class RateLimitError(PostHogAPIError):
    """429, or this process' own budget for the key is spent; `retry_after` says for how long."""

    @property
    def retryable(self) -> bool:
        """Always: later."""
        return True


class ServerError(PostHogAPIError):
    """5xx."""

    @property
    def retryable(self) -> bool:
        """500, 502, 503 and 504 pass; the others (e.g. 512, a query too expensive) come again."""
        return self.status in {500, 502, 503, 504}
