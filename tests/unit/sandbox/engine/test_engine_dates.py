from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_dashboards.sandbox.engine import InvalidQueryError, dates
from airflow_dashboards.sandbox.engine.parts import DateRange, Interval

NOW = datetime(2026, 6, 3, 14, 30, 12, tzinfo=timezone.utc)  # a Wednesday


def _resolve(
    date_from: str | None, date_to: str | None = None, interval: str = "day", zone: str = "UTC", **more: object
):
    wanted = DateRange.model_validate({"date_from": date_from, "date_to": date_to, **more})
    return dates.resolve(wanted, Interval(interval), now=NOW, timezone=zone)


@pytest.mark.parametrize(
    ("date_from", "expected"),
    [
        (None, "2026-05-27 00:00:00"),
        ("-7d", "2026-05-27 00:00:00"),
        ("-30d", "2026-05-04 00:00:00"),
        ("-0d", "2026-06-03 00:00:00"),
        ("dStart", "2026-06-03 00:00:00"),
        ("-1dStart", "2026-06-02 00:00:00"),
        ("-24h", "2026-06-02 14:00:00"),
        ("-90M", "2026-06-03 13:00:00"),
        ("-2w", "2026-05-20 00:00:00"),
        ("wStart", "2026-05-31 00:00:00"),
        ("-3m", "2026-03-03 00:00:00"),
        ("mStart", "2026-06-01 00:00:00"),
        ("-1mStart", "2026-05-01 00:00:00"),
        ("qStart", "2026-04-01 00:00:00"),
        ("yStart", "2026-01-01 00:00:00"),
        ("-1y", "2025-06-03 00:00:00"),
        ("2026-01-01", "2026-01-01 00:00:00"),
        ("2026-01-01T10:30:00", "2026-01-01 10:30:00"),
        ("2026-01-01T10:30:00Z", "2026-01-01 10:30:00"),
        ("2026-01-01T10:30:00+02:00", "2026-01-01 08:30:00"),
    ],
)
def test_a_range_starts(date_from: str | None, expected: str) -> None:
    assert str(_resolve(date_from).start) == expected


@pytest.mark.parametrize(
    ("date_to", "interval", "expected"),
    [
        (None, "day", "2026-06-03 23:59:59.999999"),
        (None, "month", "2026-06-03 23:59:59.999999"),
        (None, "hour", "2026-06-03 14:59:59.999999"),
        (None, "minute", "2026-06-03 14:30:59.999999"),
        ("-1d", "day", "2026-06-02 23:59:59.999999"),
        ("-1dEnd", "day", "2026-06-02 23:59:59.999999"),
        ("-1mEnd", "day", "2026-05-31 23:59:59.999999"),
        ("2026-05-10", "day", "2026-05-10 23:59:59.999999"),
        ("2026-05-10", "hour", "2026-05-10 23:59:59.999999"),
        ("2026-05-10T12:00:00", "hour", "2026-05-10 12:00:00"),
        ("2026-05-10T12:00:00", "day", "2026-05-10 23:59:59.999999"),
    ],
)
def test_a_range_ends(date_to: str | None, interval: str, expected: str) -> None:
    assert str(_resolve("-30d", date_to, interval).end) == expected


def test_an_explicit_range_is_taken_to_the_second() -> None:
    window = _resolve("2026-06-01T06:00:00", "2026-06-02T18:00:00", explicitDate=True)
    assert (str(window.start), str(window.end)) == ("2026-06-01 06:00:00", "2026-06-02 18:00:00")


def test_today_is_where_the_project_is() -> None:
    late = datetime(2026, 6, 3, 23, 30, tzinfo=timezone.utc)
    window = dates.resolve(None, Interval.DAY, now=late, timezone="Europe/Amsterdam")
    assert str(window.end) == "2026-06-04 23:59:59.999999"
    assert window.resolved["date_from"] == "2026-05-28T00:00:00+02:00"


@pytest.mark.parametrize("text", ["soon", "-7x", "2026-13-01", "--7d", "-99999999999d"])
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(InvalidQueryError):
        _resolve(text)


def test_an_unknown_timezone_is_refused() -> None:
    with pytest.raises(InvalidQueryError, match="Unknown timezone: Mars/Olympus"):
        _resolve("-7d", zone="Mars/Olympus")


def test_a_minute_chart_of_years_is_refused() -> None:
    with pytest.raises(InvalidQueryError, match="more than 50000 periods"):
        _ = _resolve("-2y", interval="minute").periods


def test_weeks_start_on_sunday_and_the_first_is_whole() -> None:
    periods = _resolve("-14d", interval="week").periods
    assert [str(period.date()) for period in periods] == ["2026-05-17", "2026-05-24", "2026-05-31"]


def test_months_follow_each_other() -> None:
    periods = _resolve("2025-11-15", interval="month").periods
    assert [f"{period:%Y-%m}" for period in periods] == [
        "2025-11", "2025-12", "2026-01", "2026-02", "2026-03", "2026-04", "2026-05", "2026-06",
    ]  # fmt: skip


def test_labels_and_days() -> None:
    period = datetime.fromisoformat("2026-06-01 14:00")
    assert dates.label(period, Interval.DAY) == "1-Jun-2026"
    assert dates.label(period, Interval.HOUR) == "1-Jun-2026 14:00"
    assert dates.day(period, Interval.WEEK) == "2026-06-01"
    assert dates.day(period, Interval.HOUR) == "2026-06-01 14:00:00"


@pytest.mark.parametrize(
    ("date_from", "compare_to", "expected"),
    [
        ("-7d", None, ("2026-05-20 00:00:00", "2026-05-27 23:59:59.999999")),  # weekdays meet
        ("-10d", None, ("2026-05-13 00:00:00", "2026-05-23 23:59:59.999999")),
        ("2026-06-01", None, ("2026-05-29 00:00:00", "2026-05-31 23:59:59.999999")),
        ("-7d", "-1m", ("2026-04-27 00:00:00", "2026-05-03 23:59:59.999999")),
    ],
)
def test_the_period_before(date_from: str, compare_to: str | None, expected: tuple[str, str]) -> None:
    window = _resolve(date_from)
    before = dates.previous(window, DateRange(date_from=date_from), compare_to)
    assert (str(before.start), str(before.end)) == expected


@given(
    instant=st.datetimes(
        min_value=datetime.fromisoformat("2000-01-01"), max_value=datetime.fromisoformat("2100-01-01")
    ),
    interval=st.sampled_from(Interval),
)
def test_every_instant_lies_in_its_period(instant: datetime, interval: Interval) -> None:
    start = dates.floor(instant, interval)
    assert start <= instant < dates.following(start, interval)
    assert dates.floor(dates.following(start, interval), interval) == dates.following(start, interval)
    assert dates.floor(start - timedelta(microseconds=1), interval) < start


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-06-01T10:20:30.5Z", "2026-06-01 10:20:30.500000+00:00"),
        ("2026-06-01T10:20:30.1234567+02:00", "2026-06-01 10:20:30.123456+02:00"),
        ("2026-06-01T10:20:30.123", "2026-06-01 10:20:30.123000"),
        ("2026-06-01 10:20", "2026-06-01 10:20:00"),
    ],
)
def test_times_have_any_number_of_decimals(text: str, expected: str) -> None:
    assert str(dates.parse(text)) == expected
