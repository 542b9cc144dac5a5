"""All of `client.dashboards`."""

from __future__ import annotations

from airflow_dashboards.posthog.endpoint import F
from airflow_dashboards.posthog.resources.boards import Boards
from airflow_dashboards.posthog.resources.results import Results
from airflow_dashboards.posthog.resources.rollout import Rollout
from airflow_dashboards.posthog.resources.tiles import Tiles
from airflow_dashboards.posthog.resources.widgets import Widgets


class Dashboards(Boards[F], Tiles[F], Rollout[F], Results[F], Widgets[F]):
    """Everything PostHog's dashboards API can do, `/api/projects/{project}/dashboards` (contract 3.1 to 3.21)."""
