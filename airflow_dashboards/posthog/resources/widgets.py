"""Widget tiles: catalogue, add, read (contract 3.16 to 3.18)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_dashboards.posthog import arguments
from airflow_dashboards.posthog.call import answer
from airflow_dashboards.posthog.endpoint import F, endpoint
from airflow_dashboards.posthog.models import Model, Tile, WidgetRun, WidgetType
from airflow_dashboards.posthog.resources.base import Endpoints

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_dashboards.posthog.flow import Flow


class _Runs(Model):
    results: list[WidgetRun]


class _Added(Model):
    tiles: list[Tile]


class _Catalog(Model):
    results: list[WidgetType]


class Widgets(Endpoints[F]):
    """The part of `client.dashboards` that treats widgets."""

    @endpoint
    def run_widgets(self, id: int, *, tile_ids: Sequence[int]) -> Flow[list[WidgetRun]]:  # noqa: A002 - the API's word
        """Live data of up to 10 widget tiles; what failed says so in its `error` (contract 3.16).

        Scope: dashboard:read, and per widget that of its product. Builds: from 2026-05.

        Raises:
            PermissionDeniedError: The project has no widgets.
            EndpointNotFoundError: Build 2026-04.

        Example:
            >>> client.dashboards.run_widgets(42, tile_ids=[7])[0].result
        """
        arguments.positive_id(id, "dashboard id")
        wanted = list(dict.fromkeys(arguments.ids(tile_ids, "tile_ids")))
        arguments.ids(wanted, "tile_ids", limit=arguments.MAX_BATCH)
        runs = yield from self._call(
            "GET",
            f"{id}/run_widgets/",
            answer(_Runs),
            intent=f"run widgets of dashboard {id}",
            action="run_widgets",
            params={"tile_ids": ",".join(map(str, wanted))},
        )
        return runs.results

    @endpoint
    def add_widgets(
        self,
        id: int,  # noqa: A002 - the API's word
        *,
        widgets: Sequence[Mapping[str, Any]],
    ) -> Flow[list[Tile]]:
        """Add 1 to 10 widget tiles, all or none (contract 3.17).

        Scope: dashboard:write. Builds: from 2026-05. Calling it twice adds them twice.

        Args:
            id: The dashboard.
            widgets: Each `{"widget_type": ..., "config": {...}}`, optionally `name`, `description`, `layouts`,
                `show_description`. `widget_catalog` lists the types.

        Raises:
            BadRequestError: The project has no widgets.
            ValidationError: An unknown type or a wrong config; `attr` names it.
            LimitExceededError: The dashboard is full (cloud).

        Example:
            >>> client.dashboards.add_widgets(42, widgets=[{"widget_type": "error_tracking_list", "config": {}}])
        """
        arguments.positive_id(id, "dashboard id")
        content = arguments.objects(widgets, "widgets", limit=arguments.MAX_BATCH)
        for index, widget in enumerate(content):
            where = f"widgets[{index}]"
            arguments.text(widget.get("widget_type"), f"{where}.widget_type", limit=100)
            arguments.json_object(widget.get("config"), f"{where}.config")
            if widget.get("name") is not None:
                arguments.text(widget["name"], f"{where}.name", limit=arguments.MAX_NAME, blank=True)
            if widget.get("layouts") is not None:
                arguments.layouts(widget["layouts"])
        added = yield from self._call(
            "POST",
            f"{id}/widgets/batch/",
            answer(_Added),
            intent=f"add {len(content)} widgets to dashboard {id}",
            action="add_widgets",
            json={"widgets": content},
            idempotent=False,
        )
        return added.tiles

    @endpoint
    def widget_catalog(self) -> Flow[list[WidgetType]]:
        """The widget types this server has (contract 3.18).

        Scope: dashboard:read. Builds: from 2026-05.

        Raises:
            EndpointNotFoundError: Build 2026-04.

        Example:
            >>> [entry.widget_type for entry in client.dashboards.widget_catalog()]
            ['error_tracking_list', 'session_replay_list']
        """
        catalog = yield from self._call(
            "GET", "widget_catalog/", answer(_Catalog), intent="read the widget catalogue", action="widget_catalog"
        )
        return catalog.results
