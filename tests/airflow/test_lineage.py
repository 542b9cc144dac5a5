"""OpenLineage events of the cycle, collected by its file transport from real tasks and held to the spec's classes.

The client package ships no schema files; its classes are generated from them, with every required field, and each facet
names its schema. So an event is valid when each of its objects can be made into the class that its schema names.
"""

from __future__ import annotations

import json
import typing
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import attr
import pytest
from airflow.sdk import DAG, task
from openlineage.client import event_v2, facet_v2
from openlineage.client.generated import base

from airflow_dashboards import PostHogAnalyzeRefreshOperator, PostHogRunInsightsOperator, PostHogSnapshotOperator
from airflow_dashboards.assets import dashboard_asset
from airflow_dashboards.lineage import convert_asset_to_openlineage, namespace
from airflow_dashboards.posthog import Client, PersonalAPIKey
from airflow_dashboards.sandbox import Sandbox

START = datetime(2026, 1, 1, tzinfo=timezone.utc)


@pytest.fixture
def collected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """Have Airflow's own listener write its events to a file."""
    from airflow.listeners.listener import get_listener_manager
    from airflow.providers.openlineage import conf as openlineage_conf
    from airflow.providers.openlineage.plugins.listener import OpenLineageListener

    file = tmp_path / "events.ndjson"
    transport = {"type": "file", "log_file_path": str(file), "append": True}
    monkeypatch.setenv("AIRFLOW__OPENLINEAGE__TRANSPORT", json.dumps(transport))
    for each in vars(openlineage_conf).values():
        if hasattr(each, "cache_clear"):
            each.cache_clear()
    listener = OpenLineageListener()
    # The event is made here and now, rather than in a process of its own, where the test could not wait for it.
    monkeypatch.setattr(listener, "_fork_execute", lambda call, *_: call())

    managers = _managers(get_listener_manager)
    for manager in managers:
        manager.add_listener(listener)
    yield lambda: [json.loads(line) for line in file.read_text().splitlines()]
    for manager in managers:
        manager.clear()


def _managers(core: Callable[[], Any]) -> list[Any]:
    try:
        from airflow.sdk.listener import get_listener_manager
    except ImportError:  # before Airflow 3.2 there is but one
        return [core()]
    return [core(), get_listener_manager()]


@pytest.fixture
def board(posthog_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setenv("AIRFLOW_CONN_POSTHOG_DEFAULT", posthog_sandbox.conn_uri())
    monkeypatch.setattr("airflow_dashboards.hooks.shared._by_identity", {})
    posthog_sandbox.add_events(
        [
            {"event": "a", "distinct_id": "u", "timestamp": f"2026-01-0{day}T00:00:00Z", "properties": {}}
            for day in range(1, 8)
        ]
        * 20
    )
    with Client(posthog_sandbox.url, 1, PersonalAPIKey(posthog_sandbox.personal_api_key)) as posthog:
        made = posthog.dashboards.create(name="KPIs").id
        for name, event in (("Lost", "a"), ("Steady", "b")):
            query = {
                "kind": "TrendsQuery",
                "series": [{"kind": "EventsNode", "event": event}],
                "dateRange": {"date_from": "2026-01-01", "date_to": "2026-01-07"},
            }
            posthog.insights.create(name=name, query={"kind": "InsightVizNode", "source": query}, dashboards=[made])
    return made


def test_the_cycle_tells_what_it_read_wrote_and_found(
    board: int, posthog_sandbox: Sandbox, run_dag: Callable[..., Any], collected: Callable[[], list[dict[str, Any]]]
) -> None:
    with DAG("lineage", start_date=START) as dag:
        before = PostHogSnapshotOperator(task_id="before", dashboards=board, mode="force_blocking")

        @task
        def lose() -> None:
            posthog_sandbox.delete_events("event = 'a'")

        refresh = PostHogRunInsightsOperator(task_id="refresh", dashboards=board, deferrable=False)
        analyze = PostHogAnalyzeRefreshOperator(task_id="analyze", before=before.output, after=refresh.output)
        before >> lose() >> refresh >> analyze
    run_dag(dag)

    events = collected()
    for event in events:
        valid(event)
    ended = {
        event["job"]["name"].rpartition(".")[2]: event for event in events if event["eventType"] in ("COMPLETE", "FAIL")
    }
    place, mine = namespace(posthog_sandbox.url), f"1/dashboards/{board}"
    assert names(ended["before"]) == ([(place, mine)], [])
    assert names(ended["refresh"]) == ([(place, "1/events")], [(place, mine)])
    assert names(ended["analyze"]) == ([(place, mine)], [])
    assert ended["analyze"]["eventType"] == "FAIL"
    (judged,) = ended["analyze"]["inputs"]
    assertions = judged["inputFacets"]["dataQualityAssertions"]["assertions"]
    assert {(each["name"], each["success"]) for each in assertions} == {("Lost", False), ("Steady", True)}
    assert posthog_sandbox.personal_api_key not in json.dumps(events)


def names(event: dict[str, Any]) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    inputs, outputs = ([(each["namespace"], each["name"]) for each in event[side]] for side in ("inputs", "outputs"))
    return inputs, outputs


def test_an_asset_is_the_same_dataset() -> None:
    dataset = convert_asset_to_openlineage(dashboard_asset("https://eu.posthog.com", 1, 42), None)

    assert (dataset.namespace, dataset.name) == ("posthog://eu.posthog.com", "1/dashboards/42")


def valid(event: dict[str, Any]) -> None:
    """Hold an event to the generated classes, our datasets down to the parts of their facets."""
    base.set_producer(event["producer"])
    assert event["schemaURL"].partition("#")[0].endswith("OpenLineage.json")
    base.RunEvent(
        eventTime=event["eventTime"],
        producer=event["producer"],
        eventType=base.EventType(event["eventType"]),
        run=base.Run(runId=event["run"]["runId"]),
        job=base.Job(namespace=event["job"]["namespace"], name=event["job"]["name"]),
    )
    for side, kind, own in (
        ("inputs", event_v2.InputDataset, "inputFacets"),
        ("outputs", event_v2.OutputDataset, "outputFacets"),
    ):
        for dataset in event[side]:
            assert set(dataset) <= {field.name for field in attr.fields(kind)}
            for facet in [*dataset.get("facets", {}).values(), *dataset.get(own, {}).values()]:
                fits(facet, class_of(facet["_schemaURL"]))


def class_of(schema_url: str) -> type:
    name = schema_url.rpartition("/")[2]
    for module in vars(facet_v2).values():
        if hasattr(module, name):
            return typing.cast("type", getattr(module, name))
    raise AssertionError(f"no class of the client is made from {schema_url}")


def fits(value: dict[str, Any], kind: type) -> None:
    """Fail unless an object has all that its class requires and nothing that it does not know."""
    fields = {field.name: field for field in attr.fields(kind)}
    given = {name: each for name, each in value.items() if name not in ("_producer", "_schemaURL", "_deleted")}
    assert set(given) <= set(fields), f"{kind.__name__} knows no {set(given) - set(fields)}"
    required = {name for name, field in fields.items() if field.default is attr.NOTHING and not name.startswith("_")}
    assert required <= set(given), f"{kind.__name__} lacks {required - set(given)}"
    hints = typing.get_type_hints(kind)
    for name, each in given.items():
        held_to(each, hints[name])


def held_to(value: Any, hint: Any) -> None:
    arguments = typing.get_args(hint)
    if typing.get_origin(hint) is list:
        assert isinstance(value, list)
        for each in value:
            held_to(each, arguments[0])
    elif arguments:
        assert any(accepted(value, each) for each in arguments)
    elif attr.has(hint):
        fits(value, hint)
    else:
        assert accepted(value, hint)


def accepted(value: Any, hint: Any) -> bool:
    if hint is type(None):
        return value is None
    hint = typing.get_origin(hint) or hint  # `dict[str, Any]` is a type to Python 3.10
    return not isinstance(hint, type) or isinstance(value, hint)
