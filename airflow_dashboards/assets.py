"""Dashboards as Airflow assets, so that DAGs can be scheduled on them: `posthog://<host>/<project>/<dashboard>`.

A task announces its dashboards: declare their assets as its outlets, or switch `emit_assets` on where they are known
only when the task runs. Each event then carries what became of the dashboard. Airflow drops the events of a task that
fails, so a dashboard behind a closed gate is never announced. Let one task of a run announce a dashboard, refresh or
analysis: with both, DAGs behind it run twice.

Example:
    >>> dashboard_asset("https://eu.posthog.com", 1, 42).uri
    'posthog://eu.posthog.com/1/42'
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urlsplit

from airflow.sdk import Asset, AssetAlias

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from airflow.sdk import AssetWatcher, Context

    from airflow_dashboards.analysis import Analysis
    from airflow_dashboards.refresh.outcome import RefreshOutcome

SCHEME = "posthog"
#: The alias through which tasks announce dashboards that no DAG file names; DAGs can be scheduled on it too.
REFRESHED = AssetAlias("posthog_dashboards_refreshed")
ANALYZED = AssetAlias("posthog_dashboards_analyzed")
#: Tiles named in an event; the rest is in the report.
MAX_TILES = 20
_FORM = "posthog://<host>/<project>/<dashboard>, e.g. posthog://eu.posthog.com/1/42"


@dataclass(frozen=True, slots=True)
class DashboardKey:
    """What identifies a dashboard in the world: where PostHog is, and two numbers.

    Example:
        >>> DashboardKey.parse("posthog://eu.posthog.com/1/42").dashboard_id
        42
    """

    #: Host of PostHog with its port, if it has one; lower case.
    host: str
    project_id: int
    dashboard_id: int

    @classmethod
    def of(cls, host: str, project_id: int, dashboard_id: int) -> DashboardKey:
        """Return the key for a connection's host, which may have a scheme, e.g. `https://eu.posthog.com`.

        Raises:
            ValueError: one of them can't be right.
        """
        netloc = (urlsplit(host).netloc if "://" in host else host.partition("/")[0]).lower()
        if not netloc or "@" in netloc:
            raise ValueError(f"{netloc.rpartition('@')[2]!r} is not a host of PostHog, such as eu.posthog.com")
        for number, what in ((project_id, "project"), (dashboard_id, "dashboard")):
            if isinstance(number, bool) or not isinstance(number, int) or number <= 0:
                raise ValueError(f"{number!r} is not the id of a {what}: a whole number above 0")
        return cls(netloc, project_id, dashboard_id)

    @classmethod
    def parse(cls, uri: str) -> DashboardKey:
        """Read the URI of a dashboard's asset.

        Raises:
            ValueError: it is none.
        """
        parts = urlsplit(uri)
        numbers = parts.path.strip("/").split("/")
        if parts.scheme.lower() != SCHEME or len(numbers) != 2 or not all(each.isdecimal() for each in numbers):
            raise ValueError(f"the URI of a PostHog dashboard is {_FORM}, not {parts._replace(query='').geturl()!r}")
        return cls.of(parts.netloc, int(numbers[0]), int(numbers[1]))

    @property
    def uri(self) -> str:
        """The URI of the dashboard's asset."""
        return f"{SCHEME}://{self.host}/{self.project_id}/{self.dashboard_id}"


def dashboard_asset(
    host: str,
    project_id: int,
    dashboard_id: int,
    *,
    name: str | None = None,
    watchers: Sequence[AssetWatcher] = (),
    extra: dict[str, Any] | None = None,
) -> Asset:
    """Return the asset of a dashboard, for `outlets=` of the task that refreshes it and `schedule=` of DAGs behind it.

    Args:
        host: of PostHog, as in the connection: `https://eu.posthog.com`.
        project_id: number of the project, as in PostHog's address bar.
        dashboard_id: number of the dashboard.
        name: what Airflow's pages call it; the URI by default. DAGs that mean the same asset must give the same name.
        watchers: e.g. one with a `PostHogDashboardWatchTrigger`.
        extra: facts about the asset itself.

    Raises:
        ValueError: host or a number can't be right.

    Example:
        >>> kpis = dashboard_asset("https://eu.posthog.com", 1, 42)
        >>> DAG("after_kpis", schedule=[kpis])  # doctest: +SKIP
    """
    uri = DashboardKey.of(host, project_id, dashboard_id).uri
    return Asset(name=name or uri, uri=uri, watchers=list(watchers), extra=extra or {})


def sanitize_uri(parts: SplitResult) -> SplitResult:
    """Check a `posthog://` URI and write it in its one form; Airflow calls it for every asset with this scheme.

    Raises:
        ValueError: it is no dashboard's.
    """
    return urlsplit(DashboardKey.parse(parts.geturl()).uri)


def refreshed_facts(outcome: RefreshOutcome) -> dict[str, Any]:
    """Return what the event of a refreshed dashboard carries. Pure; JSON, a few hundred bytes."""
    return {
        "event": "refreshed",
        "dashboard_id": outcome.dashboard_id,
        "dashboard_name": outcome.name,
        "url": outcome.url,
        "status": outcome.status.value,
        "tiles": dict(outcome.counts),
        "refreshed_since": _iso(outcome.since),
        "finished_at": _iso(outcome.finished_at),
        "snapshot_uri": outcome.after.uri if outcome.after else None,
        "snapshot_sha256": outcome.after.sha256 if outcome.after else None,
    }


def analyzed_facts(analysis: Analysis, *, report_uri: str | None = None) -> dict[str, Any]:
    """Return what the event of an analyzed dashboard carries: verdict, last refresh, changed tiles, report. Pure."""
    from airflow_dashboards.analysis import Comparability

    changed = [tile.name for tile in analysis.tiles if tile.comparability is Comparability.CHANGED]
    refreshed = [tile.last_refresh_after for tile in analysis.tiles if tile.last_refresh_after is not None]
    return {
        "event": "analyzed",
        "dashboard_id": analysis.dashboard_id,
        "dashboard_name": analysis.dashboard_name,
        "url": analysis.url,
        "verdict": analysis.status.value,
        "comparability": analysis.comparability.value,
        "summary": analysis.summary,
        "last_refresh": _iso(max(refreshed, default=None)),
        "changed_tiles": changed[:MAX_TILES],
        "changed_tiles_count": len(changed),
        "report_uri": report_uri,
    }


def announce(
    context: Context, outlets: Sequence[Any], facts: Mapping[int, dict[str, Any]], *, host: str, project_id: int
) -> list[str]:
    """Hand Airflow the facts about dashboards, for the events it makes when the task succeeds.

    An outlet that is the asset of one of the dashboards has its facts put on its event; through each alias among the
    outlets every dashboard is announced.

    Args:
        context: the task's.
        outlets: the task's.
        facts: by dashboard id; only of dashboards that are to be announced.
        host: of the connection.
        project_id: of the connection.

    Returns:
        URIs that were announced.
    """
    events = context["outlet_events"]
    told: dict[str, None] = {}
    for outlet in outlets:
        if isinstance(outlet, AssetAlias):
            for dashboard_id, extra in facts.items():
                asset = dashboard_asset(host, project_id, dashboard_id)
                events[outlet].add(asset, extra=extra)
                told[asset.uri] = None
        elif isinstance(outlet, Asset) and (dashboard_id := _of_project(outlet, host, project_id)) in facts:
            events[outlet].extra.update(facts[dashboard_id])
            told[outlet.uri] = None
    return list(told)


def _of_project(asset: Asset, host: str, project_id: int) -> int:
    """Return the id of the dashboard whose asset this is, 0 where it is none of this project."""
    if not asset.uri.startswith(f"{SCHEME}://"):
        return 0
    key = DashboardKey.parse(asset.uri)
    return key.dashboard_id if key == DashboardKey.of(host, project_id, key.dashboard_id) else 0


def _iso(when: datetime | None) -> str | None:
    return when.isoformat() if when is not None else None
