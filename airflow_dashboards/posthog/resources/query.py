"""`client.query`: how asynchronous calculations stand (contract 3.23)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import ConfigDict, Field
from pydantic_core import from_json

from airflow_dashboards.posthog import arguments
from airflow_dashboards.posthog.call import answer, succeeded
from airflow_dashboards.posthog.endpoint import F, endpoint
from airflow_dashboards.posthog.models import Answer, Cancelled, QueryStatus
from airflow_dashboards.posthog.resources.base import Endpoints

if TYPE_CHECKING:
    from airflow_dashboards.posthog.flow import Flow, Reply


class _Status(Answer):
    query_status: QueryStatus


class _Progress(QueryStatus):
    # Named as nothing on the wire is, and what has no field is ignored: then no Python objects are made of the results.
    model_config = ConfigDict(extra="ignore")
    results: Any = Field(default=None, validation_alias="(left unread)")


class _ProgressOnly(Answer):
    model_config = ConfigDict(extra="ignore")
    query_status: _Progress


def _tells_status(reply: Reply) -> bool:
    """Whether an answer is about the query. PostHog also tells of failed queries with 400 and 500."""
    if succeeded(reply):
        return True
    if reply.status not in {400, 500}:
        return False
    try:
        said = from_json(reply.content)
    except ValueError:
        return False
    return isinstance(said, dict) and isinstance(said.get("query_status"), dict)


def _read_status(reply: Reply) -> QueryStatus:
    return _dated(answer(_Status)(reply))


def _read_progress(reply: Reply) -> QueryStatus:
    return _dated(answer(_ProgressOnly)(reply))


def _dated(told: _Status | _ProgressOnly) -> QueryStatus:
    told.query_status.server_time, told.query_status.request_id = told.server_time, told.request_id
    return told.query_status


class Query(Endpoints[F]):
    """`client.query`: asynchronous calculations, as `force_async` starts them."""

    @endpoint
    def status(self, query_id: str, *, results: bool = True) -> Flow[QueryStatus]:
        """Where an asynchronous calculation stands (contract 3.23).

        A failed calculation is an answer, not an exception: look at `error` and `error_message`.

        Scope: query:read. Builds: all.

        Args:
            query_id: `query_status.id` of the insight.
            results: False leaves the results of a complete calculation unread (`results` is None, and unknown fields
                are dropped): megabytes that an event loop need not make objects of to learn that it is complete.

        Raises:
            NotFoundError: Unknown, or forgotten: statuses live 10 to 20 minutes.

        Example:
            >>> client.query.status("cache_7_0a1b").complete
            False
        """
        return (
            yield from self._call(
                "GET",
                f"{arguments.path_segment(query_id, 'query_id')}/",
                _read_status if arguments.flag(results, "results") else _read_progress,
                intent=f"read the status of query {query_id}",
                action="query.status",
                bucket="query",
                accepts=_tells_status,
            )
        )

    @endpoint
    def cancel(self, query_id: str) -> Flow[Cancelled]:
        """Cancel an asynchronous calculation (contract 3.23).

        Scope: query:read. Builds: all.

        Raises:
            NotFoundError: Unknown, or forgotten: statuses live 10 to 20 minutes.

        Example:
            >>> client.query.cancel("cache_7_0a1b").message
        """
        return (
            yield from self._call(
                "DELETE",
                f"{arguments.path_segment(query_id, 'query_id')}/",
                _read_cancelled,
                intent=f"cancel query {query_id}",
                action="query.cancel",
                bucket="query",
            )
        )


def _read_cancelled(reply: Reply) -> Cancelled:
    return answer(Cancelled)(reply) if reply.content.strip() else Cancelled()
