"""The S3 that all tests here share: a process's S3 client goes on with the address that it was first given."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from celery_airflow import object_store, s3_environment
from servers import end_remembered


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if "CELERY_FOLDER" not in os.environ:
        return tmp_path_factory.mktemp("celery")
    chosen = Path(os.environ["CELERY_FOLDER"]).resolve()
    end_remembered(chosen / "processes.json")  # of a run that was broken off
    shutil.rmtree(chosen, ignore_errors=True)
    chosen.mkdir(parents=True)
    return chosen


@pytest.fixture(scope="session")
def s3(folder: Path) -> Iterator[str]:
    """The address of an S3, to which this process has the connection that storage paths name."""
    with object_store(folder / "s3") as s3, pytest.MonkeyPatch.context() as patch:
        for name, value in s3_environment(s3).items():
            patch.setenv(name, value)
        yield s3
