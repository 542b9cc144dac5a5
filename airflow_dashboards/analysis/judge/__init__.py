"""One judge per query kind: each reads two results of that kind and says what changed and what is wrong with it.

`JUDGES` maps a `QueryKind` to a function `(Case) -> Reading`. A judge is pure; on a result that is not of its kind's
shape it raises `Unreadable`, with the reason.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_dashboards.analysis.judge import (
    funnel,
    funnel_time,
    paths,
    plain,
    retention,
    series,
    stickiness,
    table,
    totals,
)
from airflow_dashboards.analysis.model import QueryKind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from airflow_dashboards.analysis.judge.case import Case, Reading

JUDGES: Mapping[QueryKind, Callable[[Case], Reading]] = {
    QueryKind.TRENDS: series.judge,
    QueryKind.LIFECYCLE: series.judge,
    QueryKind.FUNNEL_TRENDS: series.judge,
    QueryKind.TRENDS_TOTAL: totals.judge,
    QueryKind.FUNNEL: funnel.judge,
    QueryKind.FUNNEL_TIME: funnel_time.judge,
    QueryKind.RETENTION: retention.judge,
    QueryKind.STICKINESS: stickiness.judge,
    QueryKind.PATHS: paths.judge,
    QueryKind.TABLE: table.judge,
    QueryKind.UNKNOWN: plain.judge,
    QueryKind.NONE: plain.judge,
}
