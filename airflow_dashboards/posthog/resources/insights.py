"""`client.insights` (contract 3.23)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_dashboards.posthog import arguments
from airflow_dashboards.posthog.call import answer
from airflow_dashboards.posthog.endpoint import F, endpoint
from airflow_dashboards.posthog.models import Insight
from airflow_dashboards.posthog.resources.base import Endpoints, given, stated
from airflow_dashboards.posthog.resources.fields import INSIGHT, body, change
from airflow_dashboards.posthog.vocabulary import UNSET, Refresh, Unset

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_dashboards.posthog.flow import Flow


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
                idempotent=mode.harmless_twice,
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
                intent=f"create insight {arguments.shown(name)}",
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
