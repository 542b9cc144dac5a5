"""The ledger's journal: nothing lost, in order, and gone for a person who clears the task."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_dashboards.journal import Journal, check_shared, journal_of
from airflow_dashboards.refresh.ledger import Ledger
from airflow_dashboards.refresh.outcome import RefreshOutcome
from airflow_dashboards.refresh.store import SnapshotStore, SnapshotStoreError


class StateStore:
    """Airflow's task state store, as far as a journal uses it."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}

    def get(self, key: str, default: Any = None) -> Any:
        return self.values.get(key, default)

    def set(self, key: str, value: Any) -> None:
        self.values[key] = value

    def delete(self, key: str) -> None:
        self.values.pop(key, None)


def context(max_tries: int = 2, **more: Any) -> Any:
    ti = SimpleNamespace(dag_id="d", run_id="manual__1+00:00/..", task_id="t", map_index=-1, max_tries=max_tries)
    return {"ti": ti, **more}


@pytest.fixture(params=["state store", "files"])
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    kept = StateStore()

    def of(max_tries: int = 2) -> Journal:
        more = {"task_state_store": kept} if request.param == "state store" else {}
        return journal_of(context(max_tries, **more), SnapshotStore(tmp_path))

    return of


def done(*ids: int) -> list[dict[str, Any]]:
    ledger = Ledger(ids)
    for each in ids:
        ledger.done(RefreshOutcome.of_error(each, url="https://eu.posthog.com/project/1/dashboard/1", error="e" * 300))
    return ledger.changes()


def known(journal: Journal, ids: range) -> list[int]:
    return [outcome.dashboard_id for outcome in journal.ledger(ids).outcomes()]


def test_what_was_kept_comes_back_in_a_new_process(journal: Any) -> None:
    first = journal()
    first(done(1))
    first(done(2, 3))
    journal()(done(5))

    assert known(journal(), range(1, 7)) == [1, 2, 3, 5]


def test_a_person_who_clears_the_task_finds_an_empty_journal(journal: Any) -> None:
    journal()(done(1))
    assert known(journal(max_tries=3), range(1, 3)) == []


def test_clearing_a_running_task_leaves_an_empty_journal_too(tmp_path: Path) -> None:
    """Airflow leaves max_tries as it is then, and counts only in the DAG run; the load may be cleared with it."""

    def of(clear_number: int) -> Journal:
        run = SimpleNamespace(clear_number=clear_number)
        return journal_of(context(dag_run=run), SnapshotStore(tmp_path))

    of(0)(done(1))
    assert known(of(0), range(1, 3)) == [1]
    assert known(of(1), range(1, 3)) == []


def test_a_cleared_journal_starts_anew(journal: Any) -> None:
    journal()(done(1))
    journal().clear()
    journal()(done(2))
    assert known(journal(), range(1, 3)) == [2]


def test_values_stay_below_what_airflow_takes() -> None:
    kept = StateStore()
    journal_of(context(task_state_store=kept), SnapshotStore(None))(done(*range(1, 501)))
    assert max(len(value) for value in kept.values.values()) < 64_000
    assert len(known(journal_of(context(task_state_store=kept), SnapshotStore(None)), range(1, 501))) == 500


def started(journal: Journal) -> Ledger:
    """Write a ledger as a worker does that has kicked a dashboard."""
    ledger = Ledger([1])
    ledger.since = 1_780_300_800.0
    ledger.kicking(1)
    journal(ledger.changes())
    return ledger


def on_disk(root: Path, max_tries: int = 2) -> Journal:
    return journal_of(context(max_tries), SnapshotStore(root))


def test_a_worker_with_another_disk_says_that_the_storage_is_not_shared(tmp_path: Path) -> None:
    here, there = on_disk(tmp_path / "a"), on_disk(tmp_path / "b")
    started(here)
    with pytest.raises(SnapshotStoreError, match=r"does not share its storage with this one.*`storage_path`") as told:
        check_shared(there, there.ledger([1]), here.location)
    assert str(tmp_path / "a") in str(told.value)
    assert str(tmp_path / "b") in str(told.value)


def test_a_ledger_that_is_found_or_was_never_written_is_no_fault(tmp_path: Path) -> None:
    started(on_disk(tmp_path))
    again = on_disk(tmp_path)
    check_shared(again, again.ledger([1]), again.location)
    empty = on_disk(tmp_path / "b")
    check_shared(empty, empty.ledger([1]), None)  # an event of before, or a limit that was used up from the start
    check_shared(empty, empty.ledger([1]), on_disk(tmp_path, max_tries=3).location)  # cleared meanwhile


def test_airflows_own_store_is_shared_by_itself(tmp_path: Path) -> None:
    journal = journal_of(context(task_state_store=StateStore()), SnapshotStore(tmp_path))
    started(journal)
    assert journal.location is None
    check_shared(journal, Ledger([1]), on_disk(tmp_path).location)
