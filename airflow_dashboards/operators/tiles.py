"""Tiles written, copied, moved, ordered and removed from a DAG. All are safe to run again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from airflow_dashboards.operators.board import BoardOperator
from airflow_dashboards.operators.rendered import as_id, as_ids, as_mappings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.sdk import Context


class PostHogTextTileOperator(BoardOperator):
    """Write a note on dashboards: added the first time, found again and updated after that, never added twice.

    Args:
        dashboards: an id, a list of ids, an XComArg of either, or a selector. Templated.
        body: Markdown, up to 4000 characters. Templated.
        key: what the note is found again by; it is kept in the body, where no page shows it. Default: the DAG's and the
            task's id, so that every task has one note. Templated.
        layouts: e.g. `{"sm": {"x": 0, "y": 0, "w": 12, "h": 1}}`; left alone where not given.
        color: e.g. `blue`; left alone where not given. Templated.
        dry_run: only say what would be written.

    Returns:
        list[dict[str, Any]]: Per dashboard `dashboard_id`, `effect` (`done`, `already_so` or `planned`), `detail`,
        `tile_ids`.

    Example:
        >>> PostHogTextTileOperator(  # doctest: +SKIP
        ...     task_id="note", dashboards=[42, 43], body="Loaded up to **{{ ds }}**."
        ... )
    """

    template_fields = (*BoardOperator.template_fields, "dashboards", "body", "key", "color")

    def __init__(
        self,
        *,
        dashboards: Any,
        body: str,
        key: str | None = None,
        layouts: Mapping[str, Any] | None = None,
        color: str | None = None,
        dry_run: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.dashboards = dashboards
        self.body = body
        self.key = key
        self.layouts = layouts
        self.color = color
        self.plan_only = dry_run

    def execute(self, context: Context) -> list[dict[str, Any]]:
        """Write the note."""
        from airflow_dashboards.refresh.board_tiles import ensure_text_tile, note_body

        key = self.key or f"{self.dag_id}.{self.task_id}"
        note_body(self.body, key)
        return self.each(
            context,
            self.dashboards,
            lambda flows, each: ensure_text_tile(
                flows,
                each,
                body=self.body,
                key=key,
                layouts=self.layouts,
                color=self.color,
                dry_run=self.plan_only,
            ),
        )


class PostHogCopyTileOperator(BoardOperator):
    """Put a tile of another dashboard on this one. One whose content is already there is left alone.

    Insights and texts are shared by both dashboards; widgets are cloned.

    Args:
        dashboard_id: the destination. Templated.
        from_dashboard_id: the source. Templated.
        tile_id: the tile on the source. Templated.

    Returns:
        dict[str, Any]: `dashboard_id`, `effect` (`done` or `already_so`), `detail`, `tile_ids` (the tile on the
        destination).
    """

    template_fields = (
        *BoardOperator.template_fields,
        "dashboard_id",
        "from_dashboard_id",
        "tile_id",
    )

    def __init__(
        self,
        *,
        dashboard_id: Any,
        from_dashboard_id: Any,
        tile_id: Any,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.dashboard_id = dashboard_id
        self.from_dashboard_id = from_dashboard_id
        self.tile_id = tile_id

    def execute(self, context: Context) -> dict[str, Any]:
        """Copy the tile."""
        from airflow_dashboards.refresh.board_tiles import copy_tile

        to, source = as_id(self.dashboard_id, "dashboard_id"), as_id(self.from_dashboard_id, "from_dashboard_id")
        tile = as_id(self.tile_id, "tile_id")
        return self.one(lambda flows: copy_tile(flows, to, from_dashboard_id=source, tile_id=tile))


class PostHogMoveTileOperator(BoardOperator):
    """Move a tile to another dashboard; it keeps its id. One that is already there is left alone.

    Args:
        dashboard_id: where it is. Templated.
        tile_id: the tile. Templated.
        to_dashboard: where it goes. Templated.

    Returns:
        dict[str, Any]: `dashboard_id`, `effect` (`done` or `already_so`), `detail`, `tile_ids`.
    """

    template_fields = (
        *BoardOperator.template_fields,
        "dashboard_id",
        "tile_id",
        "to_dashboard",
    )

    def __init__(
        self,
        *,
        dashboard_id: Any,
        tile_id: Any,
        to_dashboard: Any,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.dashboard_id = dashboard_id
        self.tile_id = tile_id
        self.to_dashboard = to_dashboard

    def execute(self, context: Context) -> dict[str, Any]:
        """Move the tile."""
        from airflow_dashboards.refresh.board_tiles import move_tile

        source, to = as_id(self.dashboard_id, "dashboard_id"), as_id(self.to_dashboard, "to_dashboard")
        tile = as_id(self.tile_id, "tile_id")
        return self.one(lambda flows: move_tile(flows, source, tile_id=tile, to_dashboard=to))


class PostHogReorderTilesOperator(BoardOperator):
    """Lay the tiles of a dashboard out in a given order. Tiles not named keep their place and may then overlap.

    Args:
        dashboard_id: the dashboard. Templated.
        tile_order: tile ids. Templated.
        layout: `preserve` (each keeps its size), `two_column` or `full_width`. Templated.
        dry_run: only say whether something would move.

    Returns:
        dict[str, Any]: `dashboard_id`, `effect` (`done`, `already_so` or `planned`), `detail`, `tile_ids`.
    """

    template_fields = (
        *BoardOperator.template_fields,
        "dashboard_id",
        "tile_order",
        "layout",
    )

    def __init__(
        self,
        *,
        dashboard_id: Any,
        tile_order: Any,
        layout: str = "preserve",
        dry_run: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.dashboard_id = dashboard_id
        self.tile_order = tile_order
        self.layout = layout
        self.plan_only = dry_run

    def execute(self, context: Context) -> dict[str, Any]:
        """Reorder the tiles."""
        from airflow_dashboards.refresh.board_tiles import reorder_tiles

        board, order = as_id(self.dashboard_id, "dashboard_id"), as_ids(self.tile_order, "tile_order")
        return self.one(
            lambda flows: reorder_tiles(flows, board, tile_order=order, layout=self.layout, dry_run=self.plan_only)
        )


class PostHogDeleteTileOperator(BoardOperator):
    """Remove a tile from a dashboard; its insight, text or widget survives. One that is not there is fine.

    Args:
        dashboard_id: the dashboard. Templated.
        tile_id: the tile. Templated.

    Returns:
        dict[str, Any]: `dashboard_id`, `effect` (`done` or `already_so`), `detail`, `tile_ids`.
    """

    template_fields = (*BoardOperator.template_fields, "dashboard_id", "tile_id")

    def __init__(
        self,
        *,
        dashboard_id: Any,
        tile_id: Any,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.dashboard_id = dashboard_id
        self.tile_id = tile_id

    def execute(self, context: Context) -> dict[str, Any]:
        """Remove the tile."""
        from airflow_dashboards.refresh.board_tiles import delete_tile

        board, tile = as_id(self.dashboard_id, "dashboard_id"), as_id(self.tile_id, "tile_id")
        return self.one(lambda flows: delete_tile(flows, board, tile_id=tile))


class PostHogAddWidgetsOperator(BoardOperator):
    """Add the widgets that a dashboard does not have yet, matched by type, name and the asked configuration.

    Args:
        dashboard_id: the dashboard. Templated.
        widgets: dicts with `widget_type`, `config` and, if wished, `name`, `description`, `layouts`; or text of them.
            Templated.
        dry_run: only say how many would be added.

    Returns:
        dict[str, Any]: `dashboard_id`, `effect` (`done`, `already_so` or `planned`), `detail`, `tile_ids`.

    Example:
        >>> PostHogAddWidgetsOperator(  # doctest: +SKIP
        ...     task_id="errors",
        ...     dashboard_id=42,
        ...     widgets=[{"widget_type": "error_tracking_list", "config": {"limit": 5}}],
        ... )
    """

    template_fields = (*BoardOperator.template_fields, "dashboard_id", "widgets")
    template_fields_renderers: ClassVar[dict[str, str]] = {"widgets": "json"}

    def __init__(
        self,
        *,
        dashboard_id: Any,
        widgets: Any,
        dry_run: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.dashboard_id = dashboard_id
        self.widgets = widgets
        self.plan_only = dry_run

    def execute(self, context: Context) -> dict[str, Any]:
        """Add what is missing."""
        from airflow_dashboards.refresh.board_tiles import ensure_widgets

        board = as_id(self.dashboard_id, "dashboard_id")
        widgets = as_mappings(self.widgets, "widgets")
        return self.one(lambda flows: ensure_widgets(flows, board, widgets=widgets, dry_run=self.plan_only))
