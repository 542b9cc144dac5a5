"""What is asked of a refresh, and the small records that travel between worker and triggerer while it runs."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

from airflow_dashboards.refresh.clock import instant
from airflow_dashboards.refresh.outcome import OnFailure

if TYPE_CHECKING:
    from datetime import datetime


class Strategy(str, Enum):
    """How the server is asked to compute (contract 5.1)."""

    #: One cheap request enqueues every tile; the work is then polled and read once. The default.
    FORCE_ASYNC = "force_async"
    #: One long request computes tile after tile. A proxy may cut it; it is then verified by reading.
    FORCE_BLOCKING = "force_blocking"
    #: As force_blocking, but the server skips what it thinks fresh: such tiles are `stale` (see `accept_cached`).
    BLOCKING = "blocking"
    #: Computes nothing: only verifies what the cache holds.
    FORCE_CACHE = "force_cache"
    #: One request per insight in the dashboard's context, at most three at once: a broken tile holds up no other.
    PER_TILE = "per_tile"


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON data: trigger arguments, state stores and files take nothing else."""
        return self.model_dump(mode="json", exclude_defaults=True)


class Limits(_Data):
    """How much of a batch is under way at once."""

    #: Requests of ours in flight.
    requests: int = Field(default=8, ge=1)
    #: Dashboards kicked and not yet read.
    dashboards: int = Field(default=500, ge=1)
    #: Tiles kicked and not yet read; PostHog drops the record of a query after 10 minutes (contract 3.23).
    tiles: int = Field(default=4000, ge=1)


class RefreshOptions(_Data):
    """How to refresh; JSON-able, the same for one dashboard and for a thousand.

    Example:
        >>> RefreshOptions(host="https://eu.posthog.com", timeout=900).strategy
        <Strategy.FORCE_ASYNC: 'force_async'>
    """

    #: Origin of PostHog, for addresses in outcomes and snapshots.
    host: str
    strategy: Strategy = Strategy.FORCE_ASYNC
    #: Seconds from the kick of a dashboard until its unfinished tiles are given up as `pending`.
    timeout: float = Field(default=1800.0, gt=0)
    #: Take a tile that the server served from its cache as good enough (`cached`). For blocking and force_cache only.
    accept_cached: bool = False
    on_failure: OnFailure = OnFailure.FAIL_AT_END
    limits: Limits = Limits()
    #: Seconds the whole refresh took last time: how long to wait before the first look.
    expected_seconds: float | None = Field(default=None, ge=0)

    @classmethod
    def from_json(cls, data: Any) -> RefreshOptions:
        """Read what `to_json` gave."""
        return cls.model_validate(data)


class Kick(_Data):
    """One dashboard whose refresh was asked for: all that is needed to poll, verify, cancel or resume it."""

    dashboard_id: int
    name: str = ""
    strategy: Strategy
    #: T0 as the server's clock, seconds since the epoch: only what is computed at or after it counts.
    since: float
    #: Our clock when the request was answered, seconds since the epoch.
    kicked_at: float
    #: Our clock after which unfinished tiles are given up, seconds since the epoch.
    deadline: float
    #: Ids of the queries enqueued, in the order the server will work on them.
    pending: list[str] = Field(default_factory=list)
    #: What the server already said of tiles that failed, by tile id.
    failures: dict[int, str] = Field(default_factory=dict)
    #: Tiles enqueued so far in the whole batch, this dashboard's included: its place in the server's queue.
    place: int = 0
    #: Verifying reads so far that came too early; from the second on every pending query is polled, not the last alone.
    reads: int = 0
    #: Our clock before which the next read makes no sense, where nothing can be polled.
    not_before: float = 0.0
    #: Fresh tiles at the last read, and reads since without a further one: to notice that nothing is coming any more.
    fresh: int = 0
    idle_reads: int = 0
    #: Whether the server worked inside the request, and the answer was lost: nothing to poll, only to read.
    cut: bool = False
    #: 1 for the first kick; a dashboard whose work the server lost is kicked once more.
    attempt: int = 1
    #: Whether it was sent by a try that has ended, which may have cancelled what it was waiting for.
    inherited: bool = False

    @property
    def t0(self) -> datetime:
        """`since` as an instant."""
        return instant(self.since)

    @classmethod
    def from_json(cls, data: Any) -> Kick:
        """Read what `to_json` gave."""
        return cls.model_validate(data)


class Milestone(_Data):
    """Queries which, once complete, let some dashboards be believed done."""

    #: To be complete: the last query of the group where the server works in order, else each one.
    queries: list[str]
    #: Dashboards believed done then.
    dashboards: list[int]
    #: Tiles enqueued up to and including this milestone, over the whole batch (`Kick.place`).
    place: int
    #: Whether everything kicked before it is believed done too (the server works first in, first out).
    in_order: bool = True
    #: Our clock before which it isn't done, whatever the queries say.
    not_before: float = 0.0


class Watch(_Data):
    """What a trigger polls: a few milestones of a batch, JSON-able and small (below 20 KB for any batch)."""

    milestones: list[Milestone]
    #: Our clock when the first of it was kicked.
    started_at: float
    #: Our clock when the watch ends, finished or not.
    deadline: float
    #: Our clock before which the key has no requests left: nothing more can be kicked or read until then.
    resume_at: float = 0.0
    #: Dashboards that wait for room: the watch ends early to let the worker kick them.
    waiting: int = 0
    expected_seconds: float | None = None

    @classmethod
    def from_json(cls, data: Any) -> Watch:
        """Read what `to_json` gave."""
        return cls.model_validate(data)


class PollState(_Data):
    """How far a watch is; tiny. Start with `PollState()` and hand each answer of `poll` to the next call."""

    #: Positions in `Watch.milestones` that are complete.
    complete: list[int] = Field(default_factory=list)
    #: Position seen complete for the first time; it counts from the next look on, when what ran beside it is done too.
    settling: int | None = None
    #: Queries known to be complete inside milestones that still have others open, by position.
    partly: dict[int, int] = Field(default_factory=dict)
    #: Tiles per second, as far as seen.
    rate: float | None = None
    #: Seconds to wait before the next `poll`.
    wait: float = 0.0
    #: Looks so far, and the requests they took.
    polls: int = 0
    requests: int = 0
    #: Looks in a row that failed for reasons that pass by themselves; a spent request budget is not counted.
    failures: int = 0
    #: Our clock at the first of them; 0 when the last look succeeded.
    failing_since: float = 0.0
    #: Whether the watch has ended: hand `done` to the worker.
    over: bool = False
    #: Dashboards believed done, in the order they were kicked.
    done: list[int] = Field(default_factory=list)
    #: Why the last look failed, if it did. The worker still reads: only the read decides.
    error: str | None = None
    #: Whether every further look would fail the same way, e.g. for a key without `query:read`: no new watch helps.
    blind: bool = False

    @classmethod
    def from_json(cls, data: Any) -> PollState:
        """Read what `to_json` gave."""
        return cls.model_validate(data)
