"""The time a query looks at: relative dates read against a clock, cut into periods, and labelled (contract 4.7).

Instants are *local* here: naive datetimes on the wall clock of the project's timezone, because periods are cut there.
In the hour that a timezone repeats when summer time ends, both runs of it count as one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pendulum

from airflow_dashboards.sandbox.engine.errors import InvalidQueryError
from airflow_dashboards.sandbox.engine.parts import DateRange, Interval

#: What a query without a date range looks at.
DEFAULT_DATE_FROM = "-7d"
#: More periods than this are refused: nobody means a minute chart of ten years.
MAX_PERIODS = 50_000

_RELATIVE = re.compile(r"^-?(?P<number>\d+)?(?P<unit>[hdwmqyHDWMQY])(?P<position>Start|End)?$")
_DECIMALS = re.compile(r"\.(\d+)")
_INSTANT = timedelta(microseconds=1)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_FINE = (Interval.MINUTE, Interval.HOUR)

_Unit = Literal["minute", "hour", "day", "week", "month", "quarter", "year"]
_UNITS: dict[str, _Unit] = {
    "M": "minute",
    "h": "hour",
    "H": "hour",
    "d": "day",
    "D": "day",
    "w": "week",
    "W": "week",
    "m": "month",
    "q": "quarter",
    "Q": "quarter",
    "y": "year",
    "Y": "year",
}


@dataclass(frozen=True)
class Window:
    """From the first to the last microsecond a query looks at, on the project's wall clock."""

    start: datetime
    end: datetime
    timezone: str
    interval: Interval

    @property
    def periods(self) -> list[datetime]:
        """Starts of the periods, the first one whole, the running one included."""
        found: list[datetime] = []
        period = floor(self.start, self.interval)
        while period <= self.end:
            if len(found) >= MAX_PERIODS:
                raise InvalidQueryError(
                    f"The date range holds more than {MAX_PERIODS} periods of one {self.interval.value}"
                )
            found.append(period)
            period = following(period, self.interval)
        return found

    @property
    def whole(self) -> Window:
        """The same window with its first period complete: what a series looks at."""
        return Window(floor(self.start, self.interval), self.end, self.timezone, self.interval)

    @property
    def resolved(self) -> dict[str, str]:
        """Both ends as `resolved_date_range` shows them: ISO 8601 with the project's offset."""
        zone = ZoneInfo(self.timezone)
        return {
            "date_from": self.start.replace(tzinfo=zone).isoformat(),
            "date_to": self.end.replace(tzinfo=zone).isoformat(),
        }


def local(instant: datetime, timezone: str) -> datetime:
    """Return an aware instant on a timezone's wall clock, without its offset."""
    try:
        return instant.astimezone(ZoneInfo(timezone)).replace(tzinfo=None)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise InvalidQueryError(f"Unknown timezone: {timezone}") from error


def parse(text: str) -> datetime:
    """Return the time that an ISO 8601 text means, aware if the text has an offset or `Z`; any number of decimals.

    Raises:
        ValueError: It is none.
    """
    text = f"{text[:-1]}+00:00" if text.endswith("Z") else text
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        # Python 3.10 takes three decimals or six, and nothing between.
        return datetime.fromisoformat(_DECIMALS.sub(lambda match: f".{match[1]:0<6.6}", text))


def floor(instant: datetime, interval: Interval) -> datetime:
    """Return the start of the period that holds an instant; weeks start on Sunday.

    Example:
        `floor(datetime(2026, 6, 3, 14), Interval.WEEK)` is Sunday `datetime(2026, 5, 31)`.
    """
    if interval is Interval.MINUTE:
        return instant.replace(second=0, microsecond=0)
    if interval is Interval.HOUR:
        return instant.replace(minute=0, second=0, microsecond=0)
    day = instant.replace(hour=0, minute=0, second=0, microsecond=0)
    if interval is Interval.WEEK:
        return day - timedelta(days=day.isoweekday() % 7)
    return day.replace(day=1) if interval is Interval.MONTH else day


def following(period: datetime, interval: Interval) -> datetime:
    """Return the start of the period after the one that starts here."""
    return shift(period, 1, interval.value)


def shift(instant: datetime, number: int, unit: _Unit | str) -> datetime:
    """Return an instant moved by a number of units; months end where the shorter month ends."""
    try:
        if unit in ("month", "quarter", "year"):
            months = number * {"month": 1, "quarter": 3, "year": 12}[unit]
            return pendulum.instance(instant, tz=None).add(months=months)
        return instant + timedelta(**{f"{unit}s": number})
    except (OverflowError, ValueError) as error:
        raise InvalidQueryError("The date range reaches beyond the calendar") from error


def label(period: datetime, interval: Interval) -> str:
    """Return a period's label, `1-Jun-2026`, with the time for periods shorter than a day."""
    text = f"{period.day}-{_MONTHS[period.month - 1]}-{period.year}"
    return f"{text} {period:%H:%M}" if interval in _FINE else text


def day(period: datetime, interval: Interval) -> str:
    """Return a period's entry of `days`: `2026-06-01`, or `2026-06-01 14:00:00` for periods shorter than a day."""
    return period.strftime("%Y-%m-%d %H:%M:%S" if interval in _FINE else "%Y-%m-%d")


def instant(period: datetime, timezone: str) -> str:
    """Return a period's start as an instant: `2026-06-01T00:00:00Z`, or with the offset of another timezone."""
    text = period.replace(tzinfo=ZoneInfo(timezone)).isoformat()
    return text[: -len("+00:00")] + "Z" if text.endswith("+00:00") else text


def resolve(
    dates: DateRange | None, interval: Interval, *, now: datetime, timezone: str, earliest: datetime | None = None
) -> Window:
    """Read a date range against the clock.

    Relative dates look back from the start of a day (of an hour for `-24h`); the running period is part of the window.

    Args:
        dates: The query's range; None means the last seven days.
        interval: Decides whether the window ends with the day or with the running hour or minute.
        now: The clock, aware.
        timezone: IANA name of the project's timezone.
        earliest: What `all` goes back to, local; without it, seven days.

    Raises:
        InvalidQueryError: A date cannot be read, or the timezone is unknown.
    """
    clock = local(now, timezone)
    dates = dates or DateRange()
    explicit = bool(dates.explicit_date)
    text_from = dates.date_from or DEFAULT_DATE_FROM
    if text_from == "all":
        start = floor(earliest or shift(clock, -7, "day"), Interval.DAY)
    else:
        start = _read(text_from, clock, timezone).instant
    if not dates.date_to:
        end, relative = clock, True
    else:
        read = _read(dates.date_to, clock, timezone)
        end, relative = read.instant, read.relative
        if read.date_only and not explicit:
            return Window(start, _end(end, Interval.DAY), timezone, interval)
    if not explicit:
        if interval not in _FINE:
            end = _end(end, Interval.DAY)
        elif relative:
            end = _end(end, interval)
    return Window(start, end, timezone, interval)


def previous(window: Window, dates: DateRange | None, compare_to: str | None) -> Window:
    """Return the window that a comparison holds against this one.

    Without `compare_to` it is as long as this one and ends where it starts; `-7d`, `-14d` … step back by whole weeks,
    so that weekdays meet although the running day makes such a window a day longer.
    """
    if compare_to:
        number, unit = _relative(compare_to)
        return Window(
            shift(window.start, -number, unit), shift(window.end, -number, unit), window.timezone, window.interval
        )
    length = window.end - window.start + _INSTANT
    if window.interval in _FINE:
        back = length
    else:
        days = -(-length // timedelta(days=1))
        if window.interval is Interval.DAY and _whole_weeks(dates):
            days -= 1
        back = timedelta(days=days)
    return Window(window.start - back, window.end - back, window.timezone, window.interval)


def _whole_weeks(dates: DateRange | None) -> bool:
    if dates is not None and dates.date_to:
        return False
    match = _RELATIVE.match((dates and dates.date_from) or DEFAULT_DATE_FROM)
    if match is None or match["position"] or _UNITS[match["unit"]] not in ("day", "week"):
        return False
    return _UNITS[match["unit"]] == "week" or int(match["number"] or 0) % 7 == 0


@dataclass(frozen=True)
class _Read:
    instant: datetime
    relative: bool
    date_only: bool = False


def _read(text: str, clock: datetime, timezone: str) -> _Read:
    if _RELATIVE.match(text):
        return _Read(_back(text, clock), relative=True)
    try:
        parsed = parse(text)
    except ValueError as error:
        raise InvalidQueryError(f"Invalid date: {text}") from error
    if parsed.tzinfo is not None:
        parsed = local(parsed, timezone)
    return _Read(parsed, relative=False, date_only=len(text) <= len("2026-06-01"))


def read(text: str, clock: datetime, timezone: str) -> datetime:
    """Return the local instant that a date text means: relative (`-7d`) or ISO 8601.

    Raises:
        InvalidQueryError: It is neither.
    """
    return _read(text, clock, timezone).instant


def _relative(text: str) -> tuple[int, _Unit]:
    match = _RELATIVE.match(text)
    if match is None:
        raise InvalidQueryError(f"Invalid relative date: {text}")
    return int(match["number"] or 0), _UNITS[match["unit"]]


def _back(text: str, clock: datetime) -> datetime:
    number, unit = _relative(text)
    moved = shift(clock, -number, unit)
    if text.endswith("Start"):
        return _start(moved, unit)
    if text.endswith("End"):
        return shift(_start(moved, unit), 1, unit) - _INSTANT
    return _start(moved, unit if unit in ("minute", "hour") else "day")


def _start(instant: datetime, unit: _Unit) -> datetime:
    if unit == "quarter":
        return floor(instant, Interval.MONTH).replace(month=(instant.month - 1) // 3 * 3 + 1)
    if unit == "year":
        return floor(instant, Interval.MONTH).replace(month=1)
    return floor(instant, Interval(unit))


def _end(instant: datetime, interval: Interval) -> datetime:
    return following(floor(instant, interval), interval) - _INSTANT
