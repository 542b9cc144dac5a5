"""Where a batch's ledger outlives its process: Airflow's task state store (3.3), else files beside the snapshots.

A journal is a list of small JSON records that only grows while the task's tries go on, so that a killed worker loses at
most the round it was in. It belongs to one task instance and one series of automatic retries: a person who clears the
task wants it done anew, and finds an empty journal.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Protocol

from airflow_dashboards.compat import done_without
from airflow_dashboards.refresh.journal import Journal as FileJournal
from airflow_dashboards.refresh.ledger import Ledger
from airflow_dashboards.refresh.store import MISSING, SnapshotStoreError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from airflow.sdk import Context

    from airflow_dashboards.refresh.store import SnapshotStore

#: Bytes of JSON per stored value; Airflow's REST API refuses more than 64 KB.
CHUNK_BYTES = 48_000


class Journal(Protocol):
    """Keeps a ledger's changes; see `airflow_dashboards.refresh.journal.Journal` for the file form."""

    @property
    def location(self) -> str | None:
        """Where the files are; None where Airflow keeps the changes for all workers."""

    def __call__(self, changes: list[dict[str, Any]]) -> None:
        """Keep more changes; they are safe once this returns."""

    def ledger(self, dashboard_ids: Sequence[int]) -> Ledger:
        """Return the ledger as it was left, or a new one."""

    def clear(self) -> None:
        """Forget the work."""


class StateStoreJournal:
    """Keeps a ledger's changes in Airflow's task state store, which needs no storage that workers share.

    Args:
        state_store: `context["task_state_store"]`.
        key: prefix of the store's keys.
    """

    def __init__(self, state_store: Any, *, key: str) -> None:
        self._store = state_store
        self._key = key
        self._next: int | None = None

    @property
    def location(self) -> None:
        """Nowhere that a worker might not reach."""
        return None

    def __call__(self, changes: list[dict[str, Any]]) -> None:
        """Keep more changes; they are safe once this returns."""
        number = self._next if self._next is not None else len(self._values())
        for value in _chunks(changes):
            self._store.set(f"{self._key}_{number}", value)
            number += 1
        self._next = number

    def ledger(self, dashboard_ids: Sequence[int]) -> Ledger:
        """Return the ledger as it was left, or a new one."""
        values = self._values()
        self._next = len(values)
        return Ledger.from_changes(dashboard_ids, [change for value in values for change in json.loads(value)])

    def clear(self) -> None:
        """Forget the work."""
        # From the end, so that a crash half-way leaves a journal that still reads.
        count = self._next if self._next is not None else len(self._values())
        for number in reversed(range(count)):
            self._store.delete(f"{self._key}_{number}")
        self._next = 0

    def _values(self) -> list[str]:
        values: list[str] = []
        while (value := self._store.get(f"{self._key}_{len(values)}")) is not None:
            values.append(str(value))
        return values


def journal_of(context: Context, store: SnapshotStore) -> Journal:
    """Return the journal of the running task instance and its present series of automatic retries.

    Example:
        >>> ledger = journal_of(context, store).ledger([42, 43])  # doctest: +SKIP
    """
    key = f"posthog_ledger_{series(context)}"
    state_store = context.get("task_state_store")
    if state_store is not None:
        return StateStoreJournal(state_store, key=key)
    done_without("task state store", "what a killed worker leaves is kept in files beside the snapshots")
    return FileJournal(store, key=file_key(context, key))


def check_shared(journal: Journal, ledger: Ledger, ledger_at: str | None) -> None:
    """Refuse to start anew where another worker has written a ledger for this one to go on with.

    Args:
        journal: of the worker that goes on.
        ledger: what it found in it.
        ledger_at: `location` of the worker that deferred; None if it had nothing to write, or no files to write to.

    Raises:
        SnapshotStoreError: there is nothing, so that the two don't share their storage.
    """
    if ledger_at is None or journal.location is None or ledger.since is not None:
        return
    if ledger_at.rpartition("/")[2] != journal.location.rpartition("/")[2]:
        return  # somebody cleared the task meanwhile: another series of tries, with a ledger of its own
    raise SnapshotStoreError(
        f"The ledger of this refresh is not there: {journal.location}. It was written to {ledger_at} before the task "
        f"deferred; without it every dashboard would be refreshed again. {MISSING}"
    )


def series(context: Context) -> str:
    """Return what tells a task instance's present series of automatic retries from those before it was cleared."""
    # Clearing a task raises max_tries, or, where the task is running, the DAG run's clear_number alone; an automatic
    # retry leaves both as they are.
    cleared = getattr(context.get("dag_run"), "clear_number", None) or 0
    return f"{context['ti'].max_tries}_{cleared}"


def file_key(context: Context, key: str) -> str:
    """Return a key of one task instance as a key among those of all; Airflow's task state store needs no such."""
    ti = context["ti"]
    return f"{ti.dag_id}-{ti.run_id}-{ti.task_id}-{ti.map_index}-{key}"


def _chunks(changes: list[dict[str, Any]]) -> Iterator[str]:
    pending: list[str] = []
    size = 0
    for change in changes:
        text = json.dumps(change, separators=(",", ":"))
        if pending and size + len(text) > CHUNK_BYTES:
            yield f"[{','.join(pending)}]"
            pending, size = [], 0
        pending.append(text)
        size += len(text) + 1
    if pending:
        yield f"[{','.join(pending)}]"
