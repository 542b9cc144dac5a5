"""What commands there are and what they take: data, from which both argparse and Airflow's CLI are built."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any


class Needs(Enum):
    """How much of a connection a command needs."""

    SERVER = "server"  # it asks PostHog
    FILES = "files"  # it reads what was captured
    NOTHING = "nothing"


@dataclass(frozen=True)
class Option:
    """One argument of a command, in argparse's terms."""

    flags: tuple[str, ...]
    settings: dict[str, Any]


def option(*flags: str, **settings: Any) -> Option:
    """Describe an argument as `ArgumentParser.add_argument` takes it."""
    return Option(flags, settings)


@dataclass(frozen=True)
class Command:
    """One command: its words, its arguments, and the function that does it, by path so that nothing is loaded early."""

    name: str
    help: str
    path: str
    options: tuple[Option, ...] = ()
    needs: Needs = Needs.SERVER
    description: str | None = None


def _count(text: str) -> int:
    number = int(text)
    if number <= 0:
        raise ValueError
    return number


def _seconds(text: str) -> float:
    number = float(text)
    if not 0 < number < float("inf"):
        raise ValueError
    return number


def _days(text: str) -> int:
    return _count(text)


# argparse says "invalid dashboard id value: 'x'".
_count.__name__ = "dashboard id"
_seconds.__name__ = "number of seconds"
_days.__name__ = "number of days"

_JSON = option("--json", action="store_true", dest="as_json", help="print JSON for programs instead of text for people")
_DASHBOARDS = (
    option("dashboards", nargs="*", type=_count, metavar="DASHBOARD", help="ids, as in the dashboards' addresses"),
    option("--tag", action="append", dest="tags", metavar="TAG", help="instead of ids: every dashboard with this tag"),
    option("--search", metavar="TEXT", help="instead of ids: those whose name, description or tags contain this"),
    option("--all", action="store_true", dest="every", help="instead of ids: every dashboard of the project"),
)
_STORAGE = option(
    "--storage",
    metavar="PATH",
    help="folder or object store of the captures; default: the connection's, or POSTHOG_STORAGE_PATH, or ./posthog",
)
_PAIR = (
    option("files", nargs="*", metavar="FILE", help="two captures, before and after, or one analysis.json"),
    option("--dashboard", type=_count, metavar="ID", help="instead of files: its latest two captures"),
    option("--rules", metavar="FILE", help="YAML of rules, as the analyze operator takes them"),
    _STORAGE,
)

COMMANDS: tuple[Command, ...] = (
    Command(
        "check",
        "say what server this is, what the key may do, and what its limits are",
        "airflow_dashboards.cli.server.check",
        (_JSON,),
        description="Asks with harmless calls and changes nothing. Fails where snapshot and refresh would not work.",
    ),
    Command(
        "list",
        "list the project's dashboards",
        "airflow_dashboards.cli.server.list_dashboards",
        (*_DASHBOARDS[1:3], _JSON),
    ),
    Command(
        "capture",
        "store what dashboards show now",
        "airflow_dashboards.cli.server.capture",
        (
            *_DASHBOARDS,
            option(
                "--mode",
                default="force_cache",
                help="PostHog's refresh value for the read: force_cache (default) computes nothing",
            ),
            _STORAGE,
            _JSON,
        ),
    ),
    Command(
        "refresh",
        "refresh dashboards, prove it tile by tile, and store what they show then",
        "airflow_dashboards.cli.server.refresh",
        (
            *_DASHBOARDS,
            option(
                "--strategy",
                default="force_async",
                help="force_async (default), force_blocking, blocking, force_cache or per_tile",
            ),
            option(
                "--timeout",
                type=_seconds,
                default=1800.0,
                metavar="SECONDS",
                help="how long one dashboard may take (default: %(default).0f)",
            ),
            _STORAGE,
            _JSON,
        ),
        description="Fails where a tile is not proven fresh.",
    ),
    Command(
        "compare",
        "judge what changed between two captures",
        "airflow_dashboards.cli.comparing.compare",
        (
            *_PAIR,
            option(
                "--fail-on",
                choices=("fail", "warn", "never"),
                default="fail",
                help="which verdict ends with exit code 1 (default: %(default)s)",
            ),
            _JSON,
        ),
        needs=Needs.FILES,
    ),
    Command(
        "report",
        "write the report of two captures, and open it",
        "airflow_dashboards.cli.comparing.report",
        (
            *_PAIR,
            option("--to", metavar="FILE", default="report.html", help="where to write it (default: %(default)s)"),
            option("--title", default="Dashboard refresh report", help="heading of the report"),
            option("--no-open", action="store_true", help="only write it"),
        ),
        needs=Needs.FILES,
    ),
    Command(
        "export",
        "write a dashboard out as a template",
        "airflow_dashboards.cli.server.export",
        (
            option("dashboard", type=_count, metavar="DASHBOARD", help="its id"),
            option("--to", metavar="FILE", help="where to write it; default: standard output"),
        ),
    ),
    Command(
        "prune",
        "remove old runs, reports and snapshots from the storage",
        "airflow_dashboards.cli.pruning.prune",
        (
            option(
                "--days",
                type=_days,
                required=True,
                metavar="DAYS",
                help="remove what is older than so many days; at least 7",
            ),
            option("--dry-run", action="store_true", help="only say how many files would go"),
            _STORAGE,
            _JSON,
        ),
        needs=Needs.FILES,
        description="Each task's last run, a dashboard's last two snapshots, and snapshots that a run or verdict refers"
        " to are kept. With [posthog] retention_days, analyzing tasks do the same once a day.",
    ),
    Command(
        "sandbox",
        "run a PostHog on this machine until interrupted",
        "airflow_dashboards.cli.local.sandbox",
        (
            option("--port", type=int, default=8010, help="port, 0 for a free one (default: %(default)s)"),
            option("--build", default="cloud", help="which PostHog to be: cloud (default), 2026-05 or 2026-04"),
            option("--demo", action="store_true", help="start with the demo shop's dashboards and events"),
        ),
        needs=Needs.NOTHING,
    ),
)

#: Where the commands find PostHog, outside of Airflow. The key is never an argument: those show in process lists.
ENVIRONMENT = (
    option("--host", help="PostHog's address; default: POSTHOG_HOST, or https://us.posthog.com"),
    option("--project-id", type=_count, metavar="ID", help="number of the project; default: POSTHOG_PROJECT_ID"),
)
#: Where they find it inside of Airflow.
CONNECTION = (
    option(
        "--conn-id",
        default="posthog_default",
        help="Airflow Connection of type posthog (default: %(default)s)",
    ),
)
DESCRIPTION = "PostHog dashboards: check a connection, capture, refresh, compare."
EXIT_CODES = "Exit codes: 0 done; 1 failed, or stopped by a verdict; 2 can't be used like this."
