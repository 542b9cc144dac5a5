"""The events of every project, in DuckDB in memory, closed to the world outside of it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

import duckdb
from pydantic_core import to_json
from sqlglot import exp

from airflow_dashboards.sandbox.engine import dates, hogql
from airflow_dashboards.sandbox.engine import expressions as sql
from airflow_dashboards.sandbox.engine.errors import InvalidQueryError
from airflow_dashboards.sandbox.engine.hogql import PropertyType

#: Events go in by chunks of this many, each one JSON parameter: ten times as fast as row by row.
_CHUNK = 20_000
_TABLE = "stored_events"
_KEPT = "kept_events"
_CREATE = f"""
CREATE TABLE {_TABLE} (
    project INTEGER, uuid VARCHAR, event VARCHAR, properties JSON, timestamp TIMESTAMP, distinct_id VARCHAR,
    person_id VARCHAR
)"""
# A person is who a distinct id says: the sandbox merges nobody, so both ids may be digests of what they stand for.
_INSERT = f"""
INSERT INTO {_TABLE}
SELECT $project, COALESCE(e.uuid, CAST(CAST(MD5(CONCAT($project, ':', e.number)) AS UUID) AS VARCHAR)), e.event,
       e.properties, MAKE_TIMESTAMP(e.timestamp), e.distinct_id,
       CAST(CAST(MD5(CONCAT($project, ':', e.distinct_id)) AS UUID) AS VARCHAR)
FROM (SELECT UNNEST(FROM_JSON($events, $shape)) AS e)
"""  # noqa: S608 - the table's name is ours
_SHAPE = json.dumps(
    [
        {
            "number": "BIGINT",
            "uuid": "VARCHAR",
            "event": "VARCHAR",
            "distinct_id": "VARCHAR",
            "timestamp": "BIGINT",
            "properties": "JSON",
        }
    ]
)
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MICROSECOND = timedelta(microseconds=1)
_SETTINGS = (
    "SET TimeZone = 'UTC'",
    "SET autoinstall_known_extensions = false",
    "SET autoload_known_extensions = false",
    "SET python_enable_replacements = false",
    "SET enable_external_access = false",
    "SET lock_configuration = true",
)

Row = tuple[Any, ...]


class Store:
    """Events in, rows out. Safe for threads: writing is serialised, each reader has a cursor of its own."""

    def __init__(self) -> None:
        self._connection = duckdb.connect(":memory:")
        for setting in _SETTINGS:
            self._connection.execute(setting)
        self._connection.execute(_CREATE)
        self._writing = threading.Lock()
        self._types: dict[int, dict[str, PropertyType]] = {}
        self._number = 0
        #: Name, property types and number of the events in the table beside.
        self._kept: tuple[str, dict[int, dict[str, PropertyType]], int] | None = None

    def close(self) -> None:
        """Forget everything and free the memory."""
        self._connection.close()

    def reset(self) -> None:
        """Forget every event."""
        with self._writing:
            self._connection.cursor().execute(f"DELETE FROM {_TABLE}")  # noqa: S608 - the table's name is ours
            self._types.clear()
            self._number = 0

    def add(self, project: int, events: Sequence[Mapping[str, Any]]) -> int:
        """Add events, all of them or none.

        Raises:
            ValueError: An event is malformed; the message names its index.
        """
        rows = [_row(index, event) for index, event in enumerate(events)]
        types = _types(events)
        with self._writing:
            cursor = self._connection.cursor()
            for number, row in enumerate(rows, self._number):
                row["number"] = number
            cursor.begin()
            try:
                for chunk in _chunks(rows):
                    text = to_json(chunk).decode()
                    cursor.execute(_INSERT, {"project": project, "events": text, "shape": _SHAPE})
            except duckdb.Error as error:
                cursor.rollback()
                raise ValueError(f"events cannot be stored: {str(error).splitlines()[0]}") from error
            cursor.commit()
            self._number += len(rows)
            known = dict(self._types.get(project, {}))
            for name, kind in types.items():
                known[name] = kind if known.get(name, kind) is kind else PropertyType.STRING
            self._types[project] = known
        return len(rows)

    def keep(self, name: str) -> None:
        """Remember all events as they are now under a name, in place of what was remembered before."""
        with self._writing:
            self._connection.cursor().execute(f"CREATE OR REPLACE TABLE {_KEPT} AS FROM {_TABLE}")
            self._kept = (name, dict(self._types), self._number)

    def bring_back(self, name: str) -> bool:
        """Replace all events by those remembered under a name; False if there are none."""
        with self._writing:
            if self._kept is None or self._kept[0] != name:
                return False
            cursor = self._connection.cursor()
            cursor.execute(f"DELETE FROM {_TABLE}")  # noqa: S608 - the table's name is ours
            cursor.execute(f"INSERT INTO {_TABLE} FROM {_KEPT}")
            self._types, self._number = dict(self._kept[1]), self._kept[2]
            return True

    def delete(self, project: int, where: str, now: datetime) -> int:
        """Delete a project's events that match a HogQL condition, read in UTC; return how many.

        Raises:
            InvalidQueryError: The condition is none.
        """
        context = self.context(project, dates.local(now, "UTC"), "UTC")
        matches = hogql.condition(hogql.parse_expression(where), context)
        statement = exp.delete(_TABLE, where=sql.every(_own(project), matches))
        with self._writing:
            row = self._execute(statement).fetchone()
        return int(row[0]) if row else 0

    def context(self, project: int, now: datetime, timezone: str) -> hogql.Context:
        """Return what translating HogQL for a project depends on; `now` is on the project's wall clock."""
        return hogql.Context(
            events=lambda: events_of(project, timezone), now=now, property_types=self._types.get(project, {})
        )

    def rows(self, query: exp.Query) -> list[Row]:
        """Run a translated query and return all its rows.

        Raises:
            InvalidQueryError: DuckDB cannot make sense of it.
        """
        return self.table(query)[1]

    def table(self, query: exp.Query) -> tuple[list[tuple[str, str]], list[Row]]:
        """Run a translated query and return its columns (name, DuckDB type) and rows.

        Raises:
            InvalidQueryError: DuckDB cannot make sense of it.
        """
        cursor = self._execute(query)
        try:
            return [(name, str(kind)) for name, kind, *_ in cursor.description or []], cursor.fetchall()
        except duckdb.Error as error:
            raise InvalidQueryError(_said(error)) from error

    def _execute(self, statement: exp.Expr) -> duckdb.DuckDBPyConnection:
        try:
            return self._connection.cursor().execute(sql.render(statement))
        except duckdb.Error as error:
            raise InvalidQueryError(_said(error)) from error
        except RecursionError as error:
            raise InvalidQueryError("The query is nested too deeply") from error


def events_of(project: int, timezone: str) -> exp.Subquery:
    """Return a project's events as a relation named `events`, with `timestamp` on the wall clock of a timezone."""
    moment = sql.column("timestamp")
    if timezone != "UTC":
        moment = sql.call("TIMEZONE({0}, TIMEZONE('UTC', {1}))", sql.literal(timezone), moment)
    columns = [
        moment.as_("timestamp", quoted=True) if name == "timestamp" else sql.column(name) for name in hogql.COLUMNS
    ]
    table = exp.table_(_TABLE, db="main")
    return exp.select(*columns).from_(table).where(_own(project)).subquery("events")


def _own(project: int) -> exp.Expr:
    return exp.EQ(this=sql.column("project"), expression=sql.literal(project))


def _row(index: int, event: Mapping[str, Any]) -> dict[str, Any]:
    place = f"events[{index}]"
    if not isinstance(event, Mapping):
        raise ValueError(f"{place} must be an object")  # noqa: TRY004 - one kind of error for malformed events
    for key in ("event", "distinct_id"):
        if not isinstance(event.get(key), str) or not event[key].strip():
            raise ValueError(f"{place}.{key} must be a non-empty string")
    properties = event.get("properties")
    if properties is not None and not isinstance(properties, Mapping):
        raise ValueError(f"{place}.properties must be an object")
    uuid = event.get("uuid")
    if uuid is not None and not isinstance(uuid, str):
        raise ValueError(f"{place}.uuid must be a string")
    return {
        "uuid": uuid,
        "event": event["event"],
        "distinct_id": event["distinct_id"],
        "timestamp": _micros(place, event.get("timestamp")),
        "properties": properties or {},
    }


def _micros(place: str, given: Any) -> int:
    """Return microseconds since 1970; a time without an offset is UTC."""
    if not isinstance(given, str):
        raise ValueError(f"{place}.timestamp must be an ISO 8601 time")  # noqa: TRY004 - as above
    try:
        value = dates.parse(given)
    except ValueError:
        raise ValueError(f"{place}.timestamp is no ISO 8601 time: {given!r}") from None
    if value.tzinfo is None:
        value = value.replace(tzinfo=timezone.utc)
    return (value - _EPOCH) // _MICROSECOND


def _types(events: Sequence[Mapping[str, Any]]) -> dict[str, PropertyType]:
    found: dict[str, PropertyType] = {}
    for event in events:
        for name, value in (event.get("properties") or {}).items():
            if value is None:
                continue
            kind = _KINDS.get(type(value), PropertyType.STRING)
            if found.setdefault(name, kind) is not kind:
                found[name] = PropertyType.STRING
    return found


_KINDS: dict[type, PropertyType] = {
    bool: PropertyType.BOOLEAN,
    int: PropertyType.NUMERIC,
    float: PropertyType.NUMERIC,
}


def _chunks(rows: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    for start in range(0, len(rows), _CHUNK):
        yield rows[start : start + _CHUNK]


def _said(error: duckdb.Error) -> str:
    """Return DuckDB's complaint in HogQL's words: what it is about, without where it stands in our text."""
    text = str(error).split("\n\n")[0].splitlines()[0]
    kind, _, rest = text.partition(": ")
    text = rest or kind
    if text.startswith("Referenced column "):
        return f"Unable to resolve field: {text.split(chr(34))[1]}"
    return text.split(" LINE ")[0]
