"""Tiles of a dashboard: copy, move, arrange, write text, remove (contract 3.10 to 3.14)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_dashboards.posthog import arguments
from airflow_dashboards.posthog.call import answer, nothing
from airflow_dashboards.posthog.endpoint import F, endpoint
from airflow_dashboards.posthog.errors import PostHogArgumentError
from airflow_dashboards.posthog.models import Dashboard, Tile
from airflow_dashboards.posthog.resources.base import Endpoints, stated
from airflow_dashboards.posthog.vocabulary import UNSET, TileArrangement, Unset

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_dashboards.posthog.flow import Flow


class Tiles(Endpoints[F]):
    """The part of `client.dashboards` that treats single tiles."""

    @endpoint
    def copy_tile(
        self,
        id: int,  # noqa: A002 - the API's word
        *,
        from_dashboard_id: int,
        tile_id: int,
    ) -> Flow[Dashboard]:
        """Put a tile of another dashboard on this one too; answers with this one, the destination (contract 3.11).

        Insights and texts are shared by both boards from then on, widgets are cloned.

        Scope: dashboard:write. Builds: all (widgets from 2026-05).

        Args:
            id: The destination.
            from_dashboard_id: Where the tile is.
            tile_id: The tile.

        Raises:
            BadRequestError: It is on the destination already, or is of a kind that can not be copied.
            NotFoundError: No such dashboard or tile.

        Example:
            >>> client.dashboards.copy_tile(42, from_dashboard_id=3, tile_id=45)
        """
        arguments.positive_id(id, "dashboard id")
        if arguments.positive_id(from_dashboard_id, "from_dashboard_id") == id:
            raise PostHogArgumentError("from_dashboard_id is the destination itself.")
        content = {"fromDashboardId": from_dashboard_id, "tileId": arguments.positive_id(tile_id, "tile_id")}
        return (
            yield from self._call(
                "POST",
                f"{id}/copy_tile/",
                answer(Dashboard),
                intent=f"copy tile {tile_id} of dashboard {from_dashboard_id} to dashboard {id}",
                action="copy_tile",
                json=content,
                idempotent=False,
            )
        )

    @endpoint
    def move_tile(
        self,
        id: int,  # noqa: A002 - the API's word
        *,
        tile_id: int,
        to_dashboard: int,
    ) -> Flow[Dashboard]:
        """Move a tile to another dashboard; answers with this one, the source, without it (contract 3.10).

        Scope: dashboard:write; in 2026-04 a session. Builds: all.

        Args:
            id: The source.
            tile_id: The tile; it keeps its id.
            to_dashboard: The destination.

        Raises:
            NotFoundError: The tile is not on this dashboard, or there is no such destination.
            BadRequestError: The destination shows the same insight or text already.
            KeyNotAccepted: Build 2026-04 and the credential is a key or token.

        Example:
            >>> client.dashboards.move_tile(42, tile_id=345, to_dashboard=12)
        """
        arguments.positive_id(id, "dashboard id")
        destination = arguments.positive_id(to_dashboard, "to_dashboard")
        content = {
            "to_dashboard": destination,
            # Build 2026-04 reads this spelling and answers 500 without it; the others ignore what they do not know.
            # With both, one request is right on every build, and none has to be guessed.
            "toDashboard": destination,
            "tile": {"id": arguments.positive_id(tile_id, "tile_id")},
        }
        return (
            yield from self._call(
                "PATCH",
                f"{id}/move_tile/",
                answer(Dashboard),
                intent=f"move tile {tile_id} of dashboard {id} to dashboard {to_dashboard}",
                action="move_tile",
                json=content,
                idempotent=False,
            )
        )

    @endpoint
    def reorder_tiles(
        self,
        id: int,  # noqa: A002 - the API's word
        *,
        tile_order: Sequence[int],
        layout: TileArrangement | str | None = None,
    ) -> Flow[Dashboard]:
        """Place tiles in the given order (contract 3.12).

        Scope: dashboard:write. Builds: all; 2026-04 ignores `layout` and always makes two columns.

        Args:
            id: The dashboard.
            tile_order: Tiles, each once. Tiles that are left out keep their place, and may then overlap.
            layout: `preserve` sizes (the server's default), `two_column` or `full_width`.

        Raises:
            NotFoundError: Some tiles are not on this dashboard; the message lists them.

        Example:
            >>> client.dashboards.reorder_tiles(42, tile_order=[3, 1, 2], layout="two_column")
        """
        arguments.positive_id(id, "dashboard id")
        content: dict[str, Any] = {"tile_order": arguments.ids(tile_order, "tile_order", unique=True)}
        if layout is not None:
            content["layout"] = arguments.choice(layout, TileArrangement, "layout").value
        return (
            yield from self._call(
                "POST",
                f"{id}/reorder_tiles/",
                answer(Dashboard),
                intent=f"reorder the tiles of dashboard {id}",
                action="reorder_tiles",
                json=content,
            )
        )

    @endpoint
    def create_text_tile(
        self,
        id: int,  # noqa: A002 - the API's word
        *,
        body: str,
        layouts: Mapping[str, Any] | None = None,
        color: str | None = None,
    ) -> Flow[Tile]:
        """Add a text tile, in Markdown (contract 3.13).

        Scope: dashboard:write. Builds: from 2026-05; before, `update(id, tiles=[{"text": {"body": ...}}])`. Calling
        it twice makes two.

        Args:
            id: The dashboard.
            body: 1 to 4000 characters.
            layouts: Where it stands, `{"sm": {"x", "y", "w", "h"}, "xs": {...}}`; without, at the end.
            color: Background.

        Raises:
            EndpointNotFoundError: Build 2026-04.

        Example:
            >>> client.dashboards.create_text_tile(42, body="## Loads").id
            900
        """
        content = {"body": arguments.text_body(body), **_looks(layouts, UNSET if color is None else color)}
        arguments.positive_id(id, "dashboard id")
        return (
            yield from self._call(
                "POST",
                f"{id}/create_text_tile/",
                answer(Tile),
                intent=f"add a text tile to dashboard {id}",
                action="create_text_tile",
                json=content,
                idempotent=False,
            )
        )

    @endpoint
    def update_text_tile(
        self,
        id: int,  # noqa: A002 - the API's word
        *,
        tile_id: int,
        body: str | None = None,
        layouts: Mapping[str, Any] | None = None,
        color: str | Unset | None = UNSET,
    ) -> Flow[Tile]:
        """Change a text tile; what is not given stays (contract 3.13).

        Scope: dashboard:write. Builds: from 2026-05.

        Args:
            id: The dashboard.
            tile_id: The tile.
            body: 1 to 4000 characters.
            layouts: Replaces all of them: with only `sm`, `xs` is gone.
            color: Background; None for none.

        Raises:
            BadRequestError: It is not a text tile.
            NotFoundError: It is not on this dashboard.

        Example:
            >>> client.dashboards.update_text_tile(42, tile_id=900, body="Loaded at 06:00")
        """
        arguments.positive_id(id, "dashboard id")
        content: dict[str, Any] = {"tile_id": arguments.positive_id(tile_id, "tile_id"), **_looks(layouts, color)}
        if body is not None:
            content["body"] = arguments.text_body(body)
        if len(content) == 1:
            raise PostHogArgumentError("Nothing to change: give body, layouts or color.")
        return (
            yield from self._call(
                "POST",
                f"{id}/update_text_tile/",
                answer(Tile),
                intent=f"update text tile {tile_id} of dashboard {id}",
                action="update_text_tile",
                json=content,
            )
        )

    @endpoint
    def delete_tile(self, id: int, *, tile_id: int) -> Flow[None]:  # noqa: A002 - the API's word
        """Take a tile off its dashboard; its insight or text survives (contract 3.14).

        Scope: dashboard:write. Builds: from 2026-05; before, `update(id, tiles=[{"id": ..., "deleted": True}])`. A
        second call is a `NotFoundError`.

        Raises:
            NotFoundError: It is not on this dashboard, or was removed already.

        Example:
            >>> client.dashboards.delete_tile(42, tile_id=345)
        """
        arguments.positive_id(id, "dashboard id")
        content = {"tile_id": arguments.positive_id(tile_id, "tile_id")}
        return (
            yield from self._call(
                "POST",
                f"{id}/delete_tile/",
                nothing,
                intent=f"remove tile {tile_id} from dashboard {id}",
                action="delete_tile",
                json=content,
                idempotent=False,
            )
        )


def _looks(layouts: Mapping[str, Any] | None, color: str | Unset | None) -> dict[str, Any]:
    looks = stated(color=color)
    if layouts is not None:
        looks["layouts"] = arguments.layouts(layouts)
    if color is not None and color is not UNSET:
        arguments.text(color, "color", limit=arguments.MAX_COLOR, blank=True)
    return looks
