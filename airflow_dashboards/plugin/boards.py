"""What the page shows, decided from the runs that the reader may see. Pure."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from airflow_dashboards.plugin.index import Look, Run

#: From the one to be woken for to the one to be glad of.
WORST_FIRST = ("fail", "warn", "pass")
_RANK = {status: rank for rank, status in enumerate(WORST_FIRST)}


class Seen(NamedTuple):
    """A dashboard in one run."""

    run: Run
    look: Look


class Board(NamedTuple):
    """A dashboard, the last look at it, and its days."""

    key: str
    latest: Seen
    #: Day (`2026-06-01`, UTC) -> the worst that a run said of it on that day.
    days: dict[str, Seen]
    dags: frozenset[str]

    @property
    def words(self) -> str:
        """What a search looks through."""
        look = self.latest.look
        return f"{look.name} {self.key} {look.summary} {' '.join(self.dags)}".casefold()


class Boards:
    """All dashboards of a reader.

    Args:
        runs: those the reader may see, the oldest first.

    Example:
        >>> boards = Boards(index.runs())
        >>> [board.key for board in boards.chosen(verdict="fail")]
        ['eu.posthog.com/1/42']
    """

    def __init__(self, runs: Iterable[Run]) -> None:
        seen: dict[str, tuple[list[Seen], dict[str, Seen], set[str]]] = {}
        for run in runs:
            day = f"{run.at:%Y-%m-%d}"
            for look in run.looks:
                last, days, dags = seen.setdefault(look.dashboard, ([], {}, set()))
                here = Seen(run, look)
                last[:] = [here]
                if day not in days or rank(look.status) <= rank(days[day].look.status):
                    days[day] = here
                dags.add(run.dag_id)
        self.boards = {key: Board(key, last[0], days, frozenset(dags)) for key, (last, days, dags) in seen.items()}
        self._words = {key: board.words for key, board in self.boards.items()}

    def chosen(self, *, text: str = "", verdict: str = "", dag: str = "") -> list[Board]:
        """Return the dashboards that pass all filters: those that need a look first, then by name.

        Args:
            text: words that must all occur in name, address, summary or DAG.
            verdict: of the last look.
            dag: a DAG that has looked at it.
        """
        words = text.casefold().split()
        found = [
            board
            for key, board in self.boards.items()
            if (not verdict or board.latest.look.status == verdict)
            and (not dag or dag in board.dags)
            and all(word in self._words[key] for word in words)
        ]
        return sorted(found, key=lambda board: (rank(board.latest.look.status), board.latest.look.name.casefold()))

    def dags(self) -> list[str]:
        """Return every DAG that has looked at something."""
        return sorted(set().union(*(board.dags for board in self.boards.values())))


def rank(status: str) -> int:
    """Return 0 for the worst verdict."""
    return _RANK.get(status, len(WORST_FIRST))


def verdicts(boards: Sequence[Board]) -> dict[str, int]:
    """Count the last verdicts."""
    counts = Counter(board.latest.look.status for board in boards)
    return {status: counts[status] for status in WORST_FIRST}


def strip(board: Board, *, today: datetime, length: int) -> list[dict[str, Any]]:
    """Return the last days of a dashboard, the oldest first; a day without a run has no verdict."""
    last = today.astimezone(timezone.utc).date()
    days = [f"{last - timedelta(days=ago):%Y-%m-%d}" for ago in range(length - 1, -1, -1)]
    return [
        {"day": day, "verdict": seen.look.status, "run": seen.run.key}
        if (seen := board.days.get(day))
        else {"day": day}
        for day in days
    ]


def run_facts(run: Run) -> dict[str, Any]:
    """Return what identifies a run."""
    return {
        "run": run.key,
        "dag_id": run.dag_id,
        "run_id": run.run_id,
        "task_id": run.task_id,
        "map_index": run.map_index,
        "at": run.at.isoformat(),
        "title": run.title,
        "dashboards": len(run.looks),
        "unreadable": run.unreadable,
        "verdict": min((look.status for look in run.looks), key=rank, default=None),
    }


def look_facts(look: Look) -> dict[str, Any]:
    """Return what a run said of a dashboard, in short."""
    return {
        "dashboard": look.dashboard,
        "name": look.name,
        "url": look.url,
        "verdict": look.status,
        "summary": look.summary,
        "runs_in_a_row": look.runs_in_a_row,
    }
