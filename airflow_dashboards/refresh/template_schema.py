"""What a dashboard template is, and what is wrong with one.

The shape is PostHog's own (contract 3.20), so a template written here can be given to PostHog and the other way
round. It is checked before anything is sent, because PostHog answers a flawed one with a server error or leaves a
tile out in silence.
"""

from __future__ import annotations

import copy
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeAlias

from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jsonschema.exceptions import ValidationError as SchemaViolation  # type: ignore[import-untyped]

#: A template as JSON: after `validated`, with every optional key of its tiles filled in.
Template: TypeAlias = dict[str, Any]

#: Longest body of a text tile, characters (contract 3.13).
MAX_TEXT_BODY = 4000
#: Longest name of a dashboard or an insight, characters (contract 3.3).
MAX_NAME = 400
#: Longest tag, characters (contract 3.19).
MAX_TAG = 255
#: How many flaws one message lists; the rest is counted.
_SHOWN_FLAWS = 5


class TemplateError(ValueError):
    """A template that can't become a dashboard; the message names the place, e.g. `tiles[2].query: is required`."""


class TileType(str, Enum):
    """What a tile of a template is."""

    INSIGHT = "INSIGHT"
    TEXT = "TEXT"
    BUTTON = "BUTTON"
    WIDGET = "WIDGET"


#: What PostHog's own template action understands in every build (contract 3.20). A template that uses more is built
#: from single calls instead.
SERVER_TILE_TYPES = frozenset({TileType.INSIGHT, TileType.TEXT})
#: Keys of a tile that PostHog's template action does not read; they are display fields of contract 3.4.
DISPLAY_KEYS = ("filters_overrides", "show_description", "transparent_background")

_BOX = {
    "type": "object",
    "properties": {key: {"type": "integer", "minimum": 0} for key in ("x", "y", "w", "h")},
}
_LAYOUTS = {"type": "object", "properties": {"sm": _BOX, "xs": _BOX}}


def _when(tile_type: TileType, required: list[str], properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "if": {"properties": {"type": {"const": tile_type.value}}, "required": ["type"]},
        "then": {"required": required, "properties": properties},
    }


_TILE = {
    "type": "object",
    "required": ["type"],
    "properties": {
        "type": {"enum": [each.value for each in TileType]},
        "layouts": _LAYOUTS,
        "color": {"type": ["string", "null"], "maxLength": 400},
        "filters_overrides": {"type": ["object", "null"]},
        "show_description": {"type": ["boolean", "null"]},
        "transparent_background": {"type": ["boolean", "null"]},
    },
    "allOf": [
        _when(
            TileType.INSIGHT,
            ["query"],
            {
                "name": {"type": ["string", "null"], "maxLength": MAX_NAME},
                "description": {"type": ["string", "null"]},
                "query": {"type": "object", "required": ["kind"], "properties": {"kind": {"type": "string"}}},
            },
        ),
        _when(
            TileType.TEXT,
            ["body"],
            {"body": {"type": "string", "maxLength": MAX_TEXT_BODY, "pattern": r"\S"}},
        ),
        _when(
            TileType.BUTTON,
            ["url", "text"],
            {
                "url": {"type": "string", "pattern": r"^(https?://|/)\S*$"},
                "text": {"type": "string", "pattern": r"\S"},
                "placement": {"enum": ["left", "right"]},
                "style": {"enum": ["primary", "secondary"]},
            },
        ),
        _when(
            TileType.WIDGET,
            ["widget_type", "config"],
            {
                "widget_type": {"type": "string", "pattern": r"\S"},
                "config": {"type": "object"},
                "name": {"type": ["string", "null"], "maxLength": MAX_NAME},
                "description": {"type": ["string", "null"]},
            },
        ),
    ],
}

#: JSON Schema of a template, written from the facts of contract 3.20; `layouts` may be left out here.
TEMPLATE_SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Dashboard template",
    "type": "object",
    "required": ["template_name", "dashboard_description", "dashboard_filters", "tiles"],
    "properties": {
        "template_name": {"type": "string", "pattern": r"\S", "maxLength": MAX_NAME},
        "dashboard_description": {"type": "string"},
        "dashboard_filters": {"type": "object"},
        "tags": {"type": ["array", "null"], "items": {"type": "string", "pattern": r"\S", "maxLength": MAX_TAG}},
        "variables": {
            "type": ["array", "null"],
            "items": {
                "type": "object",
                "required": ["id"],
                "properties": {
                    "id": {"type": "string", "pattern": r"^\w+$"},
                    "name": {"type": "string"},
                    "type": {"enum": ["event", "element"]},
                    "description": {"type": ["string", "null"]},
                    "required": {"type": ["boolean", "null"]},
                },
            },
        },
        "tiles": {"type": "array", "minItems": 1, "items": _TILE},
    },
}

_VALIDATOR = Draft202012Validator(TEMPLATE_SCHEMA)

_JSON_NAMES = {
    "object": "an object",
    "array": "a list",
    "string": "text",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "null": "null",
}


def validated(template: Any) -> Template:
    """Return a copy of `template` with the optional keys filled in: `layouts` as `{}`, `color` as null, empty names.

    Raises:
        TemplateError: it is not a template; the message lists up to five flaws, each with its path.

    Example:
        >>> text = {"type": "TEXT", "body": " ## Loads "}
        >>> board = {"template_name": "KPIs", "dashboard_description": "", "dashboard_filters": {}, "tiles": [text]}
        >>> validated(board)["tiles"]
        [{'layouts': {}, 'color': None, 'type': 'TEXT', 'body': '## Loads'}]
    """
    flaws = sorted(
        _VALIDATOR.iter_errors(template), key=lambda flaw: [str(step).zfill(6) for step in flaw.absolute_path]
    )
    if flaws:
        lines = list(dict.fromkeys(map(_explain, flaws)))  # two missing keys are two flaws with one sentence
        more = [f"and {len(lines) - _SHOWN_FLAWS} more"] if len(lines) > _SHOWN_FLAWS else []
        raise TemplateError("The dashboard template is not valid: " + "; ".join(lines[:_SHOWN_FLAWS] + more) + ".")
    whole: Template = copy.deepcopy(dict(template))
    whole["tags"] = list(whole.get("tags") or [])
    whole["variables"] = list(whole.get("variables") or [])
    whole["tiles"] = [_filled(tile) for tile in whole["tiles"]]
    return whole


def _filled(tile: Mapping[str, Any]) -> dict[str, Any]:
    filled: dict[str, Any] = {"layouts": {}, "color": None} | dict(tile)
    filled["color"] = filled["color"] or None
    if filled["type"] in (TileType.INSIGHT, TileType.WIDGET):
        filled["name"] = (filled.get("name") or "").strip()
        filled["description"] = filled.get("description") or ""
    if filled["type"] == TileType.TEXT:
        filled["body"] = filled["body"].strip()
    return filled


def server_can_build(template: Template) -> bool:
    """Return whether PostHog's template action reads all of this (validated) template."""
    return all(
        tile["type"] in SERVER_TILE_TYPES and not any(tile.get(key) for key in DISPLAY_KEYS)
        for tile in template["tiles"]
    )


def tile_title(tile: Mapping[str, Any]) -> str:
    """Return what a person would call a tile: its name, or the first line of its text without the heading marks."""
    if tile["type"] == TileType.TEXT:
        return str(tile["body"]).strip().splitlines()[0].lstrip("# ").strip()
    if tile["type"] == TileType.BUTTON:
        return str(tile["text"]).strip()
    return str(tile.get("name") or "")


def path_of(steps: Any) -> str:
    """Return a readable path, e.g. `tiles[2].query.kind`; the empty path is `template`."""
    path = ""
    for step in steps:
        path += f"[{step}]" if isinstance(step, int) else f".{step}" if path else str(step)
    return path or "template"


def _explain(flaw: SchemaViolation) -> str:
    """Say a flaw without repeating the value, which may be the whole template."""
    place, rule, wanted = path_of(flaw.absolute_path), flaw.validator, flaw.validator_value
    if rule == "required":
        missing = [key for key in wanted if key not in flaw.instance]
        within = "" if place == "template" else f"{place}."
        return ", ".join(f"{within}{key}: is required" for key in missing)
    if rule == "type":
        kinds = [wanted] if isinstance(wanted, str) else wanted
        return (
            f"{place}: must be {' or '.join(_JSON_NAMES[kind] for kind in kinds)}, not {type(flaw.instance).__name__}"
        )
    if rule in ("enum", "const"):
        return f"{place}: must be one of {', '.join(map(str, wanted))}, not {str(flaw.instance)[:60]!r}"
    if rule == "maxLength":
        return f"{place}: must have at most {wanted} characters, has {len(flaw.instance)}"
    if rule == "minItems":
        return f"{place}: must have at least {wanted} item"
    if rule == "minimum":
        return f"{place}: must be {wanted} or more, not {flaw.instance}"
    if rule == "pattern":
        blank = not str(flaw.instance).strip()
        return f"{place}: {'must not be blank' if blank else f'{str(flaw.instance)[:60]!r} is not in the right form'}"
    return f"{place}: breaks the rule {rule}"
