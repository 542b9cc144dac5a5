"""The snapshot file: JSON lines, the header first, then one tile per line.

Pure: it turns a `Snapshot` into lines and back. Compressing, writing and checksums are the store's. One line per tile
lets a reader of a large dashboard stop, or stream, at a tile.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError
from pydantic_core import from_json

from airflow_dashboards.analysis.model import SNAPSHOT_FORMAT, Snapshot, SnapshotHeader, Tile
from airflow_dashboards.packed import WORTH_PACKING, Packed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_FAMILY, _, _MAJOR = SNAPSHOT_FORMAT.rpartition("/")


class SnapshotFormatError(ValueError):
    """A file that is not a snapshot, is cut short or damaged, or was written by a newer major version."""


def dump(snapshot: Snapshot) -> Iterator[bytes]:
    r"""Yield the lines of a snapshot file, each with its newline; the same snapshot gives the same bytes.

    Example:
        >>> sink.writelines(dump(snapshot))
    """
    header = {**snapshot.__dict__}
    tiles: list[Tile] = header.pop("tiles")
    yield SnapshotHeader(**header).model_dump_json().encode() + b"\n"
    for tile in tiles:
        yield tile.opened().model_dump_json().encode() + b"\n"


def load_header(line: bytes | str) -> SnapshotHeader:
    """Read the first line of a snapshot file.

    Raises:
        SnapshotFormatError: it is not a snapshot's header, or a newer major version wrote it.
    """
    try:
        raw = from_json(line)
    except ValueError as error:
        raise SnapshotFormatError(f"not a snapshot file: its first line is not JSON ({error})") from error
    found = raw.get("format") if isinstance(raw, dict) else None
    if not isinstance(found, str) or not found.startswith(f"{_FAMILY}/"):
        raise SnapshotFormatError(f"not a snapshot file: its first line names no {_FAMILY} format")
    major = found.rpartition("/")[2]
    if major != _MAJOR:
        raise SnapshotFormatError(
            f"snapshot format {found} is not readable here: this version reads {SNAPSHOT_FORMAT}. "
            "Upgrade airflow-dashboards, or take the snapshot again with this version."
        )
    try:
        return SnapshotHeader.model_validate(raw)
    except ValidationError as error:
        raise SnapshotFormatError(f"damaged snapshot header: {_first(error)}") from error


def load(lines: Iterable[bytes | str], *, packed: bool = False) -> Snapshot:
    """Read a snapshot from the lines of its file (any iterable of lines; an open file will do).

    Args:
        lines: the file's lines.
        packed: keep large results compressed (`airflow_dashboards.packed`), for a snapshot that is only compared.

    Raises:
        SnapshotFormatError: as `load_header`, or a tile's line is damaged; the message names the line.

    Example:
        >>> load(dump(snapshot)) == snapshot
        True
    """
    source = iter(lines)
    first = next(source, None)
    if first is None:
        raise SnapshotFormatError("not a snapshot file: it is empty")
    header = load_header(first)
    tiles = []
    for number, line in enumerate(source, start=2):
        if not line.strip():
            continue
        try:
            tile = Tile.model_validate_json(line)
        except ValidationError as error:
            raise SnapshotFormatError(f"damaged snapshot: line {number}: {_first(error)}") from error
        if packed and len(line) >= WORTH_PACKING and tile.result is not None:
            tile = tile.model_copy(update={"result": Packed(tile.result)})
        tiles.append(tile)
    return Snapshot(**header.__dict__, tiles=tiles)


def _first(error: ValidationError) -> str:
    # Not str(error): that would repeat the input, which holds the user's data.
    problem = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(map(str, problem["loc"])) or "the whole line"
    return f"{where}: {problem['msg']}"
