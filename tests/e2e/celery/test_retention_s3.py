"""What is let go of when it is old, with a real S3 client; how old a file is, the server says (`make e2e-celery`)."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

pytest.importorskip("moto", reason="needs make e2e-celery")

from airflow.sdk import ObjectStoragePath
from celery_airflow import STORAGE, stored
from old_storage import OldStorage

from airflow_dashboards.refresh.retention import prune, prune_daily
from airflow_dashboards.refresh.store import SnapshotStore

pytestmark = pytest.mark.e2e

NOW = datetime.now(timezone.utc)
MONTHS = timedelta(days=60)
HOST = "https://eu.posthog.com"


class Bucket:
    """Months of runs: what goes by its name at once, what goes once S3 says that it is old, what never goes."""

    def __init__(self, s3: str, root: str) -> None:
        self._address = s3, root
        self.store = SnapshotStore(ObjectStoragePath(root))
        nightly = OldStorage(self.store, NOW, host=HOST, dashboard_id=42, dag_id="nightly")
        retired = OldStorage(self.store, NOW, host=HOST, dashboard_id=7, dag_id="retired")
        old_runs = [nightly.run(90, before=90.1), retired.run(90, before=90.1)]
        last_runs = [nightly.run(1, before=1.1), retired.run(60, before=70)]
        self.old = set[str]().union(
            *(run for run, _ in old_runs), *map(nightly.snapshot, (90.1, 90, 40)), *map(retired.snapshot, (90, 55))
        )
        self.aging = set[str]().union(
            *(report for _, report in old_runs),
            nightly.file("index/nightly-snapshots-0123456789ab.jsonl.gz"),
            nightly.file("ledger/nightly-run-9-refresh/000000.json"),
            nightly.file("waits/nightly-run-9-fresh--1-posthog_wait_2_0-01234567.json"),
        )
        self.kept = set[str]().union(
            *(run | report for run, report in last_runs),
            *map(nightly.snapshot, (1.1, 1)),
            *map(retired.snapshot, (80, 70, 60, 50, 45)),  # judged, compared twice, the last two
            retired.verdict(80),
            nightly.file("reports/manual__1/analyze/0189.json"),  # of somebody who shares the bucket
        )

    @property
    def files(self) -> set[str]:
        return stored(*self._address)


@pytest.fixture
def bucket(s3: str, request: pytest.FixtureRequest) -> Bucket:
    bucket = Bucket(s3, f"{STORAGE}-{request.node.name}")
    assert bucket.files == bucket.old | bucket.aging | bucket.kept
    return bucket


def test_what_is_old_is_gone_from_the_bucket_and_what_is_needed_stays(bucket: Bucket) -> None:
    counted = prune(bucket.store.root, 30, now=NOW, dry_run=True)
    assert bucket.files == bucket.old | bucket.aging | bucket.kept
    assert counted == prune(bucket.store.root, 30, now=NOW)
    assert counted.counts == {"runs": 2, "snapshots": 5}
    assert bucket.files == bucket.aging | bucket.kept
    assert str(prune(bucket.store.root, 30, now=NOW)) == "nothing"
    later = prune(bucket.store.root, 30, now=NOW + MONTHS)
    assert later.counts == {"reports": 6, "leftovers": 3}
    assert bucket.files == bucket.kept


def test_two_who_let_go_at_the_same_time_are_in_nobodys_way(bucket: Bucket) -> None:
    def meanwhile() -> float:
        prune(bucket.store.root, 30, now=NOW + MONTHS)
        return 0.0

    prune(bucket.store.root, 30, now=NOW + MONTHS, seconds=1.0, clock=meanwhile)
    assert bucket.files == bucket.kept


def test_only_the_first_of_a_day_lets_go(bucket: Bucket) -> None:
    first, second = (prune_daily(bucket.store.root, 30, now=NOW, seconds=60) for _ in range(2))
    assert first is not None
    assert sum(first.counts.values()) == len(bucket.old)
    assert second is None
    assert bucket.files == bucket.aging | bucket.kept | {f"retention/{NOW:%Y-%m-%d}"}
