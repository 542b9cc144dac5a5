"""What Jinja leaves behind is text: read it back into the values it stands for. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml


def as_id(value: Any, name: str) -> int:
    """Return an id given as a number or as text, e.g. `"42"`.

    Raises:
        ValueError: it is neither; `name` says which argument.
    """
    if isinstance(value, str) and value.strip().isdecimal():
        value = int(value.strip())
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"{name}: must be the id of one object, such as 42, not {value!r}.")
    return value


def as_ids(value: Any, name: str) -> list[int]:
    """Return ids given as a list or as text, e.g. `"3, 1, 2"` or `"[3, 1, 2]"`."""
    return [as_id(each, f"{name}[{index}]") for index, each in enumerate(_as_list(value, name))]


def as_texts(value: Any, name: str) -> list[str]:
    """Return texts given as a list or as text, e.g. `"etl, weekly"` or `"['etl', 'weekly']"`."""
    texts = _as_list(value, name)
    for index, each in enumerate(texts):
        if not isinstance(each, str):
            raise ValueError(f"{name}[{index}]: must be text, not {each!r}.")  # noqa: TRY004 - one type for bad values
    return texts


def as_mapping(value: Any, name: str) -> dict[str, Any]:
    """Return an object given as a dict or as JSON or YAML text; None is empty."""
    if value is None or value == "":
        return {}
    parsed = _parsed(value, name) if isinstance(value, str) else value
    if not isinstance(parsed, Mapping):
        kind = type(parsed).__name__
        raise ValueError(f"{name}: must be a dict, or JSON text of one, not {kind}.")  # noqa: TRY004
    return dict(parsed)


def as_mappings(value: Any, name: str) -> list[dict[str, Any]]:
    """Return objects given as a list or as text, e.g. what Jinja makes of an XCom."""
    return [as_mapping(each, f"{name}[{index}]") for index, each in enumerate(_as_list(value, name))]


def _as_list(value: Any, name: str) -> list[Any]:
    if isinstance(value, str):
        text = value.strip()
        value = (
            _parsed(text, name) if text.startswith("[") else [each.strip() for each in text.split(",") if each.strip()]
        )
    if isinstance(value, int) and not isinstance(value, bool):
        return [value]
    if isinstance(value, Mapping) or not hasattr(value, "__iter__"):
        raise ValueError(f"{name}: must be a list, not {type(value).__name__}.")
    return list(value)


def _parsed(text: str, name: str) -> Any:
    try:
        return yaml.safe_load(text)  # reads JSON, and what Python prints for plain lists
    except yaml.YAMLError as error:
        raise ValueError(f"{name}: {text[:60]!r} can't be read as JSON or YAML: {error}.") from None
