"""What a tile's answer proves, and what a capture makes of it."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from airflow_dashboards.analysis.model import QueryKind, TileStatus
from airflow_dashboards.posthog import Dashboard, NotFoundError, PostHogProtocolError
from airflow_dashboards.refresh.capture import capture, picture
from airflow_dashboards.refresh.clock import SETTLE, fresh_since
from airflow_dashboards.refresh.outcome import TileOutcomeStatus
from airflow_dashboards.refresh.verify import all_fresh, judge

T0 = datetime(2026, 6, 1, 8, 0, 0, tzinfo=timezone.utc)
HOST = "https://posthog.example.com"


def dashboard(tile: dict) -> Dashboard:
    return Dashboard.model_validate({"id": 42, "name": "KPIs", "tiles": [{"id": 1, **tile}]})


def insight(**facts) -> dict:
    shape = {"id": 7, "short_id": "abc", "result": [1], "last_refresh": "2026-06-01T08:00:05Z", "query_status": None}
    return {"insight": {**shape, **facts}}


RUNNING = {"id": "cache_1", "complete": False, "error": False}
COMPLETE = {"id": "cache_1", "complete": True, "error": False}
BUSY = {"id": "cache_1", "complete": True, "error": True, "error_message": "concurrency_limit_exceeded"}

CASES = [
    ("fresh", insight(), "refreshed", TileStatus.OK),
    ("computed, and there was nothing", insight(result=[]), "refreshed", TileStatus.EMPTY),
    ("fresh, with a complete status", insight(query_status=COMPLETE), "refreshed", TileStatus.OK),
    ("exactly at T0", insight(last_refresh="2026-06-01T08:00:00Z"), "refreshed", TileStatus.OK),
    ("in another timezone", insight(last_refresh="2026-06-01T10:00:05+02:00"), "refreshed", TileStatus.OK),
    ("without a timezone, which is UTC", insight(last_refresh="2026-06-01T08:00:05"), "refreshed", TileStatus.OK),
    ("a moment before T0", insight(last_refresh="2026-06-01T07:59:59.999Z"), "stale", TileStatus.OK),
    ("cold", insight(result=None, last_refresh=None), "stale", TileStatus.COLD),
    ("still computing", insight(result=None, last_refresh=None, query_status=RUNNING), "pending", TileStatus.COLD),
    (
        "old result, still computing",
        insight(last_refresh="2026-05-31T08:00:00Z", query_status=RUNNING),
        "pending",
        TileStatus.OK,
    ),
    ("refused: last_refresh is now (4.6)", insight(result=None, query_status=BUSY), "failed", TileStatus.FAILED),
    ("an error beside a result", insight(query_status=BUSY), "failed", TileStatus.FAILED),
    ("a result of unknown age", insight(last_refresh=None), "failed", TileStatus.OK),
    (
        "no access",
        {"insight": {"id": 7, "short_id": "abc", "user_access_level": "none"}},
        "no_access",
        TileStatus.NO_ACCESS,
    ),
    ("no longer valid", {**insight(result=None), "error": {"type": "E", "message": "m"}}, "failed", TileStatus.FAILED),
    ("text", {"text": {"body": "## Loads"}}, "skipped", TileStatus.NOT_AN_INSIGHT),
    ("button", {"button_tile": {"url": "https://example.com"}}, "skipped", TileStatus.NOT_AN_INSIGHT),
    ("widget", {"widget": {"widget_type": "x"}}, "skipped", TileStatus.NOT_AN_INSIGHT),
    ("nothing at all", {}, "failed", TileStatus.NOT_AN_INSIGHT),
]


@pytest.mark.parametrize(("shape", "outcome", "status"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_what_a_tile_proves_and_how_it_is_captured(shape, outcome, status):
    board = dashboard(shape)
    [judged] = judge(board, since=T0)
    assert judged.status.value == outcome
    assert (judged.message is None) == (outcome in ("refreshed", "skipped"))
    assert all_fresh([judged]) == (outcome in ("refreshed", "skipped", "no_access"))
    [captured] = picture(board, host=HOST, project_id=1, taken_at=T0).tiles
    assert captured.status is status


def test_a_result_that_did_not_move_is_stale_whatever_its_age():
    before = {1: datetime(2026, 6, 1, 8, 0, 5, tzinfo=timezone.utc)}
    assert judge(dashboard(insight()), since=T0, baseline=before)[0].status is TileOutcomeStatus.STALE
    moved = {1: before[1] - timedelta(milliseconds=1)}
    assert judge(dashboard(insight()), since=T0, baseline=moved)[0].status is TileOutcomeStatus.REFRESHED


def test_an_old_result_may_be_accepted_but_a_missing_one_may_not():
    old = dashboard(insight(last_refresh="2026-05-31T08:00:00Z"))
    assert judge(old, since=T0, accept_cached=True)[0].status is TileOutcomeStatus.CACHED
    cold = dashboard(insight(result=None, last_refresh=None))
    assert judge(cold, since=T0, accept_cached=True)[0].status is TileOutcomeStatus.STALE


@pytest.mark.parametrize(
    ("facts", "name"),
    [
        ({"name": "Orders", "derived_name": "x"}, "Orders"),
        ({"name": "", "derived_name": "Pageviews"}, "Pageviews"),
        ({}, "Tile 1"),
    ],
)
def test_names_fall_back(facts, name):
    board = dashboard(insight(**facts))
    assert picture(board, host=HOST, project_id=1, taken_at=T0).tiles[0].name == name
    assert judge(board, since=T0)[0].name == name


def test_a_capture_keeps_what_was_shown(posthog, tile):
    query = {"kind": "InsightVizNode", "source": {"kind": "TrendsQuery", "interval": "week"}}
    posthog.board(42, tile(1, name="Orders", query=query), name="KPIs", tags=["etl"])
    posthog.warm()
    snapshot = posthog.run(capture(posthog.flows(), 42, host=HOST + "/"))
    assert snapshot.url == f"{HOST}/project/1/dashboard/42"
    assert (snapshot.dashboard_name, snapshot.tags, snapshot.mode) == ("KPIs", ["etl"], "force_cache")
    assert snapshot.taken_at == datetime(2026, 6, 1, 8, 0, 0, tzinfo=timezone.utc)  # Date: whole seconds
    [captured] = snapshot.tiles
    assert (captured.kind, captured.interval, captured.query) == (QueryKind.TRENDS, "week", query)
    assert len(posthog.log) == 1


def test_a_capture_without_a_date_header_uses_the_driver_s_clock(posthog, tile):
    posthog.board(42, tile(1))
    posthog.date_header = False
    assert posthog.run(capture(posthog.flows(), 42, host=HOST)).taken_at.timestamp() == posthog.time


def test_a_capture_may_be_asked_to_compute(posthog, tile):
    posthog.board(42, tile(1))
    snapshot = posthog.run(capture(posthog.flows(), 42, host=HOST, mode="force_blocking"))
    assert (snapshot.mode, snapshot.tiles[0].status) == ("force_blocking", TileStatus.OK)


def test_an_unknown_dashboard_is_the_server_s_404(posthog):
    with pytest.raises(NotFoundError, match="dashboard 42"):
        posthog.run(capture(posthog.flows(), 42, host=HOST))


def test_t0_lies_after_the_reading_and_before_what_follows(posthog):
    read_at = posthog.time + posthog.latency
    since = posthog.run(fresh_since(posthog.flows()))
    assert read_at < since <= posthog.time
    assert posthog.slept == [SETTLE]


def test_without_a_date_header_freshness_cannot_be_proved(posthog):
    posthog.date_header = False
    with pytest.raises(PostHogProtocolError, match="Date header"):
        posthog.run(fresh_since(posthog.flows()))
