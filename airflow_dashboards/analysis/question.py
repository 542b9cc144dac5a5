"""Whether two pictures answer the same question: an edited insight or other dashboard filters are no change of data."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_dashboards.analysis.model import Snapshot, SnapshotHeader, Tile

#: Settings of a query that change how its result is drawn and not what it is.
_COSMETIC = frozenset({
    "aggregationAxisFormat", "aggregationAxisPostfix", "aggregationAxisPrefix", "chartSettings",
    "columnConfiguration", "confidenceLevel", "context", "decimalPlaces", "detailedResultsAggregationType",
    "embedded", "expandable", "full", "goalLines", "hiddenLegendIndexes", "hiddenLegendKeys", "hidePersonsModal",
    "meanRetentionCalculation", "minDecimalPlaces", "pinnedColumns", "propertiesViaUrl", "response",
    "resultCustomizationBy", "resultCustomizations", "showAlertThresholdLines", "showColumnConfigurator",
    "showCorrelationTable", "showDateRange", "showElapsedTime", "showExport", "showFilters", "showHeader",
    "showLabelOnSeries", "showLabelsOnSeries", "showLastComputation", "showLastComputationRefresh", "showLegend",
    "showMultipleYAxes", "showOpenEditorButton", "showPercentStackView", "showPersistentColumnConfigurator",
    "showReload", "showResults", "showResultsTable", "showTable", "showTrendLines", "showValuesOnSeries",
    "suppressSessionAnalysisWarning", "tableSettings", "tags", "version", "vizSpecificOptions", "yAxisScaleType",
})  # fmt: skip
#: Displays of a trends query that show the same series; a cumulative one has its values added up by the server.
_LINE_DISPLAYS = frozenset({
    "ActionsLineGraph", "ActionsAreaGraph", "ActionsBar", "ActionsUnstackedBar",
    "ActionsStackedBar", "Auto",
})  # fmt: skip
#: What a dashboard's filters overrule in a tile's query.
_FILTERED = ("dateRange", "properties", "breakdownFilter", "filterTestAccounts", "interval", "filters", "variables")


class Question(str, Enum):
    """How the question after stands to the one before."""

    SAME = "same"
    EDITED = "edited"  # somebody changed the insight
    FILTERED = "filtered"  # the dashboard's filters or variables are others
    TIMEZONE = "timezone"  # periods are cut elsewhere


def essence(query: Any) -> Any:
    """Return a query without what only changes how its result is drawn.

    Example:
        >>> essence({"kind": "TrendsQuery", "trendsFilter": {"showLegend": True}})
        {'kind': 'TrendsQuery'}
    """
    if isinstance(query, dict):
        kept = {}
        for name, value in query.items():
            if name in _COSMETIC or (name == "display" and isinstance(value, str) and value in _LINE_DISPLAYS):
                continue
            inner = essence(value)
            if inner is not None and inner != {} and inner != []:
                kept[name] = inner
        return kept
    if isinstance(query, list):
        return [essence(value) for value in query]
    return query


def _unfiltered(query: Any) -> Any:
    if not isinstance(query, dict):
        return query
    return {name: _unfiltered(value) for name, value in query.items() if name not in _FILTERED}


def filters_differ(before: SnapshotHeader, after: SnapshotHeader) -> bool:
    """Whether the dashboard's filters or variables are others than before."""
    return bool(
        essence(before.filters) != essence(after.filters) or essence(before.variables) != essence(after.variables)
    )


def compare_questions(before: Tile, after: Tile, *, filters_changed: bool) -> Question:
    """Say whether two pictures of a tile answer the same question.

    The server shows a tile's query with the dashboard's filters applied (contract 4.5), so a difference that lies only
    where filters act, while the dashboard's filters have changed, is theirs.
    """
    if before.timezone != after.timezone:
        return Question.TIMEZONE
    if before.query is None or after.query is None:
        return Question.SAME  # nothing is known of one of them; the results speak
    one, other = essence(before.query), essence(after.query)
    if one == other:
        return Question.SAME
    return Question.FILTERED if filters_changed and _unfiltered(one) == _unfiltered(other) else Question.EDITED


def same_dashboard(before: Snapshot, after: Snapshot) -> bool:
    """Whether two snapshots are of one dashboard."""
    return (before.dashboard_id, before.project_id) == (after.dashboard_id, after.project_id)
