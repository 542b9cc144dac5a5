from __future__ import annotations

import json
import runpy
import threading
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from airflow_dashboards.plugin.boards import Boards, run_facts, strip, verdicts
from airflow_dashboards.plugin.index import DAYS, RunIndex, parse_run
from airflow_dashboards.plugin.storage import LocalStorage, StorageUnavailableError

cases = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("page_cases.py"))))


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Counting(LocalStorage):
    """Remembers what was read."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.asked: list[str] = []

    def files(self, path: str) -> dict[str, object]:
        self.asked.append(path)
        return super().files(path)

    def read(self, path: str) -> bytes:
        self.asked.append(path)
        return super().read(path)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def storage(tmp_path: Path) -> Counting:
    return Counting(tmp_path)


@pytest.fixture
def index(storage: Counting, clock: Clock) -> RunIndex:
    return RunIndex(storage, clock=clock, today=lambda: cases.TODAY)


def test_runs_come_the_oldest_first_with_what_a_list_shows(index: RunIndex, tmp_path: Path) -> None:
    cases.keep(tmp_path, cases.record(days_ago=0))
    cases.keep(tmp_path, cases.record(cases.verdict(status="fail", runs_in_a_row=2), days_ago=5))
    first, second = index.runs()
    assert first.at == cases.TODAY - timedelta(days=5)
    assert first.looks[0].status == "fail"
    assert first.looks[0].dashboard == "eu.posthog.com/1/42"
    assert first.looks[0].runs_in_a_row == 2
    assert index.run(second.key) == second
    assert index.run("other") is None
    assert index.record(first).dashboards[0].tiles[0].name == "Purchases"


def test_nothing_is_looked_at_twice_within_its_patience(
    index: RunIndex, storage: Counting, clock: Clock, tmp_path: Path
) -> None:
    cases.keep(tmp_path, cases.record(days_ago=0))
    cases.keep(tmp_path, cases.record(days_ago=20))
    index.runs()
    storage.asked.clear()
    index.runs()
    assert storage.asked == []
    clock.now += 4
    index.runs()
    assert storage.asked == ["runs/2026-06-30"]  # the settled day and the known file are left alone
    clock.now += 400
    index.runs()
    assert storage.asked == ["runs/2026-06-30", "runs/2026-06-10", "runs/2026-06-30"]
    assert index.generation == 1


class Store(Counting):
    """An object store: it answers only when as many ask at the same time as it is told to wait for."""

    readers = 8

    def __init__(self, root: Path, together: int) -> None:
        super().__init__(root)
        self._together = threading.Barrier(together)

    def read(self, path: str) -> bytes:
        self._together.wait(timeout=20)
        return super().read(path)


def test_an_object_store_is_asked_for_many_files_at_once(clock: Clock, tmp_path: Path) -> None:
    for days_ago in range(16):
        cases.keep(tmp_path, cases.record(days_ago=days_ago))
    index = RunIndex(Store(tmp_path, together=8), clock=clock, today=lambda: cases.TODAY)
    assert len(index.runs()) == 16  # one after another, the first would have waited in vain


def test_who_asks_while_files_are_read_gets_what_was_known(
    index: RunIndex, storage: Counting, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cases.keep(tmp_path, cases.record(days_ago=1))
    index.runs()
    cases.keep(tmp_path, cases.record())
    clock.now += 4
    meanwhile: list[int] = []
    read = storage.read

    def slow(path: str) -> bytes:
        asking = threading.Thread(target=lambda: meanwhile.append(len(index.runs())), daemon=True)
        asking.start()
        asking.join(20)
        return read(path)

    monkeypatch.setattr(storage, "read", slow)
    assert len(index.runs()) == 2
    assert meanwhile == [1]


def test_a_store_that_failed_is_asked_again(
    index: RunIndex, storage: Counting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cases.keep(tmp_path, cases.record())

    def fails(path: str) -> bytes:
        raise StorageUnavailableError("away")

    with monkeypatch.context() as patch:
        patch.setattr(storage, "read", fails)
        with pytest.raises(StorageUnavailableError):
            index.runs()
    assert len(index.runs()) == 1


def test_what_is_added_changed_and_removed_is_seen(index: RunIndex, clock: Clock, tmp_path: Path) -> None:
    key = cases.keep(tmp_path, cases.record())
    assert [run.looks[0].status for run in index.runs()] == ["pass"]
    cases.keep(tmp_path, cases.record(cases.verdict(status="fail")))
    clock.now += 4
    assert [run.looks[0].status for run in index.runs()] == ["fail"]
    cases.keep(tmp_path, cases.record(days_ago=1))
    clock.now += 4
    assert len(index.runs()) == 2
    (tmp_path / "runs" / "2026-06-30" / f"{key}.json").unlink()
    clock.now += 4
    assert [run.at for run in index.runs()] == [cases.TODAY - timedelta(days=1)]
    assert index.generation == 4


def test_a_run_that_was_tried_again_on_another_day_counts_once(index: RunIndex, tmp_path: Path) -> None:
    cases.keep(tmp_path, cases.record(cases.verdict(status="fail"), days_ago=1, run_id="again"))
    cases.keep(tmp_path, cases.record(days_ago=0, run_id="again"))
    assert [run.looks[0].status for run in index.runs()] == ["pass"]


def test_old_days_and_odd_files_are_left_alone(
    index: RunIndex, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cases.keep(tmp_path, cases.record(days_ago=DAYS + 1))
    day = tmp_path / "runs" / "2026-06-30"
    cases.keep(tmp_path, cases.record())
    good = json.loads(next(day.glob("*.json")).read_text())
    odd = {
        "half.json": b'{"format": "airflow-dash',
        "list.json": b"[]",
        "other.json": json.dumps({**good, "format": "airflow-dashboards/run/9"}).encode(),
        "naive.json": json.dumps({**good, "at": "2026-06-30T12:00:00"}).encode(),
        "without.json": json.dumps({key: value for key, value in good.items() if key != "dag_id"}).encode(),
        "note.txt": b"hello",
    }
    for name, content in odd.items():
        (day / name).write_bytes(content)
    (tmp_path / "runs" / "zzz").mkdir()
    assert len(index.runs()) == 1
    assert {name for name in odd if name in caplog.text} == set(odd) - {"note.txt"}


def test_a_field_of_a_newer_worker_is_no_damage(tmp_path: Path) -> None:
    key = cases.keep(tmp_path, cases.record())
    data = json.loads((tmp_path / "runs" / "2026-06-30" / f"{key}.json").read_text())
    assert parse_run(json.dumps({**data, "new": 1}).encode(), f"runs/2026-06-30/{key}.json").key == key


def test_a_run_written_before_dashboards_had_tags_is_read(index: RunIndex, tmp_path: Path) -> None:
    key = cases.keep(tmp_path, cases.record(cases.verdict(name="Shop", tags=["etl"]), cases.verdict(43)))
    path = tmp_path / "runs" / "2026-06-30" / f"{key}.json"
    data = json.loads(path.read_text())
    for each in data["dashboards"]:
        each["name"] = each.pop("dashboard_name")
        del each["tags"]
        for tile in each["tiles"]:
            del tile["codes"], tile["runs_in_a_row"]
    path.write_text(json.dumps(data | {"report": None}))
    (run,) = index.runs()
    assert [(look.name, look.tags) for look in run.looks] == [("Shop", ()), ("Shop 43", ())]
    assert run.report is None
    assert [each.dashboard_name for each in index.record(run).dashboards] == ["Shop", "Shop 43"]


def boards_of(tmp_path: Path, *records: object) -> Boards:
    for each in records:
        cases.keep(tmp_path, each)
    return Boards(RunIndex(LocalStorage(tmp_path), today=lambda: cases.TODAY).runs())


def test_a_day_shows_the_worst_and_the_badge_the_last(tmp_path: Path) -> None:
    boards = boards_of(
        tmp_path,
        cases.record(cases.verdict(status="fail"), days_ago=0.3),
        cases.record(cases.verdict(status="warn"), days_ago=0.2),
        cases.record(cases.verdict(status="pass"), days_ago=0.1),
    )
    (board,) = boards.chosen()
    assert board.latest.look.status == "pass"
    days = strip(board, today=cases.TODAY, length=3)
    assert [day.get("verdict") for day in days] == [None, None, "fail"]
    assert [day["day"] for day in days] == ["2026-06-28", "2026-06-29", "2026-06-30"]


def test_filters_narrow_and_the_worst_comes_first(tmp_path: Path) -> None:
    boards = boards_of(
        tmp_path,
        cases.record(cases.verdict(1, name="B"), cases.verdict(2, "fail", name="C"), cases.verdict(3, name="A")),
        cases.record(cases.verdict(4, "warn", name="Ärger im Shop"), dag_id="hourly", run_id="other"),
    )
    assert [board.latest.look.name for board in boards.chosen()] == ["C", "Ärger im Shop", "A", "B"]
    assert [board.latest.look.name for board in boards.chosen(text="ärger SHOP")] == ["Ärger im Shop"]
    assert [board.latest.look.name for board in boards.chosen(text="posthog.com/1/3")] == ["A"]
    assert [board.latest.look.name for board in boards.chosen(verdict="fail")] == ["C"]
    assert [board.latest.look.name for board in boards.chosen(dag="hourly", verdict="warn")] == ["Ärger im Shop"]
    assert boards.chosen(text="nothing of the kind") == []
    assert boards.dags() == ["hourly", "nightly"]
    assert verdicts(boards.chosen()) == {"fail": 1, "warn": 1, "pass": 2}


def test_a_tag_is_looked_for_where_it_is_now(tmp_path: Path) -> None:
    boards = boards_of(
        tmp_path,
        cases.record(cases.verdict(1, tags=["etl", "Board"]), cases.verdict(2, tags=["old"]), cases.verdict(3)),
        cases.record(cases.verdict(2, tags=["etl"]), days_ago=-0.1, run_id="later"),
    )
    assert boards.tags() == ["Board", "etl"]
    assert [board.latest.look.name for board in boards.chosen(tag="etl")] == ["Shop 1", "Shop 2"]
    assert [board.latest.look.name for board in boards.chosen(tag="etl", text="board")] == ["Shop 1"]
    assert boards.chosen(tag="old") == boards.chosen(tag="et") == []


def test_a_run_is_as_bad_as_its_worst_dashboard(tmp_path: Path) -> None:
    cases.keep(tmp_path, cases.record(cases.verdict(1), cases.verdict(2, "warn")))
    (run,) = RunIndex(LocalStorage(tmp_path), today=lambda: cases.TODAY).runs()
    assert run_facts(run)["verdict"] == "warn"
