"""A browser for the tests that look at pages: Chromium, driven by a script of this repository in Node.js."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any


class BrowserError(RuntimeError):
    """A program is missing, or has failed; the message says which, and what it said."""


class Browser:
    """Chromium, and a folder in which one script with its packages is installed.

    Args:
        script: an `.mjs` file beside its `package.json`; called with the path of Chromium and the arguments of `run`,
            it prints what it saw as JSON.
        place: the folder, which has to exist.

    Raises:
        BrowserError: a program is missing, or the packages could not be installed.

    Example:
        >>> Browser(Path("tests/e2e/look_at_pages.mjs"), folder).run("build/e2e", "report.html", seconds=600)["looks"]
    """

    def __init__(self, script: Path, place: Path) -> None:
        self._chromium = _program("chromium", "chromium-browser", "google-chrome", install="apt-get install chromium")
        self._node = _program("node", install="install Node.js 18 or newer")
        npm = _program("npm", install="install npm, which comes with Node.js")
        self._script = script.name
        self._place = place
        for file in (script, script.with_name("package.json")):
            shutil.copy(file, place)
        options = ["--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline"]
        self._call("npm install", [npm, "install", *options], seconds=180)

    def run(self, *arguments: str | Path, seconds: float) -> Any:
        """Run the script in its folder and return what it saw.

        Raises:
            BrowserError: it failed.
            subprocess.TimeoutExpired: it took longer than so many seconds.
        """
        said = self._call(self._script, [self._node, self._script, self._chromium, *arguments], seconds=seconds)
        return json.loads(said)

    def _call(self, what: str, command: Sequence[str | Path], *, seconds: float) -> str:
        done = subprocess.run(command, cwd=self._place, capture_output=True, text=True, timeout=seconds, check=False)
        if done.returncode:
            raise BrowserError(f"{what} failed:\n{done.stderr}")
        return done.stdout


def _program(*names: str, install: str) -> str:
    """Return the path of the first of these programs; who needs a browser doesn't skip, but says what is missing."""
    found = next((path for path in map(shutil.which, names) if path), None)
    if found is None:
        raise BrowserError(f"{names[0]} is missing: {install}")
    return found
