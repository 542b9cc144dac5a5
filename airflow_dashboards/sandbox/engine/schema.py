"""The queries an insight can hold, as they stand on the wire: what is known of them, typed; what is not, tolerated."""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, ValidationError

from airflow_dashboards.sandbox.engine.errors import QuerySchemaError
from airflow_dashboards.sandbox.engine.parts import (
    BreakdownFilter,
    CompareFilter,
    DateRange,
    Display,
    Interval,
    Properties,
    Series,
    Wire,
)


class _InsightQuery(Wire):
    date_range: DateRange | None = Field(default=None, alias="dateRange")
    properties: Properties = None


class FormulaNode(Wire):
    """A formula with a name of its own."""

    formula: str
    custom_name: str | None = None


class TrendsFilter(Wire):
    """How trends are drawn and combined."""

    display: Display = Display.LINE
    formula: str | None = None
    formulas: list[str] | None = None
    formula_nodes: list[FormulaNode] | None = Field(default=None, alias="formulaNodes")


class TrendsQuery(_InsightQuery):
    """Series over periods, or one value each."""

    kind: Literal["TrendsQuery"]
    series: list[Series]
    interval: Interval = Interval.DAY
    breakdown: BreakdownFilter | None = Field(default=None, alias="breakdownFilter")
    compare: CompareFilter | None = Field(default=None, alias="compareFilter")
    trends: TrendsFilter | None = Field(default=None, alias="trendsFilter")


class FunnelExclusion(Wire):
    """An event that, done between two steps, takes a person out of the funnel."""

    kind: Literal["EventsNode", "FunnelExclusionEventsNode"] = "EventsNode"
    event: str | None = None
    properties: Properties = None
    funnel_from_step: int = Field(default=0, alias="funnelFromStep", ge=0)
    funnel_to_step: int = Field(default=1, alias="funnelToStep", ge=1)


class WindowUnit(str, Enum):
    """The unit of a funnel's conversion window."""

    SECOND = "second"
    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class FunnelsFilter(Wire):
    """How a funnel is matched and shown."""

    viz: Literal["steps", "time_to_convert", "trends"] = Field(default="steps", alias="funnelVizType")
    order: Literal["ordered", "strict", "unordered"] = Field(default="ordered", alias="funnelOrderType")
    window: int = Field(default=14, alias="funnelWindowInterval", ge=1)
    window_unit: WindowUnit = Field(default=WindowUnit.DAY, alias="funnelWindowIntervalUnit")
    from_step: int | None = Field(default=None, alias="funnelFromStep", ge=0)
    to_step: int | None = Field(default=None, alias="funnelToStep", ge=1)
    exclusions: list[FunnelExclusion] = Field(default_factory=list)
    bin_count: int | Literal["auto"] | None = Field(default=None, alias="binCount")


class FunnelsQuery(_InsightQuery):
    """How many persons go how far through ordered steps."""

    kind: Literal["FunnelsQuery"]
    series: list[Series]
    interval: Interval = Interval.DAY
    breakdown: BreakdownFilter | None = Field(default=None, alias="breakdownFilter")
    funnels: FunnelsFilter | None = Field(default=None, alias="funnelsFilter")


class RetentionPeriod(str, Enum):
    """How long one of a retention's periods is."""

    HOUR = "Hour"
    DAY = "Day"
    WEEK = "Week"
    MONTH = "Month"

    @property
    def interval(self) -> Interval:
        """The same length as a series' interval."""
        return Interval(self.value.lower())


class RetentionEntity(Wire):
    """The event that starts or continues a retention; without an id, any event."""

    id: str | int | None = None
    name: str | None = None
    type: Literal["events", "actions"] | None = "events"
    properties: Properties = None


class RetentionFilter(Wire):
    """Who makes a cohort, and what counts as coming back."""

    period: RetentionPeriod = RetentionPeriod.DAY
    total_intervals: int = Field(default=7, alias="totalIntervals", ge=1, le=366)
    type: Literal["retention_recurring", "retention_first_time"] = Field(
        default="retention_recurring", alias="retentionType"
    )
    target: RetentionEntity | None = Field(default=None, alias="targetEntity")
    returning: RetentionEntity | None = Field(default=None, alias="returningEntity")


class RetentionQuery(_InsightQuery):
    """How many of a period's persons come back in later ones."""

    kind: Literal["RetentionQuery"]
    retention: RetentionFilter = Field(alias="retentionFilter")


class LifecycleQuery(_InsightQuery):
    """Active persons as new, returning, resurrecting and dormant."""

    kind: Literal["LifecycleQuery"]
    series: list[Series]
    interval: Interval = Interval.DAY


class StickinessQuery(_InsightQuery):
    """On how many periods a person was active."""

    kind: Literal["StickinessQuery"]
    series: list[Series]
    interval: Interval = Interval.DAY


class PathsFilter(Wire):
    """Which events make a path, where it starts, and how much of it is shown."""

    include: list[Literal["$pageview", "$screen", "custom_event"]] | None = Field(
        default=None, alias="includeEventTypes"
    )
    exclude: list[str] = Field(default_factory=list, alias="excludeEvents")
    start_point: str | None = Field(default=None, alias="startPoint")
    end_point: str | None = Field(default=None, alias="endPoint")
    step_limit: int = Field(default=5, alias="stepLimit", ge=1, le=20)
    edge_limit: int = Field(default=50, alias="edgeLimit", ge=1)
    min_edge_weight: int | None = Field(default=None, alias="minEdgeWeight")
    max_edge_weight: int | None = Field(default=None, alias="maxEdgeWeight")


class PathsQuery(_InsightQuery):
    """Where persons go from where."""

    kind: Literal["PathsQuery"]
    paths: PathsFilter = Field(alias="pathsFilter")


class HogQLVariable(Wire):
    """A value for `{variables.<code_name>}`."""

    code_name: str
    value: Any = None


class HogQLFilters(Wire):
    """What `{filters}` stands for."""

    date_range: DateRange | None = Field(default=None, alias="dateRange")
    properties: Properties = None


class HogQLQuery(Wire):
    """SQL over the project's events."""

    kind: Literal["HogQLQuery"]
    query: str
    filters: HogQLFilters | None = None
    variables: dict[str, HogQLVariable] | None = None
    values: dict[str, Any] | None = None


class EventsQuery(Wire):
    """A list of events."""

    kind: Literal["EventsQuery"]
    select: list[str]
    where: list[str] | None = None
    event: str | None = None
    properties: Properties = None
    fixed_properties: Properties = Field(default=None, alias="fixedProperties")
    order_by: list[str] | None = Field(default=None, alias="orderBy")
    after: str | None = None
    before: str | None = None
    limit: int | None = Field(None, ge=1)
    offset: int | None = Field(None, ge=0)


InsightSource = TrendsQuery | FunnelsQuery | RetentionQuery | LifecycleQuery | StickinessQuery | PathsQuery
TableSource = HogQLQuery | EventsQuery
Source = InsightSource | TableSource


class InsightVizNode(Wire):
    """An insight that is drawn."""

    kind: Literal["InsightVizNode"]
    source: Annotated[InsightSource, Field(discriminator="kind")]


class DataVisualizationNode(Wire):
    """SQL that is drawn."""

    kind: Literal["DataVisualizationNode"]
    source: HogQLQuery


class DataTableNode(Wire):
    """Anything shown as a table."""

    kind: Literal["DataTableNode"]
    source: Annotated[Source, Field(discriminator="kind")]


_Query = Annotated[
    InsightVizNode
    | DataVisualizationNode
    | DataTableNode
    | TrendsQuery
    | FunnelsQuery
    | RetentionQuery
    | LifecycleQuery
    | StickinessQuery
    | PathsQuery
    | HogQLQuery
    | EventsQuery,
    Field(discriminator="kind"),
]
_QUERY: TypeAdapter[Any] = TypeAdapter(_Query)


def source(query: Any) -> Source:
    """Return what a query computes: the source of a node, or the query itself where it stands alone.

    Args:
        query: JSON of a node (`InsightVizNode`, `DataVisualizationNode`, `DataTableNode`) or of a source.

    Raises:
        QuerySchemaError: The kind is unknown or a field is wrong; the message names the field.

    Example:
        `source({"kind": "InsightVizNode", "source": {"kind": "TrendsQuery", "series": []}}).series` is `[]`.
    """
    try:
        node = _QUERY.validate_python(query)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        message = f"{place}: {first['msg']}" if place else first["msg"]
        raise QuerySchemaError("ValidationError", message) from error
    found: Source = getattr(node, "source", node)
    return found
