"""Airflow's metrics and OpenTelemetry's spans about our work; nothing at all where Airflow has both switched off.

| metric | kind | tags | what |
| --- | --- | --- | --- |
| `posthog.requests` | counter | `action`, `status` | requests sent; status as answered, or `no_answer` |
| `posthog.retries` | counter | `action`, `status` | requests that are sent once more, by what came of the one before |
| `posthog.rate_limited` | counter | `bucket` | answers 429 |
| `posthog.waits` | timer | `reason` | waits before a request: `retry`, or `budget` of the key |
| `posthog.calls` | timer | `action`, `outcome` | calls with their repeats; `done`, an error's class, `given_up` |
| `posthog.refreshes` | counter | `status` | dashboards refreshed, partial, failed |
| `posthog.refresh_age` | gauge | `project_id`, `dashboard_id` | age of the oldest tile, in seconds |
| `posthog.verdicts` | counter | `verdict` | dashboards analyzed |

There is one span per call, not per request: `posthog <action>`, child of the task's own.
"""

from __future__ import annotations

import time
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from airflow_dashboards.compat import conf, stats
from airflow_dashboards.posthog import PostHogError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow_dashboards.analysis import Analysis
    from airflow_dashboards.posthog import Request
    from airflow_dashboards.posthog.observer import Observer
    from airflow_dashboards.refresh.outcome import RefreshOutcome

_BACKENDS = ("statsd_on", "statsd_datadog_enabled", "otel_on")


@lru_cache(maxsize=1)
def observer() -> Observer | None:
    """Return who watches the clients of this process; None where Airflow measures and traces nothing."""
    tracer = _tracer()
    return AirflowObserver(stats(), tracer) if _measuring() or tracer is not None else None


def note_refreshes(outcomes: Iterable[RefreshOutcome]) -> None:
    """Count what became of dashboards."""
    if not _measuring():
        return
    for outcome in outcomes:
        stats().incr("posthog.refreshes", tags={"status": outcome.status.value})


def note_analyses(analyses: Iterable[Analysis]) -> None:
    """Count verdicts, and say how old what they are about is."""
    if not _measuring():
        return
    for analysis in analyses:
        stats().incr("posthog.verdicts", tags={"verdict": analysis.status.value})
        computed = [tile.last_refresh_after for tile in analysis.tiles if tile.last_refresh_after is not None]
        if computed:
            stats().gauge(
                "posthog.refresh_age",
                (analysis.after_at - min(computed)).total_seconds(),
                tags={"project_id": str(analysis.project_id), "dashboard_id": str(analysis.dashboard_id)},
            )


def _measuring() -> bool:
    return any(conf.getboolean("metrics", name, fallback=False) for name in _BACKENDS)


def _tracer() -> Any:
    if not conf.getboolean("traces", "otel_on", fallback=False):
        return None
    from opentelemetry import trace

    return trace.get_tracer("airflow_dashboards")


class AirflowObserver:
    """Tells Airflow's metrics and, where there is a tracer, OpenTelemetry of every call of a client.

    Args:
        stats: Airflow's `airflow.sdk.observability.stats`, or anything with its `incr` and `timing`.
        tracer: an OpenTelemetry tracer, or None.
    """

    def __init__(self, stats: Any, tracer: Any = None) -> None:
        self._stats = stats
        self._tracer = tracer

    def began(self, request: Request) -> _Call:
        """A call begins."""
        return _Call(self._stats, self._span(request), request)

    def held_back(self, request: Request, seconds: float) -> None:  # noqa: D102 - see `Observer`
        self._stats.timing("posthog.waits", timedelta(seconds=seconds), tags={"reason": "budget"})

    def _span(self, request: Request) -> Any:
        if self._tracer is None:
            return None
        from opentelemetry.trace import SpanKind

        # Not made current: flows of one thread take turns, and would leave each other's spans in place.
        return self._tracer.start_span(
            f"posthog {_action(request)}",
            kind=SpanKind.CLIENT,
            attributes={
                "http.request.method": request.method,
                "url.path": request.path,
                "posthog.action": _action(request),
                "posthog.bucket": request.bucket,
            },
        )


class _Call:
    def __init__(self, stats: Any, span: Any, request: Request) -> None:
        self._stats = stats
        self._span = span
        self._request = request
        self._began = time.perf_counter()
        self._sent = 0

    def failed(self, error: PostHogError, *, delay: float | None) -> None:
        self._sent += 1
        tags = {"action": _action(self._request), "status": _status(error)}
        self._stats.incr("posthog.requests", tags=tags)
        if error.status == 429:
            self._stats.incr("posthog.rate_limited", tags={"bucket": self._request.bucket})
        if delay is not None:
            self._stats.incr("posthog.retries", tags=tags)
            self._stats.timing("posthog.waits", timedelta(seconds=delay), tags={"reason": "retry"})
            if self._span is not None:
                self._span.add_event("retry", {"error.type": type(error).__name__, "delay_seconds": delay})

    def ended(self, error: BaseException | None) -> None:
        action = _action(self._request)
        if error is None:
            self._sent += 1
            self._stats.incr("posthog.requests", tags={"action": action, "status": "2xx"})
        outcome = _outcome(error)
        elapsed = timedelta(seconds=time.perf_counter() - self._began)
        self._stats.timing("posthog.calls", elapsed, tags={"action": action, "outcome": outcome})
        if self._span is not None:
            self._end_span(error, outcome)

    def _end_span(self, error: BaseException | None, outcome: str) -> None:
        from opentelemetry.trace import Status, StatusCode

        self._span.set_attribute("http.request.resend_count", max(0, self._sent - 1))
        if error is not None:
            # The class and nothing of the message: spans go to other systems than logs do.
            self._span.set_attribute("error.type", outcome)
            self._span.set_status(Status(StatusCode.ERROR, outcome))
            if isinstance(error, PostHogError) and error.status is not None:
                self._span.set_attribute("http.response.status_code", error.status)
        self._span.end()


def _action(request: Request) -> str:
    return request.action or request.method.lower()


def _status(error: PostHogError) -> str:
    return "no_answer" if error.status is None else str(error.status)


def _outcome(error: BaseException | None) -> str:
    if error is None:
        return "done"
    return type(error).__name__ if isinstance(error, Exception) else "given_up"
