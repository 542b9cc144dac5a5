"""Error answers, in the shapes of contract 2.1 (the envelope) and 2.2 (the bare ones)."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any
from uuid import uuid4


class RefusalError(Exception):
    """Ends the handling of a request with an error answer."""

    def __init__(self, status: int, body: dict[str, Any] | None, headers: dict[str, str] | None = None) -> None:
        super().__init__(status, body)
        self.status = status
        self.body = body
        self.headers = headers or {}


def envelope(kind: str, code: str, detail: str, attr: str | None = None) -> dict[str, Any]:
    """The normal error body (contract 2.1)."""
    return {"type": kind, "code": code, "detail": detail, "attr": attr}


def invalid(detail: str, *, code: str = "invalid_input", attr: str | None = None) -> RefusalError:
    """400, a value that is not acceptable."""
    return RefusalError(400, envelope("validation_error", code, detail, attr))


def required(attr: str) -> RefusalError:
    """400, a value that is missing."""
    return invalid("This field is required.", code="required", attr=attr)


def parse_error(detail: str) -> RefusalError:
    """400, a body that can't be read."""
    return RefusalError(400, envelope("invalid_request", "parse_error", detail))


def not_authenticated() -> RefusalError:
    """401, no credential."""
    detail = "Authentication credentials were not provided."
    return RefusalError(401, envelope("authentication_error", "not_authenticated", detail))


def authentication_failed(detail: str) -> RefusalError:
    """401, a credential that is not known."""
    return RefusalError(401, envelope("authentication_error", "authentication_failed", detail))


def forbidden(detail: str) -> RefusalError:
    """403. Its type really is authentication_error."""
    return RefusalError(403, envelope("authentication_error", "permission_denied", detail))


def not_found(detail: str = "Not found.") -> RefusalError:
    """404 (contract 2.4 for the three details)."""
    return RefusalError(404, envelope("invalid_request", "not_found", detail))


def method_not_allowed(method: str) -> RefusalError:
    """405 for a route that has other methods."""
    return RefusalError(405, envelope("invalid_request", "method_not_allowed", f'Method "{method}" not allowed.'))


def limit_exceeded(limit_key: str, limit: int, current: int) -> RefusalError:
    """402, a resource limit of the project (C)."""
    body = envelope("limit_exceeded", "limit_exceeded", "Resource limit exceeded.")
    body["extra"] = {"limit_key": limit_key, "limit": limit, "current": current, "request": {"id": str(uuid4())}}
    return RefusalError(402, body)


def throttled(wait: int) -> RefusalError:
    """429 with `Retry-After`, in whole seconds."""
    return RefusalError(429, throttled_body(wait), {"Retry-After": str(wait)})


def throttled_body(wait: int) -> dict[str, Any]:
    """The body of a 429."""
    return envelope("throttled_error", "throttled", f"Request was throttled. {expected_available(wait)}")


def expected_available(wait: int) -> str:
    """The sentence that ends every message about throttling."""
    return f"Expected available in {wait} second{'' if wait == 1 else 's'}."


def server_error(detail: str = "A server error occurred.", status: int = 500) -> RefusalError:
    """500 and its kin."""
    return RefusalError(status, envelope("server_error", "error", detail))


def bare(status: int, key: str, text: str) -> RefusalError:
    """An error body without an envelope (contract 2.2): `{"error": …}` or `{"detail": …}`."""
    return RefusalError(status, {key: text})


def of_status(status: int) -> RefusalError:
    """The plain answer of a status that a fault asks for."""
    if status == 429:
        return throttled(1)
    if status >= 500:
        return server_error(status=status)
    plain = {
        401: not_authenticated(),
        402: limit_exceeded("dashboards", 0, 0),
        403: forbidden("You do not have permission to perform this action."),
        404: not_found(),
    }
    phrase = HTTPStatus(status).phrase
    return plain.get(status) or RefusalError(status, envelope("invalid_request", "error", f"{phrase}."))
