"""The stand-in for PostHog's language model: plain sentences, always the same for the same facts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

_MAX_NAME: Final = 100
_MAX_DESCRIPTION: Final = 800
_MAX_BULLETS: Final = 5


def describe_changes(changed: Sequence[tuple[dict[str, Any], dict[str, Any]]]) -> str:
    """A bullet per changed insight, at most five, in plain text.

    Args:
        changed: (before, after) of each changed tile, as snapshots hold them.
    """
    bullets = []
    for before, after in changed:
        name = after["insight_name"] or before["insight_name"] or "An insight"
        old, new = _total(before["data"]), _total(after["data"])
        if old is None or new is None or old == new:
            bullets.append((0.0, f"- {name} changed."))
            continue
        share = (new - old) / old if old else float(new > 0) - float(new < 0)
        direction = "rose" if new > old else "fell"
        bullets.append((abs(share), f"- {name} {direction} from {old:g} to {new:g} ({share:+.1%})."))
    strongest = sorted(bullets, key=lambda bullet: -bullet[0])[:_MAX_BULLETS]
    return "\n".join(text for _, text in strongest)


def describe_board(subjects: Sequence[str]) -> tuple[str, str]:
    """A name (at most 100 characters) and a description (at most 800) for a dashboard about some subjects."""
    if not subjects:
        return "Empty dashboard", "This dashboard has no tiles yet."
    name = f"{subjects[0]} and {len(subjects) - 1} more" if len(subjects) > 1 else subjects[0]
    description = f"This dashboard shows {', '.join(subjects)}."
    return _cut(name, _MAX_NAME), _cut(description, _MAX_DESCRIPTION)


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 3]}..."


def _total(data: Any) -> float | None:
    """The sum of a result's headline numbers: series points, totals, funnel steps, cohort sizes."""
    items = data if isinstance(data, list) else [data]
    total, found = 0.0, False
    for item in items:
        for number in _numbers(item):
            total += number
            found = True
    return total if found else None


def _numbers(item: Any) -> list[float]:
    if isinstance(item, list):
        return [number for inner in item for number in _numbers(inner)]
    if not isinstance(item, dict):
        return []
    for key in ("aggregated_value", "data", "values", "count"):
        value = item.get(key)
        if isinstance(value, list) and value:
            return [float(n["count"] if isinstance(n, dict) else n) for n in value if _countable(n)]
        if isinstance(value, int | float) and not isinstance(value, bool):
            return [float(value)]
    return []


def _countable(value: Any) -> bool:
    if isinstance(value, dict):
        value = value.get("count")
    return isinstance(value, int | float) and not isinstance(value, bool)
