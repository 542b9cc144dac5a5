"""The command that needs no server: it is one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import Namespace

    from airflow_dashboards.cli.access import Access


def sandbox(options: Namespace, access: Access) -> int:
    """Run a PostHog on this machine until it is interrupted."""
    from airflow_dashboards.sandbox.__main__ import main

    given = ["--port", str(options.port), "--build", options.build, *(["--demo"] if options.demo else [])]
    return main(given)
