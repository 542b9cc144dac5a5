"""What is let go when it is old, and what never is: on a disk and in an object store, beside others at work."""

from __future__ import annotations

import gzip
import os
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from upath import UPath

from airflow_dashboards.analysis import Analysis, Comparability, Snapshot, Verdict
from airflow_dashboards.refresh import files
from airflow_dashboards.refresh.files import on_disk
from airflow_dashboards.refresh.history import VerdictHistory
from airflow_dashboards.refresh.listing import files as files_in
from airflow_dashboards.refresh.retention import Kept, old_runs, old_snapshots, prune, prune_daily
from airflow_dashboards.refresh.run_record import RunRecord, write_run
from airflow_dashboards.refresh.store import SnapshotStore
from airflow_dashboards.refresh.summary import AnalysisSummary

NOW = datetime(2026, 6, 30, 12, tzinfo=timezone.utc)
HOST = "https://eu.posthog.com"
FOLDER = "eu.posthog.com/1/42"


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


class World:
    """A storage path as runs of some weeks leave it."""

    def __init__(self, root: Any) -> None:
        self.root = root
        self.store = SnapshotStore(root)

    def snapshot(self, days: float, dashboard: int = 42) -> str:
        taken = Snapshot(dashboard_id=dashboard, project_id=1, host=HOST, taken_at=ago(days))
        return self.store.write(taken, run="nightly").uri

    def judge(self, days: float, keep: int = 100, run: str | None = None) -> None:
        history = VerdictHistory(self.store, keep=keep)
        history.add(analysis(days), source="nightly.analyze", run=run or f"run-{days:g}")

    def file(self, path: str, days: float = 0, content: bytes = b"x") -> str:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        self.age(path, days)
        return path

    def age(self, path: str, days: float) -> None:
        changed = ago(days).timestamp()
        if on_disk(self.root):
            os.utime(self.root / path, (changed, changed))
        else:
            file = self.root / path
            file.fs.store[file.path].created = datetime.fromtimestamp(changed, timezone.utc)

    def run(self, days: float, *, before: float | None = None, task: str = "analyze", run_id: str | None = None) -> str:
        """Write what an analyzing task writes: record, report, picture before and after; return the run's key."""
        summary = AnalysisSummary.of(analysis(days, before=days + 0.1 if before is None else before))
        run_id = run_id or f"run-{days:g}"
        record = RunRecord.of([summary], dag_id="nightly", run_id=run_id, task_id=task, title="Nightly")
        for name in ("report.html", "report.md", "analysis.json", "done/42"):
            self.file(f"reports/{record.key}/{name}", days)
        return write_run(self.root, record)

    def night(self, days: float, **more: Any) -> str:
        self.snapshot(days + 0.1)
        self.snapshot(days)
        return self.run(days, **more)

    def names(self) -> set[str]:
        return set(files_in(self.root, deep=True))

    def below(self, place: str) -> list[str]:
        return sorted(name.removeprefix(f"{place}/") for name in self.names() if name.startswith(f"{place}/"))

    @property
    def runs(self) -> list[str]:
        return [name.partition("/")[2].removesuffix(".json") for name in self.below("runs")]

    @property
    def reports(self) -> set[str]:
        return {name.partition("/")[0] for name in self.below("reports")}

    @property
    def snapshots(self) -> list[str]:
        return [name.partition("-")[0] for name in self.below(FOLDER) if name.endswith(".gz")]

    def check(self) -> None:
        """Whatever was removed so far: what is kept finds what it refers to."""
        assert {f"nightly-run-{key.split('run-')[1]}" for key in self.runs} <= self.reports


def analysis(days: float, before: float | None = None) -> Analysis:
    return Analysis(
        dashboard_id=42,
        dashboard_name="Shop",
        project_id=1,
        host=HOST,
        url=f"{HOST}/project/1/dashboard/42",
        before_at=None if before is None else ago(before),
        after_at=ago(days),
        comparability=Comparability.CHANGED,
        status=Verdict.PASS,
        summary="As expected.",
    )


def stamp(days: float) -> str:
    return f"{ago(days):%Y%m%dT%H%M%SZ}"


@pytest.fixture(params=["disk", "object store"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    if request.param == "disk":
        return World(tmp_path)
    # What Airflow's ObjectStoragePath is made of.
    return World(UPath(f"memory://retention-{uuid.uuid4().hex}/posthog"))


def test_runs_reports_and_snapshots_go_together_when_they_are_old(world: World) -> None:
    keys = {days: world.night(days) for days in range(40)}
    for days in range(39, -1, -1):
        world.judge(days, keep=5)
    pruned = prune(world.root, 30, now=NOW)
    # The day of the cutoff is kept as a whole.
    assert sorted(world.runs) == sorted(keys[days] for days in range(31))
    assert world.reports == {keys[days] for days in range(31)}
    # The last kept run's pictures are kept, so that the one before lies behind the cutoff.
    assert world.snapshots == sorted([*(stamp(days) for days in range(31)), *(stamp(days + 0.1) for days in range(31))])
    assert pruned.counts == {"runs": 9, "reports": 36, "snapshots": 18}
    assert str(pruned) == "63 files (36 of reports, 9 of runs, 18 of snapshots)"
    assert str(prune(world.root, 30, now=NOW)) == "nothing"


def test_what_the_history_knows_stays(world: World) -> None:
    for days in (50, 45, 40, 1):
        world.night(days)
        world.judge(days, keep=3)
    prune(world.root, 30, now=NOW)
    assert world.snapshots == sorted([stamp(45), stamp(40), stamp(1.1), stamp(1)])
    assert len(world.below(f"{FOLDER}/history")) == 3


def test_the_last_run_of_each_task_and_the_last_snapshots_stay_however_old(world: World) -> None:
    for days in (100, 90):
        world.night(days)
    world.snapshot(80.5)
    mapped = [world.run(95 - number, task=f"weekly-{number}", run_id="run-95") for number in range(2)]
    prune(world.root, 30, now=NOW)
    assert sorted(world.runs) == sorted([*mapped, "nightly-run-90-analyze"])
    assert world.reports == set(world.runs)
    assert world.snapshots == sorted([stamp(90.1), stamp(90), stamp(80.5)])


def test_of_a_mapped_task_the_whole_last_run_stays() -> None:
    runs = [
        Kept(f"runs/2026-05-0{day}/{run}-{number}.json", f"2026-05-0{day}", "nightly", "analyze", run)
        for day, run in ((1, "first"), (2, "last"))
        for number in range(3)
    ]
    assert old_runs(runs, NOW) == runs[:3]
    assert old_runs(runs, ago(90)) == []


def test_as_many_days_of_snapshots_stay_as_comparisons_reach_back(world: World) -> None:
    for days in (80, 62, 61, 59, 45, 1, 0.9):
        world.snapshot(days)
    world.run(0.9, before=61)
    prune(world.root, 30, now=NOW)
    assert world.snapshots == [stamp(days) for days in (62, 61, 59, 45, 1, 0.9)]


def test_a_snapshot_within_the_same_second_is_the_later_one() -> None:
    names = ["20260101T000000Z-a.jsonl.gz", "20260101T000000Z-a-2.jsonl.gz", "20260101T000000Z-a-10.jsonl.gz"]
    gone = old_snapshots([*names, "20260101T000000Z.json", "x.jsonl.gz"], cutoff=NOW, judged=(), compared=())
    assert gone == names[:1]


def test_what_killed_tries_left_goes_when_it_is_old(world: World) -> None:
    kept = [
        world.file("reports/young/report.html", 3),
        world.file("reports/going/report.html", 90),
        world.file("reports/going/report.md", 3),
        world.file("index/young-snapshots-0123456789ab.jsonl.gz", 3, gzip.compress(b"{}\n")),
        world.file("ledger/going/000000.json", 90),
        world.file("ledger/going/000001.json", 3),
        world.file("waits/nightly-run-fresh--1-posthog_wait_2_0-01234567.json", 3),
    ]
    world.file("reports/killed/report.html", 90)
    world.file("reports/killed/done/42", 90)
    world.file("index/old-snapshots-0123456789ab.jsonl.gz", 90)
    world.file("ledger/killed/000000.json", 90)
    world.file("ledger/killed/000001.json", 90)
    world.file("waits/nightly-run-fresh--1-posthog_wait_2_0.json", 90)
    world.file("waits/a-name-that-was-too-long-01234567.json", 90)
    world.file("runs/2026-01-01/half.json", 90, b'{"format": "airflow-da')
    prune(world.root, 30, now=NOW)
    assert world.names() == set(kept)


def test_a_killed_writers_unfinished_files_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(tmp_path)
    monkeypatch.setattr(files, "_unnamed", lambda _folder: None)
    for place in (FOLDER, f"{FOLDER}/history/nightly", "runs/2026-06-30", "reports/x", "index", "ledger/x", "waits"):
        world.file(f"{place}/.file.{uuid.uuid4().hex}.tmp", 90)
    young = world.file(f"{FOLDER}/.file.{uuid.uuid4().hex}.tmp", 1)
    prune(tmp_path, 30, now=NOW)
    assert world.names() == {young}


def test_folders_go_once_they_have_been_empty_for_as_long(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.night(90)
    world.night(1)
    prune(tmp_path, 30, now=NOW)
    assert (tmp_path / "reports" / "nightly-run-90-analyze").is_dir()
    for place in ("reports/nightly-run-90-analyze/done", "reports/nightly-run-90-analyze", "runs/2026-04-01"):
        assert (tmp_path / place).is_dir()
        world.age(place, 40)
        prune(tmp_path, 30, now=NOW)
        assert not (tmp_path / place).exists()


def test_files_of_others_are_left_alone(world: World) -> None:
    # The storage path may be that of Airflow's XComs: dag, run, task.
    others = {
        world.file(path, 900)
        for path in (
            "reports/manual__1/analyze/0189.json", "reports/summary.html", "reports/x/done.html",
            "reports/x/figure.png", "runs/manual__1/analyze/0189.json", "runs/2026-01-01/notes.txt", "runs/latest.json",
            "index/values.json.gz", "index/0189/x-0123456789ab.jsonl.gz", "ledger/x/book.csv", "nightly/1/42/0189.json",
            f"{FOLDER}/notes.jsonl.gz", f"{FOLDER}/20250101T000000Z-x.csv", "20250101T000000Z-x.jsonl.gz",
            "watches/a.json", "waits/0189.json", "waits/manual__1/analyze/x-01234567.json",
        )
    }  # fmt: skip
    prune(world.root, 30, now=NOW)
    assert world.names() == others


def test_links_are_not_followed(tmp_path: Path) -> None:
    elsewhere, root = World(tmp_path / "elsewhere"), World(tmp_path / "root")
    for days in (90, 80, 70, 60):
        elsewhere.night(days)
    before = elsewhere.names()
    root.root.mkdir()
    for name in ("runs", "reports", "eu.posthog.com"):
        (root.root / name).symlink_to(elsewhere.root / name)
    assert str(prune(root.root, 30, now=NOW)) == "nothing"
    assert elsewhere.names() == before
    root.root.with_name("link").symlink_to(elsewhere.root)  # the root itself may be one
    assert prune(root.root.with_name("link"), 30, now=NOW).counts["runs"] == 3


def test_less_than_a_week_is_refused(world: World) -> None:
    with pytest.raises(ValueError, match="never removed"):
        prune(world.root, 6, now=NOW)


def test_a_dry_run_counts_and_removes_nothing(world: World) -> None:
    for days in (60, 50, 40, 1):
        world.night(days)
    before = world.names()
    counted = prune(world.root, 30, now=NOW, dry_run=True)
    assert world.names() == before
    assert counted == prune(world.root, 30, now=NOW)
    assert counted.counts["runs"] == 3


def test_it_may_be_ended_anywhere_and_goes_on_from_there(world: World) -> None:
    for days in (60, 50, 40, 1):
        world.night(days)
    world.file("index/old-snapshots-0123456789ab.jsonl.gz", 90)
    whole = prune(world.root, 30, now=NOW, dry_run=True).counts
    total, ends = whole - whole, 0
    for seconds in range(100):
        ticks = iter(range(1000))
        pruned = prune(world.root, 30, now=NOW, seconds=seconds, clock=lambda ticks=ticks: float(next(ticks)))
        total += pruned.counts
        world.check()
        if not pruned.cut_short:
            break
        ends += 1
        assert str(pruned).endswith("another time")
    assert total == whole
    assert ends > 5
    assert world.runs == ["nightly-run-1-analyze"]


def test_another_at_every_step_is_in_nobodys_way(world: World) -> None:
    for days in (60, 50, 40, 1):
        world.night(days)
    whole = prune(world.root, 30, now=NOW, dry_run=True).counts
    others = whole - whole

    def meanwhile() -> float:
        others.update(prune(world.root, 30, now=NOW).counts)
        return 0.0

    mine = prune(world.root, 30, now=NOW, seconds=1.0, clock=meanwhile).counts
    assert mine + others == whole
    assert world.runs == ["nightly-run-1-analyze"]


def test_what_others_write_meanwhile_is_there_afterwards(tmp_path: Path) -> None:
    world = World(tmp_path)
    for days in range(30, 60):
        world.night(days)
    old = world.names()

    def work(number: int) -> set[str]:
        task = f"analyze-{number}"
        written = {str(Path(world.snapshot(0.1, dashboard=100 + number)).relative_to(tmp_path))}
        key = world.run(0.01 * number, task=task, run_id=f"run-{number}")
        return written | {f"reports/{key}/report.html", f"runs/{ago(0.01 * number):%Y-%m-%d}/{key}.json"}

    with ThreadPoolExecutor(8) as pool:
        sweeps = [pool.submit(prune, tmp_path, 7, now=NOW) for _ in range(4)]
        written = set().union(*pool.map(work, range(40)))
        removed = sum(sum(sweep.result().counts.values()) for sweep in sweeps)
    assert written <= world.names()
    # Each file was removed, and counted, by one of them.
    assert removed == len(old - world.names())
    assert len(old - world.names()) > 100


def test_it_is_done_once_a_day(world: World) -> None:
    world.night(60)
    world.night(1)
    assert prune_daily(world.root, 30, now=NOW, seconds=60).counts["runs"] == 1
    world.night(50)
    assert prune_daily(world.root, 30, now=NOW + timedelta(hours=3), seconds=60) is None
    assert prune_daily(world.root, 30, now=NOW + timedelta(days=1), seconds=60).counts["runs"] == 1
    assert world.below("retention") == ["2026-07-01"]


def test_an_empty_storage_is_nothing_to_prune(tmp_path: Path) -> None:
    assert str(prune(tmp_path / "none", 30, now=NOW)) == "nothing"
