"""How objects look on the wire (contract section 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_dashboards.sandbox import uncertain
from airflow_dashboards.sandbox.layout import position
from airflow_dashboards.sandbox.queries import (
    NO_OVERRIDES,
    Overrides,
    Prepared,
    merged_filters,
    merged_variables,
    prepare,
)
from airflow_dashboards.sandbox.refreshing import Shown
from airflow_dashboards.sandbox.settings import SINCE_MAY, Build
from airflow_dashboards.sandbox.store import CAN_EDIT, CAN_VIEW, RESTRICTION_EVERYONE, Level

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_dashboards.sandbox.instance import Instance
    from airflow_dashboards.sandbox.store import Button, Dashboard, Insight, TextCard, Theme, Tile, User, Widget


def dashboard_level(instance: Instance, dashboard: Dashboard, user: User) -> Level:
    """What the user may do with a dashboard, its restriction aside."""
    return instance.store.level("dashboard", dashboard.id, user, dashboard.created_by)


def insight_level(instance: Instance, insight: Insight, user: User) -> Level:
    """What the user may do with an insight."""
    return instance.store.level("insight", insight.id, user, insight.created_by)


def may_edit(instance: Instance, dashboard: Dashboard, user: User) -> bool:
    """Whether level and restriction let the user edit."""
    restricted = dashboard.restriction_level != RESTRICTION_EVERYONE
    if restricted and not (user.admin or user.id == dashboard.created_by):
        return False
    return dashboard_level(instance, dashboard, user) >= Level.EDITOR


class Serializer:
    """Serializes for one user, on one build. Needs the instance's lock."""

    def __init__(self, instance: Instance, user: User) -> None:
        self._instance = instance
        self._store = instance.store
        self._user = user
        self._build = instance.settings.build

    def user(self, user_id: int | None) -> dict[str, Any] | None:
        """A user inside another object."""
        return None if user_id is None else self._store.users[user_id].dump()

    def dashboard_item(self, dashboard: Dashboard, match: str | None = None) -> dict[str, Any]:
        """A dashboard in a list: no filters, variables or tiles."""
        item = {
            "id": dashboard.id,
            "name": dashboard.name,
            "description": dashboard.description,
            "pinned": dashboard.pinned,
            "created_at": dashboard.created_at,
            "created_by": self.user(dashboard.created_by),
            "last_accessed_at": dashboard.last_accessed_at,
            "last_viewed_at": dashboard.last_viewed_at,
            "is_shared": False,
            "deleted": dashboard.deleted,
            "creation_mode": dashboard.creation_mode,
            "tags": dashboard.tags,
            "restriction_level": dashboard.restriction_level,
            "effective_restriction_level": dashboard.restriction_level,
            "effective_privilege_level": CAN_EDIT if may_edit(self._instance, dashboard, self._user) else CAN_VIEW,
            "user_access_level": dashboard_level(self._instance, dashboard, self._user).wire,
            "access_control_version": "v2",
            "last_refresh": dashboard.last_refresh,
            "team_id": dashboard.project_id,
        }
        if self._build is Build.CLOUD:
            item["search_match_type"] = match
        return item

    def dashboard(
        self, dashboard: Dashboard, tiles: list[dict[str, Any]], overrides: Overrides = NO_OVERRIDES
    ) -> dict[str, Any]:
        """A whole dashboard around tiles that are serialized already."""
        full = self.dashboard_item(dashboard)
        full.pop("search_match_type", None)
        full |= {
            "filters": merged_filters(dashboard, overrides),
            "variables": merged_variables(dashboard, overrides),
            "breakdown_colors": dashboard.breakdown_colors,
            "data_color_theme_id": dashboard.data_color_theme_id,
            "persisted_filters": dashboard.filters or None,
            "persisted_variables": dashboard.variables or None,
            "quick_filter_ids": dashboard.quick_filter_ids,
            "tiles": tiles,
        }
        return full

    def tile(
        self,
        tile: Tile,
        *,
        order: int | None = None,
        dashboard: Dashboard | None = None,
        prepared: Prepared | None = None,
        shown: Shown | None = None,
    ) -> dict[str, Any]:
        """A tile; with `dashboard` and no `prepared` and `shown` its insight is read from the cache."""
        insight = None
        shown = shown or Shown()
        if tile.insight_id is not None:
            insight = self.insight(
                self._store.insights[tile.insight_id], dashboard=dashboard, prepared=prepared, shown=shown
            )
        readable = insight is not None and "result" in insight
        data: dict[str, Any] = {
            "id": tile.id,
            "layouts": tile.layouts,
            "color": tile.color,
            "filters_overrides": tile.filters_overrides,
            "show_description": tile.show_description,
            "transparent_background": tile.transparent_background,
            "insight": insight,
            "text": None if tile.text_id is None else self._text(self._store.texts[tile.text_id]),
            "button_tile": None if tile.button_id is None else self._button(self._store.buttons[tile.button_id]),
            "order": order,
            "last_refresh": shown.last_refresh if readable else None,
            "is_cached": shown.is_cached if readable else False,
        }
        if self._build in SINCE_MAY:
            data["widget"] = None if tile.widget_id is None else self._widget(self._store.widgets[tile.widget_id])
        if shown.problem is not None and readable:
            data["error"] = {"type": shown.problem.type, "message": shown.problem.message}
        return data

    def insight(
        self,
        insight: Insight,
        *,
        shown: Shown,
        dashboard: Dashboard | None = None,
        prepared: Prepared | None = None,
        order: int | None = None,
    ) -> dict[str, Any]:
        """An insight in its 4.5 form, or in three keys without access to it."""
        level = insight_level(self._instance, insight, self._user)
        if level is Level.NONE:
            return {"id": insight.id, "short_id": insight.short_id, "user_access_level": level.wire}
        prepared = prepared or prepare(self._instance, insight, dashboard)
        computed = shown.computed
        tiles = self._store.insight_tiles(insight.id)
        query = prepared.query if prepared else insight.query
        if shown.problem is not None and uncertain.INVALID_QUERY_IS_HIDDEN:
            query = None
        data = {
            "id": insight.id,
            "short_id": insight.short_id,
            "name": insight.name,
            "derived_name": insight.derived_name,
            "filters": insight.filters,
            "query": query,
            "order": order,
            "deleted": insight.deleted,
            "dashboards": [tile.dashboard_id for tile in tiles],
            "dashboard_tiles": [
                {"id": tile.id, "dashboard_id": tile.dashboard_id, "deleted": tile.deleted} for tile in tiles
            ],
            "last_refresh": shown.last_refresh,
            "cache_target_age": computed.target_age if computed else None,
            "next_allowed_client_refresh": (
                computed.last_refresh + uncertain.CLIENT_REFRESH_PAUSE if computed else None
            ),
            "result": computed.result if computed else None,
            "hasMore": computed.has_more if computed else None,
            "columns": computed.columns if computed else None,
            "created_at": insight.created_at,
            "created_by": self.user(insight.created_by),
            "description": insight.description,
            "updated_at": insight.updated_at,
            "tags": insight.tags,
            "favorited": insight.favorited,
            "saved": insight.saved,
            "last_modified_at": insight.last_modified_at,
            "last_modified_by": self.user(insight.last_modified_by),
            "is_sample": insight.is_sample,
            "effective_restriction_level": RESTRICTION_EVERYONE,
            "effective_privilege_level": CAN_EDIT if level >= Level.EDITOR else CAN_VIEW,
            "user_access_level": level.wire,
            "timezone": prepared.timezone if prepared and computed else None,
            "is_cached": shown.is_cached,
            "query_status": shown.status,
            "hogql": computed.hogql if computed else None,
            "types": computed.types if computed else None,
            "resolved_date_range": computed.resolved_date_range if computed else None,
            "alerts": [],
            "last_viewed_at": None,
            "filters_hash": prepared.key if prepared else None,
        }
        if self._build is Build.CLOUD:
            data["search_match_type"] = None
        return data

    def _text(self, text: TextCard) -> dict[str, Any]:
        return {
            "id": text.id,
            "body": text.body,
            **self._authors(text),
            "team": text.project_id,
            "dashboard_tiles": [
                {"id": tile.id, "dashboard_id": tile.dashboard_id, "deleted": tile.deleted}
                for tile in self._store.text_tiles(text.id)
            ],
        }

    def _button(self, button: Button) -> dict[str, Any]:
        return {
            "id": button.id,
            "url": button.url,
            "text": button.text,
            "placement": button.placement,
            "style": button.style,
            **self._authors(button),
            "team": button.project_id,
        }

    def _widget(self, widget: Widget) -> dict[str, Any]:
        tiles = [tile for tile in self._store.tiles.values() if tile.widget_id == widget.id]
        return {
            "id": widget.id,
            "widget_type": widget.widget_type,
            "name": widget.name,
            "description": widget.description,
            "config": widget.config,
            "team": widget.project_id,
            **self._authors(widget),
            "dashboard_tiles": [
                {"id": tile.id, "dashboard_id": tile.dashboard_id, "deleted": tile.deleted} for tile in tiles
            ],
        }

    def _authors(self, content: TextCard | Button | Widget) -> dict[str, Any]:
        return {
            "created_by": self.user(content.created_by),
            "last_modified_by": self.user(content.last_modified_by),
            "last_modified_at": content.last_modified_at,
        }

    def theme(self, theme: Theme) -> dict[str, Any]:
        """A data colour theme (contract 3.22)."""
        return {
            "id": theme.id,
            "name": theme.name,
            "colors": theme.colors,
            "is_global": theme.project_id is None,
            "created_at": theme.created_at,
            "created_by": self.user(theme.created_by),
        }


def in_layout_order(tiles: list[Tile], size: str = "sm") -> list[Tile]:
    """Tiles as they are read: y, then x, then age."""
    return sorted(tiles, key=lambda tile: (*position(tile.layouts, size), tile.id))


def orders(tiles: list[Tile]) -> Mapping[int, int]:
    """Tile id -> place in `sm` order."""
    return {tile.id: index for index, tile in enumerate(in_layout_order(tiles))}
