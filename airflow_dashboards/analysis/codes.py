"""Every code a finding may have: what it means, how bad it can be, what its numbers are, which rule tunes it."""

from __future__ import annotations

from typing import NamedTuple

_LIMITS = "`max_drop`, `sensitivity`, `min_volume`"
_LIMITS_UP = "`max_rise`, `sensitivity`, `min_volume`"


class Code(NamedTuple):
    """What the reference says of one code."""

    meaning: str
    severity: str
    #: What `before`, `after` and the expected range hold.
    numbers: str
    tuned_by: str


CODES: dict[str, Code] = {
    "series.drop": Code(
        "A complete period is far below what the series' own history leads to expect: lost, or mostly lost.",
        "warn, fail",
        "the period's value before, if it was over by then; its value now; the range expected of it",
        f"{_LIMITS}, `holidays`, `late_periods`",
    ),
    "series.rise": Code(
        "A period is far above what was expected: loaded twice, or in another unit. Also said of a running period.",
        "warn, fail",
        "the period's value before, if it was over by then; its value now; the range expected of it",
        _LIMITS_UP,
    ),
    "series.restated": Code(
        "Periods that were complete before read otherwise now, by more than late events explain.",
        "warn, fail",
        "the value of the period that moved most, before and after; the range late events explain",
        "`max_restated`, `min_volume`",
    ),
    "series.recovered": Code(
        "A period that was empty, partial or doubled before is as expected now.",
        "info",
        "its value before and after",
        "`max_restated`",
    ),
    "series.emptied": Code(
        "All periods of a series that had values are 0.", "fail", "sum of the periods before; 0", "`min_volume`"
    ),
    "series.missing": Code(
        "Periods that are over are not in the result at all.",
        "warn, fail",
        "number of periods shown, before and after",
        "`late_periods`",
    ),
    "series.stuck": Code(
        "New periods repeat the last value exactly, where chance would hardly do so.",
        "warn",
        "the last known value; the repeated value",
        "`ignore`",
    ),
    "series.vanished": Code(
        "A series or breakdown value that mattered is gone; often its volume is under null or other now.",
        "info, warn, fail",
        "its volume in the periods still shown; 0",
        "`min_volume`",
    ),
    "series.appeared": Code("A series or breakdown value is new.", "info", "its volume now", "`ignore`"),
    "number.drop": Code(
        "A single number, or the sum of several, has fallen by 40 % or more and by more than counting explains; "
        "a single one that halves is at least a warning unless both numbers are below `min_volume`.",
        "warn, fail",
        "the number before and after; the range in which it is no finding",
        _LIMITS,
    ),
    "number.rise": Code(
        "A single number, or the sum of several, has risen by 70 % or more and by more than counting explains; "
        "a single one that doubles is at least a warning unless both numbers are below `min_volume`.",
        "warn, fail",
        "the number before and after; the range in which it is no finding",
        _LIMITS_UP,
    ),
    "value.drop": Code(
        "One of several values has fallen on its own.", "warn, fail", "the value before and after; range", _LIMITS
    ),
    "value.rise": Code(
        "One of several values has risen on its own.", "warn, fail", "the value before and after; range", _LIMITS_UP
    ),
    "value.vanished": Code(
        "One of several values is gone. Info where it was small, or fell off the end of a ranking.",
        "info, warn, fail",
        "the value before; 0",
        "`min_volume`",
    ),
    "value.appeared": Code("A value is new.", "info", "the value now", "`ignore`"),
    "funnel.entered.drop": Code(
        "Far fewer enter the funnel.", "warn, fail", "people in the first step, before and after", _LIMITS
    ),
    "funnel.entered.rise": Code(
        "Far more enter the funnel.", "warn, fail", "people in the first step, before and after", _LIMITS_UP
    ),
    "funnel.conversion.drop": Code(
        "A smaller share goes on from a step, or converts overall, given the size of both samples: 40 % less, or "
        "20 % less where the funnel covers a week or more and the samples are large.",
        "warn, fail",
        "the share before and after; the range expected of it",
        "`max_drop`, `sensitivity`",
    ),
    "funnel.conversion.rise": Code(
        "A larger share goes on from a step, or converts overall, given the size of both samples: 50 % more, or "
        "25 % more where the funnel covers a week or more and the samples are large.",
        "warn, fail",
        "the share before and after; the range expected of it",
        "`max_rise`, `sensitivity`",
    ),
    "funnel.emptied": Code("Nobody enters the funnel any more.", "warn, fail", "people before; 0", "`min_volume`"),
    "funnel.steps": Code("The funnel has other steps.", "warn", "number of steps before and after", "`ignore`"),
    "retention.drop": Code(
        "Of the newest cohorts a smaller share came back than of those before.",
        "warn, fail",
        "the share of earlier cohorts; that of the new cells; the range expected",
        "`max_drop`, `sensitivity`",
    ),
    "retention.rise": Code(
        "Of the newest cohorts a larger share came back than of those before.",
        "warn, fail",
        "the share of earlier cohorts; that of the new cells; the range expected",
        "`max_rise`, `sensitivity`",
    ),
    "table.columns": Code("Columns are missing.", "fail", "number of columns before and after", "`ignore_columns`"),
    "table.duplicates": Code(
        "Rows share the key that told rows apart before.",
        "warn, fail",
        "number of duplicates before and after",
        "`key_columns`",
    ),
    "table.types": Code(
        "A column of numbers holds text or dates now, so its sum can't be judged any more.",
        "warn, fail",
        "0; share of its values that are no numbers",
        "`ignore_columns`",
    ),
    "table.nulls": Code(
        "A column has lost its values: in 30 % of rows, or in 5 % where that is no chance.",
        "warn, fail",
        "share of empty values before and after",
        "`ignore_columns`",
    ),
    "table.rows.drop": Code("Rows are gone.", "warn, fail", "number of rows before and after", "`max_drop`"),
    "table.rows.rise": Code("There are far more rows.", "warn, fail", "number of rows before and after", "`max_rise`"),
    "table.sum.drop": Code(
        "The sum (of a rate: the mean) of a column, or the number of a one-row table, has fallen.",
        "warn, fail",
        "the sum before and after; the range in which it is no finding",
        _LIMITS,
    ),
    "table.sum.rise": Code(
        "The sum (of a rate: the mean) of a column, or the number of a one-row table, has risen.",
        "warn, fail",
        "the sum before and after; the range in which it is no finding",
        _LIMITS_UP,
    ),
    "table.value.drop": Code(
        "The value of one row has fallen on its own.", "warn, fail", "the value before and after", _LIMITS
    ),
    "table.value.rise": Code(
        "The value of one row has risen on its own.", "warn, fail", "the value before and after", _LIMITS_UP
    ),
    "table.value.vanished": Code(
        "A row is gone that held a part of a column's sum.", "info, warn, fail", "its value before; 0", "`min_volume`"
    ),
    "table.value.appeared": Code("A row is new.", "info", "its value now", "`ignore`"),
    "tile.failed": Code("The server says that computing the tile failed.", "fail", "none", "`ignore`"),
    "tile.cold": Code("The tile has no result: never computed, or evicted.", "warn, fail", "none", "`ignore`"),
    "tile.no_access": Code(
        "The credential may not see the insight; info where it could not before either.",
        "info, warn",
        "none",
        "`ignore`",
    ),
    "tile.stale": Code(
        "The tile was not refreshed between the two pictures, so it says nothing of the load.",
        "as `stale` says",
        "none",
        "`stale`",
    ),
    "tile.lasting": Code(
        "A warning has stood for as many runs in a row as the rules allow.",
        "fail",
        "runs in a row; the most that are no failure",
        "`escalate_after`",
    ),
    "tile.emptied": Code("The tile had a result and is empty now.", "fail", "none", "`ignore`"),
    "tile.recovered": Code("The tile has a result again.", "info", "none", "`ignore`"),
    "tile.added": Code("The tile is new on the dashboard.", "info", "number of tiles before and after", "`ignore`"),
    "tile.removed": Code(
        "The tile is no longer on the dashboard.", "info", "number of tiles before and after", "`ignore`"
    ),
    "tile.query_changed": Code(
        "The insight was edited, or its timezone changed: it is judged by itself, not against the picture before.",
        "info",
        "none",
        "`ignore`",
    ),
    "tile.filters_changed": Code(
        "The dashboard's filters act on the tile and have changed: it is judged by itself, as an edited one is.",
        "info",
        "none",
        "`ignore`",
    ),
    "tile.unreadable": Code(
        "A result has not the shape of its query kind; the message says why.", "warn", "none", "`ignore`"
    ),
    "tile.changed": Code("A result of unknown kind has changed; it is not judged.", "info", "none", "`ignore`"),
    "tile.more": Code("Further findings of the tile were left out.", "info", "how many", "`ignore`"),
    "dashboard.filters_changed": Code("The dashboard's filters or variables have changed.", "info", "none", "`ignore`"),
    "dashboard.other": Code("The picture before is of another dashboard.", "warn", "none", "`ignore`"),
}
