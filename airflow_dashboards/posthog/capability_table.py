"""The capability table of the documentation, rendered from the client's own data (`ACTIONS`).

Example:
    $ python -m airflow_dashboards.posthog.capability_table > docs/capabilities.md
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from airflow_dashboards.posthog.capabilities import ABSENT, ACTIONS, SESSION_ONLY, Build

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow_dashboards.posthog.capabilities import Action

_INTRODUCTION = """\
# What works with which credential on which build

<!-- Written by `python -m airflow_dashboards.posthog.capability_table`; change the data there, not this page. -->

`2026-04` and `2026-05` are self-hosted images of those months, `cloud` is PostHog Cloud and every image since June
2026. PostHog tells nobody which one it is: the client learns it from answers, and remembers what was refused.

* A **scope** such as `dashboard:read`: a personal API key or an OAuth token that has the scope (`:write` includes
  `:read`, `*` every scope); and a session, which needs no scopes: what its user may do decides.
* **session only**: PostHog refuses every key and token, whatever its scopes. Only a login or its cookies will do.
* **absent**: this build has no such endpoint, for nobody.

"""


def render_table(actions: Iterable[Action]) -> str:
    """Return the Markdown table: a row per action, a column per build, and what to do where a key is not taken.

    Example:
        >>> print(render_table([ACTIONS["snapshot"]]).splitlines()[0])
        | action | `2026-04` | `2026-05` | `cloud` | with a key, or where it is absent |
    """
    builds = [f"`{build.value}`" for build in Build]
    lines = [
        _row(["action", *builds, "with a key, or where it is absent"]),
        _row(["---"] * (len(builds) + 2)),
        *(_row([f"`{action.name}`", *_cells(action), _equivalent(action)]) for action in actions),
    ]
    return "".join(f"{line}\n" for line in lines)


def render_page() -> str:
    """Return the whole of `docs/capabilities.md`."""
    return _INTRODUCTION + render_table(ACTIONS.values())


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cells(action: Action) -> list[str]:
    return [
        support if support in (ABSENT, SESSION_ONLY) else _scope(support)
        for support in (action.support[build] for build in Build)
    ]


def _scope(support: str) -> str:
    """`a:read and more` with the scope as code."""
    scope, _, rest = support.partition(" ")
    return f"`{scope}` {rest}".rstrip()


def _equivalent(action: Action) -> str:
    if action.equivalent:
        return action.equivalent
    return "" if all(support not in (ABSENT, SESSION_ONLY) for support in action.support.values()) else "nothing"


if __name__ == "__main__":
    sys.stdout.write(render_page())
