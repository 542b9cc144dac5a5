"""A figure that was measured, what it should reach, and the table of all of them."""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

#: Where measurements leave their files.
FOLDER = Path(__file__).resolve().parents[1] / "build" / "bench"


@dataclass(frozen=True)
class Figure:
    """One measured number beside its target.

    Attributes:
        limit: What has to be reached; None for a number that is only told.
        at_most: Whether the limit is an upper one.
        note: What was measured, and why it is not reached where it is not.
        details: The numbers behind it, for `bench.json`.
    """

    name: str
    value: float
    unit: str = "x"
    limit: float | None = None
    at_most: bool = True
    note: str = ""
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def reached(self) -> bool | None:
        """Whether the target is reached; None without one."""
        if self.limit is None:
            return None
        return self.value <= self.limit if self.at_most else self.value >= self.limit

    @property
    def target(self) -> str:
        """The target in words."""
        if self.limit is None:
            return "-"
        return f"{'<=' if self.at_most else '>='} {brief(self.limit)} {self.unit}"


def brief(value: float) -> str:
    """A number with three digits that matter."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def table(figures: Sequence[Figure]) -> str:
    """All figures, one a line, with their notes below."""
    verdicts = {True: "yes", False: "NO", None: ""}
    rows = [("figure", "target", "measured", "reached")]
    rows += [(each.name, each.target, f"{brief(each.value)} {each.unit}", verdicts[each.reached]) for each in figures]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines.insert(1, "  ".join("-" * width for width in widths))
    notes = [f"  {each.name}: {each.note}" for each in figures if each.note]
    return "\n".join([*lines, "", *notes])


def as_json(figures: Sequence[Figure]) -> list[dict[str, Any]]:
    """What `read` reads."""
    return [{**asdict(each), "reached": each.reached} for each in figures]


def read(file: Path) -> list[Figure]:
    """Figures that another process wrote."""
    return [Figure(**{k: v for k, v in each.items() if k != "reached"}) for each in json.loads(file.read_text())]


def median_ratio(pairs: Sequence[tuple[float, float]]) -> float:
    """The median over pairs of the first by the second: a disturbance hits both sides of a pair, or is one outlier."""
    return statistics.median(first / second for first, second in pairs)


def parser(description: str | None) -> argparse.ArgumentParser:
    """The arguments that every measurement takes."""
    arguments = argparse.ArgumentParser(description=(description or "").splitlines()[0])
    arguments.add_argument("--quick", action="store_true", help="small sizes: shows that it runs, measures little")
    arguments.add_argument("--json", type=Path, help="also write the figures here")
    return arguments


def tell(figures: Sequence[Figure], file: Path | None) -> None:
    """Print the figures, and write them where asked to."""
    print(table(figures), flush=True)
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(as_json(figures), indent=2) + "\n")


def main(measure: Callable[[bool], list[Figure]], description: str | None) -> None:
    """The command line of a measurement that needs no further arguments."""
    given = parser(description).parse_args()
    tell(measure(given.quick), given.json)
