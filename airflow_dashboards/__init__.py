"""Apache Airflow provider for PostHog dashboards: snapshot, refresh, prove and analyze them around your loads.

Importing this package imports nothing of Airflow: Airflow itself imports it while its configuration starts up, and an
eager import there would end every Airflow process. The public names below load their module on first use.

Example:
    >>> from airflow_dashboards import PostHogRefreshGroup, Rules
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from airflow_dashboards.analysis import Analysis, Rules, Snapshot, compare
    from airflow_dashboards.assets import dashboard_asset
    from airflow_dashboards.hooks.posthog import PostHogHook
    from airflow_dashboards.operators.analyze_refresh import PostHogAnalyzeRefreshOperator
    from airflow_dashboards.operators.dashboards import (
        PostHogDeleteDashboardOperator,
        PostHogEnsureUnlistedDashboardOperator,
        PostHogRestoreDashboardOperator,
        PostHogUpdateDashboardOperator,
    )
    from airflow_dashboards.operators.run_insights import PostHogRunInsightsOperator
    from airflow_dashboards.operators.snapshot import PostHogSnapshotOperator
    from airflow_dashboards.operators.tags import PostHogBulkUpdateTagsOperator
    from airflow_dashboards.operators.template import PostHogCreateFromTemplateOperator
    from airflow_dashboards.operators.tiles import (
        PostHogAddWidgetsOperator,
        PostHogCopyTileOperator,
        PostHogDeleteTileOperator,
        PostHogMoveTileOperator,
        PostHogReorderTilesOperator,
        PostHogTextTileOperator,
    )
    from airflow_dashboards.results import read_results
    from airflow_dashboards.sandbox import Sandbox
    from airflow_dashboards.sensors.refresh import PostHogRefreshSensor
    from airflow_dashboards.task_groups import PostHogRefreshGroup
    from airflow_dashboards.triggers.watch import PostHogDashboardWatchTrigger

_MODULE_OF = {
    "Analysis": "analysis",
    "PostHogAddWidgetsOperator": "operators.tiles",
    "PostHogAnalyzeRefreshOperator": "operators.analyze_refresh",
    "PostHogBulkUpdateTagsOperator": "operators.tags",
    "PostHogCopyTileOperator": "operators.tiles",
    "PostHogCreateFromTemplateOperator": "operators.template",
    "PostHogDashboardWatchTrigger": "triggers.watch",
    "PostHogDeleteDashboardOperator": "operators.dashboards",
    "PostHogDeleteTileOperator": "operators.tiles",
    "PostHogEnsureUnlistedDashboardOperator": "operators.dashboards",
    "PostHogHook": "hooks.posthog",
    "PostHogMoveTileOperator": "operators.tiles",
    "PostHogRefreshGroup": "task_groups",
    "PostHogRefreshSensor": "sensors.refresh",
    "PostHogReorderTilesOperator": "operators.tiles",
    "PostHogRestoreDashboardOperator": "operators.dashboards",
    "PostHogRunInsightsOperator": "operators.run_insights",
    "PostHogSnapshotOperator": "operators.snapshot",
    "PostHogTextTileOperator": "operators.tiles",
    "PostHogUpdateDashboardOperator": "operators.dashboards",
    "Rules": "analysis",
    "Sandbox": "sandbox",
    "Snapshot": "analysis",
    "compare": "analysis",
    "dashboard_asset": "assets",
    "read_results": "results",
}

__all__ = [
    "Analysis",
    "PostHogAddWidgetsOperator",
    "PostHogAnalyzeRefreshOperator",
    "PostHogBulkUpdateTagsOperator",
    "PostHogCopyTileOperator",
    "PostHogCreateFromTemplateOperator",
    "PostHogDashboardWatchTrigger",
    "PostHogDeleteDashboardOperator",
    "PostHogDeleteTileOperator",
    "PostHogEnsureUnlistedDashboardOperator",
    "PostHogHook",
    "PostHogMoveTileOperator",
    "PostHogRefreshGroup",
    "PostHogRefreshSensor",
    "PostHogReorderTilesOperator",
    "PostHogRestoreDashboardOperator",
    "PostHogRunInsightsOperator",
    "PostHogSnapshotOperator",
    "PostHogTextTileOperator",
    "PostHogUpdateDashboardOperator",
    "Rules",
    "Sandbox",
    "Snapshot",
    "__version__",
    "compare",
    "dashboard_asset",
    "read_results",
]


def __getattr__(name: str) -> Any:
    """Load the module of a public name on first use (PEP 562)."""
    if (module := _MODULE_OF.get(name)) is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{module}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
