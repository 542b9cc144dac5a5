"""What a pipeline needs beside dashboards: insights, query status, palettes, annotations (contract 3.22, 3.23)."""

from __future__ import annotations

import builtins
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pydantic_core import from_json

from airflow_dashboards.posthog import arguments
from airflow_dashboards.posthog.call import answer, nothing, succeeded
from airflow_dashboards.posthog.endpoint import F, endpoint
from airflow_dashboards.posthog.errors import PostHogArgumentError
from airflow_dashboards.posthog.models import Annotation, Answer, Cancelled, DataColorTheme, Insight, QueryStatus
from airflow_dashboards.posthog.resources.base import Endpoints, given, stated
from airflow_dashboards.posthog.resources.fields import INSIGHT, THEME, body, change
from airflow_dashboards.posthog.vocabulary import UNSET, AnnotationScope, Refresh, Unset

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_dashboards.posthog.flow import Flow, Reply


class Insights(Endpoints[F]):
    """`client.insights`. Their own request budget is 240 a minute (contract 2.3)."""

    @endpoint
    def get(
        self,
        id: int | str,  # noqa: A002 - the API's word
        *,
        refresh: Refresh | str = Refresh.FORCE_CACHE,
        from_dashboard: int | None = None,
    ) -> Flow[Insight]:
        """An insight with its result, optionally as one dashboard shows it (contract 3.23).

        Scope: insight:read. Builds: all.

        Args:
            id: Its number, or its short id.
            refresh: How far the result may or must be calculated.
            from_dashboard: With the filters, variables and overrides that it has on this dashboard.

        Raises:
            NotFoundError: It does not exist here, or was deleted.

        Example:
            >>> client.insights.get(77, refresh="force_blocking", from_dashboard=42).last_refresh
        """
        mode = arguments.choice(refresh, Refresh, "refresh")
        params = {"refresh": mode.value}
        if from_dashboard is not None:
            params["from_dashboard"] = str(arguments.positive_id(from_dashboard, "from_dashboard"))
        return (
            yield from self._call(
                "GET",
                f"{arguments.insight_id(id)}/",
                answer(Insight),
                intent=f"read insight {id}",
                action="insights.get",
                params=params,
                bucket="insights",
                long_running=mode.calculates_in_request,
            )
        )

    @endpoint
    def create(
        self,
        *,
        query: Mapping[str, Any],
        name: str | None = None,
        description: str | None = None,
        dashboards: Sequence[int] | None = None,
        tags: Sequence[str] | None = None,
        saved: bool | None = None,
    ) -> Flow[Insight]:
        """Make an insight, with a tile on each of the given dashboards (contract 3.23).

        Scope: insight:write, and the right to edit those dashboards. Builds: all. Calling it twice makes two.

        Args:
            query: What it computes, e.g. an `InsightVizNode`.
            name: At most 400 characters; without, PostHog derives one.
            description: Text below the name.
            dashboards: Where it gets a tile; `dashboard_tiles` of the answer names them.
            tags: Its tags.
            saved: Whether it shows in the list of insights.

        Raises:
            PermissionDeniedError: No right to edit one of the dashboards.

        Example:
            >>> client.insights.create(name="Orders", query={"kind": "InsightVizNode", ...}, dashboards=[42]).short_id
        """
        fields = given(name=name, description=description, query=query, dashboards=dashboards, tags=tags, saved=saved)
        arguments.json_object(query, "query")
        return (
            yield from self._call(
                "POST",
                "",
                answer(Insight),
                intent=f"create insight {name!r}",
                action="insights.create",
                json=body(INSIGHT, fields),
                idempotent=False,
                bucket="insights",
            )
        )

    @endpoint
    def update(
        self,
        id: int | str,  # noqa: A002 - the API's word
        *,
        name: str | Unset | None = UNSET,
        description: str | Unset = UNSET,
        query: Mapping[str, Any] | Unset = UNSET,
        dashboards: Sequence[int] | Unset = UNSET,
        tags: Sequence[str] | Unset = UNSET,
        saved: bool | Unset = UNSET,
        favorited: bool | Unset = UNSET,
        deleted: bool | Unset = UNSET,
    ) -> Flow[Insight]:
        """Change the fields that are given, and no others (contract 3.23).

        Scope: insight:write. Builds: all. `dashboards` is the whole list from now on: tiles are added and removed
        accordingly. `deleted=True` deletes softly, `False` restores.

        Raises:
            PostHogArgumentError: Nothing to change.
            NotFoundError: It does not exist here.

        Example:
            >>> client.insights.update(77, name="Orders per day")
        """
        fields = stated(
            name=name,
            description=description,
            query=query,
            dashboards=dashboards,
            tags=tags,
            saved=saved,
            favorited=favorited,
            deleted=deleted,
        )
        return (
            yield from self._call(
                "PATCH",
                f"{arguments.insight_id(id)}/",
                answer(Insight),
                intent=f"update insight {id}",
                action="insights.update",
                json=change(INSIGHT, fields, "the insight"),
                bucket="insights",
            )
        )


class _Status(Answer):
    query_status: QueryStatus


def _tells_status(reply: Reply) -> bool:
    """Whether an answer is about the query. PostHog also tells of failed queries with 400 and 500."""
    if succeeded(reply):
        return True
    if reply.status not in {400, 500}:
        return False
    try:
        said = from_json(reply.content)
    except ValueError:
        return False
    return isinstance(said, dict) and isinstance(said.get("query_status"), dict)


def _read_status(reply: Reply) -> QueryStatus:
    told = answer(_Status)(reply)
    told.query_status.server_time, told.query_status.request_id = told.server_time, told.request_id
    return told.query_status


class Query(Endpoints[F]):
    """`client.query`: asynchronous calculations, as `force_async` starts them."""

    @endpoint
    def status(self, query_id: str) -> Flow[QueryStatus]:
        """Where an asynchronous calculation stands (contract 3.23).

        A failed calculation is an answer, not an exception: look at `error` and `error_message`.

        Scope: query:read. Builds: all.

        Args:
            query_id: `query_status.id` of the insight.

        Raises:
            NotFoundError: Unknown, or forgotten: statuses live 10 to 20 minutes.

        Example:
            >>> client.query.status("cache_7_0a1b").complete
            False
        """
        return (
            yield from self._call(
                "GET",
                f"{arguments.path_segment(query_id, 'query_id')}/",
                _read_status,
                intent=f"read the status of query {query_id}",
                action="query.status",
                bucket="query",
                accepts=_tells_status,
            )
        )

    @endpoint
    def cancel(self, query_id: str) -> Flow[Cancelled]:
        """Cancel an asynchronous calculation (contract 3.23).

        Scope: query:read. Builds: all.

        Example:
            >>> client.query.cancel("cache_7_0a1b").message
        """
        return (
            yield from self._call(
                "DELETE",
                f"{arguments.path_segment(query_id, 'query_id')}/",
                _read_cancelled,
                intent=f"cancel query {query_id}",
                action="query.cancel",
                bucket="query",
            )
        )


def _read_cancelled(reply: Reply) -> Cancelled:
    return answer(Cancelled)(reply) if reply.content.strip() else Cancelled()


class DataColorThemes(Endpoints[F]):
    """`client.data_color_themes`: palettes of charts (contract 3.22)."""

    @endpoint
    def list(self) -> Flow[builtins.list[DataColorTheme]]:
        """The project's own palettes and the global ones, all at once.

        Scope: project:read. Builds: all. Contract 3.22.

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

        Example:
            >>> client.data_color_themes.create(name="Corporate", colors=["#1d4aff"]).id
            3
        """
        return (
            yield from self._call(
                "POST",
                "",
                answer(DataColorTheme),
                intent=f"create data colour theme {name!r}",
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


class Annotations(Endpoints[F]):
    """`client.annotations`: notes on the time axis of charts (contract 3.23)."""

    @endpoint
    def create(
        self,
        *,
        content: str,
        date_marker: datetime,
        scope: AnnotationScope | str = AnnotationScope.PROJECT,
        dashboard_id: int | None = None,
        dashboard_item: int | None = None,
    ) -> Flow[Annotation]:
        """Write a note that charts show at an instant; calling it twice writes two.

        Scope: annotation:write. Builds: not certain for all: 403 or 404 mean that it is not available.

        Args:
            content: The note.
            date_marker: When, with a timezone.
            scope: Where it shows.
            dashboard_id: Which dashboard, with scope `dashboard`.
            dashboard_item: Which insight, with scope `dashboard_item`.

        Example:
            >>> client.annotations.create(content="Orders reloaded", date_marker=datetime.now(timezone.utc))
        """
        where = arguments.choice(scope, AnnotationScope, "scope")
        if not isinstance(date_marker, datetime) or date_marker.tzinfo is None:
            raise PostHogArgumentError(f"date_marker must be a datetime with a timezone, not {date_marker!r}.")
        if where is AnnotationScope.DASHBOARD and dashboard_id is None:
            raise PostHogArgumentError("scope 'dashboard' needs dashboard_id.")
        if where is AnnotationScope.INSIGHT and dashboard_item is None:
            raise PostHogArgumentError("scope 'dashboard_item' needs dashboard_item.")
        note: dict[str, Any] = {
            "content": arguments.text(content, "content", limit=8000),
            "date_marker": date_marker.isoformat(),
            "scope": where.value,
        }
        for name, value in given(dashboard_id=dashboard_id, dashboard_item=dashboard_item).items():
            note[name] = arguments.positive_id(value, name)
        return (
            yield from self._call(
                "POST",
                "",
                answer(Annotation),
                intent="create an annotation",
                action="annotations.create",
                json=note,
                idempotent=False,
            )
        )
