"""The before-picture of a load: our own capture, and PostHog's own where asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow_dashboards.posthog import PostHogArgumentError, Refresh
from airflow_dashboards.posthog.arguments import choice
from airflow_dashboards.posthog.flow import Flow, Gather
from airflow_dashboards.refresh.capture import capture
from airflow_dashboards.refresh.patience import patiently
from airflow_dashboards.refresh.select import resolve
from airflow_dashboards.refresh.server_analysis import server_snapshot

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_dashboards.analysis.model import Snapshot
    from airflow_dashboards.posthog import FlowClient
    from airflow_dashboards.refresh.reference import SnapshotRef

#: Dashboards captured at the same time.
AT_ONCE = 8
#: Reads whose answer holds what they ask for (contract 5.1).
MODES = (Refresh.FORCE_CACHE, Refresh.BLOCKING, Refresh.FORCE_BLOCKING)


@dataclass(frozen=True)
class Captured:
    """What a batch of captures came to: one dashboard that can't be read costs the others nothing."""

    references: list[SnapshotRef] = field(default_factory=list)
    #: What each of the other dashboards ran into.
    failures: dict[int, Exception] = field(default_factory=dict)


def capture_before(
    flows: FlowClient,
    dashboards: Any,
    *,
    host: str,
    keep: Callable[[Snapshot], SnapshotRef],
    mode: Refresh | str = Refresh.FORCE_CACHE,
    server: bool = False,
    allow_empty: bool = False,
) -> Flow[Captured]:
    """Capture all dashboards, several at once; each is handed to `keep` and let go as soon as it is read.

    Args:
        flows: `client.flows`.
        dashboards: as `select.parse_dashboards`.
        host: origin of PostHog.
        mode: PostHog's `refresh` value for the read, one of `MODES`.
        keep: stores a snapshot and returns its reference.
        allow_empty: whether a selector may match nothing.
        server: whether PostHog is to keep a snapshot of its own too, fed with ours (contract 3.6).

    Raises:
        PostHogError: the selector could not be resolved.
        ValueError: `dashboards` or `mode` can't be used; nothing was sent.
    """
    checked = choice(mode, Refresh, "mode")
    if checked not in MODES:
        raise PostHogArgumentError(
            f"mode {checked.value!r} only enqueues the calculation, so that its answer has no results to capture: use "
            f"{', '.join(each.value for each in MODES)}."
        )
    ids = yield from resolve(flows, dashboards, allow_empty=allow_empty)
    one = partial(_capture_one, flows, host=host, keep=keep, mode=checked, server=server)
    answers = yield Gather([patiently(partial(one, dashboard_id)) for dashboard_id in ids], limit=AT_ONCE)
    captured = Captured()
    for dashboard_id, answer in zip(ids, answers, strict=True):
        if isinstance(answer, Exception):
            captured.failures[dashboard_id] = answer
        else:
            captured.references.append(answer)
    return captured


def _capture_one(
    flows: FlowClient,
    dashboard_id: int,
    *,
    host: str,
    keep: Callable[[Snapshot], SnapshotRef],
    mode: Refresh,
    server: bool,
) -> Flow[SnapshotRef]:
    snapshot = yield from capture(flows, dashboard_id, host=host, mode=mode)
    reference = keep(snapshot)
    if not server:
        return reference
    theirs = yield from server_snapshot(flows, dashboard_id, snapshot)
    return reference.model_copy(
        update={
            "server_key": theirs.cache_key,
            "server_key_at": theirs.created_at,
            "server_reason": theirs.reason,
        }
    )
