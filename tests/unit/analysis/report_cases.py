"""Analyses as `compare` would give them, for the tests of the report: a shop's dashboards, and hostile ones."""

from __future__ import annotations

import math
from datetime import date, datetime, timedelta, timezone

from airflow_dashboards.analysis.model import (
    Analysis,
    Chart,
    ChartMark,
    ChartSeries,
    Comparability,
    Figure,
    Finding,
    QueryKind,
    Severity,
    TileAnalysis,
    TileStatus,
    Verdict,
)
from airflow_dashboards.analysis.report import PastVerdict, ReportContext, history_key

NOW = datetime(2026, 6, 15, 4, 30, tzinfo=timezone.utc)
HOSTILE = [
    "<script>document.title='owned'</script><img src=x onerror=alert(1)>",
    "</title></style></svg><iframe src='https://evil.example/'></iframe>",
    "\u202eReversed \u2066name\u2069 with \x00\x07\x1b[31mcontrols\x1b[0m\r\nand lines",
    "مبيعات اليوم 123 والمشتركون الجدد",
    "&lt;b&gt; {{ 7*7 }} {% raw %} ${7*7} $\\frac{1}{2}$ | `code` *bold* _it_ <!channel> @here",
    "javascript:alert(1)//\"' onmouseover='alert(2)",
    "W" * 10_000,
    "<" * 10_000,
    "売上 " * 80,
    "",
]


def days(amount: int, last: date = date(2026, 6, 14)) -> list[str]:
    return [(last - timedelta(days=amount - 1 - place)).isoformat() for place in range(amount)]


def rhythm(amount: int, level: float, growth: float = 0.002) -> list[float]:
    """A weekly rhythm with trend and a little deterministic noise."""
    return [
        round(level * (1 + growth * i) * (1 - 0.28 * (i % 7 in (5, 6))) * (1 + 0.05 * math.sin(i * 12.9898)), 0)
        for i in range(amount)
    ]


def series_tile(
    tile_id: int,
    name: str,
    *,
    verdict: Verdict = Verdict.PASS,
    factor: float = 1.0,
    at: int = -2,
    amount: int = 60,
    level: float = 1200,
    summary: str = "Within what is usual for a Saturday.",
    text: str = "",
    comparability: Comparability = Comparability.CHANGED,
    incomplete: bool = True,
) -> TileAnalysis:
    x = days(amount)
    before: list[float | None] = list(rhythm(amount, level))
    usual = rhythm(amount, level)
    after: list[float | None] = list(usual)
    after[at] = round(usual[at] * factor)
    if incomplete:
        before[-1], after[-1] = None, round(usual[-1] * 0.2)
    position = at % amount
    severity = {Verdict.FAIL: Severity.FAIL, Verdict.WARN: Severity.WARN, Verdict.PASS: Severity.INFO}[verdict]
    findings = []
    if verdict is not Verdict.PASS:
        findings.append(
            Finding(
                code="series.rise" if factor > 1 else "series.drop",
                severity=severity,
                message=summary,
                subject=name,
                period=x[position],
                before=before[position],
                after=after[position],
                expected_low=usual[position] * 0.87,
                expected_high=usual[position] * 1.13,
                confidence=0.9994,
            )
        )
    return TileAnalysis(
        tile_id=tile_id,
        insight_id=tile_id + 500,
        insight_short_id=f"Ab{tile_id:06d}",
        name=name,
        kind=QueryKind.TRENDS,
        status_before=TileStatus.OK,
        status_after=TileStatus.OK,
        last_refresh_before=NOW - timedelta(days=1),
        last_refresh_after=NOW - timedelta(minutes=4),
        comparability=comparability,
        verdict=verdict,
        summary=summary,
        figure=Figure(label=f"{name.lower()[:40]} on {x[position]}", before=before[position], after=after[position]),
        findings=findings,
        chart=Chart(
            type="line",
            x=x,
            series=[
                ChartSeries(
                    label=name,
                    before=before,
                    after=after,
                    expected_low=[value * 0.87 for value in usual],
                    expected_high=[value * 1.13 for value in usual],
                )
            ],
            marks=[ChartMark(series=0, index=position, severity=severity, text=text)] if text else [],
            incomplete_from=amount - 1 if incomplete else None,
        ),
    )


def breakdown_tile(tile_id: int, verdict: Verdict = Verdict.WARN, series: int = 5, amount: int = 30) -> TileAnalysis:
    names = ["Chrome", "Safari", "Firefox", "Edge", "Samsung Internet", "Opera", "Other"]
    drawn = []
    for place in range(series):
        usual: list[float | None] = list(rhythm(amount, 900 / (place + 1)))
        after = list(usual)
        if place == 1 and verdict is not Verdict.PASS:
            after[-5:] = [None] * 5
        drawn.append(
            ChartSeries(
                label=names[place % len(names)] + (f" {place}" if place >= len(names) else ""),
                before=usual,
                after=after,
                expected_low=[(value or 0) * 0.8 for value in usual],
                expected_high=[(value or 0) * 1.2 for value in usual],
            )
        )
    base = series_tile(tile_id, "Visitors by browser", verdict=verdict, summary="Safari has no visitors since 10 June.")
    marks = [ChartMark(series=1, index=amount - 5, severity=Severity.WARN, text="Safari vanished")]
    return base.model_copy(
        update={
            "chart": Chart(
                type="line",
                x=days(amount),
                series=drawn,
                marks=marks if verdict is not Verdict.PASS else [],
                hidden_series=3,
            )
        }
    )


def funnel_tile(tile_id: int, verdict: Verdict = Verdict.PASS) -> TileAnalysis:
    base = series_tile(tile_id, "Checkout funnel", summary="Conversion from cart to purchase is 31%, as usual.")
    return base.model_copy(
        update={
            "kind": QueryKind.FUNNEL,
            "verdict": verdict,
            "figure": Figure(label="overall conversion", before=0.312, after=0.309),
            "findings": [],
            "chart": Chart(
                type="bar",
                x=["1. product viewed", "2. added to cart", "3. checkout started", "4. purchase"],
                series=[
                    ChartSeries(
                        label="people",
                        before=[18230, 7411, 4230, 2310],
                        after=[18604, 7560, 4302, 1120 if verdict is not Verdict.PASS else 2342],
                        expected_low=[17000, 7000, 4000, 2100],
                        expected_high=[19500, 8000, 4600, 2500],
                    )
                ],
                marks=[ChartMark(series=0, index=3, severity=Severity.WARN, text="half of what is usual")]
                if verdict is not Verdict.PASS
                else [],
            ),
        }
    )


def histogram_tile(tile_id: int) -> TileAnalysis:
    base = series_tile(tile_id, "Time to convert", summary="The median is 4 minutes, as usual.")
    heights: list[float | None] = [round(900 * math.exp(-(((i - 6) / 5) ** 2))) for i in range(24)]
    return base.model_copy(
        update={
            "kind": QueryKind.FUNNEL_TIME,
            "figure": Figure(label="median minutes", before=4.12, after=4.2),
            "chart": Chart(
                type="bar",
                x=[f"{i} min" for i in range(24)],
                series=[ChartSeries(label="people", before=heights, after=[(h or 0) * 1.04 for h in heights])],
            ),
        }
    )


def plain_tile(tile_id: int, name: str, comparability: Comparability = Comparability.UNCHANGED) -> TileAnalysis:
    cold = comparability is not Comparability.UNCHANGED
    return TileAnalysis(
        tile_id=tile_id,
        insight_short_id=f"Pl{tile_id:06d}",
        name=name,
        kind=QueryKind.TABLE,
        status_before=TileStatus.COLD if cold else TileStatus.OK,
        status_after=TileStatus.OK,
        comparability=comparability,
        verdict=Verdict.PASS,
        summary="It had never been computed before this run." if cold else "The same 24 rows as before.",
        figure=None if cold else Figure(label="rows", before=24, after=24),
    )


def emptied_tile(tile_id: int) -> TileAnalysis:
    message = "The table is empty; it held 38 rows before."
    return TileAnalysis(
        tile_id=tile_id,
        insight_short_id=f"Em{tile_id:06d}",
        name="Refunds by country",
        kind=QueryKind.TABLE,
        status_before=TileStatus.OK,
        status_after=TileStatus.EMPTY,
        last_refresh_before=NOW - timedelta(days=1),
        last_refresh_after=NOW,
        comparability=Comparability.CHANGED,
        verdict=Verdict.FAIL,
        summary=message,
        figure=Figure(label="rows", before=38, after=0),
        findings=[Finding(code="tile.emptied", severity=Severity.FAIL, message=message, before=38, after=0)],
    )


def analysis(
    dashboard_id: int, name: str, tiles: list[TileAnalysis], *, summary: str = "", findings: list[Finding] | None = None
) -> Analysis:
    rank = [Verdict.PASS, Verdict.WARN, Verdict.FAIL]
    status = max((tile.verdict for tile in tiles), key=rank.index, default=Verdict.PASS)
    said = {tile.comparability for tile in tiles}
    return Analysis(
        dashboard_id=dashboard_id,
        dashboard_name=name,
        project_id=1,
        host="https://eu.posthog.com",
        url=f"https://eu.posthog.com/project/1/dashboard/{dashboard_id}",
        before_at=NOW - timedelta(hours=3),
        after_at=NOW,
        comparability=Comparability.CHANGED if Comparability.CHANGED in said or not said else said.pop(),
        status=status,
        summary=summary or f"{len(tiles)} tiles compared.",
        findings=findings or [],
        tiles=tiles,
    )


def shop() -> list[Analysis]:
    """Three dashboards of a shop on the morning after a broken load."""
    return [
        analysis(
            43,
            "Marketing overview",
            [
                breakdown_tile(20),
                series_tile(21, "Newsletter clicks", level=220),
                histogram_tile(22),
                plain_tile(23, "Top landing pages"),
            ],
            summary="One breakdown value has vanished; the other tiles moved as they do every day.",
        ),
        analysis(
            42,
            "Web shop KPIs",
            [
                series_tile(
                    1,
                    "Purchases per day",
                    verdict=Verdict.FAIL,
                    factor=2.0,
                    summary="13 June has 1,944 purchases, twice what Saturdays have: it looks like a day loaded twice.",
                    text="1,944 on 13 June: twice the usual",
                ),
                series_tile(
                    2,
                    "Sign-ups per day",
                    verdict=Verdict.FAIL,
                    factor=0.08,
                    level=340,
                    summary="13 June has 22 sign-ups where 235 to 305 were expected.",
                    text="22 sign-ups, 235 to 305 expected",
                ),
                emptied_tile(3),
                funnel_tile(4),
                series_tile(5, "Revenue, EUR", level=48_200),
                series_tile(6, "Sessions per hour", level=812, amount=200),
                plain_tile(7, "Weekly retention"),
                plain_tile(8, "Most viewed products"),
                plain_tile(9, "Countries"),
                plain_tile(10, "New tile of the support team", Comparability.NOTHING_CAPTURED),
            ],
            summary="Two series and one table are far from what their history lets expect.",
            findings=[
                Finding(
                    code="dashboard.tile_added",
                    severity=Severity.INFO,
                    message="The tile 'New tile of the support team' was not on the dashboard before.",
                )
            ],
        ),
        analysis(
            44, "Support", [plain_tile(30, "Open tickets"), plain_tile(31, "First answer")], summary="Nothing moved."
        ),
    ]


def shop_context() -> ReportContext:
    def past(*verdicts: Verdict) -> list[PastVerdict]:
        return [
            PastVerdict(when=NOW - timedelta(days=len(verdicts) - place), verdict=verdict)
            for place, verdict in enumerate(verdicts)
        ]

    good, warn, fail = Verdict.PASS, Verdict.WARN, Verdict.FAIL
    return ReportContext(
        dag_id="nightly_load",
        run_id="scheduled__2026-06-15T04:00:00+00:00",
        logical_date=datetime(2026, 6, 15, 4, tzinfo=timezone.utc),
        narrative="Purchases doubled on 13 June while sessions held still, which speaks for a load that ran twice.\n\n"
        "Revenue grew by 212% in the same window.",
        narrative_source="PostHog AI",
        narrative_unverified=["212%"],
        links={"Airflow run": "https://airflow.example.com/dags/nightly_load/runs/1", "Bad": "javascript:alert(1)"},
        notes=["Tile 23 is filtered by the dashboard's own date range."],
        history={
            history_key(42): past(good, good, warn, good, good, good, fail, fail),
            history_key(43): past(good, good, good, good),
            history_key(42, 1): past(good, fail, fail),
        },
    )


def hostile() -> list[Analysis]:
    """Every text that PostHog chooses, hostile, in every place it can stand."""
    tiles = []
    for place, name in enumerate(HOSTILE):
        verdict = [Verdict.FAIL, Verdict.WARN, Verdict.PASS][place % 3]
        tile = series_tile(
            place + 1, name or "x", verdict=verdict, factor=3, summary=name or "x", text=name[:500] or "x"
        )
        chart = funnel_tile(1, Verdict.WARN).chart if place % 2 else tile.chart
        assert chart
        chart = chart.model_copy(
            update={
                "x": [name[:300], *chart.x[1:]],
                "series": [chart.series[0].model_copy(update={"label": name})],
            }
        )
        findings = [finding.model_copy(update={"message": f"Saw {name}"}) for finding in tile.findings]
        figure = Figure(label=name, before=1, after=float("inf"))
        tiles.append(
            tile.model_copy(
                update={
                    "name": name,
                    "chart": chart,
                    "findings": findings,
                    "figure": figure,
                    "insight_short_id": name,
                }
            )
        )
    bad = analysis(66, HOSTILE[0], tiles, summary=HOSTILE[1])
    return [
        bad.model_copy(update={"url": "javascript:alert(1)", "host": "javascript:alert(1)//"}),
        *(
            analysis(70 + place, name, [plain_tile(1, name, list(Comparability)[place % 4])])
            for place, name in enumerate(HOSTILE)
        ),
    ]


def hostile_context() -> ReportContext:
    return ReportContext(
        dag_id=HOSTILE[0],
        run_id=HOSTILE[5],
        narrative=HOSTILE[0] + "\n\n" + HOSTILE[4],
        narrative_source=HOSTILE[1],
        narrative_unverified=["<img"],
        links={
            HOSTILE[0]: "https://ok.example/?a=1&b=<x>",
            "data": "data:text/html,x",
            "user": "https://u:secret@h.example/",
        },
        notes=HOSTILE,
    )
