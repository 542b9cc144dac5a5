"""Bad input is refused before anything is sent, with words that say what and why."""

from __future__ import annotations

import contextlib
from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_dashboards.posthog import Client, FlowClient, PersonalAPIKey, PostHogArgumentError, arguments
from airflow_dashboards.posthog.stream import Stream

TEMPLATE = {
    "template_name": "KPIs",
    "dashboard_description": "",
    "dashboard_filters": {},
    "tiles": [{"type": "TEXT", "body": "hello", "layouts": {}}],
}


def tile(**fields):
    return {**TEMPLATE, "tiles": [{"type": "INSIGHT", "query": {"kind": "x"}, "layouts": {}, **fields}]}


def without(key):
    return {name: value for name, value in TEMPLATE.items() if name != key}


class Odd:
    """Something JSON can not say."""


D = FlowClient(7).dashboards
I = FlowClient(7).insights  # noqa: E741
T = FlowClient(7).data_color_themes
Q = FlowClient(7).query
N = FlowClient(7).annotations
NOW = datetime(2026, 6, 1, tzinfo=timezone.utc)
BAD_IDS = [0, -1, True, False, None, "42", 4.0, [42], "phx_secret"]

#: What must raise, and words of the message.
REFUSED = [
    *[(lambda bad=bad: D.get(bad), "dashboard id must be a whole number") for bad in BAD_IDS],
    *[(lambda bad=bad: D.update(bad, name="x"), "dashboard id") for bad in BAD_IDS],
    *[(lambda bad=bad: D.delete(bad), "dashboard id") for bad in BAD_IDS],
    *[(lambda bad=bad: D.snapshot(bad), "dashboard id") for bad in BAD_IDS],
    *[(lambda bad=bad: D.run_insights(bad), "dashboard id") for bad in BAD_IDS],
    *[(lambda bad=bad: D.delete_tile(1, tile_id=bad), "tile_id must be a whole number") for bad in BAD_IDS],
    *[(lambda bad=bad: D.move_tile(1, tile_id=1, to_dashboard=bad), "to_dashboard") for bad in BAD_IDS],
    *[(lambda bad=bad: I.get(bad), "insight id") for bad in [0, -1, True, None, "", "a/b", "../x", 1.5]],
    *[(lambda bad=bad: T.get(bad), "theme id") for bad in [0, True, "x"]],
    # refresh and other vocabularies
    (lambda: D.get(1, refresh="force_blockin"), r"Did you mean 'force_blocking'\?"),
    (lambda: D.get(1, refresh="FORCE_CACHE"), r"Did you mean 'force_cache'\?"),
    (lambda: D.get(1, refresh="force-async"), r"Did you mean 'force_async'\?"),
    (lambda: D.get(1, refresh=""), "refresh must be one of force_cache, blocking"),
    (lambda: D.get(1, refresh=True), "refresh must be one of"),
    (lambda: D.get(1, refresh=None), "refresh must be one of"),
    (lambda: D.get(1, refresh="true"), "refresh must be one of"),
    (lambda: D.get(1, refresh="async_except_on_cache_miss"), "refresh must be one of"),
    (lambda: D.run_insights(1, refresh="lazy"), "refresh must be one of"),
    (lambda: I.get(1, refresh="block"), r"Did you mean 'blocking'\?"),
    (lambda: D.stream_tiles(1, refresh="x"), "refresh must be one of"),
    (lambda: D.stream_tiles(1, layout_size="md"), "layout_size must be one of sm, xs"),
    (lambda: D.run_insights(1, output_format="csv"), "output_format must be one of json, optimized"),
    (lambda: D.list(creation_mode="unlist"), r"Did you mean 'unlisted'\?"),
    (lambda: D.reorder_tiles(1, tile_order=[1], layout="two_columns"), r"Did you mean 'two_column'\?"),
    (lambda: D.bulk_update_tags([1], action="append", tags=["x"]), "action must be one of add, remove, set"),
    # overrides
    (lambda: D.get(1, filters_override=[]), "filters_override must be an object"),
    (lambda: D.get(1, filters_override='{"a": 1}'), "filters_override must be an object"),
    (lambda: D.get(1, variables_override=7), "variables_override must be an object"),
    (lambda: D.get(1, filters_override={1: 2}), "strings as keys"),
    (lambda: D.get(1, filters_override={"a": Odd()}), "can not be written as JSON"),
    (lambda: D.run_insights(1, filters_override="x"), "filters_override must be an object"),
    (lambda: D.run_insights(1, tile_ids=[]), "tile_ids is empty"),
    (lambda: D.run_insights(1, tile_ids="1,2"), "tile_ids must be a list of ids"),
    (lambda: D.run_insights(1, tile_ids=[0]), r"tile_ids\[0\] must be a whole number"),
    (lambda: D.run_insights(1, max_result_chars=0), "max_result_chars"),
    # list
    (lambda: D.list(search="x" * 201), "search has 201 characters; PostHog takes at most 200"),
    (lambda: D.list(search=""), "search is blank"),
    (lambda: D.list(search=7), "search must be a string"),
    (lambda: D.list(search="\ud800"), "can not be stored"),
    (lambda: D.list(search="a\x00b"), "can not be stored"),
    (lambda: D.list(tags="etl"), "tags must be a list of strings"),
    (lambda: D.list(tags=[" "]), r"tags\[0\] is blank"),
    (lambda: D.list(pinned="yes"), "pinned must be True or False"),
    (lambda: D.list(exclude_generated=1), "exclude_generated must be True or False"),
    (lambda: D.list(page_size=0), "page_size"),
    (lambda: D.list(page_size=True), "page_size"),
    (lambda: D.page(offset=-1), "offset"),
    (lambda: D.list(folder=" "), "folder is blank"),
    # create and update
    (lambda: D.create(name="x" * 401), "name has 401 characters; PostHog takes at most 400"),
    (lambda: D.create(name=7), "name must be a string"),
    (lambda: D.create(name="x", description=7), "description must be a string"),
    (lambda: D.create(name="x", tags="etl"), "tags must be a list"),
    (lambda: D.create(name="x", tags=["etl", "   "]), r"tags\[1\] is blank"),
    (lambda: D.create(name="x", tags=["x" * 256]), r"tags\[0\] has 256 characters"),
    (lambda: D.create(name="x", tags=[None]), r"tags\[0\] must be a string"),
    (lambda: D.create(name="x", pinned="true"), "pinned must be True or False"),
    (lambda: D.create(name="x", filters=[]), "filters must be an object"),
    (lambda: D.create(name="x", variables="v"), "variables must be an object"),
    (lambda: D.create(name="x", restriction_level=22), "restriction_level must be one of 21, 37"),
    (lambda: D.create(name="x", restriction_level=True), "restriction_level must be one of 21, 37"),
    (lambda: D.create(name="x", data_color_theme_id=0), "data_color_theme_id"),
    (lambda: D.create(name="x", quick_filter_ids=["nope"]), r"quick_filter_ids\[0\] is not a UUID"),
    (lambda: D.create(name="x", quick_filter_ids="nope"), "quick_filter_ids must be a list of UUIDs"),
    (lambda: D.create(name="x", breakdown_colors={}), "breakdown_colors must be a list"),
    (lambda: D.create(name="x", use_template="a", use_dashboard=1), "not both"),
    (lambda: D.create(name="x", use_template=" "), "use_template is blank"),
    (lambda: D.create(name="x", use_dashboard=0), "use_dashboard"),
    (lambda: D.create(name="x", duplicate_tiles=True), "needs use_dashboard"),
    (lambda: D.update(1), "Nothing to change"),
    (lambda: D.update(1, name="x" * 401), "name has 401 characters"),
    (lambda: D.update(1, description=None), "description can not be None"),
    (lambda: D.update(1, tags=None), "tags can not be None"),
    (lambda: D.update(1, pinned=None), "pinned can not be None"),
    (lambda: D.update(1, filters={}), "can not clear a dashboard's filters"),
    (lambda: D.update(1, filters=[]), "filters must be an object"),
    (lambda: D.update(1, last_refresh="2026-06-01"), "last_refresh must be a datetime with a timezone"),
    (lambda: D.update(1, last_refresh=datetime(2026, 6, 1)), "with a timezone"),  # noqa: DTZ001
    (lambda: D.update(1, tiles=[]), "tiles is empty"),
    (lambda: D.update(1, tiles={}), "tiles must be a list of objects"),
    (lambda: D.update(1, tiles=[7]), r"tiles\[0\] must be an object"),
    (lambda: D.update(1, tiles=[{"color": "blue"}]), r"tiles\[0\] needs the id of a tile, or new content"),
    (lambda: D.update(1, tiles=[{"id": 0}]), r"tiles\[0\].id"),
    (lambda: D.update(1, tiles=[{"text": {"body": "x" * 4001}}]), "body has 4001 characters"),
    (lambda: D.update(1, tiles=[{"id": 1, "layouts": []}]), r"tiles\[0\].layouts must be an object"),
    (lambda: D.delete(1, delete_insights="yes"), "delete_insights must be True or False"),
    # tiles
    (lambda: D.copy_tile(1, from_dashboard_id=1, tile_id=2), "the destination itself"),
    (lambda: D.copy_tile(1, from_dashboard_id=0, tile_id=2), "from_dashboard_id"),
    (lambda: D.reorder_tiles(1, tile_order=[]), "tile_order is empty"),
    (lambda: D.reorder_tiles(1, tile_order=[3, 1, 3]), r"more than once: \[3\]"),
    (lambda: D.reorder_tiles(1, tile_order="123"), "tile_order must be a list of ids"),
    (lambda: D.reorder_tiles(1, tile_order=["a"]), r"tile_order\[0\]"),
    (lambda: D.create_text_tile(1, body=""), "body is blank"),
    (lambda: D.create_text_tile(1, body=" \n"), "body is blank"),
    (lambda: D.create_text_tile(1, body="x" * 4001), "body has 4001 characters; PostHog takes at most 4000"),
    (lambda: D.create_text_tile(1, body=None), "body must be a string"),
    (lambda: D.create_text_tile(1, body="x", layouts=[]), "layouts must be an object"),
    (lambda: D.create_text_tile(1, body="x", layouts={"md": {}}), "layouts may have the keys sm and xs"),
    (lambda: D.create_text_tile(1, body="x", layouts={"sm": {"x": -1}}), "layouts.sm.x"),
    (lambda: D.create_text_tile(1, body="x", layouts={"sm": {"w": 0}}), "layouts.sm.w"),
    (lambda: D.create_text_tile(1, body="x", layouts={"sm": {"minW": 3}}), "x, y, w and h"),
    (lambda: D.create_text_tile(1, body="x", layouts={"sm": 3}), "layouts.sm must be an object"),
    (lambda: D.create_text_tile(1, body="x", color="x" * 401), "color has 401 characters"),
    (lambda: D.update_text_tile(1, tile_id=2), "Nothing to change"),
    (lambda: D.update_text_tile(1, tile_id=2, body=" "), "body is blank"),
    # snapshot, analyze
    (lambda: D.snapshot(1, client_results=[]), "client_results must map"),
    (lambda: D.snapshot(1, client_results={"x": {}}), "tile id must be a whole number"),
    (lambda: D.snapshot(1, client_results={1: {"data": [1]}}), "insight_name must be a string"),
    (lambda: D.snapshot(1, client_results={1: {"insight_name": " ", "data": [1]}}), "insight_name is blank"),
    (lambda: D.snapshot(1, client_results={1: {"insight_name": "x", "data": []}}), "data is empty"),
    (lambda: D.analyze_refresh_result(1, cache_key=""), "cache_key is blank"),
    (lambda: D.analyze_refresh_result(1, cache_key=None), "cache_key must be a string"),
    # bulk tags
    (lambda: D.bulk_update_tags([], action="add", tags=["x"]), "ids is empty"),
    (lambda: D.bulk_update_tags(range(1, 502), action="add", tags=["x"]), "501 ids; PostHog takes at most 500"),
    (lambda: D.bulk_update_tags([1, 0], action="add", tags=["x"]), r"ids\[1\]"),
    (lambda: D.bulk_update_tags(42, action="add", tags=["x"]), "ids must be a list"),
    (lambda: D.bulk_update_tags([1], action="add", tags=[]), "tags is empty"),
    (lambda: D.bulk_update_tags([1], action="remove", tags=[]), "tags is empty"),
    (lambda: D.bulk_update_tags([1], action="set", tags=[""]), r"tags\[0\] is blank"),
    (lambda: D.create_unlisted(" "), "tag is blank"),
    # template
    *[(lambda key=key: D.create_from_template_json(without(key)), f"template.{key}") for key in TEMPLATE],
    (lambda: D.create_from_template_json(None), "template must be an object"),
    (lambda: D.create_from_template_json({**TEMPLATE, "tiles": []}), "template.tiles is empty"),
    (lambda: D.create_from_template_json({**TEMPLATE, "tiles": ["x"]}), r"template.tiles\[0\] must be an object"),
    (lambda: D.create_from_template_json({**TEMPLATE, "tags": [" "]}), r"template.tags\[0\] is blank"),
    (lambda: D.create_from_template_json({**TEMPLATE, "variables": [{"id": "x"}]}), r"variables\[0\].name"),
    (lambda: D.create_from_template_json(tile(type=None)), r"template.tiles\[0\].type must be a string"),
    (lambda: D.create_from_template_json(tile(type="Insight")), "type must be 'INSIGHT'"),
    (lambda: D.create_from_template_json(tile(layouts=None)), r"give \{\} to let PostHog place"),
    (lambda: D.create_from_template_json(tile(query=None)), r"template.tiles\[0\].query must be an object"),
    (lambda: D.create_from_template_json(tile(type="TEXT")), "body must be a string"),
    # widgets
    (lambda: D.run_widgets(1, tile_ids=[]), "tile_ids is empty"),
    (lambda: D.run_widgets(1, tile_ids=range(1, 12)), "11 ids; PostHog takes at most 10"),
    (lambda: D.add_widgets(1, widgets=[]), "widgets is empty"),
    (lambda: D.add_widgets(1, widgets=[{"widget_type": "x", "config": {}}] * 11), "at most 10"),
    (lambda: D.add_widgets(1, widgets=[{"config": {}}]), r"widgets\[0\].widget_type"),
    (lambda: D.add_widgets(1, widgets=[{"widget_type": "x"}]), r"widgets\[0\].config must be an object"),
    (lambda: D.add_widgets(1, widgets=[{"widget_type": "x", "config": {}, "name": "x" * 401}]), "401 characters"),
    # beside dashboards
    (lambda: I.create(query=None), "query must be an object"),
    (lambda: I.create(query="select 1"), "query must be an object"),
    (lambda: I.create(query={}, dashboards=["x"]), r"dashboards\[0\]"),
    (lambda: I.create(query={}, name="x" * 401), "name has 401 characters"),
    (lambda: I.update(1), "Nothing to change"),
    (lambda: I.update(1, query=None), "query can not be None"),
    (lambda: I.get(1, from_dashboard=0), "from_dashboard"),
    (lambda: Q.status(""), "query_id is blank"),
    (lambda: Q.status(None), "query_id must be a string"),
    (lambda: Q.cancel(" "), "query_id is blank"),
    (lambda: T.create(name=""), "name is blank"),
    (lambda: T.create(name="x" * 101), "101 characters"),
    (lambda: T.create(name=None), "name can not be None"),
    (lambda: T.update(1), "Nothing to change"),
    (lambda: T.update(1, colors="red"), "colors must be a list"),
    (lambda: N.create(content="", date_marker=NOW), "content is blank"),
    (lambda: N.create(content="x", date_marker="2026"), "datetime with a timezone"),
    (lambda: N.create(content="x", date_marker=NOW, scope="board"), "scope must be one of"),
    (lambda: N.create(content="x", date_marker=NOW, scope="dashboard"), "needs dashboard_id"),
    (lambda: N.create(content="x", date_marker=NOW, scope="dashboard_item"), "needs dashboard_item"),
]


@pytest.mark.parametrize(("call", "said"), REFUSED)
def test_refused_before_anything_is_sent(world, call, said):
    script = world.Script()
    with pytest.raises(PostHogArgumentError, match=said) as caught:
        script.run(as_flow(call))
    assert script.requests == []
    assert "phx_secret" not in str(caught.value)


def as_flow(call):
    called = call()
    return (yield from called.opening if isinstance(called, Stream) else called)


def client(host="https://posthog.test", project=7, **options):
    return Client(host, project, PersonalAPIKey("phx_secret"), **options)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: client(""), "host is missing"),
        (lambda: client(None), "host is missing"),
        (lambda: client("us.posthog.com"), "begins with http"),
        (lambda: client("ftp://us.posthog.com"), "begins with http"),
        (lambda: client("https://"), "begins with http"),
        (lambda: client("https://a b.test"), "begins with http"),
        (lambda: client("https://a.test:port"), "not a valid address"),
        (lambda: client("https://[::1"), "not a valid address"),
        (lambda: client("https://owner:secret@a.test"), "must not contain credentials"),
        (lambda: client("owner:secret@a.test"), "must not contain credentials"),
        (lambda: client("https://a.test/project/7"), "must end after its name"),
        (lambda: client("https://a.test?x=1"), "must end after its name"),
        (lambda: client("https://us.i.posthog.com"), r"Use https://us\.posthog\.com"),
        (lambda: client("https://eu.i.posthog.com/"), r"Use https://eu\.posthog\.com"),
        (lambda: client(project=0), "project id must be a whole number"),
        (lambda: client(project="seven"), "project id"),
        (lambda: client(project="phx_secret"), "project id"),
        (lambda: client(project=True), "project id"),
        (lambda: client(project=None), "project id"),
        (lambda: client(timeout=0), "timeout must be"),
        (lambda: client(timeout="60"), "timeout must be"),
        (lambda: Client("https://a.test", 7, "phx_secret"), "credential must be"),
    ],
)
def test_clients_that_could_not_work(make, said):
    with pytest.raises(PostHogArgumentError, match=said) as caught:
        make()
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("given_", "origin"),
    [
        ("https://eu.posthog.com", "https://eu.posthog.com"),
        (" https://eu.posthog.com/ ", "https://eu.posthog.com"),
        ("http://127.0.0.1:8010", "http://127.0.0.1:8010"),
        ("http://[::1]:8010/", "http://[::1]:8010"),
        ("HTTPS://PostHog.Example.COM", "https://posthog.example.com"),
    ],
)
def test_hosts(given_, origin):
    assert client(given_).host == origin


def test_projects():
    assert [client(project=project).project_id for project in (7, " 7 ", "@current")] == [7, 7, "@current"]


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.builds(Odd),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.integers(), inner, max_size=3),
    max_leaves=6,
)
CHECKS = [
    lambda value: arguments.ids(value, "x"),
    lambda value: arguments.positive_id(value, "x"),
    arguments.insight_id,
    arguments.tags,
    arguments.text_body,
    arguments.filters,
    arguments.layouts,
    lambda value: arguments.uuids(value, "x"),
    lambda value: arguments.objects(value, "x"),
    lambda value: arguments.one_of(value, (21, 37), "x"),
    lambda value: arguments.path_segment(value, "x"),
    arguments.template,
    arguments.host,
    arguments.project,
]


@given(value=ANYTHING, check=st.sampled_from(CHECKS))
def test_no_value_escapes_as_another_exception(value, check):
    with contextlib.suppress(PostHogArgumentError):
        check(value)


@given(value=ANYTHING)
def test_what_a_message_shows_is_short(value):
    assert len(arguments.shown(value)) <= 80
