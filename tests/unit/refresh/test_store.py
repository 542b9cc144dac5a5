from __future__ import annotations

import gzip
from datetime import datetime, timezone
from pathlib import Path

import pytest

from airflow_dashboards.analysis.model import QueryKind, Snapshot, Tile, TileStatus
from airflow_dashboards.refresh.files import host_name, names, safe_name
from airflow_dashboards.refresh.index import MAX_ENTRIES, expand, pack
from airflow_dashboards.refresh.journal import Journal
from airflow_dashboards.refresh.ledger import Ledger
from airflow_dashboards.refresh.outcome import RefreshOutcome, RefreshStatus
from airflow_dashboards.refresh.reference import SnapshotRef
from airflow_dashboards.refresh.store import SnapshotStore, SnapshotStoreError

AT = datetime(2026, 6, 1, 6, 0, 0, tzinfo=timezone.utc)


def snapshot(board: int = 42, **facts) -> Snapshot:
    tiles = [
        Tile(id=1, kind=QueryKind.TRENDS, status=TileStatus.OK, name="Orders", result=[{"data": [1.5, None, 3]}]),
        Tile(id=2, kind=QueryKind.NONE, status=TileStatus.NOT_AN_INSIGHT, name="Tile 2"),
    ]
    shape = {"dashboard_id": board, "dashboard_name": "KPIs", "project_id": 7, "host": "https://eu.posthog.com:8443"}
    return Snapshot(**{**shape, "taken_at": AT, "tiles": tiles, **facts})


def test_a_snapshot_comes_back_as_it_was(tmp_path):
    store = SnapshotStore(tmp_path)
    ref = store.write(snapshot(), run="scheduled__2026-06-01T06:00:00+00:00")
    assert store.read(ref) == snapshot()
    assert store.read(ref.model_dump(mode="json")) == snapshot()
    assert ref.counts == {"not_an_insight": 1, "ok": 1}
    assert (ref.dashboard_id, ref.dashboard_name, ref.taken_at) == (42, "KPIs", AT)
    path = Path(ref.uri)
    assert path.parent == tmp_path / "eu.posthog.com-8443" / "7" / "42"
    assert path.name.startswith("20260601T060000Z-scheduled__2026-06-01T06-00-00-00-00")
    assert path.stat().st_size == ref.bytes


def test_equal_snapshots_are_equal_files(tmp_path):
    one = SnapshotStore(tmp_path / "a").write(snapshot(), run="r")
    two = SnapshotStore(tmp_path / "b").write(snapshot(), run="other")
    assert one.sha256 == two.sha256
    assert Path(one.uri).read_bytes() == Path(two.uri).read_bytes()


def test_a_second_snapshot_in_the_same_second_replaces_nothing(tmp_path):
    store = SnapshotStore(tmp_path)
    first, second = store.write(snapshot(), run="r"), store.write(snapshot(dashboard_name="New"), run="r")
    assert store.read(first).dashboard_name == "KPIs"
    assert store.read(second).dashboard_name == "New"


def test_names_cannot_leave_the_root(tmp_path):
    store = SnapshotStore(tmp_path / "root")
    ref = store.write(snapshot(host="https://../../x"), run="../../../../tmp/evil\n")
    assert Path(ref.uri).resolve().is_relative_to((tmp_path / "root").resolve())
    assert safe_name("../..") not in ("", ".", "..")
    assert safe_name("a/b") != safe_name("a-b")
    assert len(safe_name("x" * 500)) <= 100
    assert safe_name("x" * 500) != safe_name("x" * 501)
    assert host_name("https://user:secret@eu.posthog.com") == "eu.posthog.com"


def test_no_half_file_is_ever_there(tmp_path, monkeypatch):
    store = SnapshotStore(tmp_path)

    def torn(_):
        yield b"{}\n"
        raise OSError("No space left on device")

    monkeypatch.setattr("airflow_dashboards.refresh.store.dump", torn)
    with pytest.raises(SnapshotStoreError, match=r"dashboard 42 .* No space left"):
        store.write(snapshot(), run="r")
    assert [each for each in tmp_path.rglob("*") if each.is_file()] == []


def test_a_missing_file_says_that_storage_may_not_be_shared(tmp_path):
    store = SnapshotStore(tmp_path)
    ref = store.write(snapshot(), run="r")
    Path(ref.uri).unlink()
    with pytest.raises(SnapshotStoreError, match="does not share its storage") as caught:
        store.read(ref)
    assert ref.uri in str(caught.value)
    assert "storage_path" in str(caught.value)


@pytest.mark.parametrize(
    "damage", [lambda b: b[:-20], lambda b: b[:30] + b"\x00" + b[31:], lambda b: b"", lambda b: b + b"x"]
)
def test_a_damaged_file_is_not_believed(tmp_path, damage):
    store = SnapshotStore(tmp_path)
    ref = store.write(snapshot(), run="r")
    Path(ref.uri).write_bytes(damage(Path(ref.uri).read_bytes()))
    with pytest.raises(SnapshotStoreError, match="not the file that was written"):
        store.read(ref)


def test_a_swapped_file_is_not_believed(tmp_path):
    store = SnapshotStore(tmp_path)
    ref = store.write(snapshot(), run="r")
    other = store.write(snapshot(dashboard_name="Another"), run="s")
    Path(ref.uri).write_bytes(Path(other.uri).read_bytes())
    with pytest.raises(SnapshotStoreError, match="SHA-256"):
        store.read(ref)


def test_a_file_below_another_root_is_read_too(tmp_path):
    ref = SnapshotStore(tmp_path / "a").write(snapshot(), run="r")
    assert SnapshotStore(tmp_path / "b").read(ref) == snapshot()


class Elsewhere:
    """The part of a path-like that the store may rely on, as object stores have it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.protocol = "s3"

    def __truediv__(self, part: str) -> Elsewhere:
        return Elsewhere(self._path / part)

    def __str__(self) -> str:
        return f"s3://bucket{self._path}"

    @property
    def parent(self) -> Elsewhere:
        return Elsewhere(self._path.parent)

    @property
    def name(self) -> str:
        return self._path.name

    def open(self, mode: str):
        return self._path.open(mode)

    def mkdir(self, **facts) -> None:
        self._path.mkdir(**facts)

    def exists(self) -> bool:
        return self._path.exists()

    def iterdir(self):
        return map(Elsewhere, self._path.iterdir())

    def unlink(self) -> None:
        self._path.unlink()


def test_an_object_store_is_a_root_like_any_other(tmp_path):
    store = SnapshotStore(Elsewhere(tmp_path))
    ref = store.write(snapshot(), run="r")
    assert ref.uri.startswith("s3://bucket/")
    assert store.read(ref) == snapshot()
    journal = Journal(store, key="k")
    journal([{"since": 5.0}])
    assert Journal(store, key="k").ledger([1]).since == 5.0
    journal.clear()
    assert Journal(store, key="k").ledger([1]).since is None


def outcome(board: int) -> RefreshOutcome:
    return RefreshOutcome(
        dashboard_id=board, url=f"https://eu.posthog.com/project/7/dashboard/{board}", status=RefreshStatus.REFRESHED
    )


def test_a_short_list_stays_a_list(tmp_path):
    store = SnapshotStore(tmp_path)
    entries = [outcome(n) for n in range(1, 4)]
    packed = pack(entries, store, run="r", what="outcomes")
    assert isinstance(packed, list)
    assert expand(packed, store, RefreshOutcome) == entries
    assert names(tmp_path) == []


def test_a_thousand_entries_are_one_reference(tmp_path):
    store = SnapshotStore(tmp_path)
    entries = [outcome(n) for n in range(1, 1001)]
    packed = pack(entries, store, run="r", what="outcomes")
    assert len(str(packed)) < 500
    assert packed["count"] == 1000 > MAX_ENTRIES
    assert expand(packed, store, RefreshOutcome) == entries
    assert (
        expand([packed, packed["index"] and outcome(2000).model_dump(mode="json")], store, RefreshOutcome)[
            -1
        ].dashboard_id
        == 2000
    )


def test_few_but_large_entries_are_a_reference_too(tmp_path):
    store = SnapshotStore(tmp_path)
    entries = [outcome(n).model_copy(update={"error": "x" * 400}) for n in range(1, 100)]
    assert "index" in pack(entries, store, run="r", what="outcomes")


def test_an_index_is_checked(tmp_path):
    store = SnapshotStore(tmp_path)
    packed = pack([outcome(n) for n in range(1, 200)], store, run="r", what="outcomes")
    Path(packed["index"]).write_bytes(gzip.compress(b"{}"))
    with pytest.raises(SnapshotStoreError, match="SHA-256 differs"):
        expand(packed, store, RefreshOutcome)
    Path(packed["index"]).unlink()
    with pytest.raises(SnapshotStoreError, match="does not share its storage"):
        expand(packed, store, RefreshOutcome)


@pytest.mark.parametrize("value", [None, 5, "text"])
def test_what_is_no_entry_is_refused(tmp_path, value):
    with pytest.raises(ValueError, match="SnapshotRef"):
        expand(value, SnapshotStore(tmp_path), SnapshotRef)


def test_outcomes_in_place_of_snapshots_are_refused_in_words(tmp_path):
    """`before=refresh.output` is soon written by mistake."""
    outcomes = [outcome(1).model_dump(mode="json")]
    with pytest.raises(ValueError, match=r"no SnapshotRef: uri: Field required\. Pass on what") as caught:
        expand(outcomes, SnapshotStore(tmp_path), SnapshotRef)
    assert "validation error" not in str(caught.value)


def test_a_ledger_of_other_dashboards_starts_anew(tmp_path):
    ledger = Ledger([1, 2])
    ledger.done(outcome(1))
    again = Ledger.from_changes([1, 3], ledger.changes())
    assert again.waiting() == [3]
    assert ledger.changes() == []
