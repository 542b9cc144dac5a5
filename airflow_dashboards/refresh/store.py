"""Where snapshots live: one compressed file each, named so that a person finds it, and checked when read."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections import Counter
from datetime import timezone
from typing import IO, TYPE_CHECKING, Any, cast

from airflow_dashboards.analysis.files import SnapshotFormatError, dump, load
from airflow_dashboards.refresh.files import host_name, local, relative_to, safe_name, writing
from airflow_dashboards.refresh.reference import SnapshotRef

if TYPE_CHECKING:
    from airflow_dashboards.analysis.model import Snapshot

#: What it means that a file is not there, and what to do.
MISSING = (
    "Either it was removed, or the worker that wrote it does not share its storage with this one. Give both a storage "
    "path that all workers reach (an object store, e.g. s3://bucket/posthog, or a shared file system): operator "
    "argument `storage_path`, the connection's extra, or `[posthog] storage_path`."
)
_SUFFIX = ".jsonl.gz"
_CHUNK = 1 << 20


class SnapshotStoreError(Exception):
    """A snapshot that can't be written, found or trusted; the message says what to do."""


class _Hashing:
    """A file that knows the SHA-256 and the size of all that went through it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._hash = hashlib.sha256()
        self.size = 0

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()

    def write(self, data: bytes) -> int:
        self._hash.update(data)
        self.size += len(data)
        return self._file.write(data)

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self._hash.update(data)
        self.size += len(data)
        return data

    def flush(self) -> None:
        self._file.flush()


class SnapshotStore:
    """Snapshot files under one root.

    Layout: `<root>/<host>/<project>/<dashboard>/<taken_at>-<run>.jsonl.gz`.

    Args:
        root: `pathlib.Path` or anything that behaves like it (see `refresh.files`), such as Airflow's
            `ObjectStoragePath`.

    Example:
        >>> store = SnapshotStore(Path("snapshots"))
        >>> store.read(store.write(snapshot, run="manual__2026-06-01")) == snapshot
        True
    """

    def __init__(self, root: Any) -> None:
        self.root = local(root)

    def folder(self, *, host: str, project_id: int, dashboard_id: int) -> Any:
        """Return the folder of one dashboard's files."""
        return self.root / host_name(host) / str(int(project_id)) / str(int(dashboard_id))

    def write(self, snapshot: Snapshot, *, run: str = "manual") -> SnapshotRef:
        """Write a snapshot, tile by tile, and return its reference. The same snapshot gives the same bytes.

        Args:
            snapshot: what to write.
            run: what it was taken in, e.g. the run and task ids; any text.

        Raises:
            SnapshotStoreError: the storage refuses it.
        """
        taken_at = snapshot.taken_at.astimezone(timezone.utc)
        folder = self.folder(host=snapshot.host, project_id=snapshot.project_id, dashboard_id=snapshot.dashboard_id)
        stem = f"{taken_at:%Y%m%dT%H%M%SZ}-{safe_name(run)}"
        try:
            path = self._free(folder, stem)
            with writing(path) as file:
                hashing = _Hashing(file)
                # A gzip header without name and time: equal snapshots are equal files.
                with gzip.GzipFile(
                    filename="", mode="wb", compresslevel=6, fileobj=cast("IO[bytes]", hashing), mtime=0
                ) as out:
                    for line in dump(snapshot):
                        out.write(line)
        except OSError as error:
            raise SnapshotStoreError(
                f"The snapshot of dashboard {snapshot.dashboard_id} could not be written below {self.root}: {error}. "
                "Check that the storage path exists and may be written to from this worker."
            ) from error
        return SnapshotRef(
            uri=str(path),
            sha256=hashing.sha256,
            dashboard_id=snapshot.dashboard_id,
            dashboard_name=snapshot.dashboard_name,
            taken_at=snapshot.taken_at,
            counts=dict(sorted(Counter(tile.status.value for tile in snapshot.tiles).items())),
            bytes=hashing.size,
        )

    def read(self, ref: SnapshotRef | dict[str, Any], *, packed: bool = False) -> Snapshot:
        """Read a snapshot back, and check that the file is the very one that was written.

        Args:
            ref: what `write` returned.
            packed: keep large results compressed, see `analysis.files.load`.

        Raises:
            SnapshotStoreError: the file is missing, damaged, or not the one the reference was made for.
        """
        ref = SnapshotRef.model_validate(ref)
        path = self.path(ref)
        try:
            with path.open("rb") as file:
                hashing = _Hashing(file)
                try:
                    with gzip.GzipFile(mode="rb", fileobj=cast("IO[bytes]", hashing)) as lines:
                        snapshot = load(lines, packed=packed)
                except (EOFError, zlib.error, gzip.BadGzipFile, SnapshotFormatError) as error:
                    raise SnapshotStoreError(self._damaged(ref, str(error))) from error
                while hashing.read(_CHUNK):
                    pass
        except FileNotFoundError:
            raise SnapshotStoreError(self._missing(ref)) from None
        except OSError as error:
            raise SnapshotStoreError(f"The snapshot {ref.uri} could not be read: {error}.") from error
        if hashing.sha256 != ref.sha256:
            raise SnapshotStoreError(
                self._damaged(ref, f"its SHA-256 is {hashing.sha256}, the reference says {ref.sha256}")
            )
        return snapshot

    def path(self, ref: SnapshotRef) -> Any:
        """Return the path-like a reference points to; one outside of this root is opened the way this root is."""
        inside = relative_to(self.root, ref.uri)
        return local(type(self.root)(ref.uri)) if inside is None else inside

    @staticmethod
    def _free(folder: Any, stem: str) -> Any:
        """Return a path that no other snapshot has: a retry within the same second must not replace an earlier one."""
        path, number = folder / f"{stem}{_SUFFIX}", 1
        while path.exists():
            number += 1
            path = folder / f"{stem}-{number}{_SUFFIX}"
        return path

    def _missing(self, ref: SnapshotRef) -> str:
        return f"The snapshot of dashboard {ref.dashboard_id} is not there: {ref.uri}. {MISSING}"

    def _damaged(self, ref: SnapshotRef, why: str) -> str:
        return (
            f"The snapshot of dashboard {ref.dashboard_id} at {ref.uri} is not the file that was written: {why}. "
            "Take the snapshot again; if this comes back, something else writes to the storage path."
        )
