"""A watcher for assets: DAGs that run because a dashboard was refreshed, whoever refreshed it."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import Counter
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.sdk.exceptions import AirflowException, AirflowRuntimeError
from airflow.triggers.base import BaseEventTrigger, TriggerEvent

from airflow_dashboards.compat import done_without
from airflow_dashboards.refresh.watching import Sighting, WatchFor, Watermark, consider, latest_verdict, sighting

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection, Hashable

    from airflow_dashboards.posthog import AsyncClient, Dashboard
    from airflow_dashboards.refresh.store import SnapshotStore

#: Dashboards read at the same time.
AT_ONCE = 4
#: The longest pause between looks while PostHog doesn't answer, unless `poll_interval` is longer.
LONGEST_PAUSE = 600.0
_STORAGE_ERRORS = (AirflowException, AirflowRuntimeError, OSError, ValueError)


class PostHogDashboardWatchTrigger(BaseEventTrigger):
    """Fires once each time a dashboard was refreshed, or the verdict on it has changed; for an `AssetWatcher`.

    What has been told is remembered, on Airflow 3.3 in the asset's state store and else in a file of the storage path,
    so a restarted triggerer tells what it missed and nothing twice. (One that dies within a poll after an event may
    tell it again: losing it would be worse.) All watchers of a connection share one loop that reads each dashboard once
    per round. A PostHog that doesn't answer is asked again, ever more slowly; the watch goes on.

    Args:
        dashboard_id: which dashboard.
        posthog_conn_id: id of the Connection.
        watch_for: `refresh` (default): its tiles were computed anew; `verdict`: an analysis said something else than
            the one before; `any` of the two.
        poll_interval: seconds between looks; each is one request per dashboard that computes nothing.
        settle: seconds without a further tile after which a refresh that left some tiles behind counts as over.
        storage_path: where verdicts are kept, as of the analyze operator.

    Raises:
        ValueError: an argument can't be used.

    Example:
        >>> watcher = AssetWatcher(name="kpis", trigger=PostHogDashboardWatchTrigger(dashboard_id=42))
        >>> kpis = dashboard_asset("https://eu.posthog.com", 1, 42, watchers=[watcher])
    """

    #: Dashboards wanted by the watchers in this process, by the stream they share.
    _wanted: ClassVar[dict[Hashable, Counter[int]]] = {}

    def __init__(
        self,
        dashboard_id: int,
        posthog_conn_id: str = "posthog_default",
        *,
        watch_for: str = "refresh",
        poll_interval: float = 60.0,
        settle: float = 120.0,
        storage_path: str | None = None,
        **_from_later: Any,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        if isinstance(dashboard_id, bool) or not isinstance(dashboard_id, int) or dashboard_id <= 0:
            raise ValueError(f"dashboard_id must be a whole number above 0, not {dashboard_id!r}")
        if not poll_interval > 0 or not settle >= 0:
            raise ValueError("poll_interval must be above 0 seconds, and settle not below")
        self.dashboard_id = dashboard_id
        self.posthog_conn_id = posthog_conn_id
        self.watch_for = WatchFor(watch_for)
        self.poll_interval = float(poll_interval)
        self.settle = float(settle)
        self.storage_path = storage_path

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class path and plain JSON arguments; the same watch gives the same, which is its identity."""
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {
                "dashboard_id": self.dashboard_id,
                "posthog_conn_id": self.posthog_conn_id,
                "watch_for": self.watch_for.value,
                "poll_interval": self.poll_interval,
                "settle": self.settle,
                "storage_path": self.storage_path,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look on our own, where Airflow has no shared streams (before 3.3)."""
        if not hasattr(BaseEventTrigger, "shared_stream_key"):
            done_without("shared loop for watchers", "each looks on its own and remembers in a file")
        async for event in self._news(self._looks(lambda: [self.dashboard_id])):
            yield event

    def shared_stream_key(self) -> Hashable:
        """Return what watchers have in common that can share a loop."""
        verdicts = self.watch_for is not WatchFor.REFRESH
        return (type(self).__qualname__, self.posthog_conn_id, self.poll_interval, self.storage_path, verdicts)

    @classmethod
    async def open_shared_stream(cls, kwargs: dict[str, Any]) -> AsyncIterator[dict[int, Sighting]]:
        """Look at every dashboard that a watcher in this process wants; one item per round."""
        one = cls(**kwargs)
        key = one.shared_stream_key()
        async for seen in one._looks(lambda: list(cls._wanted.get(key, ()))):
            yield seen

    async def filter_shared_stream(self, shared_stream: AsyncIterator[Any]) -> AsyncIterator[TriggerEvent]:
        """Pick this watcher's dashboard out of the rounds."""
        wanted = self._wanted.setdefault(self.shared_stream_key(), Counter())
        wanted[self.dashboard_id] += 1
        try:
            async for event in self._news(shared_stream):
                yield event
        finally:
            wanted[self.dashboard_id] -= 1
            if not wanted[self.dashboard_id]:
                del wanted[self.dashboard_id]

    async def _news(self, rounds: AsyncIterator[dict[int, Sighting]]) -> AsyncIterator[TriggerEvent]:
        memory = _Memory(self)
        mark = kept = await memory.load()
        async for seen in rounds:
            if mark != kept and mark is not None:
                # Only now, a round after the event: Airflow has written it down by this time.
                await memory.keep(mark)
                kept = mark
            if self.dashboard_id not in seen:
                continue
            mark, news = consider(mark, seen[self.dashboard_id], watch_for=self.watch_for, settle=self.settle)
            if news is not None:
                yield TriggerEvent(news)
            elif mark != kept:
                await memory.keep(mark)
                kept = mark

    async def _looks(self, wanted: Callable[[], Collection[int]]) -> AsyncIterator[dict[int, Sighting]]:
        """Look for ever. What can't be read is left out of its round and said in the log, once."""
        troubles: dict[int, str] = {}
        failures = 0
        while True:
            if not (ids := wanted()):
                await asyncio.sleep(min(1.0, self.poll_interval))
                continue
            seen, failed = await self._look(ids)
            for dashboard_id, trouble in failed.items():
                if troubles.get(dashboard_id) != trouble:
                    self.log.warning("Dashboard %d can't be watched at the moment: %s", dashboard_id, trouble)
            troubles = failed
            failures = 0 if seen else failures + 1
            yield seen
            pause = self.poll_interval * 2 ** min(failures, 10)
            await asyncio.sleep(max(self.poll_interval, min(pause, LONGEST_PAUSE)))

    async def _look(self, ids: Collection[int]) -> tuple[dict[int, Sighting], dict[int, str]]:
        from airflow_dashboards.hooks.posthog import PostHogHook
        from airflow_dashboards.posthog import PostHogError
        from airflow_dashboards.refresh.store import SnapshotStore

        hook = PostHogHook(self.posthog_conn_id)
        try:
            settings = await hook.asettings()
            store = SnapshotStore(hook.storage_root(self.storage_path))
            slots = asyncio.Semaphore(AT_ONCE)

            async def one(client: AsyncClient, dashboard_id: int) -> Sighting | Exception:
                async with slots:
                    try:
                        board = await client.dashboards.get(dashboard_id)
                        verdict = await self._verdict(store, settings.host, settings.project_id, dashboard_id)
                    except (PostHogError, OSError, ValueError) as error:
                        return error
                return _sighting(board, verdict)

            async with await hook.aclient() as client:
                found = await asyncio.gather(*(one(client, each) for each in ids))
        except (PostHogError, AirflowException, OSError, ValueError) as error:
            return {}, dict.fromkeys(ids, str(error))
        pairs = list(zip(ids, found, strict=True))
        return (
            {each: look for each, look in pairs if isinstance(look, Sighting)},
            {each: str(error) for each, error in pairs if isinstance(error, Exception)},
        )

    async def _verdict(self, store: SnapshotStore, host: str, project_id: int, dashboard_id: int) -> str | None:
        if self.watch_for is WatchFor.REFRESH:
            return None
        return await asyncio.to_thread(
            latest_verdict, store, host=host, project_id=project_id, dashboard_id=dashboard_id
        )


def _sighting(board: Dashboard, verdict: str | None) -> Sighting:
    from datetime import datetime, timezone

    return sighting(board, seen_at=board.server_time or datetime.now(timezone.utc), verdict=verdict)


class _Memory:
    """Keeps a mark: in the state store of the watched asset, else in a file."""

    def __init__(self, trigger: PostHogDashboardWatchTrigger) -> None:
        self._trigger = trigger
        self._store = getattr(trigger, "asset_state_store", None)
        identity = hashlib.sha256(json.dumps(trigger.serialize(), sort_keys=True).encode()).hexdigest()[:16]
        self._key = f"posthog_watch_{identity}"

    async def load(self) -> Watermark | None:
        """Return what was kept, None if nothing was or it can't be read."""
        try:
            return _mark(await self._read())
        except _STORAGE_ERRORS as error:
            self._trigger.log.warning("What this watch told last can't be read, so it begins anew: %s", error)
            return None

    async def keep(self, mark: Watermark) -> None:
        """Keep a mark over restarts; where that fails, this process still remembers."""
        try:
            await self._write(mark.model_dump(mode="json"))
        except _STORAGE_ERRORS as error:
            self._trigger.log.warning("What this watch told can't be kept over a restart: %s", error)

    async def _read(self) -> Any:
        if self._store is not None:
            try:
                return await self._store.aget(self._key)
            except ValueError:  # the watcher has several assets, and the store is of one
                self._store = None
        return await asyncio.to_thread(self._read_file, await self._root())

    async def _write(self, value: Any) -> None:
        if self._store is not None:
            await self._store.aset(self._key, value)
        else:
            await asyncio.to_thread(self._write_file, await self._root(), value)

    async def _root(self) -> Any:
        from airflow_dashboards.hooks.posthog import PostHogHook
        from airflow_dashboards.refresh.files import local

        hook = PostHogHook(self._trigger.posthog_conn_id)
        await hook.asettings()
        return local(hook.storage_root(self._trigger.storage_path)) / "watches"

    def _read_file(self, root: Any) -> Any:
        try:
            return json.loads((root / f"{self._key}.json").read_bytes())
        except FileNotFoundError:
            return None

    def _write_file(self, root: Any, value: Any) -> None:
        from airflow_dashboards.refresh.files import writing

        with writing(root / f"{self._key}.json") as file:
            file.write(json.dumps(value).encode())


def _mark(value: Any) -> Watermark | None:
    return None if value is None else Watermark.model_validate(value)
