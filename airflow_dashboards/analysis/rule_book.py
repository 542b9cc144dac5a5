"""`RuleBook`, where some tiles need rules of their own: the default ones, and overrides by tile, insight name or tag.

Frozen, JSON in and out. Apart from `rules`, since a DAG file that states its `Rules` need not wait for it.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator, model_validator

from airflow_dashboards.analysis.rules import Rules, Text


class RulesError(ValueError):
    """Rules that make no sense; the message names the path to the wrong value."""


class Override(BaseModel):
    """Other rules for some tiles. Exactly one of `tile`, `insight`, `tag` says for which."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    #: Tile ids.
    tile: tuple[int, ...] | None = None
    #: Insight names; `*` and `?` are wildcards, case matters.
    insight: tuple[Text, ...] | None = None
    #: Tags of the dashboard.
    tag: tuple[Text, ...] | None = None
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
