"""Files on a disk or in an object store, through the few methods that all path-likes share.

A path-like is `pathlib.Path` or anything that behaves like it, such as Airflow's `ObjectStoragePath`: `open`, `mkdir`,
`exists`, `iterdir`, `unlink`, `/`, `name`, `parent`, `str()`. Object stores publish a file when it is closed; on a
local disk a file is written without a name (on Linux) or beside its place, and then put into it, so that no reader
ever sees half a file.
"""

from __future__ import annotations

import hashlib
import os
import re
import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeGuard
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_MAX_NAME = 100
_OWN_FILES = Path("/proc/self/fd")


def local(path: Any) -> Any:
    """Return the `pathlib.Path` behind a path-like of the local disk, and every other path-like as it is."""
    if getattr(path, "protocol", None) in ("file", "local", ""):
        return Path(path.path)
    return path


def on_disk(path: Any) -> TypeGuard[Path]:
    """Return whether a path-like is a `pathlib.Path`, and no other that only inherits from it.

    Airflow 3.1 comes with a universal_pathlib whose paths of object stores are subclasses of `pathlib.Path`.
    """
    return isinstance(path, Path) and not hasattr(path, "protocol")


def safe_name(text: str) -> str:
    """Return a text as one harmless file name: no separators, no leading dots, at most 100 characters.

    Where that changes the text, a few digits of its hash keep different texts different.

    Example:
        >>> safe_name("nightly"), safe_name("a/b")
        ('nightly', 'a-b-c14cddc0')
    """
    name = _UNSAFE.sub("-", text).strip("-.")
    if name == text and len(name) <= _MAX_NAME:
        return name
    digits = hashlib.sha256(text.encode()).hexdigest()[:8]
    return f"{name[: _MAX_NAME - 9].rstrip('-.')}-{digits}".lstrip("-")


def host_name(host: str) -> str:
    """Return the folder of a PostHog host.

    Example:
        >>> host_name("http://localhost:8010")
        'localhost-8010'
    """
    return safe_name((urlsplit(host).netloc.rpartition("@")[2] or host).replace(":", "-"))


def relative_to(root: Any, uri: str) -> Any | None:
    """Return the path-like of a uri that lies under `root`, or None if it doesn't."""
    prefix = str(root).rstrip("/") + "/"
    if not uri.startswith(prefix):
        return None
    path = root
    for part in uri[len(prefix) :].split("/"):
        if part in ("", ".", ".."):
            return None
        path = path / part
    return path


@contextmanager
def writing(path: Any) -> Iterator[IO[bytes]]:
    """Open a new file for writing; it appears under its name only once it is whole."""
    if not on_disk(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            yield file
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    unnamed = _unnamed(path.parent)
    try:
        with unnamed or beside.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
            if unnamed is not None:
                # A source folder has to be given for the link in /proc to be followed; it is not looked at.
                os.link(f"{_OWN_FILES}/{unnamed.fileno()}", beside, src_dir_fd=0, follow_symlinks=True)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def _unnamed(folder: Path) -> IO[bytes] | None:
    """Open a file without a name, so that a killed writer leaves nothing; None where the system knows no such thing."""
    if not hasattr(os, "O_TMPFILE") or not _OWN_FILES.exists():
        return None
    try:
        return os.fdopen(os.open(folder, os.O_TMPFILE | os.O_WRONLY, 0o666), "wb")
    except OSError:  # not every file system can
        return None


def names(folder: Any) -> list[str]:
    """Return the sorted names in a folder, leaving out files still being written; empty if there is no such folder."""
    if not folder.exists():
        return []
    return sorted(each.name for each in folder.iterdir() if not each.name.startswith("."))
