"""What Airflow's metrics and OpenTelemetry learn of our calls, and that nobody is told where both are off."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from airflow_dashboards import metrics
from airflow_dashboards.posthog import (
    AsyncClient,
    Budget,
    Client,
    NotFoundError,
    PersonalAPIKey,
    PostHogError,
    RetryPolicy,
    Window,
)

QUICK = RetryPolicy(first_delay=0.0, max_delay=0.0)
BOARD = {"id": 42, "name": "KPIs", "tiles": []}


class Stats:
    def __init__(self) -> None:
        self.counts: list[tuple[str, dict[str, str]]] = []
        self.times: list[tuple[str, dict[str, str], float]] = []
        self.gauges: list[tuple[str, float, dict[str, str]]] = []

    def incr(self, stat: str, *, tags: dict[str, str]) -> None:
        self.counts.append((stat, tags))

    def timing(self, stat: str, dt: Any, *, tags: dict[str, str]) -> None:
        self.times.append((stat, tags, dt.total_seconds()))

    def gauge(self, stat: str, value: float, *, tags: dict[str, str]) -> None:
        self.gauges.append((stat, value, tags))


@pytest.fixture
def spans() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def stats() -> Stats:
    return Stats()


@pytest.fixture
def observer(stats: Stats, spans: InMemorySpanExporter) -> metrics.AirflowObserver:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    return metrics.AirflowObserver(stats, provider.get_tracer("test"))


def client(observer: Any, *answers: httpx.Response, **arguments: Any) -> Client:
    queue = iter(answers)
    return Client(
        "https://posthog.example",
        1,
        PersonalAPIKey("phx_secret"),
        retry=QUICK,
        transport=httpx.MockTransport(lambda _: next(queue)),
        observer=observer,
        **arguments,
    )


def test_a_call_is_one_span_and_one_timer_however_often_it_is_sent(
    observer: metrics.AirflowObserver, stats: Stats, spans: InMemorySpanExporter
) -> None:
    answers = [httpx.Response(503), httpx.Response(429, headers={"retry-after": "0"}), httpx.Response(200, json=BOARD)]

    with client(observer, *answers) as posthog:
        posthog.dashboards.get(42)

    assert stats.counts == [
        ("posthog.requests", {"action": "get", "status": "503"}),
        ("posthog.retries", {"action": "get", "status": "503"}),
        ("posthog.requests", {"action": "get", "status": "429"}),
        ("posthog.rate_limited", {"bucket": "dashboards"}),
        ("posthog.retries", {"action": "get", "status": "429"}),
        ("posthog.requests", {"action": "get", "status": "2xx"}),
    ]
    assert [(name, tags) for name, tags, _ in stats.times] == [
        ("posthog.waits", {"reason": "retry"}),
        ("posthog.waits", {"reason": "retry"}),
        ("posthog.calls", {"action": "get", "outcome": "done"}),
    ]
    (span,) = spans.get_finished_spans()
    assert (span.name, span.status.is_ok, span.attributes["http.request.resend_count"]) == ("posthog get", True, 2)
    assert [event.name for event in span.events] == ["retry", "retry"]


def test_an_error_is_named_by_its_class_and_nothing_of_its_message_leaves(
    observer: metrics.AirflowObserver, stats: Stats, spans: InMemorySpanExporter
) -> None:
    with (
        client(observer, httpx.Response(404, json={"detail": "Not found: Acme"})) as posthog,
        pytest.raises(NotFoundError),
    ):
        posthog.dashboards.get(42)

    (span,) = spans.get_finished_spans()
    assert not span.status.is_ok
    assert span.attributes["error.type"] == "NotFoundError"
    assert span.attributes["http.response.status_code"] == 404
    assert "Acme" not in span.to_json()
    assert "phx_secret" not in span.to_json()
    assert stats.times[-1][1] == {"action": "get", "outcome": "NotFoundError"}


def test_no_answer_has_a_status_of_its_own(observer: metrics.AirflowObserver, stats: Stats) -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    posthog = Client(
        "https://posthog.example",
        1,
        PersonalAPIKey("phx_secret"),
        retry=RetryPolicy(attempts=1),
        transport=httpx.MockTransport(refuse),
        observer=observer,
    )
    with posthog, pytest.raises(PostHogError):
        posthog.dashboards.get(42)

    assert stats.counts == [("posthog.requests", {"action": "get", "status": "no_answer"})]


def test_a_wait_for_the_keys_budget_is_told(observer: metrics.AirflowObserver, stats: Stats) -> None:
    budget = Budget({"dashboards": [Window(1, 0.01)]})

    with client(observer, *[httpx.Response(200, json=BOARD)] * 2, budget=budget) as posthog:
        posthog.dashboards.get(42)
        posthog.dashboards.get(42)

    ((name, tags, seconds),) = [each for each in stats.times if each[1].get("reason")]
    assert (name, tags) == ("posthog.waits", {"reason": "budget"})
    assert 0 < seconds < 1


def test_calls_side_by_side_have_spans_of_their_own(
    observer: metrics.AirflowObserver, spans: InMemorySpanExporter
) -> None:
    async def both() -> None:
        def answer(request: httpx.Request) -> httpx.Response:
            number = int(request.url.path.rstrip("/").rpartition("/")[2])
            return httpx.Response(200, json={**BOARD, "id": number})

        async with AsyncClient(
            "https://posthog.example",
            1,
            PersonalAPIKey("phx_secret"),
            transport=httpx.MockTransport(answer),
            observer=observer,
        ) as posthog:
            await asyncio.gather(posthog.dashboards.get(1), posthog.dashboards.get(2))

    asyncio.run(both())

    found = spans.get_finished_spans()
    assert {span.attributes["url.path"][-3:] for span in found} == {"/1/", "/2/"}
    assert all(span.parent is None for span in found)


def test_a_call_that_is_given_up_ends_too(
    observer: metrics.AirflowObserver, stats: Stats, spans: InMemorySpanExporter
) -> None:
    posthog = client(observer)
    flow = posthog.flows.dashboards.get(42)
    next(flow)
    flow.close()

    assert stats.times[-1][1]["outcome"] == "given_up"
    assert len(spans.get_finished_spans()) == 1


@pytest.fixture
def fresh_observer() -> Iterator[None]:
    metrics.observer.cache_clear()
    yield
    metrics.observer.cache_clear()


@pytest.mark.usefixtures("fresh_observer")
def test_nobody_watches_where_airflow_measures_and_traces_nothing() -> None:
    assert metrics.observer() is None


@pytest.mark.usefixtures("fresh_observer")
@pytest.mark.parametrize("option", ["METRICS__STATSD_ON", "TRACES__OTEL_ON"])
def test_somebody_watches_where_airflow_does(monkeypatch: pytest.MonkeyPatch, option: str) -> None:
    monkeypatch.setenv(f"AIRFLOW__{option}", "True")

    assert isinstance(metrics.observer(), metrics.AirflowObserver)


def test_verdicts_and_the_age_of_a_dashboard_are_told(monkeypatch: pytest.MonkeyPatch, stats: Stats) -> None:
    from datetime import datetime, timedelta, timezone

    from airflow_dashboards.analysis import Snapshot, Tile, compare
    from airflow_dashboards.analysis.model import QueryKind, TileStatus

    now = datetime(2026, 6, 1, 12, tzinfo=timezone.utc)
    tiles = [
        Tile(
            id=n,
            kind=QueryKind.UNKNOWN,
            status=TileStatus.OK,
            name="t",
            result=[1],
            last_refresh=now - timedelta(hours=n),
        )
        for n in (1, 3)
    ]
    board = Snapshot(dashboard_id=42, project_id=1, host="https://posthog.example", taken_at=now, tiles=tiles)
    monkeypatch.setattr(metrics, "stats", lambda: stats)
    analysis = compare(board, board)

    metrics.note_analyses([analysis])
    assert stats.counts == []
    monkeypatch.setenv("AIRFLOW__METRICS__STATSD_ON", "True")
    metrics.note_analyses([analysis])

    assert stats.counts == [("posthog.verdicts", {"verdict": analysis.status.value})]
    assert stats.gauges == [("posthog.refresh_age", 3 * 3600.0, {"project_id": "1", "dashboard_id": "42"})]
