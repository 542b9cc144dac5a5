"""JSON for answers, with computed results spliced in as the bytes they are cached as.

A result is serialized once, when it is computed, and never parsed again on its way to a client.
"""

from __future__ import annotations

import secrets
from typing import Any

from pydantic_core import from_json, to_json

# Unguessable, so that no text of a user can be taken for a placeholder.
_PLACEHOLDER = f"raw-{secrets.token_hex(16)}"
_PLACEHOLDER_JSON = f'"{_PLACEHOLDER}"'.encode()


class Raw:
    """A JSON document that is already serialized."""

    __slots__ = ("json",)

    def __init__(self, json: bytes) -> None:
        self.json = json

    def value(self) -> Any:
        """The document as Python values, parsed anew each time."""
        return from_json(self.json)


def encode(payload: Any) -> bytes:
    """Serialize; NaN and infinities become null (contract 1.1).

    Example:
        >>> encode({"result": Raw(b"[1,2]"), "x": float("nan")})
        b'{"result":[1,2],"x":null}'
    """
    if isinstance(payload, Raw):
        return payload.json
    raws: list[bytes] = []

    def placeholder(value: Any) -> str:
        if isinstance(value, Raw):
            raws.append(value.json)
            return _PLACEHOLDER
        raise TypeError(f"not JSON: {type(value).__name__}")

    text = to_json(payload, inf_nan_mode="null", fallback=placeholder)
    if not raws:
        return text
    first, *rest = text.split(_PLACEHOLDER_JSON)
    parts = [first]
    for raw, after in zip(raws, rest, strict=True):
        parts += (raw, after)
    return b"".join(parts)
