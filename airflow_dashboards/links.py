"""Buttons on a task's page in Airflow. They are evaluated on the worker when the task ends, and stored as XComs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

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


class RefreshReportLink(BaseOperatorLink):
    """Opens what was said of a refresh, report included, on the page "Dashboards".

    From an analyzing task this is its own run on the page, from others what the analyzing tasks of their DAG run say.
    """

    name = "Refresh report"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """Return the page's deep link; empty where the task did not get far enough."""
        return _told_by(operator, ti_key)


class BeforeSnapshotLink(BaseOperatorLink):
    """Opens the same, at the pictures that were compared: when they were taken, before the load and after it."""

    name = "Before snapshot"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """Return the page's deep link; empty where the task did not get far enough."""
        return _told_by(operator, ti_key, view="before")


def page_url(**asked: str) -> str:
    """Return the address of the page "Dashboards", relative to the base of Airflow's pages.

    Relative, since a worker need not know under which address people reach Airflow.

    Example:
        >>> page_url(run="nightly-manual__1-analyze", view="before")
        'plugin/posthog-dashboards?run=nightly-manual__1-analyze&view=before'
    """
    # The page takes a plus for a plus.
    return f"plugin/posthog-dashboards?{urlencode(asked, quote_via=quote)}"


def _told_by(operator: Any, ti_key: Any, **more: str) -> str:
    if hasattr(operator, "report_run"):
        return page_url(run=operator.report_run, **more) if operator.report_run else ""
    if not getattr(operator, "posthog_url", None):
        return ""
    return page_url(dag_id=ti_key.dag_id, run_id=ti_key.run_id, **more)


def dashboards_url(settings: ConnectionSettings, dashboard_ids: Sequence[int]) -> str:
    """Return the address of one dashboard, or of the project's list.

    Example:
        >>> dashboards_url(settings, [42])  # doctest: +SKIP
        'https://eu.posthog.com/project/1/dashboard/42'
    """
    root = f"{settings.host}/project/{settings.project_id}/dashboard"
    return f"{root}/{dashboard_ids[0]}" if len(dashboard_ids) == 1 else root
