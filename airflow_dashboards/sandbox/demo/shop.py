"""The shop's events: who visits, buys and signs up on a day, and what the warehouses count.

Browsers send `$pageview`, `checkout_started`, `signed_up` and `purchase`; the shop's own books send `order_paid` for
every paid order, and the warehouses send `stock_counted`. A few orders are paid from browsers that block tracking, so
there are slightly fewer purchases than orders.

Counts follow a weekly rhythm, grow mildly and vary by some percent; beyond that nothing is left to chance, so that a
day that looks wrong is wrong.
"""

from __future__ import annotations

import bisect
import math
from datetime import date, datetime, time, timedelta, timezone
from functools import lru_cache
from itertools import accumulate
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Event = dict[str, Any]

#: Days of `history`.
HISTORY_DAYS = 90

#: Events of a middling day.
_NEW_VISITORS = 160
_CHECKOUTS = 150
_ORDERS = 120
_SIGN_UPS = 116
_TRACKED_ORDERS = 0.97
_STAFF = 4
_WEEKDAYS = (1.0, 1.02, 1.03, 1.05, 1.08, 0.92, 0.9)
#: How busy each hour is, UTC.
_HOURS = (6, 5, 5, 5, 5, 6, 7, 8, 9, 10, 11, 11, 12, 11, 11, 11, 12, 12, 13, 14, 14, 12, 10, 8)
_NOISE = 0.03
_GROWTH_PER_DAY = 0.0003
_GROWTH_FROM = date(2026, 7, 1)
_GROWTH_BOUNDS = (0.7, 1.6)

#: How many times a visitor comes back (out of twenty visitors), and within how many days.
_RETURNS = (0,) * 11 + (1,) * 5 + (2,) * 2 + (3,) * 2
_MEMORY = 20
_SOONER = 2.2

_COUNTRIES = ("NL",) * 5 + ("DE",) * 3 + ("BE",) * 2
_DEVICES = ("Desktop",) * 11 + ("Mobile",) * 9
_CATEGORIES = ("Garden",) * 4 + ("Kitchen",) * 3 + ("Office",) * 2 + ("Toys",)
_PAYMENTS = ("card",) * 5 + ("bank_transfer",) * 3 + ("wallet",) * 2
_WAREHOUSES = {"Ghent": 2900, "Hamburg": 3800, "Rotterdam": 5200, "Utrecht": 1400}
_PAGES = ("/", "/products", "/products/bestseller")


class Visitor(NamedTuple):
    """Somebody who came for the first time on some day, and what they are."""

    id: str
    country: str
    device: str
    #: Days after the first visit on which they come back.
    returns: tuple[int, ...]


def history(now: datetime) -> list[Event]:
    """Return what has been loaded so far: ninety days up to the end of the day before yesterday, UTC.

    Args:
        now: The clock, aware.
    """
    last = now.astimezone(timezone.utc).date() - timedelta(days=2)
    return [event for back in range(HISTORY_DAYS - 1, -1, -1) for event in complete_day(last - timedelta(days=back))]


def count(events: Iterable[Event], event: str, day: date | None = None) -> int:
    """Count events by name, of one day (UTC) or of all."""
    prefix = day.isoformat() if day else ""
    return sum(1 for one in events if one["event"] == event and one["timestamp"].startswith(prefix))


def complete_day(day: date) -> list[Event]:
    """Return a day's events as they really happened."""
    visitors = visitors_of(day)
    random = _random(day, "visits")
    starts = [_at(day, moment) for moment in _moments(random, len(visitors))]
    events: list[Event] = []
    for place, visitor in enumerate(visitors):
        events += _visit(visitor, starts[place], pages=1 + (place % 10 == 0) + (place % 5 == 0))
    events += _staff(day, random)
    visited = list(zip(visitors, starts, strict=True))
    buyers = random.sample(visited, min(_level(day, "checkouts", _CHECKOUTS), len(visited)))
    events += _checkouts(day, buyers)
    newcomers = [(visitor, at) for visitor, at in visited if _is_new(visitor, day)]
    for visitor, at in random.sample(newcomers, min(_level(day, "sign-ups", _SIGN_UPS), len(newcomers))):
        events.append(_event("signed_up", visitor, at + timedelta(minutes=4), plan="free"))
    events += _stock(day)
    return sorted(events, key=lambda event: event["timestamp"])


def visitors_of(day: date) -> list[Visitor]:
    """Return who visits on a day: the newcomers, and who comes back from the days before."""
    returning = [
        visitor
        for back in range(1, _MEMORY + 1)
        for visitor in _newcomers(day - timedelta(days=back))
        if back in visitor.returns
    ]
    visitors = [*_newcomers(day), *returning]
    _random(day, "order").shuffle(visitors)
    return visitors


@lru_cache(maxsize=512)
def _newcomers(day: date) -> tuple[Visitor, ...]:
    """Return who comes for the first time; each trait is dealt out like cards, so that shares stay as they are."""
    random = _random(day, "newcomers")
    number = _level(day, "newcomers", _NEW_VISITORS)
    countries, devices = _dealt(random, _COUNTRIES, number), _dealt(random, _DEVICES, number)
    returns = _return_days(random, _dealt(random, _RETURNS, number))
    return tuple(
        Visitor(f"{_prefix(day)}{place:03}", country, device, days)
        for place, (country, device, days) in enumerate(zip(countries, devices, returns, strict=True))
    )


def _return_days(random: Random, returns: Sequence[int]) -> list[tuple[int, ...]]:
    """Choose, for each of some visitors, on which later days they come back; sooner is likelier."""
    slots = sum(returns)
    days = [1 + int(_MEMORY * ((place + 0.5) / slots) ** _SOONER) for place in range(slots)]
    random.shuffle(days)
    chosen: list[tuple[int, ...]] = []
    for times in returns:
        own: set[int] = set()
        for _ in range(times):
            later = days.pop()
            while later in own:
                later = later % _MEMORY + 1
            own.add(later)
        chosen.append(tuple(sorted(own)))
    return chosen


def _is_new(visitor: Visitor, day: date) -> bool:
    return visitor.id.startswith(_prefix(day))


def _prefix(day: date) -> str:
    return f"visitor-{day:%Y%m%d}-"


def _visit(visitor: Visitor, at: datetime, *, pages: int) -> list[Event]:
    return [
        _event(
            "$pageview",
            visitor,
            at + timedelta(seconds=50 * place),
            **{"$current_url": _PAGES[place], "$device_type": visitor.device, "is_internal": False},
        )
        for place in range(pages)
    ]


def _staff(day: date, random: Random) -> list[Event]:
    """Return the staff's own look at the shop, which dashboards filter out."""
    return [
        _event(
            "$pageview",
            Visitor(f"staff-{place}", "NL", "Desktop", ()),
            at,
            **{"$current_url": "/", "$device_type": "Desktop", "is_internal": True},
        )
        for place, at in enumerate(_at(day, moment) for moment in _moments(random, _STAFF))
    ]


def _checkouts(day: date, buyers: Sequence[tuple[Visitor, datetime]]) -> list[Event]:
    """Return checkouts, of which most are paid, of which nearly all are seen by the browser too."""
    random = _random(day, "orders")
    orders = min(_level(day, "orders", _ORDERS), len(buyers))
    amounts = _amounts(day, random, orders)
    categories = _dealt(random, _CATEGORIES, orders)
    payments = _dealt(random, _PAYMENTS, orders)
    tracked = round(orders * _TRACKED_ORDERS)
    events: list[Event] = []
    for place, (visitor, at) in enumerate(buyers):
        started = at + timedelta(minutes=5)
        events.append(_event("checkout_started", visitor, started))
        if place >= orders:
            continue
        paid = started + timedelta(seconds=90 + random.randrange(240))
        order = {"order_id": f"{day:%Y%m%d}-{place:03}", "amount": amounts[place]}
        events.append(
            _event("order_paid", visitor, paid, **order, category=categories[place], payment_method=payments[place])
        )
        if place < tracked:
            events.append(_event("purchase", visitor, paid + timedelta(seconds=2), **order))
    return events


def _amounts(day: date, random: Random, number: int) -> list[float]:
    """Return order amounts: evenly spaced shares of one distribution, so that a day's mean varies little."""
    level = 1 + max(-2, min(2, random.gauss(0, 1))) * 0.01
    amounts = [round(level * (18 + 42 * -math.log(1 - (place + 0.5) / number)), 2) for place in range(number)]
    random.shuffle(amounts)
    return amounts


def _stock(day: date) -> list[Event]:
    random = _random(day, "stock")
    return [
        {
            "event": "stock_counted",
            "distinct_id": f"warehouse-{name.lower()}",
            "timestamp": _at(day, hour / 24).isoformat(),
            "properties": {"warehouse": name, "units": round(units * random.uniform(0.97, 1.03))},
        }
        for name, units in _WAREHOUSES.items()
        for hour in (6, 14, 22)
    ]


def _event(name: str, visitor: Visitor, at: datetime, **properties: Any) -> Event:
    return {
        "event": name,
        "distinct_id": visitor.id,
        "timestamp": at.isoformat(),
        "properties": {"country": visitor.country, **properties},
    }


def _level(day: date, name: str, middling: int) -> int:
    """Return how many of something a day brings: rhythm, growth and a few percent of chance."""
    growth = math.exp(_GROWTH_PER_DAY * (day - _GROWTH_FROM).days)
    low, high = _GROWTH_BOUNDS
    chance = 1 + _NOISE * max(-2, min(2, _random(day, name).gauss(0, 1)))
    return round(middling * max(low, min(high, growth)) * _WEEKDAYS[day.weekday()] * chance)


def _moments(random: Random, number: int) -> list[float]:
    """Return moments of the day between 0 and 1 along the curve of the hours, in order."""
    curve = [0, *accumulate(_HOURS)]
    moments = []
    for place in range(number):
        share = (place + random.random()) / number * curve[-1]
        hour = min(bisect.bisect_right(curve, share) - 1, 23)
        moments.append((hour + (share - curve[hour]) / _HOURS[hour]) / 24)
    return moments


def _at(day: date, moment: float) -> datetime:
    """Return an instant of a day; nothing starts in its last half hour, so that what follows is of the same day."""
    midnight = datetime.combine(day, time(), tzinfo=timezone.utc)
    return midnight + timedelta(milliseconds=round(min(moment, 23.5 / 24) * 86_400_000))


def _dealt(random: Random, cards: Sequence[Any], number: int) -> list[Any]:
    """Deal cards out: shares as even as whole numbers allow, in any order."""
    dealt = [cards[place * len(cards) // number] if number else None for place in range(number)]
    random.shuffle(dealt)
    return dealt


def _random(day: date, name: str) -> Random:
    return Random(f"shop:{day.isoformat()}:{name}")  # noqa: S311 - a demo's dice, nothing secret
