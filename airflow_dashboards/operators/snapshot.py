"""What dashboards show before a load."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from airflow_dashboards.links import BeforeSnapshotLink, PostHogLink
from airflow_dashboards.operators.base import PostHogOperator

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow.sdk import Context


class PostHogSnapshotOperator(PostHogOperator):
    """Capture what dashboards show now, as files that later tasks compare with.

    One request per dashboard, several at once. The files go to the storage path (`storage_path`, else the connection's,
    else `[posthog] storage_path`); the XCom holds a small reference per dashboard, or, above 100 of them or
    40,000 bytes, one reference to an index file; `read_results` reads both.

    Args:
        dashboards: an id, a list of ids, a selector such as `{"tags": ["etl"]}` or `{"search": "kpi"}`, or an XComArg
            of any of these. Templated.
        mode: PostHog's `refresh` value for the read (contract 5.1). The default `force_cache` computes nothing and
            takes what people see; `force_blocking` warms a cold dashboard first. Templated.
        server: have PostHog keep a snapshot of its own too, for its AI summary, where build and credential allow it. It
            expires after 30 minutes (contract 3.6). Never a failure by itself.
        allow_empty: whether a selector may match nothing.

    Keyword Args:
        posthog_conn_id (str): id of the Connection. Templated.
        storage_path (str | None): where to keep the files. Templated.

    Returns:
        list[dict[str, Any]]: Snapshot references: `uri`, `sha256`, `dashboard_id`, `dashboard_name`, `taken_at`,
        `counts`.

    Raises:
        PostHogError: a dashboard could not be read; the message says what, where and why, and names the others that
            could not. Of several failures it is one that heals by itself, if there is one, with the longest wait that
            PostHog asks for. The others are captured, and their references are in the XCom all the same.
        ValueError: `dashboards` or `mode` is none; nothing was sent.

    Example:
        >>> before = PostHogSnapshotOperator(task_id="before", dashboards=[42, 43])
    """

    template_fields: Sequence[str] = ("dashboards", "mode", *PostHogOperator.template_fields)
    operator_extra_links = (PostHogLink(), BeforeSnapshotLink())

    #: Names of the dashboards read, by id.
    _read: Mapping[int, str] = MappingProxyType({})

    def __init__(
        self,
        *,
        dashboards: Any,
        mode: str = "force_cache",
        server: bool = False,
        allow_empty: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.dashboards = dashboards
        self.mode = mode
        self.server = server
        self.allow_empty = allow_empty

    def execute(self, context: Context) -> list[Any] | dict[str, Any]:
        """Capture, store, and return references."""
        from airflow_dashboards.operators.failures import most_telling
        from airflow_dashboards.refresh.before import capture_before
        from airflow_dashboards.refresh.index import pack
        from airflow_dashboards.refresh.store import SnapshotStore

        store = SnapshotStore(self.hook.storage_root(self.storage_path))
        run = self.run_label(context)
        captured = self.hook.run(
            lambda flows: capture_before(
                flows,
                self.dashboards,
                host=self.hook.settings.host,
                keep=lambda snapshot: store.write(snapshot, run=run),
                mode=self.mode,
                server=self.server,
                allow_empty=self.allow_empty,
            )
        )
        self.note_dashboards([reference.dashboard_id for reference in captured.references])
        self._read = {reference.dashboard_id: reference.dashboard_name for reference in captured.references}
        for reference in captured.references:
            self.log.info(
                "Captured dashboard %d %r: %s, at %s",
                reference.dashboard_id,
                reference.dashboard_name,
                ", ".join(f"{count} {status}" for status, count in reference.counts.items()) or "no tiles",
                reference.uri,
            )
            if reference.server_reason:
                self.log.info("PostHog's own snapshot of it is %s", reference.server_reason)
        result = pack(captured.references, store, run=run, what="snapshots")
        if captured.failures:
            for dashboard_id, error in captured.failures.items():
                self.log.error("Dashboard %d could not be captured: %s", dashboard_id, error)
            # A failing task returns nothing; what was captured is of use all the same.
            context["ti"].xcom_push(key="return_value", value=result)
            total = len(captured.references) + len(captured.failures)
            raise most_telling(captured.failures, total=total, what="captured")
        return result

    def lineage(self) -> Any:
        """Return the dashboards as what was read."""
        from airflow_dashboards.lineage import read

        return read(self.hook.settings.host, self.hook.settings.project_id, self._read)
