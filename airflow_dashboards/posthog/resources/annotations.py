"""`client.annotations` (contract 3.23)."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from airflow_dashboards.posthog import arguments
from airflow_dashboards.posthog.call import answer
from airflow_dashboards.posthog.endpoint import F, endpoint
from airflow_dashboards.posthog.errors import PostHogArgumentError
from airflow_dashboards.posthog.models import Annotation
from airflow_dashboards.posthog.resources.base import Endpoints, given
from airflow_dashboards.posthog.vocabulary import AnnotationScope

if TYPE_CHECKING:
    from airflow_dashboards.posthog.flow import Flow


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
        """Write a note that charts show at an instant; calling it twice writes two (contract 3.23).

        Scope: annotation:write. Builds: not certain for all: 403 or 404 mean that it is not available.

        Args:
            content: The note.
            date_marker: When, with a timezone.
            scope: Where it shows.
            dashboard_id: Which dashboard, with scope `dashboard`.
            dashboard_item: Which insight, with scope `dashboard_item`.

        Raises:
            PostHogArgumentError: The instant has no timezone, or the scope lacks its id.
            MissingScopeError: The key lacks annotation:write.
            EndpointNotFoundError: This build has no annotations.

        Example:
            >>> client.annotations.create(content="Orders reloaded", date_marker=datetime.now(timezone.utc))
        """
        where = arguments.choice(scope, AnnotationScope, "scope")
        if not isinstance(date_marker, datetime) or date_marker.tzinfo is None:
            raise PostHogArgumentError(
                f"date_marker must be a datetime with a timezone, not {arguments.shown(date_marker)}."
            )
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
