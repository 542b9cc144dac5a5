"""What the dashboard endpoints share: finding a dashboard, showing it whole, changing its tags."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_dashboards.sandbox.errors import forbidden, invalid, limit_exceeded, not_found
from airflow_dashboards.sandbox.queries import NO_OVERRIDES, Overrides, Prepared, prepare
from airflow_dashboards.sandbox.refreshing import Mode, Purpose, Shown, show
from airflow_dashboards.sandbox.serializers import dashboard_level, in_layout_order, insight_level, may_edit
from airflow_dashboards.sandbox.settings import Build
from airflow_dashboards.sandbox.store import Dashboard, Level

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow_dashboards.sandbox.call import Call
    from airflow_dashboards.sandbox.instance import Instance
    from airflow_dashboards.sandbox.store import Tile

EDIT_REFUSED = "You don't have edit permissions for this dashboard."


def find(call: Call, *, deleted: bool = False) -> Dashboard:
    """The dashboard of the path, for a method that reads or writes.

    Raises:
        RefusalError: 404 when missing, elsewhere or deleted (unless `deleted`); 403 without the level.
    """
    dashboard = call.store.dashboards.get(call.id())
    if dashboard is None or dashboard.project_id != call.project.id or (dashboard.deleted and not deleted):
        raise not_found()
    if call.incoming.method in ("GET", "HEAD"):
        check_view(call, dashboard)
    else:
        check_edit(call, dashboard)
    return dashboard


def check_view(call: Call, dashboard: Dashboard) -> None:
    """Refuse who may not see a dashboard (403)."""
    if dashboard_level(call.instance, dashboard, call.user) < Level.VIEWER:
        raise forbidden("You do not have viewer access to this resource.")


def check_edit(call: Call, dashboard: Dashboard) -> None:
    """Refuse who may not change a dashboard (403)."""
    if dashboard_level(call.instance, dashboard, call.user) < Level.EDITOR:
        raise forbidden("You do not have editor access to this resource.")
    if not may_edit(call.instance, dashboard, call.user):
        raise forbidden(EDIT_REFUSED)


def find_tile(call: Call, dashboard: Dashboard, tile_id: int) -> Tile:
    """A live tile of a dashboard.

    Raises:
        RefusalError: 404 for an unknown one, one of another dashboard, a deleted one.
    """
    tile = call.store.tiles.get(tile_id)
    if tile is None or tile.dashboard_id != dashboard.id or tile.deleted:
        raise not_found()
    return tile


def full(
    call: Call, dashboard: Dashboard, mode: Mode = Mode.CACHE_ONLY, overrides: Overrides = NO_OVERRIDES
) -> dict[str, Any]:
    """The whole dashboard (contract 4.1), its tiles read as `mode` says, one after another."""
    instance = call.instance
    with instance.lock:
        tiles = in_layout_order(call.store.live_tiles(dashboard.id))
        prepared = [prepare_tile(call, dashboard, tile, overrides) for tile in tiles]
    shown = [show_tile(call, dashboard, tile, query, mode) for tile, query in zip(tiles, prepared, strict=True)]
    with instance.lock:
        return call.serialize.dashboard(
            dashboard,
            [
                call.serialize.tile(tile, order=order, dashboard=dashboard, prepared=query, shown=seen)
                for order, (tile, query, seen) in enumerate(zip(tiles, prepared, shown, strict=True))
            ],
            overrides,
        )


def prepare_tile(call: Call, dashboard: Dashboard, tile: Tile, overrides: Overrides) -> Prepared | None:
    """The query of an insight tile that the caller may read."""
    if tile.insight_id is None:
        return None
    insight = call.store.insights[tile.insight_id]
    if insight_level(call.instance, insight, call.user) is Level.NONE:
        return None
    return prepare(call.instance, insight, dashboard, tile, overrides)


def show_tile(call: Call, dashboard: Dashboard, tile: Tile, prepared: Prepared | None, mode: Mode) -> Shown:
    """Read, enqueue or compute a tile."""
    purpose = Purpose(call.incoming.origin, tile.insight_id, dashboard.id, tile.id)
    return show(call.instance, prepared, mode, purpose)


def normalise_tags(tags: Iterable[str]) -> list[str]:
    """Tags trimmed, in lower case, each once.

    Example:
        >>> normalise_tags([" ETL", "etl", "Weekly"])
        ['etl', 'weekly']
    """
    return list(dict.fromkeys(tag.strip().lower() for tag in tags if tag.strip()))


def new_dashboard(call: Call, **values: Any) -> Dashboard:
    """Make an empty dashboard in the call's project.

    Raises:
        RefusalError: 402 in C at the project's limit.
    """
    instance: Instance = call.instance
    store = instance.store
    limit = instance.settings.dashboard_limit
    if call.build is Build.CLOUD and limit is not None:
        current = sum(1 for _ in store.project_dashboards(call.project.id))
        if current >= limit:
            raise limit_exceeded("dashboards", limit, current)
    dashboard = Dashboard(
        id=store.new_id("dashboard"),
        project_id=call.project.id,
        created_at=instance.clock.now(),
        created_by=call.user.id,
        **values,
    )
    store.dashboards[dashboard.id] = dashboard
    return dashboard


def check_theme(call: Call, theme_id: int | None) -> None:
    """Refuse a colour theme the project does not have (400)."""
    theme = call.store.themes.get(theme_id) if theme_id is not None else None
    if theme_id is not None and (theme is None or theme.project_id not in (None, call.project.id)):
        raise invalid(
            f'Invalid pk "{theme_id}" - object does not exist.', code="does_not_exist", attr="data_color_theme_id"
        )
