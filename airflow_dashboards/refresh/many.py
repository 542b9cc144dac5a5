"""The same write on many dashboards: one that fails does not lose the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

from airflow_dashboards.posthog.flow import Flow, Gather
from airflow_dashboards.refresh.effects import BoardChange

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


_CONCURRENT_WRITES = 4


class BoardFailure(BaseModel):
    """A dashboard on which a write failed, and why."""

    model_config = ConfigDict(frozen=True)

    dashboard_id: int
    reason: str


class BoardChanges(BaseModel):
    """What a write to several dashboards came to; small enough for an XCom."""

    model_config = ConfigDict(frozen=True)

    changes: list[BoardChange] = Field(default_factory=list)
    failed: list[BoardFailure] = Field(default_factory=list)


def on_each(ids: Iterable[int], write: Callable[[int], Flow[BoardChange]]) -> Flow[BoardChanges]:
    """Run `write` on every dashboard, each once, and collect what came of it.

    Raises:
        PostHogError: it failed on every dashboard; the error of the first.
    """
    wanted = list(dict.fromkeys(ids))
    answers: list[Any] = yield Gather([write(each) for each in wanted], limit=_CONCURRENT_WRITES)
    problems = [answer for answer in answers if isinstance(answer, Exception)]
    if problems and len(problems) == len(wanted):
        raise problems[0]
    return BoardChanges(
        changes=[answer for answer in answers if not isinstance(answer, Exception)],
        failed=[
            BoardFailure(dashboard_id=each, reason=str(answer))
            for each, answer in zip(wanted, answers, strict=True)
            if isinstance(answer, Exception)
        ],
    )
