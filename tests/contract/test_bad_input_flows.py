"""Bad input for the functions of `refresh`: a ValueError that says what is wrong, before anything is sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from airflow_dashboards.posthog import Client, PersonalAPIKey, RetryPolicy
from airflow_dashboards.refresh import board, board_tiles
from airflow_dashboards.refresh.batch import refresh_many
from airflow_dashboards.refresh.before import capture_before
from airflow_dashboards.refresh.capture import capture
from airflow_dashboards.refresh.cycle import refresh
from airflow_dashboards.refresh.plan import Limits, RefreshOptions, Strategy
from airflow_dashboards.refresh.select import resolve
from airflow_dashboards.refresh.tags import update_tags
from airflow_dashboards.refresh.template import apply_template, export_template

HOST = "https://posthog.test"
OPTIONS = RefreshOptions(host=HOST, timeout=1)
TILE = {"type": "TEXT", "body": "x", "layouts": {}}
TEMPLATE = {"template_name": "x", "dashboard_description": "", "dashboard_filters": {}, "tiles": [TILE]}
WIDGET = {"widget_type": "error_tracking_list", "config": {}}
IDS = [0, -1, True, 1.5, None]


def keep(_: Any) -> Any:
    raise AssertionError("nothing is kept of what could not be asked")


def template(**changes: Any) -> dict[str, Any]:
    return {name: value for name, value in {**TEMPLATE, **changes}.items() if value is not ...}


def tile(**changes: Any) -> dict[str, Any]:
    return template(tiles=[{name: value for name, value in {**TILE, **changes}.items() if value is not ...}])


Flows = Callable[[Any], Any]
#: Function -> what is wrong -> a call of it, and a word of the message.
CALLS: dict[str, list[tuple[Flows, str]]] = {
    "resolve": [
        *[(lambda f, v=value: resolve(f, v), word) for value, word in (
            (0, "0 is not"), (-1, "-1 is not"), (True, "True is not"), (4.5, "4.5 is not"), (None, "None is not"),
            ("", "empty"), ("kpis", "kpis"), ("42,,43", "not a dashboard id"), ("[42", "neither JSON nor"),
            ([], "empty list"), ([42, 0], "0 is not"), ([[42]], "not a dashboard id"), ({}, "criterion"),
            ({"tag": "x"}, "no tag"), ({"tags": [" "]}, "tags"), ({"tags": [7]}, "tags"), ({"search": ""}, "search"),
            ({"pinned": "yes"}, "pinned"), ({"folder": 7}, "folder"), ({"all": 1}, "all"),
            ({"all": False}, "criterion"), ({"tags": []}, "criterion"),
        )],
    ],
    "capture": [
        *[(lambda f, v=value: capture(f, v, host=HOST), "dashboard id") for value in IDS],
        *[(lambda f, v=value: capture(f, 42, host=HOST, mode=v), "refresh") for value in ("cached", "", None, True)],
    ],
    "capture_before": [
        (lambda f: capture_before(f, [], host=HOST, keep=keep), "empty"),
        (lambda f: capture_before(f, "x", host=HOST, keep=keep), "dashboard id"),
        (lambda f: capture_before(f, {"tag": 1}, host=HOST, keep=keep), "no tag"),
        (lambda f: capture_before(f, 42, host=HOST, keep=keep, mode="force-cache"), "force-cache"),
        (lambda f: capture_before(f, {"all": True}, host=HOST, keep=keep, mode="cached"), "cached"),
    ],
    "refresh": [
        *[(lambda f, v=value: refresh(f, v, OPTIONS), "dashboard") for value in IDS],
        (lambda _: RefreshOptions(host=HOST, strategy="force-async"), "strategy"),
        (lambda _: RefreshOptions(host=HOST, strategy=""), "strategy"),
        (lambda _: RefreshOptions(host=HOST, timeout=0), "timeout"),
        (lambda _: RefreshOptions(host=HOST, timeout="soon"), "timeout"),
        (lambda _: RefreshOptions(host=HOST, on_failure="ignore"), "on_failure"),
        (lambda _: RefreshOptions(host=HOST, accept_cached="perhaps"), "accept_cached"),
        (lambda _: RefreshOptions(host=HOST, timeuot=3), "timeuot"),
        (lambda _: RefreshOptions(host=None), "host"),
        (lambda _: Limits(requests=0), "requests"),
        (lambda _: Limits(dashboards=0), "dashboards"),
        (lambda _: Limits(tiles=-1), "tiles"),
        (lambda _: Strategy("force_blockin"), "force_blockin"),
    ],
    "refresh_many": [(lambda f, v=value: refresh_many(f, [42, v], OPTIONS), "dashboard") for value in IDS],
    "update_tags": [
        *[(lambda f, v=value: update_tags(f, [v], "add", ["x"]), "id") for value in IDS],
        (lambda f: update_tags(f, [42], "append", ["x"]), "action"),
        (lambda f: update_tags(f, [42], "", ["x"]), "action"),
        (lambda f: update_tags(f, [42], "add", []), "tags"),
        (lambda f: update_tags(f, [42], "remove", []), "tags"),
        (lambda f: update_tags(f, [42], "add", "etl"), "tags"),
        (lambda f: update_tags(f, [42], "add", [" "]), "tag"),
        (lambda f: update_tags(f, [42], "add", [7]), "tag"),
        (lambda f: update_tags(f, [42], "set", ["x" * 256]), "tag"),
    ],
    "apply_template": [
        *[(lambda f, k=key: apply_template(f, template(**{k: ...}), host=HOST), key) for key in TEMPLATE],
        *[(lambda f, t=bad: apply_template(f, t, host=HOST), word) for bad, word in (
            (None, "template"), ([], "template"), ("x", "template"), (template(tiles=[]), "tiles"),
            (template(tiles=["x"]), "tiles"), (tile(type=...), "tiles[0]"), (tile(type="Text"), "tiles[0]"),
            (tile(type="CLOCK"), "tiles[0]"), (tile(body=...), "tiles[0]"), (tile(body=""), "tiles[0]"),
            (tile(body="x" * 4001), "tiles[0]"), (tile(layouts=[]), "tiles[0]"), (tile(layouts={"sm": 7}), "tiles[0]"),
            (tile(type="INSIGHT"), "tiles[0]"), (tile(type="INSIGHT", query="select 1"), "tiles[0]"),
            (template(template_name=7), "template_name"), (template(dashboard_filters=[]), "dashboard_filters"),
            (template(tags="etl"), "tags"), (template(tags=[7]), "tags"), (template(variables="x"), "variables"),
        )],
        (lambda f: apply_template(f, TEMPLATE, host=HOST, if_exists="replace"), "if_exists"),
        (lambda f: apply_template(f, TEMPLATE, host=HOST, tags="etl"), "tags"),
        (lambda f: apply_template(f, TEMPLATE, host=HOST, tags=[7]), "tag"),
        (lambda f: apply_template(f, TEMPLATE, host=HOST, tags=[" "]), "tag"),
        (lambda f: apply_template(f, TEMPLATE, host=HOST, name=" "), "name"),
        (lambda f: apply_template(f, TEMPLATE, host=HOST, name="x" * 401), "name"),
        (lambda f: apply_template(f, TEMPLATE, host=HOST, name=7), "name"),
    ],
    "export_template": [(lambda f, v=value: export_template(f, v), "dashboard id") for value in IDS],
    "update_dashboard": [
        *[(lambda f, v=value: board.update_dashboard(f, v, {"name": "x"}), "dashboard id") for value in IDS],
        *[(lambda f, v=value: board.update_dashboard(f, 42, v), word) for value, word in (
            ({}, "field"), ({"nmae": "x"}, "nmae"), ({"name": "x" * 401}, "name"), ({"tags": "etl"}, "tags"),
            ({"filters": {}}, "filters"), ({"pinned": "yes"}, "pinned"), ({"description": None}, "description"),
            ({"restriction_level": 7}, "restriction_level"), ({"deleted": True}, "deleted"),
        )],
    ],
    "delete_dashboard": [
        *[(lambda f, v=value: board.delete_dashboard(f, v), "dashboard id") for value in IDS],
        (lambda f: board.delete_dashboard(f, 42, delete_insights="yes"), "delete_insights"),
    ],
    "restore_dashboard": [(lambda f, v=value: board.restore_dashboard(f, v), "dashboard id") for value in IDS],
    "ensure_unlisted_dashboard": [
        (lambda f, v=value: board.ensure_unlisted_dashboard(f, v), "tag") for value in ("", " ", None, 7)
    ],
    "ensure_text_tile": [
        *[(lambda f, v=value: board_tiles.ensure_text_tile(f, v, body="x", key="k"), "dashboard id") for value in IDS],
        *[(lambda f, v=value: board_tiles.ensure_text_tile(f, 42, body=v, key="k"), "body")
          for value in ("", " ", "x" * 4001, None, 7)],
        *[(lambda f, v=value: board_tiles.ensure_text_tile(f, 42, body="x", key=v), "key")
          for value in ("", " ", None, 7, "a-->b")],
        *[(lambda f, v=value: board_tiles.ensure_text_tile(f, 42, body="x", key="k", layouts=v), "layouts")
          for value in ([1], {"lg": {}}, {"sm": {"w": 0}})],
        (lambda f: board_tiles.ensure_text_tile(f, 42, body="x", key="k", color="x" * 401), "color"),
        (lambda f: board_tiles.ensure_text_tile(f, 42, body="x", key="k", color=7), "color"),
    ],
    "copy_tile": [
        *[(lambda f, v=value: board_tiles.copy_tile(f, v, from_dashboard_id=3, tile_id=7), "dashboard id")
          for value in IDS],
        *[(lambda f, v=value: board_tiles.copy_tile(f, 42, from_dashboard_id=v, tile_id=7), "from_dashboard_id")
          for value in IDS],
        *[(lambda f, v=value: board_tiles.copy_tile(f, 42, from_dashboard_id=3, tile_id=v), "tile_id")
          for value in IDS],
        (lambda f: board_tiles.copy_tile(f, 42, from_dashboard_id=42, tile_id=7), "destination"),
    ],
    "move_tile": [
        *[(lambda f, v=value: board_tiles.move_tile(f, v, tile_id=7, to_dashboard=3), "dashboard id") for value in IDS],
        *[(lambda f, v=value: board_tiles.move_tile(f, 42, tile_id=v, to_dashboard=3), "tile_id") for value in IDS],
        *[(lambda f, v=value: board_tiles.move_tile(f, 42, tile_id=7, to_dashboard=v), "to_dashboard")
          for value in IDS],
    ],
    "delete_tile": [
        *[(lambda f, v=value: board_tiles.delete_tile(f, v, tile_id=7), "dashboard id") for value in IDS],
        *[(lambda f, v=value: board_tiles.delete_tile(f, 42, tile_id=v), "tile_id") for value in IDS],
    ],
    "reorder_tiles": [
        *[(lambda f, v=value: board_tiles.reorder_tiles(f, v, tile_order=[1]), "dashboard id") for value in IDS],
        *[(lambda f, v=value: board_tiles.reorder_tiles(f, 42, tile_order=v), "tile_order")
          for value in ([], [0], ["x"], [1, 1], "12", 7, None)],
        (lambda f: board_tiles.reorder_tiles(f, 42, tile_order=[1], layout="masonry"), "layout"),
    ],
    "ensure_widgets": [
        *[(lambda f, v=value: board_tiles.ensure_widgets(f, v, widgets=[WIDGET]), "dashboard id") for value in IDS],
        *[(lambda f, v=value: board_tiles.ensure_widgets(f, 42, widgets=v), "widgets")
          for value in ([], [7], [{}], [{"config": {}}], [{"widget_type": "x", "config": 7}], "x", None)],
    ],
}  # fmt: skip


@pytest.fixture
def log(client: Client, _world: Any) -> Any:
    """What the sandbox was asked."""
    return _world.sandbox.log


@pytest.fixture
def client(begin: Any) -> Iterator[Client]:
    world = begin("cloud")
    credential = PersonalAPIKey(world.sandbox.personal_api_key)
    with Client(world.sandbox.url, 1, credential, retry=RetryPolicy(attempts=1)) as client:
        yield client


@pytest.mark.parametrize(
    ("call", "word"),
    [pytest.param(*row, id=f"{name}-{index}") for name, rows in CALLS.items() for index, row in enumerate(rows)],
)
def test_refused_unsent(client: Client, log: Callable[[], Any], call: Flows, word: str) -> None:
    with pytest.raises(ValueError) as caught:
        client.run(call(client.flows))
    assert word in str(caught.value)
    assert log() == []
