"""What is in a folder, with when it was last changed: on a disk, or in one request in an object store."""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any

from airflow_dashboards.refresh.files import on_disk

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


def folders(folder: Any) -> list[str]:
    """Return the sorted names of the folders in a folder; links are not followed, they are none of ours."""
    if on_disk(folder):
        if folder.is_symlink():
            return []
        try:
            with os.scandir(folder) as entries:
                return sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
        except (FileNotFoundError, NotADirectoryError):
            return []
    try:
        found = folder.fs.ls(folder.path, detail=True, refresh=True)
    except FileNotFoundError:
        return []
    return sorted(_last(entry["name"]) for entry in found if entry["type"] == "directory")


def files(folder: Any, *, deep: bool = False) -> dict[str, float | None]:
    """Return the files in a folder by their relative path, with when they were last changed, in seconds since 1970.

    Args:
        folder: a path-like (see `refresh.files`); one that does not exist has no files.
        deep: those in the folders below it too.

    The time is None where an object store does not tell it.
    """
    if on_disk(folder):
        return {} if folder.is_symlink() else dict(_on_disk(folder, "", deep))
    try:
        found = folder.fs.find(folder.path, maxdepth=None if deep else 1, detail=True)
    except FileNotFoundError:
        return {}
    prefix = folder.path.strip("/") + "/"
    return {
        name.strip("/").removeprefix(prefix): _changed(about)
        for name, about in found.items()
        if about["type"] == "file" and name.strip("/").startswith(prefix)
    }


def _on_disk(folder: Path, below: str, deep: bool) -> Iterator[tuple[str, float | None]]:
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_file(follow_symlinks=False):
                    with suppress(FileNotFoundError):
                        yield below + entry.name, entry.stat(follow_symlinks=False).st_mtime
                elif deep and entry.is_dir(follow_symlinks=False):
                    yield from _on_disk(folder / entry.name, f"{below}{entry.name}/", deep)
    except (FileNotFoundError, NotADirectoryError):
        return


#: Under which name file systems of fsspec tell when a file was changed.
_CHANGED = ("LastModified", "last_modified", "mtime", "updated", "modified", "created")


def _changed(about: Mapping[str, Any]) -> float | None:
    value = next((about[name] for name in _CHANGED if about.get(name) is not None), None)
    if isinstance(value, str):
        with suppress(ValueError):
            value = datetime.fromisoformat(value.replace("Z", "+00:00"))
    if isinstance(value, datetime):
        return value.timestamp()
    return float(value) if isinstance(value, int | float) else None


def _last(name: str) -> str:
    return name.rstrip("/").rpartition("/")[2]
