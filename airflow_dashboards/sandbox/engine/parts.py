"""What queries are made of, as it stands on the wire: series, filters, dates, breakdowns. The unknown is tolerated."""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class Wire(BaseModel):
    """Something that a query says, in the names of the wire."""

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


class DateRange(Wire):
    """The time a query looks at; relative texts such as `-30d` are read against the clock."""

    date_from: str | None = None
    date_to: str | None = None
    explicit_date: bool | None = Field(default=None, alias="explicitDate")


class PropertyFilter(Wire):
    """One condition on an event's property, or a HogQL expression in `key` where `type` is hogql."""

    key: str
    value: Any = None
    operator: Operator | None = None
    type: str = "event"


class PropertyGroup(Wire):
    """Conditions joined by AND or OR."""

    type: Literal["AND", "OR"]
    values: list[PropertyGroup | PropertyFilter] = Field(default_factory=list)


Properties = list[PropertyGroup | PropertyFilter] | PropertyGroup | None


class EventsNode(Wire):
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


class ActionsNode(Wire):
    """A series of one of PostHog's saved actions. The sandbox has none to refer to."""

    kind: Literal["ActionsNode"]
    id: int
    name: str | None = None
    custom_name: str | None = None
    math: Math = Math.TOTAL


Series = Annotated[EventsNode | ActionsNode, Field(discriminator="kind")]


class Breakdown(Wire):
    """One property of a multi-property breakdown."""

    property: str | int
    type: str | None = "event"


class BreakdownFilter(Wire):
    """What a query is split by."""

    breakdown: str | int | list[str | int] | None = None
    breakdown_type: str | None = "event"
    breakdowns: list[Breakdown] | None = None
    breakdown_limit: int | None = Field(None, ge=1)
    breakdown_hide_other_aggregation: bool | None = None


class CompareFilter(Wire):
    """Whether the period before is shown too; `compare_to` (such as `-1w`) says which one."""

    compare: bool = False
    compare_to: str | None = None
