"""What Airflow's plugin manager reads: where the page is mounted, and where the shell shows it.

Every Airflow process loads plugins, workers too. So the web application is not made here but with its first request.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.plugins_manager import AirflowPlugin

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    ASGI = Callable[..., Awaitable[None]]

#: Where the application is mounted below Airflow's base URL.
PREFIX = "/posthog"
#: The page inside of Airflow's shell: `<base URL>/plugin/posthog-dashboards`.
ROUTE = "posthog-dashboards"
#: Relative to the shell's base, so that an Airflow below a path works too. No slash at the end: the shell drops it.
_PAGE = "posthog/dashboards"
_ICONS = {"icon": "posthog/static/icon.svg", "icon_dark_mode": "posthog/static/icon-dark.svg"}


class LazyApplication:
    """An ASGI application that imports and makes the real one when it is first asked for something."""

    def __init__(self) -> None:
        self._application: ASGI | None = None

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        """Serve a request."""
        if self._application is None:
            from airflow_dashboards.plugin.server import create_application

            self._application = create_application()
        await self._application(scope, receive, send)


class PostHogDashboardsPlugin(AirflowPlugin):
    """The page "Dashboards", a tab on DAG runs and one on task instances."""

    name = "posthog_dashboards"
    fastapi_apps = [{"name": "PostHog dashboards", "app": LazyApplication(), "url_prefix": PREFIX}]  # noqa: RUF012
    external_views = [  # noqa: RUF012
        {
            "name": "Dashboards",
            "url_route": ROUTE,
            "href": _PAGE,
            "destination": "nav",
            "nav_top_level": True,
            **_ICONS,
        },
        {
            "name": "Dashboards",
            "url_route": "posthog-run",
            "href": f"{_PAGE}?dag_id={{DAG_ID}}&run_id={{RUN_ID}}",
            "destination": "dag_run",
            **_ICONS,
        },
        {
            "name": "Dashboards",
            "url_route": "posthog-task",
            "href": f"{_PAGE}?dag_id={{DAG_ID}}&run_id={{RUN_ID}}&task_id={{TASK_ID}}&map_index={{MAP_INDEX}}",
            "destination": "task_instance",
            **_ICONS,
        },
    ]
