"""The command that lets go of what is old."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

from airflow_dashboards.cli.terminal import say, say_json

if TYPE_CHECKING:
    from argparse import Namespace

    from airflow_dashboards.cli.access import Access


def prune(options: Namespace, access: Access) -> int:
    """Remove runs, reports and snapshots that are older than so many days, or say how many would go."""
    from airflow_dashboards.refresh.retention import prune as let_go

    root = access.store(options.storage).root
    gone = let_go(root, options.days, now=datetime.now(timezone.utc), dry_run=options.dry_run)
    if options.as_json:
        say_json({"storage": str(root), "days": options.days, "dry_run": options.dry_run, "removed": dict(gone.counts)})
    else:
        say(f"{'Would remove' if options.dry_run else 'Removed'} from {root}: {gone}")
    return 0
