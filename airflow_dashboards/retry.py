"""When Airflow should try a failed task again: after exactly the delay PostHog asked for, or not at all.

Airflow asks it since 3.3. With an older one the operators of this provider leave it out and say so in the log; tasks
there follow their `retries` and `retry_delay` as ever.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_dashboards.compat import RetryDecision, RetryPolicy
from airflow_dashboards.posthog.errors import PostHogError

if TYPE_CHECKING:
    from airflow.sdk import Context


class PostHogRetryPolicy(RetryPolicy):
    """Retries what can heal, after the server's own delay; fails at once on what can't.

    A throttled or overloaded PostHog frees the worker slot until it wants to be asked again, instead of having a worker
    sleep. A wrong key, a missing scope or an unknown dashboard does not heal by itself, so no retry is spent on it; a
    refresh of many dashboards is tried again for those among them that may heal.
    What is not PostHog's follows the task's own settings.

    Args:
        max_delay: longest wait to accept from the server; beyond it the task fails with the server's words.

    Example:
        >>> PostHogRunInsightsOperator(
        ...     task_id="refresh", dashboards=42, retries=3, retry_policy=PostHogRetryPolicy()
        ... )  # doctest: +SKIP
    """

    def __init__(self, *, max_delay: timedelta = timedelta(hours=2)) -> None:
        self.max_delay = max_delay

    def evaluate(
        self,
        exception: BaseException,
        try_number: int,
        max_tries: int,
        context: Context | None = None,
    ) -> RetryDecision:
        """Decide by the error alone; runs on the worker."""
        # A DAG file that declares a policy has no need of the operator.
        from airflow_dashboards.operators.run_insights import RefreshFailedError

        if not isinstance(exception, (PostHogError, RefreshFailedError)):
            return RetryDecision.default()
        if not exception.retryable:
            return RetryDecision.fail(reason=f"{type(exception).__name__} does not heal by waiting")
        if exception.retry_after is None:
            return RetryDecision.default()
        delay = timedelta(seconds=exception.retry_after)
        if delay > self.max_delay:
            return RetryDecision.fail(reason=f"PostHog asked to wait {delay}, longer than max_delay {self.max_delay}")
        return RetryDecision.retry(delay=delay, reason=f"PostHog asked to wait {exception.retry_after:g} s")

    def serialize(self) -> dict[str, Any]:
        """Return the policy as JSON for Airflow's serialized DAG."""
        return {"max_delay": self.max_delay.total_seconds()}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> PostHogRetryPolicy:
        """Rebuild a policy from `serialize`."""
        return cls(max_delay=timedelta(seconds=data["max_delay"]))
