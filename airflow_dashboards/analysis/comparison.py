"""`compare`: two snapshots and rules in, one `Analysis` out. Pure and deterministic: same inputs, same bytes."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from airflow_dashboards.analysis import question, states
from airflow_dashboards.analysis.judge import JUDGES
from airflow_dashboards.analysis.judge.case import Case, Reading, Unreadable, same_json
from airflow_dashboards.analysis.kinds import classify
from airflow_dashboards.analysis.model import (
    Analysis,
    Chart,
    Comparability,
    Figure,
    Finding,
    QueryKind,
    Severity,
    Snapshot,
    Tile,
    TileAnalysis,
    TileStatus,
    Verdict,
)
from airflow_dashboards.analysis.periods import instant
from airflow_dashboards.analysis.question import Question
from airflow_dashboards.analysis.rule_book import RuleBook
from airflow_dashboards.analysis.rules import Rules
from airflow_dashboards.analysis.words import brief, change, count, listed, number, percent

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Findings kept per tile; a tile with more is broken in one way, many times over.
MOST_FINDINGS = 12
#: Elements of an unreadable result that are matched one by one, whatever their order.
_MATCHED_BY_TRIAL = 1000
_SEVERITIES = (Severity.FAIL, Severity.WARN, Severity.INFO)
_VERDICTS = {Severity.FAIL: Verdict.FAIL, Severity.WARN: Verdict.WARN, Severity.INFO: Verdict.PASS}
_VERDICT_ORDER = (Verdict.FAIL, Verdict.WARN, Verdict.PASS)


def compare(before: Snapshot | None, after: Snapshot, rules: Rules | RuleBook | None = None) -> Analysis:
    """Say what changed between two snapshots of a dashboard, and what of it is wrong.

    Never raises on what PostHog may send: a result that is not of its kind's shape is `nothing_comparable`, with the
    reason. "Now" is when the tiles of `after` were computed, so the same inputs give the same answer at any time; the
    order of tiles, rows and keys does not matter.

    Args:
        before: The picture before; None where there is none, then only what `after` shows by itself is judged.
        after: The picture to judge.
        rules: What is a finding; the defaults need no tuning.

    Example:
        >>> analysis = compare(before, after, Rules(max_drop=0.3))
        >>> analysis.status
        <Verdict.PASS: 'pass'>
    """
    book = RuleBook.parse(rules if rules is not None else Rules())
    findings: list[Finding] = []
    if before is not None and not question.same_dashboard(before, after):
        findings.append(
            Finding(
                code="dashboard.other",
                severity=Severity.WARN,
                message=(
                    f"The picture before is of dashboard {before.dashboard_id} in project {before.project_id}, "
                    f"the one after of {after.dashboard_id} in {after.project_id}: they are not compared."
                ),
            )
        )
        before = None
    findings += _about_dashboard(before, after)
    tiles = [
        _tile(one, other, before, after, book)
        for one, other in _matched(before.tiles if before is not None else [], after.tiles)
    ]
    tiles.sort(key=lambda tile: (_VERDICT_ORDER.index(tile.verdict), tile.tile_id, tile.name))
    findings = _kept(findings, book.rules_for(tile_id=0, name="", tags=after.tags))
    worst = [finding.severity for finding in findings] + [_severity(tile.verdict) for tile in tiles]
    comparability = _comparability(before, tiles)
    status = _VERDICTS[min(worst, key=_SEVERITIES.index, default=Severity.INFO)]
    return Analysis(
        dashboard_id=after.dashboard_id,
        dashboard_name=after.dashboard_name,
        project_id=after.project_id,
        host=after.host,
        url=after.url,
        before_at=before.taken_at if before is not None else None,
        after_at=after.taken_at,
        comparability=comparability,
        status=status,
        summary=_summary(after, tiles, comparability),
        findings=findings,
        tiles=tiles,
    )


def _severity(verdict: Verdict) -> Severity:
    return {Verdict.FAIL: Severity.FAIL, Verdict.WARN: Severity.WARN, Verdict.PASS: Severity.INFO}[verdict]


def _about_dashboard(before: Snapshot | None, after: Snapshot) -> list[Finding]:
    if before is None:
        return []
    findings = []
    if question.filters_differ(before, after):
        findings.append(
            Finding(
                code="dashboard.filters_changed",
                severity=Severity.INFO,
                message="The dashboard's filters or variables have changed; what they act on is judged by itself.",
            )
        )
    was = {tile.id: tile for tile in before.tiles if _is_insight(tile)}
    now = {tile.id: tile for tile in after.tiles if _is_insight(tile)}
    for code, ids, side, verb in (
        ("tile.added", now.keys() - was.keys(), now, "new on the dashboard"),
        ("tile.removed", was.keys() - now.keys(), was, "no longer on the dashboard"),
    ):
        if ids:
            names = listed([brief(side[each].name) for each in sorted(ids)])
            findings.append(
                Finding(
                    code=code,
                    severity=Severity.INFO,
                    message=f"{count(len(ids), 'tile')} {'is' if len(ids) == 1 else 'are'} {verb}: {names}.",
                    before=float(len(was)),
                    after=float(len(now)),
                )
            )
    return findings


def _is_insight(tile: Tile) -> bool:
    return tile.status is not TileStatus.NOT_AN_INSIGHT and tile.kind is not QueryKind.NONE


def _matched(before: Iterable[Tile], after: Iterable[Tile]) -> list[tuple[Tile | None, Tile | None]]:
    """Pairs of insight tiles by id; an id used twice (which PostHog never sends) is matched in order of content."""
    sides: list[dict[tuple[int, int], Tile]] = []
    for tiles in (before, after):
        some = [tile for tile in tiles if _is_insight(tile)]
        if len({tile.id for tile in some}) < len(some):
            some.sort(key=lambda tile: (tile.id, tile.opened().model_dump_json()))
        taken: Counter[int] = Counter()
        side = {}
        for tile in some:
            side[tile.id, taken[tile.id]] = tile
            taken[tile.id] += 1
        sides.append(side)
    old, new = sides
    return [(old.get(key), new.get(key)) for key in sorted(old.keys() | new.keys())]


def _tile(
    one: Tile | None, other: Tile | None, before: Snapshot | None, after: Snapshot, book: RuleBook
) -> TileAnalysis:
    # The only two results of the dashboard that are at hand, where it is large.
    one, other = one and one.opened(), other and other.opened()
    shown = other or one
    assert shown is not None  # noqa: S101 - a pair has at least one side
    rules = book.rules_for(tile_id=shown.id, name=shown.name, tags=after.tags)
    if other is None:
        return _removed(shown)
    findings: list[Finding] = []
    reading: Reading | None = None
    if not states.usable(other):
        findings.append(states.unusable(one, other))
        comparability = Comparability.NOTHING_COMPARABLE if states.usable(one) else Comparability.NOTHING_CAPTURED
    else:
        comparability, reading = _contents(one, other, before, after, rules)
        findings += reading.findings
    findings = _kept(findings, rules)
    figure = _told(reading.figure, findings) if reading is not None else None
    verdict = _VERDICTS[min((finding.severity for finding in findings), key=_SEVERITIES.index, default=Severity.INFO)]
    return TileAnalysis(
        tile_id=other.id,
        insight_id=other.insight_id,
        insight_short_id=other.insight_short_id,
        name=other.name,
        kind=other.kind,
        status_before=one.status if one is not None else None,
        status_after=other.status,
        last_refresh_before=one.last_refresh if one is not None else None,
        last_refresh_after=other.last_refresh,
        comparability=comparability,
        verdict=verdict,
        summary=_sentence(other, findings, comparability, figure),
        figure=figure,
        findings=findings,
        chart=_chart(reading),
    )


def _told(figure: Figure | None, findings: list[Finding]) -> Figure | None:
    """The figure, beside what was expected of it where its number before says nothing of what is wrong.

    A lost day was empty before its load, too: that it still is 0 is no change, and yet it is the finding.
    """
    if figure is None or not findings or findings[0].severity is Severity.INFO:
        return figure
    worst = findings[0]
    low, high, now = worst.expected_low, worst.expected_high, worst.after
    if low is None or high is None or now is None or figure.after != now or low <= now <= high:
        return figure
    if figure.before is not None and (figure.before != worst.before or (figure.before > now) == (now < low)):
        return figure
    return figure.model_copy(update={"before": None, "expected_low": low, "expected_high": high})


def _chart(reading: Reading | None) -> Chart | None:
    return reading.chart if reading is not None and reading.chart is not None and reading.chart.x else None


def _removed(tile: Tile) -> TileAnalysis:
    return TileAnalysis(
        tile_id=tile.id,
        insight_id=tile.insight_id,
        insight_short_id=tile.insight_short_id,
        name=tile.name,
        kind=tile.kind,
        status_before=tile.status,
        last_refresh_before=tile.last_refresh,
        comparability=Comparability.NOTHING_COMPARABLE,
        verdict=Verdict.PASS,
        summary=f"{brief(tile.name)} is no longer on the dashboard.",
        findings=[
            Finding(
                code="tile.removed",
                severity=Severity.INFO,
                message=f"{brief(tile.name)} is no longer on the dashboard, so there is nothing to compare it with.",
            )
        ],
    )


def _contents(
    one: Tile | None, other: Tile, before: Snapshot | None, after: Snapshot, rules: Rules
) -> tuple[Comparability, Reading]:
    """Compare two tiles of which the one after has a result."""
    if one is None or before is None or not states.usable(one):
        return Comparability.NOTHING_CAPTURED, _alone(one, other, before, after, rules)
    asked = question.compare_questions(one, other, filters_changed=question.filters_differ(before, after))
    old = states.stale(one, other, rules, before_at=before.taken_at, after_at=after.taken_at)
    findings = [old] if old is not None else []
    if asked is not Question.SAME:
        # Nobody's load did that, so it is held against nothing; what it shows by itself may be broken all the same.
        reading = _by_itself(other, after, rules)
        reading.findings = [_other_question(other, asked), *findings, *reading.findings]
        return Comparability.NOTHING_COMPARABLE, reading
    if one.status is not other.status:
        changed = states.emptied(other) if other.status is TileStatus.EMPTY else states.recovered(one, other)
        size = float(len(one.result)) if isinstance(one.result, list) else None
        what = "rows" if _kind(one) is QueryKind.TABLE else "entries of the result"
        reading = Reading(True, [changed], Figure(label=what, before=size, after=0.0))
        if other.status is TileStatus.OK:
            alone = _by_itself(other, after, rules)
            reading = Reading(True, [changed, *alone.findings], alone.figure, alone.chart)
    elif other.status is TileStatus.EMPTY:
        reading = Reading(changed=False)
    else:
        reading = _both(one, other, before, after, rules, moved=old is None)
    reading.findings = findings + reading.findings
    if any(finding.code == "tile.unreadable" for finding in reading.findings):
        return Comparability.NOTHING_COMPARABLE, reading
    if old is not None and not reading.changed:
        return Comparability.NOTHING_COMPARABLE, reading
    # The same numbers where a load should have brought others: what they stand for has changed, and it is wrong now.
    changed_meaning = any(finding.severity is not Severity.INFO for finding in reading.findings)
    return (Comparability.CHANGED if reading.changed or changed_meaning else Comparability.UNCHANGED), reading


def _by_itself(tile: Tile, after: Snapshot, rules: Rules) -> Reading:
    """What a tile shows, held against nothing but its own history."""
    return _judged(Case(tile.name, None, tile, rules, None, tile.last_refresh or after.taken_at))


def _alone(one: Tile | None, other: Tile, before: Snapshot | None, after: Snapshot, rules: Rules) -> Reading:
    """A tile without a picture before: what it shows by itself."""
    reading = _by_itself(other, after, rules)
    if one is not None:
        reading.findings.insert(0, states.recovered(one, other))
    elif before is not None:
        reading.findings.insert(
            0,
            Finding(code="tile.added", severity=Severity.INFO, message=f"{brief(other.name)} is new on the dashboard."),
        )
    return reading


def _both(one: Tile, other: Tile, before: Snapshot, after: Snapshot, rules: Rules, *, moved: bool) -> Reading:
    equal = same_json(one.result, other.result) and one.columns == other.columns
    if equal and instant(one.last_refresh) == instant(other.last_refresh):
        # The very same computation: nothing happened, so there is nothing to judge.
        return Reading(changed=False)
    if _kind(one) is not _kind(other):
        return Reading(
            True, [_unreadable(f"the result was of kind {_kind(one).value} before and is {_kind(other).value} now")]
        )
    case = Case(
        other.name,
        one,
        other,
        rules,
        one.last_refresh or before.taken_at,
        other.last_refresh or after.taken_at,
    )
    reading = _judged(case)
    if not equal and _only_reordered(one, other, reading):
        equal = True
    readable = not any(finding.code == "tile.unreadable" for finding in reading.findings)
    if instant(one.last_refresh) == instant(other.last_refresh) and (equal or (readable and not reading.changed)):
        return Reading(changed=False)  # the same computation, told in another order
    reading.changed = reading.changed and not equal
    if not moved and equal:
        reading.findings = [finding for finding in reading.findings if finding.severity is Severity.INFO]
    return reading


def _only_reordered(one: Tile, other: Tile, reading: Reading) -> bool:
    """Whether two results that nobody can read have the same elements, in another order."""
    if not any(finding.code == "tile.unreadable" for finding in reading.findings):
        return False
    mine, theirs = one.result, other.result
    if not isinstance(mine, list) or not isinstance(theirs, list) or one.columns != other.columns:
        return False
    if len(mine) != len(theirs) or len(mine) > _MATCHED_BY_TRIAL:
        return False
    rest = list(theirs)
    for each in mine:
        if each not in rest:
            return False
        rest.remove(each)
    return True


def _kind(tile: Tile) -> QueryKind:
    return tile.kind if tile.kind is not QueryKind.UNKNOWN else classify(tile.query, tile.result)


def _judged(case: Case) -> Reading:
    kind = _kind(case.after)
    try:
        return JUDGES[kind](case)
    except Unreadable as reason:
        return Reading(changed=False, findings=[_unreadable(str(reason))])


def _unreadable(reason: str) -> Finding:
    return Finding(code="tile.unreadable", severity=Severity.WARN, message=f"There is nothing to compare: {reason}.")


def _other_question(tile: Tile, asked: Question) -> Finding:
    name = brief(tile.name)
    code, message = {
        Question.EDITED: (
            "tile.query_changed",
            f"The definition of {name} was edited, so its numbers can't be compared with those before.",
        ),
        Question.FILTERED: (
            "tile.filters_changed",
            f"The dashboard's filters act on {name} and have changed, so its numbers can't be compared with those "
            "before.",
        ),
        Question.TIMEZONE: (
            "tile.query_changed",
            f"{name} is cut in another timezone ({tile.timezone}) than before, so its periods can't be compared with "
            "those before.",
        ),
    }[asked]
    return Finding(code=code, severity=Severity.INFO, message=message)


def _kept(findings: list[Finding], rules: Rules) -> list[Finding]:
    """Findings the rules do not ignore, worst first, each said once, and not too many."""
    unique = list(dict.fromkeys(finding for finding in findings if not rules.ignores(finding.code)))
    unique.sort(key=lambda finding: _SEVERITIES.index(finding.severity))
    if len(unique) <= MOST_FINDINGS:
        return unique
    rest = unique[MOST_FINDINGS:]
    more = Finding(
        code="tile.more",
        severity=Severity.INFO,
        message=f"{count(len(rest), 'further finding')} of the same tile {'is' if len(rest) == 1 else 'are'} left out.",
        after=float(len(rest)),
    )
    return [*unique[:MOST_FINDINGS], more]


def _comparability(before: Snapshot | None, tiles: list[TileAnalysis]) -> Comparability:
    found = {tile.comparability for tile in tiles}
    for answer in (Comparability.CHANGED, Comparability.UNCHANGED, Comparability.NOTHING_COMPARABLE):
        if answer in found:
            return answer
    return Comparability.NOTHING_CAPTURED if before is None or found else Comparability.NOTHING_COMPARABLE


def _sentence(tile: Tile, findings: list[Finding], comparability: Comparability, figure: Figure | None) -> str:
    if findings and findings[0].severity is not Severity.INFO:
        more = sum(finding.severity is not Severity.INFO for finding in findings[1:])
        return findings[0].message + (f" (and {count(more, 'more finding')})" if more else "")
    if comparability is Comparability.UNCHANGED:
        return f"{brief(tile.name)} shows the same as before."
    if comparability is not Comparability.CHANGED and findings:
        return findings[0].message
    if comparability is Comparability.NOTHING_CAPTURED:
        return f"{brief(tile.name)} has no picture before to be compared with."
    if figure is not None and figure.after is not None:
        if figure.before is None or figure.before == figure.after:
            return f"{brief(tile.name)} has changed as expected; {figure.label} is {_amount(figure)}."
        return (
            f"{brief(tile.name)} has changed as expected; {figure.label} is {_amount(figure)} "
            f"({change(figure.before, figure.after)})."
        )
    return f"{brief(tile.name)} has changed; nothing in it is unexpected."


def _amount(figure: Figure) -> str:
    if figure.unit == "ratio" and figure.after is not None:
        return percent(figure.after)
    return number(figure.after)


def _summary(after: Snapshot, tiles: list[TileAnalysis], comparability: Comparability) -> str:
    name = brief(after.dashboard_name) or f"Dashboard {after.dashboard_id}"
    bad = [tile for tile in tiles if tile.verdict is not Verdict.PASS]
    if bad:
        some = listed([brief(each.name) for each in bad])
        return (
            f"{name}: {len(bad)} of {count(len(tiles), 'tile')} {'needs' if len(bad) == 1 else 'need'} a look: {some}."
        )
    if comparability is Comparability.NOTHING_CAPTURED:
        return f"{name}: there is no picture before to compare with."
    if comparability is Comparability.NOTHING_COMPARABLE:
        return f"{name}: there is nothing that could be compared."
    if comparability is Comparability.UNCHANGED:
        return f"{name}: nothing has changed."
    changed = sum(tile.comparability is Comparability.CHANGED for tile in tiles)
    return f"{name}: {changed} of {count(len(tiles), 'tile')} changed, all as expected."
