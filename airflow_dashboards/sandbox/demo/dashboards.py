"""The demo's dashboards: what a shop looks at, with every kind of insight among it.

A tile that a breakage may hit stands alone on its events: only `Purchases` reads `purchase`, only `Sign-ups` reads
`signed_up`, only `Stock by warehouse` reads `stock_counted`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

Query = dict[str, Any]

PURCHASES = "Purchases"
SIGN_UPS = "Sign-ups"
STOCK = "Stock by warehouse"


@dataclass(frozen=True)
class InsightSpec:
    """An insight and the box of its tile."""

    name: str
    query: Query
    description: str = ""
    layouts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class TextSpec:
    """A text tile and its box."""

    body: str
    layouts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class DashboardSpec:
    """A dashboard to make: everything that its creation takes."""

    name: str
    description: str
    tags: tuple[str, ...]
    tiles: tuple[InsightSpec | TextSpec, ...]
    filters: Mapping[str, Any] = field(default_factory=dict)
    pinned: bool = False


def _node(event: str, **more: Any) -> dict[str, Any]:
    return {"kind": "EventsNode", "event": event, "name": event, **more}


def _insight(source: Query) -> Query:
    return {"kind": "InsightVizNode", "source": source}


def _trends(*series: dict[str, Any], date_from: str = "-30d", **more: Any) -> Query:
    query = {"kind": "TrendsQuery", "series": list(series), "interval": "day", "dateRange": {"date_from": date_from}}
    return _insight({**query, **more})


def _sql(text: str) -> Query:
    return {"kind": "DataVisualizationNode", "source": {"kind": "HogQLQuery", "query": text}}


def _box(place: int) -> dict[str, dict[str, int]]:
    return {
        "sm": {"x": place % 2 * 6, "y": place // 2 * 5, "w": 6, "h": 5},
        "xs": {"x": 0, "y": place * 5, "w": 1, "h": 5},
    }


def _board(*tiles: tuple[str, Query] | str) -> tuple[InsightSpec | TextSpec, ...]:
    return tuple(
        TextSpec(tile, _box(place)) if isinstance(tile, str) else InsightSpec(tile[0], tile[1], layouts=_box(place))
        for place, tile in enumerate(tiles)
    )


_REVENUE = _node("order_paid", math="sum", math_property="amount")
_ORDERS = _node("order_paid", math="total")
_VISITS = _node("$pageview", math="total")
_CHECKOUT = [_node("checkout_started"), _node("order_paid")]

_STOCK_SQL = """
SELECT properties.warehouse AS warehouse, argMax(properties.units, timestamp) AS units
FROM events
WHERE event = 'stock_counted'
GROUP BY warehouse
ORDER BY warehouse
"""
_CATEGORIES_SQL = """
SELECT properties.category AS category, count() AS orders, round(sum(properties.amount), 2) AS revenue
FROM events
WHERE event = 'order_paid' AND timestamp >= toStartOfDay(now()) - INTERVAL 30 DAY
GROUP BY category
ORDER BY category
"""
_ORDERS_SQL = """
SELECT toDate(timestamp) AS day, count() AS orders, round(avg(properties.amount), 2) AS average_amount
FROM events
WHERE event = 'order_paid' AND timestamp >= toStartOfDay(now()) - INTERVAL 14 DAY
GROUP BY day
ORDER BY day
"""

_KPIS = DashboardSpec(
    name="Shop KPIs",
    description="What the shop earns.",
    tags=("demo", "nightly", "kpi"),
    pinned=True,
    tiles=_board(
        "## Shop KPIs\nFigures of complete days, loaded every night.",
        ("Revenue, last 30 days", _trends(_REVENUE, trendsFilter={"display": "BoldNumber"})),
        ("Revenue", _trends(_REVENUE)),
        (PURCHASES, _trends(_node("purchase", math="total"))),
        ("Average order amount", _trends(_REVENUE, _ORDERS, trendsFilter={"formula": "A/B"})),
        ("Orders per week", _trends(_ORDERS, interval="week", date_from="-84d")),
        (
            "Orders by country",
            _trends(
                _ORDERS,
                breakdownFilter={"breakdown": "country", "breakdown_type": "event"},
                trendsFilter={"display": "ActionsPie"},
            ),
        ),
        (
            "From visit to order",
            _insight(
                {
                    "kind": "FunnelsQuery",
                    "series": [_node("$pageview"), *_CHECKOUT],
                    "dateRange": {"date_from": "-30d"},
                    "funnelsFilter": {"funnelWindowInterval": 1, "funnelWindowIntervalUnit": "day"},
                }
            ),
        ),
    ),
)

_GROWTH = DashboardSpec(
    name="Growth",
    description="Who visits the shop, and who comes back. Without our own staff.",
    tags=("demo", "nightly"),
    filters={
        "date_from": "-30d",
        "properties": [{"key": "is_internal", "value": ["true"], "operator": "is_not", "type": "event"}],
    },
    tiles=_board(
        (SIGN_UPS, _trends(_node("signed_up", math="total"), date_from="-14d")),
        ("Visitors", _trends(_node("$pageview", math="dau"), date_from="-14d")),
        (
            "Visits by device",
            _trends(
                _VISITS, date_from="-14d", breakdownFilter={"breakdown": "$device_type", "breakdown_type": "event"}
            ),
        ),
        (
            "Visitors who come back",
            _insight(
                {
                    "kind": "RetentionQuery",
                    "retentionFilter": {
                        "period": "Day",
                        "totalIntervals": 11,
                        "retentionType": "retention_recurring",
                        "targetEntity": {"id": "$pageview", "name": "$pageview", "type": "events"},
                        "returningEntity": {"id": "$pageview", "name": "$pageview", "type": "events"},
                    },
                }
            ),
        ),
        (
            "Days on which visitors visit",
            _insight(
                {"kind": "StickinessQuery", "series": [_VISITS], "interval": "day", "dateRange": {"date_from": "-14d"}}
            ),
        ),
        (
            "Ways through the shop",
            _insight(
                {
                    "kind": "PathsQuery",
                    "pathsFilter": {"includeEventTypes": ["$pageview"], "stepLimit": 3},
                    "dateRange": {"date_from": "-14d"},
                }
            ),
        ),
    ),
)

_OPERATIONS = DashboardSpec(
    name="Operations",
    description="What keeps the shop going.",
    tags=("demo", "nightly", "operations"),
    tiles=_board(
        ("Page views per hour", _trends(_VISITS, interval="hour", date_from="-72h")),
        (STOCK, _sql(_STOCK_SQL)),
        ("Revenue by category", _sql(_CATEGORIES_SQL)),
        ("Orders per day", _sql(_ORDERS_SQL)),
        (
            "Orders by payment method",
            _trends(
                _ORDERS,
                breakdownFilter={"breakdown": "payment_method", "breakdown_type": "event"},
                trendsFilter={"display": "ActionsTable"},
            ),
        ),
        (
            "Checkouts that end in an order",
            _insight(
                {
                    "kind": "FunnelsQuery",
                    "series": _CHECKOUT,
                    "interval": "day",
                    "dateRange": {"date_from": "-14d"},
                    "funnelsFilter": {
                        "funnelVizType": "trends",
                        "funnelWindowInterval": 1,
                        "funnelWindowIntervalUnit": "day",
                    },
                }
            ),
        ),
    ),
)

#: In the order in which they are made.
DASHBOARDS = (_KPIS, _GROWTH, _OPERATIONS)
