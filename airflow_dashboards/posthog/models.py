"""What PostHog answers, typed (contract section 4).

Lenient by intent: unknown fields are kept, every field that some build leaves out is optional, and enumerations stay
strings. `result` and other large values are left as PostHog sent them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


def _list_or_empty(value: Any) -> Any:
    return [] if value is None else value


def _dict_or_empty(value: Any) -> Any:
    return {} if value is None else value


def _false_if_null(value: Any) -> Any:
    return False if value is None else value


def _error_object(value: Any) -> Any:
    return {"message": value} if isinstance(value, str) else value


Strings = Annotated[list[str], BeforeValidator(_list_or_empty)]
Object = Annotated[dict[str, Any], BeforeValidator(_dict_or_empty)]
Flag = Annotated[bool, BeforeValidator(_false_if_null)]


class Model(BaseModel):
    """Base of everything PostHog answers: unknown fields are kept."""

    # Built on first use: a task needs few of them, and its process pays for what it imports.
    model_config = ConfigDict(extra="allow", protected_namespaces=(), defer_build=True)


class Answer(Model):
    """Base of what a call answers as a whole."""

    #: The server's clock when it answered (`Date` header), the only clock by which freshness may be judged.
    server_time: datetime | None = Field(default=None, exclude=True)
    request_id: str | None = Field(default=None, exclude=True)


class QueryStatus(Answer):
    """Where an asynchronous calculation stands (contract 3.23, 4.6)."""

    #: What to poll; empty in the status of a failure that was never queued.
    id: str = ""
    complete: Flag = False
    error: Flag = False
    error_message: str | None = None
    query_async: bool | None = None
    results: Any = None
    team_id: int | None = None
    insight_id: int | None = None
    dashboard_id: int | None = None
    start_time: datetime | None = None
    pickup_time: datetime | None = None
    end_time: datetime | None = None
    expiration_time: datetime | None = None
    task_id: str | None = None
    query_progress: Any = None
    labels: Any = None


class Insight(Answer):
    """An insight, whole or as far as the caller may see it (contract 4.5)."""

    id: int
    short_id: str | None = None
    name: str | None = None
    derived_name: str | None = None
    description: str | None = None
    query: dict[str, Any] | None = None
    #: As PostHog computed it (contract 4.7); None when the cache had nothing.
    result: Any = None
    last_refresh: datetime | None = None
    cache_target_age: datetime | None = None
    next_allowed_client_refresh: datetime | None = None
    is_cached: bool | None = None
    query_status: QueryStatus | None = None
    columns: Any = None
    types: Any = None
    hasMore: bool | None = None  # noqa: N815 - the wire's name
    hogql: str | None = None
    timezone: str | None = None
    resolved_date_range: Any = None
    filters: Any = None
    filters_hash: str | None = None
    dashboards: list[int] | None = None
    dashboard_tiles: list[dict[str, Any]] | None = None
    tags: Strings = []
    order: int | None = None
    deleted: bool | None = None
    saved: bool | None = None
    favorited: bool | None = None
    is_sample: bool | None = None
    created_at: datetime | None = None
    created_by: Any = None
    updated_at: datetime | None = None
    last_modified_at: datetime | None = None
    last_modified_by: Any = None
    last_viewed_at: datetime | None = None
    effective_restriction_level: int | None = None
    effective_privilege_level: int | None = None
    user_access_level: str | None = None
    alerts: Any = None

    @property
    def is_readable(self) -> bool:
        """False for the three-key form that PostHog shows to those who may not see the insight (contract 4.5)."""
        return "result" in self.model_fields_set


class TileError(Model):
    """Why a tile's query no longer validates."""

    type: str | None = None
    message: str | None = None


class Tile(Answer):
    """A tile: exactly one of `insight`, `text`, `button_tile`, `widget`, or an `error` (contract 4.2)."""

    id: int
    insight: Insight | None = None
    text: dict[str, Any] | None = None
    button_tile: dict[str, Any] | None = None
    widget: dict[str, Any] | None = None
    error: Annotated[TileError | None, BeforeValidator(_error_object)] = None
    layouts: Object = {}
    color: str | None = None
    filters_overrides: Any = None
    show_description: bool | None = None
    transparent_background: bool | None = None
    #: Position on the board, 0-based; None in answers about a single tile.
    order: int | None = None
    last_refresh: datetime | None = None
    is_cached: bool | None = None


class DashboardSummary(Answer):
    """A dashboard as a list shows it: without tiles, filters and variables (contract 3.1)."""

    id: int
    name: str | None = None
    description: str | None = None
    pinned: bool | None = None
    tags: Strings = []
    creation_mode: str | None = None
    created_at: datetime | None = None
    created_by: Any = None
    last_accessed_at: datetime | None = None
    last_viewed_at: datetime | None = None
    #: Kept by clients only; no evidence of freshness (contract 3.4).
    last_refresh: datetime | None = None
    is_shared: bool | None = None
    deleted: bool | None = None
    restriction_level: int | None = None
    effective_restriction_level: int | None = None
    effective_privilege_level: int | None = None
    user_access_level: str | None = None
    access_control_version: str | None = None
    team_id: int | None = None


class Dashboard(DashboardSummary):
    """A dashboard with its tiles in layout order (contract 4.1)."""

    tiles: Annotated[list[Tile], BeforeValidator(_list_or_empty)] = []
    #: With this request's overrides; `persisted_filters` is what is stored.
    filters: Object = {}
    variables: Object = {}
    persisted_filters: dict[str, Any] | None = None
    persisted_variables: dict[str, Any] | None = None
    breakdown_colors: Any = None
    data_color_theme_id: int | None = None
    quick_filter_ids: Any = None


class DashboardPage(Answer):
    """One page of the list (contract 3.1)."""

    count: int | None = None
    next: str | None = None
    previous: str | None = None
    results: list[DashboardSummary]


class ServerSnapshot(Answer):
    """A snapshot that PostHog keeps for 30 minutes (contract 3.6)."""

    cache_key: str


class ServerAnalysis(Answer):
    """PostHog's own words on what changed since a server snapshot (contract 3.7)."""

    result: str


class GeneratedMetadata(Answer):
    """A suggested name and description; nothing was saved (contract 3.8)."""

    name: str
    description: str


class InsightRun(Model):
    """One insight tile of `run_insights` (contract 3.15). `last_refresh` proves nothing there and is left out."""

    #: The tile's id.
    id: int
    insight: Insight
    order: int | None = None

    @property
    def result(self) -> Any:
        """The insight's result; None when the cache was cold."""
        return self.insight.result


class TaggedDashboard(Model):
    """A dashboard whose tags were written, with its full set of tags."""

    id: int
    tags: Strings = []


class SkippedDashboard(Model):
    """A dashboard that PostHog left alone, and why."""

    id: int
    reason: str | None = None


class BulkTagResult(Answer):
    """What bulk tagging did: 200 even when everything was skipped (contract 3.19)."""

    updated: list[TaggedDashboard] = []
    skipped: list[SkippedDashboard] = []


class WidgetRun(Model):
    """Live data of one widget tile; failures are told in `error` (contract 3.16)."""

    tile_id: int
    widget_type: str | None = None
    result: Any = None
    error: str | None = None


class WidgetType(Model):
    """An entry of the widget catalogue (contract 3.18)."""

    widget_type: str
    group_id: str | None = None
    group_label: str | None = None
    label: str | None = None
    description: str | None = None
    config_schema_hints: Any = None
    config_schema: Any = None
    required_product_access: Any = None
    product_access_denied_message: str | None = None
    availability_requirements: Any = None


class DataColorTheme(Answer):
    """A palette for charts (contract 3.22)."""

    id: int
    name: str | None = None
    colors: Any = None
    is_global: bool | None = None
    created_at: datetime | None = None
    created_by: Any = None


class Annotation(Answer):
    """A note on the time axis (contract 3.23)."""

    id: int
    content: str | None = None
    date_marker: datetime | None = None
    scope: str | None = None
    dashboard_id: int | None = None
    dashboard_item: int | None = None


class Cancelled(Answer):
    """The server's words after a cancellation."""

    message: str | None = None


class StreamMetadata(Model):
    """First event of a tile stream: the dashboard with its first tiles (contract 4.8)."""

    dashboard: Dashboard


class StreamTile(Model):
    """One further tile of a tile stream."""

    order: int | None = None
    tile: Tile


class StreamError(Model):
    """A tile that failed in a tile stream; without `tile_id` the whole stream has failed."""

    tile_id: int | None = None
    error: str | None = None


TileEvent = StreamMetadata | StreamTile | StreamError
