"""`airflow posthog …`: the same commands for Airflow, which loads this for every command of its own: keep it light."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from airflow_dashboards.cli.table import COMMANDS, CONNECTION, DESCRIPTION, EXIT_CODES, Command, Needs, Option

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable


def get_posthog_cli_commands() -> list[Any]:
    """Return the group of commands, in Airflow's own terms; named in the provider's metadata."""
    from airflow.cli.cli_config import ActionCommand, Arg, GroupCommand

    def arg(option: Option) -> Any:
        return Arg(flags=option.flags, **option.settings)

    return [
        GroupCommand(
            name="posthog",
            help="Work with PostHog dashboards",
            description=f"{DESCRIPTION} {EXIT_CODES}",
            subcommands=[
                ActionCommand(
                    name=command.name,
                    help=_sentence(command.help),
                    description=command.description or _sentence(command.help),
                    func=_caller(command),
                    args=[
                        arg(each)
                        for each in (*command.options, *(() if command.needs is Needs.NOTHING else CONNECTION))
                    ],
                )
                for command in COMMANDS
            ],
        )
    ]


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:]


def _caller(command: Command) -> Callable[[Namespace], None]:
    def call(options: Namespace) -> None:
        from airflow_dashboards.cli.access import from_airflow
        from airflow_dashboards.cli.main import carry_out

        access = None if command.needs is Needs.NOTHING else from_airflow(options)
        # Airflow ignores what a command returns.
        if code := carry_out(command, options, access):
            sys.exit(code)

    return call
