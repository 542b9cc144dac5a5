"""Queries on their own, and the status of asynchronous ones (contract 3.23)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_dashboards.sandbox import uncertain
from airflow_dashboards.sandbox.errors import invalid, not_found, required
from airflow_dashboards.sandbox.queries import prepare_query
from airflow_dashboards.sandbox.refreshing import Mode, Purpose, mode_of, query_response, show
from airflow_dashboards.sandbox.routing import Answer, endpoint
from airflow_dashboards.sandbox.throttle import Bucket

if TYPE_CHECKING:
    from airflow_dashboards.sandbox.cache import QueryStatus
    from airflow_dashboards.sandbox.call import Call

_BUCKET = Bucket.CLICKHOUSE if uncertain.QUERY_SHARES_THE_INSIGHTS_BUCKET else Bucket.DEFAULT


@endpoint("GET", "query/{id}", action="query.retrieve", scopes=("query:read",), bucket=_BUCKET)
def retrieve(call: Call) -> Answer:
    """202 while it runs, 200 with results, 400 with a message, 500 without one."""
    status = _find(call)
    code = 202
    if status.complete:
        code = 200 if not status.error else 400 if status.error_message else 500
    return Answer({"query_status": status.dump(results=True)}, status=code)


@endpoint("DELETE", "query/{id}", action="query.destroy", scopes=("query:read",), bucket=_BUCKET)
def cancel(call: Call) -> Answer:
    """A query that waits is never computed; one that runs is forgotten."""
    status = _find(call)
    if not status.complete:
        status.complete = status.error = True
        status.error_message = uncertain.QUERY_CANCELLED
        status.end_time = call.instance.clock.now()
    return Answer({"message": uncertain.QUERY_CANCELLED})


def _mode(call: Call) -> Mode:
    data = call.data if isinstance(call.data, dict) else {}
    if data.get("async") is True:
        return Mode.FORCE_ASYNC
    refresh = data.get("refresh", "blocking")
    return mode_of(str(refresh))


@endpoint(
    "POST",
    "query",
    action="query.create",
    scopes=("query:read",),
    bucket=_BUCKET,
    computes=lambda call: _mode(call).computes_in_request,
)
def create(call: Call) -> Answer:
    """Run a query that belongs to no insight."""
    if not isinstance(call.data, dict) or not isinstance(call.data.get("query"), dict):
        raise required("query")
    query: dict[str, Any] = call.data["query"]
    with call.instance.lock:
        prepared = prepare_query(call.project, query)
    shown = show(call.instance, prepared, _mode(call), Purpose(call.incoming.origin))
    if shown.problem is not None:
        raise invalid(shown.problem.message)
    if shown.computed is not None:
        return Answer(query_response(prepared, shown.computed, is_cached=shown.is_cached))
    if shown.status is not None and shown.status["error"]:
        raise invalid(str(shown.status["error_message"]))
    return Answer({"query_status": shown.status, "cache_key": prepared.key, "is_cached": False})


def _find(call: Call) -> QueryStatus:
    query_id = call.params["id"]
    status = call.instance.cache.status(query_id)
    if status is None or status.project_id != call.project.id:
        raise not_found(f"Query {query_id} not found for team {call.project.id}")
    return status
