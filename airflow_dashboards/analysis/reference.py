"""Writes the reference: `docs/analysis.schema.json` and `docs/rules.md`, from the models and the codes themselves.

Run `python -m airflow_dashboards.analysis.reference docs` after changing either; a test holds the files to it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from airflow_dashboards.analysis.codes import CODES
from airflow_dashboards.analysis.report import json_schema
from airflow_dashboards.analysis.rules import Rules

_FIELDS = {
    "max_drop": "Largest drop allowed against what was expected (series) or was there before (the rest). "
    "Left out: judged by size and confidence. Set: exceeding it fails. A drop must also be outside the noise.",
    "max_rise": "Largest rise allowed; 1.0 is a doubling. Otherwise as `max_drop`.",
    "max_restated": "Largest relative change of periods that were complete before. "
    "Left out: 12 % in the last week or so, 5 % in what is older.",
    "sensitivity": "How readily the unexpected becomes a finding: `low`, `normal` or `high`.",
    "min_volume": (
        "Changes between two values that are both below this are not judged: a single number may go from 2 to 4 "
        "without a word."
    ),
    "stale": "How bad a tile is that was not refreshed: `info`, `warn` or `fail`.",
    "late_periods": "Complete periods at the end of a series that may still be empty because data arrives late.",
    "escalate_after": (
        "Runs in a row, this one included, after which a warning becomes a failure (`tile.lasting`): 3 fails a tile "
        "the third time. Left out: never. Needs the verdicts of earlier runs, which the analyze operator keeps."
    ),
    "holidays": "Days on which low values are expected.",
    "key_columns": "Columns that identify a row of a table; left empty they are found.",
    "ignore_columns": "Columns of a table not to look at.",
    "ignore": "Codes of findings to leave out; `*` stands for anything.",
}

_HEAD = """# Rules and findings

<!-- Written by `python -m airflow_dashboards.analysis.reference docs`; edit the code, not this file. -->

`Rules()` needs no tuning: what is expected of a series comes from its own history. What you set applies to all tiles; a
rule book has other rules for some of them. Later overrides win, field by field; each names its tiles by exactly one of
`tile` (ids), `insight` (names, `*` and `?` are wildcards) and `tag` (tags of the dashboard).

```yaml
default: {max_drop: 0.3}
overrides:
  - insight: "Newsletter *"
    rules: {max_drop: 0.6, holidays: ["2026-12-25"]}
  - tile: [17, 18]
    rules: {ignore: ["series.rise"]}
  - tag: experimental
    rules: {sensitivity: low}
```

## Fields

| field | default | meaning |
| --- | --- | --- |
"""

_CODES_HEAD = """
## Findings

A tile's verdict is its worst finding; info counts as pass. A failure is what is both large and certain; the same
finding about less than 5 % of a tile is a warning. What a finding's numbers are:

| code | severity | meaning | before; after; expected | tuned by |
| --- | --- | --- | --- | --- |
"""

_TAIL = """
## What is not a finding

A window that has moved on, the running period (known from the tile's last refresh, its timezone and its interval), a
weekend's dip, ordinary growth, a new day within its history's noise, late events that restate recent periods by a few
per cent, a period that was empty or partial before and is normal now, a value that falls off the end of a ranking, an
edit of an insight, of a dashboard's filters or of the timezone: such a tile is judged by itself, as a new one is, and
only what is wrong with it as it stands is a finding. A tile compared with the very same computation is `unchanged`,
without findings; one that was not refreshed although the picture after was taken later is never `unchanged` but
`nothing_comparable`, and `tile.stale`. One that shows the same although a period has ended that should have brought
more is `changed`.
"""


def schema() -> str:
    """Return the JSON schema of `analysis.json`."""
    return json.dumps(json_schema(), indent=2) + "\n"


def rules() -> str:
    """Return the rules reference, in Markdown."""
    fields = [
        f"| `{name}` | `{_default(field.default)}` | {_FIELDS[name]} |\n" for name, field in Rules.model_fields.items()
    ]
    codes = [
        f"| `{name}` | {code.severity} | {code.meaning} | {code.numbers} | {code.tuned_by} |\n"
        for name, code in CODES.items()
    ]
    return "".join([_HEAD, *fields, _CODES_HEAD, *codes, _TAIL])


def _default(value: object) -> object:
    shown = getattr(value, "value", value)
    return list(shown) if isinstance(shown, tuple) else shown


def main(folder: str) -> None:
    """Write both files into a folder."""
    docs = Path(folder)
    docs.mkdir(parents=True, exist_ok=True)
    (docs / "analysis.schema.json").write_text(schema(), encoding="utf-8")
    (docs / "rules.md").write_text(rules(), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
