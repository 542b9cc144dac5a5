"""What a waiting sensor must not forget when its process ends: since when it waits, and the faults in a row.

A sensor that is rescheduled or tried again is a new process each time, and Airflow forgets with every retry when the
first try began. It is kept where a batch's ledger is: in the task state store (Airflow 3.3), else beside the snapshots.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowRuntimeError
from pydantic import BaseModel, ConfigDict

from airflow_dashboards.compat import done_without
from airflow_dashboards.journal import file_key, series

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_dashboards.hooks.posthog import PostHogHook

_log = logging.getLogger(__name__)
#: Seconds after which a wait that goes on is written again: retention goes by when that was.
RENEWAL_SECONDS = 86_400.0
_STORAGE_ERRORS = (AirflowRuntimeError, OSError, ValueError)


class Wait(BaseModel):
    """What is kept of a wait."""

    model_config = ConfigDict(frozen=True)

    #: When its first try began, seconds since the epoch.
    since: float
    #: The try that `failures` is about.
    try_number: int
    #: Looks in a row that failed for reasons that pass.
    failures: int = 0
    #: When this was written, seconds since the epoch.
    kept_at: float = 0.0


class WaitMemory:
    """Keeps the wait of one task instance over reschedules, deferrals and automatic retries.

    A person who clears the task wants it done anew, and so does the wait begin anew. Where the storage fails, the wait
    is that of this process alone: a warning says so, and the sensor goes on.

    Example:
        >>> memory = WaitMemory(context, hook)  # doctest: +SKIP
        >>> deadline = memory.wait.since + 3600.0  # doctest: +SKIP
    """

    def __init__(self, context: Context, hook: PostHogHook) -> None:
        self._key = f"posthog_wait_{series(context)}"
        self._store: Any = context.get("task_state_store")
        self._file: Any = None
        if self._store is None:
            done_without("task state store", "since when a sensor waits is kept in a file beside the snapshots")
            from airflow_dashboards.refresh.files import local, safe_name

            self._file = local(hook.storage_root()) / "waits" / f"{safe_name(file_key(context, self._key))}.json"
        ti = context["ti"]
        kept = self._read()
        self._is_kept = kept is not None
        self.wait = kept or Wait(since=ti.start_date.timestamp(), try_number=ti.try_number)
        if self.wait.try_number != ti.try_number:
            self.wait = self.wait.model_copy(update={"try_number": ti.try_number, "failures": 0})

    def keep(self, *, failures: int) -> None:
        """Keep the wait as it stands after one more look that did not end it."""
        now = time.time()
        if self._is_kept and failures == self.wait.failures and now - self.wait.kept_at < RENEWAL_SECONDS:
            return
        self.wait = wait = self.wait.model_copy(update={"failures": failures, "kept_at": now})
        try:
            self._write(wait.model_dump_json())
            self._is_kept = True
        except _STORAGE_ERRORS as error:
            _log.warning("Since when this sensor waits can't be kept over a retry: %s", error)

    def forget(self) -> None:
        """The wait is over."""
        if not self._is_kept:
            return
        try:
            if self._store is not None:
                self._store.delete(self._key)
            else:
                self._file.unlink(missing_ok=True)
            self._is_kept = False
        except _STORAGE_ERRORS as error:
            _log.warning("What was kept of this sensor's wait can't be removed: %s", error)

    def _read(self) -> Wait | None:
        try:
            if self._store is not None:
                value = self._store.get(self._key)
            else:
                value = self._file.read_bytes() if self._file.exists() else None
            return None if value is None else Wait.model_validate_json(value)
        except _STORAGE_ERRORS as error:
            _log.warning("Since when this sensor waits can't be read, so the wait begins with this try: %s", error)
            return None

    def _write(self, text: str) -> None:
        from airflow_dashboards.refresh.files import writing

        if self._store is not None:
            self._store.set(self._key, text)
            return
        with writing(self._file) as file:
            file.write(text.encode())
