"""What the retry policy makes of each error: PostHog's, a refresh's, and anybody else's."""

from __future__ import annotations

import pickle
from datetime import timedelta
from typing import Any

import pytest

from airflow_dashboards import compat
from airflow_dashboards.operators.run_insights import RefreshFailedError
from airflow_dashboards.posthog import NotFoundError, RateLimitError, ServerError
from airflow_dashboards.refresh.outcome import RefreshOutcome
from airflow_dashboards.retry import PostHogRetryPolicy

pytestmark = pytest.mark.skipif(compat.RetryDecision is None, reason="before Airflow 3.3 nothing asks a policy")

GONE = NotFoundError("Not found.", status=404)
BUSY = ServerError("busy", status=503, retry_after=30.0)
SHORT = ServerError("busy", status=503)


def failed(*errors: Any) -> RefreshFailedError:
    outcomes = [RefreshOutcome.of_error(each, url="", error=error) for each, error in enumerate(errors, 1)]
    return RefreshFailedError.of_outcomes("not refreshed", outcomes)


def decided(error: BaseException) -> tuple[str, timedelta | None]:
    decision: Any = PostHogRetryPolicy(max_delay=timedelta(hours=1)).evaluate(error, 1, 3)
    return decision.action.value, decision.retry_delay


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (GONE, ("fail", None)),
        (SHORT, ("default", None)),
        (RateLimitError("slow down", status=429, retry_after=90.0), ("retry", timedelta(seconds=90))),
        (RateLimitError("slow down", status=429, retry_after=9000.0), ("fail", None)),
        (OSError("disk"), ("default", None)),
        (failed(GONE, GONE), ("fail", None)),
        (failed(GONE, SHORT), ("default", None)),
        (failed(GONE, SHORT, BUSY), ("retry", timedelta(seconds=30))),
        (RefreshFailedError("the trigger sent nonsense"), ("default", None)),
    ],
)
def test_decisions(error: BaseException, expected: tuple[str, timedelta | None]) -> None:
    assert decided(error) == expected
    assert decided(pickle.loads(pickle.dumps(error))) == expected
