"""An earlier run's capture as the picture before."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from airflow_dashboards.analysis import Snapshot
from airflow_dashboards.refresh.earlier import EarlierCapture, find_earlier, parse_earlier
from airflow_dashboards.refresh.history import VerdictHistory
from airflow_dashboards.refresh.pictures import BeforePictures
from airflow_dashboards.refresh.store import SnapshotStore, SnapshotStoreError

HOST = "https://posthog.example.com"
MONDAY = datetime(2026, 6, 8, 6, 30, tzinfo=timezone.utc)
HERE = {"host": HOST, "project_id": 1, "dashboard_id": 42}


def picture(at):
    return Snapshot(
        host=HOST, project_id=1, dashboard_id=42, dashboard_name="Shop", taken_at=at, mode="force_cache", tiles=[]
    )


def test_the_nearest_is_chosen_however_early_the_run_began():
    taken = [MONDAY - timedelta(days=days, minutes=late) for days in range(1, 10) for late in (-4,)]
    found = EarlierCapture(days_ago=7).choose(taken, MONDAY)
    assert found == MONDAY - timedelta(days=7, minutes=-4)


def test_none_is_chosen_that_is_too_far_away_or_not_earlier():
    assert EarlierCapture(days_ago=7).choose([MONDAY - timedelta(days=6)], MONDAY) is None
    assert EarlierCapture(days_ago=7, tolerance_hours=24).choose([MONDAY - timedelta(days=6)], MONDAY) is not None
    assert EarlierCapture(at=MONDAY).choose([MONDAY, MONDAY + timedelta(hours=1)], MONDAY) is None


def test_a_picture_after_goes_before_a_picture_before(tmp_path, analysis):
    """The capture before a load lies nearer, but shows the day before."""
    store = SnapshotStore(tmp_path)
    last = MONDAY - timedelta(days=7)
    store.write(picture(last - timedelta(minutes=1)), run="snapshot")
    store.write(picture(last + timedelta(minutes=20)), run="refresh")
    wanted = EarlierCapture(days_ago=7)
    assert find_earlier(store, wanted, **HERE, after=MONDAY).taken_at == last - timedelta(minutes=1)

    judged = analysis(42, [], at=last + timedelta(minutes=20))
    VerdictHistory(store).add(judged, source="nightly.analyze", run="1")

    assert find_earlier(store, wanted, **HERE, after=MONDAY).taken_at == last + timedelta(minutes=20)


def test_a_missing_one_is_a_note_and_a_damaged_one_an_error(tmp_path):
    store = SnapshotStore(tmp_path)
    before = BeforePictures({"days_ago": 7}, store, host=HOST, project_id=1)
    assert before.load(42, MONDAY) is None
    assert before.notes == [
        "Dashboard 42 has no capture within 12 hours of 2026-06-01 06:30 UTC to compare with, so nothing is said of it."
    ]
    reference = store.write(picture(MONDAY - timedelta(days=7)))
    Path(reference.uri).write_bytes(b"nothing")
    with pytest.raises(SnapshotStoreError, match="could not be read"):
        before.load(42, MONDAY)


def test_references_stay_references(tmp_path):
    store = SnapshotStore(tmp_path)
    reference = store.write(picture(MONDAY))
    before = BeforePictures([reference.model_dump(mode="json")], store, host=HOST, project_id=1)
    assert list(before.references) == [42]
    assert before.load(42, MONDAY).taken_at == MONDAY
    assert parse_earlier(reference.model_dump()) is None


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ({"days_ago": 0}, "days_ago: Input should be greater than 0"),
        ({"days_ago": 7, "at": "2026-06-01T06:00:00Z"}, "exactly one"),
        ({"at": "2026-06-01T06:00:00"}, "at: Input should have timezone info"),
        ({"days_ago": 7, "weeks": 1}, "weeks: Extra inputs"),
    ],
)
def test_nonsense_is_refused(value, why):
    with pytest.raises(ValueError, match=why):
        parse_earlier(value)
