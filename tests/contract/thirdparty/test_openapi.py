"""The client's models against response schemas that are not ours: PostHog's OpenAPI document, as others ship it.

It is of an older build than the contract's three. Every difference stands in a table here with its reason, and the
tables must be exact: a new difference fails, and so does one that has gone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from typing import Any

import jsonschema
import pytest
from pydantic import BaseModel, ValidationError

from airflow_dashboards.posthog import ACTIONS, Client, PersonalAPIKey, SessionLogin
from airflow_dashboards.posthog.models import (
    Annotation,
    Answer,
    Dashboard,
    DashboardPage,
    DashboardSummary,
    DataColorTheme,
    Insight,
    QueryStatus,
)
from airflow_dashboards.sandbox import Sandbox

Schema = dict[str, Any]
BUILDS = ("2026-04", "2026-05", "cloud")
PROJECT = "/api/projects/{project_id}"

#: What our actions are in the document: method, path below the project, status.
OPERATIONS = {
    "list": ("get", "/dashboards/", "200"),
    "get": ("get", "/dashboards/{id}/", "200"),
    "create": ("post", "/dashboards/", "201"),
    "update": ("patch", "/dashboards/{id}/", "200"),
    "delete": ("patch", "/dashboards/{id}/", "200"),
    "restore": ("patch", "/dashboards/{id}/", "200"),
    "move_tile": ("patch", "/dashboards/{id}/move_tile/", "200"),
    "stream_tiles": ("get", "/dashboards/{id}/stream_tiles/", "200"),
    "create_from_template_json": ("post", "/dashboards/create_from_template_json/", "200"),
    "data_color_themes.list": ("get", "/data_color_themes/", "200"),
    "data_color_themes.get": ("get", "/data_color_themes/{id}/", "200"),
    "data_color_themes.create": ("post", "/data_color_themes/", "201"),
    "data_color_themes.update": ("patch", "/data_color_themes/{id}/", "200"),
    "data_color_themes.delete": ("delete", "/data_color_themes/{id}/", "204"),
    "insights.get": ("get", "/insights/{id}/", "200"),
    "insights.create": ("post", "/insights/", "201"),
    "insights.update": ("patch", "/insights/{id}/", "200"),
    "query.status": ("get", "/query/{id}/", "200"),
    "query.cancel": ("delete", "/query/{id}/", "200"),
    "annotations.create": ("post", "/annotations/", "201"),
}

_LATER = "an endpoint that came after the document"
#: Actions of ours that the document does not have.
ABSENT_ACTIONS = {
    "snapshot": "added in February 2026 (contract 0.2)",
    "analyze_refresh_result": "added in February 2026 (contract 0.2)",
    "generate_metadata": "added at the end of March 2026 (contract 0.2)",
    "create_text_tile": "added in May 2026 (contract 0.2)",
    "update_text_tile": "added in May 2026 (contract 0.2)",
    "delete_tile": "added in May 2026 (contract 0.2)",
    "copy_tile": _LATER,
    "reorder_tiles": _LATER,
    "run_insights": _LATER,
    "run_widgets": _LATER,
    "add_widgets": _LATER,
    "widget_catalog": _LATER,
    "bulk_update_tags": _LATER,
    "create_unlisted_dashboard": _LATER,
}
#: Statuses that the document gives other than the contract.
OTHER_STATUS = {"query.cancel": "204 there; the contract read 200 with a message (3.23)"}
#: Actions whose answer the document does not describe.
UNDESCRIBED = {
    "create_from_template_json": "it answers the full dashboard (contract 0.3, 3.20)",
    "move_tile": "it answers the full source dashboard (contract 3.10)",
    "stream_tiles": "it answers server-sent events (contract 0.3, 4.8)",
    "data_color_themes.delete": "204 has no body",
    "query.cancel": "it answers a message (contract 3.23)",
}

_ANYTHING = "a list of anything there; texts in the contract (3.4, 4.1)"
_COLD = "null where nothing is cached yet (contract 4.5); the document does not say what may be null of computed fields"
_UNTYPED = "the server computes it, and the document calls whatever is computed a string; the contract has the type"
#: Fields that the document has and our models do not declare (they are kept all the same).
UNDECLARED = {
    "Annotation.created_at": "nothing of ours reads it",
    "Annotation.created_by": "nothing of ours reads it",
    "Annotation.creation_type": "nothing of ours reads it",
    "Annotation.dashboard_name": "nothing of ours reads it",
    "Annotation.deleted": "nothing of ours reads it",
    "Annotation.insight_derived_name": "nothing of ours reads it",
    "Annotation.insight_name": "nothing of ours reads it",
    "Annotation.insight_short_id": "nothing of ours reads it",
    "Annotation.updated_at": "nothing of ours reads it",
}
#: Fields that our models declare and the document does not have.
NEWER = {
    "Dashboard.last_viewed_at": "came after the document; contract 4.1",
    "Dashboard.quick_filter_ids": "came after the document; contract 4.1",
    "DashboardSummary.last_viewed_at": "came after the document; contract 4.1",
    "Insight.filters": "sent though not documented; contract 4.5",
    "Insight.filters_hash": "sent though not documented; contract 4.5",
    "Insight.resolved_date_range": "came after the document; contract 4.5",
    "Insight.saved": "sent though not documented; contract 4.5",
}
#: Values that the document allows and our models refuse, as `field: kind of value`.
REFUSED = {
    "Dashboard.tags: array": _ANYTHING,
    "DashboardSummary.tags: array": _ANYTHING,
    "Insight.tags: array": _ANYTHING,
    "Insight.cache_target_age: string": "a text where there is an instant; contract 4.5",
    "Insight.hasMore: string": _UNTYPED,
    "Insight.is_cached: string": _UNTYPED,
    "Insight.last_refresh: string": "a text where there is an instant; contract 4.5",
    "Insight.last_viewed_at: string": _UNTYPED,
    "Insight.next_allowed_client_refresh: string": "a text where there is an instant; contract 4.5",
    "Insight.query_status: string": _UNTYPED,
    "DataColorTheme.is_global: string": _UNTYPED,
}
#: What the sandbox sends, as our models hand it on, and the document's schemas do not allow.
SENT = {
    "Insight.cache_target_age: null": _COLD,
    "Insight.hasMore: null": _COLD,
    "Insight.last_refresh: null": _COLD,
    "Insight.next_allowed_client_refresh: null": _COLD,
    "Insight.result: null": _COLD,
    "Insight.timezone: null": _COLD,
    "Insight.alerts: array": _UNTYPED,
    "Insight.columns: null": _UNTYPED,
    "Insight.hasMore: boolean": _UNTYPED,
    "Insight.hogql: null": _UNTYPED,
    "Insight.is_cached: boolean": _UNTYPED,
    "Insight.last_viewed_at: null": _UNTYPED,
    "Insight.query_status: null": _UNTYPED,
    "Insight.result: array": _UNTYPED,
    "Insight.types: null": _UNTYPED,
    "DataColorTheme.is_global: boolean": _UNTYPED,
}


def plain(schema: Any, document: Schema) -> Any:
    """An OpenAPI 3.0 response schema as JSON Schema: no references, `nullable` spelt out, no write-only fields."""
    if isinstance(schema, list):
        return [plain(part, document) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        target: Any = document
        for step in schema["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        return plain(target, document)
    result = {key: plain(value, document) for key, value in schema.items() if key not in ("properties", "nullable")}
    if "properties" in schema:
        result["properties"] = {
            name: plain(field, document) for name, field in schema["properties"].items() if not field.get("writeOnly")
        }
    return {"anyOf": [result, {"type": "null"}]} if schema.get("nullable") else result


def response(document: Schema, action: str) -> Schema:
    """What the document says of an action's answer."""
    method, path, status = OPERATIONS[action]
    answer = document["paths"][PROJECT + path][method]["responses"][status]
    result: Schema = plain(answer["content"]["application/json"]["schema"], document)
    return result


MODELS: dict[type[BaseModel], Callable[[Schema], Schema]] = {
    DashboardPage: lambda document: response(document, "list"),
    DashboardSummary: lambda document: response(document, "list")["properties"]["results"]["items"],
    Dashboard: lambda document: response(document, "get"),
    Insight: lambda document: response(document, "insights.get"),
    QueryStatus: lambda document: response(document, "query.status")["properties"]["query_status"],
    DataColorTheme: lambda document: response(document, "data_color_themes.get"),
    Annotation: lambda document: response(document, "annotations.create"),
}
models = pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
#: One instance each of the kinds of JSON values.
SAMPLES = {
    "null": [None],
    "boolean": [False, True],
    "integer": [0, 21, 37, 2**31 - 1],
    "number": [0.5],
    "array": [[], [1], ["a"], [{"id": 1, "dashboard_id": 2, "deleted": None}], [{"id": 1}]],
    "object": [
        {},
        {"a": 1},
        {
            "id": 7,
            "uuid": "018f3c5e-0000-7000-8000-000000000001",
            "email": "owner@example.com",
            "hedgehog_config": None,
        },
        dict.fromkeys(("active_cpu_time", "bytes_read", "estimated_rows_total", "rows_read", "time_elapsed"), 1),
    ],
}
INSTANT = "2026-06-01T06:00:00.123456Z"
NIGHT = datetime(2026, 6, 1, tzinfo=timezone.utc)
WORDS = ["", "text", "default", "template", "duplicate", "USR", "GIT", "project", "organization", "dashboard",
         "dashboard_item", "recording"]  # fmt: skip
LINK = "https://posthog.test/api/projects/1/dashboards/?limit=100&offset=100"


def is_instant(schema: Schema) -> bool:
    return schema.get("format") == "date-time" or any(map(is_instant, schema.get("anyOf", ())))


def values(schema: Schema) -> Iterator[tuple[str, Any]]:
    """Values that the schema allows, with their kinds."""
    texts = [INSTANT] if is_instant(schema) else [*WORDS, LINK]
    check = jsonschema.Draft202012Validator(schema)
    for kind, candidates in {**SAMPLES, "string": texts}.items():
        for value in candidates:
            if check.is_valid(value):
                yield kind, value


def known(table: dict[str, str], *names: str) -> set[str]:
    """The entries of a table that are about these models."""
    return {entry for entry in table if entry.partition(".")[0] in names}


def test_the_document_has_our_actions_but_those_that_came_later(openapi: Schema) -> None:
    assert OPERATIONS.keys() | ABSENT_ACTIONS.keys() == ACTIONS.keys()
    assert not OPERATIONS.keys() & ABSENT_ACTIONS.keys()
    others = set()
    for action, (method, path, status) in OPERATIONS.items():
        if status not in openapi["paths"][PROJECT + path][method]["responses"]:
            others.add(action)
    assert others == OTHER_STATUS.keys()
    undescribed = {
        action
        for action, (method, path, status) in OPERATIONS.items()
        if "content" not in openapi["paths"][PROJECT + path][method]["responses"].get(status, {})
    }
    assert undescribed == UNDESCRIBED.keys()
    dashboards = {path for path in openapi["paths"] if path.startswith(f"{PROJECT}/dashboards/")}
    for action in ABSENT_ACTIONS:
        name = {"add_widgets": "widgets"}.get(action, action)
        assert not any(f"/{name}/" in path for path in dashboards), action


@models
def test_every_documented_field_is_known(model: type[BaseModel], openapi: Schema) -> None:
    documented = MODELS[model](openapi)["properties"].keys()
    declared = model.model_fields.keys() - Answer.model_fields.keys()
    assert {f"{model.__name__}.{name}" for name in documented - declared} == known(UNDECLARED, model.__name__)
    assert {f"{model.__name__}.{name}" for name in declared - documented} == known(NEWER, model.__name__)


@models
def test_every_documented_value_is_read(model: type[BaseModel], openapi: Schema) -> None:
    """Each field in turn takes every kind of value that its schema allows, in an otherwise minimal answer."""
    schema = MODELS[model](openapi)
    typical = {"id": "cache_1" if model is QueryStatus else 1, "count": 0, "results": []}
    least = {name: value for name, value in typical.items() if name in schema["properties"]}
    model.model_validate(least)
    tried, refused = 0, set()
    for name, field in schema["properties"].items():
        found = 0
        for kind, value in values(field):
            if name == "id" and value is None:
                continue
            answer = {**least, name: value}
            if name == "results" and isinstance(value, list) and model is DashboardPage:
                answer[name] = [{"id": 1}]
            if name == "tiles" and value:
                answer[name] = [{"id": 1, **tile} for tile in value if isinstance(tile, dict)]
            tried, found = tried + 1, found + 1
            try:
                read = model.model_validate(answer)
            except ValidationError:
                refused.add(f"{model.__name__}.{name}: {kind}")
            else:
                assert name in read.model_dump(), name
        assert found, f"no value was found that the document allows for {name}"
    assert tried >= len(schema["properties"])
    assert refused == known(REFUSED, model.__name__)


def differences(model: str, schema: Schema, value: Any) -> set[str]:
    """Where a value is not what the schema says, as `model.field: kind of value`, or `model.field: rule` otherwise."""
    kinds = {type(None): "null", bool: "boolean", int: "integer", str: "string", list: "array", dict: "object"}
    return {
        f"{model}.{'.'.join('*' if isinstance(step, int) else step for step in error.absolute_path)}: "
        + (kinds[type(error.instance)] if error.validator == "type" else str(error.validator))
        for error in jsonschema.Draft202012Validator(schema).iter_errors(value)
    }


def sent(answer: BaseModel) -> Any:
    """An answer as our model understood it, in JSON again."""
    return answer.model_dump(mode="json", exclude_unset=True)


@pytest.mark.parametrize("build", BUILDS)
def test_what_the_client_reads_is_what_the_document_says(build: str, openapi: Schema) -> None:
    """Sandbox to client to JSON again: through our models, by somebody else's schemas."""
    found: set[str] = set()
    checked = 0

    def check(action: str, answer: BaseModel, model: str) -> None:
        nonlocal checked
        checked += 1
        found.update(differences(model, response(openapi, action), sent(answer)))

    with Sandbox(build=build, demo=True) as sandbox:
        with Client(sandbox.url, 1, PersonalAPIKey(sandbox.personal_api_key)) as client:
            page = client.dashboards.page(limit=2)
            check("list", page, "DashboardPage")
            for summary in page.results:
                board = client.dashboards.get(summary.id, refresh="blocking")
                check("get", board, "Dashboard")
                for tile in board.tiles:
                    if tile.insight is not None:
                        check("insights.get", client.insights.get(tile.insight.id, from_dashboard=board.id), "Insight")
            made = client.dashboards.create(name="New", description="KPIs", tags=["etl"])
            check("create", made, "Dashboard")
            check("update", client.dashboards.update(made.id, pinned=True, filters={"date_from": "-7d"}), "Dashboard")
            pulse = {"kind": "TrendsQuery", "series": [{"kind": "EventsNode", "event": "$pageview"}]}
            query = {"kind": "InsightVizNode", "source": pulse}
            insight = client.insights.create(query=query, name="Pulse", dashboards=[made.id])
            check("insights.create", insight, "Insight")
            check("insights.update", client.insights.update(insight.id, description="x"), "Insight")
            check("delete", client.dashboards.delete(made.id), "Dashboard")
            check("restore", client.dashboards.restore(made.id), "Dashboard")
            theme = client.data_color_themes.create(name="Corporate", colors=["#1d4aff"])
            check("data_color_themes.create", theme, "DataColorTheme")
            check("data_color_themes.get", client.data_color_themes.get(theme.id), "DataColorTheme")
            note = client.annotations.create(
                content="Loaded", date_marker=datetime(2026, 6, 1, tzinfo=timezone.utc), scope="project"
            )
            check("annotations.create", note, "Annotation")
        with Client(sandbox.url, 1, SessionLogin("owner@example.com", "sandbox")) as client:
            template = {
                "template_name": "KPIs", "dashboard_description": "", "dashboard_filters": {},
                "tiles": [{"type": "TEXT", "body": "hello", "layouts": {}}],
            }  # fmt: skip
            board = client.dashboards.create_from_template_json(template)
            check("get", board, "Dashboard")
            move = client.dashboards.move_tile(board.id, tile_id=board.tiles[0].id, to_dashboard=made.id)
            check("get", move, "Dashboard")
    assert checked >= 20
    assert found == SENT.keys()


def test_a_list_of_themes_is_not_paged(openapi: Schema) -> None:
    """The document has pages; by its source PostHog answers a bare array (contract 3.22)."""
    assert response(openapi, "data_color_themes.list")["required"] == ["count", "results"]
    with Sandbox() as sandbox, Client(sandbox.url, 1, PersonalAPIKey(sandbox.personal_api_key)) as client:
        client.data_color_themes.create(name="Corporate", colors=[])
        # The global theme has no creator; the document does not say that there may be none.
        listed = [sent(theme) for theme in client.data_color_themes.list() if not theme.is_global]
    item = response(openapi, "data_color_themes.list")["properties"]["results"]["items"]
    assert set().union(*(differences("DataColorTheme", item, theme) for theme in listed)) == known(
        SENT, "DataColorTheme"
    )
