"""Verdicts of earlier runs, beside the snapshots: one small file per run; the oldest are let go."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import to_json

from airflow_dashboards.analysis import Analysis, Comparability, Verdict
from airflow_dashboards.analysis.report import PastVerdict, history_key
from airflow_dashboards.refresh.files import names, safe_name, writing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from airflow_dashboards.refresh.store import SnapshotStore

#: Records kept per dashboard and task: a quarter of daily runs.
KEEP = 100
_STAMP = "%Y%m%dT%H%M%SZ"
#: How far back a streak is followed.
LONGEST_STREAK = 30


class VerdictRecord(BaseModel):
    """What one run said of a dashboard."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    #: When the run looked: the instant of its picture after.
    at: datetime
    run: str
    status: Verdict
    comparability: Comparability
    #: Tile id -> verdict, of the tiles that did not pass.
    tiles: dict[int, Verdict] = Field(default_factory=dict)

    @classmethod
    def of(cls, analysis: Analysis, run: str) -> VerdictRecord:
        """Return what is worth keeping of an analysis."""
        return cls(
            at=analysis.after_at,
            run=run,
            status=analysis.status,
            comparability=analysis.comparability,
            tiles={tile.tile_id: tile.verdict for tile in analysis.tiles_with(Verdict.WARN, Verdict.FAIL)},
        )


class VerdictHistory:
    """What was said of a dashboard, run after run.

    Layout: `<root>/<host>/<project>/<dashboard>/history/<source>/<at>-<run>.json`. A source is a task that judges the
    dashboard: a daily comparison and one with last week do not continue each other's streaks.

    Args:
        store: beside whose snapshots it lives.
        keep: records kept per dashboard and source; older ones are removed when one is added.

    Example:
        >>> history = VerdictHistory(store)
        >>> history.add(analysis, source="nightly.kpis.analyze", run=run_id)
        >>> history.recent(host=host, project_id=1, dashboard_id=42, source="nightly.kpis.analyze")[0].status
        <Verdict.PASS: 'pass'>
    """

    def __init__(self, store: SnapshotStore, *, keep: int = KEEP) -> None:
        if keep < 1:
            raise ValueError(f"a history keeps at least one record, not {keep}")
        self._store = store
        self._keep = keep

    def add(self, analysis: Analysis, *, source: str, run: str) -> str:
        """Write what an analysis said and return the file's address. A run has one record: its last.

        Raises:
            OSError: the storage refuses it.
        """
        folder = self._folder(analysis.host, analysis.project_id, analysis.dashboard_id, source)
        path = folder / f"{analysis.after_at.astimezone(timezone.utc):{_STAMP}}-{safe_name(run)}.json"
        with writing(path) as file:
            file.write(to_json(VerdictRecord.of(analysis, run)))
        present = names(folder)
        superseded = [name for name in present if _run_part(name) == _run_part(path.name) and name != path.name]
        kept = [name for name in present if name not in superseded]
        for name in [*superseded, *kept[: -self._keep]]:
            with suppress(FileNotFoundError):  # another task lets go of the same one
                (folder / name).unlink()
        return str(path)

    def recent(
        self, *, host: str, project_id: int, dashboard_id: int, source: str, limit: int = LONGEST_STREAK
    ) -> list[VerdictRecord]:
        """Return the latest records, newest first.

        Raises:
            OSError: the storage can't be read.
            ValueError: a file is no record.
        """
        return list(self._newest_first(self._folder(host, project_id, dashboard_id, source), limit))

    def streak(self, analysis: Analysis, *, source: str, run: str) -> list[VerdictRecord]:
        """Return the earlier runs, newest first, that found something on this dashboard too, without a pass between.

        Reads nothing where the analysis passes, and no further back than the last pass.

        Raises:
            OSError: the storage can't be read.
            ValueError: a file is no record.
        """
        if analysis.status is Verdict.PASS:
            return []
        folder = self._folder(analysis.host, analysis.project_id, analysis.dashboard_id, source)
        found = []
        for record in self._newest_first(folder, LONGEST_STREAK, without=run):
            if record.status is Verdict.PASS:
                break
            found.append(record)
        return found

    def _newest_first(self, folder: Any, limit: int, without: str | None = None) -> Iterator[VerdictRecord]:
        own = None if without is None else f"{safe_name(without)}.json"
        for name in [name for name in reversed(names(folder)) if _run_part(name) != own][:limit]:
            with (folder / name).open("rb") as file:
                yield VerdictRecord.model_validate_json(file.read())

    def _folder(self, host: str, project_id: int, dashboard_id: int, source: str) -> Any:
        dashboard = self._store.folder(host=host, project_id=project_id, dashboard_id=dashboard_id)
        return dashboard / "history" / safe_name(source)


def past_verdicts(analysis: Analysis, earlier: Sequence[VerdictRecord]) -> dict[str, list[PastVerdict]]:
    """Return earlier verdicts as `ReportContext.history` wants them, for the dashboard and its tiles to look at."""
    found = {
        history_key(analysis.dashboard_id): [PastVerdict(when=record.at, verdict=record.status) for record in earlier]
    }
    for tile in analysis.tiles_with(Verdict.WARN, Verdict.FAIL):
        found[history_key(analysis.dashboard_id, tile.tile_id)] = [
            PastVerdict(when=record.at, verdict=record.tiles.get(tile.tile_id, Verdict.PASS)) for record in earlier
        ]
    return found


def runs_in_a_row(verdict: Verdict, earlier: Iterable[Verdict]) -> int:
    """Return for how many runs something has not passed, this one included; 0 where it passes now.

    Args:
        verdict: of this run.
        earlier: of the runs before, newest first.

    Example:
        >>> runs_in_a_row(Verdict.FAIL, [Verdict.WARN, Verdict.FAIL, Verdict.PASS, Verdict.FAIL])
        3
    """
    count = 0
    for each in (verdict, *earlier):
        if each is Verdict.PASS:
            break
        count += 1
    return count


def judged_at(dashboard_folder: Any) -> set[datetime]:
    """Return the instants, to the second, of the pictures that any task has judged and the history still knows."""
    history = dashboard_folder / "history"
    found = {stamped_at(name) for source in names(history) for name in names(history / source)}
    return {each for each in found if each is not None}


def stamped_at(name: str) -> datetime | None:
    """Return the instant at the beginning of a file's name, or None where there is none.

    Example:
        >>> stamped_at("20260601T060000Z-manual.json").isoformat()
        '2026-06-01T06:00:00+00:00'
    """
    try:
        return datetime.strptime(name.partition("-")[0], _STAMP).replace(tzinfo=timezone.utc)
    except ValueError:
        return None


def _run_part(name: str) -> str:
    """Return a record's file name without its instant."""
    return name.partition("-")[2]
