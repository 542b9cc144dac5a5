"""What counts as worth waking someone for: `Rules` for all tiles, `RuleBook` where some tiles need their own.

The defaults need no tuning: every field left alone is decided from the data's own history. Both are frozen, JSON in and
out, and know nothing of how they are applied; `docs/rules.md` says which finding each field tunes.
"""

from __future__ import annotations

from datetime import date
from enum import Enum
from fnmatch import fnmatchcase
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator, model_validator

from airflow_dashboards.analysis.severity import Severity

_Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class RulesError(ValueError):
    """Rules that make no sense; the message names the path to the wrong value."""


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
    key_columns: tuple[_Text, ...] = ()
    #: Columns of a table not to look at.
    ignore_columns: tuple[_Text, ...] = ()
    #: Codes of findings to leave out; `*` stands for anything, e.g. `series.*`.
    ignore: tuple[_Text, ...] = ()

    def ignores(self, code: str) -> bool:
        """Return whether findings with this code are left out."""
        return any(fnmatchcase(code, pattern) for pattern in self.ignore)


class Override(BaseModel):
    """Other rules for some tiles. Exactly one of `tile`, `insight`, `tag` says for which."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    #: Tile ids.
    tile: tuple[int, ...] | None = None
    #: Insight names; `*` and `?` are wildcards, case matters.
    insight: tuple[_Text, ...] | None = None
    #: Tags of the dashboard.
    tag: tuple[_Text, ...] | None = None
    #: Only the fields to be changed.
    rules: dict[str, Any]

    @field_validator("tile", "insight", "tag", mode="before")
    @classmethod
    def _one_is_a_list_of_one(cls, value: Any) -> Any:
        return (value,) if isinstance(value, (str, int)) else value

    @field_validator("rules")
    @classmethod
    def _fields_of_rules(cls, value: dict[str, Any]) -> dict[str, Any]:
        # Kept as given, in JSON's terms: a full dump would turn every default into an override.
        return Rules.model_validate(value).model_dump(mode="json", include=set(value))

    @model_validator(mode="after")
    def _exactly_one_target(self) -> Override:
        if sum(target is not None for target in (self.tile, self.insight, self.tag)) != 1:
            raise ValueError("give exactly one of tile, insight, tag")
        return self

    def applies(self, *, tile_id: int, name: str, tags: list[str]) -> bool:
        """Return whether this override is meant for that tile."""
        if self.tile is not None:
            return tile_id in self.tile
        if self.insight is not None:
            return any(fnmatchcase(name, pattern) for pattern in self.insight)
        return any(tag in (self.tag or ()) for tag in tags)


class RuleBook(BaseModel):
    """Default rules, and overrides for some tiles, insights or tags. Later overrides win, field by field.

    Example:
        >>> book = RuleBook.from_yaml('''
        ... default: {max_drop: 0.3}
        ... overrides:
        ...   - insight: "Newsletter *"
        ...     rules: {max_drop: 0.6}
        ... ''')
        >>> book.rules_for(tile_id=1, name="Newsletter opens", tags=[]).max_drop
        0.6
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    default: Rules = Rules()
    overrides: tuple[Override, ...] = ()

    @classmethod
    def from_yaml(cls, text: str) -> RuleBook:
        """Read a rule book from YAML.

        Raises:
            RulesError: it is not YAML, or a value is wrong; the message names the path to it.
        """
        import yaml  # only here: most runs read no rules from a file

        try:
            raw = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise RulesError(f"rules: not YAML: {' '.join(str(error).split())}") from error
        return cls.parse(raw if raw is not None else {})

    @classmethod
    def parse(cls, raw: Any) -> RuleBook:
        """Read a rule book, or plain rules, from what JSON or YAML gave.

        Raises:
            RulesError: a value is wrong; the message names the path to it.
        """
        if isinstance(raw, cls):
            return raw
        if isinstance(raw, Rules):
            return cls(default=raw)
        if not isinstance(raw, dict):
            raise RulesError(f"rules: expected a mapping, got {type(raw).__name__}")
        plain = bool(raw) and not raw.keys() & cls.model_fields.keys() and bool(raw.keys() & Rules.model_fields.keys())
        try:
            return cls(default=Rules.model_validate(raw)) if plain else cls.model_validate(raw)
        except ValidationError as error:
            raise RulesError(_say(error)) from error

    def rules_for(self, *, tile_id: int, name: str, tags: list[str]) -> Rules:
        """Return the rules of one tile."""
        changed: dict[str, Any] = {}
        for override in self.overrides:
            if override.applies(tile_id=tile_id, name=name, tags=tags):
                changed.update(override.rules)
        if not changed:
            return self.default
        return Rules.model_validate({**self.default.model_dump(mode="json"), **changed})


def _say(error: ValidationError) -> str:
    problems = error.errors(include_url=False)
    lines = []
    for problem in problems:
        path = "rules"
        for step in problem["loc"]:
            path += f"[{step}]" if isinstance(step, int) else f".{step}"
        lines.append(f"{path}: {problem['msg']}")
    return "; ".join(lines)
