"""Ways to break the nightly load, each of which shows on exactly one tile."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any

from airflow_dashboards.sandbox.demo import shop
from airflow_dashboards.sandbox.demo.dashboards import PURCHASES, SIGN_UPS, STOCK

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import date


class Breakage(str, Enum):
    """One thing that goes wrong with a load."""

    #: The day's `purchase` events are loaded twice.
    PURCHASES_TWICE = "purchases_twice"
    #: Most of the day's `signed_up` events never arrive.
    SIGNUPS_LOST = "signups_lost"
    #: The load throws away every `stock_counted` event there is, and brings none.
    STOCK_EMPTIED = "stock_emptied"


ALL = tuple(Breakage)

#: The name of the one tile on which each breakage shows.
BROKEN_TILES = {
    Breakage.PURCHASES_TWICE: PURCHASES,
    Breakage.SIGNUPS_LOST: SIGN_UPS,
    Breakage.STOCK_EMPTIED: STOCK,
}

#: Of so many sign-ups one arrives when they are lost.
_ONE_SIGN_UP_IN = 8


def day(on: date, breakages: Collection[Breakage] = ()) -> list[dict[str, Any]]:
    """Return a day's events as the load brings them, right or broken.

    Args:
        on: The calendar day, UTC.
        breakages: What goes wrong.
    """
    events = shop.complete_day(on)
    if Breakage.PURCHASES_TWICE in breakages:
        events += [dict(event) for event in events if event["event"] == "purchase"]
    if Breakage.SIGNUPS_LOST in breakages:
        sign_ups = [event for event in events if event["event"] == "signed_up"]
        events = [event for event in events if event["event"] != "signed_up"] + sign_ups[::_ONE_SIGN_UP_IN]
    if Breakage.STOCK_EMPTIED in breakages:
        events = [event for event in events if event["event"] != "stock_counted"]
    return events


def deletions(on: date, breakages: Collection[Breakage] = ()) -> list[str]:
    """Return which events the load deletes before it brings its own, as HogQL conditions.

    A load replaces its day, so that running it again brings nothing twice.
    """
    found = [f"timestamp >= '{on} 00:00:00' and timestamp <= '{on} 23:59:59.999999'"]
    if Breakage.STOCK_EMPTIED in breakages:
        found.append("event = 'stock_counted'")
    return found


def expected(on: date, breakages: Collection[Breakage] = ()) -> dict[str, int]:
    """Return what the tiles of `BROKEN_TILES` must show after a load, counted from the events themselves.

    Returns:
        Per tile name: purchases and sign-ups on the day, and how many warehouses have a stock.
    """
    events = day(on, breakages)
    warehouses = {event["properties"]["warehouse"] for event in events if event["event"] == "stock_counted"}
    return {
        PURCHASES: shop.count(events, "purchase", on),
        SIGN_UPS: shop.count(events, "signed_up", on),
        STOCK: len(warehouses),
    }
