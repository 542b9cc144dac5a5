"""Reading and computing tiles: the `refresh` modes of contract 5.1 and what a failure looks like (3.2, 4.6)."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from pydantic_core import to_json

from airflow_dashboards.sandbox import uncertain
from airflow_dashboards.sandbox.cache import Cache, CachedResult, QueryStatus, never_stale, stale_after, status_life
from airflow_dashboards.sandbox.encode import Raw
from airflow_dashboards.sandbox.engine import InvalidQueryError, QuerySchemaError
from airflow_dashboards.sandbox.errors import invalid, server_error
from airflow_dashboards.sandbox.settings import Build

if TYPE_CHECKING:
    from datetime import datetime

    from airflow_dashboards.sandbox.faults import Fault, Origin
    from airflow_dashboards.sandbox.instance import Instance
    from airflow_dashboards.sandbox.queries import Prepared

CONCURRENCY_LIMIT: Final = "concurrency_limit_exceeded"


class Mode(Enum):
    """What a request does about tiles."""

    CACHE_ONLY = "force_cache"
    BLOCKING = "blocking"
    FORCE_BLOCKING = "force_blocking"
    ASYNC = "async"
    LAZY_ASYNC = "lazy_async"
    FORCE_ASYNC = "force_async"

    @property
    def computes_in_request(self) -> bool:
        """Whether the answer waits for computations."""
        return self in (Mode.BLOCKING, Mode.FORCE_BLOCKING)


#: A mode written otherwise, be it in another case, is none (contract 5.1).
_NAMES: Final = frozenset(mode.value for mode in Mode)
#: Words for yes, in any case.
_YES: Final = ("true", "1", "yes", "")


def mode_of(refresh: str | None) -> Mode:
    """The mode a `refresh` parameter asks for; whatever is not known reads the cache only.

    Example:
        >>> mode_of("force_blokcing")
        <Mode.CACHE_ONLY: 'force_cache'>
    """
    if refresh is None:
        return Mode.CACHE_ONLY
    if refresh.lower() in _YES:
        return Mode.FORCE_BLOCKING
    return Mode(refresh) if refresh in _NAMES else Mode.CACHE_ONLY


@dataclass(slots=True, frozen=True)
class Purpose:
    """For whom a query is computed."""

    origin: Origin
    insight_id: int | None = None
    dashboard_id: int | None = None
    tile_id: int | None = None


@dataclass(slots=True, frozen=True)
class Shown:
    """What a request shows of a query. `problem`: the query is no query."""

    computed: CachedResult | None = None
    is_cached: bool = False
    status: dict[str, Any] | None = None
    last_refresh: datetime | None = None
    problem: QuerySchemaError | None = None


class TileFailureError(Exception):
    """An injected failure of a computation that PostHog explains; it stays in-band in every build."""


class CrashError(Exception):
    """An injected failure that PostHog did not expect."""


def show(instance: Instance, prepared: Prepared | None, mode: Mode, purpose: Purpose) -> Shown:
    """Read, enqueue or compute. With a mode that computes in the request it waits: don't hold the lock then.

    Raises:
        RefusalError: 400 when an executed SQL is invalid; before C, 500 when a computation crashes.
    """
    if prepared is None:
        return Shown()
    if prepared.problem is not None:
        return Shown(problem=prepared.problem)
    if mode is Mode.FORCE_BLOCKING:
        return _compute_now(instance, prepared, purpose)
    with instance.lock:
        if mode is Mode.FORCE_ASYNC:
            return Shown(status=enqueue(instance, prepared, purpose).dump())
        cached = instance.cache.result(prepared.key)
        running = instance.cache.status(prepared.key)
        status = running.dump() if running is not None and not running.complete else None
        if mode is Mode.CACHE_ONLY:
            return _of(cached, status)
        fresh = cached is not None and not _is_stale(instance, prepared, cached, lazy=mode is Mode.LAZY_ASYNC)
        if fresh:
            return _of(cached, None)
        if mode is not Mode.BLOCKING:
            return _of(cached, enqueue(instance, prepared, purpose).dump())
    return _compute_now(instance, prepared, purpose)


def enqueue(instance: Instance, prepared: Prepared, purpose: Purpose) -> QueryStatus:
    """Queue a computation; one that waits already for the same key is joined. Needs the lock."""
    known = instance.cache.status(prepared.key)
    if known is not None and not known.complete and known.pickup_time is None:
        return known
    status = _status(instance, prepared, purpose)
    instance.cache.keep_status(status)
    instance.workers.submit(_Computation(instance, instance.cache, prepared, purpose, status))
    return status


def _status(instance: Instance, prepared: Prepared, purpose: Purpose) -> QueryStatus:
    now = instance.clock.now()
    return QueryStatus(
        id=prepared.key,
        project_id=prepared.project_id,
        insight_id=purpose.insight_id,
        dashboard_id=purpose.dashboard_id,
        start_time=now,
        expiration_time=now + status_life(instance.settings.build),
        task_id=str(uuid4()),
    )


def _of(cached: CachedResult | None, status: dict[str, Any] | None) -> Shown:
    return Shown(cached, cached is not None, status, cached.last_refresh if cached else None)


def _is_stale(instance: Instance, prepared: Prepared, cached: CachedResult, *, lazy: bool) -> bool:
    now = instance.clock.now()
    if never_stale(prepared.window_end(now), cached.last_refresh):
        return False
    life = stale_after(prepared.interval, has_date_range=prepared.has_date_range, lazy=lazy)
    return cached.last_refresh + life <= now


def _compute_now(instance: Instance, prepared: Prepared, purpose: Purpose) -> Shown:
    job = _Computation(instance, instance.cache, prepared, purpose)
    instance.workers.submit(job, urgent=True)
    job.done.wait()
    if job.computed is not None:
        return Shown(job.computed, last_refresh=job.computed.last_refresh)
    error = job.error
    if isinstance(error, InvalidQueryError):
        raise invalid(error.message)
    if isinstance(error, QuerySchemaError):
        return Shown(problem=error)
    if not isinstance(error, TileFailureError) and instance.settings.build is not Build.CLOUD:
        raise server_error(status=uncertain.CRASH_STATUS_BEFORE_CLOUD)
    status = _status(instance, prepared, purpose)
    status.end_time = status.start_time
    status.complete = status.error = True
    status.error_message = str(error)
    status.query_async = False
    # The concurrency case claims a refresh that never happened (contract 4.6).
    return Shown(
        status=status.dump(), last_refresh=status.end_time if status.error_message == CONCURRENCY_LIMIT else None
    )


@dataclass(slots=True)
class _Computation:
    """One query on its way through the workers."""

    instance: Instance
    cache: Cache
    prepared: Prepared
    purpose: Purpose
    status: QueryStatus | None = None
    done: threading.Event = field(default_factory=threading.Event)
    computed: CachedResult | None = None
    error: Exception | None = None

    def run(self) -> None:
        """Compute, for at least `tile_seconds`, and publish."""
        instance = self.instance
        with instance.lock:
            if self.status is not None:
                if self.status.complete:  # cancelled while it waited
                    return
                self.status.pickup_time = instance.clock.now()
            purpose = self.purpose
            failure = instance.faults.on_tile(purpose.origin, purpose.insight_id, purpose.tile_id)
            seconds = instance.settings.tile_seconds
            # The instant of the data, not of the answer: what is written meanwhile is not in it.
            now = instance.clock.now()
        begun = time.monotonic()
        try:
            self.computed = self._compute(now, failure)
        except Exception as error:
            self.error = error
        instance.workers.pause(seconds - (time.monotonic() - begun))
        with instance.lock:
            if self.computed is not None:
                self.cache.keep_result(self.prepared.key, self.computed)
            self._publish()
        self.done.set()

    def abandon(self) -> None:
        """The sandbox was reset or stopped."""
        self.error = TileFailureError("The query was abandoned: the sandbox was reset.")
        self.done.set()

    def _compute(self, now: datetime, failure: Fault | None) -> CachedResult:
        if failure is not None:
            raise (CrashError if failure.options.get("crash") else TileFailureError)(failure.value)
        prepared = self.prepared
        computed = self.instance.engine.compute(
            prepared.project_id, prepared.query, now=now, timezone=prepared.timezone
        )
        stale_from = now + stale_after(prepared.interval, has_date_range=prepared.has_date_range)
        return CachedResult(
            result=Raw(to_json(computed.result, inf_nan_mode="null")),
            columns=computed.columns,
            types=computed.types,
            hogql=computed.hogql,
            has_more=computed.has_more,
            resolved_date_range=computed.resolved_date_range,
            last_refresh=now,
            target_age=None if never_stale(prepared.window_end(now), now) else stale_from,
        )

    def _publish(self) -> None:
        status = self.status
        if status is None or status.complete:
            return
        status.end_time = self.instance.clock.now()
        status.complete = True
        if self.computed is None:
            status.error = True
            status.error_message = self._error_message()
        else:
            status.results = query_response(self.prepared, self.computed, is_cached=False)

    def _error_message(self) -> str | None:
        explained = isinstance(self.error, TileFailureError | InvalidQueryError | QuerySchemaError)
        told = explained or self.instance.settings.build is Build.CLOUD or uncertain.CRASH_TEXT_IN_STATUS_BEFORE_CLOUD
        return str(self.error) or type(self.error).__name__ if told else None


def query_response(prepared: Prepared, computed: CachedResult, *, is_cached: bool) -> dict[str, Any]:
    """A result as the query endpoint shows it."""
    return {
        "results": computed.result,
        "columns": computed.columns,
        "types": computed.types,
        "hasMore": computed.has_more,
        "hogql": computed.hogql,
        "timezone": prepared.timezone,
        "is_cached": is_cached,
        "last_refresh": computed.last_refresh,
        "cache_key": prepared.key,
        "cache_target_age": computed.target_age,
        "next_allowed_client_refresh": computed.last_refresh + uncertain.CLIENT_REFRESH_PAUSE,
        "query_status": None,
    }
