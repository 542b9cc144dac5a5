"""What this provider tells OpenLineage. Loaded only where Airflow's OpenLineage provider is installed and asks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow.sdk import Asset


def convert_asset_to_openlineage(asset: Asset, lineage_context: Any) -> Any:
    """Return the OpenLineage dataset of a dashboard's asset; Airflow calls it for tasks with such inlets or outlets."""
    from airflow.providers.common.compat.openlineage.facet import Dataset

    from airflow_dashboards.assets import DashboardKey

    key = DashboardKey.parse(asset.uri)
    return Dataset(namespace=namespace(key.host), name=dashboard_name(key.project_id, key.dashboard_id))


def namespace(host: str) -> str:
    """Return the namespace of what lives in a PostHog, given its host.

    Example:
        >>> namespace("eu.posthog.com")
        'posthog://eu.posthog.com'
    """
    return f"posthog://{host}"


def dashboard_name(project_id: int, dashboard_id: int) -> str:
    """Return the name of a dashboard in its namespace.

    Example:
        >>> dashboard_name(1, 42)
        '1/dashboards/42'
    """
    return f"{project_id}/dashboards/{dashboard_id}"
