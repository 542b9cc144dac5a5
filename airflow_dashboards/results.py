"""What snapshot, refresh and analyze tasks returned, read back in whichever form it came."""

from __future__ import annotations

from typing import Any


def read_results(xcom: Any) -> list[dict[str, Any]]:
    """Return the entries of a snapshot, refresh or analyze task's XCom as plain dicts.

    Such an XCom is a list with an entry per dashboard. Above 100 entries or 40,000 bytes of JSON, which some dashboards
    with red tiles are enough for, it is one reference to a file below the storage path instead. This reads both.

    Args:
        xcom: what the task returned. Of a mapped task the list of all that it returned; their entries then come one
            after the other.

    Returns:
        An entry per dashboard, in the task's order. A field that has its default is absent; which fields there are, say
        `refresh.reference.SnapshotRef`, `refresh.outcome.RefreshOutcome` and `refresh.summary.AnalysisSummary`.

    Raises:
        ValueError: the value is nothing that these tasks return; None, for instance, of a task that pushed nothing.
        SnapshotStoreError: the file can't be reached from here, or its SHA-256 is not the one in the reference.

    Example:
        >>> @task
        ... def stale(outcomes):
        ...     return [each["name"] for each in read_results(outcomes) if each["status"] != "refreshed"]
        >>> stale(refresh.output)  # doctest: +SKIP
    """
    from airflow_dashboards.refresh.index import entries

    return [dict(each) for each in entries(xcom, _open, what="result of a snapshot, refresh or analyze task")]


def _open(uri: str) -> Any:
    """Return the path-like of an index file; its address names the Airflow Connection, if one is needed."""
    from pathlib import Path

    if "://" not in uri:
        return Path(uri)
    from airflow.sdk import ObjectStoragePath

    return ObjectStoragePath(uri)
