"""What the page shows, decided from the runs that the reader may see. Pure."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from airflow_dashboards.plugin.index import Look, Run

#: From the one to be woken for to the one to be glad of.
WORST_FIRST = ("fail", "warn", "pass")
_RANK = {status: rank for rank, status in enumerate(WORST_FIRST)}


class Seen(NamedTuple):
    """A dashboard in one run."""

    run: Run
    look: Look


class Board:
    """A dashboard and every look at it.

    A hundred thousand looks are kept as two flat lists: objects of their own would keep the collector of garbage busy.
    """

    __slots__ = ("_looks", "_runs", "dags", "key")

    def __init__(self, key: str) -> None:
        self.key = key
        self.dags: set[str] = set()
        self._runs: list[Run] = []
        self._looks: list[Look] = []

    def add(self, run: Run, look: Look) -> None:
        """Add a look, later than those before."""
        self._runs.append(run)
        self._looks.append(look)
        self.dags.add(run.dag_id)

    @property
    def latest(self) -> Seen:
        """The last look."""
        return Seen(self._runs[-1], self._looks[-1])

    def newest_first(self) -> Iterator[Seen]:
        """Return every look, the last first."""
        return map(Seen, reversed(self._runs), reversed(self._looks))

    def days(self, length: int) -> dict[str, Seen]:
        """Return per day (`2026-06-01`, UTC) the worst that a run said of it, and of equally bad ones the last."""
        found: dict[str, Seen] = {}
        for seen in self.newest_first():
            day = f"{seen.run.at:%Y-%m-%d}"
            known = found.get(day)
            if known is None:
                if len(found) == length:
                    break
                found[day] = seen
            elif rank(seen.look.status) < rank(known.look.status):
                found[day] = seen
        return found

    @property
    def words(self) -> str:
        """What a search looks through."""
        look = self._looks[-1]
        return " ".join([look.name, self.key, look.summary, *look.tags, *sorted(self.dags)]).casefold()


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
        self.boards: dict[str, Board] = {}
        for run in runs:
            for look in run.looks:
                board = self.boards.get(look.dashboard)
                if board is None:
                    board = self.boards[look.dashboard] = Board(look.dashboard)
                board.add(run, look)
        self._words = {key: board.words for key, board in self.boards.items()}

    def chosen(self, *, text: str = "", verdict: str = "", dag: str = "", tag: str = "") -> list[Board]:
        """Return the dashboards that pass all filters: those that need a look first, then by name.

        Args:
            text: words that must all occur in name, address, summary, tags or DAG.
            verdict: of the last look.
            dag: a DAG that has looked at it.
            tag: one that it had at the last look.
        """
        words = text.casefold().split()
        found = [
            board
            for key, board in self.boards.items()
            if (not verdict or board.latest.look.status == verdict)
            and (not dag or dag in board.dags)
            and (not tag or tag in board.latest.look.tags)
            and all(word in self._words[key] for word in words)
        ]
        return sorted(found, key=lambda board: (rank(board.latest.look.status), board.latest.look.name.casefold()))

    def dags(self) -> list[str]:
        """Return every DAG that has looked at something."""
        return sorted(set().union(*(board.dags for board in self.boards.values())))

    def tags(self) -> list[str]:
        """Return every tag that a dashboard had at its last look."""
        return sorted({tag for board in self.boards.values() for tag in board.latest.look.tags}, key=str.casefold)


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
    known = board.days(length)
    return [
        {"day": day, "verdict": seen.look.status, "run": seen.run.key} if (seen := known.get(day)) else {"day": day}
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
        "tags": look.tags,
        "verdict": look.status,
        "summary": look.summary,
        "runs_in_a_row": look.runs_in_a_row,
    }
