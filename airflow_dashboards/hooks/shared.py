"""What the clients of one process share per credential: the request budget, and what was learnt of the server."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from threading import RLock
from typing import TYPE_CHECKING

from airflow_dashboards.posthog import Budget, Capabilities, Window, shared_budget
from airflow_dashboards.posthog.budget import LIMITS

if TYPE_CHECKING:
    from airflow_dashboards.hooks.connection import ConnectionSettings


@dataclass(frozen=True)
class Shared:
    """Shared by all clients of a process with the same host, project and credential."""

    budget: Budget
    capabilities: Capabilities = field(default_factory=Capabilities)


#: The highest of PostHog Cloud's limits per window.
_HIGHEST = {
    seconds: max(window.limit for windows in LIMITS.values() for window in windows if window.seconds == seconds)
    for seconds in (60.0, 3600.0)
}

_by_identity: dict[str, Shared] = {}
_lock = RLock()  # re-entrant, as the locks of what is shared: see `Budget`


def shared(settings: ConnectionSettings) -> Shared:
    """Return what clients with these settings share; made at the first call.

    Connections with the same key but another share of its limits have budgets of their own.
    """
    secrets = (secret.get_secret_value() for secret in settings.credential.secrets)
    facts = (
        settings.host,
        str(settings.project_id),
        str(settings.requests_per_minute),
        str(settings.requests_per_hour),
    )
    identity = hashlib.sha256("\0".join([*facts, *secrets]).encode()).hexdigest()
    with _lock:
        if identity not in _by_identity:
            _by_identity[identity] = Shared(
                budget=shared_budget(settings.host, settings.credential, limits_of(settings))
            )
        return _by_identity[identity]


def limits_of(settings: ConnectionSettings) -> dict[str, tuple[Window, ...]]:
    """Return the limits that clients with these settings keep to, by class of endpoints.

    Example:
        >>> limits_of(hook.settings)["dashboards"][0]  # doctest: +SKIP
        Window(limit=480, seconds=60)
    """
    shares = {60.0: settings.requests_per_minute, 3600.0: settings.requests_per_hour}
    return {
        name: tuple(replace(window, limit=_share(window, shares.get(window.seconds))) for window in windows)
        for name, windows in LIMITS.items()
    }


def _share(window: Window, share: int | None) -> int:
    if share is None:
        return window.limit
    # A part of Cloud's limits, where classes with lower ones keep these; or what a server of one's own allows.
    return share if share > _HIGHEST[window.seconds] else min(window.limit, share)
