"""The endpoints, one module per subject. Loading them fills the route table."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

from airflow_dashboards.sandbox.api.login import log_in

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_dashboards.sandbox.incoming import Incoming
    from airflow_dashboards.sandbox.instance import Instance
    from airflow_dashboards.sandbox.routing import Answer

_MODULES: Final = (
    "annotations",
    "dashboards",
    "insights",
    "query",
    "running",
    "snapshots",
    "streaming",
    "tags",
    "templates",
    "text_tiles",
    "themes",
    "tiles",
    "widgets",
)

#: Paths below `/api` that need no credential and belong to no project.
OPEN: Final[dict[str, Callable[[Instance, Incoming], Answer]]] = {"login": log_in}


def load() -> None:
    """Import every endpoint."""
    for module in _MODULES:
        import_module(f"{__name__}.{module}")
