"""What the small writing operators share: telling what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowException

from airflow_dashboards.operators.base import PostHogOperator

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow.sdk import Context

    from airflow_dashboards.posthog import FlowClient
    from airflow_dashboards.posthog.flow import Flow
    from airflow_dashboards.refresh.effects import BoardChange
    from airflow_dashboards.refresh.many import BoardChanges


class BoardWriteFailedError(AirflowException):
    """A write failed on some dashboards; the message names each with the reason. The others are done."""


class BoardOperator(PostHogOperator):
    """Base of the operators that write to dashboards."""

    def one(self, build: Callable[[FlowClient], Flow[BoardChange]]) -> dict[str, Any]:
        """Carry out one write, log what came of it and return it as plain JSON."""
        change = self.hook.run(build)
        self.note_dashboards([change.dashboard_id])
        self._tell(change)
        return change.model_dump(mode="json")

    def each(
        self, context: Context, dashboards: Any, write: Callable[[FlowClient, int], Flow[BoardChange]]
    ) -> list[dict[str, Any]]:
        """Carry out a write on every dashboard that `dashboards` stands for; fails at the end if any of them failed."""
        from airflow_dashboards.refresh.many import on_each
        from airflow_dashboards.refresh.select import parse_dashboards, resolve

        parse_dashboards(dashboards)  # a bad argument is refused before anything is sent

        def build(flows: FlowClient) -> Flow[BoardChanges]:
            ids = yield from resolve(flows, dashboards)
            return (yield from on_each(ids, lambda dashboard_id: write(flows, dashboard_id)))

        result = self.hook.run(build)
        self.note_dashboards([change.dashboard_id for change in result.changes])
        for change in result.changes:
            self._tell(change)
        told = [change.model_dump(mode="json") for change in result.changes]
        if result.failed:
            context["ti"].xcom_push(key="return_value", value=told)
            lines = "; ".join(f"dashboard {each.dashboard_id}: {each.reason}" for each in result.failed)
            total = len(told) + len(result.failed)
            raise BoardWriteFailedError(
                f"{len(result.failed)} of {total} dashboards failed, the others are done: {lines}. "
                "Running again does only what is left."
            )
        return told

    def _tell(self, change: BoardChange) -> None:
        self.log.info("Dashboard %s: %s (%s)", change.dashboard_id, change.detail, change.effect.value)
