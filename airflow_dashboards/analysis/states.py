"""What the states of a tile say before its numbers are looked at: failed, cold, no access, empty, not moved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_dashboards.analysis.model import Finding, Severity, Tile, TileStatus
from airflow_dashboards.analysis.periods import instant
from airflow_dashboards.analysis.words import brief

if TYPE_CHECKING:
    from datetime import datetime

    from airflow_dashboards.analysis.rules import Rules

_USABLE = frozenset({TileStatus.OK, TileStatus.EMPTY})
_WORDS = {
    TileStatus.OK: "had a result",
    TileStatus.EMPTY: "was empty",
    TileStatus.COLD: "had not been computed",
    TileStatus.FAILED: "had failed",
    TileStatus.NO_ACCESS: "could not be read",
    TileStatus.NOT_AN_INSIGHT: "was no insight",
}


def usable(tile: Tile | None) -> bool:
    """Whether there is a result to compare, were it an empty one."""
    return tile is not None and tile.status in _USABLE


def unusable(before: Tile | None, after: Tile) -> Finding:
    """The finding about a tile that has no result now. Never a pass where there was one before."""
    had = before is not None and before.status in _USABLE
    if after.status is TileStatus.FAILED:
        said = f": {brief(after.error, most=300)}" if after.error else ""
        return Finding(
            code="tile.failed", severity=Severity.FAIL, message=f"Computing {brief(after.name)} failed{said}."
        )
    if after.status is TileStatus.NO_ACCESS:
        return Finding(
            code="tile.no_access",
            severity=Severity.WARN if had else Severity.INFO,
            message=f"The credential may not see {brief(after.name)}" + (", which it could before." if had else "."),
        )
    return Finding(
        code="tile.cold",
        severity=Severity.FAIL if had else Severity.WARN,
        message=f"{brief(after.name)} has no result: it was not computed, or its result was dropped from the cache.",
    )


def emptied(after: Tile) -> Finding:
    """The finding about a tile that had a result and has an empty one now."""
    return Finding(
        code="tile.emptied", severity=Severity.FAIL, message=f"{brief(after.name)} is empty; it had a result before."
    )


def recovered(before: Tile, after: Tile) -> Finding:
    """The finding about a tile that has a result again."""
    return Finding(
        code="tile.recovered",
        severity=Severity.INFO,
        message=f"{brief(after.name)} has a result; before, it {_WORDS[before.status]}.",
    )


def stale(before: Tile, after: Tile, rules: Rules, *, before_at: datetime, after_at: datetime) -> Finding | None:
    """The finding about a tile that was not refreshed between the two pictures.

    A picture taken no later than the one it is compared with expects no refresh. A refresh that is not younger than the
    picture before can't show what was loaded after it.
    """
    taken_then, taken_now = instant(before_at), instant(after_at)
    then, now = instant(before.last_refresh), instant(after.last_refresh)
    if taken_then is None or taken_now is None or taken_now <= taken_then:
        return None
    if now is None:
        if then is None:
            return None  # the server tells no times at all
        said = "its result says no longer when it was computed"
    elif (then is not None and now <= then) or now <= taken_then:
        said = f"its result is from {now:%Y-%m-%d %H:%M} UTC"
    else:
        return None
    return Finding(
        code="tile.stale",
        severity=rules.stale,
        message=f"{brief(after.name)} was not refreshed since the picture before ({said}): it can't show the load.",
    )
