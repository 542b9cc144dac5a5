"""PostHog's own snapshot and summary: where they exist; and the reason in words where they don't."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from airflow_dashboards.analysis.model import QueryKind, Snapshot, Tile, TileStatus
from airflow_dashboards.posthog import CredentialKind, PostHogConnectionError
from airflow_dashboards.refresh.server_analysis import server_analysis, server_snapshot

HOST = "https://posthog.example.com"
NOW = datetime(2026, 6, 1, 8, 0, 0, tzinfo=timezone.utc)
KEY = "dashboard_refresh_before_42_7_1780300800.5"
SNAPSHOT_PATH, ANALYZE_PATH = "/dashboards/42/snapshot/", "/dashboards/42/analyze_refresh_result/"


def snapshot(**facts) -> Snapshot:
    def one(number, **more):
        return Tile(
            **{"id": number, "kind": QueryKind.TRENDS, "status": TileStatus.OK, "name": f"Tile {number}", **more}
        )

    tiles = [
        one(1, name="Orders", result=[{"data": [1]}]),
        one(2, result=[], status=TileStatus.EMPTY),
        one(3, result=None, status=TileStatus.COLD),
        one(4, result=[{"data": [2]}]),
    ]
    return Snapshot(**{"dashboard_id": 42, "project_id": 1, "host": HOST, "taken_at": NOW, "tiles": tiles, **facts})


def taken(posthog, **facts):
    flows = posthog.flows(credential_kind=CredentialKind.SESSION)
    return posthog.run(server_snapshot(flows, 42, snapshot(**facts)))


def narrated(posthog, *, age: float = 600, key: str | None = KEY):
    flows = posthog.flows(credential_kind=CredentialKind.SESSION)
    created = datetime.fromtimestamp(posthog.time - age, tz=timezone.utc)
    return posthog.run(server_analysis(flows, 42, cache_key=key, created_at=created))


def error(detail: str) -> dict:
    return {"type": "authentication_error", "code": "permission_denied", "detail": detail, "attr": None}


def test_the_server_is_fed_with_our_capture(posthog):
    posthog.accept[SNAPSHOT_PATH] = (200, {"cache_key": KEY})
    result = taken(posthog)
    assert (result.cache_key, result.reason) == (KEY, None)
    assert result.created_at == NOW
    assert posthog.log[-1].json == {
        "client_results": {
            "1": {"insight_name": "Orders", "data": [{"data": [1]}]},
            "4": {"insight_name": "Tile 4", "data": [{"data": [2]}]},
        }
    }


def test_an_empty_capture_is_not_sent(posthog):
    """5.4.5: the server would answer 200 with an empty picture."""
    result = taken(posthog, tiles=[])
    assert "no results" in result.reason
    assert posthog.log == []


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((404, error("Endpoint not found.")), "this build of PostHog has removed it"),
        ((403, error("This action does not support personal API key access")), "refuses API keys"),
        ((403, error("This action does not support Personal API Key access")), "refuses API keys"),
        (
            (403, error("AI data processing must be approved by your organization")),
            "has not approved AI data processing",
        ),
        ((404, error("Not found.")), "Not found."),
        ((500, error("A server error occurred.")), "A server error occurred."),
    ],
)
def test_what_is_in_the_way_is_a_reason_and_no_failure(posthog, answer, words):
    posthog.accept[SNAPSHOT_PATH] = posthog.accept[ANALYZE_PATH] = answer
    assert words in taken(posthog).reason
    assert narrated(posthog).text is None
    assert words in narrated(posthog).reason


def test_the_summary_is_handed_on(posthog):
    posthog.accept[ANALYZE_PATH] = (200, {"result": "Orders went up."})
    assert narrated(posthog).text == "Orders went up."
    assert posthog.log[-1].json == {"cache_key": KEY}


def test_an_old_server_snapshot_is_not_even_tried(posthog):
    """5.4.4, by the server's clock."""
    posthog.accept[ANALYZE_PATH] = (200, {"result": "Orders went up."})
    assert narrated(posthog, age=28 * 60).text
    result = narrated(posthog, age=29 * 60 + 1)
    assert "30 minutes at most (this one is 29 minutes old)" in result.reason
    assert posthog.count(ANALYZE_PATH) == 1


def test_an_evicted_server_snapshot_is_a_reason(posthog):
    words = "Analysis context expired or not found. Please refresh the dashboard again."
    posthog.accept[ANALYZE_PATH] = (400, {"error": words})
    assert "30 minutes at most" in narrated(posthog).reason


def test_without_a_server_snapshot_there_is_nothing_to_ask(posthog):
    assert "no server snapshot" in narrated(posthog, key=None).reason
    assert posthog.log == []


def test_what_was_learnt_is_not_asked_again(posthog):
    flows = posthog.flows()
    for _ in range(2):
        assert "has removed it" in posthog.run(server_snapshot(flows, 42, snapshot())).reason
    assert len(posthog.log) == 1


def test_an_unreachable_server_is_a_reason(posthog):
    posthog.fault("snapshot", PostHogConnectionError("Could not reach PostHog", sent=False))
    assert "Could not reach PostHog" in taken(posthog).reason
