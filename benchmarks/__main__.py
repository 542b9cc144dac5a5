"""`make bench`: every measurement in a process of its own, one table of all, and build/bench/bench.json.

    python -m benchmarks --quick            # shows that all of them run
    python -m benchmarks client compare     # some of them

The exit code is 0 even where a target is not reached: the table says so. It is 1 where a measurement failed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from datetime import datetime, timezone
from pathlib import Path

from benchmarks.figures import FOLDER, as_json, read, table

#: The short ones first: what fails, fails early.
NAMES = ("client", "import", "compare", "memory", "cycle")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", help=f"some of: {', '.join(NAMES)}; default: all")
    parser.add_argument("--quick", action="store_true", help="small sizes: shows that it runs, measures little")
    parser.add_argument("--out", type=Path, default=FOLDER / "bench.json")
    given = parser.parse_args()
    if unknown := set(given.names) - set(NAMES):
        parser.error(f"no such measurement: {', '.join(sorted(unknown))}")
    FOLDER.mkdir(parents=True, exist_ok=True)
    begun, load = time.time(), os.getloadavg()
    found, failed = [], []
    for name in given.names or NAMES:
        file = FOLDER / f"{name}.json"
        file.unlink(missing_ok=True)
        print(f"== {name}", flush=True)
        command = [sys.executable, "-m", f"benchmarks.bench_{name}", "--json", str(file)]
        done = subprocess.run([*command, "--quick"] if given.quick else command, check=False)
        if done.returncode:
            failed.append(name)
        else:
            found += read(file)
    print(f"\n{table(found)}\n")
    told = {
        "measured_at": datetime.fromtimestamp(begun, tz=timezone.utc).isoformat(timespec="seconds"),
        "seconds": round(time.time() - begun),
        "quick": given.quick,
        "python": platform.python_version(),
        "cpus": os.cpu_count(),
        "load_before": load,
        "load_after": os.getloadavg(),
        "failed": failed,
        "figures": as_json(found),
    }
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(told, indent=2) + "\n")
    print(
        f"{sum(each.reached is True for each in found)} targets reached, "
        f"{sum(each.reached is False for each in found)} not"
        f"{', failed to measure: ' + ', '.join(failed) if failed else ''}. "
        f"{os.cpu_count()} CPUs, load {load[0]:.1f} before and {os.getloadavg()[0]:.1f} after."
    )
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
