"""Five simple rules, the kind a team writes on an afternoon, to be measured beside `compare`."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from typing import Any

from airflow_dashboards.analysis import Tile
from airflow_dashboards.analysis.periods import parse

Rule = Callable[[Tile | None, Tile | None], bool]


def _usable(before: Tile | None, after: Tile | None) -> bool:
    return before is not None and after is not None and bool(before.result) and bool(after.result)


def _series(tile: Tile) -> list[tuple[list[str], list[float]]]:
    return [
        ([str(day) for day in item["days"]], [abs(float(value or 0)) for value in item["data"]])
        for item in (tile.result if isinstance(tile.result, list) else [])
        if isinstance(item, dict) and item.get("data")
    ]


def _numbers(value: Any) -> list[float]:
    if isinstance(value, bool) or value is None:
        return []
    if isinstance(value, (int, float)):
        return [float(value)]
    if isinstance(value, dict):
        return [
            number
            for key in ("data", "count", "aggregated_value", "value", "values")
            for number in _numbers(value.get(key))
        ]
    return [number for each in value for number in _numbers(each)] if isinstance(value, list) else []


def any_difference(before: Tile | None, after: Tile | None) -> bool:
    return not _usable(before, after) or before.result != after.result  # type: ignore[union-attr]


def last_point(before: Tile | None, after: Tile | None) -> bool:
    """The last complete point is more than 30 % off the one before."""
    if not _usable(before, after):
        return True
    return any(
        len(data) >= 3 and abs(data[-2] - data[-3]) > 0.3 * max(data[-3], 1e-9)
        for _, data in _series(after)  # type: ignore[arg-type]
    )


def total(before: Tile | None, after: Tile | None) -> bool:
    """The sum of all numbers is more than 20 % off."""
    if not _usable(before, after):
        return True
    old, new = sum(_numbers(before.result)), sum(_numbers(after.result))  # type: ignore[union-attr]
    return abs(new - old) > 0.2 * max(abs(old), 1e-9)


def _mad(history: list[float], value: float) -> bool:
    if len(history) < 4:
        return False
    middle = median(history)
    spread = 1.4826 * median(abs(each - middle) for each in history)
    return abs(value - middle) > 3.5 * max(spread, 0.01 * abs(middle), 1e-9)


def median_mad(before: Tile | None, after: Tile | None) -> bool:
    if not _usable(before, after):
        return True
    return any(_mad(data[:-2], data[-2]) for _, data in _series(after) if len(data) > 2)  # type: ignore[arg-type]


def median_mad_weekday(before: Tile | None, after: Tile | None) -> bool:
    if not _usable(before, after):
        return True
    for days, data in _series(after):  # type: ignore[arg-type]
        if len(data) < 3:
            continue
        starts = [parse(day) for day in days]
        weekday = starts[-2].weekday() if starts[-2] else None
        alike = [
            value for value, start in zip(data[:-2], starts[:-2], strict=True) if start and start.weekday() == weekday
        ]
        if _mad(alike, data[-2]):
            return True
    return False


RULES: dict[str, Rule] = {
    "any difference": any_difference,
    "last point over 30 %": last_point,
    "total over 20 %": total,
    "median/MAD": median_mad,
    "median/MAD by weekday": median_mad_weekday,
}
