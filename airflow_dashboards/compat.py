"""The one place that knows how Airflow 3.1, 3.2 and 3.3 differ.

What moved is imported from here. What an older Airflow lacks is done without, and said in the log once per process.

| what | since | before that |
| --- | --- | --- |
| `conf`, errors and metrics in `airflow.sdk` | 3.2 | the same from Airflow's core |
| `airflow posthog …` | 3.2 | `python -m airflow_dashboards …`, without Airflow's Connections |
| fields of the connection form | 3.2 | the standard fields; the others are written as JSON into the extra field |
| task state store | 3.3 | the ledger of a batch, and since when a sensor waits, are files beside the snapshots |
| `on_kill` of triggers | 3.3 | queries of a task that is ended while it is deferred are computed to their end |
| `retry_policy` of operators | 3.3 | left out; `retries` and `retry_delay` decide alone |
| shared loop and state of asset watchers | 3.3 | each watcher looks on its own and remembers in a file |
"""

from __future__ import annotations

import logging
from functools import cache
from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

if TYPE_CHECKING:
    from airflow.sdk import RetryDecision, RetryPolicy, conf
    from airflow.sdk.exceptions import AirflowFailException, AirflowNotFoundException, AirflowSensorTimeout
else:
    try:
        from airflow.sdk import conf
        from airflow.sdk.exceptions import AirflowFailException, AirflowNotFoundException, AirflowSensorTimeout
    except ImportError:  # Airflow 3.1
        from airflow.configuration import conf
        from airflow.exceptions import AirflowFailException, AirflowNotFoundException, AirflowSensorTimeout

__all__ = [
    "AirflowFailException",
    "AirflowNotFoundException",
    "AirflowSensorTimeout",
    "RetryDecision",
    "RetryPolicy",
    "conf",
    "done_without",
    "stats",
    "supported",
    "triggers_learn_of_kills",
]

_log = logging.getLogger(__name__)


def __getattr__(name: str) -> Any:
    """Load the names of retry policies on first use (PEP 562): few DAG files have one, and all would wait for it."""
    if name not in ("RetryDecision", "RetryPolicy"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(import_module("airflow.sdk"), name)
    except (AttributeError, ImportError):  # before 3.3 a policy can be declared, and nothing asks it
        return object if name == "RetryPolicy" else None


def stats() -> Any:
    """Return what takes Airflow's metrics: it has `incr`, `timing` and `gauge`."""
    try:
        from airflow.sdk.observability import stats as module
    except ImportError:  # Airflow 3.1
        from airflow.stats import Stats

        return Stats
    return module if hasattr(module, "incr") else module.Stats


def triggers_learn_of_kills() -> bool:
    """Return whether Airflow calls `on_kill` of a trigger when a person ends the deferred task."""
    from airflow.triggers.base import BaseTrigger

    return hasattr(BaseTrigger, "on_kill")


def supported(arguments: dict[str, Any]) -> dict[str, Any]:
    """Return an operator's arguments without those that this Airflow doesn't know yet, so that one DAG fits all."""
    if "retry_policy" not in arguments or hasattr(BaseOperator, "retry_policy"):
        return arguments
    done_without("retry_policy", "the tasks' retries and retry_delay decide alone")
    return {name: value for name, value in arguments.items() if name != "retry_policy"}


@cache
def done_without(what: str, instead: str) -> None:
    """Say, once per process, what this Airflow lacks and what happens instead."""
    _log.warning("Airflow %s has no %s (3.3 has): %s.", version("apache-airflow-core"), what, instead)
