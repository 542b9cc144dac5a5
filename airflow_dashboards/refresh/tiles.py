"""Tile by tile: computing single insights in their dashboard's context, and asking how single queries ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from airflow_dashboards.posthog.errors import (
    NotFoundError,
    PermissionDeniedError,
    PostHogAPIError,
    PostHogConnectionError,
    PostHogError,
    RateLimitError,
    ServerError,
)
from airflow_dashboards.posthog.flow import Flow, Gather

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from airflow_dashboards.posthog import Dashboard, FlowClient, Insight, QueryStatus, Tile

#: Insights computed at once inside requests (contract 5.5: a cap of 2 to 3).
MAX_COMPUTING = 3


def cause(error: BaseException) -> str:
    """Return the server's own words where it has some, else the whole message."""
    if isinstance(error, PostHogError):
        return error.detail or error.message
    return str(error) or type(error).__name__


def lost_answer(error: BaseException) -> bool:
    """Whether a request that computes was cut off, so that the server may still be at work (contract 5.4.7)."""
    if isinstance(error, PostHogConnectionError):
        return error.sent
    return isinstance(error, ServerError) and error.status in (502, 504)


@dataclass
class Computed:
    """What computing tile by tile came to."""

    dashboard: Dashboard
    #: The server's words about the tiles that could not be computed.
    failures: dict[int, str] = field(default_factory=dict)
    #: Tiles whose answer was lost on its way.
    cut: set[int] = field(default_factory=set)


def compute(flows: FlowClient, dashboard: Dashboard, mode: str, only: Collection[int] | None = None) -> Flow[Computed]:
    """Compute insights one request each, and return the dashboard with the answers in place.

    Args:
        flows: `client.flows`.
        dashboard: as read from the cache; tells which insights there are.
        mode: `force_blocking` or `blocking`.
        only: ids of the tiles to compute; all readable ones by default.

    Raises:
        RateLimitError: the key's limit was used up on the way, which no tile is to blame for; of several refusals the
            longest. What was computed until then is in the server's cache.
    """
    wanted: list[tuple[Tile, Insight]] = [
        (tile, tile.insight)
        for tile in dashboard.tiles
        if tile.insight is not None and tile.insight.is_readable and (only is None or tile.id in only)
    ]
    answers: list[Insight | Exception] = yield Gather(
        [flows.insights.get(insight.id, refresh=mode, from_dashboard=dashboard.id) for _, insight in wanted],
        limit=MAX_COMPUTING,
    )
    refusals = [each for each in answers if isinstance(each, RateLimitError)]
    if refusals:
        raise max(refusals, key=lambda each: each.retry_after or 0.0)
    fresh: dict[int, Insight] = {}
    done = Computed(dashboard)
    latest = dashboard.server_time
    for (tile, _), answer in zip(wanted, answers, strict=True):
        if isinstance(answer, Exception):
            if not isinstance(answer, PostHogError):
                raise answer
            if lost_answer(answer):
                done.cut.add(tile.id)
            else:
                done.failures[tile.id] = cause(answer)
            continue
        fresh[tile.id] = answer
        latest = max((when for when in (latest, answer.server_time) if when is not None), default=None)
    done.dashboard = _with(dashboard, fresh, latest)
    return done


def _with(dashboard: Dashboard, fresh: Mapping[int, Insight], when: datetime | None) -> Dashboard:
    tiles = [
        tile.model_copy(update={"insight": fresh[tile.id]}) if tile.id in fresh else tile for tile in dashboard.tiles
    ]
    return dashboard.model_copy(update={"tiles": tiles, "server_time": when})


class Ending(str, Enum):
    """How the query of a tile that is not fresh stands."""

    RUNNING = "running"
    COMPLETE = "complete"  # so the read lags behind
    FAILED = "failed"
    LOST = "lost"  # the server has no record of it
    UNTOLD = "untold"  # there is nothing to ask about, or asking is not allowed


@dataclass(frozen=True)
class Answer:
    """The answer to `ask`, with the server's message where it failed or can't be asked."""

    ending: Ending
    query_id: str | None = None
    message: str | None = None


def query_id(insight: Insight) -> str | None:
    """Return the id under which the tile's computation can be polled: its cache key (contract 4.5, 4.6)."""
    if insight.query_status is not None:
        return insight.query_status.id
    return insight.filters_hash


def ask(flows: FlowClient, query: str | None, *, since: datetime) -> Flow[Answer]:
    """Ask how one query stands. A record that ended before `since` is of an earlier run, and says nothing of this."""
    if query is None:
        return Answer(Ending.UNTOLD)
    try:
        status = yield from flows.query.status(query)
    except NotFoundError:
        return Answer(Ending.LOST, query)
    except PermissionDeniedError as error:
        return Answer(Ending.UNTOLD, query, cause(error))
    except PostHogAPIError as error:
        if error.status in (400, 500):  # how a failed query is told (contract 3.23)
            return Answer(Ending.FAILED, query, cause(error))
        return Answer(Ending.RUNNING, query, cause(error))
    except PostHogError as error:
        return Answer(Ending.RUNNING, query, cause(error))
    return _read(query, status, since)


def _read(query: str, status: QueryStatus, since: datetime) -> Answer:
    if not status.complete and not status.error:
        return Answer(Ending.RUNNING, query)
    if status.end_time is not None and status.end_time < since:
        return Answer(Ending.LOST, query)
    if status.error:
        return Answer(Ending.FAILED, query, status.error_message or "the query failed, and the server gives no message")
    return Answer(Ending.COMPLETE, query)
