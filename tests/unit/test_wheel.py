"""What is handed out: a wheel and an sdist with everything in them that runs, and nothing that only we need."""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from email.message import Message
from email.parser import Parser
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGE = "airflow_dashboards"
EXTRAS = {"sandbox", "report", "ai", "s3"}


def build(target: str, source: Path, into: Path) -> Path:
    """Build one distribution with the installed builder, so that nothing is fetched."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", str(into)]
    done = subprocess.run(command, cwd=source, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    (made,) = into.glob("*.whl" if target == "wheel" else "*.tar.gz")
    return made


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("wheel", REPOSITORY, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("sdist", REPOSITORY, tmp_path_factory.mktemp("sdist"))


def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (each for each in archive.namelist() if each.endswith(".dist-info/METADATA"))
        return Parser().parsestr(archive.read(name).decode())


def shipped(folder: Path, inside: str) -> set[str]:
    """Return the files below a folder that belong into the wheel, by their names in there."""
    files = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {f"{inside}/{path.relative_to(folder).as_posix()}" for path in files}


def test_the_wheel_holds_the_package_and_the_examples_and_nothing_else(wheel: Path) -> None:
    expected = shipped(REPOSITORY / PACKAGE, PACKAGE) | shipped(REPOSITORY / "dags_examples", f"{PACKAGE}/example_dags")

    assert {name for name in names(wheel) if ".dist-info/" not in name} == expected


@pytest.mark.parametrize(
    "name",
    [
        "py.typed",
        "analysis/report/report.css",
        "analysis/report/report.html.jinja",
        "example_dags/nightly_refresh.py",
        "plugin/www/index.html",
        "plugin/www/page.js",
    ],
)
def test_what_is_no_module_is_in_the_wheel_too(wheel: Path, name: str) -> None:
    assert f"{PACKAGE}/{name}" in names(wheel)


def test_the_metadata_says_what_it_is(wheel: Path) -> None:
    said = metadata(wheel)

    assert said["Name"] == "airflow-dashboards"
    assert said["License-Expression"] == "Apache-2.0"
    assert said["Requires-Python"] == "<3.14,>=3.10"
    assert "Framework :: Apache Airflow :: Provider" in said.get_all("Classifier", [])
    assert set(said.get_all("Provides-Extra", [])) == EXTRAS
    assert said["Description-Content-Type"] == "text/markdown"
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names(wheel))


def test_the_wheel_made_of_the_sdist_is_the_same(wheel: Path, sdist: Path, tmp_path: Path) -> None:
    with tarfile.open(sdist) as archive:
        # The filter came with Python 3.11.4: Debian's is older. What is unpacked here is our own.
        archive.extractall(tmp_path, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
    (source,) = tmp_path.iterdir()

    again = build("wheel", source, tmp_path / "dist")

    assert names(again) == names(wheel)
    assert {"CHANGELOG.md", "LICENSE", "README.md", "docs", "tests"} <= {path.name for path in source.iterdir()}


def test_the_sdist_is_what_git_knows(sdist: Path) -> None:
    """So that what the README and the Makefile say works in it as in a clone."""
    if not (REPOSITORY / ".git").exists():
        pytest.skip("this is no clone: there is no git to compare with")
    known = subprocess.run(["git", "ls-files"], cwd=REPOSITORY, capture_output=True, text=True, check=True, timeout=60)
    tracked = {name for name in known.stdout.splitlines() if (REPOSITORY / name).exists()}

    with tarfile.open(sdist) as archive:
        packed = {member.name.partition("/")[2] for member in archive if member.isfile()}

    assert tracked - packed == set()
    ignored = ["git", "ls-files", "--others", "--exclude-standard"]  # what somebody has not added yet
    new = subprocess.run(ignored, cwd=REPOSITORY, capture_output=True, text=True, check=True, timeout=60)
    assert packed - tracked - set(new.stdout.splitlines()) == {"PKG-INFO"}


def test_the_readme_names_every_extra_and_no_other(wheel: Path) -> None:
    named = re.findall(r"^\| `airflow-dashboards\[(\w+)\]` \|", (REPOSITORY / "README.md").read_text(), re.MULTILINE)

    assert sorted(named) == sorted(metadata(wheel).get_all("Provides-Extra", []))


def test_the_extra_s3_brings_what_opens_s3(wheel: Path) -> None:
    required = [Requirement(text) for text in metadata(wheel).get_all("Requires-Dist", [])]
    (amazon,) = (each for each in required if each.marker and each.marker.evaluate({"extra": "s3"}))

    assert amazon.name == "apache-airflow-providers-amazon"
    assert amazon.extras == {"s3fs"}


def test_the_core_needs_no_package_that_airflow_does_not_bring(wheel: Path) -> None:
    required = [Requirement(text) for text in metadata(wheel).get_all("Requires-Dist", [])]
    core = [each for each in required if each.marker is None]

    assert {each.name for each in core} > {"apache-airflow"}
    airflow = set(closure("apache-airflow"))
    assert {each.name for each in core} <= airflow


def closure(name: str, seen: set[str] | None = None) -> Iterator[str]:
    """Yield a distribution that is installed here and everything that it needs, extras of its own left out."""
    seen = set() if seen is None else seen
    pending = [Requirement(name)]
    while pending:
        requirement = pending.pop()
        key = f"{requirement.name.lower().replace('_', '-')}[{','.join(sorted(requirement.extras))}]"
        if key in seen:
            continue
        seen.add(key)
        yield requirement.name.lower().replace("_", "-")
        for text in distribution(requirement.name).requires or ():
            needed = Requirement(text)
            extras = [{"extra": extra} for extra in ("", *requirement.extras)]
            if needed.marker is None or any(needed.marker.evaluate(each) for each in extras):
                pending.append(needed)
