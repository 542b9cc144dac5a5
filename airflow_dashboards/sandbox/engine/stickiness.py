"""StickinessQuery: on how many periods of the window persons were active (contract 4.7)."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from airflow_dashboards.sandbox.engine.activity import active_persons
from airflow_dashboards.sandbox.engine.scope import Computed, Scope, events_nodes
from airflow_dashboards.sandbox.engine.trends import action

if TYPE_CHECKING:
    from airflow_dashboards.sandbox.engine.schema import StickinessQuery


def compute(scope: Scope, query: StickinessQuery) -> Computed:
    """Compute a StickinessQuery: per series, how many persons were active in exactly one period, in two, and so on.

    Raises:
        InvalidQueryError: A series or filter is wrong.
    """
    window = scope.window(query.date_range, query.interval).whole
    numbers = range(1, len(window.periods) + 1)
    unit = query.interval.value
    result: list[dict[str, Any]] = []
    for order, node in enumerate(events_nodes(query.series)):
        active = active_persons(scope, node, query.properties, window, query.interval)
        periods_of = Counter(person for persons in active.values() for person in persons)
        persons_with = Counter(periods_of.values())
        data = [persons_with.get(number, 0) for number in numbers]
        result.append(
            {
                "data": data,
                "labels": [f"{number} {unit}{'' if number == 1 else 's'}" for number in numbers],
                "days": list(numbers),
                "count": sum(data),
                "label": node.event or "All events",
                "filter": {},
                "action": action(node, order, (), scope.timezone),
            }
        )
    return Computed(result=result, resolved_date_range=window.resolved)
