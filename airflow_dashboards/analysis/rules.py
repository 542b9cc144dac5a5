"""What counts as worth waking someone for: `Rules`, for all tiles; see `rule_book` where some need their own.

The defaults need no tuning: every field left alone is decided from the data's own history. They are frozen, JSON in and
out, and know nothing of how they are applied; `docs/rules.md` says which finding each field tunes.
"""

from __future__ import annotations

from datetime import date
from enum import Enum
from fnmatch import fnmatchcase
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from airflow_dashboards.analysis.severity import Severity

#: Text that says something.
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class Sensitivity(str, Enum):
    """How unlikely a value must be, and how far from its expectation, before it is a finding."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"


class Rules(BaseModel):
    """What is a finding, and how bad. `Rules()` is meant to be enough.

    Fractions are relative: 0.3 is 30 %. A limit that is set is a limit: exceeding it fails. A limit left None is judged
    by size and confidence, and gives a warning or a failure.

    Example:
        >>> Rules(max_drop=0.3).max_drop
        0.3
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    #: Largest drop allowed against what was expected (series) or was there before (the rest), e.g. 0.3. A drop must
    #: also be outside the noise, so three sign-ups a day falling to two is no finding whatever the limit.
    max_drop: float | None = Field(default=None, gt=0, le=1)
    #: Largest rise allowed, e.g. 0.5; 1.0 is a doubling.
    max_rise: float | None = Field(default=None, gt=0)
    #: Largest relative change of periods that were complete before. Left None: 12 % of late events in the last week or
    #: so, 5 % in what is older.
    max_restated: float | None = Field(default=None, ge=0)
    #: How readily the unexpected becomes a finding.
    sensitivity: Sensitivity = Sensitivity.NORMAL
    #: Changes between two values that are both below this are not judged.
    min_volume: float = Field(default=5.0, ge=0)
    #: How bad a tile is that was not refreshed between the two captures; info lets it pass.
    stale: Severity = Severity.WARN
    #: Complete periods at the end of a series that may still be empty because data arrives late, e.g. 1 where
    #: yesterday is loaded tomorrow.
    late_periods: int = Field(default=0, ge=0, le=1000)
    #: Runs in a row that a tile may need a look before its warning becomes a failure, this run included: 3 fails it on
    #: the third. Left None, it stays a warning. Only where verdicts are kept: by the analyze operator.
    escalate_after: int | None = Field(default=None, ge=2, le=10_000)
    #: Days on which low values are expected.
    holidays: tuple[date, ...] = ()
    #: Columns that identify a row of a table; left empty they are found.
    key_columns: tuple[Text, ...] = ()
    #: Columns of a table not to look at.
    ignore_columns: tuple[Text, ...] = ()
    #: Codes of findings to leave out; `*` stands for anything, e.g. `series.*`.
    ignore: tuple[Text, ...] = ()

    def ignores(self, code: str) -> bool:
        """Return whether findings with this code are left out."""
        return any(fnmatchcase(code, pattern) for pattern in self.ignore)
