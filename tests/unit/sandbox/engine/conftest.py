from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

import pytest

from airflow_dashboards.sandbox.engine import Computed, Engine

NOW = datetime(2026, 6, 3, 14, 30, tzinfo=timezone.utc)


@dataclass
class Bench:
    """An engine with a clock, and short ways to fill and ask it."""

    engine: Engine
    now: datetime = NOW
    timezone: str = "UTC"

    def add(self, *rows: tuple[Any, ...], project: int = 1) -> None:
        """Add (event, distinct id, timestamp[, properties])."""
        events = [
            {"event": row[0], "distinct_id": row[1], "timestamp": row[2], "properties": row[3] if len(row) > 3 else {}}
            for row in rows
        ]
        self.engine.add_events(project, events)

    def compute(self, source: dict[str, Any], *, kind: str = "InsightVizNode", project: int = 1) -> Computed:
        return self.engine.compute(project, {"kind": kind, "source": source}, now=self.now, timezone=self.timezone)

    def trends(self, *series: dict[str, Any] | str, **more: Any) -> list[dict[str, Any]]:
        result = self.compute(
            {
                "kind": "TrendsQuery",
                "series": [{"kind": "EventsNode", "event": one} if isinstance(one, str) else one for one in series],
                "dateRange": {"date_from": "-2d"},
                **more,
            }
        ).result
        assert isinstance(result, list)
        return result

    def sql(self, text: str, **more: Any) -> list[Any]:
        result = self.table(text, **more).result
        assert isinstance(result, list)
        return result

    def table(self, text: str, **more: Any) -> Computed:
        return self.compute({"kind": "HogQLQuery", "query": text, **more}, kind="DataVisualizationNode")


@pytest.fixture(scope="session")
def shared_engine() -> Iterator[Engine]:
    engine = Engine()
    yield engine
    engine.close()


@pytest.fixture
def bench(shared_engine: Engine) -> Bench:
    shared_engine.reset()
    return Bench(shared_engine)
