"""Sliding windows: as many requests as a key has, and not one more."""

from __future__ import annotations

import itertools
import threading

from hypothesis import given
from hypothesis import strategies as st

from airflow_dashboards.posthog import Budget, PersonalAPIKey, SessionLogin, Window, shared_budget
from airflow_dashboards.posthog.budget import MARGIN


def test_the_limits_of_the_contract():
    budget = Budget()
    waits = [budget.reserve("dashboards", 0.0) for _ in range(481)]
    assert waits == [0.0] * 480 + [60.0 + MARGIN]
    assert [budget.reserve("insights", 0.0) for _ in range(241)][-1] == 60.0 + MARGIN
    assert budget.reserve("something else", 0.0) == 0.0


def test_the_hour_binds_after_the_minutes():
    budget = Budget({"dashboards": [Window(2, 60), Window(3, 3600)]})
    assert [budget.reserve("dashboards", 0.0) for _ in range(4)] == [0.0, 0.0, 60.0 + MARGIN, 3600.0 + MARGIN]


@given(
    steps=st.lists(st.floats(0, 30), min_size=1, max_size=60),
    limit=st.integers(1, 5),
    seconds=st.floats(1, 60),
)
def test_no_window_ever_holds_more_than_its_limit(steps, limit, seconds):
    budget = Budget({"b": [Window(limit, seconds)]})
    now, sent = 0.0, []
    for step in steps:
        now += step
        sent.append(now + budget.reserve("b", now))
    assert all(later - earlier >= -1e-6 for earlier, later in itertools.pairwise(sent))
    assert all(later - earlier >= seconds - 1e-6 for earlier, later in zip(sent, sent[limit:], strict=False))


def test_a_refusal_holds_everybody_back_in_that_class_only():
    budget = Budget()
    budget.note_throttled("dashboards", 100.0)
    budget.note_throttled("dashboards", 50.0)
    assert budget.reserve("dashboards", 10.0) == 90.0
    assert budget.reserve("insights", 10.0) == 0.0


def test_nothing_is_booked_for_the_impatient():
    budget = Budget({"b": [Window(1, 60)]})
    assert budget.reserve("b", 0.0) == 0.0
    assert budget.reserve("b", 0.0, patience=10) == 60.0 + MARGIN
    assert budget.reserve("b", 0.0) == 60.0 + MARGIN


def test_threads_share_it():
    budget, waits = Budget({"b": [Window(50, 60)]}), []
    threads = [
        threading.Thread(target=lambda: waits.extend(budget.reserve("b", 0.0) for _ in range(20))) for _ in range(5)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(waits) == [0.0] * 50 + [60.0 + MARGIN] * 50


def test_one_budget_per_credential_and_host():
    key = shared_budget("https://a.test", PersonalAPIKey("phx_one"))
    assert shared_budget("https://a.test", PersonalAPIKey("phx_one")) is key
    assert shared_budget("https://a.test", PersonalAPIKey("phx_two")) is not key
    assert shared_budget("https://b.test", PersonalAPIKey("phx_one")) is not key
    assert shared_budget("https://a.test", SessionLogin("owner@example.com", "phx_one")) is not key


def test_a_clock_that_is_set_back_books_nothing_out_of_order():
    budget = Budget({"b": [Window(5, 60)]})
    assert budget.reserve("b", 100.0) == 0.0
    assert budget.reserve("b", 40.0) == 60.0
