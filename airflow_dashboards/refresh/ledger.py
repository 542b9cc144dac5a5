"""The ledger of a batch: which dashboards wait, which are kicked, which are done. Pure data, plus its journal file."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Any

from airflow_dashboards.refresh.outcome import RefreshOutcome
from airflow_dashboards.refresh.plan import Kick


class Phase(str, Enum):
    """How far one dashboard is."""

    WAITING = "waiting"
    KICKING = "kicking"  # the request may have been sent: written before it, so that a crash can't hide a kick
    KICKED = "kicked"
    DONE = "done"


class Ledger:
    """What a batch has done so far; survives a killed worker when its changes are kept (`changes`, `from_changes`)."""

    def __init__(self, dashboard_ids: Sequence[int]) -> None:
        raise NotImplementedError

    def waiting(self) -> list[int]:
        """Dashboards not kicked yet, in order."""
        raise NotImplementedError

    def in_flight(self) -> list[Kick]:
        """Dashboards kicked and not done, in the order they were kicked."""
        raise NotImplementedError

    def outcomes(self) -> list[RefreshOutcome]:
        """Outcomes of the dashboards that are done, in the batch's order."""
        raise NotImplementedError

    @property
    def complete(self) -> bool:
        """Whether every dashboard is done."""
        raise NotImplementedError

    def changes(self) -> list[dict[str, Any]]:
        """Return what changed since the last call, as JSON data: small enough to write after every round."""
        raise NotImplementedError

    @classmethod
    def from_changes(cls, dashboard_ids: Sequence[int], changes: Sequence[dict[str, Any]]) -> Ledger:
        """Rebuild a ledger from everything `changes` ever returned, in order."""
        raise NotImplementedError
