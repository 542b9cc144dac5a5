"""From an insight on a dashboard to the query that is computed, and to the key its result is cached under.

The key covers the query after dashboard filters, variables and tile overrides, the project and the timezone
(contract 5.2): two insights with equal queries share results, and one insight on two filtered dashboards does not.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Final

from pydantic_core import to_json

from airflow_dashboards.sandbox import engine
from airflow_dashboards.sandbox.engine import InvalidQueryError, QuerySchemaError

if TYPE_CHECKING:
    from airflow_dashboards.sandbox.instance import Instance
    from airflow_dashboards.sandbox.store import Dashboard, Insight, Project, Tile

_REMEMBERED: Final = 50_000
_ANY_INSTANT: Final = datetime(2026, 1, 1, tzinfo=timezone.utc)


@dataclass(slots=True, frozen=True)
class Overrides:
    """What a request lays over a dashboard's own filters and variables; None where it does not."""

    filters: dict[str, Any] | None = None
    variables: dict[str, Any] | None = None


NO_OVERRIDES: Final = Overrides()


@dataclass(slots=True, frozen=True)
class Prepared:
    """A query that is ready to be looked up or computed; `problem` is set when it is not a query at all."""

    project_id: int
    timezone: str
    query: dict[str, Any]
    key: str
    interval: str | None
    has_date_range: bool
    problem: QuerySchemaError | None = None

    def window_end(self, now: datetime) -> datetime | None:
        """Where the query's window ends, None for now."""
        return engine.window(self.query, now, self.timezone)[1]


def prepare(
    instance: Instance,
    insight: Insight,
    dashboard: Dashboard | None = None,
    tile: Tile | None = None,
    overrides: Overrides = NO_OVERRIDES,
) -> Prepared | None:
    """The query of an insight, alone or on a dashboard; None for an insight without one. Needs the lock."""
    if insight.query is None:
        return None
    plain = overrides.filters is None and overrides.variables is None
    memo = (
        insight.id,
        insight.revision,
        dashboard and (dashboard.id, dashboard.revision),
        tile and (tile.id, tile.revision),
    )
    if plain and (known := instance.prepared.get(memo)) is not None:
        return known
    project = instance.store.projects[insight.project_id]
    prepared = _prepare(project, insight.query, *_layers(dashboard, tile, overrides))
    if plain:
        if len(instance.prepared) >= _REMEMBERED:
            instance.prepared.clear()
        instance.prepared[memo] = prepared
    return prepared


def prepare_query(project: Project, query: dict[str, Any]) -> Prepared:
    """A query that belongs to no insight."""
    return _prepare(project, query, {}, {}, {})


def merged_filters(dashboard: Dashboard, overrides: Overrides) -> dict[str, Any]:
    """The dashboard's filters with the request's over them (a shallow merge)."""
    return {**dashboard.filters, **(overrides.filters or {})}


def merged_variables(dashboard: Dashboard, overrides: Overrides) -> dict[str, Any]:
    """The dashboard's variables with the request's over them; entries without `code_name` are dropped silently."""
    wanted = {
        key: value
        for key, value in (overrides.variables or {}).items()
        if isinstance(value, dict) and "code_name" in value
    }
    return {**dashboard.variables, **wanted}


def _layers(
    dashboard: Dashboard | None, tile: Tile | None, overrides: Overrides
) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    if dashboard is None:
        return {}, {}, {}
    tile_overrides = tile.filters_overrides if tile else {}
    return merged_filters(dashboard, overrides), merged_variables(dashboard, overrides), tile_overrides


def _prepare(
    project: Project,
    query: dict[str, Any],
    filters: dict[str, Any],
    variables: dict[str, Any],
    tile_overrides: dict[str, Any],
) -> Prepared:
    problem = None
    interval = None
    try:
        if filters or variables or tile_overrides:
            query = engine.filters.apply(
                query, dashboard_filters=filters, variables=variables, tile_overrides=tile_overrides
            )
        interval = engine.interval(query)
        engine.window(query, _ANY_INSTANT, project.timezone)
    except QuerySchemaError as error:
        problem = error
    except InvalidQueryError:
        # A well-formed query with a date nobody can read: told when it is executed.
        pass
    source = _object(query.get("source")) or query
    ranges = [source.get("dateRange"), _object(source.get("filters")).get("dateRange")]
    identity = to_json([project.id, project.timezone, _sorted(source)], inf_nan_mode="null")
    key = f"cache_{hashlib.md5(identity, usedforsecurity=False).hexdigest()}"
    return Prepared(project.id, project.timezone, query, key, interval, any(ranges), problem)


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _sorted(value: Any) -> Any:
    """Equal objects have one form, whatever the order of their keys."""
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(item) for item in value] if isinstance(value, list) else value
