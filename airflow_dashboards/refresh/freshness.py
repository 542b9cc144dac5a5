"""Are these dashboards fresher than an instant? One look at a time, each dashboard read until it once was."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from airflow_dashboards.posthog import PostHogError, RateLimitError
from airflow_dashboards.posthog.flow import Flow, Gather
from airflow_dashboards.refresh.clock import instant
from airflow_dashboards.refresh.outcome import BAD, TileOutcome, TileOutcomeStatus
from airflow_dashboards.refresh.verify import judge

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from airflow_dashboards.posthog import FlowClient

#: Looks in a row that may fail for reasons that pass by themselves; one more is an error.
TOLERATED_FAILURES = 5
#: Dashboards read at the same time.
AT_ONCE = 4


class Freshness(BaseModel):
    """What is known so far: JSON-able, so that a rescheduled sensor could carry it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    #: Dashboards not seen fresh yet.
    waiting: list[int]
    #: Why, by dashboard.
    reasons: dict[int, str] = Field(default_factory=dict)
    #: Looks in a row that failed for reasons that pass; a spent request budget is not counted.
    failures: int = 0

    def describe(self) -> str:
        """Say what is still waited for."""
        return "; ".join(f"dashboard {each}: {self.reasons.get(each, 'not looked at yet')}" for each in self.waiting)


def look(flows: FlowClient, state: Freshness, *, fresher_than: float, allow_no_access: bool = True) -> Flow[Freshness]:
    """Read the dashboards that are still waited for, cache only, and judge their tiles by the server's clock.

    Args:
        flows: `client.flows`.
        state: what the look before returned; `Freshness(waiting=ids)` for the first.
        fresher_than: seconds since the epoch; a tile computed at this very instant counts as fresh.
        allow_no_access: whether a tile that the credential may not see is passed over.

    Raises:
        PostHogError: an error that does not pass by itself, or the sixth in a row that should have.
    """
    since = instant(fresher_than)
    answers = yield Gather([flows.dashboards.get(each) for each in state.waiting], limit=AT_ONCE)
    reasons: dict[int, str] = {}
    passing: PostHogError | None = None
    for dashboard_id, answer in zip(state.waiting, answers, strict=True):
        if isinstance(answer, RateLimitError):
            # No fault, but a spent budget: it comes back, and the sensor's own timeout says how long to wait for that.
            reasons[dashboard_id] = str(answer)
        elif isinstance(answer, PostHogError) and answer.retryable:
            passing, reasons[dashboard_id] = answer, str(answer)
        elif isinstance(answer, BaseException):
            raise answer
        elif stale := list(_not_fresh(judge(answer, since=since), allow_no_access=allow_no_access)):
            reasons[dashboard_id] = ", ".join(_named(tile, since) for tile in stale)
    failures = state.failures + 1 if passing else 0
    if passing and failures > TOLERATED_FAILURES:
        raise passing
    return Freshness(waiting=list(reasons), reasons=reasons, failures=failures)


def _not_fresh(tiles: list[TileOutcome], *, allow_no_access: bool) -> Iterator[TileOutcome]:
    for tile in tiles:
        if tile.status in BAD or (tile.status is TileOutcomeStatus.NO_ACCESS and not allow_no_access):
            yield tile


def _named(tile: TileOutcome, since: datetime) -> str:
    return f"tile {tile.name!r} ({tile.id}) is {tile.status.value}" + (
        f": {tile.message}" if tile.message else f", not computed since {since:%Y-%m-%d %H:%M:%S} UTC"
    )
