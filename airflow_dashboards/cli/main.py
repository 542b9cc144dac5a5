"""`python -m airflow_dashboards`: the commands with argparse, and what errors become."""

from __future__ import annotations

import argparse
from importlib import import_module
from typing import TYPE_CHECKING

from airflow_dashboards.cli.table import COMMANDS, DESCRIPTION, ENVIRONMENT, EXIT_CODES, Command, Needs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_dashboards.cli.access import Access

DONE, FAILED, MISUSED, INTERRUPTED = 0, 1, 2, 130


def parser() -> argparse.ArgumentParser:
    """Build the parser from the table of commands."""
    whole = argparse.ArgumentParser(
        prog="python -m airflow_dashboards",
        description=DESCRIPTION,
        epilog=f"PostHog is found by POSTHOG_HOST, POSTHOG_PROJECT_ID and POSTHOG_API_KEY. {EXIT_CODES}",
    )
    commands = whole.add_subparsers(required=True, metavar="COMMAND")
    for command in COMMANDS:
        one = commands.add_parser(command.name, help=command.help, description=command.description or command.help)
        for each in (*command.options, *(() if command.needs is Needs.NOTHING else ENVIRONMENT)):
            one.add_argument(*each.flags, **each.settings)
        one.set_defaults(command=command)
    return whole


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out one command; returns the exit code.

    Example:
        >>> main(["check"])  # doctest: +SKIP
        0
    """
    options = parser().parse_args(arguments)
    from airflow_dashboards.cli.access import from_environment  # not for `--help`

    access = None if options.command.needs is Needs.NOTHING else from_environment(options)
    return carry_out(options.command, options, access)


def carry_out(command: Command, options: argparse.Namespace, access: Access | None) -> int:
    """Load a command's function, call it, and turn errors into a line and an exit code."""
    from airflow_dashboards.cli.access import UsageError
    from airflow_dashboards.cli.terminal import complain
    from airflow_dashboards.posthog import PostHogArgumentError, PostHogError
    from airflow_dashboards.refresh.store import SnapshotStoreError
    from airflow_dashboards.refresh.template_schema import TemplateError

    module, _, name = command.path.rpartition(".")
    try:
        return int(getattr(import_module(module), name)(options, access))
    except (UsageError, PostHogArgumentError) as error:
        complain(f"{command.name}: {error}")
        return MISUSED
    except (PostHogError, SnapshotStoreError, TemplateError, OSError, ModuleNotFoundError) as error:
        complain(f"{command.name}: {error}")
        return FAILED
    except ValueError as error:  # what the refresh room raises for arguments it can't use
        complain(f"{command.name}: {error}")
        return MISUSED
    except KeyboardInterrupt:
        return INTERRUPTED
