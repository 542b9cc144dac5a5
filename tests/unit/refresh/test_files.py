"""Writing a file whole or not at all."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from airflow_dashboards.refresh import files
from airflow_dashboards.refresh.files import names, on_disk, writing

KILLED_WHILE_WRITING = """
import os, signal, sys
from pathlib import Path
from airflow_dashboards.refresh.files import writing
with writing(Path(sys.argv[1])) as file:
    file.write(b"half")
    file.flush()
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(params=["unnamed", "beside"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    if request.param == "beside":
        monkeypatch.setattr(files, "_unnamed", lambda _folder: None)
    return str(request.param)


def test_a_file_appears_whole_and_nothing_beside_it(way: str, tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file"
    with writing(path) as file:
        file.write(b"all of it")
        assert names(path.parent) == []
    assert path.read_bytes() == b"all of it"
    assert [each.name for each in path.parent.iterdir()] == ["file"]


def test_a_file_replaces_an_earlier_one(way: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    for content in (b"first", b"second"):
        with writing(path) as file:
            file.write(content)
    assert path.read_bytes() == b"second"


def test_a_writer_that_fails_leaves_nothing(way: str, tmp_path: Path) -> None:
    def half() -> None:
        with writing(tmp_path / "file") as file:
            file.write(b"half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        half()
    assert list(tmp_path.iterdir()) == []


def test_a_writer_that_is_killed_leaves_nothing(tmp_path: Path) -> None:
    unnamed = files._unnamed(tmp_path)
    if unnamed is None:
        pytest.skip("this file system knows no unnamed files")
    unnamed.close()
    path = tmp_path / "file"
    ended = subprocess.run([sys.executable, "-c", KILLED_WHILE_WRITING, str(path)], check=False, timeout=60)
    assert ended.returncode == -signal.SIGKILL
    assert list(tmp_path.iterdir()) == []


def test_a_path_of_an_object_store_is_not_on_a_disk_even_where_it_inherits_from_path(tmp_path: Path) -> None:
    """As universal_pathlib's did up to 0.2, which Airflow 3.1 comes with."""

    class StorePath(type(tmp_path)):  # type: ignore[misc]
        protocol = "s3"

    assert on_disk(tmp_path)
    assert not on_disk(StorePath("bucket/posthog"))
