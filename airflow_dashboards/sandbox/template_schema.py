"""What a dashboard template must look like, and the templates every instance has (contract 3.20, 3.21)."""

from __future__ import annotations

from typing import Any, Final

_TEXT: Final = {"type": "string"}

#: The schema of `create_from_template_json`; unknown keys are tolerated.
TEMPLATE_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["template_name", "dashboard_description", "dashboard_filters", "tiles"],
    "properties": {
        "id": _TEXT,
        "template_name": _TEXT,
        "team_id": {"type": ["integer", "null"]},
        "created_at": {"type": ["string", "null"]},
        "image_url": {"type": ["string", "null"]},
        "dashboard_description": _TEXT,
        "dashboard_filters": {"type": "object"},
        "tiles": {"type": "array", "items": {"type": "object"}, "minItems": 1},
        "variables": {
            "type": ["array", "null"],
            "items": {
                "type": "object",
                "required": ["id", "name", "type", "default", "description", "required"],
                "properties": {
                    "id": _TEXT,
                    "name": _TEXT,
                    "type": {"enum": ["event", "element"]},
                    "default": {"type": "object"},
                    "description": _TEXT,
                    "required": {"type": "boolean"},
                },
            },
        },
        "tags": {"type": "array", "items": _TEXT},
        "is_featured": {"type": "boolean"},
    },
}


def first_problem(template: Any) -> str | None:
    """The long text of the schema check's first failure, None for a good template."""
    from jsonschema import Draft7Validator  # type: ignore[import-untyped]

    error = next(iter(Draft7Validator(TEMPLATE_SCHEMA).iter_errors(template)), None)
    return None if error is None else str(error)


def _trend(name: str, math: str, event: str = "$pageview", **filters: Any) -> dict[str, Any]:
    series = {"kind": "EventsNode", "event": event, "math": math}
    source = {"kind": "TrendsQuery", "series": [series], "dateRange": {"date_from": "-30d"}, **filters}
    return {
        "type": "INSIGHT",
        "name": name,
        "description": "",
        "query": {"kind": "InsightVizNode", "source": source},
        "color": None,
        "layouts": {},
    }


#: Templates for `use_template`, by name.
NAMED_TEMPLATES: Final[dict[str, dict[str, Any]]] = {
    "Product analytics": {
        "template_name": "Product analytics",
        "dashboard_description": "How many people use the product, and how often.",
        "dashboard_filters": {},
        "tags": [],
        "tiles": [
            {"type": "TEXT", "body": "Usage at a glance.", "color": None, "layouts": {}},
            _trend("Daily active users (DAUs)", "dau"),
            _trend("Weekly active users (WAUs)", "dau", interval="week"),
            _trend("Page views", "total"),
        ],
    },
    "Website traffic": {
        "template_name": "Website traffic",
        "dashboard_description": "Visitors and page views of a website.",
        "dashboard_filters": {},
        "tags": [],
        "tiles": [_trend("Website visitors", "dau"), _trend("Page views", "total")],
    },
}

#: Templates for `create_unlisted_dashboard`, by tag.
UNLISTED_TEMPLATES: Final[dict[str, dict[str, Any]]] = {
    "llm-analytics": {
        "template_name": "LLM analytics",
        "dashboard_description": "Generations and their cost.",
        "dashboard_filters": {"date_from": "-30d"},
        "tiles": [_trend("Generations", "total", "$ai_generation"), _trend("Traces", "dau", "$ai_generation")],
    }
}
