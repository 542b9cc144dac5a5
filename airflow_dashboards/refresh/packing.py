"""Where tiles go when they are put into a given order (contract 3.12); pure, so that a plan can be shown first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from airflow_dashboards.posthog import TileArrangement

#: Columns of the wide layout (contract 4.2).
COLUMNS = 12
_DEFAULT_WIDTH, _DEFAULT_HEIGHT = 6, 5


class Box(NamedTuple):
    """A tile's place on the 12-column grid."""

    x: int
    y: int
    w: int
    h: int

    @classmethod
    def of(cls, layouts: Mapping[str, Any] | None) -> Box | None:
        """Return the `sm` box of a tile's layouts, or None where it has no complete one."""
        sm = (layouts or {}).get("sm")
        if not isinstance(sm, Mapping) or any(not isinstance(sm.get(key), int) for key in ("x", "y", "w", "h")):
            return None
        return cls(sm["x"], sm["y"], sm["w"], sm["h"])


def packed(sizes: Sequence[tuple[int | None, int | None]], layout: TileArrangement) -> list[Box]:
    """Return the wide-layout box of each tile, in order.

    Args:
        sizes: width and height of each tile now, in grid units; None where it has none.
        layout: how to lay them out.

    Example:
        >>> [(box.x, box.y) for box in packed([(6, 3), (6, 5), (6, 2)], TileArrangement.PRESERVE)]
        [(0, 0), (6, 0), (0, 3)]
    """
    if layout is TileArrangement.TWO_COLUMN:
        return [Box((i % 2) * 6, (i // 2) * 5, 6, 5) for i in range(len(sizes))]
    if layout is TileArrangement.FULL_WIDTH:
        return [Box(0, i * 5, COLUMNS, 5) for i in range(len(sizes))]
    skyline = [0] * COLUMNS
    boxes = []
    for width, height in sizes:
        w = _DEFAULT_WIDTH if width is None else min(max(width, 1), COLUMNS)
        h = _DEFAULT_HEIGHT if height is None else max(height, 1)
        tops = [max(skyline[x : x + w]) for x in range(COLUMNS - w + 1)]
        y = min(tops)
        x = tops.index(y)
        skyline[x : x + w] = [y + h] * w
        boxes.append(Box(x, y, w, h))
    return boxes
