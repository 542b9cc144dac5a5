from __future__ import annotations

import json
import re
import runpy
from pathlib import Path
from types import SimpleNamespace

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from rich.cells import cell_len

from airflow_dashboards.analysis import Snapshot, Tile, compare
from airflow_dashboards.analysis.model import Analysis, Figure, QueryKind, TileStatus
from airflow_dashboards.analysis.report import (
    Medium,
    escape_markdown,
    json_schema,
    message,
    render_html,
    render_markdown,
    render_text,
    summary_line,
    table,
    to_json,
)

cases = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("report_cases.py"))))
MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable("table").enable("strikethrough")


def tokens(markdown: str) -> list:
    found = []
    for token in MARKDOWN.parse(markdown):
        found += [token, *(token.children or [])]
    return found


def test_the_table_is_aligned_and_keeps_to_its_width() -> None:
    lines = table(cases.shop(), width=100).splitlines()
    assert len(lines) == 2 + 16
    assert lines[0].split() == ["Dashboard", "Tile", "Before", "After", "Change", "Verdict"]
    row = next(line for line in lines if "Purchases per day" in line)
    assert re.search(r"Web shop KPIs\s+Purchases per day\s+1,303\s+2,606\s+\+100%\s+FAIL$", row)
    assert row.index("FAIL") == lines[0].index("Verdict")
    assert row.index("2,606") + 5 == lines[0].index("After") + 5
    assert max(map(cell_len, lines)) <= 100


@pytest.mark.parametrize("width", [60, 80, 100, 120])
def test_the_table_stays_aligned_with_any_names(width: int) -> None:
    lines = table(cases.hostile(), width=width).splitlines()
    assert all(cell_len(line) <= width for line in lines)
    assert len(lines) == 2 + 2 * len(cases.HOSTILE)
    assert "\x1b" not in "".join(lines)


def test_numbers_are_never_cut() -> None:
    tile = cases.plain_tile(1, "T" * 500).model_copy(
        update={"figure": Figure(label="x", before=123456789012, after=-123456789012)}
    )
    assert "-123,456,789,012" in table([cases.analysis(1, "D" * 500, [tile])], width=60)


def test_an_empty_run_is_told_too() -> None:
    assert table([]).split()[:2] == ["Dashboard", "Tile"]
    assert "No dashboard was analyzed." in render_text([])
    assert "No dashboard was analyzed." in render_markdown([])
    assert summary_line([]) == "PASS: No dashboard was analyzed."


def test_text_tells_everything_once() -> None:
    text = render_text(cases.shop(), context=cases.shop_context())
    assert text.startswith("Dashboard refresh report\nFAIL: 4 of 16 tiles need a look")
    assert text.count("it looks like a day loaded twice.") == 1
    assert "Purchases per day (third day in a row)" in text
    assert "https://eu.posthog.com/project/1/dashboard/42" in text
    assert "javascript" not in text
    assert max(map(len, text.splitlines())) <= 110


def test_text_has_no_control_characters() -> None:
    text = render_text(cases.hostile(), context=cases.hostile_context())
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", text)
    assert "secret" not in text


@given(st.text())
def test_escaped_markdown_is_shown_letter_by_letter(text: str) -> None:
    for markdown in (escape_markdown(text), f"- x: {escape_markdown(text)}"):
        found = tokens(markdown)
        assert {token.type for token in found} <= {
            "paragraph_open", "paragraph_close", "inline", "text", "text_special",
            "bullet_list_open", "bullet_list_close", "list_item_open", "list_item_close",
        }  # fmt: skip


def test_hostile_names_stay_names_in_markdown() -> None:
    markdown = render_markdown(cases.hostile(), title=cases.HOSTILE[1], context=cases.hostile_context())
    found = tokens(markdown)
    assert not {token.type for token in found} & {"html_block", "html_inline", "image", "code_block", "fence"}
    assert {token.attrs["href"] for token in found if token.type == "link_open"} == {
        "https://ok.example/?a=1&b=%3Cx%3E",
        *(f"https://eu.posthog.com/project/1/dashboard/{70 + place}" for place in range(len(cases.HOSTILE))),
        *(f"https://eu.posthog.com/project/1/insights/Pl{1:06d}" for _ in cases.HOSTILE),
    }
    rows = [token for token in found if token.type == "tr_open"]
    assert len(rows) == 2 * len(cases.HOSTILE) + 1 + len(cases.HOSTILE)
    assert "secret" not in markdown


def test_markdown_tells_the_findings() -> None:
    markdown = render_markdown(cases.shop(), context=cases.shop_context())
    assert "❌ **Fail.** 4 of 16 tiles need a look: Purchases per day" in markdown
    assert (
        "| [Purchases per day](https://eu.posthog.com/project/1/insights/Ab000001) | 1,303 | 2,606 | +100% | FAIL |"
        in markdown
    )
    assert "### ❌ Purchases per day (third day in a row)" in markdown


def test_the_summary_fits_a_mail_subject() -> None:
    line = summary_line(cases.hostile())
    assert len(line) <= 200
    assert len(line.splitlines()) == 1
    assert line.startswith("FAIL: 7 of 20 tiles need a look: ")


def test_a_slack_message_names_tiles_with_links() -> None:
    lines = message(cases.shop(), context=cases.shop_context(), most=3).splitlines()
    assert lines[0].startswith("❌ *4 of 16 tiles need a look")
    assert lines[1] == "<https://eu.posthog.com/project/1/dashboard/42|Web shop KPIs>: FAIL (third day in a row)"
    assert lines[2].startswith(
        "• ❌ <https://eu.posthog.com/project/1/insights/Ab000001|Purchases per day>: 1,303 → 2,606 (+100%)."
    )
    assert lines[-2] == "• and 1 more"
    assert lines[-1] == "<https://airflow.example.com/dags/nightly_load/runs/1|Airflow run>"


def test_slack_sees_no_mention_link_or_mark_in_a_name() -> None:
    text = message(cases.hostile(), context=cases.hostile_context(), most=50)
    inside = re.findall(r"<([^>]*)>", text)
    assert all(re.match(r"https://(ok\.example|eu\.posthog\.com)/[^|]*\|[^|]*$", link) for link in inside), inside
    assert "<!channel>" not in text
    assert "@here" not in text
    assert "*bold*" not in text
    assert "secret" not in text


def test_a_mail_is_escaped_html() -> None:
    mail = message(cases.hostile(), medium=Medium.HTML, context=cases.hostile_context(), most=50)
    assert set(re.findall(r"<(\w+)", mail)) == {"p", "a", "bdi", "strong"}
    assert "javascript:alert(1)//" not in re.findall('href="([^"]*)"', mail)
    assert all(href.startswith("https://") for href in re.findall('href="([^"]*)"', mail))


def test_a_good_morning_is_one_line_and_the_links() -> None:
    text = message([cases.analysis(1, "D", [cases.plain_tile(1, "A")])], medium=Medium.TEXT)
    assert text == "✅ All is well: nothing changed on 1 dashboard."


def test_json_validates_against_its_schema_and_reads_back() -> None:
    written = to_json([*cases.shop(), *cases.hostile()])
    document = json.loads(written)
    jsonschema.Draft202012Validator.check_schema(json_schema())
    jsonschema.validate(document, json_schema())
    assert "Infinity" not in written
    assert [Analysis.model_validate(each) for each in document[:3]] == cases.shop()
    assert to_json([]) == "[]\n"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate([{**document[0], "status": "fine"}], json_schema())


def test_what_compare_says_is_told_in_every_medium() -> None:
    def shown(rows: list) -> Snapshot:
        tile = Tile(
            id=7,
            kind=QueryKind.TABLE,
            status=TileStatus.OK if rows else TileStatus.EMPTY,
            name="Refunds",
            query={"kind": "HogQLQuery", "query": "select 1"},
            result=rows,
            columns=["country", "refunds"],
        )
        return Snapshot(
            dashboard_id=1,
            dashboard_name="Shop",
            project_id=1,
            host="https://eu.posthog.com",
            taken_at=cases.NOW,
            tiles=[tile],
        )

    emptied = compare(shown([["DE", 3], ["FR", 4]]), shown([]))
    for told in (
        render_html([emptied]),
        render_markdown([emptied]),
        render_text([emptied]),
        message([emptied]),
        summary_line([emptied]),
    ):
        assert "1 of 1 tile needs a look" in told
        assert "Refunds" in told
    assert json.loads(to_json([emptied]))[0]["status"] == "fail"
    first = compare(None, shown([["DE", 3]]))
    assert "Nothing could be compared" in summary_line([first])
