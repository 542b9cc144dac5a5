"""What an API key does in place of the actions that refuse keys ends exactly as those actions do (contract 1.4).

The session acts in project 1 through PostHog's own action, the key in project 2 through single calls; then both
projects are read and compared. Under faults, in every step: the whole effect or none, and an error that says which.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from airflow_dashboards.analysis import Comparability, compare
from airflow_dashboards.posthog import Client, PersonalAPIKey, PostHogError, RetryPolicy, SessionLogin, StreamMetadata
from airflow_dashboards.refresh.capture import capture
from airflow_dashboards.refresh.tags import update_tags
from airflow_dashboards.refresh.template import TemplateStepError, apply_template, export_template, marker_of
from airflow_dashboards.sandbox import Sandbox

CASES = 50
#: The id of no dashboard.
UNKNOWN = 10**6
QUICKLY = RetryPolicy(attempts=3, first_delay=0.005, max_delay=0.01)
WORDS = ["ETL", "etl ", " Weekly", "weekly", "kpi", "KPI", "Ünïcode", "a b", "日次", "x" * 40]


class Server:
    """A sandbox, and the two who act on it."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.url = sandbox.url
        self.control = httpx.Client(base_url=f"{sandbox.url}/_sandbox", trust_env=False)

    def reset(self, build: str) -> None:
        self.control.post("/reset", json={"build": build, "demo": False}).raise_for_status()
        made = self.control.post("/keys", json={"scopes": ["*"], "projects": None, "user": 7})
        self.key = PersonalAPIKey(made.raise_for_status().json()["key"])

    def fault(self, method: str, path_regex: str, fault: dict[str, Any], times: int | None = 1) -> None:
        rule = {"match": {"method": method, "path_regex": path_regex}, "times": times, "fault": fault}
        self.control.post("/faults", json=rule).raise_for_status()

    def clear_faults(self) -> None:
        self.control.request("DELETE", "/faults").raise_for_status()

    def session(self) -> Client:
        return Client(self.url, 1, SessionLogin("owner@example.com", "sandbox"), retry=QUICKLY)

    def keyed(self, project: int = 2) -> Client:
        return Client(self.url, project, self.key, retry=QUICKLY)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Server]:
    with Sandbox(build="2026-05") as running:
        server = Server(running)
        yield server
        server.control.close()


@pytest.fixture
def server(sandbox: Server) -> Server:
    sandbox.reset("2026-05")
    return sandbox


@pytest.fixture
def both(server: Server) -> Iterator[tuple[Client, Client]]:
    with server.session() as session, server.keyed() as keyed:
        yield session, keyed


# --- tags


def tags_of(client: Client, ids: list[int]) -> list[list[str]]:
    has = {board.id: sorted(board.tags) for board in client.dashboards.list()}
    return [has[each] for each in ids]


def test_tags_end_as_the_server_action_leaves_them(both: tuple[Client, Client]) -> None:
    session, keyed = both
    for case in range(CASES):
        chance = random.Random(case)
        start = [chance.sample(WORDS, chance.randrange(4)) for _ in range(chance.randrange(1, 6))]
        action = chance.choice(["add", "remove", "set"])
        tags = chance.sample(WORDS, chance.randrange(0 if action == "set" else 1, 5))
        deleted = [chance.random() < 0.2 for _ in start]
        told = f"case {case}: {action} {tags} on {start}"

        plain, live = made(session, start, deleted)
        answer = session.dashboards.bulk_update_tags([*plain, UNKNOWN], action=action, tags=tags)
        end = tags_of(session, live)
        gone = [plain.index(each.id) if each.id in plain else UNKNOWN for each in answer.skipped]

        reports = []
        for client, via in ((session, "bulk_update_tags"), (keyed, "dashboard updates")):
            ids, live = made(client, start, deleted)
            result = client.run(update_tags(client.flows, [*ids, UNKNOWN, ids[0]], action, tags))
            assert tags_of(client, live) == end, told
            order = {each: index for index, each in enumerate(ids)} | {UNKNOWN: UNKNOWN}
            assert [order[each.id] for each in result.skipped] == gone, told
            assert {each.reason for each in result.skipped} == {"Not found"}
            assert result.failed == []
            assert result.via == (via if result.changed else "nothing to write")
            changed = [(order[change.id], change.before, change.after) for change in result.changed]
            reports.append((changed, [order[each] for each in result.already_so]))
        assert reports[0] == reports[1], told


def made(client: Client, start: list[list[str]], deleted: list[bool]) -> tuple[list[int], list[int]]:
    """Make dashboards with these tags, delete some of them; return all ids, and those of the living."""
    ids = [client.dashboards.create(name=f"b{n}", tags=has).id for n, has in enumerate(start)]
    for each, gone in zip(ids, deleted, strict=True):
        if gone:
            client.dashboards.delete(each)
    return ids, [each for each, gone in zip(ids, deleted, strict=True) if not gone]


TAG_FAULTS = [
    ("PATCH", r"/dashboards/\d+/?$", {"status": 500}, 1),
    ("PATCH", r"/dashboards/\d+/?$", {"status": 503}, None),
    ("PATCH", r"/dashboards/\d+/?$", {"reset": True}, None),
    ("PATCH", r"/dashboards/\d+/?$", {"reset": True, "when": "before"}, None),
    ("PATCH", r"/dashboards/\d+/?$", {"truncate": 10}, None),
    ("POST", r"bulk_update_tags", {"status": 503}, None),
    ("POST", r"bulk_update_tags", {"reset": True}, None),
    ("POST", r"bulk_update_tags", {"truncate": 10}, None),
]


@pytest.mark.parametrize(("method", "path", "fault", "times"), TAG_FAULTS)
def test_a_fault_while_tagging_is_told_for_the_dashboards_it_hit_and_no_others(
    server: Server, both: tuple[Client, Client], method: str, path: str, fault: dict[str, Any], times: int | None
) -> None:
    client = both[1] if method == "PATCH" else both[0]
    ids = [client.dashboards.create(name=f"b{n}", tags=["old"]).id for n in range(4)]
    server.fault(method, path, fault, times)
    result = client.run(update_tags(client.flows, ids, "set", ["new"]))
    server.clear_faults()
    changed, failed = {each.id for each in result.changed}, {each.id for each in result.failed}
    assert changed | failed == set(ids)
    assert not changed & failed
    has = dict(zip(ids, tags_of(client, ids), strict=True))
    assert {each for each in ids if has[each] == ["new"]} == changed
    assert {each for each in ids if has[each] == ["old"]} == failed
    again = client.run(update_tags(client.flows, ids, "set", ["new"]))
    assert (set(again.already_so), {each.id for each in again.changed}) == (changed, failed)


def test_more_than_500_dashboards(both: tuple[Client, Client]) -> None:
    session = both[0]
    ids = [session.dashboards.create(name=f"b{n}").id for n in range(3)]
    result = session.run(update_tags(session.flows, [*ids, *range(10**6, 10**6 + 600)], "add", ["x"]))
    assert len(result.changed) == 3
    assert len(result.skipped) == 600


# --- templates


def random_template(chance: random.Random) -> dict[str, Any]:
    tiles: list[dict[str, Any]] = []
    for n in range(chance.randrange(1, 6)):
        display: dict[str, Any] = {}
        if chance.random() < 0.7:
            display["layouts"] = {
                size: {"x": chance.randrange(6), "y": chance.randrange(20), "w": chance.randrange(1, 7), "h": 5}
                for size in chance.sample(["sm", "xs"], chance.randrange(1, 3))
            }
        if chance.random() < 0.5:
            display["color"] = chance.choice(["blue", "green", None])
        if chance.random() < 0.35:
            # Trimmed, as PostHog's own endpoint for a text tile does (contract 3.13) and its template action does not.
            tiles.append({"type": "TEXT", "body": f"## Note {n}\n{chance.choice(WORDS).strip()}", **display})
            continue
        if chance.random() < 0.5:
            source = {"kind": "TrendsQuery", "series": [{"kind": "EventsNode", "event": chance.choice(["a", "b"])}]}
            query: dict[str, Any] = {"kind": "InsightVizNode", "source": source}
        else:
            source = {"kind": "HogQLQuery", "query": f"select {n}, count() from events"}
            query = {"kind": "DataVisualizationNode", "source": source}
        name = chance.choice([f"Insight {n}", "Same name", ""])
        described = chance.choice(["", "what it says"])
        tiles.append({"type": "INSIGHT", "name": name, "description": described, "query": query, **display})
    return {
        "template_name": f"Board {chance.randrange(10**9)}",
        "dashboard_description": chance.choice(["", "for the morning"]),
        "dashboard_filters": chance.choice([{}, {"date_from": "-7d"}]),
        "tags": chance.sample(WORDS, chance.randrange(3)),
        "tiles": tiles,
    }


def essence(client: Client, dashboard_id: int) -> Any:
    """Return everything a template decides about a dashboard, as the server has it."""
    board = client.dashboards.get(dashboard_id)
    tiles = []
    for tile in sorted(board.tiles, key=lambda tile: tile.id):
        saved = client.insights.get(tile.insight.id) if tile.insight else None
        content = (saved.name or "", saved.description or "", saved.query, saved.saved) if saved else tile.text["body"]
        tiles.append((content, tile.layouts, tile.color, tile.filters_overrides or {}))
    return board.name, board.description, board.persisted_filters, sorted(board.tags), board.creation_mode, tiles


@pytest.mark.parametrize(("build", "cases"), [("2026-05", CASES), ("2026-04", 15), ("cloud", 15)])
def test_templates_end_as_the_server_action_leaves_them(sandbox: Server, build: str, cases: int) -> None:
    sandbox.reset(build)
    with sandbox.session() as session, sandbox.keyed() as keyed:
        for case in range(cases):
            template = random_template(random.Random(case))
            whole = {**template, "tags": [*template["tags"], marker_of(template)]}
            whole["tiles"] = [{"layouts": {}, **tile} for tile in template["tiles"]]
            plain = essence(session, session.dashboards.create_from_template_json(whole).id)
            session.dashboards.delete(session.dashboards.list(tags=[marker_of(template)])[0].id)
            for client, via in ((session, "create_from_template_json"), (keyed, "single calls")):
                result = client.run(apply_template(client.flows, template, host=sandbox.url))
                assert (result.created, result.via) == (True, via)
                assert len(result.tiles) == len(template["tiles"])
                again = client.run(apply_template(client.flows, template, host=sandbox.url, if_exists="update"))
                assert (again.dashboard_id, again.updated) == (result.dashboard_id, False), f"case {case}"
                assert essence(client, result.dashboard_id) == plain, f"case {case} on {build}"


def test_what_is_exported_makes_the_same_dashboard_again(both: tuple[Client, Client]) -> None:
    for case in range(10):
        template = random_template(random.Random(1000 + case))
        for client in both:
            first = client.run(apply_template(client.flows, template, host=client.host))
            exported = client.run(export_template(client.flows, first.dashboard_id))
            second = client.run(apply_template(client.flows, exported, host=client.host, if_exists="create"))
            again = client.run(export_template(client.flows, second.dashboard_id))
            by_name = sorted(exported["tiles"], key=repr)
            assert sorted(again["tiles"], key=repr) == by_name, f"case {case}"
            assert {**again, "tiles": []} == {**exported, "tiles": []}


TEMPLATE: dict[str, Any] = {
    "template_name": "Weekly KPIs",
    "dashboard_description": "",
    "dashboard_filters": {},
    "tiles": [
        {
            "type": "INSIGHT",
            "name": "Orders",
            "query": {"kind": "InsightVizNode", "source": {"kind": "TrendsQuery", "series": []}},
            "layouts": {"sm": {"x": 0, "y": 0, "w": 6, "h": 5}},
        },
        {"type": "TEXT", "body": "## Loads", "color": "blue"},
    ],
}
BOARD = r"/dashboards/\d+/?$"
STEPS = {
    "the list": ("GET", r"/dashboards/?$"),
    "the dashboard": ("POST", r"/dashboards/?$"),
    "an insight": ("POST", r"/insights/?$"),
    "a text": ("POST", r"create_text_tile"),
    "places and tags": ("PATCH", BOARD),
    "reading back": ("GET", BOARD),
    "the server action": ("POST", r"create_from_template_json"),
    "a text or places on 2026-04": ("PATCH", BOARD),
}
FAULTS = [
    {"status": 500},
    {"status": 503},
    {"reset": True},
    {"reset": True, "when": "before"},
    {"truncate": 20},
    {
        "status": 403,
        "body": {"type": "authentication_error", "code": "permission_denied", "detail": "No.", "attr": None},
    },
]


@pytest.mark.parametrize("times", [1, 3, None])
@pytest.mark.parametrize("fault", FAULTS, ids=repr)
@pytest.mark.parametrize("step", STEPS)
def test_a_template_under_a_fault_is_made_whole_or_not_at_all(
    sandbox: Server, step: str, fault: dict[str, Any], times: int | None
) -> None:
    sandbox.reset("2026-04" if "2026-04" in step else "2026-05")
    with sandbox.session() if step == "the server action" else sandbox.keyed() as client:
        whole_or_nothing(sandbox, client, step, fault, times)


def whole_or_nothing(server: Server, client: Client, step: str, fault: dict[str, Any], times: int | None) -> None:
    method, path = STEPS[step]
    server.fault(method, path, fault, times)
    error: PostHogError | None = None
    try:
        client.run(apply_template(client.flows, TEMPLATE, host=server.url))
    except PostHogError as told:
        error = told
    server.clear_faults()
    live = [board.id for board in client.dashboards.list()]
    if error is None:
        assert len(live) == 1
    elif isinstance(error, TemplateStepError) and error.left_behind:
        # The clean-up was hit as well: what is left is named, or where to look for it.
        assert all(f"dashboard {each}" in str(error) or "unfinished" in str(error) for each in live)
        assert "running again takes care of it" in str(error)
    else:
        assert live == []
        if step != "the list":
            assert "Nothing of the template is left in PostHog" in str(error)
    result = client.run(apply_template(client.flows, TEMPLATE, host=server.url))
    assert [board.id for board in client.dashboards.list()] == [result.dashboard_id]
    name, _, _, tags, _, tiles = essence(client, result.dashboard_id)
    assert (name, tags, len(tiles)) == ("Weekly KPIs", ["template:weekly-kpis"], 2)


# --- tile streams


def test_reading_a_dashboard_gives_what_streaming_its_tiles_gives(server: Server) -> None:
    with server.session() as session, server.keyed(project=1) as keyed:
        for case in range(CASES):
            template = random_template(random.Random(2000 + case))
            result = session.run(apply_template(session.flows, template, host=session.host))
            streamed: list[Any] = []
            for event in session.dashboards.stream_tiles(result.dashboard_id):
                streamed += event.dashboard.tiles if isinstance(event, StreamMetadata) else [event.tile]
            read = keyed.dashboards.get(result.dashboard_id).tiles
            assert [tile.id for tile in streamed] == [tile.id for tile in read], f"case {case}"
            for one, other in zip(streamed, read, strict=True):
                assert one.model_dump(exclude={"order"}) == other.model_dump(exclude={"order"}), f"case {case}"


# --- snapshots and their analysis


class Shop:
    """A dashboard of one insight per event, over a month that has ended: no clock moves its numbers."""

    EVENTS = "abcde"

    def __init__(self, server: Server, session: Client, chance: random.Random) -> None:
        self.server, self.session, self.chance = server, session, chance
        self.board = session.dashboards.create(name="Shop").id
        for event in chance.sample(self.EVENTS, chance.randrange(1, 5)):
            source = {
                "kind": "TrendsQuery",
                "series": [{"kind": "EventsNode", "event": event, "math": chance.choice(["total", "dau"])}],
                "dateRange": {"date_from": "2026-05-01", "date_to": "2026-05-31"},
            }
            query = {"kind": "InsightVizNode", "source": source}
            session.insights.create(name=f"Insight <{event}>", query=query, dashboards=[self.board])

    def load(self) -> None:
        """Load some events; some of them are of no insight, or of no day that is shown."""
        events = []
        for _ in range(self.chance.randrange(4)):
            month, day = self.chance.choice(["04", "05", "05"]), self.chance.randrange(1, 30)
            who, event = self.chance.choice("xyz"), self.chance.choice(self.EVENTS)
            events.append({"event": event, "distinct_id": who, "timestamp": f"2026-{month}-{day:02}T12:00:00Z"})
        if events:
            self.server.control.post("/events", json={"project": 1, "events": events}).raise_for_status()
        self.session.dashboards.get(self.board, refresh="force_blocking")


def test_our_capture_and_comparison_find_what_the_servers_own_find(server: Server) -> None:
    """Where the server looks at all: without filters, with a warm cache (contract 5.3)."""
    none, counted = "No significant changes detected in the dashboard data.", [0, 0]
    with server.session() as session, server.keyed(project=1) as keyed:
        for case in range(CASES):
            shop = Shop(server, session, random.Random(3000 + case))
            shop.load()
            kept = session.dashboards.snapshot(shop.board)
            before = keyed.run(capture(keyed.flows, shop.board, host=server.url))
            shop.load()
            told = session.dashboards.analyze_refresh_result(shop.board, cache_key=kept.cache_key).result
            after = keyed.run(capture(keyed.flows, shop.board, host=server.url))
            analysis = compare(before, after)
            changed = {tile.name for tile in analysis.tiles if tile.comparability is Comparability.CHANGED}
            assert changed == {tile.name for tile in analysis.tiles if tile.name in told}, f"case {case}: {told}"
            assert (analysis.comparability is Comparability.UNCHANGED) == (told == none), f"case {case}: {told}"
            counted[bool(changed)] += 1
    assert min(counted) >= 5, counted  # both answers were asked for


@pytest.mark.parametrize("times", [1, 3, None])
@pytest.mark.parametrize("fault", FAULTS, ids=repr)
def test_under_a_fault_a_capture_is_whole_or_an_error(server: Server, fault: dict[str, Any], times: int | None) -> None:
    with server.session() as session, server.keyed(project=1) as keyed:
        shop = Shop(server, session, random.Random(1))
        shop.load()
        whole = keyed.run(capture(keyed.flows, shop.board, host=server.url))
        server.fault("GET", BOARD, fault, times)
        told, taken = "", None
        try:
            taken = keyed.run(capture(keyed.flows, shop.board, host=server.url))
        except PostHogError as error:
            told = str(error)
        if taken is None:
            assert f"dashboard {shop.board}" in told
        else:
            assert [tile.result for tile in taken.tiles] == [tile.result for tile in whole.tiles]
        server.clear_faults()
        again = keyed.run(capture(keyed.flows, shop.board, host=server.url))
        assert [tile.result for tile in again.tiles] == [tile.result for tile in whole.tiles]
