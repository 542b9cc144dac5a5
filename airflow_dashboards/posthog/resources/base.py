"""How an endpoint asks: small helpers shared by all resources."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from airflow_dashboards.posthog.arguments import json_object, json_text
from airflow_dashboards.posthog.call import Reader, call, receive, succeeded
from airflow_dashboards.posthog.endpoint import F, Resource
from airflow_dashboards.posthog.flow import Flow, Reply, Request
from airflow_dashboards.posthog.vocabulary import UNSET

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

T = TypeVar("T")


def given(**fields: Any) -> dict[str, Any]:
    """The fields that were given: neither None nor `UNSET`."""
    return {name: value for name, value in fields.items() if value is not None and value is not UNSET}


def stated(**fields: Any) -> dict[str, Any]:
    """The fields that are not `UNSET`; None stays, as a value of its own."""
    return {name: value for name, value in fields.items() if value is not UNSET}


def overrides(
    filters_override: Mapping[str, Any] | None, variables_override: Mapping[str, Any] | None
) -> dict[str, str]:
    """The override parameters, as JSON text (contract 3.2)."""
    both = {"filters_override": filters_override, "variables_override": variables_override}
    return {name: json_text(json_object(value, name), name) for name, value in both.items() if value is not None}


class Endpoints(Resource[F]):
    """Base of the resources."""

    def _call(
        self,
        method: str,
        path: str,
        parse: Callable[[Reply], T],
        *,
        intent: str,
        action: str,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        idempotent: bool = True,
        bucket: str = "dashboards",
        long_running: bool = False,
        accepts: Callable[[Reply], bool] = succeeded,
    ) -> Flow[T]:
        request = self._request(
            method,
            path,
            intent=intent,
            action=action,
            params=params or {},
            json=json,
            idempotent=idempotent,
            bucket=bucket,
            long_running=long_running,
        )
        return call(self._context, request, parse, accepts)

    def _receive(self, path: str, reader: Callable[[], Reader[T]], **facts: Any) -> Flow[T]:
        """As `_call` with GET, for an answer that is read while it arrives."""
        return receive(self._context, self._request("GET", path, **facts), reader)

    def _request(self, method: str, path: str, **facts: Any) -> Request:
        return Request(method, f"{self._root}/{path}", **facts)
