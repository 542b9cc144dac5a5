from __future__ import annotations

from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import pytest

from airflow_dashboards import PostHogAnalyzeRefreshOperator, PostHogRunInsightsOperator, PostHogSnapshotOperator
from airflow_dashboards.links import BeforeSnapshotLink, PostHogLink, RefreshReportLink, page_url
from airflow_dashboards.plugin.views import ROUTE
from airflow_dashboards.provider_info import get_provider_info

LINKS = (PostHogLink, RefreshReportLink, BeforeSnapshotLink)
RUN = SimpleNamespace(dag_id="nightly", run_id="manual__2026-06-01T06:00:00+00:00")


def test_airflow_is_told_of_every_link() -> None:
    assert get_provider_info()["extra-links"] == [f"{link.__module__}.{link.__name__}" for link in LINKS]


@pytest.mark.parametrize("link", LINKS)
def test_a_task_that_did_not_get_that_far_has_an_empty_link(link: type) -> None:
    for operator in (
        SimpleNamespace(),
        SimpleNamespace(posthog_url=None),
        SimpleNamespace(posthog_url=None, report_run=None),
    ):
        assert link().get_link(operator, ti_key=RUN) == ""


def pages(operator: SimpleNamespace) -> dict[str, dict[str, list[str]]]:
    """Return what the links to the page ask of it."""
    asked = {}
    for link in (RefreshReportLink, BeforeSnapshotLink):
        address = urlsplit(link().get_link(operator, ti_key=RUN))
        assert address.path == f"plugin/{ROUTE}"
        asked[link.name] = parse_qs(address.query)
    return asked


def test_an_analyzing_task_leads_to_its_own_run() -> None:
    assert pages(SimpleNamespace(posthog_url="https://eu.posthog.com", report_run="nightly-a+b&c")) == {
        "Refresh report": {"run": ["nightly-a+b&c"]},
        "Before snapshot": {"run": ["nightly-a+b&c"], "view": ["before"]},
    }
    failed_early = SimpleNamespace(posthog_url="https://eu.posthog.com", report_run=None)
    assert RefreshReportLink().get_link(failed_early, ti_key=RUN) == ""


def test_other_tasks_lead_to_what_is_said_of_their_dag_run() -> None:
    run = {"dag_id": ["nightly"], "run_id": ["manual__2026-06-01T06:00:00+00:00"]}
    assert pages(SimpleNamespace(posthog_url="https://eu.posthog.com")) == {
        "Refresh report": run,
        "Before snapshot": {**run, "view": ["before"]},
    }


def test_the_page_reads_a_plus_as_a_plus() -> None:
    assert page_url(run="a+b c") == "plugin/posthog-dashboards?run=a%2Bb%20c"


@pytest.mark.parametrize(
    ("operator", "links"),
    [
        (PostHogSnapshotOperator, ["Open in PostHog", "Before snapshot"]),
        (PostHogRunInsightsOperator, ["Open in PostHog", "Refresh report", "Before snapshot"]),
        (PostHogAnalyzeRefreshOperator, ["Open in PostHog", "Refresh report", "Before snapshot"]),
    ],
)
def test_each_task_of_the_cycle_has_the_links_that_mean_something_on_it(operator: type, links: list[str]) -> None:
    assert [link.name for link in operator.operator_extra_links] == links
