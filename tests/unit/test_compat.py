"""What differs between Airflows is done without in the same way everywhere, and said once."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta

import pytest

from airflow_dashboards import compat
from airflow_dashboards.operators.snapshot import PostHogSnapshotOperator
from airflow_dashboards.retry import PostHogRetryPolicy
from airflow_dashboards.sensors.refresh import PostHogRefreshSensor


@pytest.fixture
def nothing_said_yet() -> Iterator[None]:
    compat.done_without.cache_clear()
    yield
    compat.done_without.cache_clear()


class OldOperator:
    """An operator class as Airflow 3.1 and 3.2 have it, for this question."""


def test_one_dag_file_with_a_retry_policy_fits_every_airflow() -> None:
    policy = PostHogRetryPolicy(max_delay=timedelta(minutes=5))

    for task in (
        PostHogSnapshotOperator(task_id="before", dashboards=42, retries=3, retry_policy=policy),
        PostHogRefreshSensor(task_id="fresh", dashboards=42, retries=3, retry_policy=policy),
    ):
        assert task.retries == 3
        assert getattr(task, "retry_policy", None) in (policy, None)


@pytest.mark.usefixtures("nothing_said_yet")
def test_an_older_airflow_is_not_given_what_it_does_not_know(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(compat, "BaseOperator", OldOperator)

    with caplog.at_level(logging.WARNING, logger=compat.__name__):
        kept = [compat.supported({"task_id": "a", "retry_policy": object()}) for _ in range(2)]

    assert kept == [{"task_id": "a"}] * 2
    (line,) = [record.getMessage() for record in caplog.records if record.name == compat.__name__]
    assert "has no retry_policy (3.3 has)" in line


@pytest.mark.usefixtures("nothing_said_yet")
def test_nothing_is_said_where_nothing_is_missing(caplog: pytest.LogCaptureFixture) -> None:
    assert compat.supported({"task_id": "a"}) == {"task_id": "a"}
    assert caplog.records == []


def test_metrics_go_to_something_that_takes_them() -> None:
    stats = compat.stats()

    stats.incr("posthog.test", tags={"a": "b"})
    stats.gauge("posthog.test", 1.0, tags={"a": "b"})
    stats.timing("posthog.test", timedelta(seconds=1), tags={"a": "b"})
