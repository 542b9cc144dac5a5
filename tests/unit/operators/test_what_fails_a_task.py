"""Which failure a task ends with decides whether it is tried again: what heals goes before what doesn't."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowException

from airflow_dashboards import PostHogAnalyzeRefreshOperator
from airflow_dashboards.operators.analyze_refresh import AnalysisFailedError
from airflow_dashboards.operators.failures import most_telling
from airflow_dashboards.posthog import (
    AuthenticationError,
    NotFoundError,
    PostHogError,
    RateLimitError,
    ServerError,
)
from airflow_dashboards.refresh.after import Comparison
from airflow_dashboards.refresh.store import SnapshotStoreError

GONE = NotFoundError("Could not read dashboard 1: Not found.", status=404)
BUSY = ServerError("Could not read dashboard 2: 503.", status=503)
LIMITED = RateLimitError("Could not read dashboard 3: throttled.", status=429, retry_after=90.0)
LATER = ServerError("Could not read dashboard 4: 503.", status=503, retry_after=600.0)
STORAGE = SnapshotStoreError("The disk is full.")


@pytest.mark.parametrize("failures", [{1: GONE, 2: BUSY}, {2: BUSY, 1: GONE}])
def test_what_heals_goes_first_in_either_order(failures: dict[int, Exception]) -> None:
    error = most_telling(failures, total=9, what="captured")
    assert isinstance(error, ServerError)
    assert error.retryable
    assert str(error).startswith("2 of 9 dashboards could not be captured (")
    assert "Dashboard 2: Could not read dashboard 2: 503." in str(error)


def test_the_longest_wait_is_waited_and_the_original_is_left_alone() -> None:
    error = most_telling({1: GONE, 3: LIMITED, 2: BUSY, 4: LATER}, total=4, what="captured")
    assert isinstance(error, PostHogError)
    assert error.retry_after == 600.0
    assert pickle.loads(pickle.dumps(error)).retry_after == 600.0
    assert str(LATER) == "Could not read dashboard 4: 503."


def test_what_does_not_heal_is_the_first_of_all() -> None:
    refused = AuthenticationError("No such key.", status=401)
    error = most_telling({1: GONE, 2: refused}, total=2, what="captured")
    assert isinstance(error, NotFoundError)
    assert not error.retryable


def test_what_is_not_posthogs_may_heal_and_says_so_by_its_type() -> None:
    error = most_telling({1: GONE, 2: STORAGE}, total=2, what="captured")
    assert isinstance(error, AirflowException)
    assert str(error) == "2 of 2 dashboards could not be captured (1, 2). Dashboard 2: The disk is full."
    assert error.__cause__ is STORAGE


def test_the_only_dashboard_speaks_for_itself() -> None:
    assert most_telling({1: GONE}, total=1, what="captured") is GONE
    assert most_telling({1: STORAGE}, total=1, what="captured") is STORAGE


def test_very_many_are_counted_rather_than_named() -> None:
    text = str(most_telling(dict.fromkeys(range(1, 1001), BUSY), total=1000, what="captured"))
    assert "1000 of 1000" in text
    assert "20 and 980 more)" in text


# the analysis


def ending(errors: dict[int, PostHogError], *, fail_on: str, stored: dict[int, str] | None = None) -> Any:
    unreadable = {each: str(error) for each, error in errors.items()} | (stored or {})
    comparison = Comparison(unreadable=unreadable, errors=errors)
    return PostHogAnalyzeRefreshOperator(task_id="t", before=[], fail_on=fail_on)._ending(
        comparison, report="report.html"
    )


@pytest.mark.parametrize("fail_on", ["fail", "warn", "never"])
@pytest.mark.parametrize("passing", [BUSY, LIMITED])
def test_an_analysis_that_could_not_read_for_the_moment_is_tried_again(fail_on: str, passing: PostHogError) -> None:
    error = ending({1: GONE, 2: passing}, fail_on=fail_on, stored={3: "the picture is gone"})
    assert not isinstance(error, AnalysisFailedError)
    assert isinstance(error, PostHogError)
    assert error.retryable
    assert error.retry_after == passing.retry_after


def test_a_dashboard_that_stays_unreadable_fails_the_analysis_unless_never() -> None:
    assert isinstance(ending({1: GONE}, fail_on="fail"), AnalysisFailedError)
    assert isinstance(ending({1: GONE}, fail_on="warn"), AnalysisFailedError)
    assert ending({1: GONE}, fail_on="never") is None


def test_never_does_not_hide_a_refused_key_or_a_lost_picture() -> None:
    refused = AuthenticationError("No such key.", status=401)
    assert "No such key." in str(ending({1: refused}, fail_on="never"))
    assert "the picture is gone" in str(ending({}, fail_on="never", stored={3: "the picture is gone"}))
