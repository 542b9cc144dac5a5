"""Rules: typed, small, and clear about what is wrong with them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from airflow_dashboards.analysis import RuleBook, Rules, RulesError, reference
from airflow_dashboards.analysis.codes import CODES

ROOT = Path(__file__).resolve().parents[3]


def test_rules_survive_json() -> None:
    rules = Rules(max_drop=0.3, holidays=("2026-12-25",), ignore=("series.*",))  # type: ignore[arg-type]
    assert Rules.model_validate(rules.model_dump(mode="json")) == rules
    book = RuleBook.from_yaml("default: {max_drop: 0.3}\noverrides: [{tile: 4, rules: {max_rise: 2}}]")
    assert RuleBook.model_validate(book.model_dump(mode="json")) == book


BOOK = """
default: {max_drop: 0.3, sensitivity: low}
overrides:
  - insight: "Newsletter *"
    rules: {max_drop: 0.6, holidays: [2026-12-25]}
  - tag: etl
    rules: {stale: fail}
  - tile: [17, 18]
    rules: {max_drop: 0.1}
"""


def test_later_overrides_win_field_by_field() -> None:
    book = RuleBook.from_yaml(BOOK)
    assert book.rules_for(tile_id=1, name="Orders", tags=[]) == Rules(max_drop=0.3, sensitivity="low")  # type: ignore[arg-type]
    found = book.rules_for(tile_id=17, name="Newsletter opens", tags=["etl"])
    assert (found.max_drop, found.stale.value, found.sensitivity.value, len(found.holidays)) == (0.1, "fail", "low", 1)


def test_plain_rules_are_a_rule_book_too() -> None:
    assert RuleBook.from_yaml("max_drop: 0.2").default.max_drop == 0.2
    assert RuleBook.from_yaml("") == RuleBook()
    assert RuleBook.parse(Rules(max_rise=3)).default.max_rise == 3


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("default: {max_drop: 3}", "rules.default.max_drop: Input should be less than or equal to 1"),
        ("default: {max_dorp: 0.3}", "rules.default.max_dorp: Extra inputs are not permitted"),
        ("overrides: [{tile: 1, rules: {max_drop: no}}]", "rules.overrides[0].rules"),
        (
            "overrides: [{rules: {max_drop: 0.1}}]",
            "rules.overrides[0]: Value error, give exactly one of tile, insight, tag",
        ),
        ("overrides: [{tile: 1, tag: a, rules: {}}]", "give exactly one of tile, insight, tag"),
        ("- 1", "rules: expected a mapping, got list"),
        ("a: [", "rules: not YAML"),
    ],
)
def test_what_is_wrong_is_said_with_its_path(text: str, said: str) -> None:
    with pytest.raises(RulesError, match=re.escape(said)):
        RuleBook.from_yaml(text)


def test_a_misspelt_rule_is_refused() -> None:
    with pytest.raises(ValidationError):
        Rules(maxdrop=0.3)  # type: ignore[call-arg]


def test_every_code_in_the_source_is_in_the_reference_and_nothing_else() -> None:
    source = "\n".join(
        path.read_text() for path in (ROOT / "airflow_dashboards/analysis").rglob("*.py") if path.name != "codes.py"
    )
    found = set(re.findall(r'"((?:series|tile|table|funnel|dashboard)\.[a-z_.]+)"', source))
    for base in re.findall(r'code(?:: str)? ?= ?"([a-z_.]+)"', source):
        if "." not in base or base in ("funnel.entered", "funnel.conversion", "table.rows", "table.sum", "table.value"):
            found |= {f"{base}.drop", f"{base}.rise"}
    for base in ("value", "table.value"):
        found |= {f"{base}.{end}" for end in ("drop", "rise", "vanished", "appeared")}
    found = {code for code in found if not code.endswith(".")} - {
        "funnel.entered",
        "funnel.conversion",
        "table.rows",
        "table.sum",
        "table.value",
    }
    assert found == set(CODES)


@pytest.mark.parametrize(("name", "made"), [("analysis.schema.json", reference.schema), ("rules.md", reference.rules)])
def test_the_reference_is_current(name: str, made: object) -> None:
    assert (ROOT / "docs" / name).read_text() == made(), "run: python -m airflow_dashboards.analysis.reference docs"  # type: ignore[operator]
