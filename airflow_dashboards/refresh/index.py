"""Lists too long for an XCom: written as one file, with a single reference in the XCom; both forms are read alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from pydantic import BaseModel

from airflow_dashboards.refresh.store import SnapshotStore

M = TypeVar("M", bound=BaseModel)

#: From this many entries on a list becomes an index file.
MAX_ENTRIES = 100


def pack(entries: Sequence[BaseModel], store: SnapshotStore, *, run: str, what: str) -> list[Any] | dict[str, Any]:
    """Return what to put into an XCom: the entries themselves as JSON, or `{"index": uri, "sha256": ..., "count": n}`."""
    raise NotImplementedError


def expand(value: Any, store: SnapshotStore, model: type[M]) -> list[M]:
    """Return the entries of an XCom in either form, parsed; a single entry counts as a list of one."""
    raise NotImplementedError
