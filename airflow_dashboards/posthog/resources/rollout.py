"""What changes or makes dashboards by the lot: tags, templates, PostHog's own boards (contract 3.19 to 3.21)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_dashboards.posthog import arguments
from airflow_dashboards.posthog.call import answer
from airflow_dashboards.posthog.endpoint import F, endpoint
from airflow_dashboards.posthog.models import BulkTagResult, Dashboard
from airflow_dashboards.posthog.resources.base import Endpoints, given
from airflow_dashboards.posthog.vocabulary import TagAction

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_dashboards.posthog.flow import Flow


class Rollout(Endpoints[F]):
    """The part of `client.dashboards` that only a session may call."""

    @endpoint
    def bulk_update_tags(
        self, ids: Sequence[int], *, action: TagAction | str, tags: Sequence[str]
    ) -> Flow[BulkTagResult]:
        """Add, remove or set tags on up to 500 dashboards (contract 3.19).

        Scope: a session; every key is refused. Builds: all. Not atomic over dashboards, but safe to repeat.

        Args:
            ids: The dashboards.
            action: What to do.
            tags: Which tags; PostHog trims and lower-cases them. `set` with none clears.

        Raises:
            KeyNotAccepted: The credential is a key or token: use `update(id, tags=...)` on each.

        Example:
            >>> client.dashboards.bulk_update_tags([42, 43], action="add", tags=["etl"]).updated
        """
        what = arguments.choice(action, TagAction, "action")
        content = {
            "ids": arguments.ids(ids, "ids", limit=arguments.MAX_BULK_IDS),
            "action": what.value,
            "tags": arguments.tags(tags, empty=what is TagAction.SET),
        }
        return (
            yield from self._call(
                "POST",
                "bulk_update_tags/",
                answer(BulkTagResult),
                intent=f"{what.value} tags on {len(content['ids'])} dashboards",
                action="bulk_update_tags",
                json=content,
            )
        )

    @endpoint
    def create_from_template_json(
        self,
        template: Mapping[str, Any],
        *,
        creation_context: str | None = None,
        create_in_folder: str | None = None,
    ) -> Flow[Dashboard]:
        """Make a dashboard with its insights and texts from a template object (contract 3.20).

        Scope: a session; every key is refused. Builds: all. Calling it twice makes two. Placeholders for variables
        are not filled in by PostHog.

        Args:
            template: `template_name`, `dashboard_description`, `dashboard_filters` and at least one of `tiles`.
            creation_context: Where it was made from.
            create_in_folder: Where to file it.

        Raises:
            PostHogArgumentError: The template lacks something; the message names where.
            KeyNotAccepted: The credential is a key or token.
            ValidationError: PostHog's schema refuses it.

        Example:
            >>> client.dashboards.create_from_template_json(template).id
        """
        words = {"creation_context": creation_context, "create_in_folder": create_in_folder}
        for name, value in given(**words).items():
            arguments.text(value, name, limit=1000)
        content = {
            "template": arguments.template(template),
            **given(creation_context=creation_context, _create_in_folder=create_in_folder),
        }
        return (
            yield from self._call(
                "POST",
                "create_from_template_json/",
                answer(Dashboard),
                intent=f"create a dashboard from template {arguments.shown(template['template_name'])}",
                action="create_from_template_json",
                json=content,
                idempotent=False,
            )
        )

    @endpoint
    def create_unlisted(self, tag: str) -> Flow[Dashboard]:
        """Make one of PostHog's own dashboards that are hidden from lists, e.g. `llm-analytics` (contract 3.21).

        Scope: a session; every key is refused. Builds: all.

        Raises:
            ConflictError: It exists; find it with `list(creation_mode="unlisted", tags=[tag])`.
            BadRequestError: PostHog knows no such tag.

        Example:
            >>> client.dashboards.create_unlisted("llm-analytics").creation_mode
            'unlisted'
        """
        arguments.text(tag, "tag", limit=arguments.MAX_TAG)
        return (
            yield from self._call(
                "POST",
                "create_unlisted_dashboard/",
                answer(Dashboard),
                intent=f"create the unlisted dashboard {arguments.shown(tag)}",
                action="create_unlisted_dashboard",
                json={"tag": tag},
                idempotent=False,
            )
        )
