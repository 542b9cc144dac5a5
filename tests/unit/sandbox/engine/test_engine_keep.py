"""Events that are remembered over a reset are the very same, and nothing else survives one."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from airflow_dashboards.sandbox.engine import Engine

NOW = datetime(2026, 6, 10, tzinfo=timezone.utc)


def rows(engine: Engine) -> Any:
    query = {"kind": "HogQLQuery", "query": "select event, uuid, properties.n + 1 from events order by uuid"}
    return engine.compute(1, query, now=NOW, timezone="UTC").result


def event(name: str, n: int) -> dict[str, Any]:
    return {"event": name, "distinct_id": "d", "timestamp": "2026-06-01T00:00:00Z", "properties": {"n": n}}


def test_what_is_kept_comes_back_and_what_came_after_does_not() -> None:
    engine = Engine()
    engine.add_events(1, [event("a", 1), event("b", 2)])
    engine.keep("two")
    before = rows(engine)
    engine.add_events(1, [event("c", 3)])
    engine.reset()

    assert engine.bring_back("two")
    assert rows(engine) == before
    engine.add_events(1, [event("d", 4)])
    assert len({row[1] for row in rows(engine)}) == 3  # ids go on where they were
    engine.close()


def test_another_name_brings_nothing_back() -> None:
    engine = Engine()
    engine.add_events(1, [event("a", 1)])
    engine.keep("one")
    assert not engine.bring_back("two")
    assert len(rows(engine)) == 1
    engine.close()
