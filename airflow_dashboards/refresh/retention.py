"""Letting go of what is old: runs, reports, snapshots, and what killed tries and failed waits have left behind.

Only files of our own are touched, known by where they are and what they are called: the storage path may be shared with
others, such as Airflow's XComs. Whoever else works on the storage at the same time loses nothing: nothing that is young
is removed, nor what a kept file refers to, and what somebody else has removed first is taken as removed.
"""

from __future__ import annotations

import logging
import random
import re
import time
from collections import Counter, defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic_core import from_json

from airflow_dashboards.refresh.files import local, on_disk, safe_name
from airflow_dashboards.refresh.history import stamped_at
from airflow_dashboards.refresh.listing import files, folders
from airflow_dashboards.refresh.once import Once
from airflow_dashboards.refresh.run_record import RUNS
from airflow_dashboards.refresh.summary import dashboard_key

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

log = logging.getLogger(__name__)

#: Nothing younger is ever removed: a run that is under way needs its snapshots, and a retry its journal.
LEAST_DAYS = 7
#: Snapshots of a dashboard that are kept however old: a comparison of the last two needs them.
LAST_SNAPSHOTS = 2
#: How much nearer than a comparison reaches back the next one may have to look, e.g. since runs begin a little earlier.
REACH_MARGIN = timedelta(days=2)

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_SNAPSHOT = ".jsonl.gz"
_INDEX = re.compile(r".+-[0-9a-f]{12}\.jsonl\.gz")
_SEGMENT = re.compile(r"\d{6}\.json")
#: Of `sensors.memory`; the hash in place of the end where the name was too long.
_WAIT = re.compile(r".+-(posthog_wait_\d+_\d+|[0-9a-f]{8})\.json")
_REPORT = frozenset({"report.html", "report.md", "analysis.json"})
#: How files that are being written are called where they can't be written without a name.
_UNFINISHED = re.compile(r"\..+\.[0-9a-f]{32}\.tmp")


@dataclass
class Pruned:
    """How many files were removed, by what they were: `runs`, `reports`, `snapshots`, `leftovers`."""

    counts: Counter[str] = field(default_factory=Counter)
    #: Whether time ran out before all was looked at.
    cut_short: bool = False

    def __str__(self) -> str:
        total = sum(self.counts.values())
        parts = ", ".join(f"{count} of {kind}" for kind, count in sorted(self.counts.items()))
        said = f"{total:,} {'file' if total == 1 else 'files'} ({parts})" if total else "nothing"
        return f"{said}; the rest another time" if self.cut_short else said


class Kept(NamedTuple):
    """A run file, as far as it matters to what else is kept."""

    path: str
    day: str
    dag_id: str = ""
    task_id: str = ""
    run_id: str = ""
    #: Per dashboard (`eu.posthog.com/1/42`), when the pictures before and after were taken.
    pictures: tuple[tuple[str, datetime | None, datetime], ...] = ()


def prune(
    root: Any,
    days: int,
    *,
    now: datetime,
    seconds: float | None = None,
    dry_run: bool = False,
    clock: Callable[[], float] = time.monotonic,
) -> Pruned:
    """Remove what is older than so many days.

    Kept all the same are: the last run of every analyzing task with its report, the last two snapshots of every
    dashboard, snapshots that a kept run compared or that the history of verdicts knows, and as many days of snapshots
    as the runs of a dashboard reach back. Verdicts are let go by their number, see `refresh.history`.

    Args:
        root: the storage root, a path-like (see `refresh.files`).
        days: at least `LEAST_DAYS`.
        now: the present instant, timezone-aware.
        seconds: how long it may take; the rest is left for another time. None: as long as it takes.
        dry_run: only count.
        clock: seconds of a clock that only goes forward.

    Raises:
        ValueError: `days` is too small.
        OSError: the storage can't be read, or refuses to remove a file.

    Example:
        >>> print(prune(store.root, 120, now=datetime.now(timezone.utc)))
        12 files (4 of reports, 1 of runs, 7 of snapshots)
    """
    if days < LEAST_DAYS:
        raise ValueError(f"what is not yet {LEAST_DAYS} days old is never removed, so days can't be {days}")
    root = local(root)
    if on_disk(root):
        root = root.resolve()  # it may be a link; nothing below may
    sweep = _Sweep(root, now - timedelta(days=days), now, dry_run)
    deadline = float("inf") if seconds is None else clock() + seconds
    for _ in sweep.steps():
        if clock() >= deadline:
            sweep.pruned.cut_short = True
            break
    return sweep.pruned


def prune_daily(root: Any, days: int, *, now: datetime, seconds: float) -> Pruned | None:
    """Remove what is older than so many days, if nobody has today; else return None.

    Args:
        root: as for `prune`, as are the others.
        days: as for `prune`.
        now: the present instant, timezone-aware.
        seconds: how long it may take.

    Raises:
        ValueError: `days` is too small.
        OSError: the storage can't be read, or refuses to remove a file.
    """
    marks = local(root) / "retention"
    today = f"{now.astimezone(timezone.utc):%Y-%m-%d}"
    if not Once(marks).claim(today):
        return None
    for name in filter(_DAY.fullmatch, files(marks)):
        if name < today:
            with suppress(FileNotFoundError):
                (marks / name).unlink()
    return prune(root, days, now=now, seconds=seconds)


def old_runs(runs: Iterable[Kept], cutoff: datetime) -> list[Kept]:
    """Return the runs that go: all before the day of the cutoff but those of each task's last DAG run. Pure."""
    runs = list(runs)
    last: dict[tuple[str, str], Kept] = {}
    for run in sorted(runs, key=lambda each: (each.day, max((at for _, _, at in each.pictures), default=_NEVER))):
        last[run.dag_id, run.task_id] = run
    return [
        run
        for run in runs
        if run.day < f"{cutoff:%Y-%m-%d}" and (not run.dag_id or run.run_id != last[run.dag_id, run.task_id].run_id)
    ]


_NEVER = datetime.min.replace(tzinfo=timezone.utc)


def old_snapshots(
    names: Collection[str], *, cutoff: datetime, judged: Collection[datetime], compared: Collection[datetime]
) -> list[str]:
    """Return the snapshots of a dashboard that go. Pure.

    Args:
        names: of the files in its folder; others than snapshots are left out.
        cutoff: those taken before it may go.
        judged: the instants, to the second, that its history of verdicts knows.
        compared: those that a kept run compared.
    """
    taken = {name: at for name in names if name.endswith(_SNAPSHOT) and (at := stamped_at(name)) is not None}
    # Within one second the later file has a number behind its name.
    last = sorted(taken, key=lambda name: (taken[name], len(name), name))[-LAST_SNAPSHOTS:]
    needed = {*judged, *compared}
    return sorted(name for name, at in taken.items() if at < cutoff and at not in needed and name not in last)


def reach(run: Iterable[tuple[datetime | None, datetime]]) -> timedelta:
    """Return how far back comparisons reached, given the instants before and after of each. Pure."""
    return max((after - before for before, after in run if before is not None), default=timedelta(0))


class _Sweep:
    """One going over a storage root."""

    def __init__(self, root: Any, cutoff: datetime, now: datetime, dry_run: bool) -> None:
        self.pruned = Pruned()
        self._root = root
        self._cutoff = cutoff
        self._now = now
        self._dry_run = dry_run

    def steps(self) -> Iterator[None]:
        """Do it, a small step at a time."""
        kept: list[Kept] = []
        yield from self._runs(kept)
        yield from self._reports({safe_name(run.path.rpartition("/")[2].removesuffix(".json")) for run in kept})
        yield from self._snapshots(kept)
        yield from self._leftovers()

    def _runs(self, kept: list[Kept]) -> Iterator[None]:
        runs: list[Kept] = []
        for day in filter(_DAY.fullmatch, folders(self._root / RUNS)):
            names = [name for name in files(self._root / RUNS / day) if name.endswith(".json")]
            runs += [_read(self._root, f"{RUNS}/{day}/{name}", day) for name in names]
            yield
        old = old_runs(runs, self._cutoff)
        for run in old:
            self._remove("runs", self._root / run.path)
            yield
        kept += set(runs) - set(old)

    def _reports(self, keys: Collection[str]) -> Iterator[None]:
        for label in folders(self._root / "reports"):
            if safe_name(label) in keys:
                continue
            folder = self._root / "reports" / label
            ours = {name: age for name, age in files(folder, deep=True).items() if _of_report(name)}
            # All or nothing: a task that is being run again writes one file after the other.
            if ours and all(self._is_old(age) for age in ours.values()):
                for name in sorted(ours):
                    self._remove("reports", folder / name)
            self._remove_emptied(folder / "done", folder)
            yield

    def _snapshots(self, kept: Iterable[Kept]) -> Iterator[None]:
        compared: defaultdict[str, list[tuple[datetime | None, datetime]]] = defaultdict(list)
        for run in kept:
            for dashboard, before, after in run.pictures:
                compared[dashboard].append((before, after))
        dashboards = [
            f"{host}/{project}/{dashboard}"
            for host in folders(self._root)
            for project in filter(str.isdigit, folders(self._root / host))
            for dashboard in filter(str.isdigit, folders(self._root / host / project))
        ]
        # Where time runs out, it must not always be for the same ones.
        random.shuffle(dashboards)
        for dashboard in dashboards:
            folder, pairs = self._root / dashboard, compared[dashboard]
            present = files(folder, deep=True)
            gone = old_snapshots(
                [name for name in present if "/" not in name],
                cutoff=min(self._cutoff, self._now - reach(pairs) - REACH_MARGIN),
                judged={at for name in present if name.startswith("history/") and (at := _stamp(name)) is not None},
                compared={at.replace(microsecond=0) for pair in pairs for at in pair if at is not None},
            )
            for name in gone:
                self._remove("snapshots", folder / name)
            self._remove_unfinished(folder, present)
            yield

    def _leftovers(self) -> Iterator[None]:
        """Remove index files, which only XComs refer to, and what killed tries and failed waits left."""
        for place, ours in (("index", _INDEX), ("waits", _WAIT)):
            for name, age in files(self._root / place).items():
                if ours.fullmatch(name) and self._is_old(age):
                    self._remove("leftovers", self._root / place / name)
            yield
        for key in folders(self._root / "ledger"):
            folder = self._root / "ledger" / key
            segments = {name: age for name, age in files(folder).items() if _SEGMENT.fullmatch(name)}
            if segments and all(self._is_old(age) for age in segments.values()):
                # From the end, so that what is left in between still reads.
                for name in sorted(segments, reverse=True):
                    self._remove("leftovers", folder / name)
            self._remove_emptied(folder)
            yield
        # Object stores have none: there a file that was not written to its end does not come to be.
        for place in (RUNS, "reports", "index", "ledger", "waits") if on_disk(self._root) else ():
            self._remove_unfinished(self._root / place, files(self._root / place, deep=True))
            yield
        for day in filter(_DAY.fullmatch, folders(self._root / RUNS)):
            if day < f"{self._cutoff:%Y-%m-%d}":
                self._remove_emptied(self._root / RUNS / day)

    def _remove_unfinished(self, folder: Any, present: Mapping[str, float | None]) -> None:
        for name, age in present.items():
            if _UNFINISHED.fullmatch(name.rpartition("/")[2]) and self._is_old(age):
                self._remove("leftovers", folder / name)

    def _is_old(self, changed: float | None) -> bool:
        return changed is not None and changed < self._cutoff.timestamp()

    def _remove(self, kind: str, path: Any) -> None:
        if not self._dry_run:
            try:
                path.unlink()
            except FileNotFoundError:  # somebody else lets go of the same one
                return
        self.pruned.counts[kind] += 1

    def _remove_emptied(self, *folders: Any) -> None:
        """Remove folders that have been empty for as long; one that was emptied just now may be about to be filled."""
        for folder in folders:
            if self._dry_run or not on_disk(folder):  # object stores have no folders
                continue
            with suppress(OSError):  # it is not there, or not empty
                if self._is_old(folder.stat().st_mtime):
                    folder.rmdir()


def _of_report(name: str) -> bool:
    folder, _, file = name.rpartition("/")
    return file in _REPORT if not folder else folder == "done"


def _stamp(name: str) -> datetime | None:
    return stamped_at(name.rpartition("/")[2])


def _read(root: Any, path: str, day: str) -> Kept:
    """Read a run file; one that can't be read refers to nothing and goes by its day alone."""
    try:
        data = from_json((root / path).read_bytes())
        return Kept(
            path,
            day,
            dag_id=str(data["dag_id"]),
            task_id=str(data["task_id"]),
            run_id=str(data["run_id"]),
            pictures=tuple(
                (
                    dashboard_key(each["host"], each["project_id"], each["dashboard_id"]),
                    None if each.get("before_at") is None else _instant(each["before_at"]),
                    _instant(each["after_at"]),
                )
                for each in data["dashboards"]
            ),
        )
    except (FileNotFoundError, KeyError, TypeError, ValueError) as error:
        log.info("The run file %s can't be read: %s", path, error)
        return Kept(path, day)


def _instant(text: str) -> datetime:
    instant = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return instant.astimezone(timezone.utc)
