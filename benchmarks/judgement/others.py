"""Pairs of every other kind: funnels, retention, numbers, stickiness, paths, tables without dates."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from benchmarks.judgement.tiles import Pair, volume
from benchmarks.judgement.world import Morning, binomial, label, poisson, step, window

if TYPE_CHECKING:
    import random

_STEPS = ("visit", "sign up", "add to cart", "check out", "pay")


def _wobble(rng: random.Random, value: float, by: float = 0.03) -> int:
    return max(0, round(value * math.exp(rng.gauss(0, by))))


def funnel(rng: random.Random, morning: Morning, harm: str | None) -> Pair:
    steps = rng.randrange(3, 6)
    entered = int(volume(rng, 400 if harm else 20, 3e5))
    rates = [rng.uniform(0.25, 0.8) for _ in range(steps - 1)]
    parts = rng.choice((1, 1, 3))

    def side(entered: int, rates: list[float], part: int) -> list[dict[str, Any]]:
        counts = [entered]
        for rate in rates:
            counts.append(binomial(rng, counts[-1], min(rate * math.exp(rng.gauss(0, 0.015)), 1.0)))
        extra = {"breakdown": [f"p{part}"], "breakdown_value": [f"p{part}"]} if parts > 1 else {}
        return [
            {
                "action_id": _STEPS[i],
                "name": _STEPS[i],
                "custom_name": None,
                "order": i,
                "count": n,
                "people": [],
                **extra,
            }
            for i, n in enumerate(counts)
        ]

    before = [side(entered, rates, part) for part in range(parts)]
    new, new_rates = _wobble(rng, entered), list(rates)
    if harm == "collapse":
        where = rng.randrange(len(rates) if entered * math.prod(rates) > 400 else 1)
        new_rates[where] *= rng.uniform(0.05, 0.45)
    elif harm == "entered":
        new = round(entered * rng.choice((0.1, 0.45, 2.0, 3.0)))
    elif harm == "emptied":
        new = 0
    after = [side(new, new_rates, part) for part in range(parts)]
    rng.shuffle(after)
    query = {"kind": "InsightVizNode", "source": {"kind": "FunnelsQuery"}}
    return Pair("funnel", before if parts > 1 else before[0], after if parts > 1 else after[0], query)


def retention(rng: random.Random, morning: Morning, harm: str | None) -> Pair:
    interval = rng.choice(("day", "day", "week"))
    length = rng.choice((8, 11))
    size = volume(rng, 400 if harm else 20, 1e5)
    first = rng.uniform(0.2, 0.6)
    rates = [1.0] + [first * math.exp(-0.15 * k) for k in range(length)]
    now, then = morning.local(morning.after_at), morning.local(morning.before_at)
    cells: dict[Any, int] = {}

    def cell(start: Any, offset: int) -> int:
        if (start, offset) not in cells:
            cells[start, offset] = (
                poisson(rng, size * math.exp(rng.gauss(0, 0.05)))
                if offset == 0
                else binomial(rng, cell(start, 0), min(rates[offset] * math.exp(rng.gauss(0, 0.03)), 1.0))
            )
        return cells[start, offset]

    def side(moment: Any, loaded: Any, broken: Any = None) -> list[dict[str, Any]]:
        cohorts = window(moment, interval, length - 1)
        rows = []
        for index, start in enumerate(cohorts):
            values = []
            for offset in range(length - index):
                begin = step(start, interval, offset)
                whole = step(begin, interval) <= loaded
                got = (
                    cell(start, offset)
                    if whole
                    else round(cell(start, offset) * max((loaded - begin) / (step(begin, interval) - begin), 0))
                    if loaded > begin
                    else 0
                )
                values.append({"count": broken(start, offset, got, whole) if broken else got})
            rows.append({"date": label(start, "day") + "T00:00:00Z", "label": f"{interval} {index}", "values": values})
        return rows

    def settled(start: Any, offset: int) -> bool:
        return step(start, interval, offset + 1) <= morning.loaded_before

    factor = rng.choice((0.0, 0.2, 0.4))
    turned = [
        day for day in window(now, interval, 2) if morning.loaded_before < step(day, interval) <= morning.loaded_after
    ]
    if harm in ("returns_lost", "cohort_doubled") and not turned:
        harm = "returns_restated"  # no period has ended in between that could have been harmed
    breakers = {
        None: None,
        "returns_lost": lambda start, offset, got, whole: (
            round(got * factor) if offset and not settled(start, offset) else got
        ),
        "returns_restated": lambda start, offset, got, whole: round(got * 0.5) if offset else got,
        "cohort_doubled": lambda start, offset, got, whole: (
            got * 2 if offset == 0 and whole and not settled(start, 0) else got
        ),
        "emptied": lambda start, offset, got, whole: 0,
    }
    query = {
        "kind": "InsightVizNode",
        "source": {"kind": "RetentionQuery", "retentionFilter": {"period": interval.title()}},
    }
    before = side(then, morning.loaded_before)
    after = side(now, morning.loaded_after, breakers[harm])
    return Pair("retention", before, after, query, interval)


def total(rng: random.Random, morning: Morning, harm: str | None) -> Pair:
    parts = rng.choice((1, 1, 1, 4, 8))
    base = volume(rng, 60 if harm else 3)
    values = [base / (1 + index * rng.uniform(0.4, 1.0)) for index in range(parts)]
    before = [_wobble(rng, value, 0.01) for value in values]
    after = [_wobble(rng, value, 0.03) for value in values]
    names = [f"value {index}" for index in range(parts)]
    names_after = list(names)
    if harm == "doubled":
        after = [value * 2 for value in after]
    elif harm == "halved":
        after = [value // 2 for value in after]
    elif harm == "scaled":
        after = [value * 100 for value in after]
    elif harm == "zeroed":
        after = [0 for _ in after]
    elif harm == "vanished":
        parts = max(parts, 4)
        before = [_wobble(rng, base / (1 + i * 0.6)) for i in range(parts)]
        names = [f"value {index}" for index in range(parts)]
        gone = rng.randrange(2)
        after = [_wobble(rng, value) for i, value in enumerate(before) if i != gone] + [before[gone]]
        names_after = [name for i, name in enumerate(names) if i != gone] + ["$$_posthog_breakdown_null_$$"]

    def side(names: list[str], values: list[int]) -> list[dict[str, Any]]:
        return [
            {"data": [], "days": [], "labels": [], "count": 0, "label": name, "aggregated_value": value,
             "action": {"order": 0, "math": "total"}, **({"breakdown_value": name} if parts > 1 else {})}
            for name, value in zip(names, values, strict=True)
        ]  # fmt: skip

    display = "BoldNumber" if parts == 1 else "ActionsPie"
    query = {"kind": "InsightVizNode", "source": {"kind": "TrendsQuery", "trendsFilter": {"display": display}}}
    return Pair("trends_total", side(names, before), side(names_after, after), query)


def stickiness(rng: random.Random, morning: Morning, harm: str | None) -> Pair:
    base = volume(rng, 300 if harm else 20)
    shape = [base * math.exp(-0.5 * k) for k in range(7)]
    factor = {None: 1.0, "halved": 0.45, "doubled": 2.0, "emptied": 0.0}[harm]

    def side(factor: float) -> list[dict[str, Any]]:
        data = [round(_wobble(rng, value) * factor) for value in shape]
        labels = [f"{k + 1} day{'s' if k else ''}" for k in range(7)]
        return [
            {
                "data": data,
                "labels": labels,
                "days": list(range(1, 8)),
                "count": sum(data),
                "label": "e",
                "action": {"order": 0},
            }
        ]

    return Pair(
        "stickiness", side(1.0), side(factor), {"kind": "InsightVizNode", "source": {"kind": "StickinessQuery"}}, "day"
    )


def paths(rng: random.Random, morning: Morning, harm: str | None) -> Pair:
    base = volume(rng, 300 if harm else 10)
    edges = [(f"1_/p{i}", f"2_/q{j}", base / (1 + i + 2 * j)) for i in range(4) for j in range(5)]
    factor = {None: 1.0, "halved": 0.4, "doubled": 2.1}[harm]

    def side(factor: float, cut: int) -> list[dict[str, Any]]:
        shown = [
            {"source": a, "target": b, "value": round(_wobble(rng, v, 0.05) * factor), "average_conversion_time": 9.5}
            for a, b, v in edges
        ]
        shown.sort(key=lambda edge: -edge["value"])
        return shown[:cut]

    return Pair("paths", side(1.0, 16), side(factor, 16), {"kind": "InsightVizNode", "source": {"kind": "PathsQuery"}})


_COUNTRIES = (
    "DE",
    "FR",
    "US",
    "GB",
    "ES",
    "IT",
    "PL",
    "NL",
    "SE",
    "AT",
    "CH",
    "BE",
    "PT",
    "IE",
    "DK",
    "NO",
    "FI",
    "CZ",
)


def dimension_table(rng: random.Random, morning: Morning, harm: str | None) -> Pair:
    """Rows per country: a count, a sum, and a rate."""
    n = rng.randrange(6, len(_COUNTRIES) + 1)
    base = volume(rng, 2000 if harm else 20)
    before, after = [], []
    for index in range(n):
        orders = base / (1 + index * rng.uniform(0.3, 0.8))
        price = rng.uniform(20, 90)
        for side in (before, after):
            count = _wobble(rng, orders)
            side.append(
                [
                    _COUNTRIES[index],
                    count,
                    round(count * price * math.exp(rng.gauss(0, 0.02)), 2),
                    round(rng.uniform(0.3, 0.34), 4),
                ]
            )
    if harm == "rows_lost":
        keep = rng.choice((0.2, 0.5, 0.65))
        after = sorted(rng.sample(after, max(1, int(len(after) * keep))))
    elif harm == "rows_duplicated":
        after = after + [list(row) for row in rng.sample(after, max(2, len(after) // rng.choice((1, 2, 4))))]
    elif harm == "null_column":
        column = rng.randrange(1, 4)
        for row in after:
            if rng.random() < rng.choice((1.0, 0.8)):
                row[column] = None
        if sum(row[column] is None for row in after) < 0.5 * len(after):
            for row in after:
                row[column] = None
    elif harm == "sum_doubled":
        for row in after:
            row[1], row[2] = row[1] * 2, row[2] * 2
    elif harm == "sum_scaled":
        for row in after:
            row[2] *= 100
    elif harm == "emptied":
        after = []
    rng.shuffle(after)
    query = {"kind": "DataVisualizationNode", "source": {"kind": "HogQLQuery", "query": "select country, ..."}}
    return Pair("table", before, after, query, columns=["country", "orders", "revenue", "paid_share"])


def number_table(rng: random.Random, morning: Morning, harm: str | None) -> Pair:
    value = volume(rng, 100 if harm else 3)
    factor = {None: 1.0, "doubled": 2.0, "halved": 0.5, "scaled": 1000.0}.get(harm, 1.0)
    after: list[Any] = [round(_wobble(rng, value) * factor)]
    if harm == "nulled":
        after = [None]
    query = {"kind": "DataVisualizationNode", "source": {"kind": "HogQLQuery", "query": "select count() ..."}}
    return Pair("table", [[_wobble(rng, value, 0.01)]], [after], query, columns=["orders"])


def feed_table(rng: random.Random, morning: Morning, harm: str | None) -> Pair:
    """The latest events: other rows every morning."""
    n = rng.choice((20, 50, 100))

    def side(moment: Any, start: int) -> list[list[Any]]:
        return [
            [
                f"u{start + i}",
                (moment - timedelta(seconds=37 * i)).strftime("%Y-%m-%dT%H:%M:%SZ"),
                rng.choice(("view", "buy")),
                rng.randrange(1, 500),
            ]
            for i in range(n)
        ]

    before, after = side(morning.before_at, 0), side(morning.after_at, rng.choice((n // 3, 1000)))
    if harm == "null_column":
        for row in after:
            row[2] = None
    elif harm == "rows_lost":
        after = after[: n // 5]
    query = {"kind": "DataTableNode", "source": {"kind": "EventsQuery"}}
    return Pair("table", before, after, query, columns=["uuid", "timestamp", "event", "amount"])


#: Maker, and the harm it knows.
KINDS: dict[str, tuple[Any, tuple[str, ...]]] = {
    "funnel": (funnel, ("collapse", "entered", "emptied")),
    "retention": (retention, ("returns_lost", "returns_restated", "cohort_doubled", "emptied")),
    "total": (total, ("doubled", "halved", "scaled", "zeroed", "vanished")),
    "stickiness": (stickiness, ("halved", "doubled", "emptied")),
    "paths": (paths, ("halved", "doubled")),
    "rows": (dimension_table, ("rows_lost", "rows_duplicated", "null_column", "sum_doubled", "sum_scaled", "emptied")),
    "sql_number": (number_table, ("doubled", "halved", "scaled", "nulled")),
    "feed": (feed_table, ("null_column", "rows_lost")),
}
