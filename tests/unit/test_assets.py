"""Dashboards as assets: their URIs, and what their events carry."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any
from urllib.parse import urlsplit

import pytest
from airflow.sdk import Asset, AssetAlias

from airflow_dashboards import assets
from airflow_dashboards.analysis import Analysis, Comparability, QueryKind, Verdict
from airflow_dashboards.analysis.model import TileAnalysis
from airflow_dashboards.refresh.outcome import RefreshOutcome, RefreshStatus
from airflow_dashboards.refresh.reference import SnapshotRef

NOON = datetime(2026, 6, 1, 12, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("host", "uri"),
    [
        ("https://eu.posthog.com", "posthog://eu.posthog.com/1/42"),
        ("https://EU.posthog.com/", "posthog://eu.posthog.com/1/42"),
        ("eu.posthog.com", "posthog://eu.posthog.com/1/42"),
        ("http://localhost:8010", "posthog://localhost:8010/1/42"),
    ],
)
def test_the_same_dashboard_has_one_uri(host: str, uri: str) -> None:
    asset = assets.dashboard_asset(host, 1, 42)

    assert (asset.uri, asset.name) == (uri, uri)
    assert assets.DashboardKey.parse(uri).uri == uri


@pytest.mark.parametrize("uri", ["posthog://EU.posthog.com/1/42/", "POSTHOG://eu.posthog.com/01/42?a=1#b"])
def test_airflow_writes_a_uri_in_its_one_form(uri: str) -> None:
    assert Asset(uri).uri == "posthog://eu.posthog.com/1/42"
    assert assets.sanitize_uri(urlsplit(uri)).geturl() == "posthog://eu.posthog.com/1/42"


@pytest.mark.parametrize(
    "uri",
    [
        "posthog://eu.posthog.com",
        "posthog://eu.posthog.com/1",
        "posthog://eu.posthog.com/1/x",
        "posthog://eu.posthog.com/1/0",
        "posthog://eu.posthog.com/1/2/3",
        "posthog:///1/2",
    ],
)
def test_a_uri_that_is_no_dashboards_is_refused_where_the_dag_is_parsed(uri: str) -> None:
    with pytest.raises(ValueError, match=r"posthog|PostHog|whole number"):
        Asset(uri)


@pytest.mark.parametrize(("host", "project", "board"), [("", 1, 2), ("h", 0, 2), ("h", 1, True), ("u:p@h", 1, 2)])
def test_an_asset_of_no_dashboard_is_refused(host: str, project: int, board: int) -> None:
    with pytest.raises(ValueError) as refused:
        assets.dashboard_asset(host, project, board)

    assert "u:p" not in str(refused.value)


class Event:
    def __init__(self) -> None:
        self.extra: dict[str, Any] = {}
        self.added: list[tuple[str, dict[str, Any]]] = []

    def add(self, asset: Asset, extra: dict[str, Any]) -> None:
        self.added.append((asset.uri, extra))


class Events:
    """By name: an asset of Airflow 3.1 is no key of a dict."""

    def __init__(self) -> None:
        self.made: dict[str, Event] = {}

    def __getitem__(self, outlet: Any) -> Event:
        return self.made.setdefault(outlet.name, Event())


def announce(outlets: list[Any], facts: dict[int, dict[str, Any]]) -> tuple[list[str], Events]:
    events = Events()
    context: Any = {"outlet_events": events}
    return assets.announce(context, outlets, facts, host="https://eu.posthog.com", project_id=1), events


def test_the_event_of_a_declared_asset_gets_the_facts_of_its_dashboard() -> None:
    mine = assets.dashboard_asset("eu.posthog.com", 1, 42, name="KPIs")
    others = [assets.dashboard_asset("eu.posthog.com", 2, 42), assets.dashboard_asset("us.posthog.com", 1, 42)]
    file = Asset("file://host/a")

    told, events = announce([mine, *others, file, "no asset"], {42: {"verdict": "pass"}})

    assert told == [mine.uri]
    assert {name: event.extra for name, event in events.made.items()} == {"KPIs": {"verdict": "pass"}}


def test_every_dashboard_is_announced_through_an_alias() -> None:
    alias = AssetAlias("boards")

    told, events = announce([alias], {42: {"n": 1}, 43: {"n": 2}})

    assert told == ["posthog://eu.posthog.com/1/42", "posthog://eu.posthog.com/1/43"]
    assert events[alias].added == [(told[0], {"n": 1}), (told[1], {"n": 2})]


def test_a_declared_dashboard_without_facts_is_left_alone() -> None:
    told, events = announce([assets.dashboard_asset("eu.posthog.com", 1, 42)], {43: {"n": 2}})

    assert (told, events.made) == ([], {})


def test_the_facts_of_a_refresh_are_plain_json() -> None:
    reference = SnapshotRef(uri="/s", sha256="0", dashboard_id=42, taken_at=NOON)
    outcome = RefreshOutcome(
        dashboard_id=42,
        url="https://eu.posthog.com/project/1/dashboard/42",
        status=RefreshStatus.REFRESHED,
        since=NOON,
        counts={"refreshed": 3},
        after=reference,
    )

    facts = json.loads(json.dumps(assets.refreshed_facts(outcome)))

    assert facts["tiles"] == {"refreshed": 3}
    assert facts["refreshed_since"] == "2026-06-01T12:00:00+00:00"
    assert (facts["snapshot_uri"], facts["finished_at"]) == ("/s", None)


def test_the_facts_of_an_analysis_name_verdict_last_refresh_changed_tiles_and_report() -> None:
    def tile(number: int, comparability: Comparability, hour: int | None) -> TileAnalysis:
        return TileAnalysis(
            tile_id=number,
            name=f"Tile {number}",
            kind=QueryKind.TRENDS,
            comparability=comparability,
            verdict=Verdict.PASS,
            summary="",
            last_refresh_after=NOON.replace(hour=hour) if hour is not None else None,
        )

    changed = [tile(number, Comparability.CHANGED, 3) for number in range(30)]
    analysis = Analysis(
        dashboard_id=42,
        dashboard_name="KPIs",
        project_id=1,
        host="https://eu.posthog.com",
        url="https://eu.posthog.com/project/1/dashboard/42",
        before_at=None,
        after_at=NOON,
        comparability=Comparability.CHANGED,
        status=Verdict.WARN,
        summary="Look at it.",
        tiles=[*changed, tile(99, Comparability.UNCHANGED, 9), tile(100, Comparability.NOTHING_CAPTURED, None)],
    )

    facts = json.loads(json.dumps(assets.analyzed_facts(analysis, report_uri="/report.html")))

    assert facts["verdict"] == "warn"
    assert facts["last_refresh"] == "2026-06-01T09:00:00+00:00"
    assert facts["changed_tiles"] == [f"Tile {number}" for number in range(20)]
    assert facts["changed_tiles_count"] == 30
    assert facts["report_uri"] == "/report.html"
