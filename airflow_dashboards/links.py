"""Buttons on a task's page in Airflow. They are evaluated on the worker when the task ends, and stored as XComs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperatorLink

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_dashboards.hooks.connection import ConnectionSettings


class PostHogLink(BaseOperatorLink):
    """Opens the dashboard of a task in PostHog, or the list of dashboards where the task has many."""

    name = "Open in PostHog"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """Return the address that the task noted while it ran; empty where it did not get that far."""
        return getattr(operator, "posthog_url", None) or ""


def dashboards_url(settings: ConnectionSettings, dashboard_ids: Sequence[int]) -> str:
    """Return the address of one dashboard, or of the project's list.

    Example:
        >>> dashboards_url(settings, [42])  # doctest: +SKIP
        'https://eu.posthog.com/project/1/dashboard/42'
    """
    root = f"{settings.host}/project/{settings.project_id}/dashboard"
    return f"{root}/{dashboard_ids[0]}" if len(dashboard_ids) == 1 else root
