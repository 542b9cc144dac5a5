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


class Lasting(BaseModel):
    """How long something has not passed, by one run."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    #: Runs in a row, this one included.
    runs: int = Field(ge=1)
    #: When the first of them looked.
    since: datetime


class VerdictRecord(BaseModel):
    """What one run said of a dashboard."""

    # Who reads a record may be older or newer than the worker that wrote it.
    model_config = ConfigDict(frozen=True, extra="ignore")

    #: When the run looked: the instant of its picture after.
    at: datetime
    run: str
    status: Verdict
    comparability: Comparability
    #: Tile id -> verdict, of the tiles that did not pass.
    tiles: dict[int, Verdict] = Field(default_factory=dict)
    #: How long the dashboard, and each of those tiles, had not passed: what records long let go said.
    lasting: Lasting | None = None
    tiles_lasting: dict[int, Lasting] = Field(default_factory=dict)

    @classmethod
    def of(cls, analysis: Analysis, run: str, earlier: Sequence[VerdictRecord] = ()) -> VerdictRecord:
        """Return what is worth keeping of an analysis, given the runs before that found something too."""
        return cls(
            at=analysis.after_at,
            run=run,
            status=analysis.status,
            comparability=analysis.comparability,
            tiles={tile.tile_id: tile.verdict for tile in analysis.tiles_with(Verdict.WARN, Verdict.FAIL)},
            lasting=lasting(analysis, earlier),
            tiles_lasting=tiles_lasting(analysis, earlier),
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
        #: Addresses of records met that can't be read; they are left out.
        self.damaged: list[str] = []

    def add(self, analysis: Analysis, *, source: str, run: str, earlier: Sequence[VerdictRecord] | None = None) -> str:
        """Write what an analysis said and return the file's address. A run has one record: its last.

        Args:
            analysis: What was said.
            source: The task that judged.
            run: Its run.
            earlier: What `streak` returned; read here where it is not given.

        Raises:
            OSError: the storage refuses it.
        """
        if earlier is None:
            earlier = self.streak(analysis, source=source, run=run)
        folder = self._folder(analysis.host, analysis.project_id, analysis.dashboard_id, source)
        path = folder / f"{analysis.after_at.astimezone(timezone.utc):{_STAMP}}-{safe_name(run)}.json"
        with writing(path) as file:
            file.write(to_json(VerdictRecord.of(analysis, run, earlier)))
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
        """Return the latest records, newest first; those that can't be read are left out, and named in `damaged`.

        Raises:
            OSError: the storage can't be read.
        """
        return list(self._newest_first(self._folder(host, project_id, dashboard_id, source), limit))

    def streak(self, analysis: Analysis, *, source: str, run: str) -> list[VerdictRecord]:
        """Return the earlier runs, newest first, that found something on this dashboard too, without a pass between.

        Reads nothing where the analysis passes, and no further back than the last pass or `LONGEST_STREAK` runs: how
        long it went on before those is known to the oldest of them (`VerdictRecord.lasting`). Runs that looked later,
        where this one is of older pictures, are not earlier ones.

        Raises:
            OSError: the storage can't be read.
        """
        if analysis.status is Verdict.PASS:
            return []
        folder = self._folder(analysis.host, analysis.project_id, analysis.dashboard_id, source)
        found: list[VerdictRecord] = []
        for record in self._newest_first(folder, LONGEST_STREAK, without=run, until=analysis.after_at):
            if record.status is Verdict.PASS:
                if found:  # it ends here, whatever was counted when that pass was not there yet
                    found[-1] = found[-1].model_copy(update={"lasting": None, "tiles_lasting": {}})
                break
            found.append(record)
        return found

    def _newest_first(
        self, folder: Any, limit: int, *, without: str | None = None, until: datetime | None = None
    ) -> Iterator[VerdictRecord]:
        own = None if without is None else f"{safe_name(without)}.json"
        present = [name for name in reversed(names(folder)) if _run_part(name) != own and _not_after(name, until)]
        for name in present[:limit]:
            try:
                with (folder / name).open("rb") as file:
                    record = VerdictRecord.model_validate_json(file.read())
            except FileNotFoundError:  # another task has let go of it
                continue
            except ValueError:
                if str(folder / name) not in self.damaged:
                    self.damaged.append(str(folder / name))
                continue
            yield record

    def _folder(self, host: str, project_id: int, dashboard_id: int, source: str) -> Any:
        dashboard = self._store.folder(host=host, project_id=project_id, dashboard_id=dashboard_id)
        return dashboard / "history" / safe_name(source)


def past_verdicts(analysis: Analysis, earlier: Sequence[VerdictRecord]) -> dict[str, list[PastVerdict]]:
    """Return earlier verdicts as `ReportContext.history` wants them, for the dashboard and its tiles to look at."""
    found = {
        history_key(analysis.dashboard_id): [_past(record.at, record.status, record.lasting) for record in earlier]
    }
    for tile in analysis.tiles_with(Verdict.WARN, Verdict.FAIL):
        found[history_key(analysis.dashboard_id, tile.tile_id)] = [
            _past(record.at, record.tiles.get(tile.tile_id, Verdict.PASS), record.tiles_lasting.get(tile.tile_id))
            for record in earlier
        ]
    return found


def _past(when: datetime, verdict: Verdict, known: Lasting | None) -> PastVerdict:
    if known is None:
        return PastVerdict(when=when, verdict=verdict)
    return PastVerdict(when=when, verdict=verdict, runs=known.runs, since=known.since)


def lasting(analysis: Analysis, earlier: Iterable[VerdictRecord]) -> Lasting | None:
    """Return for how long the dashboard has not passed, given the runs before, newest first; None where it passes."""
    return _lasting(analysis.status, analysis.after_at, ((each.status, each.at, each.lasting) for each in earlier))


def tiles_lasting(analysis: Analysis, earlier: Sequence[VerdictRecord]) -> dict[int, Lasting]:
    """Return for how long each tile has needed a look, by tile id; tiles that pass are not among them."""
    found = {}
    for tile in analysis.tiles_with(Verdict.WARN, Verdict.FAIL):
        told = (
            (each.tiles.get(tile.tile_id, Verdict.PASS), each.at, each.tiles_lasting.get(tile.tile_id))
            for each in earlier
        )
        if (known := _lasting(tile.verdict, analysis.after_at, told)) is not None:
            found[tile.tile_id] = known
    return found


def _lasting(
    verdict: Verdict, at: datetime, earlier: Iterable[tuple[Verdict, datetime, Lasting | None]]
) -> Lasting | None:
    if verdict is Verdict.PASS:
        return None
    runs, since, known = 1, at, None
    for was, when, then in earlier:
        if was is Verdict.PASS:
            return Lasting(runs=runs, since=since)
        runs, since, known = runs + 1, when, then
    if known is None:
        return Lasting(runs=runs, since=since)
    return Lasting(runs=runs + known.runs - 1, since=known.since)


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


def _not_after(name: str, until: datetime | None) -> bool:
    """Whether a record is of a picture no younger than that instant, to the second."""
    stamp = stamped_at(name)
    return until is None or stamp is None or stamp <= until.astimezone(timezone.utc)


def _run_part(name: str) -> str:
    """Return a record's file name without its instant."""
    return name.partition("-")[2]
