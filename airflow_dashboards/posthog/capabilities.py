"""What works with which credential on which build (contract 1.4), as data, and what a connection has learnt of it.

PostHog has no version endpoint: whether a server has an action, and takes a key for it, shows only when it is asked.
What an answer teaches is remembered here, so that a refused action is not asked for again and again.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from airflow_dashboards.posthog.credentials import CredentialKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class Build(str, Enum):
    """The three behaviours of PostHog during 2026 (contract 0.2)."""

    APRIL_2026 = "2026-04"
    MAY_2026 = "2026-05"
    CLOUD = "cloud"


#: In the table: the build has no such action.
ABSENT = "absent"
#: In the table: the build has it, but refuses every API key and OAuth token.
SESSION_ONLY = "session only"


@dataclass(frozen=True, slots=True)
class Action:
    """One action of the API and what it takes: per build a scope, `SESSION_ONLY` or `ABSENT`."""

    name: str
    section: str
    support: Mapping[Build, str]
    #: What does the same with a key, or on builds without the action.
    equivalent: str | None = None

    def on(self, build: Build, kind: CredentialKind) -> bool:
        """Whether the action exists on a build and takes this kind of credential (scopes given)."""
        support = self.support[build]
        return support != ABSENT and (support != SESSION_ONLY or kind is CredentialKind.SESSION)


def _action(name: str, section: str, april: str, may: str, cloud: str, equivalent: str | None = None) -> Action:
    return Action(
        name, section, {Build.APRIL_2026: april, Build.MAY_2026: may, Build.CLOUD: cloud}, equivalent=equivalent
    )


def _everywhere(name: str, section: str, scope: str) -> Action:
    return _action(name, section, scope, scope, scope)


_READ, _WRITE = "dashboard:read", "dashboard:write"

ACTIONS: Mapping[str, Action] = {
    action.name: action
    for action in (
        _everywhere("list", "3.1", _READ),
        _everywhere("get", "3.2", _READ),
        _everywhere("create", "3.3", _WRITE),
        _everywhere("update", "3.4", _WRITE),
        _everywhere("delete", "3.4", _WRITE),
        _everywhere("restore", "3.4", _WRITE),
        _action(
            "snapshot",
            "3.6",
            SESSION_ONLY,
            SESSION_ONLY,
            ABSENT,
            "capture the dashboard on this side (PostHogSnapshotOperator does so)",
        ),
        _action(
            "analyze_refresh_result",
            "3.7",
            SESSION_ONLY,
            SESSION_ONLY,
            ABSENT,
            "compare two captures on this side (PostHogAnalyzeRefreshOperator does so)",
        ),
        _action("generate_metadata", "3.8", _WRITE, ABSENT, ABSENT),
        _action(
            "stream_tiles",
            "3.9",
            SESSION_ONLY,
            SESSION_ONLY,
            SESSION_ONLY,
            "read the dashboard with dashboards.get(id, refresh=...)",
        ),
        _action(
            "move_tile",
            "3.10",
            SESSION_ONLY,
            _WRITE,
            _WRITE,
            "dashboards.copy_tile to the destination, then remove it from the source with "
            "dashboards.update(id, tiles=[{'id': ..., 'deleted': True}])",
        ),
        _everywhere("copy_tile", "3.11", _WRITE),
        _everywhere("reorder_tiles", "3.12", _WRITE),
        _action(
            "create_text_tile",
            "3.13",
            ABSENT,
            _WRITE,
            _WRITE,
            "dashboards.update(id, tiles=[{'text': {'body': ...}}])",
        ),
        _action(
            "update_text_tile",
            "3.13",
            ABSENT,
            _WRITE,
            _WRITE,
            "dashboards.update(id, tiles=[{'id': ..., 'text': {...}}])",
        ),
        _action(
            "delete_tile",
            "3.14",
            ABSENT,
            _WRITE,
            _WRITE,
            "dashboards.update(id, tiles=[{'id': ..., 'deleted': True}])",
        ),
        _everywhere("run_insights", "3.15", "query:read"),
        _action(
            "run_widgets",
            "3.16",
            ABSENT,
            f"{_READ} and the widget's product scope",
            f"{_READ} and the widget's product scope",
        ),
        _action("add_widgets", "3.17", ABSENT, _WRITE, _WRITE),
        _action("widget_catalog", "3.18", ABSENT, _READ, _READ),
        _action(
            "bulk_update_tags",
            "3.19",
            SESSION_ONLY,
            SESSION_ONLY,
            SESSION_ONLY,
            "dashboards.update(id, tags=[...]) for each dashboard (PostHogBulkUpdateTagsOperator does so)",
        ),
        _action(
            "create_from_template_json",
            "3.20",
            SESSION_ONLY,
            SESSION_ONLY,
            SESSION_ONLY,
            "create the dashboard, its insights and text tiles one by one (PostHogCreateFromTemplateOperator does so)",
        ),
        _action("create_unlisted_dashboard", "3.21", SESSION_ONLY, SESSION_ONLY, SESSION_ONLY),
        _everywhere("data_color_themes.list", "3.22", "project:read"),
        _everywhere("data_color_themes.get", "3.22", "project:read"),
        _everywhere("data_color_themes.create", "3.22", "project:write"),
        _everywhere("data_color_themes.update", "3.22", "project:write"),
        _everywhere("data_color_themes.delete", "3.22", "project:write"),
        _everywhere("insights.get", "3.23", "insight:read"),
        _everywhere("insights.create", "3.23", "insight:write"),
        _everywhere("insights.update", "3.23", "insight:write"),
        _everywhere("query.status", "3.23", "query:read"),
        _everywhere("query.cancel", "3.23", "query:read"),
        _everywhere("annotations.create", "3.23", "annotation:write"),
    )
}


class Capabilities:
    """What one connection has learnt. Grows by itself with every answer; picklable, and JSON in and out.

    Example:
        >>> learnt = Capabilities()
        >>> learnt.note_key_refused("snapshot")
        >>> learnt.allows("snapshot", CredentialKind.PERSONAL_API_KEY), learnt.allows("stream_tiles", "session")
        (False, None)
    """

    def __init__(
        self,
        *,
        missing: Iterable[str] = (),
        keys_refused: Iterable[str] = (),
        available: Mapping[str, Iterable[str]] | None = None,
    ) -> None:
        self._missing = set(missing)
        self._keys_refused = set(keys_refused)
        self._available = {kind: set(actions) for kind, actions in (available or {}).items()}
        # Re-entrant: a signal handler, such as Airflow's `on_kill`, sends requests while this thread may hold it.
        self._lock = threading.RLock()

    def allows(self, action: str, credential_kind: CredentialKind | str) -> bool | None:
        """Whether the action works with this kind of credential on this server; None: not known yet, try it."""
        kind = CredentialKind(credential_kind)
        if action in self._missing:
            return False
        if action in self._keys_refused and kind is not CredentialKind.SESSION:
            return False
        return True if action in self._available.get(kind.value, ()) else None

    def note_available(self, action: str, credential_kind: CredentialKind | str) -> None:
        """The action has answered."""
        kind = CredentialKind(credential_kind).value
        if action in self._available.get(kind, ()) and action not in self._missing:
            return
        with self._lock:
            self._available.setdefault(kind, set()).add(action)
            self._missing.discard(action)
            if kind != CredentialKind.SESSION.value:
                self._keys_refused.discard(action)

    def note_key_refused(self, action: str) -> None:
        """The action has refused a key or token as such."""
        with self._lock:
            self._keys_refused.add(action)
            for kind in (CredentialKind.PERSONAL_API_KEY, CredentialKind.OAUTH):
                self._available.get(kind.value, set()).discard(action)

    def note_missing(self, action: str) -> None:
        """The server has no such endpoint."""
        with self._lock:
            self._missing.add(action)
            for actions in self._available.values():
                actions.discard(action)

    def as_json(self) -> dict[str, Any]:
        """As plain JSON, e.g. for a trigger's arguments; `Capabilities(**value)` is the way back."""
        with self._lock:
            return {
                "missing": sorted(self._missing),
                "keys_refused": sorted(self._keys_refused),
                "available": {kind: sorted(actions) for kind, actions in sorted(self._available.items()) if actions},
            }

    def __reduce__(self) -> tuple[Any, ...]:
        return _from_json, (self.as_json(),)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Capabilities) and self.as_json() == other.as_json()

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Capabilities({self.as_json()})"


def _from_json(value: dict[str, Any]) -> Capabilities:
    return Capabilities(**value)
