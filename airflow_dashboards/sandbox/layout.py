"""Where tiles stand: reading order, packing, closing gaps, rows for new widgets (contract 3.2, 3.12, 3.14, 3.17)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from airflow_dashboards.sandbox.fields import Integer, Object

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

COLUMNS: Final = 12
_DEFAULT_WIDTH: Final = 6
_DEFAULT_HEIGHT: Final = 5
_UNPLACED: Final = (100, 100)

Box = dict[str, Any]
Layouts = dict[str, Any]

_BOX = Object({name: Integer(required=False) for name in "xywh"}, required=False)
#: The `layouts` a text tile or widget takes; other keys are dropped.
LAYOUTS_FIELD = Object({"sm": _BOX, "xs": _BOX}, required=False)


def position(layouts: Layouts | None, size: str = "sm") -> tuple[int, int]:
    """The sort key of a tile: y, then x; without a place it comes last.

    Example:
        >>> position({"sm": {"x": 6, "y": 0}})
        (0, 6)
    """
    box = (layouts or {}).get(size)
    if not isinstance(box, dict):
        return _UNPLACED
    return _number(box.get("y"), _UNPLACED[0]), _number(box.get("x"), _UNPLACED[1])


def two_column(count: int, *, xs_width: int = 1) -> list[Layouts]:
    """Boxes of half the width, two to a row."""
    return [
        {
            "sm": {"x": index % 2 * 6, "y": index // 2 * 5, "w": 6, "h": 5},
            "xs": {"x": 0, "y": index * 5, "w": xs_width, "h": 5},
        }
        for index in range(count)
    ]


def full_width(count: int) -> list[Layouts]:
    """Boxes of the full width, one to a row."""
    return [
        {"sm": {"x": 0, "y": index * 5, "w": 12, "h": 5}, "xs": {"x": 0, "y": index * 5, "w": 1, "h": 5}}
        for index in range(count)
    ]


def preserve(layouts: Iterable[Layouts | None]) -> list[Layouts]:
    """Keep each tile's size and pack them in order against a skyline.

    Each box goes to the left-most x where the skyline below its width is lowest.

    Example:
        >>> [box["sm"]["x"] for box in preserve([{"sm": {"w": 6, "h": 3}}, {"sm": {"w": 6, "h": 5}}])]
        [0, 6]
    """
    skyline = [0] * COLUMNS
    stacked = 0
    packed = []
    for layout in layouts:
        box = (layout or {}).get("sm")
        box = box if isinstance(box, dict) else {}
        width = min(max(_number(box.get("w"), _DEFAULT_WIDTH), 1), COLUMNS)
        height = max(_number(box.get("h"), _DEFAULT_HEIGHT), 1)
        tops = [max(skyline[x : x + width]) for x in range(COLUMNS - width + 1)]
        y = min(tops)
        x = tops.index(y)
        skyline[x : x + width] = [y + height] * width
        packed.append(
            {"sm": {"x": x, "y": y, "w": width, "h": height}, "xs": {"x": 0, "y": stacked, "w": 1, "h": height}}
        )
        stacked += height
    return packed


def close_gaps(layouts: Sequence[Layouts]) -> list[Layouts]:
    """Move boxes up as far as those above let them, for each breakpoint on its own; x, w and h stay."""
    closed = [dict(layout) for layout in layouts]
    for size in ("sm", "xs"):
        indexes = [index for index, layout in enumerate(closed) if isinstance(layout.get(size), dict)]
        boxes = {index: _whole(closed[index][size]) for index in indexes}
        placed: list[Box] = []
        for index in sorted(indexes, key=lambda index: (boxes[index]["y"], boxes[index]["x"])):
            box = boxes[index]
            y = _lowest_free(box, placed)
            placed.append({**box, "y": y})
            closed[index][size] = {**closed[index][size], **box, "y": y}
    return closed


def bottom_rows(layouts: Iterable[Layouts], count: int) -> list[Layouts]:
    """Places for new widgets: boxes of 6 x 5, two to a row, below everything; xs copies sm."""
    bottom = max((box["y"] + box["h"] for box in _boxes(layouts)), default=0)
    boxes = [{"x": index % 2 * 6, "y": bottom + index // 2 * 5, "w": 6, "h": 5} for index in range(count)]
    return [{"sm": box, "xs": dict(box)} for box in boxes]


def _boxes(layouts: Iterable[Layouts]) -> list[Box]:
    return [_whole(layout["sm"]) for layout in layouts if isinstance(layout.get("sm"), dict)]


def _whole(box: Box) -> Box:
    defaults: dict[str, int] = {"x": 0, "y": 0, "w": 1, "h": 1}
    return {name: _number(box.get(name), default) for name, default in defaults.items()}


def _lowest_free(box: Box, placed: Sequence[Box]) -> int:
    """The smallest y at which the box overlaps none of the placed: 0, or just below one of them."""
    left, right = box["x"], box["x"] + box["w"]
    column = [other for other in placed if left < other["x"] + other["w"] and other["x"] < right]
    for y in sorted({0, *(other["y"] + other["h"] for other in column)}):
        if not any(y < other["y"] + other["h"] and other["y"] < y + box["h"] for other in column):
            return int(y)
    raise AssertionError("below the last box there is always room")


def _number(value: Any, default: int) -> int:
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else default
