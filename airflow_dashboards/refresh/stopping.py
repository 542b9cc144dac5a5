"""Ending a flow from outside: a task that is killed has seconds left, and must ask for nothing more in them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from airflow_dashboards.posthog.flow import Flow, Gather

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class StoppedError(Exception):
    """A flow was told to end before it had done all of its work."""


def unless(stopped: Callable[[], bool], flow: Flow[T]) -> Flow[T]:
    """Run a flow, and what it runs at the same time, but take no further step once `stopped` says so.

    Requests that are on their way are waited for; what they did is not told to the flow.

    Raises:
        StoppedError: it was stopped.

    Example:
        >>> client.run(unless(ended.is_set, refresh_many(client.flows, [42, 43], options)))
    """
    outcome: Any = None
    failure: Exception | None = None
    try:
        while not stopped():
            try:
                step = flow.throw(failure) if failure is not None else flow.send(outcome)
            except StopIteration as stop:
                return stop.value  # type: ignore[no-any-return]
            if stopped():  # meanwhile: a signal comes between any two instructions
                break
            if isinstance(step, Gather):
                step = replace(step, flows=[unless(stopped, each) for each in step.flows])
            outcome, failure = None, None
            try:
                outcome = yield step
            except Exception as error:  # it belongs to the flow, which may know what to do
                failure = error
        raise StoppedError("Told to end; nothing more was asked of PostHog, and a retry goes on with what is left.")
    finally:
        flow.close()
