"""The queries an insight can hold, as they stand on the wire: what is known of them, typed; what is not, tolerated."""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from airflow_dashboards.sandbox.engine.errors import QuerySchemaError


class _Wire(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, populate_by_name=True)


class Interval(str, Enum):
    """How long one period of a series is."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class Math(str, Enum):
    """What is counted of a series' events."""

    TOTAL = "total"
    DAU = "dau"
    WEEKLY_ACTIVE = "weekly_active"
    MONTHLY_ACTIVE = "monthly_active"
    UNIQUE_SESSION = "unique_session"
    SUM = "sum"
    AVG = "avg"
    MIN = "min"
    MAX = "max"
    MEDIAN = "median"
    P75 = "p75"
    P90 = "p90"
    P95 = "p95"
    P99 = "p99"
    HOGQL = "hogql"


class Operator(str, Enum):
    """How a property filter compares."""

    EXACT = "exact"
    IS_NOT = "is_not"
    ICONTAINS = "icontains"
    NOT_ICONTAINS = "not_icontains"
    REGEX = "regex"
    NOT_REGEX = "not_regex"
    GT = "gt"
    GTE = "gte"
    LT = "lt"
    LTE = "lte"
    IS_SET = "is_set"
    IS_NOT_SET = "is_not_set"
    IS_DATE_EXACT = "is_date_exact"
    IS_DATE_BEFORE = "is_date_before"
    IS_DATE_AFTER = "is_date_after"


class Display(str, Enum):
    """How an insight is drawn; some of these ask for one value instead of a series."""

    LINE = "ActionsLineGraph"
    CUMULATIVE = "ActionsLineGraphCumulative"
    AREA = "ActionsAreaGraph"
    BAR = "ActionsBar"
    STACKED_BAR = "ActionsStackedBar"
    UNSTACKED_BAR = "ActionsUnstackedBar"
    NUMBER = "BoldNumber"
    PIE = "ActionsPie"
    BAR_VALUE = "ActionsBarValue"
    TABLE = "ActionsTable"
    WORLD_MAP = "WorldMap"

    @property
    def is_total_value(self) -> bool:
        """Whether a series is summed up in one value (contract 4.7)."""
        return self in {Display.NUMBER, Display.PIE, Display.BAR_VALUE, Display.TABLE, Display.WORLD_MAP}


class DateRange(_Wire):
    """The time a query looks at; relative texts such as `-30d` are read against the clock."""

    date_from: str | None = None
    date_to: str | None = None
    explicit_date: bool | None = Field(default=None, alias="explicitDate")


class PropertyFilter(_Wire):
    """One condition on an event's property, or a HogQL expression in `key` where `type` is hogql."""

    key: str
    value: Any = None
    operator: Operator | None = None
    type: str = "event"


class PropertyGroup(_Wire):
    """Conditions joined by AND or OR."""

    type: Literal["AND", "OR"]
    values: list[PropertyGroup | PropertyFilter] = Field(default_factory=list)


Properties = list[PropertyGroup | PropertyFilter] | PropertyGroup | None


class EventsNode(_Wire):
    """A series of events by name; without a name, of all events."""

    kind: Literal["EventsNode"] = "EventsNode"
    event: str | None = None
    name: str | None = None
    custom_name: str | None = None
    math: Math = Math.TOTAL
    math_property: str | None = None
    math_hogql: str | None = None
    properties: Properties = None
    fixed_properties: Properties = Field(default=None, alias="fixedProperties")


class ActionsNode(_Wire):
    """A series of one of PostHog's saved actions. The sandbox has none to refer to."""

    kind: Literal["ActionsNode"]
    id: int
    name: str | None = None
    custom_name: str | None = None
    math: Math = Math.TOTAL


Series = Annotated[EventsNode | ActionsNode, Field(discriminator="kind")]


class Breakdown(_Wire):
    """One property of a multi-property breakdown."""

    property: str | int
    type: str | None = "event"


class BreakdownFilter(_Wire):
    """What a query is split by."""

    breakdown: str | int | list[str | int] | None = None
    breakdown_type: str | None = "event"
    breakdowns: list[Breakdown] | None = None
    breakdown_limit: int | None = Field(None, ge=1)
    breakdown_hide_other_aggregation: bool | None = None


class CompareFilter(_Wire):
    """Whether the period before is shown too; `compare_to` (such as `-1w`) says which one."""

    compare: bool = False
    compare_to: str | None = None


class _InsightQuery(_Wire):
    date_range: DateRange | None = Field(default=None, alias="dateRange")
    properties: Properties = None


class FormulaNode(_Wire):
    """A formula with a name of its own."""

    formula: str
    custom_name: str | None = None


class TrendsFilter(_Wire):
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


class FunnelExclusion(_Wire):
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


class FunnelsFilter(_Wire):
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


class RetentionEntity(_Wire):
    """The event that starts or continues a retention; without an id, any event."""

    id: str | int | None = None
    name: str | None = None
    type: Literal["events", "actions"] | None = "events"
    properties: Properties = None


class RetentionFilter(_Wire):
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


class PathsFilter(_Wire):
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


class HogQLVariable(_Wire):
    """A value for `{variables.<code_name>}`."""

    code_name: str
    value: Any = None


class HogQLFilters(_Wire):
    """What `{filters}` stands for."""

    date_range: DateRange | None = Field(default=None, alias="dateRange")
    properties: Properties = None


class HogQLQuery(_Wire):
    """SQL over the project's events."""

    kind: Literal["HogQLQuery"]
    query: str
    filters: HogQLFilters | None = None
    variables: dict[str, HogQLVariable] | None = None
    values: dict[str, Any] | None = None


class EventsQuery(_Wire):
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


class InsightVizNode(_Wire):
    """An insight that is drawn."""

    kind: Literal["InsightVizNode"]
    source: Annotated[InsightSource, Field(discriminator="kind")]


class DataVisualizationNode(_Wire):
    """SQL that is drawn."""

    kind: Literal["DataVisualizationNode"]
    source: HogQLQuery


class DataTableNode(_Wire):
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
