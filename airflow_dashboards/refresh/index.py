"""Lists too long for an XCom: written as one file, with a single reference in the XCom; both forms are read alike."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import from_json, to_json

from airflow_dashboards.refresh.files import local, relative_to, safe_name, writing
from airflow_dashboards.refresh.store import MISSING, SnapshotStoreError

if TYPE_CHECKING:
    from airflow_dashboards.refresh.store import SnapshotStore

M = TypeVar("M", bound=BaseModel)

#: More entries than this become an index file.
MAX_ENTRIES = 100
#: Bytes of JSON above which even a shorter list does: an XCom stays below 48 KB.
MAX_BYTES = 40_000


def pack(results: Sequence[BaseModel], store: SnapshotStore, *, run: str, what: str) -> list[Any] | dict[str, Any]:
    """Return what to put into an XCom.

    Args:
        results: e.g. snapshot references or refresh outcomes.
        store: where the index file goes, if one is needed.
        run: what this is part of, e.g. run and task ids; any text.
        what: what the entries are, e.g. `outcomes`.

    Returns:
        The results themselves as JSON; above `MAX_ENTRIES` or `MAX_BYTES`
        `{"index": uri, "sha256": ..., "count": n, "what": what}`. DAG authors read both with `read_results`.

    Raises:
        SnapshotStoreError: the index file can't be written.
    """
    plain = [entry.model_dump(mode="json", exclude_defaults=True) for entry in results]
    content = b"".join(to_json(entry) + b"\n" for entry in plain)
    if len(results) <= MAX_ENTRIES and len(content) <= MAX_BYTES:
        return plain
    packed = gzip.compress(content, mtime=0)
    digest = hashlib.sha256(packed).hexdigest()
    path = store.root / "index" / f"{safe_name(run)}-{safe_name(what)}-{digest[:12]}.jsonl.gz"
    try:
        with writing(path) as file:
            file.write(packed)
    except OSError as error:
        raise SnapshotStoreError(f"The index of {what} could not be written below {store.root}: {error}.") from error
    return {"index": str(path), "sha256": digest, "count": len(results), "what": what}


def expand(value: Any, store: SnapshotStore, model: type[M]) -> list[M]:
    """Return the entries of an XCom in either form, parsed.

    Takes a list, one entry alone, an index reference, and lists of any of these (a mapped task's XComs).

    Raises:
        SnapshotStoreError: the index file is missing or is not the one that was written.
        ValueError: the value is none of these.

    Example:
        >>> refs = expand(context["ti"].xcom_pull("before"), store, SnapshotRef)
    """

    def open_inside(uri: str) -> Any:
        inside = relative_to(store.root, uri)
        return type(store.root)(uri) if inside is None else inside

    return [
        each if isinstance(each, model) else _read(each, model)
        for each in entries(value, open_inside, what=model.__name__, parsed=model)
    ]


def entries(value: Any, find: Callable[[str], Any], *, what: str, parsed: type[M] | None = None) -> Iterator[Any]:
    """Yield the entries of an XCom in any form that `expand` takes, as they are: mappings, or instances of `parsed`.

    Args:
        value: the XCom.
        find: returns the path-like of an index file's address.
        what: what the entries should be, for messages.
        parsed: entries of this class are taken too.

    Raises:
        SnapshotStoreError: the index file is missing or is not the one that was written.
        ValueError: the value is none of these.
    """
    if value is None:
        raise ValueError(f"there is no {what} to read: the value is None (did the task before push any?)")
    if parsed is not None and isinstance(value, parsed):
        yield value
    elif isinstance(value, Mapping):
        yield from _indexed(value, find) if "index" in value else (value,)
    elif isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        for each in value:
            yield from entries(each, find, what=what, parsed=parsed)
    else:
        raise ValueError(f"{type(value).__name__} is neither a {what} nor a list or index of them")


def _read(value: Mapping[str, Any], model: type[M]) -> M:
    try:
        return model.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        field = ".".join(map(str, first["loc"])) or "the whole"
        raise ValueError(
            f"an entry is no {model.__name__}: {field}: {first['msg']}. Pass on what the task before returned, and of "
            "the task that is meant: snapshots and refresh outcomes are not the same"
        ) from None


def _indexed(value: Mapping[str, Any], find: Callable[[str], Any]) -> list[Any]:
    uri = str(value["index"])
    try:
        with local(find(uri)).open("rb") as file:
            packed = file.read()
    except FileNotFoundError:
        raise SnapshotStoreError(f"The index file is not there: {uri}. {MISSING}") from None
    except OSError as error:
        raise SnapshotStoreError(f"The index file {uri} could not be read: {error}.") from error
    if hashlib.sha256(packed).hexdigest() != value.get("sha256"):
        raise SnapshotStoreError(f"The index file {uri} is not the one that was written: its SHA-256 differs.")
    return [from_json(line) for line in gzip.decompress(packed).splitlines()]
