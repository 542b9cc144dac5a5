"""`read_results`: what a DAG author does with the XCom of snapshot, refresh and analyze, whichever form it has."""

from __future__ import annotations

import gzip
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import ObjectStoragePath
from airflow.sdk.io import attach

from airflow_dashboards import read_results
from airflow_dashboards.analysis import Comparability, Verdict
from airflow_dashboards.refresh.index import MAX_BYTES, MAX_ENTRIES, pack
from airflow_dashboards.refresh.outcome import RefreshOutcome, RefreshStatus
from airflow_dashboards.refresh.store import SnapshotStore, SnapshotStoreError
from airflow_dashboards.refresh.summary import MAX_TILES, AnalysisSummary, TileSummary


def outcome(board: int) -> RefreshOutcome:
    url = f"https://eu.posthog.com/project/7/dashboard/{board}"
    return RefreshOutcome(dashboard_id=board, name=f"Board {board}", url=url, status=RefreshStatus.REFRESHED)


def red(board: int) -> AnalysisSummary:
    """A dashboard as red as a summary can say: ten tiles with a sentence each."""
    sentence = "Orders of 2026-06-01 fell by 97 %, from 12,345 to 370, where 11,900 to 12,800 were expected. "
    tiles = [
        TileSummary(id=n, name=f"Orders per day {n}", verdict=Verdict.FAIL, summary=sentence, codes=["drop"])
        for n in range(MAX_TILES)
    ]
    return AnalysisSummary(
        host="https://eu.posthog.com", project_id=7, dashboard_id=board, dashboard_name=f"Board {board}",
        url="https://eu.posthog.com/project/7/dashboard/1", status=Verdict.FAIL, comparability=Comparability.CHANGED,
        summary=sentence, counts={"fail": MAX_TILES}, tiles=tiles, after_at=datetime(2026, 6, 2, tzinfo=timezone.utc),
    )  # fmt: skip


def packed(results: list[Any], root: Any) -> Any:
    return pack(results, SnapshotStore(root), run="r", what="outcomes")


def test_a_list_is_the_list() -> None:
    xcom = packed([outcome(1), outcome(2)], Path("/nowhere"))
    assert isinstance(xcom, list)
    assert read_results(xcom) == xcom


@pytest.mark.parametrize("results", [[outcome(n) for n in range(150)], [red(n) for n in range(30)]])
def test_a_reference_reads_as_the_list_would(tmp_path: Path, results: list[Any]) -> None:
    xcom = packed(results, tmp_path)
    assert "index" in xcom
    assert read_results(xcom) == [each.model_dump(mode="json", exclude_defaults=True) for each in results]


def test_thirty_red_dashboards_are_fewer_than_the_entries_and_more_than_the_bytes() -> None:
    """What makes the case above one of its own."""
    assert MAX_ENTRIES > 30
    assert sum(len(red(n).model_dump_json()) for n in range(30)) > MAX_BYTES


def test_the_results_of_a_mapped_task_come_one_after_the_other(tmp_path: Path) -> None:
    many = packed([outcome(n) for n in range(150)], tmp_path)
    few = packed([outcome(n) for n in range(150, 152)], tmp_path)
    assert [each["dashboard_id"] for each in read_results([many, few])] == list(range(152))


def test_the_connection_in_the_address_is_the_one_that_opens_it(tmp_path: Path) -> None:
    """As `s3://aws_default@bucket/…`: the file system is the one attached for that connection."""
    from fsspec.implementations.dirfs import DirFileSystem
    from fsspec.implementations.local import LocalFileSystem

    attach("s3", conn_id="our_bucket", fs=DirFileSystem(str(tmp_path), LocalFileSystem(auto_mkdir=True)))
    xcom = packed([outcome(n) for n in range(150)], ObjectStoragePath("s3://our_bucket@bucket/posthog"))

    assert xcom["index"].startswith("s3://our_bucket@bucket/posthog/index/")
    assert len(read_results(xcom)) == 150


def test_a_file_that_is_not_the_one_written_is_refused(tmp_path: Path) -> None:
    xcom = packed([outcome(n) for n in range(150)], tmp_path)
    Path(xcom["index"]).write_bytes(gzip.compress(b"{}"))
    with pytest.raises(SnapshotStoreError, match="SHA-256 differs"):
        read_results(xcom)
    Path(xcom["index"]).unlink()
    with pytest.raises(SnapshotStoreError, match="does not share its storage"):
        read_results(xcom)


@pytest.mark.parametrize("value", [None, 5, "text", [None], ["text"]])
def test_what_no_task_of_ours_returns_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="result of a snapshot, refresh or analyze task"):
        read_results(value)
