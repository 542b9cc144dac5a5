from __future__ import annotations

import json
from collections import Counter
from datetime import date, datetime, timedelta, timezone
from statistics import fmean

import httpx
import pytest

from airflow_dashboards.sandbox import demo
from airflow_dashboards.sandbox.demo import load, shop
from airflow_dashboards.sandbox.engine import Engine, filters

NOW = datetime(2026, 6, 3, 14, 30, tzinfo=timezone.utc)
YESTERDAY = date(2026, 6, 2)
DAILY = ("purchase", "order_paid", "signed_up", "checkout_started", "$pageview")


@pytest.fixture(scope="module")
def history():
    return demo.history(NOW)


@pytest.fixture(scope="module")
def shop_engine(history):
    engine = Engine()
    engine.add_events(1, history)
    yield engine
    engine.close()


def _show(engine, now=NOW):
    """Compute every tile of every dashboard, with its dashboard's filters."""
    return {
        tile.name: engine.compute(
            1, filters.apply(tile.query, dashboard_filters=board.filters), now=now, timezone="UTC"
        ).result
        for board in demo.DASHBOARDS
        for tile in board.tiles
        if isinstance(tile, demo.InsightSpec)
    }


def _load(engine, breakages=()):
    for where in demo.deletions(YESTERDAY, breakages):
        engine.delete_events(1, where, now=NOW)
    engine.add_events(1, demo.day(YESTERDAY, breakages))


@pytest.fixture(scope="module")
def shown(shop_engine, history):
    """What the tiles show before the load, after a right one, and after each breakage alone and all together."""
    found = {"before": _show(shop_engine)}
    for name, breakages in {"right": (), **{one: (one,) for one in demo.Breakage}, "all": demo.ALL}.items():
        _load(shop_engine, breakages)
        found[name] = _show(shop_engine)
        if demo.Breakage.STOCK_EMPTIED in breakages:
            shop_engine.add_events(1, [event for event in history if event["event"] == "stock_counted"])
    return found


def test_the_same_day_is_always_the_same() -> None:
    first = demo.day(YESTERDAY)
    shop._newcomers.cache_clear()
    assert demo.day(YESTERDAY) == first
    assert demo.day(YESTERDAY) != demo.day(YESTERDAY - timedelta(days=7))


def test_history_ends_with_the_day_before_yesterday(history) -> None:
    days = sorted({event["timestamp"][:10] for event in history})
    assert (len(days), days[0], days[-1]) == (90, "2026-03-04", "2026-06-01")
    assert demo.day(date(2026, 6, 1)) == [event for event in history if event["timestamp"][:10] == "2026-06-01"]
    assert 40_000 < len(history) < 90_000
    json.dumps(history)


def test_every_event_of_a_day_is_of_that_day() -> None:
    for back in range(14):
        day = YESTERDAY - timedelta(days=back)
        assert {event["timestamp"][:10] for event in demo.day(day)} == {day.isoformat()}


@pytest.mark.parametrize("event", DAILY)
def test_counts_have_a_rhythm_and_little_noise(history, event) -> None:
    counts = Counter(one["timestamp"][:10] for one in history if one["event"] == event)
    weekdays = {day: [n for at, n in counts.items() if date.fromisoformat(at).weekday() == day] for day in range(7)}
    assert fmean(weekdays[4]) > 1.07 * fmean(weekdays[6])
    for numbers in weekdays.values():
        assert min(numbers) > 0.87 * fmean(numbers)
        assert max(numbers) < 1.13 * fmean(numbers)
    assert min(counts.values()) >= 95


def test_the_story_holds_together(history) -> None:
    persons = {event: {one["distinct_id"] for one in history if one["event"] == event} for event in DAILY}
    assert persons["purchase"] <= persons["order_paid"] <= persons["checkout_started"] <= persons["$pageview"]
    assert persons["signed_up"] <= persons["$pageview"]
    assert 0.95 < demo.count(history, "purchase") / demo.count(history, "order_paid") < 1


def test_the_dashboards_are_what_they_are_meant_to_be() -> None:
    assert [board.name for board in demo.DASHBOARDS] == ["Shop KPIs", "Growth", "Operations"]
    tiles = [tile for board in demo.DASHBOARDS for tile in board.tiles]
    names = [tile.name for tile in tiles if isinstance(tile, demo.InsightSpec)]
    assert len(names) == len(set(names)) >= 12
    assert sum(isinstance(tile, demo.TextSpec) for tile in tiles) == 1
    assert set(demo.BROKEN_TILES.values()) <= set(names)
    assert any(board.filters for board in demo.DASHBOARDS)
    kinds = {tile.query["source"]["kind"] for tile in tiles if isinstance(tile, demo.InsightSpec)}
    assert kinds == {"TrendsQuery", "FunnelsQuery", "RetentionQuery", "StickinessQuery", "PathsQuery", "HogQLQuery"}


def test_no_tile_is_empty_at_any_time(shown) -> None:
    assert all(shown["before"].values())
    assert all(shown["right"].values())
    assert all(shown["before"][tile] != shown["right"][tile] for tile in shown["right"])


@pytest.mark.parametrize("breakage", list(demo.Breakage))
def test_a_breakage_shows_on_exactly_one_tile(shown, breakage) -> None:
    differing = {tile for tile, result in shown[breakage].items() if result != shown["right"][tile]}
    assert differing == {demo.BROKEN_TILES[breakage]}


def test_all_breakages_show_on_their_three_tiles_and_as_counted(shown) -> None:
    differing = {tile for tile, result in shown["all"].items() if result != shown["right"][tile]}
    assert differing == set(demo.BROKEN_TILES.values())
    for name, breakages in (("right", ()), ("all", demo.ALL)):
        figures = demo.expected(YESTERDAY, breakages)
        for tile in ("Purchases", "Sign-ups"):
            series = shown[name][tile][0]
            assert series["data"][series["days"].index(YESTERDAY.isoformat())] == figures[tile]
        assert len(shown[name]["Stock by warehouse"]) == figures["Stock by warehouse"]
    broken, right = demo.expected(YESTERDAY, demo.ALL), demo.expected(YESTERDAY)
    assert broken["Purchases"] == 2 * right["Purchases"]
    assert broken["Sign-ups"] < 0.2 * right["Sign-ups"]
    assert (broken["Stock by warehouse"], right["Stock by warehouse"]) == (0, 4)


def test_a_right_load_only_adds_a_normal_day(shown) -> None:
    before, after = shown["before"], shown["right"]
    for tile, result in after.items():
        if (
            not isinstance(result[0], dict)
            or not result[0].get("days")
            or tile in ("Orders per week", "Days on which visitors visit")
        ):
            continue
        for old, new in zip(before[tile], result, strict=True):
            for day, was, is_ in zip(new["days"], old["data"], new["data"], strict=True):
                if day.startswith(YESTERDAY.isoformat()):
                    assert was == 0
                elif tile != "Checkouts that end in an order":  # what began just before midnight may end after it
                    assert was == is_
            if "hour" not in tile:
                place = new["days"].index(YESTERDAY.isoformat())
                assert 0.8 < new["data"][place] / fmean(new["data"][place - 7 : place]) < 1.2


@pytest.mark.parametrize("tile", ["Revenue, last 30 days", "Orders by country", "Orders by payment method"])
def test_totals_move_by_few_percent(shown, tile) -> None:
    for old, new in zip(shown["before"][tile], shown["right"][tile], strict=True):
        assert 1 < new["aggregated_value"] / old["aggregated_value"] < 1.07


def test_tables_keep_their_keys(shown) -> None:
    for tile in ("Stock by warehouse", "Revenue by category"):
        assert [row[0] for row in shown["before"][tile]] == [row[0] for row in shown["right"][tile]]
    before, after = shown["before"]["Orders per day"], shown["right"]["Orders per day"]
    assert after[:-1] == before
    assert after[-1][0] == YESTERDAY.isoformat()


def test_a_load_replaces_its_day(shop_engine, shown) -> None:
    _load(shop_engine)
    once = _show(shop_engine)
    _load(shop_engine)
    assert _show(shop_engine) == once


def test_loading_speaks_to_the_control_interface(monkeypatch) -> None:
    calls = []

    def answer(request: httpx.Request) -> httpx.Response:
        calls.append((request.method, str(request.url), json.loads(request.content)))
        return httpx.Response(200, json={"count": 1})

    real = httpx.Client
    monkeypatch.setattr(load.httpx, "Client", lambda **more: real(**more, transport=httpx.MockTransport(answer)))
    number = demo.load_day("http://127.0.0.1:1", YESTERDAY, project=2, breakages=[demo.Breakage.STOCK_EMPTIED])
    assert [(method, url) for method, url, _ in calls] == [
        ("DELETE", "http://127.0.0.1:1/_sandbox/events"),
        ("DELETE", "http://127.0.0.1:1/_sandbox/events"),
        ("POST", "http://127.0.0.1:1/_sandbox/events"),
    ]
    assert calls[0][2]["where"].startswith("timestamp >= '2026-06-02 00:00:00'")
    assert calls[1][2] == {"project": 2, "where": "event = 'stock_counted'"}
    assert len(calls[2][2]["events"]) == number
    assert demo.count(calls[2][2]["events"], "stock_counted") == 0


def test_a_sandbox_that_refuses_is_heard(monkeypatch) -> None:
    real = httpx.Client
    refuse = httpx.MockTransport(lambda request: httpx.Response(400, json={"detail": "no"}))
    monkeypatch.setattr(load.httpx, "Client", lambda **more: real(**more, transport=refuse))
    with pytest.raises(httpx.HTTPStatusError):
        demo.load_day("http://127.0.0.1:1", YESTERDAY)
