"""Placeholders of a template: `"{EVENT}"` where a value belongs, declared in the template's `variables`.

A placeholder stands for a whole value and is replaced by any JSON value: an event name, or the object PostHog keeps
as a variable's default. Only declared ids are placeholders, so a HogQL text such as `where {filters}` is left
alone. PostHog's server does not fill them in (contract 3.20), so they are filled in before anything is sent. Jinja
(`{{ ds }}`) is another thing: Airflow has rendered it before a template arrives here.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from airflow_dashboards.refresh.template_schema import Template, TemplateError, path_of

if TYPE_CHECKING:
    from collections.abc import Mapping

_PLACEHOLDER = re.compile(r"^\{(\w+)\}$")


def fill_placeholders(template: Template, values: Mapping[str, Any] | None = None) -> Template:
    """Return a copy of a validated template with its placeholders filled in and no `variables` left open.

    Args:
        template: as `template_schema.validated` returns it.
        values: by variable id; a variable without one takes its `default`.

    Raises:
        TemplateError: a value for a variable the template does not declare, a used or required variable without a
            value, or a placeholder inside a query that is not declared.

    Example:
        >>> template = {"variables": [{"id": "EVENT", "default": "signup"}], "tiles": [{"query": {"event": "{EVENT}"}}]}
        >>> fill_placeholders(template)["tiles"]
        [{'query': {'event': 'signup'}}]
    """
    given = dict(values or {})
    declared = {variable["id"]: variable for variable in template.get("variables") or []}
    if unknown := sorted(map(str, set(given) - set(declared))):
        known = ", ".join(sorted(declared)) or "none"
        raise TemplateError(
            f"The template declares no variable {', '.join(unknown)}; the variables it declares: {known}."
        )
    filled: dict[str, Any] = {}
    for name, variable in declared.items():
        value = given[name] if name in given else variable.get("default")
        if value is not None:
            filled[name] = value
        elif variable.get("required"):
            raise TemplateError(
                f"The template's variable {name} is required and has no default: give it a value in `variables`."
            )

    def substitute(value: Any, path: tuple[str | int, ...]) -> Any:
        if isinstance(value, dict):
            return {key: substitute(each, (*path, key)) for key, each in value.items()}
        if isinstance(value, list):
            return [substitute(each, (*path, index)) for index, each in enumerate(value)]
        if not isinstance(value, str) or not (match := _PLACEHOLDER.match(value)):
            return value
        name = match.group(1)
        if name in filled:
            return filled[name]
        if name in declared:
            raise TemplateError(f"{path_of(path)}: the variable {name} has neither a value nor a default.")
        if "query" in path:
            raise TemplateError(
                f"{path_of(path)}: the placeholder {value} is not declared in the template's variables."
            )
        return value

    return {key: each if key == "variables" else substitute(each, (key,)) for key, each in template.items()}
