"""Reading below the storage path, and nowhere else.

On a local disk every step down is taken relative to the folder above it and follows no link, so neither `..` nor a
symbolic link, not even one put there between a check and the reading, leads out. Object stores have no links.
"""

from __future__ import annotations

import os
import re
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from airflow_dashboards.refresh.files import local, on_disk

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: What is not served because no file of ours is that large.
MAX_BYTES = 64 << 20


class OutsideStorageError(Exception):
    """A path that is none of ours: it leaves the storage path, is a link, or is not a plain file."""


class StorageUnavailableError(Exception):
    """The storage path can't be opened or read. Its words say what is missing, and hold nothing that is secret."""


class Storage(Protocol):
    """Files below one root, addressed by their path relative to it."""

    #: How many threads reading at once are worth it.
    readers: int

    def folders(self, path: str) -> list[str]:
        """Return the names of the folders in a folder; empty if there is none."""
        ...

    def files(self, path: str) -> dict[str, object]:
        """Return the names of the files in a folder with something that changes when they do."""
        ...

    def read(self, path: str) -> bytes:
        """Return a file's content.

        Raises:
            FileNotFoundError: there is no such file.
            OutsideStorageError: it is none of ours.
        """
        ...


def open_storage(root: Any) -> Storage:
    """Return the way to read below a storage root: a `pathlib.Path` or an `ObjectStoragePath`."""
    root = local(root)
    return LocalStorage(root) if on_disk(root) else ObjectStorage(root)


def parts(path: str) -> list[str]:
    """Return the steps of a relative path.

    Raises:
        OutsideStorageError: it is absolute, goes up, or holds what no name of ours holds.

    Example:
        >>> parts("reports/nightly/report.html")
        ['reports', 'nightly', 'report.html']
    """
    steps = path.split("/")
    if any(step in ("", ".", "..") or "\\" in step or "\0" in step or step.endswith(":") for step in steps):
        raise OutsideStorageError(f"{path!r} is not a path below the storage path")
    return steps


class LocalStorage:
    """A folder on this machine or on a file system it has mounted. The root itself may be a link, nothing below may."""

    readers = 1

    def __init__(self, root: Path) -> None:
        self._root = root

    def folders(self, path: str) -> list[str]:
        """Return the names of the folders in a folder."""
        return sorted(entry.name for entry in self._entries(path) if entry.is_dir(follow_symlinks=False))

    def files(self, path: str) -> dict[str, object]:
        """Return the names of the files in a folder with their age and size."""
        found: dict[str, object] = {}
        for entry in self._entries(path):
            if not entry.name.startswith(".") and entry.is_file(follow_symlinks=False):
                about = entry.stat(follow_symlinks=False)
                found[entry.name] = (about.st_mtime_ns, about.st_size, about.st_ino)
        return found

    def read(self, path: str) -> bytes:
        """Return a file's content."""
        with self._opened(path, os.O_RDONLY | os.O_NONBLOCK) as descriptor:
            about = os.fstat(descriptor)
            if not stat.S_ISREG(about.st_mode) or about.st_size > MAX_BYTES:
                raise OutsideStorageError(f"{path!r} is not a file that this page may show")
            with os.fdopen(os.dup(descriptor), "rb") as file:
                return file.read(MAX_BYTES)

    def _entries(self, path: str) -> list[os.DirEntry[str]]:
        try:
            with self._opened(path, os.O_RDONLY | os.O_DIRECTORY) as descriptor, os.scandir(descriptor) as entries:
                found = list(entries)
                for entry in found:
                    # An entry asks the system relative to the open folder, so it must be asked before that is closed.
                    entry.stat(follow_symlinks=False)
                return found
        except (FileNotFoundError, NotADirectoryError):
            return []

    @contextmanager
    def _opened(self, path: str, flags: int) -> Iterator[int]:
        """Open the last step of a path, each step relative to the one before and without following links."""
        steps = parts(path)
        descriptor = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for number, step in enumerate(steps, 1):
                last = number == len(steps)
                how = (flags if last else os.O_RDONLY | os.O_DIRECTORY) | os.O_NOFOLLOW | os.O_CLOEXEC
                try:
                    following = os.open(step, how, dir_fd=descriptor)
                except OSError as error:
                    if _is_link(step, descriptor):
                        raise OutsideStorageError(
                            f"{path!r} goes through a link, and links are not followed"
                        ) from error
                    raise
                os.close(descriptor)
                descriptor = following
            yield descriptor
        finally:
            os.close(descriptor)


def _is_link(name: str, folder: int) -> bool:
    try:
        return stat.S_ISLNK(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
    except OSError:
        return False


class ObjectStorage:
    """A prefix in an object store, through Airflow's `ObjectStoragePath`.

    Raises:
        StorageUnavailableError: by every method, for whatever the store's own library raises.
    """

    #: An object takes tens of milliseconds, nearly all of them waiting.
    readers = 16

    #: What tells that an object changed, by the names that the file systems of fsspec use.
    _STAMPS = ("ETag", "etag", "mtime", "LastModified", "updated", "last_modified", "created", "size")

    def __init__(self, root: Any) -> None:
        self._root = root

    def folders(self, path: str) -> list[str]:
        """Return the names of the prefixes below a prefix."""
        return sorted(_name(entry) for entry in self._entries(path) if entry["type"] == "directory")

    def files(self, path: str) -> dict[str, object]:
        """Return the names of the objects below a prefix with what tells that they changed."""
        return {
            _name(entry): tuple(str(entry[stamp]) for stamp in self._STAMPS if stamp in entry)
            for entry in self._entries(path)
            if entry["type"] == "file"
        }

    def read(self, path: str) -> bytes:
        """Return an object's content."""
        place = self._below(path)
        with _explained(self._root), place.open("rb") as file:
            content: bytes = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise OutsideStorageError(f"{path!r} is not a file that this page may show")
        return content

    def _entries(self, path: str) -> list[dict[str, Any]]:
        folder = self._below(path)
        try:
            with _explained(self._root):
                return list(folder.fs.ls(folder.path, detail=True, refresh=True))
        except FileNotFoundError:
            return []

    def _below(self, path: str) -> Any:
        found = self._root
        for step in parts(path):
            found = found / step
        return found


@contextmanager
def _explained(root: Any) -> Iterator[None]:
    """Make what a store's library raises, which can be anything, into one error whose words may be shown."""
    try:
        yield
    except (FileNotFoundError, NotADirectoryError):
        raise
    except Exception as error:
        raise StorageUnavailableError(explanation(f"{getattr(root, 'protocol', '')}://", error)) from error


#: What has to be installed in the API server too, by the beginning of the storage path.
_PACKAGES = {
    "s3": "apache-airflow-providers-amazon[s3fs]",
    "gs": "apache-airflow-providers-google",
    "gcs": "apache-airflow-providers-google",
    "abfs": "apache-airflow-providers-microsoft-azure",
    "abfss": "apache-airflow-providers-microsoft-azure",
    "adl": "apache-airflow-providers-microsoft-azure",
}


def explanation(path: str, error: Exception) -> str:
    """Return what is missing to read a storage path, without the error's own words: those may hold an address or a key.

    Args:
        path: the storage path; only its scheme is told.
        error: what the storage's library, or Airflow, raised.

    Example:
        >>> explanation("s3://bucket/posthog", ImportError("No module named 's3fs'"))  # doctest: +ELLIPSIS
        "The API server can't read the storage path (s3://): a package is missing there (...s3fs]). ..."
    """
    scheme = path.partition("://")[0].lower()
    kind = type(error).__name__
    if isinstance(error, ImportError) or (
        isinstance(error, ValueError) and re.search("scheme|protocol|filesystem", str(error), re.I)
    ):
        package = _PACKAGES.get(scheme)
        why = f"a package is missing there{f' ({package})' if package else ''}"
    elif "NotFound" in kind and "Connection" in f"{kind} {error}":
        why = f"the connection that [posthog] storage_path names is not known to it ({kind})"
    elif isinstance(error, PermissionError) or any(word in kind for word in ("Credential", "Auth", "Token", "Denied")):
        why = f"it has no credentials that the store accepts ({kind})"
    else:
        why = kind
    where = f" ({scheme}://)" if scheme else ""
    return f"The API server can't read the storage path{where}: {why}. Its log says more."


def _name(entry: dict[str, Any]) -> str:
    return str(entry["name"]).rstrip("/").rpartition("/")[2]
