"""When a look at a dashboard is news: once per refresh, once per change of verdict, never for what stays as it is."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_dashboards.posthog import Dashboard
from airflow_dashboards.refresh.store import SnapshotStore
from airflow_dashboards.refresh.watching import Sighting, WatchFor, Watermark, consider, latest_verdict, sighting

T0 = datetime(2026, 6, 1, tzinfo=timezone.utc)


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def look(now: float, *computed: float | None, verdict: str | None = None) -> Sighting:
    known = [at(each) for each in computed if each is not None]
    return Sighting(
        dashboard_id=42,
        seen_at=at(now),
        newest=max(known, default=None),
        oldest=min(known) if known and len(known) == len(computed) else None,
        verdict=verdict,
    )


def news(*looks: Sighting, watch_for: WatchFor = WatchFor.REFRESH, settle: float = 120) -> list[list[str]]:
    told: Watermark | None = None
    found = []
    for seen in looks:
        told, event = consider(told, seen, watch_for=watch_for, settle=settle)
        if event is not None:
            found.append(json.loads(json.dumps(event))["changes"])
    return found


def test_the_first_look_only_sets_the_mark() -> None:
    assert news(look(100, 1, 2)) == []
    assert news(look(100, 1, 2, verdict="fail"), watch_for=WatchFor.ANY) == []


def test_a_refresh_is_told_when_its_last_tile_is_there_and_only_then() -> None:
    looks = [look(9, 1, 2), look(11, 10, 2), look(12, 10, 2), look(70, 10, 68), look(80, 10, 68), look(999, 10, 68)]

    assert news(*looks) == [["refresh"]]


def test_a_refresh_that_leaves_a_tile_behind_is_told_when_nothing_moves_any_more() -> None:
    assert news(look(9, 1, 2), look(100, 10, 2)) == []
    assert news(look(9, 1, 2), look(100, 10, 2), look(130, 10, 2), look(900, 10, 2)) == [["refresh"]]


def test_a_cold_tile_counts_as_left_behind() -> None:
    assert news(look(9, None, None), look(11, 10, None)) == []
    assert news(look(9, None, None), look(11, 10, 10.5)) == [["refresh"]]
    assert news(look(9, None, None), look(200, 10, None)) == [["refresh"]]


def test_a_dashboard_that_went_cold_is_no_news_and_its_next_refresh_is() -> None:
    assert news(look(9, 1, 2), look(20, None, None), look(31, 30, 30)) == [["refresh"]]


def test_a_verdict_is_told_when_it_changes() -> None:
    looks = [look(n, 1, verdict=each) for n, each in enumerate([None, "pass", "pass", "fail", "fail", "pass"])]

    assert news(*looks, watch_for=WatchFor.VERDICT) == [["verdict"], ["verdict"]]
    assert news(*looks, watch_for=WatchFor.REFRESH) == []


def test_a_verdict_that_can_not_be_read_for_a_while_changes_nothing() -> None:
    looks = [look(n, 1, verdict=each) for n, each in enumerate(["pass", None, "pass"])]

    assert news(*looks, watch_for=WatchFor.ANY) == []


def test_both_at_once_are_one_event() -> None:
    assert news(look(9, 1, verdict="pass"), look(19, 18, verdict="warn"), watch_for=WatchFor.ANY) == [
        ["refresh", "verdict"]
    ]


@settings(deadline=None, max_examples=50)
@given(
    tiles=st.integers(1, 5),
    refreshes=st.lists(st.integers(200, 600), min_size=1, max_size=4),
    poll=st.integers(7, 100),
)
def test_however_often_one_looks_each_whole_refresh_is_told_once(tiles: int, refreshes: list[int], poll: int) -> None:
    """Tiles are computed two seconds apart; between two refreshes there is time for at least one look."""
    computed = [0.0] * tiles
    changes = {}
    now = 0.0
    for pause in refreshes:
        now += pause
        for tile in range(tiles):
            changes[now + 2 * tile] = tile
    looks = []
    clock = 0.0
    while clock < now + 300:
        for when in sorted(when for when in changes if when <= clock):
            computed[changes.pop(when)] = when
        looks.append(look(clock, *computed))
        clock += poll

    assert len(news(*looks)) == len(refreshes)


def test_a_sighting_leaves_out_what_may_not_be_read() -> None:
    board = Dashboard.model_validate(
        {
            "id": 42,
            "name": "KPIs",
            "tiles": [
                {"id": 1, "insight": {"id": 1, "short_id": "a", "last_refresh": "2026-06-01T00:00:05Z", "result": []}},
                {"id": 2, "insight": {"id": 2, "short_id": "b", "user_access_level": "none"}},
                {"id": 3, "text": {"body": "x"}},
            ],
        }
    )

    seen = sighting(board, seen_at=at(9))

    assert (seen.newest, seen.oldest) == (at(5), at(5))


@pytest.mark.parametrize("empty", [True, False])
def test_the_latest_verdict_is_that_of_whichever_task_spoke_last(tmp_path: Path, empty: bool) -> None:
    store = SnapshotStore(tmp_path)
    place = {"host": "https://eu.posthog.com", "project_id": 1, "dashboard_id": 42}
    history = store.folder(**place) / "history"  # type: ignore[arg-type]
    if not empty:
        for source, when, status in (("a", 1, "pass"), ("a", 3, "warn"), ("b", 2, "fail")):
            record = {"at": at(when).isoformat(), "run": "r", "status": status, "comparability": "changed"}
            path = history / source / f"{at(when):%Y%m%dT%H%M%SZ}-r.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(record))

    assert latest_verdict(store, **place) == (None if empty else "warn")  # type: ignore[arg-type]
