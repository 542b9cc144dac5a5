"""Who is asking: personal API keys, OAuth tokens, sessions with CSRF; and what they may do (contract 1.2, 1.3)."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from hmac import compare_digest
from typing import TYPE_CHECKING, Any, Final

from airflow_dashboards.sandbox import uncertain
from airflow_dashboards.sandbox.errors import authentication_failed, forbidden, not_authenticated, not_found
from airflow_dashboards.sandbox.settings import Build

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from airflow_dashboards.sandbox.store import Project, Store, User

SESSION_LIFE: Final = timedelta(weeks=2)
OAUTH_TOKEN_LIFE: Final = timedelta(hours=1)
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


class CredentialKind(str, Enum):
    """What a request was authenticated with; the names appear in the request log."""

    PERSONAL_API_KEY = "personal_api_key"
    OAUTH = "oauth"
    SESSION = "session"


@dataclass(slots=True, frozen=True)
class Key:
    """A personal API key or an OAuth token. `projects` None: all the user's projects."""

    token: str
    kind: CredentialKind
    user_id: int
    scopes: frozenset[str]
    projects: frozenset[int] | None
    expires_at: datetime | None = None

    def covers(self, scope: str) -> bool:
        """Whether the key holds a scope: `*` is every scope, `x:write` implies `x:read`."""
        if scope in self.scopes or "*" in self.scopes:
            return True
        subject, _, verb = scope.partition(":")
        return verb == "read" and f"{subject}:write" in self.scopes


@dataclass(slots=True, frozen=True)
class Session:
    """A login."""

    user_id: int
    csrf_token: str
    expires_at: datetime


@dataclass(slots=True, frozen=True)
class Credential:
    """The one who asks. `key` is None for a session."""

    kind: CredentialKind
    user: User
    key: Key | None = None

    def covers(self, scope: str) -> bool:
        """Whether a scope is held; a session holds all."""
        return self.key is None or self.key.covers(scope)


class Credentials:
    """The keys and sessions of the instance."""

    def __init__(self) -> None:
        self.keys: dict[str, Key] = {}
        self.sessions: dict[str, Session] = {}

    def add_key(
        self,
        user_id: int,
        scopes: frozenset[str],
        projects: frozenset[int] | None,
        *,
        kind: CredentialKind = CredentialKind.PERSONAL_API_KEY,
        now: datetime,
        token: str | None = None,
    ) -> Key:
        """Make a key. An OAuth token lives for one hour."""
        oauth = kind is CredentialKind.OAUTH
        token = token or ("pha_" if oauth else "phx_") + secrets.token_urlsafe(32).replace("-", "x").replace("_", "y")
        key = Key(token, kind, user_id, scopes, projects, now + OAUTH_TOKEN_LIFE if oauth else None)
        self.keys[token] = key
        return key

    def log_in(self, user_id: int, now: datetime) -> tuple[str, Session]:
        """Open a session; its id is the cookie's value."""
        session_id = secrets.token_hex(16)
        session = Session(user_id, secrets.token_hex(16), now + SESSION_LIFE)
        self.sessions[session_id] = session
        return session_id, session

    def authenticate(
        self,
        store: Store,
        *,
        method: str,
        headers: Mapping[str, str],
        cookies: Mapping[str, str],
        query_key: str | None,
        body_key: Callable[[], Any],
        now: datetime,
    ) -> Credential:
        """The credential of a request: key in the header, the body, the query; else the session cookie.

        Raises:
            RefusalError: 401 for none or an unknown one, 403 for a project secret key or a failed CSRF check.
        """
        scheme, _, header_key = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and header_key.strip():
            return self._by_key(store, header_key.strip(), "request Authorization header", now)
        if isinstance(key := body_key(), str) and key:
            return self._by_key(store, key, "request body", now)
        if query_key:
            return self._by_key(store, query_key, "request query string", now)
        session = self.sessions.get(cookies.get("sessionid", ""))
        if session is None or session.expires_at <= now:
            raise not_authenticated()
        if method not in SAFE_METHODS:
            _check_csrf(cookies.get("posthog_csrftoken"), headers.get("x-csrftoken"))
        return Credential(CredentialKind.SESSION, store.users[session.user_id])

    def _by_key(self, store: Store, token: str, place: str, now: datetime) -> Credential:
        if token.startswith("phs_"):
            raise forbidden(uncertain.PHS_CREDENTIAL_REFUSED)
        key = self.keys.get(token)
        if key is None or (key.expires_at is not None and key.expires_at <= now):
            if token.startswith("pha_"):
                raise authentication_failed("Invalid access token.")
            raise authentication_failed(f"Personal API key found in {place} is invalid.")
        return Credential(key.kind, store.users[key.user_id], key)


def _check_csrf(cookie: str | None, header: str | None) -> None:
    if not cookie:
        raise forbidden("CSRF Failed: CSRF cookie not set.")
    if not header:
        raise forbidden("CSRF Failed: CSRF token missing.")
    if not compare_digest(cookie.encode(), header.encode()):
        raise forbidden("CSRF Failed: CSRF token from the 'X-Csrftoken' HTTP header incorrect.")


def find_project(store: Store, credential: Credential, text: str) -> Project:
    """The project of a path (contract 1.1).

    Raises:
        RefusalError: 404 for one that isn't, 403 for one that the user or the key has no access to.
    """
    key = credential.user.current_project_id if text == "@current" else int(text) if text.isdecimal() else None
    project = store.projects.get(key) if key is not None else None
    if project is None:
        raise not_found("Project not found.")
    if project.organization_id != credential.user.organization_id:
        raise forbidden("You don't have access to the project.")
    if credential.key and credential.key.projects is not None and project.id not in credential.key.projects:
        raise forbidden(f"API key does not have access to the requested project: ID {project.id}.")
    return project


def check_scopes(credential: Credential, scopes: tuple[str, ...] | None, build: Build) -> None:
    """Refuse a key without the scopes of an action; `None` is an action that refuses every key (contract 1.3).

    Raises:
        RefusalError: 403.
    """
    if credential.key is None:
        return
    if scopes is None:
        words = "Personal API Key" if build is Build.APRIL else "personal API key"
        raise forbidden(f"This action does not support {words} access")
    for scope in scopes:
        if not credential.key.covers(scope):
            raise forbidden(f"API key missing required scope '{scope}'")
