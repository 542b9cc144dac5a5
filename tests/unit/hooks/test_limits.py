"""What a connection says of its limits: a share of Cloud's, or what a server of one's own allows."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_dashboards.hooks.connection import parse_connection
from airflow_dashboards.hooks.shared import limits_of
from airflow_dashboards.posthog.budget import LIMITS


def limits(**extra: Any) -> dict[str, dict[float, int]]:
    settings = parse_connection(
        conn_id="posthog_default",
        host="https://posthog.example.com",
        port=None,
        login=None,
        password="phx_key",
        extra={"project_id": 1, **extra},
    )
    return {name: {each.seconds: each.limit for each in windows} for name, windows in limits_of(settings).items()}


def test_without_a_word_cloud_s_limits_hold() -> None:
    assert limits() == {name: {each.seconds: each.limit for each in windows} for name, windows in LIMITS.items()}


@pytest.mark.parametrize(("share", "dashboards", "queries"), [(48, 48, 48), (240, 240, 240), (480, 480, 240)])
def test_a_share_lowers_limits_and_raises_none(share: int, dashboards: int, queries: int) -> None:
    found = limits(requests_per_minute=share)
    assert found["dashboards"] == {60.0: dashboards, 3600.0: 4800}
    assert found["query"] == {60.0: queries, 3600.0: 1200}


def test_more_than_cloud_allows_is_what_a_server_of_one_s_own_allows() -> None:
    found = limits(requests_per_minute=6000, requests_per_hour=100_000)
    assert set(map(tuple, (each.items() for each in found.values()))) == {((60.0, 6000), (3600.0, 100_000))}
