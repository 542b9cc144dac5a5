"""The fields of request bodies, and what each of them takes. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from airflow_dashboards.posthog import arguments
from airflow_dashboards.posthog.errors import PostHogArgumentError

Check = Callable[[Any, str], Any]

#: 21: everyone may edit, 37: collaborators only (contract 4.1).
RESTRICTION_LEVELS = (21, 37)
#: A tile of `PATCH /dashboards/{id}` is a new one if it has content but no id.
TILE_CONTENT = ("text", "button_tile", "widget")


def _name(value: Any, name: str) -> str:
    return arguments.text(value, name, limit=arguments.MAX_NAME, blank=True)


def _prose(value: Any, name: str) -> str:
    return arguments.text(value, name, limit=1_000_000, blank=True)


def _words(value: Any, name: str) -> str:
    return arguments.text(value, name, limit=1000)


def _tags(value: Any, _: str) -> list[str]:
    return arguments.tags(value)


def _instant(value: Any, name: str) -> str:
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise PostHogArgumentError(f"{name} must be a datetime with a timezone, not {arguments.shown(value)}.")
    return value.isoformat()


def _restriction(value: Any, name: str) -> int:
    return arguments.one_of(value, RESTRICTION_LEVELS, name)


def _list(value: Any, name: str) -> list[Any]:
    if not isinstance(value, list | tuple):
        raise PostHogArgumentError(f"{name} must be a list, not {arguments.shown(value)}.")
    arguments.json_text(value, name)
    return list(value)


def _ids(value: Any, name: str) -> list[int]:
    return arguments.ids(value, name) if value or not isinstance(value, list | tuple) else []


def _tiles(value: Any, name: str) -> list[dict[str, Any]]:
    tiles = arguments.objects(value, name)
    for index, tile in enumerate(tiles):
        where = f"{name}[{index}]"
        if "id" in tile:
            arguments.positive_id(tile["id"], f"{where}.id")
        elif not any(tile.get(content) for content in TILE_CONTENT):
            raise PostHogArgumentError(f"{where} needs the id of a tile, or new content: {', '.join(TILE_CONTENT)}.")
        text = tile.get("text")
        if isinstance(text, Mapping) and "body" in text:
            arguments.text_body(text["body"], f"{where}.text.body")
        if tile.get("layouts") is not None:
            arguments.json_object(tile["layouts"], f"{where}.layouts")
    return tiles


DASHBOARD: Mapping[str, Check] = {
    "name": _name,
    "description": _prose,
    "pinned": arguments.flag,
    "deleted": arguments.flag,
    "delete_insights": arguments.flag,
    "duplicate_tiles": arguments.flag,
    "tags": _tags,
    "filters": arguments.json_object,
    "variables": arguments.json_object,
    "breakdown_colors": _list,
    "data_color_theme_id": arguments.positive_id,
    "restriction_level": _restriction,
    "last_refresh": _instant,
    "last_accessed_at": _instant,
    "quick_filter_ids": arguments.uuids,
    "tiles": _tiles,
    "use_template": _words,
    "use_dashboard": arguments.positive_id,
    "_create_in_folder": _words,
}
INSIGHT: Mapping[str, Check] = {
    "name": _name,
    "description": _prose,
    "query": arguments.json_object,
    "dashboards": _ids,
    "tags": _tags,
    "saved": arguments.flag,
    "deleted": arguments.flag,
    "favorited": arguments.flag,
}
THEME: Mapping[str, Check] = {
    "name": lambda value, name: arguments.text(value, name, limit=100),
    "colors": _list,
}
#: Where null has a meaning of its own; elsewhere PostHog refuses it, or takes it as "no change".
NULLABLE = frozenset({"name", "data_color_theme_id", "last_refresh", "last_accessed_at", "quick_filter_ids"})


def body(checks: Mapping[str, Check], fields: Mapping[str, Any]) -> dict[str, Any]:
    """Fields as a request body, each checked.

    Raises:
        PostHogArgumentError: One of them is not what PostHog takes.
    """
    written: dict[str, Any] = {}
    for name, value in fields.items():
        if value is None:
            if name not in NULLABLE:
                raise PostHogArgumentError(f"{name} can not be None. Leave it out to keep it as it is.")
            written[name] = None
        else:
            written[name] = checks[name](value, name.lstrip("_"))
    return written


def change(checks: Mapping[str, Check], fields: Mapping[str, Any], what: str) -> dict[str, Any]:
    """As `body`, for a change, which has to change something."""
    if not fields:
        raise PostHogArgumentError(f"Nothing to change: give at least one field of {what}.")
    return body(checks, fields)
