"""What each HogQL function means in DuckDB: one line per function, and no function beside these."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Function:
    """A function's meaning: DuckDB SQL, with `{0}` or `{all}` for arguments and `{tail}` for FILTER and OVER."""

    template: str
    least: int
    most: int | None
    aggregate: bool = False
    #: ClickHouse's type where DuckDB's own says less, e.g. UInt64 for a count.
    type: str | None = None


def _scalar(template: str, least: int, most: int | None = -1, type: str | None = None) -> Function:  # noqa: A002
    return Function(template, least, least if most == -1 else most, type=type)


def _aggregate(template: str, arguments: int, type: str | None = None) -> Function:  # noqa: A002
    return Function(template, arguments, arguments, aggregate=True, type=type)


def _truncated(unit: str) -> Function:
    return _scalar(f"CAST(DATE_TRUNC('{unit}', CAST({{0}} AS TIMESTAMP)) AS TIMESTAMP)", 1)


def _first_day(unit: str) -> Function:
    return _scalar(f"CAST(DATE_TRUNC('{unit}', CAST({{0}} AS TIMESTAMP)) AS DATE)", 1)


def _part(unit: str) -> Function:
    return _scalar(f"DATE_PART('{unit}', CAST({{0}} AS TIMESTAMP))", 1, type="UInt16")


_UNITS = ("Second", "Minute", "Hour", "Day", "Week", "Month", "Year")
_NULLARY_WINDOW = {
    name: Function(f"{name.upper()}(){{tail}}", 0, 0, aggregate=True, type="UInt64")
    for name in ("rank", "dense_rank", "row_number")
}
_WEEK = "CAST(DATE_TRUNC('week', CAST({0} AS TIMESTAMP) + INTERVAL 1 DAY) - INTERVAL 1 DAY AS DATE)"
_MONDAY = "CAST(DATE_TRUNC('week', CAST({0} AS TIMESTAMP)) AS DATE)"
_INTEGER = "TRY_CAST(TRUNC(TRY_CAST({0} AS DOUBLE)) AS BIGINT)"
_FLOAT = "TRY_CAST({0} AS DOUBLE)"
_DISTINCT = "COUNT(DISTINCT {0}){tail}"

#: Aggregates; each also exists with `If` at its end, taking a condition as last argument.
AGGREGATES: dict[str, Function] = {
    "count": Function("COUNT({all}){tail}", 0, 1, aggregate=True, type="UInt64"),
    "countDistinct": _aggregate(_DISTINCT, 1, "UInt64"),
    "uniq": Function(_DISTINCT, 1, 1, aggregate=True, type="UInt64"),
    "uniqExact": _aggregate(_DISTINCT, 1, "UInt64"),
    "uniqHLL12": _aggregate(_DISTINCT, 1, "UInt64"),
    "sum": _aggregate("COALESCE(SUM({0}){tail}, 0)", 1),
    "avg": _aggregate("AVG({0}){tail}", 1),
    "min": _aggregate("MIN({0}){tail}", 1),
    "max": _aggregate("MAX({0}){tail}", 1),
    "any": _aggregate("FIRST({0}){tail}", 1),
    "anyLast": _aggregate("LAST({0}){tail}", 1),
    "argMin": _aggregate("ARG_MIN({0}, {1}){tail}", 2),
    "argMax": _aggregate("ARG_MAX({0}, {1}){tail}", 2),
    "median": _aggregate("QUANTILE_CONT({0}, 0.5){tail}", 1),
    "stddevPop": _aggregate("STDDEV_POP({0}){tail}", 1),
    "stddevSamp": _aggregate("STDDEV_SAMP({0}){tail}", 1),
    "varPop": _aggregate("VAR_POP({0}){tail}", 1),
    "varSamp": _aggregate("VAR_SAMP({0}){tail}", 1),
    "groupArray": _aggregate("LIST({0}){tail}", 1),
    "groupUniqArray": _aggregate("LIST(DISTINCT {0}){tail}", 1),
}

#: Aggregates with a parameter in front, `quantile(0.9)(x)`: `{0}` is the parameter.
PARAMETRIC: dict[str, Function] = {
    "quantile": _aggregate("QUANTILE_CONT({1}, {0}){tail}", 2, "Float64"),
    "quantileExact": _aggregate("QUANTILE_DISC({1}, {0}){tail}", 2),
}

#: Functions that only make sense with OVER.
WINDOWED: dict[str, Function] = {
    **_NULLARY_WINDOW,
    "lag": Function("LAG({all}){tail}", 1, 3, aggregate=True),
    "lead": Function("LEAD({all}){tail}", 1, 3, aggregate=True),
    "lagInFrame": Function("LAG({all}){tail}", 1, 3, aggregate=True),
    "leadInFrame": Function("LEAD({all}){tail}", 1, 3, aggregate=True),
    "first_value": Function("FIRST_VALUE({0}){tail}", 1, 1, aggregate=True),
    "last_value": Function("LAST_VALUE({0}){tail}", 1, 1, aggregate=True),
}

SCALARS: dict[str, Function] = {
    # Periods
    "toStartOfMinute": _truncated("minute"),
    "toStartOfHour": _truncated("hour"),
    "toStartOfDay": _truncated("day"),
    "toStartOfWeek": _scalar(_WEEK, 1),
    "toMonday": _scalar(_MONDAY, 1),
    "toStartOfMonth": _first_day("month"),
    "toStartOfQuarter": _first_day("quarter"),
    "toStartOfYear": _first_day("year"),
    "toStartOfFiveMinutes": _scalar("TIME_BUCKET(INTERVAL 5 MINUTE, CAST({0} AS TIMESTAMP))", 1),
    "toStartOfFifteenMinutes": _scalar("TIME_BUCKET(INTERVAL 15 MINUTE, CAST({0} AS TIMESTAMP))", 1),
    "toStartOfInterval": _scalar("TIME_BUCKET({1}, CAST({0} AS TIMESTAMP), TIMESTAMP '1970-01-01')", 2),
    "dateTrunc": _scalar("CAST(DATE_TRUNC({0}, CAST({1} AS TIMESTAMP)) AS TIMESTAMP)", 2),
    "toYear": _part("year"),
    "toQuarter": _part("quarter"),
    "toMonth": _part("month"),
    "toDayOfMonth": _part("day"),
    "toDayOfWeek": _part("isodow"),
    "toDayOfYear": _part("doy"),
    "toHour": _part("hour"),
    "toMinute": _part("minute"),
    "toSecond": _part("second"),
    "toISOWeek": _part("week"),
    "toYYYYMM": _scalar("CAST(STRFTIME(CAST({0} AS TIMESTAMP), '%Y%m') AS BIGINT)", 1, type="UInt32"),
    "toYYYYMMDD": _scalar("CAST(STRFTIME(CAST({0} AS TIMESTAMP), '%Y%m%d') AS BIGINT)", 1, type="UInt32"),
    "toUnixTimestamp": _scalar("CAST(FLOOR(EPOCH(CAST({0} AS TIMESTAMP))) AS BIGINT)", 1, type="UInt32"),
    "fromUnixTimestamp": _scalar("CAST(TO_TIMESTAMP({0}) AT TIME ZONE 'UTC' AS TIMESTAMP)", 1),
    # Arithmetic of dates
    "dateDiff": _scalar("DATE_DIFF({0}, CAST({1} AS TIMESTAMP), CAST({2} AS TIMESTAMP))", 3),
    **{f"toInterval{unit}": _scalar(f"TO_{unit.upper()}S(CAST({{0}} AS INTEGER))", 1) for unit in _UNITS},
    **{
        f"add{unit}s": _scalar(f"(CAST({{0}} AS TIMESTAMP) + TO_{unit.upper()}S(CAST({{1}} AS INTEGER)))", 2)
        for unit in _UNITS
    },
    **{
        f"subtract{unit}s": _scalar(f"(CAST({{0}} AS TIMESTAMP) - TO_{unit.upper()}S(CAST({{1}} AS INTEGER)))", 2)
        for unit in _UNITS
    },
    # Conversions
    "toDate": _scalar("TRY_CAST({0} AS DATE)", 1),
    "toDateTime": _scalar("TRY_CAST({0} AS TIMESTAMP)", 1),
    "toDateTime64": _scalar("TRY_CAST({0} AS TIMESTAMP)", 1, 2),
    "parseDateTimeBestEffort": _scalar("TRY_CAST({0} AS TIMESTAMP)", 1),
    "toString": _scalar("CAST({0} AS VARCHAR)", 1),
    "toFloat": _scalar(_FLOAT, 1),
    "toFloat64": _scalar(_FLOAT, 1),
    "toFloatOrZero": _scalar("COALESCE(TRY_CAST({0} AS DOUBLE), 0.0)", 1),
    "toFloatOrDefault": _scalar("COALESCE(TRY_CAST({0} AS DOUBLE), {1})", 2),
    "toInt": _scalar(_INTEGER, 1),
    "toInt64": _scalar(_INTEGER, 1),
    "toIntOrZero": _scalar(f"COALESCE({_INTEGER}, 0)", 1),
    "toBool": _scalar("TRY_CAST({0} AS BOOLEAN)", 1),
    "toNullable": _scalar("{0}", 1),
    "assumeNotNull": _scalar("{0}", 1),
    # Conditions
    "if": _scalar("CASE WHEN {0} THEN {1} ELSE {2} END", 3),
    "ifNull": _scalar("COALESCE({0}, {1})", 2),
    "nullIf": _scalar("NULLIF({0}, {1})", 2),
    "coalesce": _scalar("COALESCE({all})", 1, None),
    "isNull": _scalar("({0} IS NULL)", 1),
    "isNotNull": _scalar("({0} IS NOT NULL)", 1),
    "not": _scalar("(NOT ({0}))", 1),
    "equals": _scalar("({0} = {1})", 2),
    "notEquals": _scalar("({0} <> {1})", 2),
    "less": _scalar("({0} < {1})", 2),
    "lessOrEquals": _scalar("({0} <= {1})", 2),
    "greater": _scalar("({0} > {1})", 2),
    "greaterOrEquals": _scalar("({0} >= {1})", 2),
    "empty": _scalar("(COALESCE({0}, '') = '')", 1),
    "notEmpty": _scalar("(COALESCE({0}, '') <> '')", 1),
    # Numbers
    "plus": _scalar("({0} + {1})", 2),
    "minus": _scalar("({0} - {1})", 2),
    "multiply": _scalar("({0} * {1})", 2),
    "divide": _scalar("(({0}) / ({1}))", 2),
    "intDiv": _scalar("CAST(TRUNC(({0}) / ({1})) AS BIGINT)", 2),
    "modulo": _scalar("(({0}) % ({1}))", 2),
    "negate": _scalar("(-({0}))", 1),
    "abs": _scalar("ABS({0})", 1),
    "round": _scalar("ROUND({all})", 1, 2),
    "floor": _scalar("FLOOR({0})", 1),
    "ceil": _scalar("CEIL({0})", 1),
    "trunc": _scalar("TRUNC({0})", 1),
    "sqrt": _scalar("SQRT({0})", 1),
    "pow": _scalar("POW({0}, {1})", 2),
    "exp": _scalar("EXP({0})", 1),
    "log": _scalar("LN({0})", 1),
    "log2": _scalar("LOG2({0})", 1),
    "log10": _scalar("LOG10({0})", 1),
    "greatest": _scalar("GREATEST({all})", 1, None),
    "least": _scalar("LEAST({all})", 1, None),
    # Text
    "lower": _scalar("LOWER({0})", 1),
    "upper": _scalar("UPPER({0})", 1),
    "trim": _scalar("TRIM({0})", 1),
    "length": _scalar("LENGTH({0})", 1, type="UInt64"),
    "concat": _scalar("CONCAT({all})", 1, None),
    "substring": _scalar("SUBSTRING({all})", 2, 3),
    "left": _scalar("LEFT({0}, {1})", 2),
    "right": _scalar("RIGHT({0}, {1})", 2),
    "position": _scalar("STRPOS({0}, {1})", 2, type="UInt64"),
    "startsWith": _scalar("STARTS_WITH({0}, {1})", 2),
    "endsWith": _scalar("SUFFIX({0}, {1})", 2),
    "replace": _scalar("REPLACE({0}, {1}, {2})", 3),
    "replaceAll": _scalar("REPLACE({0}, {1}, {2})", 3),
    "replaceOne": _scalar("REGEXP_REPLACE({0}, REGEXP_ESCAPE({1}), {2})", 3),
    "match": _scalar("REGEXP_MATCHES({0}, {1})", 2),
    "extract": _scalar("REGEXP_EXTRACT({0}, {1})", 2),
    "like": _scalar("({0} LIKE {1})", 2),
    "notLike": _scalar("({0} NOT LIKE {1})", 2),
    "ilike": _scalar("({0} ILIKE {1})", 2),
    "notILike": _scalar("({0} NOT ILIKE {1})", 2),
    "splitByChar": _scalar("STRING_SPLIT({1}, {0})", 2),
    "splitByString": _scalar("STRING_SPLIT({1}, {0})", 2),
    # JSON and arrays
    "JSONExtractString": _scalar("JSON_EXTRACT_STRING({0}, '/' || {1})", 2),
    "JSONExtractRaw": _scalar("CAST(JSON_EXTRACT({0}, '/' || {1}) AS VARCHAR)", 2),
    "JSONExtractFloat": _scalar("COALESCE(TRY_CAST(JSON_EXTRACT_STRING({0}, '/' || {1}) AS DOUBLE), 0.0)", 2),
    "JSONExtractInt": _scalar("COALESCE(TRY_CAST(JSON_EXTRACT_STRING({0}, '/' || {1}) AS BIGINT), 0)", 2),
    "JSONExtractBool": _scalar("COALESCE(TRY_CAST(JSON_EXTRACT_STRING({0}, '/' || {1}) AS BOOLEAN), FALSE)", 2),
    "JSONHas": _scalar("(JSON_EXTRACT({0}, '/' || {1}) IS NOT NULL)", 2),
    "arrayElement": _scalar("LIST_EXTRACT({0}, {1})", 2),
    "has": _scalar("LIST_CONTAINS({0}, {1})", 2),
    "arrayJoin": _scalar("UNNEST({0})", 1),
    "tuple": _scalar("ROW({all})", 1, None),
}

_PLAIN = {**AGGREGATES, **WINDOWED, **SCALARS}
#: SQL's own names are taken in any case, as HogQL takes them.
_ANY_CASE = {name.lower(): function for name, function in _PLAIN.items() if name == name.lower()}
_ALIASES = {
    "date_trunc": "dateTrunc",
    "datetrunc": "dateTrunc",
    "date_diff": "dateDiff",
    "datediff": "dateDiff",
    "ceiling": "ceil",
    "power": "pow",
    "substr": "substring",
    "toDateTimeUS": "toDateTime",
}


def find(name: str) -> Function | None:
    """Return the meaning of a function by its HogQL name, or None.

    Example:
        `find("uniq").template` is `COUNT(DISTINCT {0}){tail}`.
    """
    name = _ALIASES.get(name, _ALIASES.get(name.lower(), name))
    return _PLAIN.get(name) or _ANY_CASE.get(name.lower())


def find_if(name: str) -> Function | None:
    """Return the aggregate that `<aggregate>If` filters, or None: `find_if("sumIf")` is `sum`."""
    return AGGREGATES.get(name[:-2]) if name.endswith("If") else None


def names() -> list[str]:
    """Return every function's name, sorted."""
    return sorted({*_PLAIN, *PARAMETRIC, *(f"{name}If" for name in AGGREGATES)})
