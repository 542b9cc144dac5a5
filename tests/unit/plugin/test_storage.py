from __future__ import annotations

import os
from pathlib import Path

import pytest

from airflow_dashboards.plugin.storage import (
    LocalStorage,
    ObjectStorage,
    OutsideStorageError,
    StorageUnavailableError,
    open_storage,
    parts,
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "secret.html").write_text("secret")
    (tmp_path / "root" / "reports" / "a").mkdir(parents=True)
    (tmp_path / "root" / "reports" / "a" / "report.html").write_text("report")
    return tmp_path / "root"


def test_a_file_below_the_root_is_read(root: Path) -> None:
    storage = open_storage(root)
    assert isinstance(storage, LocalStorage)
    assert storage.read("reports/a/report.html") == b"report"
    assert storage.folders("reports") == ["a"]
    assert list(storage.files("reports/a")) == ["report.html"]


def test_what_is_not_there_is_empty_or_missing(root: Path) -> None:
    storage = LocalStorage(root)
    assert storage.folders("runs") == []
    assert storage.files("reports/a/report.html") == {}
    with pytest.raises(FileNotFoundError):
        storage.read("reports/b/report.html")
    assert LocalStorage(root / "none").folders("runs") == []


@pytest.mark.parametrize(
    "path",
    [
        "../secret.html", "reports/../../secret.html", "/etc/passwd", "", ".", "reports//a", "reports/./a",
        "..\\secret", "reports/a/report.html\0.png", "file:///etc/passwd", "s3://bucket/secret", "C:/secret",
    ],
)  # fmt: skip
def test_a_path_that_leads_out_is_refused(root: Path, path: str) -> None:
    with pytest.raises(OutsideStorageError):
        parts(path)
    for storage in (LocalStorage(root), ObjectStorage(root)):
        with pytest.raises(OutsideStorageError):
            storage.read(path)


@pytest.mark.parametrize("target", ["../../../secret.html", "report.html", "/etc/passwd"])
def test_a_link_is_not_followed_wherever_it_leads(root: Path, target: str) -> None:
    (root / "reports" / "a" / "link.html").symlink_to(target)
    storage = LocalStorage(root)
    with pytest.raises(OutsideStorageError):
        storage.read("reports/a/link.html")
    assert list(storage.files("reports/a")) == ["report.html"]


def test_a_folder_that_is_a_link_is_not_entered(root: Path) -> None:
    (root / "reports" / "out").symlink_to(root.parent)
    storage = LocalStorage(root)
    with pytest.raises(OutsideStorageError):
        storage.read("reports/out/secret.html")
    with pytest.raises(OutsideStorageError):
        storage.files("reports/out")
    assert storage.folders("reports") == ["a"]


def test_the_root_itself_may_be_a_link(root: Path) -> None:
    root.with_name("link").symlink_to(root)
    assert LocalStorage(root.with_name("link")).read("reports/a/report.html") == b"report"


def test_what_is_no_plain_file_is_refused_without_waiting_for_it(root: Path) -> None:
    os.mkfifo(root / "pipe")
    for path in ("pipe", "reports/a"):
        with pytest.raises(OutsideStorageError):
            LocalStorage(root).read(path)


def test_an_endless_file_is_refused(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("airflow_dashboards.plugin.storage.MAX_BYTES", 5)
    for storage in (LocalStorage(root), ObjectStorage(root)):
        with pytest.raises(OutsideStorageError):
            storage.read("reports/a/report.html")


def test_every_file_is_closed_again(root: Path) -> None:
    def open_files() -> int:
        return sum(1 for _ in Path("/dev/fd").iterdir())

    before = open_files()
    storage = LocalStorage(root)
    (root / "link").symlink_to("/etc")
    for _ in range(20):
        storage.read("reports/a/report.html")
        storage.folders("reports")
        with pytest.raises(OutsideStorageError):
            storage.read("link/passwd")
    assert open_files() == before


def test_an_object_store_is_read_the_same_way() -> None:
    # What Airflow's ObjectStoragePath is made of; it has no file system in memory of its own.
    from upath import UPath

    root = UPath("memory://page-of-dashboards/posthog")
    file = root / "runs" / "2026-06-01" / "a.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"one")
    storage = open_storage(root)
    assert isinstance(storage, ObjectStorage)
    assert storage.folders("runs") == ["2026-06-01"]
    assert storage.folders("reports") == []
    assert storage.read("runs/2026-06-01/a.json") == b"one"
    stamp = storage.files("runs/2026-06-01")
    file.write_bytes(b"other")
    assert list(stamp) == ["a.json"]
    assert storage.files("runs/2026-06-01") != stamp
    with pytest.raises(FileNotFoundError):
        storage.read("runs/2026-06-01/b.json")


class NoCredentialsError(Exception):
    """As a store's own library has it: no OSError."""


class AirflowNotFoundException(Exception):  # noqa: N818
    """As Airflow has it."""


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("No filesystem registered for scheme s3"), "amazon[s3fs]"),
        (ModuleNotFoundError("No module named 's3fs'"), "a package is missing"),
        (NoCredentialsError("key AKIA-SECRET of s3.internal"), "no credentials that the store accepts (NoCredentials"),
        (PermissionError("AKIA-SECRET"), "no credentials"),
        (AirflowNotFoundException("Connection `AKIA-SECRET` is not defined"), "the connection"),
        (OSError("AKIA-SECRET at s3.internal"), "(s3://): OSError."),
    ],
)
def test_whatever_a_store_raises_is_explained_without_its_words(error: Exception, said: str) -> None:
    class Broken:
        protocol = "s3"
        path = "bucket"

        def __truediv__(self, step: str) -> Broken:
            return self

        @property
        def fs(self) -> object:
            raise error

        def open(self, mode: str) -> object:
            raise error

    storage = ObjectStorage(Broken())
    for ask in (storage.folders, storage.files, storage.read):
        with pytest.raises(StorageUnavailableError) as raised:
            ask("runs")
        assert said in str(raised.value)
        assert "SECRET" not in str(raised.value)
        assert raised.value.__cause__ is error
