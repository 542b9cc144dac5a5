"""All runs of the last hundred days in memory, read once and kept up with what is added.

A file that has not changed is never read again, and a day that is over is looked at again only every few minutes. What
is kept per run and dashboard is a verdict and a sentence; everything else is read from the run's file when it is shown.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from pydantic import ValidationError
from pydantic_core import from_json

from airflow_dashboards.plugin.storage import OutsideStorageError
from airflow_dashboards.refresh.run_record import RUN_FORMAT, RUNS, RunRecord
from airflow_dashboards.refresh.summary import dashboard_key

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_dashboards.plugin.storage import Storage

log = logging.getLogger(__name__)

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
        self._lock = threading.Lock()
        self._days: dict[str, _Day] = {}
        self._looked = float("-inf")
        self._runs: tuple[Run, ...] = ()
        self._by_key: dict[str, Run] = {}
        #: Rises whenever something was added, changed or removed.
        self.generation = 0

    def runs(self) -> tuple[Run, ...]:
        """Return all runs, the oldest first; of a task that was tried again the last try.

        Raises:
            OSError: the storage can't be read.
        """
        with self._lock:
            self._keep_up()
            return self._runs

    def run(self, key: str) -> Run | None:
        """Return a run by its key, or None."""
        with self._lock:
            self._keep_up()
            return self._by_key.get(key)

    def record(self, run: Run) -> RunRecord:
        """Read all that a run said.

        Raises:
            FileNotFoundError: it was removed in the meantime.
            ValueError: the file is damaged.
        """
        return RunRecord.model_validate_json(self.storage.read(run.path))

    def _keep_up(self) -> None:
        now = self._clock()
        if now - self._looked < PATIENCE:
            return
        oldest = f"{self.today() - timedelta(days=DAYS):%Y-%m-%d}"
        still_open = f"{self.today() - timedelta(days=OPEN_DAYS):%Y-%m-%d}"
        present = [day for day in self.storage.folders(RUNS) if day >= oldest]
        changed = bool(set(self._days) - set(present))
        days: dict[str, _Day] = {}
        for day in present:
            known = self._days.get(day)
            if known is not None and day < still_open and now - known.listed < SETTLED_PATIENCE:
                days[day] = known
                continue
            days[day] = self._read_day(day, known, now)
            changed = changed or known is None or days[day].stamps != known.stamps
        self._days, self._looked = days, now
        if changed:
            newest = {run.key: run for run in sorted(_all(days), key=lambda run: run.at)}
            self._by_key = newest
            self._runs = tuple(sorted(newest.values(), key=lambda run: run.at))
            self.generation += 1

    def _read_day(self, day: str, known: _Day | None, now: float) -> _Day:
        stamps = {name: stamp for name, stamp in self.storage.files(f"{RUNS}/{day}").items() if name.endswith(".json")}
        runs = {}
        for name, stamp in stamps.items():
            if known is not None and known.stamps.get(name) == stamp:
                if name in known.runs:
                    runs[name] = known.runs[name]
                continue
            path = f"{RUNS}/{day}/{name}"
            try:
                runs[name] = parse_run(self.storage.read(path), path)
            except FileNotFoundError:
                continue
            except (OutsideStorageError, KeyError, TypeError, ValueError, ValidationError) as error:
                # One damaged file must not take the page away; the log says which.
                log.warning("The run file %s is not shown: %s", path, error)
        return _Day(now, stamps, runs)


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
