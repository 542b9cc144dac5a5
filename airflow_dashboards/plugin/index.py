"""All runs of the last hundred days in memory, read once and kept up with what is added.

A file that has not changed is never read again, and a day that is over is looked at again only every few minutes. What
is kept per run and dashboard is a verdict and a sentence; everything else is read from the run's file when it is shown.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from pydantic import ValidationError
from pydantic_core import from_json

from airflow_dashboards.plugin.storage import OutsideStorageError
from airflow_dashboards.refresh.run_record import RUN_FORMAT, RUNS, RunRecord
from airflow_dashboards.refresh.summary import dashboard_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from airflow_dashboards.plugin.storage import Storage

log = logging.getLogger(__name__)

_Found = TypeVar("_Found")
#: How far back the page looks.
DAYS = 100
#: How long an answer may be behind the storage, in seconds.
PATIENCE = 3.0
#: Days before this many are settled: nothing is added to them but by a clock that is off or a restored backup.
OPEN_DAYS = 3
SETTLED_PATIENCE = 300.0

_key = lru_cache(maxsize=10_000)(dashboard_key)
#: The same tags, run after run, are kept once.
_tags = lru_cache(maxsize=10_000)(lambda *tags: tags)


class Look(NamedTuple):
    """What a run said of one dashboard, as far as a list shows it."""

    dashboard: str
    name: str
    url: str
    status: str
    summary: str
    runs_in_a_row: int
    tags: tuple[str, ...] = ()


class Run(NamedTuple):
    """One run of an analyzing task."""

    key: str
    path: str
    dag_id: str
    run_id: str
    task_id: str
    map_index: int
    at: datetime
    title: str
    report: str | None
    looks: tuple[Look, ...]
    unreadable: int


class _Day(NamedTuple):
    listed: float
    stamps: dict[str, object]
    runs: dict[str, Run]


class _Known(NamedTuple):
    """All that is known at an instant; never changed, only replaced, so that nobody has to wait to read it."""

    looked: float = float("-inf")
    days: dict[str, _Day] = {}  # noqa: RUF012
    runs: tuple[Run, ...] = ()
    by_key: dict[str, Run] = {}  # noqa: RUF012
    generation: int = 0


class RunIndex:
    """The runs below a storage root.

    Args:
        storage: where the run files are.
        clock: seconds of a clock that only goes forward.
        today: the present instant, timezone-aware.

    Example:
        >>> index = RunIndex(open_storage(storage_root()))
        >>> index.runs()[0].dag_id
        'nightly_refresh'
    """

    def __init__(
        self,
        storage: Storage,
        *,
        clock: Callable[[], float] = time.monotonic,
        today: Callable[[], datetime] = lambda: datetime.now(timezone.utc),
    ) -> None:
        self.storage = storage
        self.today = today
        self._clock = clock
        self._reading = threading.Lock()
        self._known = _Known()

    @property
    def generation(self) -> int:
        """Rises whenever something was added, changed or removed."""
        return self._known.generation

    def runs(self) -> tuple[Run, ...]:
        """Return all runs, the oldest first; of a task that was tried again the last try.

        Raises:
            OSError: the storage can't be read.
            StorageUnavailableError: the object store can't be.
        """
        return self._kept_up().runs

    def run(self, key: str) -> Run | None:
        """Return a run by its key, or None."""
        return self._kept_up().by_key.get(key)

    def record(self, run: Run) -> RunRecord:
        """Read all that a run said.

        Raises:
            FileNotFoundError: it was removed in the meantime.
            ValueError: the file is damaged.
        """
        return RunRecord.model_validate_json(self.storage.read(run.path))

    def _kept_up(self) -> _Known:
        """Return what is known, read anew if it is old. One request reads; others go on with what was known before."""
        first = self._known.looked == float("-inf")
        if self._is_old() and self._reading.acquire(blocking=first):
            try:
                if self._is_old():  # not read by the one that was waited for
                    self._known = self._read(self._known)
            finally:
                self._reading.release()
        return self._known

    def _is_old(self) -> bool:
        return self._clock() - self._known.looked >= PATIENCE

    def _read(self, known: _Known) -> _Known:
        now = self._clock()
        oldest = f"{self.today() - timedelta(days=DAYS):%Y-%m-%d}"
        still_open = f"{self.today() - timedelta(days=OPEN_DAYS):%Y-%m-%d}"
        present = [day for day in self.storage.folders(RUNS) if day >= oldest]
        days = {
            day: before
            for day in present
            if (before := known.days.get(day)) is not None
            and day < still_open
            and now - before.listed < SETTLED_PATIENCE
        }
        stale = [day for day in present if day not in days]
        for day, stamps, runs in self._read_days(stale, known.days):
            days[day] = _Day(now, stamps, runs)
        unchanged = days.keys() == known.days.keys() and all(days[day].stamps == known.days[day].stamps for day in days)
        if unchanged:
            return known._replace(looked=now, days=days)
        newest = {run.key: run for run in sorted(_all(days), key=lambda run: run.at)}
        return _Known(now, days, tuple(sorted(newest.values(), key=lambda run: run.at)), newest, known.generation + 1)

    def _read_days(
        self, days: list[str], known: dict[str, _Day]
    ) -> Iterator[tuple[str, dict[str, object], dict[str, Run]]]:
        """List days, and read what changed in them: as many at once as the storage gains from, over all days."""
        with _Readers(self.storage.readers) as readers:
            listed = dict(zip(days, readers.map(self._list, days), strict=True))
            unread = [
                f"{RUNS}/{day}/{name}"
                for day, stamps in listed.items()
                for name, stamp in stamps.items()
                if day not in known or known[day].stamps.get(name) != stamp
            ]
            read = dict(zip(unread, readers.map(self._read_run, unread), strict=True))
        for day, stamps in listed.items():
            before = known[day].runs if day in known else {}
            found = {name: read.get(f"{RUNS}/{day}/{name}", before.get(name)) for name in stamps}
            yield day, stamps, {name: run for name, run in found.items() if run is not None}

    def _list(self, day: str) -> dict[str, object]:
        return {name: stamp for name, stamp in self.storage.files(f"{RUNS}/{day}").items() if name.endswith(".json")}

    def _read_run(self, path: str) -> Run | None:
        try:
            return parse_run(self.storage.read(path), path)
        except FileNotFoundError:
            return None
        except (OutsideStorageError, KeyError, TypeError, ValueError, ValidationError) as error:
            # One damaged file must not take the page away; the log says which.
            log.warning("The run file %s is not shown: %s", path, error)
            return None


class _Readers:
    """Threads that read; none where one at a time is fastest, since threads would only wait for each other."""

    def __init__(self, number: int) -> None:
        self._pool = ThreadPoolExecutor(number, thread_name_prefix="posthog-page") if number > 1 else None

    def __enter__(self) -> _Readers:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            # After an error the rest need not be read.
            self._pool.shutdown(cancel_futures=True)

    def map(self, work: Callable[[str], _Found], items: Iterable[str]) -> Iterable[_Found]:
        """Return what the work gives for each item, in their order."""
        return map(work, items) if self._pool is None else self._pool.map(work, items)


def _all(days: dict[str, _Day]) -> list[Run]:
    return [run for day in days.values() for run in day.runs.values()]


def parse_run(content: bytes, path: str) -> Run:
    """Read what a list needs out of a run file.

    Not through the model: a quarter of a year is a hundred thousand verdicts, and their tiles are not looked at.

    Args:
        content: the file.
        path: where it is, relative to the storage root.

    Raises:
        KeyError: a field is missing.
        TypeError: it is no run file.
        ValueError: it is no JSON, or of another format.
    """
    data = from_json(content)
    if data["format"] != RUN_FORMAT:
        raise ValueError(f"format {data['format']!r} is not {RUN_FORMAT!r}")
    return Run(
        key=path.rpartition("/")[2].removesuffix(".json"),
        path=path,
        dag_id=sys.intern(str(data["dag_id"])),
        run_id=str(data["run_id"]),
        task_id=sys.intern(str(data["task_id"])),
        map_index=int(data["map_index"]),
        at=_instant(data["at"]),
        title=str(data["title"]),
        report=None if data.get("report") is None else str(data["report"]),
        looks=tuple(
            Look(
                dashboard=_key(each["host"], int(each["project_id"]), int(each["dashboard_id"])),
                name=sys.intern(str(each["dashboard_name"] if "dashboard_name" in each else each["name"])),
                url=sys.intern(str(each["url"])),
                status=sys.intern(str(each["status"])),
                summary=sys.intern(str(each["summary"])),
                runs_in_a_row=int(each["runs_in_a_row"]),
                tags=_tags(*map(str, each.get("tags", ()))),
            )
            for each in data["dashboards"]
        ),
        unreadable=len(data["unreadable"]),
    )


def _instant(text: str) -> datetime:
    instant = datetime.fromisoformat(text.replace("Z", "+00:00"))
    if instant.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    return instant.astimezone(timezone.utc)
