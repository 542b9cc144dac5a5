from __future__ import annotations

from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import pytest

from airflow_dashboards.links import BeforeSnapshotLink, PostHogLink, RefreshReportLink, page_url
from airflow_dashboards.plugin.views import ROUTE
from airflow_dashboards.provider_info import get_provider_info

LINKS = (PostHogLink, RefreshReportLink, BeforeSnapshotLink)


def test_airflow_is_told_of_every_link() -> None:
    assert get_provider_info()["extra-links"] == [f"{link.__module__}.{link.__name__}" for link in LINKS]


@pytest.mark.parametrize("link", LINKS)
def test_a_task_that_did_not_get_that_far_has_an_empty_link(link: type) -> None:
    for operator in (SimpleNamespace(), SimpleNamespace(posthog_url=None, report_run=None)):
        assert link().get_link(operator, ti_key=None) == ""


def test_the_links_lead_to_the_run_on_the_page() -> None:
    operator = SimpleNamespace(report_run="nightly-a+b&c")
    report, before = (
        urlsplit(link().get_link(operator, ti_key=None)) for link in (RefreshReportLink, BeforeSnapshotLink)
    )
    assert report.path == before.path == f"plugin/{ROUTE}"
    assert parse_qs(report.query) == {"run": ["nightly-a+b&c"]}
    assert parse_qs(before.query) == {"run": ["nightly-a+b&c"], "view": ["before"]}
    assert page_url(None) == ""
