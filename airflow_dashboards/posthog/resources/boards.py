"""Dashboards as objects: list, read, make, change, delete, restore (contract 3.1 to 3.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_dashboards.posthog import arguments
from airflow_dashboards.posthog.call import answer
from airflow_dashboards.posthog.endpoint import F, endpoint
from airflow_dashboards.posthog.errors import PostHogArgumentError, PostHogProtocolError
from airflow_dashboards.posthog.large import DashboardReader
from airflow_dashboards.posthog.models import Dashboard, DashboardPage, DashboardSummary
from airflow_dashboards.posthog.resources.base import Endpoints, given, overrides, stated
from airflow_dashboards.posthog.resources.fields import DASHBOARD, body, change
from airflow_dashboards.posthog.vocabulary import UNSET, CreationMode, Refresh, Unset

if TYPE_CHECKING:
    import builtins
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from airflow_dashboards.posthog.flow import Flow


class Boards(Endpoints[F]):
    """The part of `client.dashboards` that treats dashboards as wholes."""

    @endpoint
    def page(
        self,
        *,
        limit: int = 100,
        offset: int = 0,
        search: str | None = None,
        tags: Sequence[str] = (),
        creation_mode: CreationMode | str | None = None,
        exclude_generated: bool = False,
        pinned: bool | None = None,
        folder: str | None = None,
    ) -> Flow[DashboardPage]:
        """One page of the list of dashboards; `list` reads all of them. Arguments as there (contract 3.1).

        Scope: dashboard:read. Builds: all.

        Raises:
            MissingScopeError: The key lacks dashboard:read.

        Example:
            >>> client.dashboards.page(limit=1).count
            12
        """
        params = _list_params(search, tags, creation_mode, exclude_generated, pinned, folder)
        return (yield from self._page(params, limit=limit, offset=offset))

    @endpoint
    def list(
        self,
        *,
        search: str | None = None,
        tags: Sequence[str] = (),
        creation_mode: CreationMode | str | None = None,
        exclude_generated: bool = False,
        pinned: bool | None = None,
        folder: str | None = None,
        page_size: int = 100,
    ) -> Flow[builtins.list[DashboardSummary]]:
        """All dashboards that match, over as many pages as there are (contract 3.1).

        Scope: dashboard:read. Builds: all; `search` from 2026-05, `pinned` and `folder` in newest ones (older ones
        ignore them).

        Args:
            search: Words in name or description, at most 200 characters.
            tags: Dashboards with any of these tags.
            creation_mode: How they came to be. Unlisted dashboards are listed only if asked for here.
            exclude_generated: Leave out those that PostHog made by itself.
            pinned: Only pinned ones, or only others.
            folder: Only those in a folder.
            page_size: Dashboards per request.

        Raises:
            PostHogProtocolError: The pages repeat themselves.

        Example:
            >>> [dashboard.id for dashboard in client.dashboards.list(tags=["etl"])]
            [42, 43]
        """
        params = _list_params(search, tags, creation_mode, exclude_generated, pinned, folder)
        found: dict[int, DashboardSummary] = {}
        offset = 0
        while True:
            # The next offset is ours: `next` is an absolute URL, and could name any host.
            page = yield from self._page(params, limit=page_size, offset=offset)
            new = {dashboard.id: dashboard for dashboard in page.results if dashboard.id not in found}
            if page.results and not new:
                raise PostHogProtocolError(
                    f"Could not list dashboards: from offset {offset} on, {self._root}/ repeats what it has listed "
                    "before, without an end.",
                    method="GET",
                    path=f"{self._root}/",
                )
            found.update(new)
            if page.next is None or not page.results:
                return [*found.values()]
            offset += len(page.results)

    def _page(self, params: Mapping[str, Any], *, limit: int, offset: int) -> Flow[DashboardPage]:
        arguments.whole(limit, "page_size")
        arguments.whole(offset, "offset", least=0)
        return (
            yield from self._call(
                "GET",
                "",
                answer(DashboardPage),
                intent="list dashboards",
                action="list",
                params={**params, "limit": str(limit), "offset": str(offset)},
            )
        )

    @endpoint
    def get(
        self,
        id: int,  # noqa: A002 - the API's word
        *,
        refresh: Refresh | str = Refresh.FORCE_CACHE,
        filters_override: Mapping[str, Any] | None = None,
        variables_override: Mapping[str, Any] | None = None,
        packed: bool = False,
    ) -> Flow[Dashboard]:
        """A dashboard with its tiles and, as far as `refresh` lets it, their results (contract 3.2).

        Scope: dashboard:read. Builds: all. Not a pure read: PostHog notes the access, which keeps the dashboard in
        its cache warming.

        Args:
            id: The dashboard.
            refresh: How far results may or must be calculated. The default only reads the cache.
            filters_override: Filters for this read alone, merged over the stored ones.
            variables_override: Variables for this read alone; entries need `code_name`.
            packed: For dashboards of any size. Where the answer is large it is read while it arrives, and results from
                64 KB on stay compressed: `insight.result.open()` (`airflow_dashboards.packed`).

        Raises:
            NotFoundError: It does not exist here, or was deleted.
            BadRequestError: A tile's SQL is invalid: then the whole read fails.

        Example:
            >>> client.dashboards.get(42).tiles[0].insight.result
        """
        arguments.positive_id(id, "dashboard id")
        mode = arguments.choice(refresh, Refresh, "refresh")
        facts: dict[str, Any] = {
            "intent": f"read dashboard {id}",
            "action": "get",
            "params": {"refresh": mode.value, **overrides(filters_override, variables_override)},
            "idempotent": mode.harmless_twice,
            "long_running": mode.calculates_in_request,
        }
        if arguments.flag(packed, "packed"):
            return (yield from self._receive(f"{id}/", DashboardReader, **facts))
        return (yield from self._call("GET", f"{id}/", answer(Dashboard), **facts))

    @endpoint
    def create(
        self,
        *,
        name: str | None,
        description: str | None = None,
        pinned: bool | None = None,
        tags: Sequence[str] | None = None,
        filters: Mapping[str, Any] | None = None,
        variables: Mapping[str, Any] | None = None,
        breakdown_colors: Sequence[Any] | None = None,
        data_color_theme_id: int | None = None,
        restriction_level: int | None = None,
        quick_filter_ids: Sequence[str | UUID] | None = None,
        use_template: str | None = None,
        use_dashboard: int | None = None,
        duplicate_tiles: bool | None = None,
        create_in_folder: str | None = None,
    ) -> Flow[Dashboard]:
        """Make a dashboard: empty, from a named template, or as a copy of another (contract 3.3).

        Scope: dashboard:write. Builds: all. Calling it twice makes two; so it is not repeated when an answer is lost.

        Args:
            name: At most 400 characters; None for none.
            description: Text below the name.
            pinned: Whether it is pinned.
            tags: Its tags.
            filters: Dashboard filters.
            variables: Dashboard variables.
            breakdown_colors: Colours by breakdown value.
            data_color_theme_id: Palette of its charts.
            restriction_level: 21 everyone may edit, 37 collaborators only.
            quick_filter_ids: UUIDs of quick filters.
            use_template: Name of one of the project's templates.
            use_dashboard: Dashboard to copy; not together with `use_template`.
            duplicate_tiles: With `use_dashboard`: copy its insights too, instead of sharing them.
            create_in_folder: Where to file it.

        Raises:
            ValidationError: Unknown template or dashboard, or a field that PostHog refuses.
            LimitExceededError: The project has 500 dashboards (cloud).

        Example:
            >>> client.dashboards.create(name="Weekly KPIs", tags=["etl"]).id
            42
        """
        if use_template is not None and use_dashboard is not None:
            raise PostHogArgumentError("Give use_template or use_dashboard, not both.")
        if duplicate_tiles is not None and use_dashboard is None:
            raise PostHogArgumentError("duplicate_tiles says how to copy a dashboard: it needs use_dashboard.")
        fields = given(
            description=description,
            pinned=pinned,
            tags=tags,
            filters=filters,
            variables=variables,
            breakdown_colors=breakdown_colors,
            data_color_theme_id=data_color_theme_id,
            restriction_level=restriction_level,
            quick_filter_ids=quick_filter_ids,
            use_template=use_template,
            use_dashboard=use_dashboard,
            duplicate_tiles=duplicate_tiles,
            _create_in_folder=create_in_folder,
        )
        return (
            yield from self._call(
                "POST",
                "",
                answer(Dashboard),
                intent=f"create dashboard {arguments.shown(name)}",
                action="create",
                json=body(DASHBOARD, {"name": name, **fields}),
                idempotent=False,
            )
        )

    @endpoint
    def update(
        self,
        id: int,  # noqa: A002 - the API's word
        *,
        name: str | Unset | None = UNSET,
        description: str | Unset = UNSET,
        pinned: bool | Unset = UNSET,
        tags: Sequence[str] | Unset = UNSET,
        filters: Mapping[str, Any] | Unset = UNSET,
        variables: Mapping[str, Any] | Unset = UNSET,
        breakdown_colors: Sequence[Any] | Unset = UNSET,
        data_color_theme_id: int | Unset | None = UNSET,
        restriction_level: int | Unset = UNSET,
        quick_filter_ids: Sequence[str | UUID] | Unset | None = UNSET,
        last_refresh: datetime | Unset | None = UNSET,
        last_accessed_at: datetime | Unset | None = UNSET,
        tiles: Sequence[Mapping[str, Any]] | Unset = UNSET,
        duplicate_tiles: bool | Unset = UNSET,
    ) -> Flow[Dashboard]:
        """Change the fields that are given, and no others (contract 3.4).

        Scope: dashboard:write. Builds: all. `delete` and `restore` have their own methods.

        Args:
            id: The dashboard.
            name: At most 400 characters.
            description: Text below the name.
            pinned: Whether it is pinned.
            tags: Its whole set of tags from now on; PostHog trims and lower-cases them.
            filters: Its whole dashboard filters from now on. Not `{}`: PostHog ignores that in silence.
            variables: Its dashboard variables.
            breakdown_colors: Colours by breakdown value.
            data_color_theme_id: Palette of its charts; None for the default one.
            restriction_level: 21 everyone may edit, 37 collaborators only.
            quick_filter_ids: UUIDs of quick filters that exist.
            last_refresh: A note of clients; PostHog itself never sets it.
            last_accessed_at: When it was last looked at.
            tiles: Tiles to change, `{"id": ..., "color" | "layouts" | "filters_overrides" | "show_description" |
                "transparent_background" | "deleted": ...}`, and text, buttons or widgets to write:
                `{"text": {"body": ...}}` without an id makes a new tile. Unknown ids are skipped in silence.
            duplicate_tiles: Copy shared insights.

        Raises:
            PostHogArgumentError: Nothing to change, or a value that PostHog refuses or ignores.
            NotFoundError: It does not exist here, or was deleted.
            ValidationError: A field that PostHog refuses.

        Example:
            >>> client.dashboards.update(42, name="Weekly KPIs", tags=["etl", "weekly"])
        """
        fields = stated(
            name=name,
            description=description,
            pinned=pinned,
            tags=tags,
            filters=filters,
            variables=variables,
            breakdown_colors=breakdown_colors,
            data_color_theme_id=data_color_theme_id,
            restriction_level=restriction_level,
            quick_filter_ids=quick_filter_ids,
            last_refresh=last_refresh,
            last_accessed_at=last_accessed_at,
            tiles=tiles,
            duplicate_tiles=duplicate_tiles,
        )
        changes = change(DASHBOARD, fields, "the dashboard")
        if "filters" in changes:
            arguments.filters(changes["filters"])
        makes_tiles = any("id" not in tile for tile in changes.get("tiles", ()))
        return (
            yield from self._patch(
                id, changes, intent=f"update dashboard {id}", action="update", idempotent=not makes_tiles
            )
        )

    @endpoint
    def delete(
        self,
        id: int,  # noqa: A002 - the API's word
        *,
        delete_insights: bool = False,
    ) -> Flow[Dashboard]:
        """Delete a dashboard so that `restore` brings it back. PostHog has no other way (contract 3.4, 3.5).

        `DELETE` is answered with 405 by every build, so this sends `PATCH {"deleted": true}`: the dashboard and its
        tiles vanish from lists and answer 404, and are kept.

        Scope: dashboard:write. Builds: all. A second call is a `NotFoundError`, so it is not repeated when an answer
        is lost.

        Args:
            id: The dashboard.
            delete_insights: Delete the insights too that are on no other dashboard.

        Raises:
            NotFoundError: It does not exist here, or is deleted already.

        Example:
            >>> client.dashboards.delete(42).deleted
            True
        """
        changes = body(DASHBOARD, {"deleted": True, "delete_insights": delete_insights})
        return (yield from self._patch(id, changes, intent=f"delete dashboard {id}", action="delete", idempotent=False))

    @endpoint
    def restore(self, id: int) -> Flow[Dashboard]:  # noqa: A002 - the API's word
        """Bring a deleted dashboard back, with all its tiles, even those removed earlier, and their insights.

        Scope: dashboard:write. Builds: all. Contract 3.4.

        Raises:
            NotFoundError: It never existed here.

        Example:
            >>> client.dashboards.restore(42).deleted
            False
        """
        return (yield from self._patch(id, {"deleted": False}, intent=f"restore dashboard {id}", action="restore"))

    def _patch(
        self, dashboard_id: int, changes: Mapping[str, Any], *, intent: str, action: str, idempotent: bool = True
    ) -> Flow[Dashboard]:
        arguments.positive_id(dashboard_id, "dashboard id")
        return (
            yield from self._call(
                "PATCH",
                f"{dashboard_id}/",
                answer(Dashboard),
                intent=intent,
                action=action,
                json=changes,
                idempotent=idempotent,
            )
        )


def _list_params(
    search: str | None,
    tags: Sequence[str],
    creation_mode: CreationMode | str | None,
    exclude_generated: bool,
    pinned: bool | None,
    folder: str | None,
) -> dict[str, Any]:
    params: dict[str, Any] = {}
    if search is not None:
        params["search"] = arguments.text(search, "search", limit=arguments.MAX_SEARCH)
    checked_tags = arguments.tags(tags)
    if checked_tags:
        params["tags"] = checked_tags
    if creation_mode is not None:
        params["creation_mode"] = arguments.choice(creation_mode, CreationMode, "creation_mode").value
    if arguments.flag(exclude_generated, "exclude_generated"):
        params["exclude_generated"] = "true"
    if pinned is not None:
        params["pinned"] = str(arguments.flag(pinned, "pinned")).lower()
    if folder is not None:
        params["folder"] = arguments.text(folder, "folder", limit=1000)
    return params
