"""Large values that wait for their turn: kept as compressed JSON, and opened one at a time."""

from __future__ import annotations

import zlib
from typing import Any

from pydantic_core import from_json, to_json

#: Characters of JSON from which a tile's result is worth packing.
WORTH_PACKING = 64 * 1024


class Packed:
    """A JSON value, compressed to about a tenth of its text; as Python objects it would take several times the text.

    A dashboard of 200 MB is several gigabytes of objects. Where results are only passed on, tile by tile, they stay
    packed.

    Example:
        >>> Packed([1, 2, 3]).open()
        [1, 2, 3]
    """

    __slots__ = ("_json",)

    def __init__(self, value: Any) -> None:
        # The fastest level: the text is repetitive, and higher ones take ten times as long for a few per cent.
        self._json = zlib.compress(to_json(value, inf_nan_mode="constants"), 1)

    def open(self) -> Any:
        """Return the value, made anew at each call."""
        return from_json(zlib.decompress(self._json))

    def __eq__(self, other: object) -> bool:
        return self._json == other._json if isinstance(other, Packed) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._json)

    def __repr__(self) -> str:
        return f"<{len(self._json)} bytes of packed JSON>"


def opened(value: Any) -> Any:
    """Return a value that may be packed as it was before."""
    return value.open() if isinstance(value, Packed) else value
