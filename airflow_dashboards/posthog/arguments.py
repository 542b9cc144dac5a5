"""Arguments checked before anything is sent: what PostHog would reject late, ignore in silence, or misread. Pure."""

from __future__ import annotations

import difflib
import re
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from enum import Enum
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

from pydantic_core import PydanticSerializationError, to_json

from airflow_dashboards.posthog.errors import PostHogArgumentError

E = TypeVar("E", bound=Enum)

MAX_NAME = 400
MAX_TAG = 255
MAX_TEXT = 4000
MAX_COLOR = 400
MAX_BULK_IDS = 500
MAX_SEARCH = 200
MAX_BATCH = 10

_INGESTION_HOST = re.compile(r"([a-z]{2})\.i\.posthog\.com")
_KEY = re.compile(r"ph[a-z]_\w+")
_HOST_NAME = re.compile(r"[^\s\x00-\x1f\\<>\"{}|^`%]+")
_SHORT_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


def shown(value: Any) -> str:
    """A value as a message may show it: short, and without the key that somebody may have put into the wrong field."""
    text = _KEY.sub("**********", repr(value))
    return text if len(text) <= 80 else f"{text[:79]}…"


def positive_id(value: Any, name: str) -> int:
    """An object's id: a whole number from 1."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise PostHogArgumentError(f"{name} must be a whole number from 1, not {shown(value)}.")
    return value


def ids(values: Any, name: str, *, limit: int | None = None, unique: bool = False) -> list[int]:
    """A non-empty list of ids."""
    if isinstance(values, str | bytes | Mapping) or not isinstance(values, Iterable):
        raise PostHogArgumentError(f"{name} must be a list of ids, not {shown(values)}.")
    checked = [positive_id(value, f"{name}[{index}]") for index, value in enumerate(values)]
    if not checked:
        raise PostHogArgumentError(f"{name} is empty. Give at least one id.")
    if limit is not None and len(checked) > limit:
        raise PostHogArgumentError(
            f"{name} has {len(checked)} ids; PostHog takes at most {limit} in one call. Slice them."
        )
    if unique and len(set(checked)) != len(checked):
        twice = sorted({value for value in checked if checked.count(value) > 1})
        raise PostHogArgumentError(f"{name} names some ids more than once: {shown(twice)}.")
    return checked


def insight_id(value: Any) -> str:
    """An insight's id as part of a path: its number, or its short id such as `hYp3rX9q`."""
    if isinstance(value, str) and _SHORT_ID.fullmatch(value):
        return value
    return str(positive_id(value, "insight id"))


def choice(value: Any, kind: type[E], name: str) -> E:
    """One of a closed vocabulary; a misspelt word is answered with the nearest right one."""
    if isinstance(value, kind):
        return value
    words = [str(member.value) for member in kind]
    if isinstance(value, str):
        if value in words:
            return kind(value)
        near = difflib.get_close_matches(value.strip().lower(), words, n=1, cutoff=0.5)
        hint = f" Did you mean {near[0]!r}?" if near else ""
    else:
        hint = ""
    raise PostHogArgumentError(f"{name} must be one of {', '.join(words)}; not {shown(value)}.{hint}")


def text(value: Any, name: str, *, limit: int, blank: bool = False) -> str:
    """A string of at most `limit` characters."""
    if not isinstance(value, str):
        raise PostHogArgumentError(f"{name} must be a string, not {shown(value)}.")
    if not blank and not value.strip():
        raise PostHogArgumentError(f"{name} is blank.")
    if not _is_sendable(value):
        raise PostHogArgumentError(f"{name} contains characters that can not be stored: {shown(value)}.")
    if len(value) > limit:
        raise PostHogArgumentError(f"{name} has {len(value)} characters; PostHog takes at most {limit}.")
    return value


def _is_sendable(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return "\x00" not in value


def text_body(value: Any, name: str = "body") -> str:
    """The body of a text tile: 1 to 4000 characters after trimming (contract 3.13)."""
    body = text(value, name, limit=10**9)
    text(body.strip(), name, limit=MAX_TEXT)
    return body


def tags(values: Any, *, empty: bool = True) -> list[str]:
    """A list of tags, each 1 to 255 characters and not only spaces."""
    if isinstance(values, str | bytes | Mapping) or not isinstance(values, Iterable):
        raise PostHogArgumentError(f"tags must be a list of strings, not {shown(values)}.")
    checked = [text(value, f"tags[{index}]", limit=MAX_TAG) for index, value in enumerate(values)]
    if not checked and not empty:
        raise PostHogArgumentError("tags is empty. Name at least one tag; only action 'set' may clear all of them.")
    return checked


def flag(value: Any, name: str) -> bool:
    """True or False, and nothing that merely looks like it."""
    if not isinstance(value, bool):
        raise PostHogArgumentError(f"{name} must be True or False, not {shown(value)}.")
    return value


def whole(value: Any, name: str, *, least: int = 1) -> int:
    """A whole number of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise PostHogArgumentError(f"{name} must be a whole number from {least}, not {shown(value)}.")
    return value


def json_object(value: Any, name: str) -> dict[str, Any]:
    """A JSON object with string keys."""
    if not isinstance(value, Mapping):
        raise PostHogArgumentError(f"{name} must be an object (dict), not {shown(value)}.")
    for key in value:
        if not isinstance(key, str):
            raise PostHogArgumentError(f"{name} must have strings as keys, not {shown(key)}.")
    json_text(value, name)
    return dict(value)


def json_text(value: Any, name: str) -> str:
    """A value as compact JSON text."""
    try:
        # PostHog itself shows numbers that JSON lacks as null (contract 1.1).
        return to_json(value, inf_nan_mode="null").decode()
    except (PydanticSerializationError, ValueError, RecursionError) as error:
        raise PostHogArgumentError(f"{name} can not be written as JSON: {error}") from None


def filters(value: Any) -> dict[str, Any]:
    """Dashboard filters that replace the stored ones; PostHog ignores an empty object in silence (contract 3.4)."""
    checked = json_object(value, "filters")
    if not checked:
        raise PostHogArgumentError(
            "filters={} would be ignored: PostHog can not clear a dashboard's filters with an empty object. "
            "Name the filters with empty values instead, e.g. filters={'properties': [], 'date_from': None}."
        )
    return checked


def layouts(value: Any) -> dict[str, Any]:
    """Boxes per breakpoint: `{"sm": {"x": 0, "y": 0, "w": 6, "h": 5}, "xs": {...}}`."""
    checked = json_object(value, "layouts")
    for size, box in checked.items():
        if size not in {"sm", "xs"}:
            raise PostHogArgumentError(f"layouts may have the keys sm and xs, not {shown(size)}.")
        json_object(box, f"layouts.{size}")
        for key, number in box.items():
            if key in {"x", "y"}:
                whole(number, f"layouts.{size}.{key}", least=0)
            elif key in {"w", "h"}:
                whole(number, f"layouts.{size}.{key}")
            else:
                raise PostHogArgumentError(f"layouts.{size} may have x, y, w and h, not {shown(key)}.")
    return checked


def uuids(values: Any, name: str) -> list[str]:
    """A list of UUIDs."""
    if isinstance(values, str | bytes | Mapping) or not isinstance(values, Iterable):
        raise PostHogArgumentError(f"{name} must be a list of UUIDs, not {shown(values)}.")
    return [_uuid(value, f"{name}[{index}]") for index, value in enumerate(values)]


def _uuid(value: Any, name: str) -> str:
    try:
        return str(uuid.UUID(str(value)))
    except ValueError:
        raise PostHogArgumentError(f"{name} is not a UUID: {shown(value)}.") from None


def one_of(value: Any, allowed: Collection[int], name: str) -> int:
    """One of a few numbers."""
    if isinstance(value, bool) or value not in allowed:
        raise PostHogArgumentError(f"{name} must be one of {', '.join(map(str, allowed))}; not {shown(value)}.")
    return int(value)


def objects(values: Any, name: str, *, limit: int | None = None) -> list[dict[str, Any]]:
    """A non-empty list of JSON objects."""
    if not isinstance(values, Sequence) or isinstance(values, str | bytes):
        raise PostHogArgumentError(f"{name} must be a list of objects, not {shown(values)}.")
    if not values:
        raise PostHogArgumentError(f"{name} is empty.")
    if limit is not None and len(values) > limit:
        raise PostHogArgumentError(f"{name} has {len(values)} entries; PostHog takes at most {limit} in one call.")
    return [json_object(value, f"{name}[{index}]") for index, value in enumerate(values)]


def path_segment(value: Any, name: str) -> str:
    """A non-blank string, escaped for a path."""
    return quote(text(value, name, limit=1000), safe="")


def template(value: Any) -> dict[str, Any]:
    """A dashboard template (contract 3.20), checked for what PostHog refuses, crashes on, or skips in silence."""
    checked = json_object(value, "template")
    text(checked.get("template_name"), "template.template_name", limit=MAX_NAME)
    if not isinstance(checked.get("dashboard_description"), str):
        raise PostHogArgumentError("template.dashboard_description must be a string; give at least an empty one.")
    json_object(checked.get("dashboard_filters"), "template.dashboard_filters")
    if checked.get("tags") is not None:
        _template_tags(checked["tags"])
    if checked.get("variables") is not None:
        _template_variables(checked["variables"])
    for index, tile in enumerate(objects(checked.get("tiles"), "template.tiles")):
        where = f"template.tiles[{index}]"
        kind = text(tile.get("type"), f"{where}.type", limit=100)
        if not isinstance(tile.get("layouts"), Mapping):
            raise PostHogArgumentError(f"{where}.layouts must be an object; give {{}} to let PostHog place the tile.")
        if kind == "TEXT":
            text_body(tile.get("body"), f"{where}.body")
        elif kind == "INSIGHT":
            json_object(tile.get("query"), f"{where}.query")
        elif kind.upper() in {"TEXT", "INSIGHT"}:
            raise PostHogArgumentError(f"{where}.type must be {kind.upper()!r}; PostHog would skip {shown(kind)}.")
    return checked


def _template_tags(values: Any) -> None:
    try:
        tags(values)
    except PostHogArgumentError as error:
        raise PostHogArgumentError(f"template.{error.message}") from None


def _template_variables(values: Any) -> None:
    if values == []:
        return
    for index, variable in enumerate(objects(values, "template.variables")):
        for key in ("id", "name", "type", "description"):
            if not isinstance(variable.get(key), str):
                raise PostHogArgumentError(f"template.variables[{index}].{key} must be a string.")
        if variable["type"] not in {"event", "element"}:
            raise PostHogArgumentError(f"template.variables[{index}].type must be 'event' or 'element'.")


def host(value: Any) -> str:
    """The origin of PostHog's app, e.g. `https://eu.posthog.com`, without a trailing slash."""
    example = "Give PostHog's address as https://us.posthog.com, https://eu.posthog.com or your own server's."
    if not isinstance(value, str) or not value.strip():
        raise PostHogArgumentError(f"The host is missing. {example}")
    if "@" in value:
        raise PostHogArgumentError(f"The host must not contain credentials. {example}")
    try:
        parts = urlsplit(value.strip())
        port = parts.port
    except ValueError:
        raise PostHogArgumentError(f"The host is not a valid address. {example}") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or not _HOST_NAME.fullmatch(parts.hostname):
        raise PostHogArgumentError(
            f"The host {shown(value)} is not an address that begins with http:// or https://. {example}"
        )
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise PostHogArgumentError(f"The host must end after its name or port, not go on as {shown(value)}. {example}")
    ingestion = _INGESTION_HOST.fullmatch(parts.hostname)
    if ingestion:
        raise PostHogArgumentError(
            f"{parts.hostname} is where events are sent to, not where the API is. "
            f"Use https://{ingestion.group(1)}.posthog.com."
        )
    name = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{name}{f':{port}' if port is not None else ''}"


def project(value: Any) -> int | str:
    """A project's id, or `@current` for the one the user last looked at (not for pipelines: it follows clicks)."""
    if value == "@current":
        return "@current"
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit():
        value = int(value)
    return positive_id(value, "project id")
