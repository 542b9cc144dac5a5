from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from airflow_dashboards.sandbox.engine import Engine, InvalidQueryError
from airflow_dashboards.sandbox.engine.engine import Engine as SameEngine

GOOD = {"event": "e", "distinct_id": "d", "timestamp": "2026-06-01T10:00:00Z"}


@pytest.mark.parametrize(
    ("event", "message"),
    [
        ("text", r"events\[1\] must be an object"),
        ({**GOOD, "event": ""}, r"events\[1\]\.event must be a non-empty string"),
        ({**GOOD, "event": None}, r"events\[1\]\.event must be a non-empty string"),
        ({**GOOD, "distinct_id": 5}, r"events\[1\]\.distinct_id must be a non-empty string"),
        ({"event": "e", "distinct_id": "d"}, r"events\[1\]\.timestamp must be an ISO 8601 time"),
        ({**GOOD, "timestamp": 1780000000}, r"events\[1\]\.timestamp must be an ISO 8601 time"),
        ({**GOOD, "timestamp": "noon"}, r"events\[1\]\.timestamp is no ISO 8601 time: 'noon'"),
        ({**GOOD, "properties": [1]}, r"events\[1\]\.properties must be an object"),
        ({**GOOD, "uuid": 5}, r"events\[1\]\.uuid must be a string"),
    ],
)
def test_a_malformed_event_is_named_and_none_is_added(bench, event, message) -> None:
    with pytest.raises(ValueError, match=message):
        bench.engine.add_events(1, [GOOD, event])
    assert bench.sql("SELECT count() FROM events") == [[0]]


def test_what_is_added_is_what_is_read(bench) -> None:
    event = {
        "event": "naïve 'quoted' \"event\" {0} \\ 🎈",
        "distinct_id": "a/b~c",
        "timestamp": "2026-06-01T12:00:00.123456+02:00",
        "properties": {"a/b~c\"'": "v", "n": 1.5, "none": None, "list": [1, "x"], "big": 10**15, "text": "line\nbreak"},
        "uuid": "018f0000-0000-7000-8000-000000000001",
    }
    assert bench.engine.add_events(1, [event]) == 1
    found = bench.compute({"kind": "EventsQuery", "select": ["*"]}, kind="DataTableNode").result[0][0]
    assert found == {**event, "timestamp": "2026-06-01T10:00:00.123456Z", "elements_chain": ""}
    assert bench.trends(event["event"])[0]["data"] == [1, 0, 0]
    assert bench.sql(
        "SELECT properties['a/b~c\"\\''], properties.text, properties.big, properties.none FROM events"
    ) == [["v", "line\nbreak", 1e15, None]]


def test_adding_nothing(bench) -> None:
    assert bench.engine.add_events(1, []) == 0


def test_more_events_than_one_chunk(bench) -> None:
    events = [{**GOOD, "distinct_id": f"d{n}"} for n in range(45_001)]
    assert bench.engine.add_events(1, events) == 45_001
    assert bench.sql("SELECT count(), uniq(distinct_id), uniq(uuid), uniq(person_id) FROM events") == [[45_001] * 4]


def test_projects_and_persons_are_apart(bench) -> None:
    bench.add(("e", "same", "2026-06-01T10:00:00Z"), ("f", "same", "2026-06-01T10:00:00Z"))
    bench.add(("e", "same", "2026-06-01T10:00:00Z"), project=2)
    one = bench.sql("SELECT DISTINCT person_id FROM events")
    assert len(one) == 1
    other = bench.compute(
        {"kind": "HogQLQuery", "query": "SELECT person_id FROM events"}, project=2, kind="DataTableNode"
    )
    assert other.result != one
    assert bench.engine.delete_events(2, "1 = 1") == 1
    assert bench.sql("SELECT count() FROM events") == [[2]]


def test_deleting(bench) -> None:
    bench.add(
        ("signup", "a", "2026-05-31T23:59:59Z"),
        ("signup", "a", "2026-06-01T00:00:00Z", {"plan": "free", "seats": 3}),
        ("other", "a", "2026-06-02T00:00:00Z", {"seats": 5}),
    )
    engine = bench.engine
    assert engine.delete_events(1, "event = 'signup' and timestamp >= '2026-06-01'") == 1
    assert engine.delete_events(1, "event = 'signup' and timestamp >= '2026-06-01'") == 0
    assert engine.delete_events(1, "properties.seats > 4") == 1
    assert engine.delete_events(1, "timestamp < now() - interval 2 day", now=bench.now) == 1
    with pytest.raises(InvalidQueryError, match="Unable to resolve field: evnt"):
        engine.delete_events(1, "evnt = 'signup'")


def test_reset_forgets_everything(bench) -> None:
    bench.add(("e", "a", "2026-06-01T10:00:00Z", {"p": 1}))
    bench.engine.reset()
    assert bench.sql("SELECT count() FROM events") == [[0]]
    bench.add(("e", "a", "2026-06-01T10:00:00Z", {"p": "text"}))
    assert bench.sql("SELECT properties.p FROM events") == [["text"]]


def test_many_threads_read_while_one_writes(bench) -> None:
    start = threading.Barrier(5)

    def read() -> set[int]:
        start.wait(timeout=10)
        return {bench.sql("SELECT count() FROM events")[0][0] for _ in range(15)}

    def write() -> None:
        start.wait(timeout=10)
        for _ in range(15):
            bench.engine.add_events(1, [GOOD] * 10)

    with ThreadPoolExecutor(5) as pool:
        readers = [pool.submit(read) for _ in range(4)]
        pool.submit(write).result(timeout=30)
        seen = set().union(*(reader.result(timeout=30) for reader in readers))
    assert all(count % 10 == 0 for count in seen)
    assert bench.sql("SELECT count() FROM events") == [[150]]


def test_the_database_is_closed_to_the_world() -> None:
    engine = SameEngine()
    cursor = engine._store._connection.cursor()
    for statement in (
        "SELECT * FROM read_text('/etc/hostname')",
        "SET enable_external_access = true",
        "ATTACH '/tmp/x.db'",
    ):
        with pytest.raises(Exception, match=r"disabled|locked"):
            cursor.execute(statement)
    engine.close()


def test_engines_share_nothing() -> None:
    one, other = Engine(), Engine()
    one.add_events(1, [GOOD])
    assert (one.delete_events(1, "1 = 1"), other.delete_events(1, "1 = 1")) == (1, 0)
    one.close()
    other.close()
