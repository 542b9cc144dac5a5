"""Run the tests on each pair of Airflow and Python that we promise, each in an environment of its own in build/matrix.

An interpreter is found by its variable (`PYTHON310=/path/to/python3.10`), else on the PATH, else among pyenv's, else by
uv, which fetches one where the network lets it.
Environments stay for the next time. The oldest pair has its constraints in the repository, so that what CI runs with it
is the same every day; the others are resolved anew when their environment is made: that is what a new user gets.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
UV = Path(sys.executable).with_name("uv")
OLDEST_CONSTRAINTS = REPOSITORY / "constraints-oldest.txt"


@dataclass(frozen=True)
class Pair:
    """One Airflow on one Python."""

    airflow: str
    python: str
    #: What this Airflow needs and does not say.
    bounds: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"airflow-{self.airflow}-py{self.python}"

    @property
    def environment(self) -> Path:
        """Where it is installed."""
        return REPOSITORY / "build" / "matrix" / str(self)


OLDEST = Pair("3.1.8", "3.10")
#: With a newer FastAPI or svcs no task starts on Airflow 3.2: a union lacks its discriminator, the API its services.
PAIRS = (OLDEST, Pair("3.2.2", "3.12", bounds=("fastapi<0.137", "svcs<26")), Pair("3.3.2", "3.13"))


def interpreter(version: str) -> str:
    """Return a Python of this version, or only the version where this machine has none: uv knows what to do then."""
    variable = f"PYTHON{version.replace('.', '')}"
    pyenv = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser() / "versions"
    candidates = [
        os.environ.get(variable),
        shutil.which(f"python{version}"),
        *map(str, pyenv.glob(f"{version}.*/bin/python")),
    ]
    for candidate in filter(None, candidates):
        # pyenv puts names on the PATH that do not run.
        question = [candidate, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
        answer = subprocess.run(question, capture_output=True, text=True, check=False)
        if answer.stdout.strip() == version:
            return candidate
    return version


def prepare(pair: Pair) -> Path:
    """Return the pair's interpreter with everything installed that the tests need."""
    python = pair.environment / "bin" / "python"
    installed = pair.environment / ".installed"
    wanted = [REPOSITORY / "pyproject.toml", *([OLDEST_CONSTRAINTS] if pair == OLDEST else [])]
    if installed.exists() and installed.stat().st_mtime > max(file.stat().st_mtime for file in wanted):
        return python
    run(UV, "venv", "--quiet", "--clear", "--python", interpreter(pair.python), pair.environment)
    constraints = ["--constraints", str(OLDEST_CONSTRAINTS)] if pair == OLDEST else []
    packages = [f"apache-airflow=={pair.airflow}", *pair.bounds, "--editable", ".[sandbox,report]", "--group", "dev"]
    run(UV, "pip", "install", "--quiet", "--python", python, *constraints, *packages)
    # The tests that install other people's clients look for it beside their Python, where `make install` has it.
    python.with_name(UV.name).symlink_to(UV)
    installed.touch()
    return python


def run(*command: str | Path) -> None:
    """Run a command in the repository; its failure is ours."""
    subprocess.run(list(map(str, command)), cwd=REPOSITORY, check=True)


def write_constraints() -> None:
    """Choose again the versions that the oldest pair is tried with in CI."""
    options = ["--quiet", "--upgrade", "--no-header", "--no-annotate", "--no-emit-index-url", "--python-version"]
    extras = ["--extra", "sandbox", "--extra", "report", "--group", "dev", "pyproject.toml"]
    asked = f"apache-airflow=={OLDEST.airflow}\n".encode()
    output = ["--constraints", "-", "--output-file", str(OLDEST_CONSTRAINTS)]
    subprocess.run(
        [str(UV), "pip", "compile", *options, OLDEST.python, *extras, *output], cwd=REPOSITORY, input=asked, check=True
    )


def main() -> int:
    """Try the pairs one after the other, all of them even where one fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pair", action="append", choices=list(map(str, PAIRS)), help="only this one; may be repeated")
    parser.add_argument("--constraints", action="store_true", help="write constraints-oldest.txt instead of testing")
    parser.add_argument("pytest", nargs="*", help="arguments of pytest, after `--`; without any the whole suite")
    options = parser.parse_args()
    if options.constraints:
        write_constraints()
        return 0
    wanted = options.pair or list(map(str, PAIRS))
    results: dict[str, str] = {}
    for pair in PAIRS:
        if str(pair) not in wanted:
            continue
        print(f"== {pair}", flush=True)
        started = time.monotonic()
        try:
            run(prepare(pair), "-m", "pytest", *options.pytest)
        except subprocess.CalledProcessError as error:
            results[str(pair)] = f"failed: {error}"
        else:
            results[str(pair)] = f"passed in {time.monotonic() - started:.0f} s"
    for name, result in results.items():
        print(f"{name}: {result}")
    return int(any(result.startswith("failed") for result in results.values()))


if __name__ == "__main__":
    sys.exit(main())
