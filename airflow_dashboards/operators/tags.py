"""Tags on many dashboards, from a DAG."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowException

from airflow_dashboards.operators.base import PostHogOperator
from airflow_dashboards.operators.rendered import as_texts

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_dashboards.posthog import FlowClient
    from airflow_dashboards.posthog.flow import Flow
    from airflow_dashboards.refresh.tags import TagResult


class FailOn(str, Enum):
    """What of a bulk write makes the task fail at its end."""

    FAILED = "failed"  # a dashboard could not be written
    SKIPPED = "skipped"  # ... or was left out: not found, or no permission
    NEVER = "never"


class TagsFailedError(AirflowException):
    """Some dashboards do not have the wanted tags; the message names each with the reason. The others are done."""


class PostHogBulkUpdateTagsOperator(PostHogOperator):
    """Add, remove or set tags on many dashboards: plan, apply, read back.

    Uses PostHog's bulk action where the credential and the build allow it, else updates the dashboards one by one; both
    end in the same tags and the same result. Safe to run again: a dashboard that already is so is not written.

    Args:
        dashboards: an id, a list of ids, an XComArg of either, or a selector such as `{"tags": ["etl"]}`. Templated.
        action: `add`, `remove` or `set`; `set` with no tags clears them. Templated.
        tags: trimmed and lower-cased, as PostHog does. Templated; text is read as a comma-separated list.
        dry_run: plan only; the result's `changed` then says what would change, and nothing is written.
        fail_on: `failed` (a dashboard could not be written), `skipped` (or was not found, or may not be edited) or
            `never`. Either way all the other dashboards are done first.
        allow_empty: whether a selector may match nothing.

    Returns:
        dict[str, Any]: `changed` (id, tags before and after: what is needed to undo it), `already_so`, `skipped` and
        `failed` (id and reason), `via` (`bulk_update_tags`, `dashboard updates`, `nothing to write` or `dry run`).

    Raises:
        TagsFailedError: as `fail_on` says. The result is in the XCom all the same.
        PostHogError: the dashboards can't be read, or the credential may write none of them.
        ValueError: an argument can't be used; nothing was sent.

    Example:
        >>> PostHogBulkUpdateTagsOperator(  # doctest: +SKIP
        ...     task_id="tag", dashboards={"search": "kpi"}, action="add", tags=["etl"]
        ... )
    """

    template_fields = (*PostHogOperator.template_fields, "dashboards", "action", "tags")

    def __init__(
        self,
        *,
        dashboards: Any,
        tags: Any,
        action: str = "add",
        dry_run: bool = False,
        fail_on: FailOn | str = FailOn.FAILED,
        allow_empty: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.dashboards = dashboards
        self.action = action
        self.tags = tags
        # Not `self.dry_run`, which is a method of every operator.
        self.plan_only = dry_run
        self.fail_on = FailOn(fail_on).value
        self.allow_empty = allow_empty

    def execute(self, context: Context) -> dict[str, Any]:
        """Plan, apply and read back; return what came of it."""
        from airflow_dashboards.refresh.select import parse_dashboards, resolve
        from airflow_dashboards.refresh.tags import checked, update_tags

        action, tags = checked(self.action, as_texts(self.tags, "tags"))
        parse_dashboards(self.dashboards)  # a bad argument is refused before anything is sent

        def build(flows: FlowClient) -> Flow[TagResult]:
            ids = yield from resolve(flows, self.dashboards, allow_empty=self.allow_empty)
            return (yield from update_tags(flows, ids, action, tags, dry_run=self.plan_only))

        result = self.hook.run(build)
        self.note_dashboards([*(change.id for change in result.changed), *result.already_so])
        self._tell(result)
        told = result.model_dump(mode="json")
        problems = [*result.failed, *(result.skipped if self.fail_on == FailOn.SKIPPED.value else [])]
        if problems and self.fail_on != FailOn.NEVER.value:
            context["ti"].xcom_push(key="return_value", value=told)
            lines = "; ".join(f"dashboard {each.id}: {each.reason}" for each in problems)
            raise TagsFailedError(f"{result.summary} Left as they were: {lines}. Running again does only what is left.")
        return told

    def _tell(self, result: TagResult) -> None:
        verb = "would change" if self.plan_only else "changed"
        for change in result.changed:
            before, after = (", ".join(tags) or "no tags" for tags in (change.before, change.after))
            self.log.info("Dashboard %s: %s from %s to %s", change.id, verb, before, after)
        for skipped in result.skipped:
            self.log.warning("Dashboard %s: skipped, %s", skipped.id, skipped.reason)
        for failed in result.failed:
            self.log.error("Dashboard %s: failed, %s", failed.id, failed.reason)
        self.log.info("%s", result.summary)
