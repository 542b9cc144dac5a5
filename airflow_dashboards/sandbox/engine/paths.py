"""PathsQuery: from where persons go where, step by step (contract 4.7)."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import groupby, pairwise
from statistics import fmean
from typing import TYPE_CHECKING

from sqlglot import exp

from airflow_dashboards.sandbox.engine import expressions as sql
from airflow_dashboards.sandbox.engine.parts import Interval
from airflow_dashboards.sandbox.engine.properties import matches
from airflow_dashboards.sandbox.engine.scope import Computed, Scope, named, within

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from airflow_dashboards.sandbox.engine.schema import PathsFilter, PathsQuery
    from airflow_dashboards.sandbox.engine.store import Row

#: A pause this long starts a new path.
SESSION_GAP = timedelta(minutes=30)

_Stop = tuple[datetime, str]


def compute(scope: Scope, query: PathsQuery) -> Computed:
    """Compute a PathsQuery: edges such as `1_/home` to `2_/cart` with how often they were walked, the busiest first.

    `average_conversion_time` is in milliseconds. Staying in one place is one stop; a pause of half an hour ends a path.

    Raises:
        InvalidQueryError: A filter is wrong.
    """
    paths = query.paths
    window = scope.window(query.date_range, Interval.DAY)
    walked: dict[tuple[str, str], list[float]] = {}
    for stops in _sessions(_stops(scope, query, within(window))):
        for place, ((left, source), (reached, target)) in enumerate(pairwise(_trimmed(stops, paths)), start=1):
            edge = (f"{place}_{source}", f"{place + 1}_{target}")
            walked.setdefault(edge, []).append((reached - left).total_seconds() * 1000)
    edges = [
        {"source": source, "target": target, "value": len(times), "average_conversion_time": fmean(times)}
        for (source, target), times in sorted(walked.items(), key=lambda item: (-len(item[1]), item[0]))
        if (paths.min_edge_weight or 0) <= len(times) <= (paths.max_edge_weight or len(times))
    ]
    return Computed(
        result=edges[: paths.edge_limit],
        has_more=len(edges) > paths.edge_limit,
        resolved_date_range=window.resolved,
    )


def _stops(scope: Scope, query: PathsQuery, in_window: exp.Expr) -> list[Row]:
    """Read (person, when, where), in order; a page is where it is by its address, everything else by its name."""
    included = query.paths.include or ["$pageview", "$screen", "custom_event"]
    own = exp.Case(ifs=[], default=sql.column("event"))
    own.append("ifs", exp.If(this=named("$pageview"), true=sql.event_property("$current_url")))
    own.append("ifs", exp.If(this=named("$screen"), true=sql.event_property("$screen_name")))
    where = sql.call("REGEXP_REPLACE({0}, '(.)/$', '\\1')", own)
    kinds = [named(kind) for kind in included if kind != "custom_event"]
    if "custom_event" in included:
        kinds.append(sql.call("NOT STARTS_WITH({0}, '$')", sql.column("event")))
    stops = (
        exp.select(sql.column("person_id"), sql.column("timestamp"), where.as_("place", quoted=True))
        .from_(scope.events)
        .where(in_window, exp.paren(sql.either(*kinds)), matches(scope, query.properties))
    )
    place = sql.column("place")
    known = sql.call("{0} <> ''", place)
    excluded = [sql.call("{0} <> {1}", place.copy(), sql.literal(_bare(name))) for name in query.paths.exclude]
    statement = (
        exp.select("*")
        .from_(stops.subquery("stops"))
        .where(known, *excluded)
        .order_by(sql.column("person_id"), sql.column("timestamp"), place.copy())
    )
    return scope.rows(statement)


def _sessions(rows: Sequence[Row]) -> Iterator[list[_Stop]]:
    for _, own in groupby(rows, key=lambda row: row[0]):
        stops: list[_Stop] = []
        last: datetime | None = None
        for _, at, place in own:
            if last is not None and at - last > SESSION_GAP:
                yield stops
                stops = []
            last = at
            if not stops or stops[-1][1] != place:
                stops.append((at, place))
        yield stops


def _trimmed(stops: list[_Stop], paths: PathsFilter) -> list[_Stop]:
    """Return the part of a path asked for: from the start point's first visit, or up to the end point's last."""
    places = [place for _, place in stops]
    if paths.start_point:
        start = _bare(paths.start_point)
        if start not in places:
            return []
        stops = stops[places.index(start) :]
        places = places[places.index(start) :]
    if paths.end_point:
        end = _bare(paths.end_point)
        if end not in places:
            return []
        stops = stops[: len(places) - places[::-1].index(end)]
        if not paths.start_point:
            return stops[-paths.step_limit :]
    return stops[: paths.step_limit]


def _bare(place: str) -> str:
    """Return a place without the slash at its end, which makes no difference; the root keeps its own."""
    return place[:-1] if len(place) > 1 and place.endswith("/") else place
