"""Every operator takes the connection and the storage path, from wherever Airflow lets one set an argument."""

from __future__ import annotations

import inspect
from datetime import datetime, timezone
from typing import Any

import pytest
from airflow.sdk import DAG

import airflow_dashboards
from airflow_dashboards.operators.base import PostHogOperator

OPERATORS = [
    getattr(airflow_dashboards, name)
    for name in airflow_dashboards.__all__
    if name.startswith("PostHog") and name.endswith("Operator")
]
SHARED = {"posthog_conn_id": "elsewhere", "storage_path": "s3://bucket/posthog"}


@pytest.fixture(params=OPERATORS, ids=lambda each: each.__name__)
def operator(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture
def required(operator: type[PostHogOperator]) -> dict[str, Any]:
    parameters = inspect.signature(operator.__init__).parameters.values()
    return {each.name: 42 for each in parameters if each.kind is each.KEYWORD_ONLY and each.default is each.empty}


def shared(task: Any) -> dict[str, Any]:
    return {name: getattr(task, name) for name in SHARED}


def test_they_have_defaults(operator: Any, required: dict[str, Any]) -> None:
    assert shared(operator(task_id="a", **required)) == {"posthog_conn_id": "posthog_default", "storage_path": None}


def test_they_are_arguments(operator: Any, required: dict[str, Any]) -> None:
    assert shared(operator(task_id="a", **required, **SHARED)) == SHARED


def test_a_dag_may_set_them_for_all_its_tasks(operator: Any, required: dict[str, Any]) -> None:
    with DAG("a", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=timezone.utc), default_args=SHARED):
        task = operator(task_id="a", **required)

    assert shared(task) == SHARED


def test_a_mapped_task_may_have_them(operator: Any, required: dict[str, Any]) -> None:
    (name, value), *others = required.items()
    with DAG("a", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=timezone.utc)):
        mapped = operator.partial(task_id="a", **dict(others), **SHARED).expand(**{name: [value, value]})

    assert {each: mapped.partial_kwargs[each] for each in SHARED} == SHARED


def test_they_are_rendered(operator: Any) -> None:
    assert SHARED.keys() <= set(operator.template_fields)
