"""Scoring verdicts against the truth: per class, and over all tiles.

Of a class with few tiles one miss says nothing: 11 of 12 may be chance for a judge that finds 99 of 100. So the least
that is found of any class is taken over classes of at least `ENOUGH` tiles, each by itself, and over all smaller ones
taken together, as `harm/(small classes)`. Every class is printed with its counts, whatever its size.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_dashboards.analysis import Rules, Verdict, compare
from benchmarks.judgement.simple import RULES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from benchmarks.judgement.dashboards import Dashboard

OURS = "compare"
#: Tiles of a class from which its recall is held to the target by itself.
ENOUGH = 40
SMALL = "harm/(small classes)"


@dataclass
class Score:
    """Hits and alarms of one judge."""

    #: class -> (tiles, alarms)
    classes: dict[str, tuple[int, int]] = field(default_factory=dict)
    #: A few of the tiles that were judged wrongly.
    wrong: list[dict[str, Any]] = field(default_factory=list)

    def add(self, name: str, *, alarm: bool) -> None:
        tiles, alarms = self.classes.get(name, (0, 0))
        self.classes[name] = (tiles + 1, alarms + alarm)

    def _sum(self, prefix: str) -> tuple[int, int]:
        some = [counts for name, counts in self.classes.items() if name.startswith(prefix)]
        return sum(tiles for tiles, _ in some), sum(alarms for _, alarms in some)

    @property
    def recall(self) -> float:
        harmed, found = self._sum("harm/")
        return found / harmed if harmed else 1.0

    @property
    def false_alarms(self) -> float:
        benign, alarms = self._sum("benign/")
        return alarms / benign if benign else 0.0

    @property
    def precision(self) -> float:
        found, alarms = self._sum("harm/")[1], self._sum("benign/")[1]
        return found / (found + alarms) if found + alarms else 1.0

    @property
    def f1(self) -> float:
        return (
            2 * self.precision * self.recall / (self.precision + self.recall) if self.precision + self.recall else 0.0
        )

    @property
    def small(self) -> tuple[int, int]:
        """Tiles, and alarms, of the classes of harm that are too small to be held to anything by themselves."""
        some = [counts for name, counts in self.classes.items() if name.startswith("harm/") and counts[0] < ENOUGH]
        return sum(tiles for tiles, _ in some), sum(alarms for _, alarms in some)

    @property
    def weakest(self) -> tuple[str, float]:
        """The class of harm found least often, small ones taken together."""
        held = {name: each for name, each in self.classes.items() if name.startswith("harm/") and each[0] >= ENOUGH}
        if self.small[0]:
            held[SMALL] = self.small
        rates = [(name, alarms / tiles) for name, (tiles, alarms) in held.items()]
        return min(rates, key=lambda item: (item[1], item[0]), default=("none", 1.0))


def score(dashboards: Iterable[Dashboard], rules: Rules | None = None) -> dict[str, Score]:
    scores = {name: Score() for name in (OURS, *RULES)}
    for number, board in enumerate(dashboards):
        analysis = compare(board.before, board.after, rules)
        for tile in analysis.tiles:
            name = board.truth[tile.tile_id]
            alarm = tile.verdict is not Verdict.PASS
            scores[OURS].add(name, alarm=alarm)
            if alarm is not name.startswith("harm/"):
                scores[OURS].wrong.append(
                    {
                        "dashboard": number,
                        "tile": tile.tile_id,
                        "class": name,
                        "kind": tile.kind.value,
                        "said": tile.summary,
                    }
                )
            for rule_name, rule in RULES.items():
                scores[rule_name].add(name, alarm=rule(board.before.tile(tile.tile_id), board.after.tile(tile.tile_id)))
    return scores


def table(scores: dict[str, Score]) -> str:
    ours = scores[OURS]
    lines = [f"{'class':34}{'tiles':>7}{'alarms':>8}{'rate':>8}"]
    for name, (tiles, alarms) in sorted(ours.classes.items()):
        lines.append(f"{name:34}{tiles:>7}{alarms:>8}{alarms / tiles:>8.3f}")
    tiles, alarms = ours.small
    if tiles:
        title = f"{SMALL}, below {ENOUGH}"
        lines.append(f"{title:34}{tiles:>7}{alarms:>8}{alarms / tiles:>8.3f}")
    lines += ["", f"{'judge':24}{'F1':>8}{'precision':>11}{'recall':>8}{'false alarms':>14}{'weakest class':>38}"]
    for name, each in scores.items():
        weakest, rate = each.weakest
        lines.append(
            f"{name:24}{each.f1:>8.3f}{each.precision:>11.3f}{each.recall:>8.3f}{each.false_alarms:>14.4f}"
            f"{f'{weakest} {rate:.2f}':>38}"
        )
    return "\n".join(lines)


def as_json(scores: dict[str, Score]) -> dict[str, Any]:
    return {
        name: {
            "f1": round(each.f1, 4),
            "precision": round(each.precision, 4),
            "recall": round(each.recall, 4),
            "false_alarms": round(each.false_alarms, 5),
            "small": {"below": ENOUGH, "tiles": each.small[0], "alarms": each.small[1]},
            "weakest": {"class": each.weakest[0], "recall": round(each.weakest[1], 4)},
            "classes": {
                key: {"tiles": tiles, "alarms": alarms} for key, (tiles, alarms) in sorted(each.classes.items())
            },
            **({"wrong": each.wrong} if name == OURS else {}),
        }
        for name, each in scores.items()
    }
