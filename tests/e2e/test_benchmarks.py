"""Every measurement of `make bench` runs, in its small size. What it measures there is nothing to go by."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.e2e

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", ["client", "import", "compare", "memory", "cycle"])
def test_a_measurement_runs(name: str, tmp_path: Path) -> None:
    out = tmp_path / "bench.json"
    subprocess.run(
        ["make", "bench", f"BENCH=--quick {name} --out {out}"], cwd=REPOSITORY, check=True, capture_output=True
    )
    told = json.loads(out.read_text())
    assert told["figures"], told
    assert not told["failed"]
    assert any(figure["limit"] is not None for figure in told["figures"])
