"""What the commands print: text for people, JSON for programs, a progress bar where somebody watches."""

from __future__ import annotations

import sys
import unicodedata
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pydantic_core import to_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from airflow_dashboards.refresh.batch import Journal


def say(text: str = "") -> None:
    """Print a line of a command's answer. What would steer the terminal is left out: names come from PostHog."""
    sys.stdout.write(harmless(text) + "\n")


def complain(text: str) -> None:
    """Print a line to the error stream."""
    sys.stderr.write(harmless(text) + "\n")


def say_json(value: Any) -> None:
    """Print a value as JSON."""
    sys.stdout.write(to_json(value, indent=2).decode() + "\n")


def harmless(text: str) -> str:
    r"""Return a text without control characters, line breaks aside, and without those that turn its direction.

    Example:
        >>> harmless("a\x1b[2Jb")
        'a[2Jb'
    """
    return "".join(each for each in text if each in "\n\t" or unicodedata.category(each) not in ("Cc", "Cf"))


def columns(titles: Sequence[str], rows: Sequence[Sequence[str]], *, widest: int = 60) -> str:
    """Return rows as aligned plain text.

    Example:
        >>> print(columns(["ID", "NAME"], [["1", "Shop"]]))
        ID   NAME
        1    Shop
    """
    from rich.cells import cell_len, set_cell_size

    cells = [
        [each if cell_len(each) <= widest else set_cell_size(each, widest - 1) + "…" for each in map(_one_line, row)]
        for row in [titles, *rows]
    ]
    widths = [max(map(cell_len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        "   ".join(set_cell_size(cell, width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    )


def _one_line(text: str) -> str:
    return harmless(" ".join(text.split()))


@contextmanager
def progress(total: Callable[[], int | None], *, shown: bool) -> Iterator[Journal]:
    """Show how far a refresh is, on the error stream, while the block runs; yields the journal to hand to the refresh.

    Args:
        total: how many dashboards there are; None while that is not known.
        shown: whether to show anything.
    """
    if not shown or not sys.stderr.isatty():
        yield lambda _changes: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    tally = Tally()
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    ) as bar:
        task = bar.add_task("asking PostHog", total=None)

        def journal(changes: list[dict[str, Any]]) -> None:
            tally.note(changes)
            bar.update(task, description=tally.describe(), completed=len(tally.done), total=total())

        yield journal


class Tally:
    """Counts what the changes of a ledger tell.

    Example:
        >>> tally = Tally()
        >>> tally.note([{"dashboard_id": 42, "phase": "kicked", "kick": {"pending": ["a", "b"]}}])
        >>> tally.describe()
        'computing 2 tiles'
    """

    def __init__(self) -> None:
        self.done: set[int] = set()
        self._computing: dict[int, int] = {}

    def note(self, changes: Sequence[dict[str, Any]]) -> None:
        """Take in what changed."""
        for change in changes:
            if (dashboard_id := change.get("dashboard_id")) is None:
                continue
            self._computing.pop(dashboard_id, None)
            if change.get("phase") == "done":
                self.done.add(dashboard_id)
            elif kick := change.get("kick"):
                self._computing[dashboard_id] = len(kick.get("pending", ()))

    def describe(self) -> str:
        """Say what PostHog is at."""
        tiles = sum(self._computing.values())
        return f"computing {tiles} tiles" if tiles else "reading"
