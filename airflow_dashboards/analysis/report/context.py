"""What a report tells beside the analyses: which run it belongs to, links, notes, a narrative, earlier verdicts."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from airflow_dashboards.analysis.model import Verdict


class PastVerdict(BaseModel):
    """What an earlier run said of a dashboard or a tile.

    Example:
        >>> PastVerdict(when=datetime(2026, 6, 1, tzinfo=timezone.utc), verdict=Verdict.WARN)
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    when: datetime
    verdict: Verdict
    #: For how many runs in a row it had not passed by then, and since when: so a streak need not be told run by run.
    runs: int = 1
    since: datetime | None = None


class ReportContext(BaseModel):
    """Facts about the run that a report shows around the analyses; all of them optional.

    Example:
        >>> ReportContext(dag_id="nightly_load", run_id="manual__1", links={"Airflow run": "https://airflow.example/run"})
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    dag_id: str | None = None
    run_id: str | None = None
    logical_date: datetime | None = None
    #: A text somebody or something else wrote about the analyses. It never decides anything and is shown as such.
    narrative: str | None = None
    #: Who wrote it, e.g. `PostHog AI`.
    narrative_source: str | None = None
    #: Passages of the narrative that the analyses don't bear out; they are marked where they stand.
    narrative_unverified: list[str] = Field(default_factory=list)
    #: Label -> address. Only http and https addresses without credentials are shown.
    links: dict[str, str] = Field(default_factory=dict)
    #: Plain sentences, e.g. `PostHog's own analysis is not available, because the build has none.`
    notes: list[str] = Field(default_factory=list)
    #: `history_key(...)` -> verdicts of earlier runs, in any order, this run not among them.
    history: dict[str, list[PastVerdict]] = Field(default_factory=dict)


def history_key(dashboard_id: int, tile_id: int | None = None) -> str:
    """Return the key under which `ReportContext.history` keeps a dashboard's or a tile's earlier verdicts.

    Example:
        >>> history_key(42, 7)
        'dashboard:42/tile:7'
    """
    dashboard = f"dashboard:{dashboard_id}"
    return dashboard if tile_id is None else f"{dashboard}/tile:{tile_id}"
