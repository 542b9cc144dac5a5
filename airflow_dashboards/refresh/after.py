"""Before and after, held against each other: which after-picture belongs to a before, and what is said of the pair."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from airflow_dashboards.analysis import Analysis, Comparability, RuleBook, Rules, Snapshot, compare
from airflow_dashboards.posthog import PostHogError
from airflow_dashboards.refresh.capture import capture
from airflow_dashboards.refresh.patience import patiently
from airflow_dashboards.refresh.server_analysis import ServerNarrative, server_analysis
from airflow_dashboards.refresh.store import SnapshotStoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from airflow_dashboards.posthog import FlowClient
    from airflow_dashboards.posthog.flow import Flow
    from airflow_dashboards.refresh.reference import SnapshotRef

#: How PostHog's answer begins when it saw no change, or saw nothing, or could not ask its model (contract 3.7).
SERVER_SAW_NOTHING = "No significant changes detected"


@dataclass(frozen=True)
class Comparison:
    """What came of comparing a batch."""

    analyses: list[Analysis] = field(default_factory=list)
    #: PostHog's own summary per dashboard, or the reason why there is none; only where asked for.
    narratives: dict[int, ServerNarrative] = field(default_factory=dict)
    #: Dashboards that could not be compared at all, with the reason.
    unreadable: dict[int, str] = field(default_factory=dict)
    #: PostHog's refusals among them, which know whether they heal.
    errors: dict[int, PostHogError] = field(default_factory=dict)
    #: The dashboards' tags, as of the pictures after.
    tags: dict[int, list[str]] = field(default_factory=dict)
    #: Sentences for the report.
    notes: list[str] = field(default_factory=list)

    @property
    def problems(self) -> list[str]:
        """What could not be compared, a sentence each."""
        return [f"Dashboard {each} could not be compared: {why}" for each, why in self.unreadable.items()]


def compare_all(
    flows: FlowClient,
    dashboards: Iterable[int],
    *,
    before: Callable[[int, datetime], Snapshot | None],
    after: Mapping[int, SnapshotRef | None],
    read: Callable[[SnapshotRef], Snapshot],
    keep: Callable[[Snapshot], SnapshotRef],
    host: str,
    rules: Rules | RuleBook,
    narrate: Mapping[int, SnapshotRef] | None = None,
) -> Flow[Comparison]:
    """Compare each dashboard's before-picture with its after-picture, one dashboard in memory at a time.

    Args:
        flows: `client.flows`.
        dashboards: ids of the dashboards.
        before: given a dashboard and the instant of its after-picture, loads the before-picture; None: there is none.
        after: references of after-pictures by dashboard; a dashboard without one is read now, from PostHog's cache.
        read: loads a stored picture.
        keep: stores a picture that was read now.
        host: origin of PostHog.
        rules: what counts as harm.
        narrate: where PostHog is to be asked for its own summary too (contract 3.7): the references of the
            before-pictures, which hold the keys of the server's snapshots.

    One dashboard that can't be read or compared never costs the others: it is named in `unreadable`. A used up limit is
    waited for, see `patience`.
    """
    comparison = Comparison()
    for dashboard_id in dashboards:
        try:
            if (reference := after.get(dashboard_id)) is not None:
                now = read(reference)
            else:
                now = yield from patiently(partial(capture, flows, dashboard_id, host=host))
                keep(now)
            analysis = compare(before(dashboard_id, now.taken_at), now, rules)
        except (PostHogError, SnapshotStoreError, OSError, ValueError) as error:
            comparison.unreadable[dashboard_id] = str(error)
            if isinstance(error, PostHogError):
                comparison.errors[dashboard_id] = error
            continue
        comparison.analyses.append(analysis)
        comparison.tags[dashboard_id] = now.tags
        if narrate is not None:
            comparison.narratives[dashboard_id] = yield from _narrative(flows, narrate.get(dashboard_id), analysis)
    return comparison


def _narrative(flows: FlowClient, before: SnapshotRef | None, analysis: Analysis) -> Flow[ServerNarrative]:
    if before is None:
        return ServerNarrative(reason="not asked for, because PostHog keeps no picture of an earlier run")
    if before.server_key is None and before.server_reason:
        return ServerNarrative(reason=before.server_reason)
    told = yield from server_analysis(
        flows, before.dashboard_id, cache_key=before.server_key, created_at=before.server_key_at
    )
    return _weighed(told, analysis)


def _weighed(told: ServerNarrative, analysis: Analysis) -> ServerNarrative:
    """Take PostHog's "no change" for what it is worth where ours differs (contract 3.7, 5.3)."""
    if analysis.comparability is not Comparability.CHANGED or not (told.text or "").startswith(SERVER_SAW_NOTHING):
        return told
    return ServerNarrative(
        reason="not telling, because it saw no change where there is one; it says so too of dashboards with filters, of"
        " SQL tiles, of a cold cache and when its AI fails"
    )
