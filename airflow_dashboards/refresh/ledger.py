"""The ledger of a batch: which dashboards wait, which are kicked, which are done. Pure data.

It outlives the worker that fills it, if its `changes` are kept somewhere: in a `Journal` beside the snapshots, or in
Airflow's task state store. A dashboard is marked `kicking` before its request is sent, so that no crash hides a kick.
"""

from __future__ import annotations

import json
from enum import Enum
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from airflow_dashboards.refresh.outcome import MAX_MESSAGE, RefreshOutcome, RefreshStatus
from airflow_dashboards.refresh.plan import Kick

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: Bytes of JSON for the messages of one dashboard's failed tiles: a value of Airflow's task state store has 64 KB.
MAX_FAILURES_BYTES = 24_000
#: The least of it for each message: room for the server's error codes, which a retry reads.
LEAST_BYTES = 64


class Phase(str, Enum):
    """How far one dashboard is."""

    WAITING = "waiting"
    KICKING = "kicking"  # the request may have been sent
    KICKED = "kicked"
    DONE = "done"


class Entry(BaseModel):
    """One dashboard's line in the ledger."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dashboard_id: int
    phase: Phase = Phase.WAITING
    kick: Kick | None = None
    outcome: RefreshOutcome | None = None
    #: Transient failures so far.
    errors: int = 0


class Ledger:
    """What a batch has done so far.

    Example:
        >>> ledger = Ledger([42, 43])
        >>> ledger.waiting()
        [42, 43]
        >>> Ledger.from_changes([42, 43], ledger.changes()).complete
        False
    """

    def __init__(self, dashboard_ids: Sequence[int]) -> None:
        self._entries = {each: Entry(dashboard_id=each) for each in dashboard_ids}
        self._order = list(self._entries)
        #: In the order they were kicked, which is the order in which the server works.
        self._kicked: dict[int, None] = {}
        self._changed: dict[int, None] = {}
        #: T0 of the whole batch, seconds since the epoch by the server's clock; None until the first kick.
        self.since: float | None = None
        self._since_told: float | None = None
        #: Tiles enqueued so far.
        self.tiles = 0

    # reading

    def __len__(self) -> int:
        return len(self._order)

    def entry(self, dashboard_id: int) -> Entry:
        """Return one dashboard's line."""
        return self._entries[dashboard_id]

    def waiting(self) -> list[int]:
        """Dashboards not kicked yet, in order."""
        return [each for each in self._order if self._entries[each].phase is Phase.WAITING]

    def in_flight(self) -> list[Kick]:
        """Kicks of the dashboards that are not done, in the order they were kicked."""
        return [kick for each in self._kicked if (kick := self._entries[each].kick) is not None]

    def doubtful(self) -> list[int]:
        """Dashboards whose request may have been sent by a worker that did not live to say so."""
        return [each for each in self._order if self._entries[each].phase is Phase.KICKING]

    def outcomes(self) -> list[RefreshOutcome]:
        """Outcomes of the dashboards that are done, in the batch's order."""
        return [outcome for each in self._order if (outcome := self._entries[each].outcome) is not None]

    @property
    def complete(self) -> bool:
        """Whether every dashboard is done."""
        return all(entry.phase is Phase.DONE for entry in self._entries.values())

    # writing

    def kicking(self, dashboard_id: int) -> None:
        """Say that the request is about to be sent."""
        self._set(dashboard_id, phase=Phase.KICKING)

    def kicked(self, kick: Kick) -> None:
        """Say that the server has the work; its place in the server's queue is noted with it.

        Of failed tiles' messages as much is kept as a retry needs: see `MAX_FAILURES_BYTES`.
        """
        if not kick.reads:
            self.tiles += len(kick.pending)
            kick = kick.model_copy(update={"place": self.tiles})
        if kick.failures:
            kick = kick.model_copy(update={"failures": _shortened(kick.failures)})
        self._kicked[kick.dashboard_id] = None
        self._set(kick.dashboard_id, phase=Phase.KICKED, kick=kick)

    def failed_for_now(self, dashboard_id: int, *, blame: bool = True) -> int:
        """Note a transient failure; returns how many were this dashboard's own. What wasn't kicked waits again."""
        entry = self._entries[dashboard_id]
        phase = Phase.WAITING if entry.phase is Phase.KICKING else entry.phase
        errors = entry.errors + 1 if blame else entry.errors
        self._set(dashboard_id, phase=phase, errors=errors)
        return errors

    def done(self, outcome: RefreshOutcome) -> None:
        """Say what became of a dashboard."""
        self._kicked.pop(outcome.dashboard_id, None)
        self._set(outcome.dashboard_id, phase=Phase.DONE, kick=None, outcome=outcome)

    def reopen(self) -> list[int]:
        """Have every dashboard that is done without being refreshed wait again: what a retry is for. Returns which."""
        reopened = [
            outcome.dashboard_id for outcome in self.outcomes() if outcome.status is not RefreshStatus.REFRESHED
        ]
        for each in reopened:
            self._set(each, phase=Phase.WAITING, outcome=None, errors=0)
        return reopened

    def inherit(self, *, deadline: float) -> list[int]:
        """Take over what an ended try has left under way, with patience until `deadline` (our clock). Returns which."""
        inherited = [kick.dashboard_id for kick in self.in_flight()]
        for each in self.in_flight():
            update = {"inherited": True, "deadline": max(each.deadline, deadline)}
            self._set(each.dashboard_id, kick=each.model_copy(update=update))
        return inherited

    def _set(self, dashboard_id: int, **fields: Any) -> None:
        self._entries[dashboard_id] = self._entries[dashboard_id].model_copy(update=fields)
        self._changed[dashboard_id] = None

    # outliving the process

    def changes(self) -> list[dict[str, Any]]:
        """Return what changed since the last call, as JSON data: small enough to keep after every round."""
        told: list[dict[str, Any]] = []
        if self.since != self._since_told:
            told.append({"since": self.since})
            self._since_told = self.since
        told += [self._entries[each].model_dump(mode="json", exclude_defaults=True) for each in self._changed]
        self._changed.clear()
        return told

    @classmethod
    def from_changes(cls, dashboard_ids: Sequence[int], changes: Sequence[dict[str, Any]]) -> Ledger:
        """Rebuild a ledger from everything `changes` returned, in order. Dashboards it does not know are left out.

        Raises:
            ValueError: the changes are not a ledger's.
        """
        ledger = cls(dashboard_ids)
        for change in changes:
            if "since" in change:
                ledger.since = ledger._since_told = change["since"]
                continue
            entry = Entry.model_validate(change)
            if entry.dashboard_id not in ledger._entries:
                continue
            ledger._entries[entry.dashboard_id] = entry
            ledger._kicked.pop(entry.dashboard_id, None)
            if entry.kick is not None:
                ledger._kicked[entry.dashboard_id] = None
                ledger.tiles = max(ledger.tiles, entry.kick.place)
        return ledger


def _shortened(failures: Mapping[int, str]) -> dict[int, str]:
    """Cut messages so that all of them fit: none is left out, lest its tile be asked about again."""
    cut = {each: _cut(message, MAX_FAILURES_BYTES) for each, message in failures.items()}
    room = MAX_FAILURES_BYTES
    # The shortest first: what they do not need of their share is the longer ones'.
    for left, each in zip(range(len(cut), 0, -1), sorted(cut, key=lambda each: _size(cut[each])), strict=True):
        cut[each] = _cut(cut[each], max(room // left, LEAST_BYTES))
        room -= _size(cut[each])
    return cut


def _cut(message: str, most: int) -> str:
    """Cut to `MAX_MESSAGE` characters and `most` bytes of JSON, which needs up to twelve for a character."""
    if len(message) <= MAX_MESSAGE and _size(message) <= most:
        return message
    kept = message[: MAX_MESSAGE - 1]
    while _size(kept + "…") > most:
        kept = kept[: len(kept) * 7 // 8]
    return kept + "…"


def _size(message: str) -> int:
    return len(json.dumps(message))
