"""Many dashboards as one piece of work: in rounds, within limits, and resumable from a ledger.

The two ways to run it share every line:

* in one go, on a worker: `outcomes = client.run(refresh_many(...))`
* deferred: `advance` on the worker (finishes what is done, kicks what has room, returns a `Watch`), `cycle.poll` in the
  triggerer until `state.over`, then `advance` again with `state.done`, until it returns None.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from airflow_dashboards.analysis.model import Snapshot
from airflow_dashboards.posthog.flow import Flow
from airflow_dashboards.refresh.ledger import Ledger
from airflow_dashboards.refresh.outcome import RefreshOutcome
from airflow_dashboards.refresh.plan import RefreshOptions, Watch
from airflow_dashboards.refresh.reference import SnapshotRef

if TYPE_CHECKING:
    from airflow_dashboards.posthog import FlowClient

#: Stores a snapshot and returns its reference.
Keep = Callable[[Snapshot], SnapshotRef]
#: Keeps changes of the ledger somewhere that survives the process (file, Airflow's task state store).
Journal = Callable[[list[dict[str, Any]]], None]


def advance(
    flows: FlowClient,
    ledger: Ledger,
    options: RefreshOptions,
    *,
    ready: Sequence[int] = (),
    keep: Keep | None = None,
    journal: Journal | None = None,
) -> Flow[Watch | None]:
    """Do all that can be done without waiting: finish the dashboards in `ready`, kick others into the room they leave.

    Returns what to watch next, or None when the whole batch is done (see `ledger.outcomes()`).
    """
    raise NotImplementedError
    yield


def refresh_many(
    flows: FlowClient,
    dashboard_ids: Sequence[int],
    options: RefreshOptions,
    *,
    ledger: Ledger | None = None,
    keep: Keep | None = None,
    journal: Journal | None = None,
) -> Flow[list[RefreshOutcome]]:
    """Refresh many dashboards at once and prove each; one outcome per dashboard, in order, whatever happened to others.

    Hand in the `ledger` of an earlier try, and only what it leaves open is done.
    """
    raise NotImplementedError
    yield
