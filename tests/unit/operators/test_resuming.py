"""What the refreshing task does with what the triggerer has seen: wait on without a slot, wherever that can help."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_dashboards import PostHogRunInsightsOperator
from airflow_dashboards.operators.run_insights import RefreshFailedError
from airflow_dashboards.refresh.plan import PollState


def gone_on(monkeypatch: pytest.MonkeyPatch, state: dict[str, Any]) -> dict[str, Any]:
    """Return how the task goes on after this event."""
    how: dict[str, Any] = {}
    monkeypatch.setattr(PostHogRunInsightsOperator, "_resume_ledger", lambda *_: (None, None))
    monkeypatch.setattr(PostHogRunInsightsOperator, "_options", lambda _: None)
    monkeypatch.setattr(PostHogRunInsightsOperator, "_go_on", lambda *_, **facts: how.update(facts))
    PostHogRunInsightsOperator(task_id="refresh", dashboards=[1, 2]).resume({}, {"dashboards": [1, 2], "state": state})  # type: ignore[typeddict-item]
    return how


@pytest.mark.parametrize(
    ("state", "defers"),
    [
        (PollState(over=True, done=[1]), True),
        (PollState(over=True, done=[1], failures=18, failing_since=1.0, error="503"), True),
        (PollState(over=True, done=[1], error="429"), True),
        (PollState(over=True, done=[1], error="403: missing scope query:read", blind=True), False),
    ],
)
def test_only_where_the_triggerer_can_never_look_the_slot_is_kept(
    monkeypatch: pytest.MonkeyPatch, state: PollState, defers: bool
) -> None:
    assert gone_on(monkeypatch, state.to_json()) == {"ready": [1], "defer": defers}


def test_an_event_of_an_older_trigger_is_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    assert gone_on(monkeypatch, {"over": True, "failures": 5, "done": [2], "error": "503"})["defer"]


def test_an_event_that_is_none_says_what_to_do() -> None:
    with pytest.raises(RefreshFailedError, match="clear the task"):
        PostHogRunInsightsOperator(task_id="refresh", dashboards=1).resume({}, None)  # type: ignore[typeddict-item]
