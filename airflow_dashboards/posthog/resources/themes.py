"""`client.data_color_themes` (contract 3.22)."""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING, Any

from airflow_dashboards.posthog import arguments
from airflow_dashboards.posthog.call import answer, nothing
from airflow_dashboards.posthog.endpoint import F, endpoint
from airflow_dashboards.posthog.errors import PostHogArgumentError
from airflow_dashboards.posthog.models import DataColorTheme
from airflow_dashboards.posthog.resources.base import Endpoints, stated
from airflow_dashboards.posthog.resources.fields import THEME, body, change
from airflow_dashboards.posthog.vocabulary import UNSET, Unset

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_dashboards.posthog.flow import Flow


class DataColorThemes(Endpoints[F]):
    """`client.data_color_themes`: palettes of charts (contract 3.22)."""

    @endpoint
    def list(self) -> Flow[builtins.list[DataColorTheme]]:
        """The project's own palettes and the global ones, all at once.

        Scope: project:read. Builds: all. Contract 3.22.

        Raises:
            MissingScopeError: The key lacks project:read.

        Example:
            >>> [theme.name for theme in client.data_color_themes.list()]
            ['Default Theme']
        """
        return (
            yield from self._call(
                "GET",
                "",
                answer(builtins.list[DataColorTheme]),
                intent="list data colour themes",
                action="data_color_themes.list",
            )
        )

    @endpoint
    def get(self, id: int) -> Flow[DataColorTheme]:  # noqa: A002 - the API's word
        """One palette.

        Scope: project:read. Builds: all. Contract 3.22.

        Raises:
            NotFoundError: No such palette in this project.

        Example:
            >>> client.data_color_themes.get(3).colors
        """
        return (yield from self._one("GET", id, "read", "get"))

    @endpoint
    def create(self, *, name: str, colors: Sequence[str] = ()) -> Flow[DataColorTheme]:
        """Make a palette; calling it twice makes two.

        Scope: project:write. Builds: all. Contract 3.22.

        Args:
            name: 1 to 100 characters.
            colors: CSS colours in order, e.g. `#1d4aff`.

        Raises:
            MissingScopeError: The key lacks project:write.

        Example:
            >>> client.data_color_themes.create(name="Corporate", colors=["#1d4aff"]).id
            3
        """
        return (
            yield from self._call(
                "POST",
                "",
                answer(DataColorTheme),
                intent=f"create data colour theme {arguments.shown(name)}",
                action="data_color_themes.create",
                json=body(THEME, {"name": _required(name), "colors": colors}),
                idempotent=False,
            )
        )

    @endpoint
    def update(
        self,
        id: int,  # noqa: A002 - the API's word
        *,
        name: str | Unset = UNSET,
        colors: Sequence[str] | Unset = UNSET,
    ) -> Flow[DataColorTheme]:
        """Change a palette of the project.

        Scope: project:write. Builds: all. Contract 3.22.

        Raises:
            PermissionDeniedError: It is a global one, or the plan does not include it.

        Example:
            >>> client.data_color_themes.update(3, name="Corporate 2026")
        """
        changes = change(THEME, stated(name=_required(name), colors=colors), "the theme")
        return (yield from self._one("PATCH", id, "update", "update", json=changes))

    @endpoint
    def delete(self, id: int) -> Flow[None]:  # noqa: A002 - the API's word
        """Delete a palette for good; dashboards that use it fall back to the default.

        Scope: project:write. Builds: all. Contract 3.22. A second call is a `NotFoundError`.

        Raises:
            PermissionDeniedError: It is a global one, or the plan does not include it.

        Example:
            >>> client.data_color_themes.delete(3)
        """
        arguments.positive_id(id, "theme id")
        return (
            yield from self._call(
                "DELETE",
                f"{id}/",
                nothing,
                intent=f"delete data colour theme {id}",
                action="data_color_themes.delete",
                idempotent=False,
            )
        )

    def _one(self, method: str, theme_id: int, verb: str, action: str, json: Any = None) -> Flow[DataColorTheme]:
        arguments.positive_id(theme_id, "theme id")
        return (
            yield from self._call(
                method,
                f"{theme_id}/",
                answer(DataColorTheme),
                intent=f"{verb} data colour theme {theme_id}",
                action=f"data_color_themes.{action}",
                json=json,
            )
        )


def _required(name: Any) -> Any:
    # The table of nullable fields is shared with dashboards, whose names may be null.
    if name is None:
        raise PostHogArgumentError("name can not be None.")
    return name
