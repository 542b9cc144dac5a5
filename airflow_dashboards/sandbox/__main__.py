"""`python -m airflow_dashboards.sandbox`: the sandbox until it is interrupted."""

from __future__ import annotations

import argparse
import signal
import sys
import threading

from airflow_dashboards.sandbox import Sandbox
from airflow_dashboards.sandbox.settings import Build


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGINT or SIGTERM; 0 then, 1 when the port is taken."""
    parser = argparse.ArgumentParser(
        prog="python -m airflow_dashboards.sandbox", description="A PostHog on this machine."
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8010, help="port, 0 for a free one (default: %(default)s)")
    builds = [build.value for build in Build]
    parser.add_argument("--build", choices=builds, default="cloud", help="which PostHog to be (default: %(default)s)")
    parser.add_argument("--demo", action="store_true", help="start with the demo shop's dashboards and events")
    options = parser.parse_args(arguments)

    ended = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: ended.set())
    sandbox = Sandbox(options.build, demo=options.demo, host=options.host, port=options.port)
    try:
        sandbox.start()
    except OSError as error:
        sys.stderr.write(f"Cannot listen on {options.host}:{options.port}: {error.strerror or error}\n")
        return 1
    sys.stdout.write(
        f"PostHog sandbox, build {options.build}: {sandbox.url}\n"
        f"personal API key: {sandbox.personal_api_key}\n"
        "login: owner@example.com / sandbox\n"
        f"Airflow connection: {sandbox.conn_uri()}\n"
    )
    sys.stdout.flush()
    ended.wait()
    sandbox.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
