"""Bad arguments of every operator and the sensor: refused with the argument's name before PostHog is asked anything."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_dashboards.operators import dashboards, tags, template, tiles
from airflow_dashboards.operators.analyze_refresh import PostHogAnalyzeRefreshOperator
from airflow_dashboards.operators.run_insights import PostHogRunInsightsOperator
from airflow_dashboards.operators.snapshot import PostHogSnapshotOperator
from airflow_dashboards.sensors.refresh import PostHogRefreshSensor

TILE = {"type": "TEXT", "body": "x", "layouts": {}}
TEMPLATE = {"template_name": "x", "dashboard_description": "", "dashboard_filters": {}, "tiles": [TILE]}
WIDGET = {"widget_type": "error_tracking_list", "config": {}}
#: Values that `dashboards` may not have, and a word of the message.
SELECTORS = [
    *((0, "0 is not"), (True, "True is not"), ("", "empty"), ("kpis", "kpis"), ([], "empty list"), ([42, -1], "-1")),
    *(
        ({}, "criterion"),
        ({"tag": "x"}, "no tag"),
        ({"tags": [""]}, "tags"),
        ("[42", "neither JSON nor"),
        (None, "None"),
    ),
]
IDS = [0, -1, True, "x", "4.2", None, [1]]

Bad = tuple[Callable[..., Any], dict[str, Any], str]


def on_dashboards(operator: Callable[..., Any], **sound: Any) -> list[Bad]:
    return [(operator, {**sound, "dashboards": value}, word) for value, word in SELECTORS]


def on_ids(operator: Callable[..., Any], **sound: Any) -> list[Bad]:
    """Each of an operator's ids in turn."""
    return [
        (operator, {**sound, name: value}, name)
        for name in ("dashboard_id", "from_dashboard_id", "tile_id", "to_dashboard")
        if name in sound
        for value in IDS
    ]


BAD: list[Bad] = [
    *on_dashboards(PostHogSnapshotOperator),
    *[(PostHogSnapshotOperator, {"dashboards": 42, "mode": value}, str(value)) for value in ("cached", "", None)],
    *on_dashboards(PostHogRunInsightsOperator, deferrable=False),
    (PostHogRunInsightsOperator, {"dashboards": 42, "strategy": "force-async", "deferrable": False}, "strategy"),
    (PostHogRunInsightsOperator, {"dashboards": 42, "timeout": -1, "deferrable": False}, "timeout"),
    (
        PostHogRunInsightsOperator,
        {"dashboards": 42, "timeout": "30m", "deferrable": False},
        "timeout must be a timedelta",
    ),
    (PostHogRunInsightsOperator, {"dashboards": 42, "max_in_flight": 0, "deferrable": False}, "max_in_flight"),
    (PostHogRunInsightsOperator, {"dashboards": 42, "on_failure": "ignore", "deferrable": False}, "on_failure"),
    *on_dashboards(PostHogRefreshSensor, fresher_than=datetime(2026, 6, 1, tzinfo=timezone.utc), deferrable=False),
    (PostHogRefreshSensor, {"dashboards": 42, "fresher_than": "yesterday", "deferrable": False}, "fresher_than"),
    (PostHogRefreshSensor, {"dashboards": 42, "fresher_than": "2026-06-01T06:00", "deferrable": False}, "fresher_than"),
    (PostHogRefreshSensor, {"dashboards": 42, "fresher_than": 7, "deferrable": False}, "fresher_than"),
    (PostHogAnalyzeRefreshOperator, {"before": [], "fail_on": "info"}, "fail_on"),
    (PostHogAnalyzeRefreshOperator, {"before": [], "narrator": "poet"}, "narrator"),
    (PostHogAnalyzeRefreshOperator, {"before": [], "narrator": "llm"}, "llm_conn_id"),
    (PostHogAnalyzeRefreshOperator, {"before": [], "dashboards": 42, "rules": {"max_dorp": 0.3}}, "max_dorp"),
    (PostHogAnalyzeRefreshOperator, {"before": [], "dashboards": 42, "rules": {"max_drop": "much"}}, "max_drop"),
    *on_dashboards(tags.PostHogBulkUpdateTagsOperator, tags=["x"]),
    (tags.PostHogBulkUpdateTagsOperator, {"dashboards": 42, "tags": ["x"], "action": "append"}, "action"),
    (tags.PostHogBulkUpdateTagsOperator, {"dashboards": 42, "tags": [], "action": "add"}, "tags"),
    (tags.PostHogBulkUpdateTagsOperator, {"dashboards": 42, "tags": [" "]}, "tags"),
    (tags.PostHogBulkUpdateTagsOperator, {"dashboards": 42, "tags": [7]}, "tags"),
    (tags.PostHogBulkUpdateTagsOperator, {"dashboards": 42, "tags": {"a": 1}}, "tags"),
    (tags.PostHogBulkUpdateTagsOperator, {"dashboards": 42, "tags": ["x" * 256]}, "tags"),
    (tags.PostHogBulkUpdateTagsOperator, {"dashboards": 42, "tags": ["x"], "fail_on": "always"}, "always"),
    *[
        (template.PostHogCreateFromTemplateOperator, {"template": {k: v for k, v in TEMPLATE.items() if k != key}}, key)
        for key in TEMPLATE
    ],
    (template.PostHogCreateFromTemplateOperator, {"template": 7}, "template"),
    (template.PostHogCreateFromTemplateOperator, {"template": {**TEMPLATE, "tiles": [{"type": "TEXT"}]}}, "tiles[0]"),
    (template.PostHogCreateFromTemplateOperator, {"template": TEMPLATE, "if_exists": "replace"}, "if_exists"),
    (template.PostHogCreateFromTemplateOperator, {"template": TEMPLATE, "tags": [7]}, "tags"),
    (template.PostHogCreateFromTemplateOperator, {"template": TEMPLATE, "variables": "[1]"}, "variables"),
    (template.PostHogCreateFromTemplateOperator, {"template": TEMPLATE, "name": "x" * 401}, "name"),
    *on_dashboards(tiles.PostHogTextTileOperator, body="x"),
    *[(tiles.PostHogTextTileOperator, {"dashboards": 42, "body": v}, "body") for v in ("", " ", "x" * 4001, None)],
    *[(tiles.PostHogTextTileOperator, {"dashboards": 42, "body": "x", "key": v}, "key") for v in (" ", "a b", 7)],
    (tiles.PostHogTextTileOperator, {"dashboards": 42, "body": "x", "layouts": {"lg": {}}}, "layouts"),
    (tiles.PostHogTextTileOperator, {"dashboards": 42, "body": "x", "color": "x" * 401}, "color"),
    *on_ids(tiles.PostHogCopyTileOperator, dashboard_id=42, from_dashboard_id=3, tile_id=7),
    (tiles.PostHogCopyTileOperator, {"dashboard_id": 42, "from_dashboard_id": 42, "tile_id": 7}, "destination"),
    *on_ids(tiles.PostHogMoveTileOperator, dashboard_id=42, tile_id=7, to_dashboard=3),
    *on_ids(tiles.PostHogDeleteTileOperator, dashboard_id=42, tile_id=7),
    *on_ids(tiles.PostHogReorderTilesOperator, dashboard_id=42, tile_order=[1]),
    *[
        (tiles.PostHogReorderTilesOperator, {"dashboard_id": 42, "tile_order": v}, "tile_order")
        for v in ([], [0], ["x"], [1, 1], {"a": 1}, None)
    ],
    (tiles.PostHogReorderTilesOperator, {"dashboard_id": 42, "tile_order": [1], "layout": "masonry"}, "layout"),
    *on_ids(tiles.PostHogAddWidgetsOperator, dashboard_id=42, widgets=[WIDGET]),
    *[
        (tiles.PostHogAddWidgetsOperator, {"dashboard_id": 42, "widgets": v}, "widgets")
        for v in ([], [7], [{}], [{"config": {}}])
    ],
    *on_dashboards(dashboards.PostHogUpdateDashboardOperator, fields={"name": "x"}),
    *[
        (dashboards.PostHogUpdateDashboardOperator, {"dashboards": 42, "fields": fields}, word)
        for fields, word in (
            *(({}, "field"), ({"nmae": "x"}, "nmae"), ({"name": "x" * 401}, "name"), ({"filters": {}}, "filters")),
            *(({"tags": [" "]}, "tag"), ({"pinned": "yes"}, "pinned"), ("[1]", "fields")),
        )
    ],
    *on_dashboards(dashboards.PostHogDeleteDashboardOperator),
    (dashboards.PostHogDeleteDashboardOperator, {"dashboards": 42, "delete_insights": "yes"}, "delete_insights"),
    *on_dashboards(dashboards.PostHogRestoreDashboardOperator),
    *[(dashboards.PostHogEnsureUnlistedDashboardOperator, {"tag": tag}, "tag") for tag in ("", " ", None, 7)],
]


def context() -> dict[str, Any]:
    return {
        "ti": SimpleNamespace(
            dag_id="d", run_id="r", task_id="t", map_index=-1, try_number=1, xcom_push=lambda **_: None
        ),
        "dag": SimpleNamespace(dag_id="d", fileloc=__file__),
        "dag_run": SimpleNamespace(start_date=datetime(2026, 6, 1, tzinfo=timezone.utc), run_id="r"),
        "ds": "2026-06-01",
    }


@pytest.mark.parametrize(
    ("operator", "arguments", "word"),
    [pytest.param(*row, id=f"{index}-{row[0].__name__}") for index, row in enumerate(BAD)],
)
def test_refused_unsent(
    cloud: Any, monkeypatch: Any, tmp_path: Any, operator: Callable[..., Any], arguments: dict[str, Any], word: str
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_POSTHOG_DEFAULT", cloud.sandbox.conn_uri())
    storage = {} if operator is PostHogRefreshSensor else {"storage_path": str(tmp_path)}

    def work() -> None:
        operator(task_id="t", **storage, **arguments).execute(context())

    with pytest.raises(ValueError) as caught:
        work()
    assert word in str(caught.value)
    assert cloud.sandbox.log() == []


def test_every_operator_is_tried() -> None:
    found = {
        member.__name__
        for module in (dashboards, tags, template, tiles)
        for member in vars(module).values()
        if isinstance(member, type) and member.__name__.endswith("Operator") and member.__module__ == module.__name__
    }
    assert found <= {row[0].__name__ for row in BAD}
