"""The analyses for machines: `analysis.json`, and the schema it keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from airflow_dashboards.analysis.model import Analysis

if TYPE_CHECKING:
    from collections.abc import Sequence

_ANALYSES = TypeAdapter(list[Analysis])


def to_json(analyses: Sequence[Analysis]) -> str:
    """Return the content of `analysis.json`: an array of analyses, in the order given, numbers that are none as null.

    Example:
        >>> json.loads(to_json([analysis]))[0]["status"]
        'fail'
    """
    return _ANALYSES.dump_json(list(analyses), indent=2).decode() + "\n"


def json_schema() -> dict[str, Any]:
    """Return the JSON schema (draft 2020-12) of `analysis.json`."""
    return {
        "$schema": GenerateJsonSchema.schema_dialect,
        "title": "analysis.json",
        **_ANALYSES.json_schema(mode="serialization"),
    }
