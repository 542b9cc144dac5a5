"""What all operators of this provider share: a connection, a storage path, and how failures are told."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from airflow_dashboards.compat import supported
from airflow_dashboards.links import PostHogLink, dashboards_url

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from airflow.sdk import BaseOperatorLink, Context

    from airflow_dashboards.hooks.posthog import PostHogHook


class PostHogOperator(BaseOperator):
    """Base of the operators: reads nothing and connects to nothing before the task runs.

    Args:
        posthog_conn_id: id of the Airflow Connection of type `posthog`. Templated.
        storage_path: where this task keeps its files; default: see `airflow_dashboards.settings.storage_root`.
            Templated.
    """

    #: Where the task's link leads, once it ran.
    posthog_url: str | None = None

    template_fields: Sequence[str] = ("posthog_conn_id", "storage_path")
    operator_extra_links: Collection[BaseOperatorLink] = (PostHogLink(),)
    ui_color = "#f9bd2b"
    ui_fgcolor = "#151515"

    def __init__(
        self, *, posthog_conn_id: str = "posthog_default", storage_path: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**supported(kwargs))
        self.posthog_conn_id = posthog_conn_id
        self.storage_path = storage_path

    @cached_property
    def hook(self) -> PostHogHook:
        """The hook of this task's connection."""
        # Imported here, since a DAG file that only declares tasks needs no HTTP client.
        from airflow_dashboards.hooks.posthog import PostHogHook

        return PostHogHook(self.posthog_conn_id)

    def note_dashboards(self, dashboard_ids: Sequence[int]) -> None:
        """Remember for the task's link which dashboards it was about."""
        self.posthog_url = dashboards_url(self.hook.settings, dashboard_ids)

    def announce(self, context: Context, facts: Mapping[int, dict[str, Any]]) -> None:
        """Put facts about dashboards on the asset events of this task's outlets; see `airflow_dashboards.assets`."""
        if not self.outlets or not facts:
            return
        from airflow_dashboards.assets import announce

        settings = self.hook.settings
        told = announce(context, self.outlets, facts, host=settings.host, project_id=settings.project_id)
        if told:
            self.log.info("Asset events: %s", ", ".join(told))

    def lineage(self) -> Any:
        """Return what this task read and wrote, as OpenLineage wants it; None where it says nothing."""
        return None

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> Any:
        """Tell OpenLineage, which calls this where it is installed; never raises."""
        try:
            return self.lineage()
        except Exception as error:
            self.log.warning("OpenLineage is told nothing of this task: %s", error)
            return None

    def get_openlineage_facets_on_failure(self, task_instance: Any) -> Any:
        """As for a task that succeeds: what was found before it failed is what one wants to know."""
        return self.get_openlineage_facets_on_complete(task_instance)

    @staticmethod
    def run_label(context: Context) -> str:
        """Return what names this task's files: DAG, run, task and map index, so that no two tasks write to one file."""
        ti = context["ti"]
        mapped = f"-{ti.map_index}" if ti.map_index is not None and ti.map_index >= 0 else ""
        return f"{ti.dag_id}-{ti.run_id}-{ti.task_id}{mapped}"
