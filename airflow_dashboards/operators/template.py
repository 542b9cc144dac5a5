"""Dashboards from templates, from a DAG."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar

import yaml
from airflow.sdk import ObjectStoragePath
from airflow.sdk.exceptions import AirflowException

from airflow_dashboards.operators.base import PostHogOperator
from airflow_dashboards.operators.rendered import as_mapping, as_texts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.sdk import Context

_FILE_ENDINGS = (".json", ".yaml", ".yml")


class PostHogCreateFromTemplateOperator(PostHogOperator):
    """Make a dashboard from a template, once; found again by its name and a tag, so it is safe to run twice.

    Uses PostHog's template action where the credential and the build allow it, else makes the dashboard, its insights
    and texts one by one, with the same result; when a step fails, what was made is removed again and the error says so.

    Args:
        template: a dict of PostHog's template shape; or the path of a `.json`, `.yaml` or `.yml` file beside the DAG
            (or in its `template_searchpath`); or an object-store URI or absolute path of one. Templated: the path as
            well as the file's content is rendered with Jinja. PostHog's own placeholders, `"{EVENT}"`, are filled by
            `variables`.
        variables: values of the template's variables by id, in place of their defaults. Templated.
        name: the dashboard's name, in place of the template's. Templated.
        tags: besides the template's own. Templated; text is read as a comma-separated list.
        if_exists: `skip` leaves a dashboard made before as it is; `update` brings it to the template and keeps what
            people added; `fail`; `create` makes another one. Templated.
        prune: with `update`, also remove the tiles and tags that the template does not have.

    Returns:
        dict[str, Any]: `dashboard_id`, `name`, `url`, `created`, `updated`, `via`, `tiles` (id, type, name, insight_id)
        and `notes`. The id is an XCom of its own too: `board.output["dashboard_id"]`.

    Raises:
        TemplateStepError: PostHog refused a step; says which, and what, if anything, is left behind.
        BoardStateError: it is there and `if_exists` is `fail`, or it is not clear which to update.
        ValueError: the template or another argument can't be used; the message names the place, nothing was sent.

    Example:
        >>> PostHogCreateFromTemplateOperator(  # doctest: +SKIP
        ...     task_id="board", template="boards/kpis.yaml", variables={"EVENT": "signup"}, if_exists="update"
        ... )
    """

    template_fields = (
        *PostHogOperator.template_fields,
        "template",
        "variables",
        "name",
        "tags",
        "if_exists",
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {"template": "json", "variables": "json"}

    def __init__(
        self,
        *,
        template: Any,
        variables: Mapping[str, Any] | None = None,
        name: str | None = None,
        tags: Any = None,
        if_exists: str = "skip",
        prune: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.template = template
        self.variables = variables
        self.name = name
        self.tags = tags
        self.if_exists = if_exists
        self.prune = prune

    def execute(self, context: Context) -> dict[str, Any]:
        """Make or find the dashboard; return its ids."""
        from airflow_dashboards.refresh.template import apply_template, prepared

        template = self._read(context)
        wishes: dict[str, Any] = {
            "variables": as_mapping(self.variables, "variables"),
            "name": self.name,
            "tags": as_texts(self.tags or [], "tags"),
        }
        prepared(template, **wishes)  # a flaw is told before the connection is even read
        host = self.hook.settings.host
        result = self.hook.run(
            lambda flows: apply_template(
                flows, template, host=host, if_exists=self.if_exists, prune=self.prune, **wishes
            )
        )
        self.note_dashboards([result.dashboard_id])
        for tile in result.tiles:
            self.log.info("Tile %s: %s %r", tile.id, tile.type.value, tile.name)
        for note in result.notes:
            self.log.warning("%s", note)
        self.log.info("%s", result.summary)
        # So that `board.output["dashboard_id"]` can be the `dashboards` of another task.
        context["ti"].xcom_push(key="dashboard_id", value=result.dashboard_id)
        return result.model_dump(mode="json")

    def _read(self, context: Context) -> Any:
        """Return the template as an object, from wherever it is."""
        if not isinstance(self.template, str | ObjectStoragePath):
            return self.template
        place = str(self.template).strip()
        if "\n" in place or place.startswith("{"):  # an XCom or a variable that holds the template itself
            return _parsed(place, "the template given as text")
        if not place.endswith(_FILE_ENDINGS):
            raise ValueError(f"template: {place!r} does not end in {', '.join(_FILE_ENDINGS)}.")
        environment = self.get_template_env()
        if "://" in place or place.startswith("/"):
            try:
                source = environment.from_string(ObjectStoragePath(place).read_text(encoding="utf-8"))
            except (OSError, ValueError, ImportError) as error:
                raise AirflowException(f"The template {place} can't be read: {error}.") from error
        else:
            source = environment.get_template(place)
        rendered = source.render(context)
        return _parsed(rendered, place) if isinstance(rendered, str) else rendered


def _parsed(text: str, place: str) -> Any:
    try:
        return json.loads(text) if text.lstrip().startswith("{") else yaml.safe_load(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"{place}: not JSON: {error}.") from error
    except yaml.YAMLError as error:
        raise ValueError(f"{place}: not YAML: {error}.") from error
