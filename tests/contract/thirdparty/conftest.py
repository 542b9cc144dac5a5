"""Software that is not ours, each piece in an environment of its own below `build/thirdparty`, made on first use.

`requirements/` pins every package of every environment. Nothing of it reaches the environment the tests run in.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

REQUIREMENTS = Path(__file__).parent / "requirements"
HOME = Path(__file__).resolve().parents[3] / "build" / "thirdparty"
UV = Path(sysconfig.get_path("scripts")) / "uv"


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Keep parallel test processes from building the same environment."""
    HOME.mkdir(parents=True, exist_ok=True)
    with (HOME / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def uv(*arguments: str) -> None:
    done = subprocess.run([str(UV), *arguments], capture_output=True, text=True, timeout=300, check=False)
    if done.returncode:
        pytest.fail(f"uv {' '.join(arguments)} ended with {done.returncode}:\n{done.stderr}", pytrace=False)


def made(name: str, pins: str, *commands: tuple[str, ...]) -> Path:
    """The directory that the commands make from the pins; one that is there and complete is used again."""
    stamp = hashlib.sha256(f"{pins} {sys.version}".encode()).hexdigest()[:12]
    place = HOME / f"{name}-{stamp}"
    with one_at_a_time():
        if not (place / ".complete").exists():
            shutil.rmtree(place, ignore_errors=True)
            for command in commands:
                uv(*(part.replace("{place}", str(place)) for part in command))
            (place / ".complete").touch()
    return place


def environment(name: str) -> Path:
    """A virtual environment with what `requirements/<name>.txt` pins; returns its `bin`."""
    pins = REQUIREMENTS / f"{name}.txt"
    install = ("pip", "install", "--quiet", "--no-deps", "--python", "{place}", "--requirements", str(pins))
    return made(name, pins.read_text(), ("venv", "--quiet", "--python", sys.executable, "{place}"), install) / "bin"


@pytest.fixture(scope="session")
def openapi() -> dict[str, Any]:
    """PostHog's OpenAPI document as `arcade-posthog-api` ships it; only that one package is fetched."""
    pins = (REQUIREMENTS / "arcade-posthog-api.txt").read_text()
    pin = next(line for line in pins.splitlines() if line.startswith("arcade-posthog-api=="))
    install = ("pip", "install", "--quiet", "--no-deps", "--target", "{place}", "--python", sys.executable, pin)
    place = made("openapi", pin, install)
    document: dict[str, Any] = json.loads((place / "arcade_posthog_api" / "moar" / "openapi.json").read_text())
    return document


@pytest.fixture(scope="session")
def phog_cli() -> Path:
    """The `posthog` command of `phog-cli`."""
    return environment("phog-cli") / "posthog"


@pytest.fixture(scope="session")
def piglet() -> Path:
    """The `piglet` command of `cased-piglet`."""
    return environment("cased-piglet") / "piglet"


@pytest.fixture(scope="session")
def arcade_python() -> Path:
    """The interpreter that has the tools of `arcade-posthog-api`."""
    return environment("arcade-posthog-api") / "python"
