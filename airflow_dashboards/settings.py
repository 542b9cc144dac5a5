"""The one place that reads Airflow's configuration."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

from airflow.sdk import ObjectStoragePath

from airflow_dashboards.compat import conf


def storage_root(argument: str | None = None, connection: str | None = None) -> ObjectStoragePath:
    """Return the folder under which snapshots, verdicts and reports are kept.

    The first that is set: the operator's argument, the connection's `storage_path`, `[posthog] storage_path`,
    `[common.io] xcom_objectstorage_path`, then `$AIRFLOW_HOME/posthog`.

    Example:
        >>> storage_root("s3://aws_default@bucket/posthog")  # doctest: +SKIP
    """
    chosen = (
        argument
        or connection
        or conf.get("posthog", "storage_path", fallback="")
        or conf.get("common.io", "xcom_objectstorage_path", fallback="")
        or str(Path(os.environ.get("AIRFLOW_HOME", "~/airflow")).expanduser() / "posthog")
    )
    if "://" not in chosen:
        # A relative path would mean another folder in each worker process. Not `as_uri`: its %20 would be taken
        # literally.
        chosen = f"file://{Path(chosen).expanduser().absolute()}"
    return ObjectStoragePath(chosen)


@cache
def default_deferrable() -> bool:
    """Return `[operators] default_deferrable`, read once per process as Airflow's own operators do."""
    return bool(conf.getboolean("operators", "default_deferrable", fallback=False))


def history_keep() -> int:
    """Return `[posthog] history_keep`: how many verdicts are kept per dashboard and analyzing task, at least one."""
    return max(1, int(conf.getint("posthog", "history_keep", fallback=100)))


def retention_days() -> int | None:
    """Return `[posthog] retention_days`, at least a week; None: nothing is ever removed.

    A week is longer than runs take, so that nothing goes that one under way still needs.
    """
    from airflow_dashboards.refresh.retention import LEAST_DAYS

    days = int(conf.getint("posthog", "retention_days", fallback=0))
    return max(LEAST_DAYS, days) if days > 0 else None
