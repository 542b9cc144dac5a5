"""Cumulative displays: the server has added the periods up, and what one of them had is the step to it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from airflow_dashboards.analysis.kinds import source

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_dashboards.analysis.judge.lines import Line, Value

#: The display whose values are sums from the window's first period on.
CUMULATIVE = "ActionsLineGraphCumulative"


def is_cumulative(query: Any) -> bool:
    """Whether a query's series are shown added up.

    Example:
        >>> is_cumulative({"kind": "TrendsQuery", "trendsFilter": {"display": "ActionsLineGraphCumulative"}})
        True
    """
    settings = source(query).get("trendsFilter")
    return isinstance(settings, dict) and settings.get("display") == CUMULATIVE


def steps(line: Line, interval: str | None) -> Line:
    """Return what each period has added; what can't be added up is returned as it is."""
    if not (line.counts or line.additive):
        return line
    return replace(line, label=f"{line.label} per {interval or 'day'}", data=_differences(line.data))


def restarted(before: Sequence[Line], after: Sequence[Line]) -> bool:
    """Whether sums of people begin elsewhere: whoever comes again is new only once, so no step is what it was."""
    known = {line.key: line for line in before}
    return any(
        not line.additive and line.key in known and list(known[line.key].days[:1]) != list(line.days[:1])
        for line in after
    )


def _differences(data: Sequence[Value]) -> list[Value]:
    found: list[Value] = []
    last = 0.0
    for value in data:
        found.append(None if value is None else value - last)
        last = value if value is not None else last
    return found
