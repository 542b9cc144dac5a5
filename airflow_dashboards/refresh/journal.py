"""The ledger's file form: a folder of numbered segments, each written once and whole.

Object stores can't append to a file, and rewriting one file after every step of a thousand dashboards would write the
square of it. So every round writes one small segment with what changed, and reading folds them in order.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from pydantic_core import from_json, to_json

from airflow_dashboards.refresh.files import names, on_disk, safe_name, writing
from airflow_dashboards.refresh.ledger import Ledger
from airflow_dashboards.refresh.store import SnapshotStoreError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_dashboards.refresh.store import SnapshotStore


class Journal:
    """Keeps a ledger's changes beside the snapshots. Call it with what `Ledger.changes` returns.

    One task instance is one journal, and one process at a time writes to it.

    Args:
        store: beside whose snapshots it lives, at `<root>/ledger/<key>/<number>.json`.
        key: what identifies the work over retries and deferrals, e.g. dag, run, task and map index.

    Example:
        >>> journal = Journal(store, key="nightly/run-1/refresh")
        >>> ledger = journal.ledger([42, 43])
        >>> client.run(refresh_many(client.flows, [42, 43], options, ledger=ledger, journal=journal))
    """

    def __init__(self, store: SnapshotStore, *, key: str) -> None:
        self.folder = store.root / "ledger" / safe_name(key)
        self._next: int | None = None

    @property
    def location(self) -> str:
        """Where the segments are; its last part is the same on every worker."""
        return str(self.folder)

    def __call__(self, changes: list[dict[str, Any]]) -> None:
        """Write changes as one segment."""
        if self._next is None:
            self._next = len(self._segments())
        try:
            with writing(self.folder / f"{self._next:06}.json") as file:
                file.write(to_json(changes))
        except OSError as error:
            raise SnapshotStoreError(
                f"The ledger could not be written to {self.folder}: {error}. Nothing has been asked of PostHog that is"
                " not on record; check the storage path."
            ) from error
        self._next += 1

    def ledger(self, dashboard_ids: Sequence[int]) -> Ledger:
        """Return the ledger as it was left, or a new one."""
        changes: list[dict[str, Any]] = []
        segments = self._segments()
        for name in segments:
            with (self.folder / name).open("rb") as file:
                changes += from_json(file.read())
        self._next = len(segments)
        return Ledger.from_changes(dashboard_ids, changes)

    def clear(self) -> None:
        """Forget the work: it is done, or to be done anew."""
        # From the end, so that a crash half-way leaves a journal that still reads.
        for name in reversed(self._segments()):
            (self.folder / name).unlink()
        self._next = 0
        if on_disk(self.folder):  # an object store has no folders
            with suppress(OSError):  # a killed writer's half file may lie in it
                self.folder.rmdir()

    def _segments(self) -> list[str]:
        return [name for name in names(self.folder) if name.endswith(".json")]
