"""Which dashboards: ids, or a selector that PostHog resolves when the task runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_dashboards.posthog.flow import Flow

if TYPE_CHECKING:
    from airflow_dashboards.posthog import FlowClient


@dataclass(frozen=True)
class Selector:
    """Dashboards by what they are. All criteria must hold; several tags mean any of them (contract 3.1)."""

    tags: tuple[str, ...] = ()
    search: str | None = None
    pinned: bool | None = None
    folder: str | None = None
    all: bool = False


def parse_dashboards(value: Any) -> list[int] | Selector:
    """Read a `dashboards` argument: an id, a list of ids, a selector dict, or any of these as text (templates yield text).

    Example:
        >>> parse_dashboards("42, 43")
        [42, 43]
        >>> parse_dashboards({"tags": ["etl"]})
        Selector(tags=('etl',), search=None, pinned=None, folder=None, all=False)

    Raises:
        ValueError: not an id (bool, 0, negative, a fraction), an empty list, a selector without or with unknown criteria.
    """
    raise NotImplementedError


def resolve(flows: FlowClient, value: Any, *, allow_empty: bool = False) -> Flow[list[int]]:
    """Return the ids a `dashboards` argument stands for, in order, each once. Ids cost no request.

    Raises:
        ValueError: as `parse_dashboards`; or a selector that matches nothing, unless `allow_empty`.
        PostHogError: the list could not be read.
    """
    raise NotImplementedError
    yield
