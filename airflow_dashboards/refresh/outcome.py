"""What a refresh came to: per tile, per dashboard, and for a batch as a whole. Small enough for an XCom."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from airflow_dashboards.posthog.errors import PostHogError
from airflow_dashboards.refresh.reference import SnapshotRef

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

#: Tiles listed by name in an outcome; the rest is counted in `tiles_omitted`, lest one broken board fills an XCom.
MAX_TILES = 20
#: Characters kept of a server's message.
MAX_MESSAGE = 400


class TileOutcomeStatus(str, Enum):
    """What became of one tile."""

    REFRESHED = "refreshed"  # computed after the refresh began: proven by the server's own clock
    CACHED = "cached"  # not recomputed, and accepted because that was asked for (`accept_cached`)
    STALE = "stale"  # there, but older than the refresh
    PENDING = "pending"  # still computing when we looked
    FAILED = "failed"  # the server says so, or sent something that proves nothing
    NO_ACCESS = "no_access"  # the credential may not see this insight (contract 4.5)
    SKIPPED = "skipped"  # text, button or widget: nothing to refresh


#: What proves a tile to be as fresh as asked.
GOOD = frozenset({TileOutcomeStatus.REFRESHED, TileOutcomeStatus.CACHED})
#: What makes a dashboard less than refreshed. A tile without access is told, not punished: the credential never saw it.
BAD = frozenset({TileOutcomeStatus.STALE, TileOutcomeStatus.PENDING, TileOutcomeStatus.FAILED})


class RefreshStatus(str, Enum):
    """What became of one dashboard."""

    REFRESHED = "refreshed"  # every readable insight tile is fresh
    PARTIAL = "partial"  # some are
    FAILED = "failed"  # none is, or the dashboard could not be refreshed at all


class OnFailure(str, Enum):
    """What a batch does about a dashboard that is not refreshed."""

    FAIL_AT_END = "fail_at_end"  # finish all others first, then fail
    FAIL_FAST = "fail_fast"  # kick no further ones, then fail
    CONTINUE = "continue"  # report it, and succeed


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TileOutcome(_Data):
    """What became of one tile, with the reason when it is not fresh."""

    id: int
    name: str
    status: TileOutcomeStatus
    #: The server's words, or ours, about why it isn't refreshed.
    message: str | None = None
    last_refresh: datetime | None = None


class RefreshOutcome(_Data):
    """What became of one dashboard; what the refresh operator returns, one per dashboard.

    Example:
        >>> RefreshOutcome.of_error(42, url="https://eu.posthog.com/project/1/dashboard/42", error="Not found.").status
        <RefreshStatus.FAILED: 'failed'>
    """

    dashboard_id: int
    name: str = ""
    #: Address of the dashboard in PostHog's own pages.
    url: str
    status: RefreshStatus
    #: T0: the server's clock before the refresh; tiles must be computed at or after it.
    since: datetime | None = None
    #: The server's clock when the verifying read was answered.
    finished_at: datetime | None = None
    #: Number of tiles per `TileOutcomeStatus` value; statuses that don't occur are left out.
    counts: dict[str, int] = Field(default_factory=dict)
    #: Tiles that are not fresh (skipped ones aside), at most `MAX_TILES`.
    tiles: list[TileOutcome] = Field(default_factory=list)
    tiles_omitted: int = 0
    #: Why the dashboard as a whole failed; None if its tiles say it.
    error: str | None = None
    #: Whether another try may find it refreshed, where it isn't: False where PostHog's refusal doesn't heal by itself.
    retryable: bool = True
    #: Seconds that PostHog asked to wait before that.
    retry_after: float | None = None
    #: The after-capture: the very read that verified the refresh, stored.
    after: SnapshotRef | None = None

    @classmethod
    def of_tiles(
        cls,
        dashboard_id: int,
        tiles: Sequence[TileOutcome],
        *,
        name: str,
        url: str,
        since: datetime | None,
        finished_at: datetime | None,
    ) -> RefreshOutcome:
        """Sum up the tiles of one dashboard.

        A dashboard without insight tiles is refreshed: there was nothing to do. One whose insights are all without
        access is failed: nothing could be proved.
        """
        counts = Counter(tile.status for tile in tiles)
        good = sum(counts[status] for status in GOOD)
        bad = sum(counts[status] for status in BAD)
        blind = counts[TileOutcomeStatus.NO_ACCESS]
        if bad:
            status = RefreshStatus.PARTIAL if good else RefreshStatus.FAILED
        else:
            status = RefreshStatus.FAILED if blind and not good else RefreshStatus.REFRESHED
        told = [tile for tile in tiles if tile.status in BAD or tile.status is TileOutcomeStatus.NO_ACCESS]
        return cls(
            dashboard_id=dashboard_id,
            name=name,
            url=url,
            status=status,
            since=since,
            finished_at=finished_at,
            counts={status.value: counts[status] for status in TileOutcomeStatus if counts[status]},
            tiles=[_shortened(tile) for tile in told[:MAX_TILES]],
            tiles_omitted=max(0, len(told) - MAX_TILES),
            error="the credential may not read any of its insights" if blind and not good and not bad else None,
            retryable=bool(good or bad or not blind),
        )

    @classmethod
    def of_error(
        cls, dashboard_id: int, *, url: str, error: object, name: str = "", since: datetime | None = None
    ) -> RefreshOutcome:
        """Return the outcome of a dashboard that could not be refreshed at all; `error` is told in its own words.

        A `PostHogError` knows whether it heals; of anything else it is hoped.
        """
        return cls(
            dashboard_id=dashboard_id,
            name=name,
            url=url,
            status=RefreshStatus.FAILED,
            since=since,
            error=_cut(str(error) or type(error).__name__),
            retryable=error.retryable if isinstance(error, PostHogError) else True,
            retry_after=error.retry_after if isinstance(error, PostHogError) else None,
        )

    @property
    def label(self) -> str:
        """Name and id, e.g. `Weekly KPIs (42)`."""
        return f"{self.name} ({self.dashboard_id})" if self.name else f"dashboard {self.dashboard_id}"

    def describe(self) -> str:
        """Say in one line what became of the dashboard, with the reasons."""
        counted = ", ".join(f"{count} {status.replace('_', ' ')}" for status, count in self.counts.items())
        reasons = [self.error] if self.error else []
        reasons += [
            f"tile {t.name!r} ({t.id}): {t.status.value}" + (f", {t.message}" if t.message else "") for t in self.tiles
        ]
        if self.tiles_omitted:
            reasons.append(f"and {self.tiles_omitted} more tiles")
        line = f"{self.label}: {self.status.value}" + (f" ({counted})" if counted else "")
        return f"{line}: {'; '.join(reasons)} [{self.url}]" if reasons else line


class BatchVerdict(NamedTuple):
    """Whether a batch counts as failed, which dashboards made it so, and the text to say it with."""

    fails: bool
    unrefreshed: list[int]
    message: str


def verdict(outcomes: Iterable[RefreshOutcome], on_failure: OnFailure = OnFailure.FAIL_AT_END) -> BatchVerdict:
    """Judge a batch: a dashboard that isn't wholly refreshed fails it, unless told to continue.

    Example:
        >>> verdict([]).fails
        False
    """
    every = list(outcomes)
    unrefreshed = [outcome for outcome in every if outcome.status is not RefreshStatus.REFRESHED]
    if not unrefreshed:
        return BatchVerdict(False, [], f"all {len(every)} dashboards are refreshed")
    head = f"{len(unrefreshed)} of {len(every)} dashboards are not refreshed"
    lines = [outcome.describe() for outcome in unrefreshed[:MAX_TILES]]
    if len(unrefreshed) > MAX_TILES:
        lines.append(f"and {len(unrefreshed) - MAX_TILES} more dashboards")
    return BatchVerdict(
        fails=on_failure is not OnFailure.CONTINUE,
        unrefreshed=[outcome.dashboard_id for outcome in unrefreshed],
        message="\n  ".join([head + ":", *lines]),
    )


def _cut(text: str) -> str:
    return text if len(text) <= MAX_MESSAGE else text[: MAX_MESSAGE - 1] + "…"


def _shortened(tile: TileOutcome) -> TileOutcome:
    return tile if tile.message is None else tile.model_copy(update={"message": _cut(tile.message)})
