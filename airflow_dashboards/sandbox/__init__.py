"""A local PostHog: the dashboards API of the contract, in three builds, over really computed insights.

Importing this package loads neither the server nor the engine; both come with the first `Sandbox`.

Example:
    >>> from airflow_dashboards.sandbox import Sandbox
    >>> with Sandbox(build="cloud") as sandbox:
    ...     print(sandbox.url, sandbox.personal_api_key)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_dashboards.sandbox.server import Sandbox

__all__ = ["Sandbox"]


def __getattr__(name: str) -> Any:
    """Load `Sandbox` on first use (PEP 562)."""
    if name != "Sandbox":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        from airflow_dashboards.sandbox.server import Sandbox
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("duckdb", "sqlglot", "starlette", "uvicorn"):
            raise
        raise ModuleNotFoundError(
            f"The sandbox needs {error.name}: pip install 'airflow-dashboards[sandbox]'", name=error.name
        ) from error
    globals()[name] = Sandbox
    return Sandbox
