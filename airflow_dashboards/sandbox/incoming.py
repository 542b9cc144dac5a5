"""A request as it came in, before anybody knows who sent it: body parsing and query parameters (contract 1.1)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from email.parser import BytesParser
from email.policy import HTTP
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from airflow_dashboards.sandbox.errors import RefusalError, envelope, not_found, parse_error
from airflow_dashboards.sandbox.faults import Origin
from airflow_dashboards.sandbox.fields import FormData

if TYPE_CHECKING:
    from collections.abc import Mapping

_JSON = "application/json"
_FORM = "application/x-www-form-urlencoded"
_MULTIPART = "multipart/form-data"
_ACCEPTABLE = frozenset({"*/*", "application/*", _JSON, "text/*", "text/event-stream"})


@dataclass
class Incoming:
    """Method, path and all; `base_url` is what the caller called, for links back."""

    method: str
    path: str
    headers: Mapping[str, str]
    cookies: Mapping[str, str]
    query: dict[str, list[str]]
    body: bytes
    base_url: str

    @property
    def origin(self) -> Origin:
        """What faults match against."""
        return Origin(self.method, self.path)

    def argument(self, name: str) -> str | None:
        """The last value of a query parameter."""
        values = self.query.get(name)
        return values[-1] if values else None

    def negotiate(self) -> None:
        """Refuse what can't be rendered.

        Raises:
            RefusalError: 406 for an unknown `Accept`, 404 for an unknown `?format=`.
        """
        if self.argument("format") not in (None, "json", "txt"):
            raise not_found()
        accept = self.headers.get("accept", "*/*")
        types = {item.partition(";")[0].strip().lower() for item in accept.split(",")}
        if accept.strip() and not types & _ACCEPTABLE:
            detail = "Could not satisfy the request Accept header."
            raise RefusalError(406, envelope("invalid_request", "not_acceptable", detail))

    @cached_property
    def data(self) -> Any:
        """The body, parsed; an empty one is `{}`.

        Raises:
            RefusalError: 400 for what can't be parsed, 415 for an unknown content type.
        """
        if not self.body:
            return {}
        media_type = self._media_type
        if media_type == _JSON:
            return _parse_json(self.body)
        if media_type == _FORM:
            return FormData(parse_qs(self.body.decode(errors="replace"), keep_blank_values=True))
        if media_type == _MULTIPART:
            return _parse_multipart(self.body, self.headers["content-type"])
        raise self._unsupported()

    @property
    def json(self) -> Any:
        """The body of an action that takes JSON only.

        Raises:
            RefusalError: 400 for what can't be parsed, 415 for any other content type.
        """
        if self.body and self._media_type != _JSON:
            raise self._unsupported()
        return self.data

    def body_key(self) -> Any:
        """The `personal_api_key` inside the body, where there is one."""
        if b"personal_api_key" not in self.body:
            return None
        try:
            return self.data.get("personal_api_key") if isinstance(self.data, dict) else None
        except RefusalError:
            return None

    @property
    def _media_type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def _unsupported(self) -> RefusalError:
        detail = f'Unsupported media type "{self.headers.get("content-type", "")}" in request.'
        return RefusalError(415, envelope("invalid_request", "unsupported_media_type", detail))


def _parse_json(body: bytes) -> Any:
    try:
        return json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise parse_error(f"JSON parse error - {error}") from None


def _no_constant(name: str) -> Any:
    raise ValueError(f"Out of range float values are not JSON compliant: {name}")


def _parse_multipart(body: bytes, content_type: str) -> FormData:
    head = b"Content-Type: " + content_type.encode("latin-1") + b"\r\n\r\n"
    message = BytesParser(policy=HTTP).parsebytes(head + body)
    values: dict[str, list[str]] = {}
    for part in message.iter_parts() if message.is_multipart() else ():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(content, bytes):
            values.setdefault(name, []).append(content.decode(errors="replace"))
    return FormData(values)
