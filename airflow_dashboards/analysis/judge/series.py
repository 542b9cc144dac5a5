"""Judging series over periods: trends, lifecycle, funnel trends, cohort sizes, tables keyed by date."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, overload

from airflow_dashboards.analysis import periods
from airflow_dashboards.analysis.expectation import MIN_HISTORY, History
from airflow_dashboards.analysis.judge import charts, due, fresh, learn, restated, settled, short, signed, steps
from airflow_dashboards.analysis.judge.case import Case, Reading
from airflow_dashboards.analysis.judge.copies import Copies, copies
from airflow_dashboards.analysis.judge.fresh import Fresh
from airflow_dashboards.analysis.judge.late import not_due
from airflow_dashboards.analysis.judge.lines import Line, alike, read
from airflow_dashboards.analysis.judge.restated import Moves, Pair
from airflow_dashboards.analysis.judge.track import Track, arrives_promptly, news_of, value_at
from airflow_dashboards.analysis.judge.vanished import appeared, vanished
from airflow_dashboards.analysis.judge.windows import Frames
from airflow_dashboards.analysis.model import Figure, Finding, QueryKind, Severity
from airflow_dashboards.analysis.words import count, listed, number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_dashboards.analysis.judge.frame import Frame

#: Series judged in full whatever they look like; of the others only those that stand out at first sight.
_IN_FULL = 12
#: Findings after which no further of very many series is looked at: the tile is broken, and more is not shown.
_ENOUGH = 60
#: Series, and periods of each, in whose counts the mark of a double load is looked for.
_FOR_COPIES = 50


def judge(case: Case) -> Reading:
    """Compare two lists of series."""
    before = read(case.before.result) if case.before is not None else None
    after = read(case.after.result)
    interval = case.after.interval
    if case.after.kind is QueryKind.FUNNEL_TRENDS:
        before, after = _rates(before), _rates(after)
    if not steps.is_cumulative(case.after.query):
        return judge_lines(case, before, after, interval)
    before = [steps.steps(line, interval) for line in before] if before is not None else None
    after = [steps.steps(line, interval) for line in after]
    if before is not None and steps.restarted(before, after):
        return replace(judge_lines(case, None, after, interval), changed=True)
    return judge_lines(case, before, after, interval)


@overload
def _rates(lines: list[Line]) -> list[Line]: ...
@overload
def _rates(lines: list[Line] | None) -> list[Line] | None: ...
def _rates(lines: list[Line] | None) -> list[Line] | None:
    """Per cents of people, whole or not."""
    return None if lines is None else [replace(line, counts=False, additive=False) for line in lines]


def judge_lines(case: Case, before: list[Line] | None, after: list[Line], interval: str | None) -> Reading:
    """Compare two lists of series, whatever kind of tile they were read from."""
    if before is not None:
        before, after = alike(before, after)
    frames = Frames(case, interval)
    known = {line.key: line for line in before or ()}
    totals: Counter[str | None] = Counter()
    for line in after:
        if not line.previous:
            totals[line.whole] += line.volume  # type: ignore[assignment]
    ranked = sorted(after, key=lambda line: (line.previous, -line.volume, line.key))
    lines = [frames.track(known.get(line.key), line, _share(line, totals)) for line in ranked]
    findings: list[Finding] = []
    changed = before is not None and _changed(before, after)
    prompt = arrives_promptly(lines, case)
    looks = sum(_looks(each) for each in lines if not each.after.previous)
    previous = [each for each in lines if each.after.previous]
    marked = _copies(lines)
    for rank, each in enumerate(lines):
        if each.after.previous:
            findings += _previous(case, each)
            continue
        if each.before is None and before is not None:
            continue  # appeared: said once, below
        if rank >= _IN_FULL and len(findings) >= _ENOUGH:
            break
        _judge_line(case, each, previous, looks=max(looks, 1), prompt=prompt, screen=rank >= _IN_FULL, marked=marked)
        findings += each.findings
    findings = _agreed(_not_alone(findings, lines))
    if before is not None:
        findings += _missing(case, lines)
        findings += vanished(case, before, after, frames)
        findings += appeared(case, before, after)
    together = _together(case, lines, before, prompt=prompt, marked=marked) if not _grave(findings) else []
    findings += together
    return Reading(
        changed=changed,
        findings=findings,
        figure=_figure(case, lines, findings),
        chart=charts.of_lines([(each.before, each.after, each.frame, each.history) for each in lines], findings, case),
    )


def _share(line: Line, totals: Counter[str | None]) -> float:
    """How much of its whole a series is; one that is no part of another stands for itself."""
    return line.volume / (totals[line.whole] or 1.0) if line.whole is not None else 1.0


def _changed(before: list[Line], after: list[Line]) -> bool:
    return [line.key for line in before] != [line.key for line in after] or any(
        one.data != other.data or one.days != other.days for one, other in zip(before, after, strict=True)
    )


def _looks(each: Track) -> int:
    """How many periods of a series are judged."""
    if each.frame.interval in ("hour", "minute"):
        return len(news_of(each))
    return len(each.frame.fresh) + len(each.frame.recheck)


def _copies(lines: list[Track]) -> Copies:
    """What the new counts of all series say together of having been loaded more than once."""
    new: list[float] = []
    old: list[float] = []
    for each in lines[:_FOR_COPIES]:
        if each.after.previous or not each.after.counts:
            continue
        new += [value_at(each.after.data, index) for index in news_of(each)]
        old += [value_at(each.after.data, a) for _, a in each.frame.firm[-_FOR_COPIES:]]
    return copies(new, old)


def _judge_line(
    case: Case, each: Track, previous: list[Track], *, looks: int, prompt: bool, screen: bool, marked: Copies
) -> None:
    before, after, frame = each.before, each.after, each.frame
    moves = None if before is None or settled.unmoved(each) else _sized(settled.moves(each), before)
    moved = restated.moved(case, moves, frame.interval, counts=after.counts) if moves is not None else []
    if screen and not moved and not _stands_out(case, each):
        return
    if moves is not None and moves.of and not moves.alive and not any(after.data[index] for index in frame.fresh):
        gone = _emptied(case, each, moves)
        if gone is not None:
            each.findings.append(gone)
            return
    if not frame.dated:
        if moves is not None:
            each.findings += restated.judge(
                case, after.label, moves, frame.interval, None, counts=after.counts, share=each.share
            )
        return
    history = learn.history(each, previous, case, {pair.label for pair in moved})
    each.history = history
    if moves is not None:
        each.findings += restated.judge(
            case,
            after.label,
            moves,
            frame.interval,
            history,
            counts=after.counts,
            share=each.share,
            around=partial(_around, after, frame),
        )
    judged = due.periods_of(case, each, prompt=prompt)
    if len(history) < MIN_HISTORY:
        each.findings += short.judge(case, after.label, history, judged)
        return
    if history.signed:
        each.findings += signed.judge(case, after.label, history, judged, looks=looks)
        return
    if after.counts and not marked.proof:
        marked = max(marked, _copies([each]), key=lambda found: found.log_odds)
    some = fresh.judge(
        case,
        after.label,
        history,
        judged,
        looks=looks,
        share=each.share,
        interval=frame.interval,
        counts=after.counts,
        copies=marked if after.counts else None,
    )
    # A period that has come, and too much of it, is neither good news nor a change after the fact: it is told once.
    too_much = {finding.period for finding in some if finding.code == "series.rise"}
    each.findings = [one for one in each.findings if one.before or one.period not in too_much]
    if not some and before is not None:
        some = _stuck(case, each, history)
    each.findings += some
    each.findings += _shrunk(case, each)


def _sized(moves: Moves, before: Line) -> Moves:
    """Where values go through 0, measure how far they moved by their usual size."""
    if min(filter(None, before.data), default=0.0) >= 0:
        return moves
    size = signed.usual_size([value for value in before.data if value])
    return replace(moves, moved=[replace(pair, size=size) for pair in moves.moved])


def _previous(case: Case, each: Track) -> list[Finding]:
    """The period before, shown for comparison: it is over, so all it can do is to get lost."""
    if each.before is None or settled.unmoved(each):
        return []
    moves = settled.moves(each)
    gone = _emptied(case, each, moves) if moves.of and not moves.alive else None
    return [gone] if gone is not None else []


def _not_alone(findings: list[Finding], lines: list[Track]) -> list[Finding]:
    """A load that repeats itself does so in all it writes: one series of several is chance."""
    writing = sum(bool(each.after.volume) for each in lines if each.before is not None and not each.after.previous)
    stuck = sum(finding.code == "series.stuck" for finding in findings)
    return findings if 2 * stuck >= writing else [each for each in findings if each.code != "series.stuck"]


def _around(after: Line, frame: Frame) -> dict[str, tuple[float, float]]:
    """The neighbours of every complete period, as they are now."""
    complete = frame.complete
    return {
        after.days[here]: (value_at(after.data, one), value_at(after.data, other))
        for one, here, other in zip(complete, complete[1:], complete[2:], strict=False)
    }


def _stands_out(case: Case, each: Track) -> bool:
    """A first look at one of very many series: is a new value outside of what its own week before has shown?"""
    data, frame = each.after.data, each.frame
    back = {"day": 7, "hour": 24}.get(frame.interval or "", 1)
    for index in (*frame.fresh, *frame.recheck):
        value = value_at(data, index)
        past = [
            value_at(data, other) for other in range(index - back, max(index - 4 * back, 0) - 1, -back) if other >= 0
        ]
        if not past:
            return True
        low, high = min(past) * (1 - case.drop_limit * 0.7), max(past) * (1 + case.rise_limit * 0.6)
        if not low <= value <= high and (max(value, high) >= case.rules.min_volume or not each.after.counts):
            return True
    return False


def _stuck(case: Case, each: Track, history: History) -> list[Finding]:
    frame, after = each.frame, each.after
    news = news_of(each)
    periods = [
        Fresh(start, after.days[index], value_at(after.data, index))
        for index in news
        if (start := frame.starts_after[index]) is not None
    ]
    known = next((a for _, a in reversed(frame.settled) if a not in news), None)
    if not periods or known is None or not len(history):
        return []
    finding = fresh.stuck(case, after.label, history, value_at(after.data, known), periods)
    return [finding] if finding is not None else []


def _shrunk(case: Case, each: Track) -> list[Finding]:
    """A count that was running before can only have grown; less of it now is data lost."""
    before, after, frame = each.before, each.after, each.frame
    if before is None or not after.counts or each.findings:
        return []
    pairs = [
        Pair(frame.starts_after[a], after.days[a], value_at(before.data, b), value_at(after.data, a), 0)
        for a, b in sorted({**frame.grown, **frame.still}.items())
        if value_at(after.data, a) < value_at(before.data, b)
    ]
    moves = Moves.among(pairs, running=True)
    return restated.judge(case, after.label, moves, frame.interval, None, counts=True, share=each.share)


def _agreed(findings: list[Finding]) -> list[Finding]:
    """A period repaired in one series is repaired in the others too, however little they say by themselves."""
    repaired: dict[str | None, Finding] = {}
    for finding in findings:
        known = repaired.get(finding.period)
        if finding.code == "series.recovered" and (known is None or abs(finding.after or 0) > abs(known.after or 0)):
            repaired[finding.period] = finding
    agreed = []
    for finding in findings:
        model = repaired.get(finding.period)
        alike = (
            model is not None
            and finding.code == "series.restated"
            and (finding.after or 0) - (finding.before or 0) != 0
            and ((finding.after or 0) > (finding.before or 0)) == ((model.after or 0) > (model.before or 0))
            and abs(model.after or 0) >= abs(finding.after or 0)
        )
        agreed.append(
            finding.model_copy(update={"code": "series.recovered", "severity": Severity.INFO}) if alike else finding
        )
    return agreed


def _missing(case: Case, lines: list[Track]) -> list[Finding]:
    """Periods that ought to be shown and are not, said once for the tile."""
    for each in lines:
        frame = each.frame
        if each.after.previous or each.before is None or not frame.dated:
            continue
        absent = {
            start: start.isoformat(sep=" ") if frame.interval in ("hour", "minute") else start.date().isoformat()
            for start in frame.absent
        }
        gone = {start: frame.days_before[index] for index in frame.gone if (start := frame.starts_before[index])}
        some = [day for _, day in sorted({**absent, **gone}.items())]
        if case.rules.late_periods:
            some = some[: max(len(some) - case.rules.late_periods, 0)]
        if some:
            return [
                Finding(
                    code="series.missing",
                    severity=Severity.FAIL if each.before.volume >= case.rules.min_volume else Severity.WARN,
                    message=(
                        f"{count(len(some), 'complete period')} {'is' if len(some) == 1 else 'are'} not shown: "
                        f"{listed([periods.named(day, frame.interval) for day in some])}."
                    ),
                    subject=each.after.label,
                    period=some[0],
                    before=float(len(frame.days_before)),
                    after=float(len(frame.days_after)),
                )
            ]
    return []


def _emptied(case: Case, each: Track, moves: Moves) -> Finding | None:
    before = moves.volume
    if before < case.rules.min_volume and each.after.counts:
        return None
    label = each.after.label
    return Finding(
        code="series.emptied",
        severity=Severity.FAIL,
        message=f"{label} has become empty: its {count(moves.of, 'period')} had {number(before)} before, now 0.",
        subject=label,
        period=moves.last,
        before=before,
        after=0.0,
    )


def _grave(findings: list[Finding]) -> bool:
    return any(finding.severity is not Severity.INFO for finding in findings)


def _together(
    case: Case, lines: list[Track], before: list[Line] | None, *, prompt: bool, marked: Copies
) -> list[Finding]:
    """Many small breakdown values added up: each may be within its noise while all of them are not."""
    groups: dict[tuple[str, tuple[str, ...]], list[Track]] = {}
    for each in lines:
        line = each.after
        if line.broken_down and line.counts and not line.previous and (each.before is not None or before is None):
            groups.setdefault((line.key[0], tuple(line.days)), []).append(each)
    findings: list[Finding] = []
    for (order, days), group in sorted(groups.items()):
        theirs = [each.before for each in group if each.before is not None]
        if len(group) < 2 or any(line.days != theirs[0].days for line in theirs):
            continue
        after = _sum([each.after for each in group], order, days)
        old = _sum(theirs, order, theirs[0].days) if theirs else None
        whole = Track(old, after, group[0].frame, 1.0)
        looks = len(group[0].frame.fresh) or 1
        _judge_line(case, whole, [], looks=looks, prompt=prompt, screen=False, marked=marked)
        repaired = {one.period for each in group for one in each.findings if one.code == "series.recovered"}
        findings += [
            finding
            for finding in whole.findings
            if finding.severity is not Severity.INFO
            and not (finding.code == "series.restated" and finding.period in repaired)
        ]
    return findings


def _sum(lines: list[Line], order: str, days: Sequence[str]) -> Line:
    data = [sum(filter(None, column), 0.0) for column in zip(*(line.data for line in lines), strict=True)]
    return Line((order,), f"all {len(lines)} values together", days, data, counts=all(line.counts for line in lines))


def _figure(case: Case, lines: list[Track], findings: list[Finding]) -> Figure | None:
    interval = next((each.frame.interval for each in lines), None)
    ranked = sorted(
        (finding for finding in findings if finding.severity is not Severity.INFO),
        key=lambda finding: finding.severity is not Severity.FAIL,
    )
    if ranked:
        first = ranked[0]
        return Figure(label=_about(first.subject, first.period, interval), before=first.before, after=first.after)
    for each in lines:
        frame = each.frame
        early = not_due(case, each)
        complete = [index for index in frame.complete if index not in early]
        if not complete or each.after.previous:
            continue
        index = complete[-1]
        known = next((b for b, a in reversed(frame.settled) if a == index), None)
        # What was still empty had not been loaded: no number to compare with.
        earlier = (each.before.data[known] or None) if each.before is not None and known is not None else None
        label = _about(each.after.label, each.after.days[index], interval)
        return Figure(label=label, before=earlier, after=each.after.data[index])
    return None


def _about(subject: str | None, period: str | None, interval: str | None) -> str:
    return " ".join(part for part in (subject, period and periods.when(period, interval)) if part) or "value"
