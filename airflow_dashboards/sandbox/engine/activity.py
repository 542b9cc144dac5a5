"""Who was active in which period: what lifecycle and stickiness are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from airflow_dashboards.sandbox.engine import dates
from airflow_dashboards.sandbox.engine import expressions as sql
from airflow_dashboards.sandbox.engine.properties import matches
from airflow_dashboards.sandbox.engine.scope import named, within

if TYPE_CHECKING:
    from datetime import datetime

    from airflow_dashboards.sandbox.engine.parts import EventsNode, Interval, Properties
    from airflow_dashboards.sandbox.engine.scope import Scope


def active_persons(
    scope: Scope, node: EventsNode, properties: Properties, window: dates.Window, interval: Interval
) -> dict[datetime, set[str]]:
    """Return the persons who did a series' event, per period of a window."""
    statement = (
        exp.select(sql.period(interval), sql.column("person_id"))
        .distinct()
        .from_(scope.events)
        .where(within(window), named(node.event), matches(scope, node.properties, node.fixed_properties, properties))
    )
    found: dict[datetime, set[str]] = {}
    for period, person in scope.rows(statement):
        found.setdefault(period, set()).add(person)
    return found
