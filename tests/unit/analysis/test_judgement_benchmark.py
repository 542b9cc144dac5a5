"""A small sample of the labelled mornings: quiet on the benign, loud on the harmed."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parents[3]))


@pytest.mark.usefixtures("benchmark")
def test_a_sample_of_labelled_mornings() -> None:
    from benchmarks.judgement.dashboards import generate
    from benchmarks.judgement.score import OURS, score, table

    scores = score(generate(20260601, 40))
    ours = scores.pop(OURS)
    assert ours.f1 >= 0.95, table({OURS: ours, **scores})
    assert ours.false_alarms <= 0.02
    assert all(ours.f1 > each.f1 + 0.1 for each in scores.values())
