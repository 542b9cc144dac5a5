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
            _by_identity[identity] = Shared(budget=_budget(settings))
        return _by_identity[identity]


def _budget(settings: ConnectionSettings) -> Budget:
    shares = {60.0: settings.requests_per_minute, 3600.0: settings.requests_per_hour}
    limits = {
        name: tuple(replace(window, limit=_share(window, shares.get(window.seconds))) for window in windows)
        for name, windows in LIMITS.items()
    }
    return shared_budget(settings.host, settings.credential, limits)


def _share(window: Window, share: int | None) -> int:
    return window.limit if share is None else min(window.limit, share)
