"""A note on PostHog's charts at the load: when new data arrived, from which run, and what was thought of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_dashboards.analysis.report import summary_line
from airflow_dashboards.posthog import (
    AnnotationScope,
    NotFoundError,
    PermissionDeniedError,
    PostHogConnectionError,
    PostHogError,
    PostHogProtocolError,
)
from airflow_dashboards.posthog.flow import Flow, Gather

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_dashboards.analysis import Analysis
    from airflow_dashboards.analysis.report import ReportContext
    from airflow_dashboards.posthog import FlowClient
    from airflow_dashboards.refresh.once import Once

_AT_ONCE = 4
#: Longest annotation: charts show them in a bubble.
_LONGEST = 400


def annotation_text(analysis: Analysis, context: ReportContext) -> str:
    """Return what an annotation says; plain text, at most 400 characters.

    Example:
        >>> annotation_text(analysis, ReportContext(dag_id="nightly"))
        'Data loaded by nightly. PASS: All is well: 3 tiles changed within what is usual on 1 dashboard.'
    """
    run = f" ({context.run_id})" if context.run_id else ""
    by = f" by {context.dag_id}{run}" if context.dag_id else ""
    return f"Data loaded{by[:180]}. {summary_line([analysis])}"[:_LONGEST]


def annotate(flows: FlowClient, analyses: Sequence[Analysis], context: ReportContext, once: Once) -> Flow[list[str]]:
    """Write an annotation on each dashboard, at the instant of its picture after; each at most once.

    Never raises a `PostHogError`: contract 3.23 leaves open which builds take annotations.

    Args:
        flows: `client.flows`.
        analyses: one per dashboard.
        context: names the run.
        once: remembers what the earlier tries of the task have written.

    Returns:
        What was in the way, a sentence each.
    """
    answers = yield Gather(
        [_annotate(flows, each, annotation_text(each, context), once) for each in analyses], limit=_AT_ONCE
    )
    notes = []
    for analysis, answer in zip(analyses, answers, strict=True):
        if isinstance(answer, BaseException):
            if not isinstance(answer, (PostHogError, OSError)):
                raise answer
            notes.append(f"An annotation on {analysis.dashboard_name} is {_reason(answer)}")
    return list(dict.fromkeys(notes))


def _annotate(flows: FlowClient, analysis: Analysis, content: str, once: Once) -> Flow[None]:
    name = f"annotation-{analysis.dashboard_id}"
    if not once.claim(name):
        return
    try:
        yield from flows.annotations.create(
            content=content,
            date_marker=analysis.after_at,
            scope=AnnotationScope.DASHBOARD,
            dashboard_id=analysis.dashboard_id,
        )
    except PostHogError as error:
        if not _may_be_there(error):
            once.release(name)
        raise


def _may_be_there(error: PostHogError) -> bool:
    """Whether PostHog may have written the annotation although the call failed."""
    return isinstance(error, PostHogProtocolError) or (isinstance(error, PostHogConnectionError) and error.sent)


def _reason(error: PostHogError | OSError) -> str:
    if isinstance(error, (PermissionDeniedError, NotFoundError)):
        return f"not available: {error}"
    return f"not certain to be there: {error}"
