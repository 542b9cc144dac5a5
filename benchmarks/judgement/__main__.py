"""`python -m benchmarks.judgement --seed 1 --dashboards 300`: prints the score, writes build/bench/judgement.json.

Exits 0 if `compare` has an F1 of at least 0.98, alarms at less than one of 200 harmless tiles, and finds at least 95 %
of every class of harm with 40 tiles or more, and of all smaller classes together.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from benchmarks.judgement.dashboards import generate
from benchmarks.judgement.score import OURS, as_json, score, table


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.judgement", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--dashboards", type=int, default=300)
    parser.add_argument("--wrong", type=int, default=0, help="print this many of the tiles judged wrongly")
    parser.add_argument("--out", type=Path, default=Path("build/bench/judgement.json"))
    given = parser.parse_args()
    scores = score(generate(given.seed, given.dashboards))
    print(table(scores))
    for each in scores[OURS].wrong[: given.wrong]:
        print(f"{each['class']} ({each['kind']}, dashboard {each['dashboard']}, tile {each['tile']}): {each['said']}")
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps({"seed": given.seed, "dashboards": given.dashboards, **as_json(scores)}, indent=2))
    ours = scores[OURS]
    return 0 if ours.f1 >= 0.98 and ours.weakest[1] >= 0.95 and ours.false_alarms < 1 / 200 else 1


if __name__ == "__main__":
    raise SystemExit(main())
