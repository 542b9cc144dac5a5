"""Numbers, ranges and changes in words, the same everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def number(value: float | None) -> str:
    """Write a number as people read it: `412`, `1,250,000`, `3.27`, `0.0042`.

    Example:
        >>> number(1250000.0)
        '1,250,000'
    """
    if value is None:
        return "nothing"
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    if abs(value) >= 1e15 or abs(value) < 1e-4:
        return f"{value:.3g}"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) < 100 else f"{value:.4g}"


def percent(share: float) -> str:
    """Write a share as a percentage: `0.254` is `25 %`, `0.004` is `0.4 %`."""
    value = abs(share) * 100
    return f"{value:.0f} %" if value >= 9.95 or value == int(value) else f"{value:.1f} %"


def between(low: float | None, high: float | None) -> str:
    """Write a range: `195 to 228`."""
    if low is None or high is None:
        return f"at most {number(high)}" if low is None else f"at least {number(low)}"
    return number(low) if number(low) == number(high) else f"{number(low)} to {number(high)}"


def change(before: float, after: float) -> str:
    """Say how `after` stands to `before`: `down 25 %`, `about twice`, `about 100 times`, `gone to 0`.

    Example:
        >>> change(200, 150)
        'down 25 %'
    """
    if before == after:
        return "unchanged"
    if after == 0:
        return "gone to 0"
    if before == 0:
        return f"up from 0 to {number(after)}"
    ratio = after / before
    if 1.85 <= ratio <= 2.15:
        return "about twice"
    if ratio >= 2.15:
        return f"about {number(float(f'{ratio:.2g}'))} times"
    if ratio < 0:
        return f"from {number(before)} to {number(after)}"
    share = abs(ratio - 1)
    return f"{'up' if ratio > 1 else 'down'} {percent(share)}"


def listed(items: Sequence[str], *, most: int = 3) -> str:
    """Join names: `a, b, c and 4 more`."""
    shown = list(items[:most])
    rest = len(items) - len(shown)
    if rest:
        return f"{', '.join(shown)} and {rest} more"
    return " and ".join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else "".join(shown)


def count(n: int, noun: str) -> str:
    """Write a count with its noun: `1 row`, `2 rows`."""
    return f"{n:,} {noun if n == 1 else noun + 's'}"


def brief(text: str, *, most: int = 80) -> str:
    """Shorten a name that would drown the sentence it stands in; line breaks become spaces."""
    flat = " ".join(text.split())
    return flat if len(flat) <= most else flat[: most - 1] + "…"
