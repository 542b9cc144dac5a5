"""What is written onto dashboards: the status tile's text, annotations at most once."""

from __future__ import annotations

from datetime import datetime, timezone
from types import SimpleNamespace

import pytest

from airflow_dashboards.analysis import Verdict
from airflow_dashboards.analysis.report import PastVerdict, ReportContext, history_key
from airflow_dashboards.posthog import MissingScopeError, NotFoundError, PostHogConnectionError
from airflow_dashboards.posthog.flow import run
from airflow_dashboards.refresh.annotation import annotate, annotation_text
from airflow_dashboards.refresh.once import Once
from airflow_dashboards.refresh.status_note import status_note

RUN = ReportContext(
    dag_id="nightly_load",
    run_id="scheduled__2026-06-08T06:00:00+00:00",
    links={"Airflow task": "https://airflow.example.com/dags/nightly_load", "Bad": "javascript:alert(1)"},
)


def test_the_status_tile_says_when_who_what_and_where(fail):
    past = {history_key(42): [PastVerdict(when=datetime(2026, 6, 7, 12, tzinfo=timezone.utc), verdict=Verdict.FAIL)]}
    lines = status_note(fail(), RUN.model_copy(update={"history": past})).splitlines()
    # The oldest of its tiles: everything on the dashboard is at least as fresh.
    assert lines[0].startswith("**Refreshed 8 Jun 2026, 11:58 UTC** by nightly\\_load, run scheduled\\_\\_2026-06-08")
    assert lines[2] == "❌ **Fail.** 1 of 2 tiles needs a look: Purchases. (second day in a row)"
    assert lines[4] == "- Purchases: 7 Jun has 7,400 where 11,800 to 12,900 were expected."
    assert lines[6] == "[Airflow task](https://airflow.example.com/dags/nightly_load)"
    assert len(lines) == 7


def test_names_are_text_in_the_status_tile_and_it_fits(analysis, tile):
    hostile = "<script>alert(1)</script> [click](https://evil.example) **bold** " + "x" * 10_000
    note = status_note(analysis(1, [tile(each, hostile, Verdict.FAIL, summary=hostile) for each in range(40)]), RUN)
    assert "<script>" not in note
    assert "](https://evil" not in note
    assert len(note) <= 3_800
    assert "and 35 more" in note


class Annotations:
    """Takes annotations, or raises what it is told to."""

    def __init__(self):
        self.written = []
        self.failure = None

    def create(self, **fields):
        if self.failure:
            raise self.failure
        self.written.append(fields)
        return
        yield


class Still:
    """No flow here sends, sleeps or asks for the time."""


@pytest.fixture
def posthog():
    return SimpleNamespace(annotations=Annotations())


def test_each_dashboard_is_annotated_at_the_load_and_a_retry_adds_none(posthog, fail, tmp_path):
    batch = [fail(), fail(dashboard_id=43)]
    assert run(annotate(posthog, batch, RUN, Once(tmp_path)), Still()) == []
    assert run(annotate(posthog, batch, RUN, Once(tmp_path)), Still()) == []
    assert [each["dashboard_id"] for each in posthog.annotations.written] == [42, 43]
    first = posthog.annotations.written[0]
    assert first["date_marker"] == fail().after_at
    assert first["content"] == annotation_text(fail(), RUN)
    assert first["content"].startswith(
        "Data loaded by nightly_load (scheduled__2026-06-08T06:00:00+00:00). FAIL: 1 of 2"
    )


@pytest.mark.parametrize(
    ("failure", "note", "tried_again"),
    [
        (
            MissingScopeError("needs annotation:write", scope="annotation:write"),
            "not available: needs annotation",
            True,
        ),
        (NotFoundError("no such page"), "not available: no such page", True),
        (PostHogConnectionError("unreachable", sent=False), "not certain to be there: unreachable", True),
        (PostHogConnectionError("answer lost", sent=True), "not certain to be there: answer lost", False),
    ],
)
def test_what_is_in_the_way_is_a_note_and_a_lost_answer_is_not_asked_for_again(
    posthog, fail, tmp_path, failure, note, tried_again
):
    posthog.annotations.failure = failure
    (said,) = run(annotate(posthog, [fail()], RUN, Once(tmp_path)), Still())
    assert f"An annotation on Shop is {note}" in said
    posthog.annotations.failure = None
    run(annotate(posthog, [fail()], RUN, Once(tmp_path)), Still())
    assert bool(posthog.annotations.written) is tried_again


def test_a_bug_is_no_note(posthog, fail, tmp_path):
    posthog.annotations.failure = KeyError("ours")
    with pytest.raises(KeyError):
        run(annotate(posthog, [fail()], RUN, Once(tmp_path)), Still())
