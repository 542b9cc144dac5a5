from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_dashboards.analysis.model import Figure, Verdict
from airflow_dashboards.analysis.report import words
from airflow_dashboards.analysis.report.context import PastVerdict
from airflow_dashboards.analysis.report.outline import streak

NOW = datetime(2026, 6, 15, 4, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (None, words.NOTHING),
        (float("nan"), words.NOTHING),
        (float("-inf"), words.NOTHING),
        (0, "0"),
        (-0.0, "0"),
        (12345.0, "12,345"),
        (-1204, "-1,204"),
        (1234.56, "1,234.6"),
        (0.123456, "0.1235"),
        (0.00001234, "1.23e-05"),
        (999_999_999_999_999, "999,999,999,999,999"),
        (1e300, "1.000e+300"),
    ],
)
def test_numbers_are_exact_where_they_can_be(value: float | None, written: str) -> None:
    assert words.number(value) == written


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (1204, 2391, "+99%"),
        (100, 96.6, "-3.4%"),
        (100, 100, "0%"),
        (0, 0, "0%"),
        (0, 5, "from 0"),
        (None, 5, "new"),
        (5, None, "gone"),
        (None, None, words.NOTHING),
        (10, 0, "-100%"),
        (1, 12, "\u00d712"),
        (-10, -20, "-100%"),
        (1_000_000, 1_000_001, "+<0.1%"),
        (100, 109.96, "+10%"),
    ],
)
def test_change_is_said_in_one_word(before: float | None, after: float | None, said: str) -> None:
    assert words.moved(Figure(label="x", before=before, after=after)) == said


def test_no_figure_no_change() -> None:
    assert words.moved(None) == words.NOTHING


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("a\r\nb\tc", "a b c"),
        ("\u202eevil\u202c", "evil"),
        ("red\x1b[31m alert\x1b[0m\x07", "red alert"),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        ("line\u2028separator", "line separator"),
        ("👩\u200d💻", "👩\u200d💻"),
        ("\u0645\u06cc\u200c\u062e", "\u0645\u06cc\u200c\u062e"),
    ],
)
def test_invisible_characters_go_and_letters_stay(text: str, cleaned: str) -> None:
    assert words.clean(text) == cleaned


@given(st.text(), st.integers(1, 40))
def test_cut_text_is_short_printable_and_on_one_line(text: str, limit: int) -> None:
    short = words.cut(text, limit)
    assert len(short) <= limit
    assert len(short.splitlines()) <= 1
    assert all(char.isprintable() or char in "\u200c\u200d" or ord(char) > 0x7F for char in short)


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "data:text/html,x",
        "//example.com/x",
        "/relative",
        "https://",
        "https://user:secret@h.example/",
        "https://token@h.example/",
        "https://h.example/ x",
        "https://h.example/\n",
        "java\tscript:alert(1)",
        "https://[broken",
        "ftp://h.example/",
        "",
        None,
        "https://h.example/" + "x" * 3000,
    ],
)
def test_only_plain_web_addresses_become_links(url: str | None) -> None:
    assert words.safe_url(url) is None


def test_a_link_cannot_leave_its_attribute() -> None:
    assert words.safe_url("https://h.example/?a=1&b=2#x") == "https://h.example/?a=1&b=2#x"
    assert words.safe_url('https://h.example/"><b>') == "https://h.example/%22%3E%3Cb%3E"
    assert words.insight_url("https://h.example/", 1, "Ab_-9") == "https://h.example/project/1/insights/Ab_-9"
    assert words.insight_url("https://h.example", 1, "../../x") is None


@pytest.mark.parametrize(
    ("label", "shown"),
    [
        ("2026-06-01", "1 Jun"),
        ("2026-06-01 13:00:00", "1 Jun 13:00"),
        ("2026-06-01T00:00:00Z", "1 Jun 00:00"),
        ("2026-99-99", "2026-99-99"),
        ("Step 1", "Step 1"),
    ],
)
def test_periods_are_shortened(label: str, shown: str) -> None:
    assert words.period(label) == shown


def past(*verdicts: Verdict, hours: int = 24) -> list[PastVerdict]:
    ago = [timedelta(hours=hours * (len(verdicts) - place)) for place in range(len(verdicts))]
    return [PastVerdict(when=NOW - early, verdict=verdict) for early, verdict in zip(ago, verdicts, strict=True)]


def test_a_streak_counts_days_where_runs_are_daily_and_runs_otherwise() -> None:
    good, warn, fail = Verdict.PASS, Verdict.WARN, Verdict.FAIL
    assert streak(past(fail, good, warn, fail), fail, NOW) == "third day in a row"
    assert streak(past(warn, fail, hours=1), fail, NOW) == "third run in a row"
    assert streak(past(fail, hours=72), fail, NOW) == "second run in a row"
    assert streak(past(*[fail] * 20), warn, NOW) == "21st day in a row"
    assert streak(past(fail, good), fail, NOW) is None
    assert streak(past(fail, fail), good, NOW) is None
    assert streak([], fail, NOW) is None
