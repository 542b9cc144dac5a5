from __future__ import annotations

import pytest

from airflow_dashboards.analysis import Rules
from airflow_dashboards.posthog import NotFoundError, ServerError
from airflow_dashboards.refresh.after import compare_all

HOST = "https://posthog.example.com"
LIMITED = (429, {"type": "throttled_error", "code": "throttled", "detail": "Throttled.", "attr": None})


def compared(posthog, ids):
    return posthog.run(
        compare_all(
            posthog.flows(),
            ids,
            before=lambda *_: None,
            after={},
            read=None,
            keep=lambda _: None,
            host=HOST,
            rules=Rules(),
        )
    )


def test_a_used_up_limit_is_waited_for(posthog, monkeypatch):
    posthog.board(42)
    reply = posthog._reply
    monkeypatch.setattr(
        posthog,
        "_reply",
        lambda request, status, body: reply(request, status, body, **({"retry-after": "50"} if status == 429 else {})),
    )
    posthog.fault("dashboards/42", LIMITED)
    comparison = compared(posthog, [42])
    assert comparison.unreadable == {}
    assert 50 in posthog.slept


@pytest.mark.parametrize(
    ("status", "kind", "heals"), [(503, ServerError, True), (404, NotFoundError, False)], ids=["503", "404"]
)
def test_what_posthog_refused_is_kept_with_its_nature(posthog, status, kind, heals):
    posthog.board(42)
    posthog.board(43)
    body = {"type": "server_error", "code": "error", "detail": "Not now.", "attr": None}
    posthog.fault("dashboards/42", (status, body))
    comparison = compared(posthog, [42, 43])
    assert list(comparison.unreadable) == [42]
    assert isinstance(comparison.errors[42], kind)
    assert comparison.errors[42].retryable is heals
    assert [each.dashboard_id for each in comparison.analyses] == [43]
