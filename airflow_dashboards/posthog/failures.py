"""From an answer to an exception: which one, and the sentence it tells. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from pydantic_core import from_json, to_json

from airflow_dashboards.posthog import errors
from airflow_dashboards.posthog.capabilities import ACTIONS
from airflow_dashboards.posthog.retry import retry_after

if TYPE_CHECKING:
    from airflow_dashboards.posthog.flow import Reply, Request

#: How many characters of the server's words a message quotes, and how many `detail` keeps.
QUOTED = 500
KEPT = 4000

_TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)
_SCOPE = re.compile(r"missing required scope '([^']{1,100})'")


@dataclass(frozen=True, slots=True)
class Body:
    """What an error body says, whichever of its shapes it has (contract 2.1, 2.2, 2.4)."""

    words: str | None = None
    type: str | None = None
    code: str | None = None
    attr: str | None = None
    extra: dict[str, Any] | None = None
    event_id: str | None = None
    is_html: bool = False


def quote(text: str, limit: int = QUOTED) -> str:
    """A foreign text on one line, without control characters, cut at a sane length."""
    printable = "".join(character if character.isprintable() else " " for character in text[: limit * 8])
    line = " ".join(printable.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def looks_like_html(content: bytes) -> bool:
    """Whether a body is a web page rather than data."""
    return content[:256].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")


def read_body(content: bytes) -> Body:
    """Take an error body apart. Takes any bytes."""
    if not content.strip():
        return Body()
    text = content[:200_000].decode("utf-8", errors="replace")
    if looks_like_html(content):
        title = _TITLE.search(text)
        return Body(words=quote(title.group(1)) if title else None, is_html=True)
    try:
        data = from_json(content)
    except ValueError:
        return Body(words=quote(text, KEPT) or None)
    if not isinstance(data, dict):
        return Body(words=_as_text(data))
    words = data.get("detail", data.get("error", data.get("message")))
    known_shape = any(isinstance(data.get(key), str) for key in ("detail", "error", "message"))
    extra = data.get("extra")
    return Body(
        words=_as_text(words if known_shape and words else data),
        type=_text(data.get("type")),
        code=_text(data.get("code")),
        attr=_text(data.get("attr")),
        extra=extra if isinstance(extra, dict) else None,
        event_id=_text(data.get("error_event_id")),
    )


def _text(value: Any) -> str | None:
    return quote(value, KEPT) if isinstance(value, str) else None


def _as_text(value: Any) -> str:
    return quote(value if isinstance(value, str) else to_json(value).decode(), KEPT)


def failure(
    reply: Reply, *, now: float, credential_kind: str | None = None, project_id: int | str | None = None
) -> errors.PostHogError:
    """The exception for an answer that is not a success.

    Args:
        reply: The answer.
        now: The caller's clock, for a `Retry-After` that is a date.
        credential_kind: What the request was authenticated with, for the advice.
        project_id: Whose project it was, for the advice.
    """
    request, body = reply.request, read_body(reply.content)
    facts: dict[str, Any] = {
        "status": reply.status,
        "code": body.code,
        "detail": body.words,
        "attr": body.attr,
        "method": request.method,
        "path": request.path,
        "request_id": reply.headers.get("x-request-id") or body.event_id,
        "extra": body.extra,
    }
    if 300 <= reply.status < 400:
        return errors.PostHogProtocolError(_redirect_message(reply), **facts)
    if body.is_html and 400 <= reply.status < 500 and reply.status != HTTPStatus.TOO_MANY_REQUESTS:
        return errors.PostHogProtocolError(html_message(reply, body.words), **facts)
    kind = classify(reply.status, body)
    if kind is errors.RateLimitError or reply.status == HTTPStatus.SERVICE_UNAVAILABLE:
        facts["retry_after"] = retry_after(reply.headers, body.words, now=now)
    if kind is errors.MissingScopeError:
        match = _SCOPE.search(body.words or "")
        facts["scope"] = match.group(1) if match else ""
    said = f": {quote(body.words)}" if body.words else " without saying why."
    if body.attr:
        said = f" about {quote(body.attr, 100)}{said}"
    advice = _advice(kind, request, facts, credential_kind, project_id)
    sentence = f"{could_not(request)}: PostHog answered {reply.status} {_reason(reply.status)} to {where(reply)}{said}"
    return kind(" ".join(part for part in (_ended(sentence), advice) if part), **facts)


def classify(status: int, body: Body) -> type[errors.PostHogError]:
    """Which exception an error answer becomes."""
    words = (body.words or "").casefold()
    if status == HTTPStatus.BAD_REQUEST:
        return errors.ValidationError if body.type == "validation_error" else errors.BadRequestError
    if status == HTTPStatus.FORBIDDEN:
        if "does not support personal api key access" in words:
            return errors.KeyNotAccepted
        if _SCOPE.search(body.words or ""):
            return errors.MissingScopeError
        if "ai data processing must be approved" in words:
            return errors.ConsentRequiredError
        if body.code in {"not_authenticated", "authentication_failed"}:
            return errors.AuthenticationError
        return errors.PermissionDeniedError
    if status == HTTPStatus.NOT_FOUND:
        if words == "endpoint not found.":
            return errors.EndpointNotFoundError
        return errors.ProjectNotFoundError if words == "project not found." else errors.NotFoundError
    if status >= 500:
        return errors.ServerError
    return _BY_STATUS.get(status, errors.PostHogAPIError)


_BY_STATUS: dict[int, type[errors.PostHogAPIError]] = {
    401: errors.AuthenticationError,
    402: errors.LimitExceededError,
    405: errors.MethodNotAllowedError,
    409: errors.ConflictError,
    429: errors.RateLimitError,
}


def could_not(request: Request) -> str:
    """First words of every message."""
    return f"Could not {request.intent or f'{request.method} {request.path}'}"


def where(reply: Reply) -> str:
    """Method and address of what was asked."""
    return f"{reply.request.method} {reply.url or reply.request.path}"


def _ended(sentence: str) -> str:
    return sentence if sentence.endswith((".", "…", "!", "?")) else f"{sentence}."


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "(no standard status)"


def html_message(reply: Reply, title: str | None) -> str:
    """For a web page in place of data."""
    named = f' titled "{title}"' if title else ""
    return (
        f"{could_not(reply.request)}: {where(reply)} answered {reply.status} with a web page{named} instead of JSON. "
        "The host of the connection is probably not PostHog's app host, or a proxy or login page stands before it."
    )


def _redirect_message(reply: Reply) -> str:
    target = quote(reply.headers.get("location", "nowhere").split("?")[0].split("#")[0], 200)
    return (
        f"{could_not(reply.request)}: {where(reply)} answered {reply.status}, a redirect to {target}. It was not "
        "followed, because that could carry the credential to another host. Set the connection's host to where PostHog "
        "really is (scheme included)."
    )


def _advice(
    kind: type[errors.PostHogError],
    request: Request,
    facts: dict[str, Any],
    credential_kind: str | None,
    project_id: int | str | None,
) -> str:
    """What to do next."""
    action = ACTIONS.get(request.action)
    equivalent = f" Instead: {action.equivalent}." if action and action.equivalent else ""
    if kind is errors.KeyNotAccepted:
        return f"No API key or OAuth token may do this, whatever its scopes; only a login session may.{equivalent}"
    if kind is errors.MissingScopeError:
        return (
            f"Give the key in the connection the scope {facts['scope']}, in PostHog under Settings, Personal API keys."
        )
    if kind is errors.ConsentRequiredError:
        return "An organisation admin has to approve AI data processing in PostHog's organisation settings."
    if kind is errors.AuthenticationError:
        what = {"session": "the cookies, or e-mail and password,", "oauth": "the OAuth token (it lives one hour)"}
        return (
            f"Check {what.get(credential_kind or '', 'the key')} in the connection, and that it belongs to this host."
        )
    if kind is errors.EndpointNotFoundError:
        removed = (
            " PostHog removed it in June 2026." if request.action in {"snapshot", "analyze_refresh_result"} else ""
        )
        return f"This build of PostHog has no such endpoint.{removed}{equivalent}"
    if kind is errors.ProjectNotFoundError:
        return f"Check the project id in the connection{f' ({project_id})' if project_id is not None else ''}."
    if kind is errors.NotFoundError and request.bucket != "query":
        return (
            f"Check that it exists in project {project_id} and was not deleted."
            if project_id is not None
            else "Check that it exists in this project and was not deleted."
        )
    if kind is errors.MethodNotAllowedError and request.method == "DELETE":
        return "PostHog never deletes dashboards for good: use dashboards.delete (soft) and dashboards.restore."
    if kind is errors.RateLimitError:
        wait = facts.get("retry_after")
        return f"Try again in {wait:.0f} seconds." if wait is not None else "Try again later."
    return ""
