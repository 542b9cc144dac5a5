"""Whole dashboards changed, removed, brought back and made once, from a DAG. All are safe to run again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from airflow_dashboards.operators.board import BoardOperator
from airflow_dashboards.operators.rendered import as_mapping

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.sdk import Context


class PostHogUpdateDashboardOperator(BoardOperator):
    """Change fields of dashboards; only what differs is written.

    Args:
        dashboards: an id, a list of ids, an XComArg of either, or a selector. Templated.
        fields: what to change: `name`, `description`, `pinned`, `tags`, `filters`, `variables`, `breakdown_colors`,
            `data_color_theme_id`, `restriction_level`, `quick_filter_ids`. Templated.
        dry_run: only say what would change.

    Returns:
        list[dict[str, Any]]: Per dashboard `dashboard_id`, `effect` (`done`, `already_so` or `planned`), `detail`,
        `tile_ids`.

    Example:
        >>> PostHogUpdateDashboardOperator(  # doctest: +SKIP
        ...     task_id="describe", dashboards=42, fields={"description": "Loaded {{ ds }}"}
        ... )
    """

    template_fields = (*BoardOperator.template_fields, "dashboards", "fields")
    template_fields_renderers: ClassVar[dict[str, str]] = {"fields": "json"}

    def __init__(
        self,
        *,
        dashboards: Any,
        fields: Mapping[str, Any],
        dry_run: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.dashboards = dashboards
        self.fields = fields
        self.plan_only = dry_run

    def execute(self, context: Context) -> list[dict[str, Any]]:
        """Change what differs."""
        from airflow_dashboards.refresh.board import checked_fields, update_dashboard

        fields = checked_fields(as_mapping(self.fields, "fields"))
        return self.each(
            context,
            self.dashboards,
            lambda flows, each: update_dashboard(flows, each, fields, dry_run=self.plan_only),
        )


class PostHogDeleteDashboardOperator(BoardOperator):
    """Delete dashboards softly: `PostHogRestoreDashboardOperator` brings them back. One that is not there is fine.

    Args:
        dashboards: an id, a list of ids, an XComArg of either, or a selector. Templated.
        delete_insights: also the insights that live on no other dashboard.
        dry_run: only say what would be deleted.

    Returns:
        list[dict[str, Any]]: Per dashboard `dashboard_id`, `effect` (`done`, `already_so` or `planned`), `detail`,
        `tile_ids`.
    """

    template_fields = (*BoardOperator.template_fields, "dashboards")

    def __init__(
        self,
        *,
        dashboards: Any,
        delete_insights: bool = False,
        dry_run: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.dashboards = dashboards
        self.delete_insights = delete_insights
        self.plan_only = dry_run

    def execute(self, context: Context) -> list[dict[str, Any]]:
        """Delete what is there."""
        from airflow_dashboards.refresh.board import delete_dashboard

        return self.each(
            context,
            self.dashboards,
            lambda flows, each: delete_dashboard(
                flows, each, delete_insights=self.delete_insights, dry_run=self.plan_only
            ),
        )


class PostHogRestoreDashboardOperator(BoardOperator):
    """Bring softly deleted dashboards back, with all their tiles and insights, even tiles removed earlier.

    Args:
        dashboards: an id, a list of ids, or an XComArg of either; a selector finds only what is not deleted. Templated.
        dry_run: only say what would be restored.

    Returns:
        list[dict[str, Any]]: Per dashboard `dashboard_id`, `effect` (`done`, `already_so` or `planned`), `detail`,
        `tile_ids`.
    """

    template_fields = (*BoardOperator.template_fields, "dashboards")

    def __init__(
        self,
        *,
        dashboards: Any,
        dry_run: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.dashboards = dashboards
        self.plan_only = dry_run

    def execute(self, context: Context) -> list[dict[str, Any]]:
        """Restore what is deleted."""
        from airflow_dashboards.refresh.board import restore_dashboard

        return self.each(
            context, self.dashboards, lambda flows, each: restore_dashboard(flows, each, dry_run=self.plan_only)
        )


class PostHogEnsureUnlistedDashboardOperator(BoardOperator):
    """Make sure the project has its unlisted dashboard of a tag; making one takes a session credential, finding it not.

    Args:
        tag: e.g. `llm-analytics`. Templated.

    Returns:
        dict[str, Any]: `dashboard_id`, `effect` (`done` or `already_so`), `detail`. The id is an XCom of its own too.
    """

    template_fields = (*BoardOperator.template_fields, "tag")

    def __init__(
        self,
        *,
        tag: str,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.tag = tag

    def execute(self, context: Context) -> dict[str, Any]:
        """Find or make it."""
        from airflow_dashboards.refresh.board import ensure_unlisted_dashboard

        told = self.one(lambda flows: ensure_unlisted_dashboard(flows, self.tag))
        context["ti"].xcom_push(key="dashboard_id", value=told["dashboard_id"])
        return told
