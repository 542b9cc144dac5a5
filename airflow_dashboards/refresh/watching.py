"""When is it news? What was seen of a dashboard, what was told of it before, and whether to tell again. Pure.

A refresh moves the times of a dashboard's tiles one after the other, within seconds or minutes. It is told once: when
every tile is newer than the newest of the last telling, or, where some tiles stay behind, when nothing has moved for a
while. A state that stays as it is, however bad, is never told twice.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from airflow_dashboards.refresh.files import names
from airflow_dashboards.refresh.history import VerdictRecord, stamped_at

if TYPE_CHECKING:
    from airflow_dashboards.posthog import Dashboard
    from airflow_dashboards.refresh.store import SnapshotStore


class WatchFor(str, Enum):
    """What is news."""

    REFRESH = "refresh"  # the dashboard was refreshed, by whomever
    VERDICT = "verdict"  # an analysis came to another verdict than the one before
    ANY = "any"


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Sighting(_Data):
    """What one look at a dashboard showed."""

    dashboard_id: int
    name: str = ""
    #: The server's clock.
    seen_at: datetime
    #: When its newest tile was computed; None where none was.
    newest: datetime | None = None
    #: When its oldest tile was computed; None where one never was.
    oldest: datetime | None = None
    #: What the latest analysis said, where verdicts are watched and there is one.
    verdict: str | None = None


class Watermark(_Data):
    """What has been told."""

    newest: datetime | None = None
    verdict: str | None = None


def sighting(dashboard: Dashboard, *, seen_at: datetime, verdict: str | None = None) -> Sighting:
    """Return what a cache-only read of a dashboard shows; tiles that may not be read say nothing."""
    computed = [
        tile.insight.last_refresh for tile in dashboard.tiles if tile.insight is not None and tile.insight.is_readable
    ]
    known = [each for each in computed if each is not None]
    return Sighting(
        dashboard_id=dashboard.id,
        name=dashboard.name or "",
        seen_at=seen_at,
        newest=max(known, default=None),
        oldest=min(known) if known and len(known) == len(computed) else None,
        verdict=verdict,
    )


def consider(
    told: Watermark | None, seen: Sighting, *, watch_for: WatchFor, settle: float
) -> tuple[Watermark, dict[str, Any] | None]:
    """Say whether what was seen is news.

    Args:
        told: what was told before; None where nothing is known yet: the first look only sets the mark.
        seen: the look.
        watch_for: what is news.
        settle: seconds without a further tile after which a refresh that left some behind counts as over.

    Returns:
        The new mark, and the news as plain JSON, or None.

    Example:
        >>> consider(None, seen, watch_for=WatchFor.ANY, settle=120.0)[1] is None
        True
    """
    if told is None:
        return Watermark(newest=seen.newest, verdict=seen.verdict), None
    refreshed = watch_for is not WatchFor.VERDICT and _refreshed(told, seen, settle)
    judged = watch_for is not WatchFor.REFRESH and seen.verdict is not None and seen.verdict != told.verdict
    # A first verdict ever is the mark for the next, not a change.
    changed = judged and told.verdict is not None
    mark = Watermark(
        newest=seen.newest if refreshed else told.newest,
        verdict=seen.verdict if judged else told.verdict,
    )
    if not refreshed and not changed:
        return mark, None
    return mark, {
        "changes": [
            what.value for what, is_so in ((WatchFor.REFRESH, refreshed), (WatchFor.VERDICT, changed)) if is_so
        ],
        "dashboard_id": seen.dashboard_id,
        "dashboard_name": seen.name,
        "last_refresh": _iso(seen.newest),
        "previous_refresh": _iso(told.newest),
        "verdict": seen.verdict,
        "previous_verdict": told.verdict,
    }


def _refreshed(told: Watermark, seen: Sighting, settle: float) -> bool:
    if seen.newest is None or (told.newest is not None and seen.newest <= told.newest):
        return False
    if seen.oldest is not None and (told.newest is None or seen.oldest > told.newest):
        return True
    return seen.seen_at - seen.newest >= timedelta(seconds=settle)


def latest_verdict(store: SnapshotStore, *, host: str, project_id: int, dashboard_id: int) -> str | None:
    """Return what the latest analysis of a dashboard said, whichever task made it; None where there is none.

    Raises:
        OSError: the storage can't be read.
        ValueError: the file is no record.
    """
    history = store.folder(host=host, project_id=project_id, dashboard_id=dashboard_id) / "history"
    found = [
        (stamp, history / source / name)
        for source in names(history)
        for name in names(history / source)[-1:]
        if (stamp := stamped_at(name)) is not None
    ]
    if not found:
        return None
    _, path = max(found, key=lambda each: each[0])
    return VerdictRecord.model_validate_json(path.read_bytes()).status.value


def _iso(when: datetime | None) -> str | None:
    return when.isoformat() if when is not None else None
