"""How much memory a dashboard of 200 MB takes to be captured before and after a load, stored twice and compared.

The measured process is idle first, with everything imported and connected; the figure is the highest resident memory
it reached beyond that. The server is a process of its own and makes the tiles up as it sends them.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

from benchmarks.figures import Figure, main

MEGABYTE = 1 << 20
#: The dashboard: so many tiles of about a megabyte each.
TILES = 200


def tile(number: int, *, after: bool) -> dict[str, Any]:
    """A tile of about 1 MB: series over two years by a breakdown, or rows of a table."""
    chance = random.Random(number)
    facts = {
        "id": number,
        "short_id": f"i{number}",
        "name": f"Tile {number}",
        "last_refresh": f"2026-06-01T{'09' if after else '08'}:00:00Z",
        "is_cached": True,
        "query_status": None,
        "timezone": "UTC",
    }
    if number % 2:
        days = [f"{2024 + day // 360}-{day // 30 % 12 + 1:02d}-{day % 30 + 1:02d}" for day in range(720)]
        series = []
        for each in range(37):
            data = [float(chance.randrange(100_000)) for _ in days]
            if after:
                data[-1] *= 1.1
            label = f"value {each}"
            series.append(
                {
                    "data": data,
                    "days": days,
                    "labels": days,
                    "label": label,
                    "breakdown_value": label,
                    "count": sum(data),
                }
            )
        query = {"kind": "InsightVizNode", "source": {"kind": "TrendsQuery", "interval": "day", "series": []}}
        insight = {**facts, "query": query, "result": series}
    else:
        rows = [
            [f"customer {row:06d}", chance.randrange(1_000_000) + (row % 10 == 0 and after), chance.random()]
            for row in range(23_000)
        ]
        query = {"kind": "DataVisualizationNode", "source": {"kind": "HogQLQuery", "query": "select 1"}}
        columns = ["customer", "orders", "share"]
        types = [["customer", "String"], ["orders", "UInt64"], ["share", "Float64"]]
        insight = {**facts, "query": query, "result": rows, "columns": columns, "types": types}
    return {"id": number, "insight": insight, "layouts": {}, "order": number}


def pieces(tiles: int, *, after: bool) -> Iterator[bytes]:
    """The answer, a tile at a time."""
    yield b'{"id": 42, "name": "Large", "filters": {}, "variables": {}, "tiles": ['
    for number in range(1, tiles + 1):
        yield (b", " if number > 1 else b"") + json.dumps(tile(number, after=after)).encode()
    yield b'], "tags": ["etl"], "team_id": 1}'


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    reads = 0
    tiles = TILES

    def do_GET(self) -> None:
        _Handler.reads += 1
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for piece in pieces(self.tiles, after=_Handler.reads > 1):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *_: Any) -> None:
        """Keep quiet."""


def serve(tiles: int) -> None:
    _Handler.tiles = tiles
    server = HTTPServer(("127.0.0.1", 0), _Handler)
    print(server.server_port, flush=True)
    server.serve_forever()


def _status(field: str) -> float:
    """A line of /proc/self/status in megabytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"{field} is not told here; this measurement needs Linux")


def captured_and_compared(url: str, folder: str) -> dict[str, float]:
    """Capture twice, store both, read both back, compare; the memory it took."""
    from airflow_dashboards.analysis import compare
    from airflow_dashboards.posthog import Client, PersonalAPIKey
    from airflow_dashboards.refresh.capture import capture
    from airflow_dashboards.refresh.store import SnapshotStore

    store = SnapshotStore(Path(folder))
    with Client(url, 1, PersonalAPIKey("phx_benchmark"), timeout=600) as client:
        compare(None, client.run(_nothing()))
        idle = _status("VmRSS")
        begun = time.process_time()
        peaks = []
        references = []
        for run in ("before", "after"):
            references.append(store.write(client.run(capture(client.flows, 42, host=url)), run=run))
            peaks.append(_status("VmHWM"))
        before, after = (store.read(reference, packed=True) for reference in references)
        analysis = compare(before, after)
    return {
        "idle_mb": idle,
        "peak_mb": _status("VmHWM"),
        "peak_after_first_capture_mb": peaks[0],
        "peak_after_second_capture_mb": peaks[1],
        "tiles": len(analysis.tiles),
        "findings": sum(len(each.findings) for each in analysis.tiles),
        "files_mb": sum(reference.bytes or 0 for reference in references) / MEGABYTE,
        "cpu_seconds": time.process_time() - begun,
    }


def _nothing() -> Any:
    """A flow that captures a dashboard without tiles, to have everything loaded that a capture needs."""
    from datetime import datetime, timezone

    from airflow_dashboards.analysis import Snapshot

    when = datetime(2026, 6, 1, tzinfo=timezone.utc)
    return Snapshot(dashboard_id=1, project_id=1, host="https://posthog.example.com", taken_at=when)
    yield  # a generator, as flows are


def measure(quick: bool) -> list[Figure]:
    tiles = 20 if quick else TILES
    module = [sys.executable, "-m", "benchmarks.bench_memory"]
    server = subprocess.Popen([*module, "--serve", str(tiles)], stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        url = f"http://127.0.0.1:{int(server.stdout.readline())}"
        with tempfile.TemporaryDirectory() as folder:
            command = [*module, "--measured", url, folder]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(done.stderr[-3000:])
    finally:
        server.terminate()
        server.wait()
    found = json.loads(done.stdout)
    size = sum(len(piece) for piece in pieces(tiles, after=False)) / MEGABYTE
    assert found["tiles"] == tiles, found
    return [
        Figure(
            f"peak memory over the idle process, a dashboard of {size:.0f} MB captured twice, stored and compared",
            found["peak_mb"] - found["idle_mb"],
            unit="MB",
            limit=250,
            note=(
                f"{found['idle_mb']:.0f} MB idle, {found['peak_mb']:.0f} MB at most, {found['cpu_seconds']:.0f} s CPU"
            ),
            details={**found, "dashboard_mb": size},
        )
    ]


if __name__ == "__main__":
    if "--serve" in sys.argv:
        serve(int(sys.argv[-1]))
    elif "--measured" in sys.argv:
        print(json.dumps(captured_and_compared(*sys.argv[-2:])))
    else:
        main(measure, __doc__)
