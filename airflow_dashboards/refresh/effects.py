"""What a write to a dashboard came to: done, not needed, or only planned."""

from __future__ import annotations

from enum import Enum

from pydantic import BaseModel, ConfigDict, Field

from airflow_dashboards.posthog import PostHogError


class BoardStateError(PostHogError):
    """PostHog is not in the state a write needs: the tile is not on the dashboard, the dashboard is already there."""


class Effect(str, Enum):
    """What became of a wish."""

    DONE = "done"
    ALREADY_SO = "already_so"  # nothing had to be written
    PLANNED = "planned"  # a dry run: this would be written


class BoardChange(BaseModel):
    """What one write to a dashboard came to; small enough for an XCom.

    Example:
        >>> BoardChange(dashboard_id=42, effect=Effect.ALREADY_SO, detail="Tile 7 is not on it.").effect.value
        'already_so'
    """

    model_config = ConfigDict(frozen=True)

    dashboard_id: int
    effect: Effect
    #: One plain sentence.
    detail: str
    #: The tiles it is about, in the order asked for.
    tile_ids: list[int] = Field(default_factory=list)
