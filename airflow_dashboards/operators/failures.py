"""Which of several dashboards' failures a task ends with: by the one it sees Airflow decides whether to try again."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING

from airflow.sdk.exceptions import AirflowException

from airflow_dashboards.posthog.errors import PostHogError

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Dashboards named in a message; the rest is counted.
MAX_NAMED = 20


def most_telling(failures: Mapping[int, Exception], *, total: int, what: str) -> Exception:
    """Return the failure that says most for the whole task, with a message that names all dashboards it is about.

    What heals goes first, with the longest wait that PostHog asks of any; then what is not PostHog's, such as the
    storage, which may heal; then the first. Thus a dashboard that is gone does not keep the others from another try.

    Args:
        failures: what each of these dashboards ran into, at least one.
        total: number of dashboards that were tried.
        what: what could not be done, e.g. `captured`.

    Example:
        >>> str(most_telling({42: OSError("no space left")}, total=1, what="captured"))
        'no space left'
    """
    passing = {each: error for each, error in failures.items() if isinstance(error, PostHogError) and error.retryable}
    foreign = {each: error for each, error in failures.items() if not isinstance(error, PostHogError)}
    dashboard_id, error = next(iter((passing or foreign or failures).items()))
    if total == 1:
        return error
    head = f"{len(failures)} of {total} dashboards could not be {what} ({_named(failures)}). Dashboard {dashboard_id}: "
    if not isinstance(error, PostHogError):
        wrapped = AirflowException(f"{head}{str(error) or type(error).__name__}")
        wrapped.__cause__ = error
        return wrapped
    told = copy(error)
    told.message = f"{head}{error.message}"
    told.args = (told.message,)
    told.retry_after = max(
        (each.retry_after for each in passing.values() if each.retry_after is not None), default=error.retry_after
    )
    return told


def _named(failures: Mapping[int, Exception]) -> str:
    ids = list(map(str, failures))
    more = f" and {len(ids) - MAX_NAMED} more" if len(ids) > MAX_NAMED else ""
    return ", ".join(ids[:MAX_NAMED]) + more
