from __future__ import annotations

import asyncio

import pytest

from airflow_dashboards.posthog.flow import Gather, Now, Sleep, arun
from airflow_dashboards.refresh.batch import refresh_many
from airflow_dashboards.refresh.plan import RefreshOptions
from airflow_dashboards.refresh.stopping import StoppedError, unless

HOST = "https://posthog.example.com"


def never() -> bool:
    return False


def test_what_is_not_stopped_is_as_without(posthog, tile):
    posthog.board(42, tile(1))
    posthog.warm()
    options = RefreshOptions(host=HOST)
    (outcome,) = posthog.run(unless(never, refresh_many(posthog.flows(), [42, 404], options)))[:1]
    assert outcome.status.value == "refreshed"


def test_a_stopped_batch_kicks_no_further_dashboard(posthog, tile):
    ids = list(range(1, 101))
    for each in ids:
        posthog.board(each, tile(each))
    posthog.warm()
    options = RefreshOptions(host=HOST)
    stopped = lambda: posthog.count("force_async") >= 10  # noqa: E731
    with pytest.raises(StoppedError):
        posthog.run(unless(stopped, refresh_many(posthog.flows(), ids, options)))
    assert posthog.count("force_async") == 10
    assert "force_async" in str(posthog.log[-1].params)


def test_failures_reach_the_flow_and_its_cleaning_up_is_done(posthog):
    done = []

    def flow():
        try:
            yield Sleep(-1)
        except AssertionError:
            done.append("caught")
        try:
            yield Now()
            stop.append(True)
            yield Now()
        finally:
            done.append("closed")

    stop = []
    with pytest.raises(StoppedError):
        posthog.run(unless(lambda: bool(stop), flow()))
    assert done == ["caught", "closed"]


def test_flows_at_the_same_time_end_together():
    sent = []

    class Driver:
        async def sleep(self, seconds):
            sent.append(seconds)
            await asyncio.sleep(0)

        def now(self):
            return 0.0

    def one(number):
        for step in range(3):
            yield Sleep(number * 10 + step)

    def all_of_them():
        return (yield Gather([one(number) for number in range(50)], limit=8))

    with pytest.raises(StoppedError):
        asyncio.run(arun(unless(lambda: len(sent) >= 16, all_of_them()), Driver()))
    assert 16 <= len(sent) <= 24
