"""When and how soon a request is sent again."""

from __future__ import annotations

from datetime import datetime, timezone
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_dashboards.posthog import (
    PostHogConnectionError,
    PostHogProtocolError,
    RateLimitError,
    Request,
    RetryPolicy,
    ServerError,
)
from airflow_dashboards.posthog.retry import may_repeat, retry_after

GET = Request("GET", "/")
CREATE = Request("POST", "/", idempotent=False)
BLOCKING = Request("GET", "/", long_running=True)

UNREACHABLE = PostHogConnectionError("", sent=False)
BROKEN = PostHogConnectionError("", sent=True)
TIMED_OUT = PostHogConnectionError("", sent=True, timed_out=True)
THROTTLED = RateLimitError("", status=429)
CUT = PostHogProtocolError("", broken=True)


def server(status):
    return ServerError("", status=status)


@pytest.mark.parametrize(
    ("request_", "error", "expected"),
    [
        (GET, THROTTLED, True),
        (GET, server(502), True),
        (GET, server(503), True),
        (GET, server(504), True),
        (GET, server(500), False),
        (GET, server(512), False),
        (GET, BROKEN, True),
        (GET, TIMED_OUT, True),
        (GET, UNREACHABLE, True),
        (GET, CUT, True),
        (GET, PostHogProtocolError("a web page"), False),
        # A creation: only where it certainly was not executed.
        (CREATE, THROTTLED, True),
        (CREATE, UNREACHABLE, True),
        (CREATE, BROKEN, False),
        (CREATE, TIMED_OUT, False),
        (CREATE, CUT, False),
        (CREATE, server(500), False),
        (CREATE, server(502), False),
        (CREATE, server(503), False),
        # A calculation that is still running is not started a second time.
        (BLOCKING, TIMED_OUT, False),
        (BLOCKING, server(504), False),
        (BLOCKING, server(503), True),
        (BLOCKING, BROKEN, True),
    ],
)
def test_what_may_be_repeated(request_, error, expected):
    assert may_repeat(request_, error) is expected
    assert (RetryPolicy().delay(request_, error, attempt=1, elapsed=0, spread=0) is not None) is expected


@given(asked=st.floats(0, 1000), spread=st.floats(0, 1, exclude_max=True), attempt=st.integers(1, 100))
def test_never_earlier_than_asked_and_never_beyond_the_cap(asked, spread, attempt):
    policy = RetryPolicy(attempts=1000, total_seconds=10_000, max_retry_after=120)
    delay = policy.delay(
        GET, RateLimitError("", status=429, retry_after=asked), attempt=attempt, elapsed=0, spread=spread
    )
    if asked > 120:
        assert delay is None
    else:
        assert delay is not None
        assert asked <= delay <= asked * 1.25 + 1e-9


@given(spread=st.floats(0, 1, exclude_max=True), attempt=st.integers(1, 10_000))
def test_backoff_doubles_up_to_its_cap(spread, attempt):
    policy = RetryPolicy(attempts=100_000, total_seconds=10_000, first_delay=0.5, max_delay=30)
    delay = policy.delay(GET, server(503), attempt=attempt, elapsed=0, spread=spread)
    least = min(30, 0.5 * 2 ** min(attempt - 1, 60))
    assert delay is not None
    assert least <= delay <= least * 1.25


@given(elapsed=st.floats(0, 1000), spread=st.floats(0, 1, exclude_max=True))
def test_no_repeat_starts_after_the_total(elapsed, spread):
    delay = RetryPolicy(total_seconds=60).delay(GET, server(503), attempt=1, elapsed=elapsed, spread=spread)
    assert delay is None or elapsed + delay <= 60


def test_attempts_are_bounded():
    policy = RetryPolicy(attempts=3)
    assert policy.delay(GET, server(503), attempt=2, elapsed=0, spread=0) is not None
    assert policy.delay(GET, server(503), attempt=3, elapsed=0, spread=0) is None


NOW = 1_780_300_800.0


def http_date(epoch):
    return format_datetime(datetime.fromtimestamp(epoch, timezone.utc), usegmt=True)


@pytest.mark.parametrize(
    ("headers", "detail", "expected"),
    [
        ({"retry-after": "37"}, None, 37.0),
        ({"retry-after": " 1.5 "}, None, 1.5),
        ({"retry-after": "-4"}, None, 0.0),
        ({"retry-after": http_date(NOW + 90)}, None, 90.0),
        ({"retry-after": http_date(NOW - 90)}, None, 0.0),
        # The server's clock is five minutes off; both instants are its own.
        ({"retry-after": http_date(NOW + 390), "date": http_date(NOW + 300)}, None, 90.0),
        ({"retry-after": "soon"}, None, None),
        ({"retry-after": "nan"}, None, None),
        ({"retry-after": "9" * 400}, None, None),
        ({}, "Request was throttled. Expected available in 12 seconds.", 12.0),
        ({}, "Too many concurrent queries", None),
        ({}, None, None),
    ],
)
def test_reading_retry_after(headers, detail, expected):
    assert retry_after(headers, detail, now=NOW) == expected


@given(value=st.text())
def test_any_retry_after_is_read_without_a_crash(value):
    seconds = retry_after({"retry-after": value, "date": value}, value, now=NOW)
    assert seconds is None or seconds >= 0


# Through a whole call:


def test_a_throttled_creation_is_sent_again_when_the_server_says(world):
    script = world.Script(
        world.reply(429, {"type": "throttled_error", "detail": "Request was throttled."}, {"retry-after": "37"}),
        world.reply(201, {"id": 42}),
    )
    dashboard = script.run(world.flows(jitter=0).dashboards.create(name="KPIs"))
    assert dashboard.id == 42
    assert script.slept == [37.0]


def test_a_lost_creation_is_not_sent_again(world):
    script = world.Script(PostHogConnectionError("reset", sent=True))
    with pytest.raises(PostHogConnectionError) as caught:
        script.run(world.flows().dashboards.create(name="KPIs"))
    assert len(script.requests) == caught.value.attempts == 1


def test_a_read_is_sent_again_and_says_how_often(world):
    script = world.Script(*[world.reply(503, b"<html><title>busy</title></html>")] * 4)
    with pytest.raises(ServerError, match=r"\(after 4 attempts\)") as caught:
        script.run(world.flows(attempts=4, jitter=0).dashboards.get(42))
    assert caught.value.attempts == 4
    assert script.slept == [0.5, 1.0, 2.0]


def test_a_wait_beyond_the_cap_is_the_callers_decision(world):
    script = world.Script(world.reply(429, {"detail": "Request was throttled."}, {"retry-after": "3000"}))
    with pytest.raises(RateLimitError) as caught:
        script.run(world.flows().dashboards.get(42))
    assert caught.value.retry_after == 3000
    assert script.slept == []


def test_a_cut_answer_is_read_again(world):
    script = world.Script(world.reply(200, b'{"id": 42, "tiles": ['), world.reply(200, {"id": 42}))
    assert script.run(world.flows().dashboards.get(42)).id == 42


@pytest.mark.parametrize(
    "ask",
    [
        lambda flows, mode: flows.dashboards.get(42, refresh=mode),
        lambda flows, mode: flows.dashboards.run_insights(42, refresh=mode),
        lambda flows, mode: flows.dashboards.stream_tiles(42, refresh=mode).opening,
        lambda flows, mode: flows.insights.get(9, refresh=mode),
    ],
)
@pytest.mark.parametrize(
    ("mode", "sent"), [("force_blocking", 1), ("blocking", 1), ("force_async", 1), ("force_cache", 2)]
)
def test_a_calculation_that_outlasts_patience_is_not_started_twice(world, ask, mode, sent):
    script = world.Script(*[PostHogConnectionError("slow", sent=True, timed_out=True)] * 2)
    with pytest.raises(PostHogConnectionError):
        script.run(ask(world.flows(attempts=2), mode))
    assert len(script.requests) == sent


@pytest.mark.parametrize(("status", "sent"), [(502, 1), (503, 2), (504, 1)])
def test_a_force_async_is_repeated_only_where_it_was_turned_away(world, status, sent):
    script = world.Script(*[world.reply(status)] * 2)
    with pytest.raises(ServerError):
        script.run(world.flows(attempts=2).dashboards.get(42, refresh="force_async"))
    assert len(script.requests) == sent
