"""Series that are in one picture only: breakdown values lost, and new ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from airflow_dashboards.analysis.model import Finding, Severity
from airflow_dashboards.analysis.words import listed, number, percent

if TYPE_CHECKING:
    from airflow_dashboards.analysis.judge.case import Case
    from airflow_dashboards.analysis.judge.frame import Frame
    from airflow_dashboards.analysis.judge.lines import Line


class _Frames(Protocol):
    def of(self, before: Line | None, after: Line) -> Frame: ...


#: Share of the whole from which a vanished value mattered.
_MATTERS = 0.02


@dataclass(frozen=True, slots=True)
class _Whole:
    """What the values of one breakdown come to."""

    #: What they had before in the periods still shown, and the least that one of them has now.
    total: float
    smallest: float
    rest: list[Line]
    #: Whether as many are shown as before.
    full: bool

    @classmethod
    def of(cls, name: str | None, before: list[Line], after: list[Line], frames: _Frames, model: Line) -> _Whole:
        old, new = ([line for line in side if line.whole == name] for side in (before, after))
        return cls(
            sum(_shared(line, frames.of(line, model)) for line in old if not line.previous) or 1.0,
            min((line.volume for line in new if line.broken_down and not line.rest), default=0.0),
            [line for line in new if line.rest],
            # A ranking shows the largest values only: one at its end falls off as another takes its place.
            sum(not line.rest for line in new) >= sum(not line.rest for line in old),
        )


def vanished(case: Case, before: list[Line], after: list[Line], frames: _Frames) -> list[Finding]:
    """Series that were there before. What the window has left behind, or a longer list has pushed out, is no loss."""
    still = {line.key for line in after}
    lost = [line for line in before if line.key not in still and not line.previous]
    if not lost:
        return []
    if not after:
        return []  # an empty result is the tile's own finding
    model = max(after, key=lambda line: (not line.previous, len(line.days), line.key))
    wholes = {line.whole: _Whole.of(line.whole, before, after, frames, model) for line in lost}
    findings = []
    for line in sorted(lost, key=lambda each: (-each.volume, each.key)):
        volume = _shared(line, frames.of(line, model))
        if volume < (case.rules.min_volume if line.counts else 1e-12):
            continue
        whole = wholes[line.whole]
        # Series that stand for themselves are measured by nothing else on the tile.
        share = volume / whole.total if line.whole is not None else 1.0
        outranked = line.broken_down and whole.full and volume <= 1.5 * whole.smallest
        crowded = line.broken_down and whole.full and share < _MATTERS
        if outranked or crowded or line.rest:
            severity = Severity.INFO
        else:
            severity = Severity.FAIL if share >= 0.1 else Severity.WARN if share >= _MATTERS else Severity.INFO
            if severity is Severity.INFO and volume >= 200:
                severity = Severity.WARN
        moved = _taken_up(line, before, whole.rest, volume)
        message = (
            f"{line.label} has vanished; it had {number(volume)} in the periods still shown"
            f"{f', {percent(share)} of all' if line.whole is not None else ''}"
        )
        message += f", and its volume is under {listed(moved)} now." if moved else "."
        findings.append(
            Finding(
                code="series.vanished",
                severity=severity,
                message=message,
                subject=line.label,
                before=volume,
                after=None if severity is Severity.INFO else 0.0,
            )
        )
    return findings


def _shared(line: Line, frame: Frame) -> float:
    """Volume in the periods that the window after still shows and that were complete before."""
    if not frame.dated:
        return line.volume
    return sum(abs(line.data[b] or 0.0) for b, _ in frame.settled)


def _taken_up(line: Line, before: list[Line], rest: list[Line], volume: float) -> list[str]:
    known = {other.key: other.volume for other in before}
    return [other.label for other in rest if other.volume - known.get(other.key, 0.0) >= 0.5 * volume]


def appeared(case: Case, before: list[Line], after: list[Line]) -> list[Finding]:
    """Series that are new: said, not judged."""
    known = {line.key for line in before}
    new = [line for line in after if line.key not in known and not line.previous and line.volume > 0]
    if not new or not before:
        return []
    new.sort(key=lambda line: (-line.volume, line.key))
    return [
        Finding(
            code="series.appeared",
            severity=Severity.INFO,
            message=f"New: {listed([line.label for line in new])}.",
            subject=new[0].label,
            after=new[0].volume,
        )
    ]
