from __future__ import annotations

import re
import runpy
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_dashboards.analysis.model import Comparability, QueryKind, Verdict
from airflow_dashboards.analysis.report import ReportContext, render_html

CASES = Path(__file__).with_name("report_cases.py")
cases = SimpleNamespace(**runpy.run_path(str(CASES)))
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
VOID = {"meta", "link", "br", "use", "path"}


class Page(HTMLParser):
    """The elements of a page, as a parser sees them; void and self-closed ones included."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.headings: list[int] = []
        self.skipped = 0
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.skipped += tag == "style"
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))

    def handle_endtag(self, tag: str) -> None:
        self.skipped -= tag == "style"

    def handle_data(self, data: str) -> None:
        if not self.skipped and data.strip():
            self.words.append(data.strip())

    @property
    def text(self) -> str:
        return " ".join(self.words)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.elements if name == tag]


def assert_harmless(html: str) -> Page:
    """The page has no element, attribute or address that could run, load or send anything."""
    page = Page(html)
    ours = set(re.findall(r"<([a-z]\w*)", (RESOURCES / "report.html.jinja").read_text())) | {
        "bdi",
        "sup",
        "mark",
        "html",
    }
    drawn = {"svg", "g", "path", "text", "use", "defs", "clippath", "rect", "title", "desc", "symbol"}
    for tag, attrs in page.elements:
        assert tag in ours | drawn, tag
        for name, value in attrs.items():
            assert not name.startswith("on"), (tag, name)
            assert name not in {"src", "srcset", "srcdoc", "action", "formaction", "background", "xlink:href"}, (
                tag,
                name,
            )
            if name == "href":
                assert re.match(r"#[\w-]+$|https?://[\w.]+/|data:,$", value or ""), (tag, value)
            if name == "style":
                assert "url(" not in re.sub(r"url\(#[\w-]+\)", "", value or "")
        if tag == "a" and (attrs["href"] or "").startswith("http"):
            assert attrs["rel"] == "noopener noreferrer"
    assert [meta["content"] for meta in page.all("meta") if meta.get("http-equiv")] == [POLICY]
    assert "script" not in {tag for tag, _ in page.elements}
    ids = [attrs["id"] for _, attrs in page.elements if "id" in attrs]
    assert len(ids) == len(set(ids))
    used = {(attrs.get("href") or "")[1:] for tag, attrs in page.elements if tag in {"use", "a"}} & {
        *re.findall("#(.+)", "")
    }
    assert used <= set(ids)
    return page


RESOURCES = Path(sys.modules["airflow_dashboards.analysis.report.html"].__file__ or "").parent


@pytest.fixture(scope="module")
def shop() -> str:
    return render_html(cases.shop(), context=cases.shop_context())


def test_the_headline_says_what_happened(shop: str) -> None:
    page = assert_harmless(shop)
    assert "4 of 16 tiles need a look" in page.text
    assert page.headings.count(1) == 1
    assert re.search(
        r"<title>Fail: 4 of 16 tiles need a look: Purchases per day, Sign-ups per day, Refunds by country and 1 more",
        shop,
    )


def test_the_worst_dashboard_and_tile_come_first(shop: str) -> None:
    text = Page(shop).text
    places = [text.index(words) for words in ("Web shop KPIs third day", "Marketing overview", "Support 2 unchanged")]
    assert places == sorted(places)
    cards = re.findall(r'<article class="card (\w+)"', shop)
    assert cards == ["fail", "fail", "fail", "pass", "pass", "pass", "warn", "pass", "pass"]


def test_a_card_shows_the_figure_the_finding_and_the_picture(shop: str) -> None:
    card = next(part for part in shop.split("<article") if "Purchases per day</bdi></h4>" in part)
    text = Page("<article" + card.split("</article>")[0]).text
    assert "1,303" in text
    assert "2,606" in text
    assert "+100%" in text
    assert "expected\u00a01,134\u00a0to\u00a01,472" in text
    assert "third day in a row" in text
    assert "The numbers" in text
    assert card.count('role="img"') == 3  # two widths of the picture, and the finding's sign
    assert 'aria-labelledby="d1-attention-1-wide-t d1-attention-1-wide-d"' in card


def test_unchanged_tiles_are_folded_and_uncompared_ones_are_not_among_them(shop: str) -> None:
    page = Page(shop)
    folded = re.findall(r'<details class="unchanged">.*?</details>', shop, re.DOTALL)
    assert len(folded) == 3
    assert "Weekly retention" in folded[0]
    assert "New tile of the support team" not in "".join(folded)
    assert "Not compared New tile of the support team" in page.text


def test_headings_go_down_one_step_at_a_time(shop: str) -> None:
    headings = Page(shop).headings
    assert all(later - earlier <= 1 for earlier, later in pairwise(headings))


def test_the_narrative_is_named_and_its_doubtful_figures_are_marked(shop: str) -> None:
    assert "Written by <bdi>PostHog AI</bdi>. It decided nothing" in shop
    assert '<mark title="Not borne out by the analysis">212%<sup>?</sup></mark>' in shop


def test_unsafe_links_are_left_out(shop: str) -> None:
    assert 'href="https://airflow.example.com/dags/nightly_load/runs/1"' in shop
    assert "javascript" not in shop


def test_hostile_names_do_no_harm() -> None:
    html = render_html(cases.hostile(), title=cases.HOSTILE[1], context=cases.hostile_context())
    page = assert_harmless(html)
    assert "secret" not in html
    assert "evil.example" not in [attrs.get("href") for attrs in page.all("a")]
    assert not re.search("[\x00-\x08\x0b-\x1f\u202a-\u202e\u2066-\u2069]", html)
    assert "{{ 7*7 }} {% raw %} ${7*7} $\\frac{1}{2}$" in page.text  # no template and no math ran
    assert len(html.encode()) < 1_000_000


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(), st.text(), st.text())
def test_no_text_can_become_markup(name: str, summary: str, label: str) -> None:
    tile = cases.funnel_tile(1, Verdict.WARN)
    chart = tile.chart.model_copy(
        update={
            "x": [name, label, summary, "x"],
            "series": [tile.chart.series[0].model_copy(update={"label": label})],
            "marks": [tile.chart.marks[0].model_copy(update={"text": name + summary})],
        }
    )
    tile = tile.model_copy(update={"name": name, "summary": summary, "chart": chart, "insight_short_id": label})
    context = ReportContext(
        dag_id=name, narrative=summary, narrative_unverified=[label, name], notes=[name], links={name: label}
    )
    assert_harmless(render_html([cases.analysis(1, name, [tile], summary=summary)], title=label, context=context))


def test_thirty_heavy_tiles_stay_below_a_megabyte() -> None:
    long = "<" * 10_000
    tiles = [
        cases.breakdown_tile(place, series=12, amount=800).model_copy(
            update={"name": f"{place}{long}", "summary": long}
        )
        for place in range(30)
    ]
    tiles = [tile.model_copy(update={"findings": tile.findings * 50}) for tile in tiles]
    html = render_html([cases.analysis(1, long, tiles, summary=long, findings=tiles[0].findings)])
    assert len(html.encode()) < 1_000_000
    assert html.count('<svg class="wide"') == 30
    assert max(len(svg.encode()) for svg in re.findall(r'<svg class="(?:wide|narrow)".*?</svg>', html)) < 25_000


def test_hundreds_of_tiles_draw_those_that_need_a_look_and_stay_bounded() -> None:
    tiles = [cases.series_tile(place, f"Tile {place}") for place in range(150)]
    tiles.append(cases.series_tile(999, "The broken one", verdict=Verdict.FAIL, factor=4))
    html = render_html([cases.analysis(place, f"D{place}", tiles[place::3]) for place in range(3)])
    assert len(html.encode()) < 1_500_000
    card = next(part for part in html.split("<article") if "The broken one</bdi></h4>" in part)
    assert '<svg class="wide"' in card


def test_without_matplotlib_the_tables_stand_open_and_one_line_says_how_to_get_charts(
    monkeypatch: pytest.MonkeyPatch, shop: str
) -> None:
    hint = "pip install &#39;airflow-dashboards[report]&#39;"
    assert hint not in shop
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    html = render_html(cases.shop(), context=cases.shop_context())
    assert_harmless(html)
    assert html.count(hint) == 1
    assert '<svg class="wide"' not in html
    assert html.count('<details class="numbers" open>') == 3
    assert "2,606" in html


SCRIPT = """
import runpy, sys
sys.dont_write_bytecode = True
from airflow_dashboards.analysis.report import render_html
assert not {"matplotlib", "numpy", "rich"} & set(sys.modules), "loaded before anything is drawn"
cases = runpy.run_path(sys.argv[1])
sys.stdout.buffer.write(render_html(cases["shop"](), context=cases["shop_context"]()).encode())
assert "matplotlib.pyplot" not in sys.modules
"""


def test_the_same_inputs_give_the_same_bytes_whatever_the_machine_prefers(shop: str, tmp_path: Path) -> None:
    settings_file = tmp_path / "matplotlibrc"
    settings_file.write_text("font.size: 30\nlines.linewidth: 9\nsvg.fonttype: path\naxes.facecolor: red\n")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(CASES)],
        capture_output=True,
        check=False,
        timeout=60,
        env={
            "MATPLOTLIBRC": str(settings_file),
            "PYTHONHASHSEED": "7",
            "MPLCONFIGDIR": str(tmp_path),
            "TZ": "Asia/Tokyo",
        },
    )
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout.decode() == shop


def test_threads_can_render_at_the_same_time(shop: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        pages = list(pool.map(lambda _: render_html(cases.shop(), context=cases.shop_context()), range(4)))
    assert pages == [shop] * 4


@pytest.mark.parametrize(
    ("analyses", "sentence"),
    [
        ([], "No dashboard was analyzed."),
        (
            [cases.analysis(1, "New", [cases.plain_tile(1, "A", Comparability.NOTHING_CAPTURED)])],
            "Nothing could be compared: there was no earlier result to hold against.",
        ),
        (
            [cases.analysis(1, "Still", [cases.plain_tile(1, "A")])],
            "All is well: nothing changed on 1 dashboard.",
        ),
        (
            [cases.analysis(1, "Day", [cases.series_tile(1, "A"), cases.plain_tile(2, "B")])],
            "All is well: 1 tile changed within what is usual on 1 dashboard.",
        ),
        (
            [cases.analysis(1, "One", [cases.emptied_tile(1), cases.plain_tile(2, "B")])],
            "1 of 2 tiles needs a look: Refunds by country.",
        ),
        (
            [cases.analysis(1, "Gone", [cases.plain_tile(2, "B")]).model_copy(update={"status": Verdict.FAIL})],
            "No tile stands out, but 1 dashboard needs a look: Gone.",
        ),
    ],
)
def test_every_morning_has_its_sentence(analyses: list, sentence: str) -> None:
    html = render_html(analyses)
    assert_harmless(html)
    heading = re.search("<h1>(.*?)</h1>", html)
    assert heading
    assert Page(heading[1]).text.replace(" .", ".") == sentence


def test_a_tile_that_was_not_compared_has_no_pass_badge() -> None:
    html = render_html([cases.analysis(1, "New", [cases.plain_tile(1, "A", Comparability.NOTHING_COMPARABLE)])])
    assert 'class="badge pass"' not in html
    assert 'class="badge idle"' in html


@pytest.mark.parametrize("kind", list(QueryKind))
def test_every_kind_has_a_name(kind: QueryKind) -> None:
    tile = cases.series_tile(1, "A").model_copy(update={"kind": kind})
    assert "Pass" in render_html([cases.analysis(1, "D", [tile])])
