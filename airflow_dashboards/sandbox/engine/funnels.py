"""FunnelsQuery: how many persons go how far, how long it takes them, and how that moves (contract 4.7)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby, pairwise
from statistics import fmean, median
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from airflow_dashboards.sandbox.engine import breakdowns, dates
from airflow_dashboards.sandbox.engine import expressions as sql
from airflow_dashboards.sandbox.engine.errors import InvalidQueryError
from airflow_dashboards.sandbox.engine.matching import Event, Exclusion, Rules, furthest
from airflow_dashboards.sandbox.engine.properties import matches
from airflow_dashboards.sandbox.engine.schema import FunnelsFilter, FunnelsQuery, WindowUnit
from airflow_dashboards.sandbox.engine.scope import Computed, Scope, events_nodes, named, within
from airflow_dashboards.sandbox.engine.trends import days, labels

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from airflow_dashboards.sandbox.engine.breakdowns import Split, Value
    from airflow_dashboards.sandbox.engine.parts import EventsNode

#: How many values a breakdown of a funnel names before the rest becomes "other".
BREAKDOWN_LIMIT = 10
#: More bins than this say nothing about how long a conversion takes.
MAX_BINS = 60

_UNITS = {
    WindowUnit.SECOND: timedelta(seconds=1),
    WindowUnit.MINUTE: timedelta(minutes=1),
    WindowUnit.HOUR: timedelta(hours=1),
    WindowUnit.DAY: timedelta(days=1),
    WindowUnit.WEEK: timedelta(weeks=1),
    WindowUnit.MONTH: timedelta(days=31),
}


@dataclass(frozen=True)
class _Person:
    """One person's events that matter to the funnel, in their order, and what the person is counted under."""

    events: list[Event]
    value: Value


def compute(scope: Scope, query: FunnelsQuery) -> Computed:
    """Compute a FunnelsQuery.

    Steps: a list of steps, with a breakdown a list of such lists. Time to convert: bins. Trends: series of percentages.

    Raises:
        InvalidQueryError: It has fewer than two steps, or asks for what the sandbox has not.
    """
    funnels = query.funnels or FunnelsFilter()
    nodes = events_nodes(query.series)
    if len(nodes) < 2:
        raise InvalidQueryError("Funnels require at least two steps.")
    if funnels.order != "ordered":
        raise InvalidQueryError(f"The sandbox computes ordered funnels only, not {funnels.order} ones")
    window = scope.window(query.date_range, query.interval)
    split = breakdowns.split(scope, query.breakdown, limit=BREAKDOWN_LIMIT)
    rules = Rules(
        steps=len(nodes),
        window=funnels.window * _UNITS[funnels.window_unit],
        exclusions=tuple(
            Exclusion(index, exclusion.funnel_from_step, exclusion.funnel_to_step)
            for index, exclusion in enumerate(funnels.exclusions)
        ),
    )
    groups = _groups(_persons(scope, query, funnels, nodes, window, split), split)
    result = _VIEWS[funnels.viz](_View(query, funnels, nodes, window, rules, split), groups)
    return Computed(
        result=result,
        has_more=split is not None and split.other in groups,
        resolved_date_range=window.resolved,
    )


def _persons(
    scope: Scope,
    query: FunnelsQuery,
    funnels: FunnelsFilter,
    nodes: Sequence[EventsNode],
    window: dates.Window,
    split: Split | None,
) -> list[_Person]:
    """Read who did what when: for each event the steps and the exclusions it matches."""
    shared = matches(scope, query.properties)
    tests = [_matches(scope, node) for node in nodes]
    tests += [
        sql.every(named(exclusion.event), matches(scope, exclusion.properties)) for exclusion in funnels.exclusions
    ]
    statement = (
        exp.select(
            sql.column("person_id"),
            sql.column("timestamp"),
            *(test.as_(f"test_{place}") for place, test in enumerate(tests)),
            *(one.as_(f"split_{place}") for place, one in enumerate(split.expressions if split else [])),
        )
        .from_(scope.events)
        .where(within(window), shared, sql.either(*(exp.paren(test.copy()) for test in tests)))
        .order_by(sql.column("person_id"), sql.column("timestamp"))
    )
    persons: list[_Person] = []
    steps, split_from = len(nodes), 2 + len(tests)
    for _, rows in groupby(scope.rows(statement), key=lambda row: row[0]):
        events: list[Event] = []
        value: Value = ()
        for row in rows:
            matched = row[2:split_from]
            events.append(
                Event(
                    row[1],
                    tuple(step for step in range(steps) if matched[step]),
                    tuple(place for place, excluded in enumerate(matched[steps:]) if excluded),
                )
            )
            # A person belongs to the value of the first step's first event: PostHog's first-touch attribution.
            if split and not value and matched[0]:
                value = tuple(row[split_from:])
        # Of what happened in one instant, the earlier step counts as the earlier event.
        events.sort(key=lambda event: (event.at, event.steps[:1] or (steps,)))
        persons.append(_Person(events, value))
    return persons


def _matches(scope: Scope, node: EventsNode) -> exp.Expr:
    return sql.every(named(node.event), matches(scope, node.properties, node.fixed_properties))


def _groups(persons: Sequence[_Person], split: Split | None) -> dict[Value, list[_Person]]:
    """Return the persons per value of the breakdown, the largest first, small values together as the rest."""
    groups: dict[Value, list[_Person]] = {}
    if split is None:
        groups[()] = list(persons)
        return groups
    for person in persons:
        if person.value:
            groups.setdefault(person.value, []).append(person)
    ranked = sorted(groups, key=lambda value: (-len(groups[value]), value))
    for value in ranked[split.limit :]:
        groups.setdefault(split.other, []).extend(groups.pop(value))
    return dict(sorted(groups.items(), key=lambda item: breakdowns.sort_key(item[0], len(item[1]))))


@dataclass(frozen=True)
class _View:
    """What the three ways of showing a funnel start from."""

    query: FunnelsQuery
    funnels: FunnelsFilter
    nodes: list[EventsNode]
    window: dates.Window
    rules: Rules
    split: Split | None

    @property
    def ends(self) -> tuple[int, int]:
        """The steps between which time and trends are measured."""
        last = len(self.nodes) - 1
        first, final = self.funnels.from_step or 0, self.funnels.to_step if self.funnels.to_step is not None else last
        if not first < final <= last:
            raise InvalidQueryError("The funnel's from step must come before its to step")
        return first, final


def _steps(view: _View, groups: dict[Value, list[_Person]]) -> list[Any]:
    answers = []
    for value, persons in groups.items():
        reached = [times for person in persons if (times := furthest(person.events, view.rules))]
        steps = [_step(view, place, reached) for place in range(len(view.nodes))]
        if view.split is not None:
            steps = [{**step, "breakdown": list(value), "breakdown_value": list(value)} for step in steps]
        answers.append(steps)
    return answers if view.split is not None else answers[0]


def _step(view: _View, place: int, reached: list[list[datetime]]) -> dict[str, Any]:
    node = view.nodes[place]
    there = [times for times in reached if len(times) > place]
    seconds = [(times[place] - times[place - 1]).total_seconds() for times in there] if place else []
    return {
        "action_id": node.event,
        "name": node.name or node.event or "All events",
        "custom_name": node.custom_name,
        "order": place,
        "people": [],
        "count": len(there),
        "type": "events",
        "average_conversion_time": fmean(seconds) if seconds else None,
        "median_conversion_time": median(seconds) if seconds else None,
    }


def _times(view: _View, groups: dict[Value, list[_Person]]) -> dict[str, Any]:
    """Return a histogram of the seconds between two steps; its bins grow with the cube root of the sample."""
    first, final = view.ends
    seconds = [
        (times[final] - times[first]).total_seconds()
        for persons in groups.values()
        for person in persons
        if len(times := furthest(person.events, view.rules)) > final
    ]
    if not seconds:
        return {"bins": [], "average_conversion_time": None}
    wanted = view.funnels.bin_count
    count = wanted if isinstance(wanted, int) else math.ceil(len(seconds) ** (1 / 3))
    count = max(1, min(count, MAX_BINS))
    low = math.floor(min(seconds))
    width = max(1, math.ceil((max(seconds) - low) / count))
    bins = [[low + place * width, 0] for place in range(count + 1)]
    for value in seconds:
        bins[min(int((value - low) // width), count)][1] += 1
    return {"bins": bins, "average_conversion_time": fmean(seconds)}


def _trends(view: _View, groups: dict[Value, list[_Person]]) -> list[dict[str, Any]]:
    """Return, per period, the percentage of those who entered in it and went on to the last step."""
    first, final = view.ends
    interval = view.query.interval
    periods = view.window.periods
    answers = []
    for value, persons in groups.items():
        entered: dict[datetime, int] = dict.fromkeys(periods, 0)
        converted: dict[datetime, int] = dict.fromkeys(periods, 0)
        for person in persons:
            for period, times in _entries(person, view, lambda moment: dates.floor(moment, interval)):
                entered[period] += len(times) > first
                converted[period] += len(times) > final
        data = [round(100 * converted[at] / entered[at], 2) if entered[at] else 0 for at in periods]
        entry: dict[str, Any] = {
            "count": len(data),
            "data": data,
            "days": days(periods, interval),
            "labels": labels(periods, interval),
        }
        if view.split is not None:
            entry["breakdown_value"] = list(value)
        answers.append(entry)
    return answers


def _entries(
    person: _Person, view: _View, period_of: Callable[[datetime], datetime]
) -> list[tuple[datetime, list[datetime]]]:
    """Return, for each period in which a person entered, how far the best of the entries in it went."""
    best: dict[datetime, list[datetime]] = {}
    entries = [place for place, event in enumerate(person.events) if 0 in event.steps]
    for place, following in pairwise([*entries, None]):
        if place is None:
            continue
        period = period_of(person.events[place].at)
        same_period = following is not None and period_of(person.events[following].at) == period
        rest = person.events[place:] if same_period else _without_entries(person.events, place)
        times = furthest(rest, view.rules)
        if len(times) > len(best.get(period, [])):
            best[period] = times
    return list(best.items())


def _without_entries(events: list[Event], place: int) -> list[Event]:
    """Return the events from an entry on, without later entries: they belong to their own period."""
    later = [
        Event(event.at, tuple(step for step in event.steps if step), event.exclusions) for event in events[place + 1 :]
    ]
    return [events[place], *later]


_VIEWS: dict[str, Callable[[_View, dict[Value, list[_Person]]], list[Any] | dict[str, Any]]] = {
    "steps": _steps,
    "time_to_convert": _times,
    "trends": _trends,
}
