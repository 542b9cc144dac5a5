"""A small world that counts things: levels, rhythms, trends, noise, loads that come in time or late."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    import random

ZONES = ("UTC", "Europe/Berlin", "America/Los_Angeles", "Asia/Tokyo", "Australia/Sydney")
WINDOWS = {"hour": (48, 72, 168, 336), "day": (7, 14, 30, 60, 90, 180), "week": (12, 26, 52), "month": (12, 24)}


def step(start: datetime, interval: str, by: int = 1) -> datetime:
    if interval == "month":
        month = start.year * 12 + start.month - 1 + by
        return start.replace(year=month // 12, month=month % 12 + 1, day=1)
    return start + by * {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(days=7)}[interval]


def floor(moment: datetime, interval: str) -> datetime:
    hour = moment.replace(minute=0, second=0, microsecond=0)
    if interval == "hour":
        return hour
    day = hour.replace(hour=0)
    if interval == "week":
        return day - timedelta(days=(day.weekday() + 1) % 7)  # PostHog's weeks begin on Sunday
    return day.replace(day=1) if interval == "month" else day


def label(start: datetime, interval: str) -> str:
    return start.strftime("%Y-%m-%d %H:%M:%S" if interval == "hour" else "%Y-%m-%d")


def poisson(rng: random.Random, mean: float) -> int:
    if mean <= 0:
        return 0
    if mean > 50:
        return max(0, round(rng.gauss(mean, math.sqrt(mean))))
    limit, product, count = math.exp(-mean), rng.random(), 0
    while product > limit:
        product *= rng.random()
        count += 1
    return count


def binomial(rng: random.Random, n: int, p: float) -> int:
    if n <= 200:
        return sum(rng.random() < p for _ in range(n))
    return min(n, max(0, round(rng.gauss(n * p, math.sqrt(n * p * (1 - p))))))


@dataclass
class Morning:
    """When the two pictures were taken, and what had been loaded by then."""

    rng: random.Random
    zone: str = "UTC"
    before_at: datetime = field(init=False)
    after_at: datetime = field(init=False)
    #: Data is there until here, wall-clock time: at the picture before, at the picture after.
    loaded_before: datetime = field(init=False)
    loaded_after: datetime = field(init=False)
    streaming: bool = field(init=False)

    def __post_init__(self) -> None:
        rng = self.rng
        base = datetime(2026, 1, 1) + timedelta(days=rng.randrange(40, 700))  # noqa: DTZ001 - wall-clock time
        tz = ZoneInfo(self.zone)
        local = base + timedelta(hours=rng.choice((1, 2, 3, 5, 8, 14)), minutes=rng.randrange(60))
        gap = timedelta(minutes=rng.choice((20, 45, 90))) if rng.random() < 0.6 else timedelta(days=1)
        self.after_at = local.replace(tzinfo=tz).astimezone(timezone.utc)
        self.before_at = self.after_at - gap
        self.streaming = rng.random() < 0.35
        now, then = self.local(self.after_at), self.local(self.before_at)
        if self.streaming:
            self.loaded_after, self.loaded_before = now, then
        else:
            self.loaded_after = now.replace(hour=0, minute=0, second=0, microsecond=0)
            # The day before, that day's load had brought its yesterday; the same day, today's has not come yet.
            self.loaded_before = self.loaded_after - timedelta(days=1)

    def local(self, moment: datetime) -> datetime:
        return moment.astimezone(ZoneInfo(self.zone)).replace(tzinfo=None)


@dataclass
class Process:
    """Something that happens, so many times per period."""

    rng: random.Random
    interval: str
    level: float
    weekend: float
    trend: float
    spread: float
    peak: int
    weekday: tuple[float, ...]
    monthly: float
    anchor: datetime
    values: dict[datetime, int] = field(default_factory=dict)

    @classmethod
    def random(
        cls, rng: random.Random, interval: str, level: float, anchor: datetime, *, long: bool = False
    ) -> Process:
        per = {"hour": 24, "day": 1, "week": 1 / 7, "month": 1 / 30}[interval]
        return cls(
            rng,
            interval,
            level,
            weekend=rng.choice((1.0, 1.15, 0.8, 0.55, 0.35, 0.2)),
            trend=rng.choice((0.0, 0.0, 0.0, 0.003, 0.006, -0.003, -0.005)) / per,
            spread=rng.choice((0.02, 0.04, 0.06, 0.09, 0.12)),
            peak=rng.randrange(24),
            weekday=tuple(rng.uniform(0.94, 1.06) for _ in range(7)),
            monthly=rng.choice((1.0,) * 9 + (2.5,)) if long else 1.0,
            anchor=anchor,
        )

    def mean(self, start: datetime) -> float:
        periods = (start - self.anchor) / (step(start, self.interval) - start)
        value = self.level * math.exp(max(min(self.trend * periods, 2.0), -2.0))
        if self.interval in ("hour", "day"):
            value *= self.weekday[start.weekday()] * (self.weekend if start.weekday() >= 5 else 1.0)
        if self.interval == "day" and start.day == 1:
            value *= self.monthly
        if self.interval == "hour":
            value *= 1 + 0.8 * math.cos((start.hour - self.peak) / 24 * 2 * math.pi)
        return value

    def value(self, start: datetime) -> int:
        if start not in self.values:
            noise = math.exp(self.rng.gauss(0, self.spread))
            self.values[start] = poisson(self.rng, self.mean(start) * noise)
        return self.values[start]

    def shown(self, start: datetime, loaded: datetime) -> int:
        """What has arrived of a period by the time data is there until `loaded`."""
        finish = step(start, self.interval)
        if loaded >= finish:
            return self.value(start)
        if loaded <= start:
            return 0
        return round(self.value(start) * ((loaded - start) / (finish - start)))


def window(now: datetime, interval: str, length: int) -> list[datetime]:
    """The last periods, the running one included."""
    last = floor(now, interval)
    return [step(last, interval, -back) for back in range(length, -1, -1)]
