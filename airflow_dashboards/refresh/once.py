"""What must not be done twice, remembered in files: a retry of the task finds it done."""

from __future__ import annotations

from typing import Any

from airflow_dashboards.refresh.files import safe_name, writing


class Once:
    """Marks of what was done, one empty file each.

    A thing is claimed before it is done and released if it certainly was not done. Where that is unknown, e.g. since
    the answer was lost or the worker died, the claim stays: done at most once.

    Args:
        folder: `pathlib.Path` or anything that behaves like it; one per task instance, shared by its tries.

    Example:
        >>> once = Once(folder)
        >>> once.claim("dashboard-42"), once.claim("dashboard-42")
        (True, False)
    """

    def __init__(self, folder: Any) -> None:
        self._folder = folder

    def claim(self, name: str) -> bool:
        """Return whether the thing is still to be done, and note that it is being done.

        Raises:
            OSError: the storage refuses it.
        """
        path = self._path(name)
        if path.exists():
            return False
        with writing(path):
            pass
        return True

    def release(self, name: str) -> None:
        """Take a claim back: the thing was not done."""
        path = self._path(name)
        if path.exists():
            path.unlink()

    def _path(self, name: str) -> Any:
        return self._folder / safe_name(name)
