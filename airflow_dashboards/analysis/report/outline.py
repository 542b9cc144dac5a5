"""What a report says first and in which order: the headline, the groups of tiles, how long it has been going on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from enum import Enum
from itertools import pairwise
from typing import TYPE_CHECKING

from airflow_dashboards.analysis.model import Analysis, Comparability, Finding, Severity, TileAnalysis, Verdict
from airflow_dashboards.analysis.report.context import PastVerdict, ReportContext, history_key
from airflow_dashboards.analysis.report.words import count, cut, listed, ordinal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

_VERDICT_RANK = {Verdict.FAIL: 0, Verdict.WARN: 1, Verdict.PASS: 2}
_SEVERITY_RANK = {Severity.FAIL: 0, Severity.WARN: 1, Severity.INFO: 2}
#: Longest name in a headline, and how many names it holds.
_HEADLINE_NAME, _HEADLINE_NAMES = 48, 3


class Group(str, Enum):
    """Where a tile stands in a report, by what a reader has to do about it."""

    ATTENTION = "attention"  # warn or fail: look at it
    CHANGED = "changed"  # moved, as the rules allow
    NOT_COMPARED = "not_compared"  # nothing to hold against each other: not the same as unchanged
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Headline:
    """The sentence at the top; `names` come from PostHog and are for the medium to escape."""

    lead: str
    names: tuple[str, ...] = ()
    more: int = 0

    def sentence(self, render: Callable[[str], str] = str) -> str:
        """Return the whole sentence, each name passed through `render`."""
        if not self.names:
            return f"{self.lead}."
        return f"{self.lead}: {listed([render(name) for name in self.names], self.more)}."


def group(tile: TileAnalysis) -> Group:
    """Return the group a tile belongs to."""
    if tile.verdict is not Verdict.PASS:
        return Group.ATTENTION
    if tile.comparability in {Comparability.NOTHING_CAPTURED, Comparability.NOTHING_COMPARABLE}:
        return Group.NOT_COMPARED
    return Group.CHANGED if tile.comparability is Comparability.CHANGED else Group.UNCHANGED


def grouped(analysis: Analysis) -> dict[Group, list[TileAnalysis]]:
    """Return the tiles of an analysis by group, worst verdict first within each."""
    groups: dict[Group, list[TileAnalysis]] = {each: [] for each in Group}
    for tile in sorted(analysis.tiles, key=lambda tile: _VERDICT_RANK[tile.verdict]):
        groups[group(tile)].append(tile)
    return groups


def worst_first(analyses: Iterable[Analysis]) -> list[Analysis]:
    """Return the analyses, worst status first, otherwise in the order given."""
    return sorted(analyses, key=lambda analysis: _VERDICT_RANK[analysis.status])


def severest_first(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings, severest first, otherwise in the order given."""
    return sorted(findings, key=lambda finding: _SEVERITY_RANK[finding.severity])


def overall(analyses: Sequence[Analysis]) -> Verdict:
    """Return the worst status of all; pass where there is none."""
    return min((analysis.status for analysis in analyses), key=_VERDICT_RANK.__getitem__, default=Verdict.PASS)


def compared_nothing(analysis: Analysis) -> bool:
    """Whether an analysis had nothing to compare, which a reader must not take for `all is well`."""
    return analysis.comparability in {Comparability.NOTHING_CAPTURED, Comparability.NOTHING_COMPARABLE}


def headline(analyses: Sequence[Analysis]) -> Headline:
    """Return the sentence that says what happened over all dashboards."""
    if not analyses:
        return Headline("No dashboard was analyzed")
    ordered = worst_first(analyses)
    tiles = [tile for analysis in ordered for tile in analysis.tiles]
    wanting = [tile for analysis in ordered for tile in grouped(analysis)[Group.ATTENTION]]
    if wanting:
        wanting.sort(key=lambda tile: _VERDICT_RANK[tile.verdict])
        verb = "needs" if len(wanting) == 1 else "need"
        return _naming(
            f"{len(wanting):,} of {count(len(tiles), 'tile')} {verb} a look", [tile.name for tile in wanting]
        )
    dashboards = [analysis for analysis in ordered if analysis.status is not Verdict.PASS]
    if dashboards:
        verb = "needs" if len(dashboards) == 1 else "need"
        lead = f"No tile stands out, but {count(len(dashboards), 'dashboard')} {verb} a look"
        return _naming(lead, [analysis.dashboard_name for analysis in dashboards])
    idle = sum(group(tile) is Group.NOT_COMPARED for tile in tiles)
    if all(compared_nothing(analysis) for analysis in ordered) or (tiles and idle == len(tiles)):
        return Headline("Nothing could be compared: there was no earlier result to hold against")
    changed = sum(group(tile) is Group.CHANGED for tile in tiles)
    well = "All is well" if not idle else f"{count(idle, 'tile')} could not be compared, the others are well"
    moved = "nothing changed" if not changed else f"{count(changed, 'tile')} changed within what is usual"
    return Headline(f"{well}: {moved} on {count(len(analyses), 'dashboard')}")


def _naming(lead: str, names: Sequence[str]) -> Headline:
    shown = tuple(cut(name, _HEADLINE_NAME) or "(no name)" for name in names[:_HEADLINE_NAMES])
    return Headline(lead, shown, len(names) - len(shown))


def own_words(analysis: Analysis) -> str | None:
    """Return a dashboard's summary, or None where it would only repeat what headline and tally say already."""
    return None if headline([analysis]).lead in analysis.summary else analysis.summary


def tally(analysis: Analysis) -> str:
    """Return how the tiles of a dashboard are spread over the groups, e.g. `2 need a look · 7 unchanged`."""
    groups = {each: len(tiles) for each, tiles in grouped(analysis).items()}
    words = [
        (groups[Group.ATTENTION], "needs a look" if groups[Group.ATTENTION] == 1 else "need a look"),
        (groups[Group.CHANGED], "changed as usual"),
        (groups[Group.NOT_COMPARED], "not compared"),
        (groups[Group.UNCHANGED], "unchanged"),
    ]
    return " · ".join(f"{amount:,} {word}" for amount, word in words if amount) or "no insight tiles"


def earlier(context: ReportContext | None, dashboard_id: int, tile_id: int | None = None) -> list[PastVerdict]:
    """Return the earlier verdicts of a dashboard or a tile, oldest first."""
    past = context.history.get(history_key(dashboard_id, tile_id), []) if context else []
    return sorted(past, key=lambda entry: _utc(entry.when))


def streak(past: Sequence[PastVerdict], verdict: Verdict, now: datetime) -> str | None:
    """Return `third day in a row` where a warning or failure continues earlier ones without a break; else None.

    Args:
        past: Verdicts of earlier runs, oldest first.
        verdict: The verdict of this run.
        now: When this run looked, an aware datetime.
    """
    if verdict is Verdict.PASS:
        return None
    days = [_utc(now).date()]
    runs = 1
    # What the oldest record knows of the runs before it.
    untold, since = 0, None
    for entry in reversed(past):
        if entry.verdict is Verdict.PASS:
            untold = 0
            break
        runs += 1
        untold, since = max(entry.runs - 1, 0), entry.since
        if _utc(entry.when).date() != days[-1]:
            days.append(_utc(entry.when).date())
    if runs == 1:
        return None
    daily = len(days) == runs and all(late - early == timedelta(days=1) for late, early in pairwise(days))
    if untold:
        daily = daily and since is not None and (days[-1] - _utc(since).date()).days == untold
        runs += untold
    return f"{ordinal(runs)} {'day' if daily else 'run'} in a row"


def _utc(when: datetime) -> datetime:
    return when.astimezone(timezone.utc) if when.tzinfo else when.replace(tzinfo=timezone.utc)
