"""The snapshot file: what is written is read, and what can't be read says why."""

from __future__ import annotations

import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest

from airflow_dashboards.analysis import SnapshotFormatError, dump, load

pictures = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("pictures.py"))))
BOARD = pictures.snapshot(
    pictures.tile("trends", [pictures.series([1, 2], ["2026-06-01", "2026-06-02"])]), filters={"a": 1}
)


def test_there_and_back() -> None:
    lines = list(dump(BOARD))
    assert len(lines) == 2
    assert all(line.endswith(b"\n") for line in lines)
    assert load(lines) == BOARD
    assert load(line.decode() for line in lines) == BOARD


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([], "it is empty"),
        ([b"PK\x03\x04"], "its first line is not JSON"),
        ([b"[]"], "names no airflow-dashboards/snapshot format"),
        ([b'{"format": "something/else"}'], "names no airflow-dashboards/snapshot format"),
        (
            [b'{"format": "airflow-dashboards/snapshot/2"}'],
            "snapshot format airflow-dashboards/snapshot/2 is not readable here",
        ),
        ([b'{"format": "airflow-dashboards/snapshot/1"}'], "damaged snapshot header: dashboard_id: Field required"),
    ],
)
def test_what_is_no_snapshot_is_refused(lines: list[bytes], said: str) -> None:
    with pytest.raises(SnapshotFormatError, match=said):
        load(lines)


def test_a_damaged_tile_names_its_line_and_repeats_no_data() -> None:
    header, line = dump(BOARD)
    with pytest.raises(SnapshotFormatError, match="line 2") as caught:
        load([header, line[: len(line) // 2]])
    assert "purchase" not in str(caught.value)
