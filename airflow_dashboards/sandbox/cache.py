"""What outlives a request: computed results, query statuses, snapshots; each with its life (contract 3.6, 5.2)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from airflow_dashboards.sandbox import uncertain
from airflow_dashboards.sandbox.settings import Build

if TYPE_CHECKING:
    from airflow_dashboards.sandbox.clock import Clock
    from airflow_dashboards.sandbox.encode import Raw

RESULT_LIFE: Final = timedelta(days=7)
SNAPSHOT_LIFE: Final = timedelta(seconds=1800)
CLOSED_WINDOW_SLACK: Final = timedelta(seconds=10)

_STALE_AFTER: Final = {
    "minute": (timedelta(minutes=5), timedelta(minutes=15)),
    "hour": (timedelta(hours=1), timedelta(hours=2)),
    "day": (timedelta(hours=6), timedelta(hours=12)),
    "week": (timedelta(days=1), timedelta(days=1)),
    "month": (timedelta(days=2), timedelta(days=2)),
}
_WITHOUT_INTERVAL: Final = (timedelta(hours=6), timedelta(hours=12))


@dataclass(slots=True, frozen=True)
class CachedResult:
    """A result in the cache. `target_age`: the instant from which it counts as stale, None for never."""

    result: Raw
    columns: Any
    types: Any
    hogql: str | None
    has_more: bool | None
    resolved_date_range: Any
    last_refresh: datetime
    target_age: datetime | None


@dataclass(slots=True)
class QueryStatus:
    """The state of one asynchronous query; its id is the cache key."""

    id: str
    project_id: int
    insight_id: int | None
    dashboard_id: int | None
    start_time: datetime
    expiration_time: datetime
    task_id: str
    pickup_time: datetime | None = None
    end_time: datetime | None = None
    complete: bool = False
    error: bool = False
    error_message: str | None = None
    query_async: bool = True
    results: Any = None
    labels: list[str] = field(default_factory=lambda: ["insight"])

    def dump(self, *, results: bool = False) -> dict[str, Any]:
        """The status as the wire shows it; results only where it is polled."""
        return {
            "id": self.id,
            "team_id": self.project_id,
            "query_async": self.query_async,
            "complete": self.complete,
            "error": self.error,
            "error_message": self.error_message,
            "results": self.results if results else None,
            "start_time": self.start_time,
            "end_time": self.end_time,
            "expiration_time": self.expiration_time,
            "pickup_time": self.pickup_time,
            "task_id": self.task_id,
            "insight_id": self.insight_id,
            "dashboard_id": self.dashboard_id,
            "labels": self.labels,
            "query_progress": None,
        }


@dataclass(slots=True, frozen=True)
class StoredSnapshot:
    """A `before` picture: tile id -> {insight_name, data}."""

    tiles: dict[int, dict[str, Any]]
    expires_at: datetime


def stale_after(interval: str | None, *, has_date_range: bool, lazy: bool = False) -> timedelta:
    """How long a result counts as fresh (contract 5.2).

    Example:
        >>> stale_after("day", has_date_range=True)
        datetime.timedelta(seconds=21600)
    """
    if interval is None and not has_date_range:
        return uncertain.STALE_WITHOUT_INTERVAL_AND_RANGE
    normal, relaxed = _STALE_AFTER.get(interval or "", _WITHOUT_INTERVAL)
    return relaxed if lazy else normal


def never_stale(window_end: datetime | None, last_refresh: datetime) -> bool:
    """Whether the window had ended when the result was computed."""
    return window_end is not None and window_end < last_refresh - CLOSED_WINDOW_SLACK


class Cache:
    """The three stores, by the sandbox's clock. Not locked: the holder of the instance's lock uses it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._results: dict[str, CachedResult] = {}
        self._statuses: dict[str, QueryStatus] = {}
        self._snapshots: dict[str, StoredSnapshot] = {}

    def result(self, key: str) -> CachedResult | None:
        """A cached result, if it is there and younger than 7 days."""
        entry = self._results.get(key)
        if entry is not None and entry.last_refresh + RESULT_LIFE <= self._clock.now():
            del self._results[key]
            return None
        return entry

    def keep_result(self, key: str, computed: CachedResult) -> None:
        """Cache a result, unless a later computation was faster."""
        known = self._results.get(key)
        if known is None or known.last_refresh <= computed.last_refresh:
            self._results[key] = computed

    def status(self, query_id: str) -> QueryStatus | None:
        """A query's status while its record lives."""
        status = self._statuses.get(query_id)
        if status is not None and status.expiration_time <= self._clock.now():
            del self._statuses[query_id]
            return None
        return status

    def keep_status(self, status: QueryStatus) -> None:
        """Remember a query's status."""
        self._statuses[status.id] = status

    def snapshot(self, key: str) -> StoredSnapshot | None:
        """A snapshot younger than 30 minutes."""
        snapshot = self._snapshots.get(key)
        if snapshot is not None and snapshot.expires_at <= self._clock.now():
            del self._snapshots[key]
            return None
        return snapshot

    def keep_snapshot(self, key: str, tiles: dict[int, dict[str, Any]]) -> None:
        """Store a snapshot for 30 minutes."""
        self._snapshots[key] = StoredSnapshot(tiles, self._clock.now() + SNAPSHOT_LIFE)

    def holds(self, key: str) -> bool:
        """Whether the key names a value that is no snapshot."""
        return key in self._results


def status_life(build: Build) -> timedelta:
    """How long a query status can be polled."""
    return uncertain.QUERY_STATUS_LIFE_IN_APRIL if build is Build.APRIL else uncertain.QUERY_STATUS_LIFE
