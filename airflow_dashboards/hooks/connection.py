"""An Airflow Connection of type `posthog`, read: pure functions from its fields to settings.

| field | meaning |
| --- | --- |
| host | `https://us.posthog.com` (default), `https://eu.posthog.com` or your own origin |
| password | the personal API key (`phx_…`), the OAuth token (`pha_…`), or the password of a session login |
| login | e-mail of a session login |
| extra `project_id` | number of the project, as in PostHog's address bar |
| extra `credential` | `personal_api_key` (default), `oauth`, `session` or `cookies` |
| extra `session_token`, `csrftoken` | cookies `sessionid` and `posthog_csrftoken`, where `credential` is `cookies` |
| extra `storage_path` | where snapshots and reports are kept |
| extra `timeout` | seconds one HTTP call may take, 60 by default |
| extra `requests_per_minute`, `requests_per_hour` | this connection's share of the key's limits (contract 2.3); \
more than PostHog Cloud's 480 and 4,800: what a server of one's own allows |

Airflow masks an extra by its name, and `sessionid` is no name it knows as a secret's; it is still read where it stands.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from difflib import get_close_matches
from enum import Enum
from typing import TYPE_CHECKING, Any

from airflow_dashboards.posthog import Credential, OAuthToken, PersonalAPIKey, SessionCookies, SessionLogin
from airflow_dashboards.posthog.arguments import shown

if TYPE_CHECKING:
    from collections.abc import Mapping

log = logging.getLogger(__name__)

#: Extra fields that hold a secret.
SECRET_FIELDS = ("session_token", "csrftoken", "sessionid")
#: Every extra field.
FIELDS = (
    "project_id",
    "credential",
    *SECRET_FIELDS,
    "storage_path",
    "timeout",
    "requests_per_minute",
    "requests_per_hour",
)
#: The same without what people write differently.
_PLAIN = {field.replace("_", ""): field for field in FIELDS}
#: How alike a name and a known one are for the former to be a slip, from 0 to 1.
ALIKE = 0.75
#: Where most users are.
DEFAULT_HOST = "https://us.posthog.com"
DEFAULT_TIMEOUT_SECONDS = 60.0


class ConnectionFieldError(ValueError):
    """A field of the Airflow Connection can't be used as it is; names the connection, the field and what to do."""

    def __init__(self, conn_id: str, field: str, problem: str) -> None:
        super().__init__(f"Connection '{conn_id}', field '{field}': {problem}")
        self._made_of = conn_id, field, problem

    def __reduce__(self) -> tuple[type[ConnectionFieldError], tuple[str, str, str]]:
        return type(self), self._made_of


class SignIn(str, Enum):
    """How a connection signs in (contract 1.2)."""

    PERSONAL_API_KEY = "personal_api_key"
    OAUTH = "oauth"
    SESSION = "session"
    COOKIES = "cookies"


@dataclass(frozen=True, slots=True)
class ConnectionSettings:
    """What a connection says, ready for a client. Its repr shows no secret: credentials hide theirs."""

    host: str
    project_id: int
    credential: Credential
    timeout: float = DEFAULT_TIMEOUT_SECONDS
    storage_path: str | None = None
    requests_per_minute: int | None = None
    requests_per_hour: int | None = None


def read_extra(conn_id: str, extra: str | None) -> dict[str, Any]:
    """Decode the connection's extra field.

    Empty strings and nulls, which forms save for untouched fields, count as absent.

    Raises:
        ConnectionFieldError: the text is not a JSON object.
    """
    if not extra or not extra.strip():
        return {}
    try:
        fields = json.loads(extra)
    except ValueError as error:
        raise ConnectionFieldError(conn_id, "extra", f"is not JSON ({error}); write an object") from None
    if not isinstance(fields, dict):
        raise ConnectionFieldError(conn_id, "extra", f"is a JSON {type(fields).__name__}; write an object")
    return {key: value for key, value in fields.items() if value is not None and value != ""}


def parse_connection(
    *,
    conn_id: str,
    host: str | None = None,
    port: int | None = None,
    login: str | None = None,
    password: str | None = None,
    extra: Mapping[str, Any] | None = None,
) -> ConnectionSettings:
    """Turn the fields of an Airflow Connection into settings.

    Raises:
        ConnectionFieldError: a field is missing or can't be used; nothing has been sent.

    Example:
        >>> parse_connection(conn_id="posthog_default", password="phx_x", extra={"project_id": 7}).host
        'https://us.posthog.com'
    """
    fields = {key: value for key, value in (extra or {}).items() if value is not None and value != ""}
    _known(conn_id, fields)
    return ConnectionSettings(
        host=_origin(host, port),
        project_id=_positive_int(conn_id, fields, "project_id", required=True) or 0,
        credential=_credential(conn_id, login, password, fields),
        timeout=_timeout(conn_id, fields),
        storage_path=str(fields["storage_path"]) if "storage_path" in fields else None,
        requests_per_minute=_positive_int(conn_id, fields, "requests_per_minute"),
        requests_per_hour=_positive_int(conn_id, fields, "requests_per_hour"),
    )


def _known(conn_id: str, fields: Mapping[str, Any]) -> None:
    """Refuse a misspelt field; tell of others that mean nothing here, which people may keep for tools of their own."""
    for name in fields:
        if name in FIELDS:
            continue
        written = name.lower().replace("_", "").replace("-", "").replace(" ", "")
        if near := get_close_matches(written, _PLAIN, n=1, cutoff=ALIKE):
            meant = _PLAIN[near[0]]
            raise ConnectionFieldError(conn_id, name, f"is no field of this connection; did you mean '{meant}'?")
        unused = "Connection '%s', field '%s': is no field of this connection and is not used. Known: %s."
        log.warning(unused, conn_id, name, ", ".join(FIELDS))


def _origin(host: str | None, port: int | None) -> str:
    origin = (host or DEFAULT_HOST).strip().rstrip("/")
    if "://" not in origin:
        origin = f"https://{origin}"
    return f"{origin}:{port}" if port else origin


def _positive_int(conn_id: str, fields: Mapping[str, Any], name: str, *, required: bool = False) -> int | None:
    value = fields.get(name)
    if value is None:
        if required:
            raise ConnectionFieldError(
                conn_id, name, f'is missing; put {{"{name}": 1}} with your number into the extra field'
            )
        return None
    try:
        number = int(str(value).strip())
    except ValueError:
        number = 0
    if isinstance(value, bool) or number <= 0:
        raise ConnectionFieldError(conn_id, name, f"must be a whole number above 0, not {shown(value)}")
    return number


def _timeout(conn_id: str, fields: Mapping[str, Any]) -> float:
    value = fields.get("timeout", DEFAULT_TIMEOUT_SECONDS)
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        seconds = 0.0
    if isinstance(value, bool) or not 0 < seconds < float("inf"):
        raise ConnectionFieldError(conn_id, "timeout", f"must be a number of seconds above 0, not {shown(value)}")
    return seconds


def _credential(conn_id: str, login: str | None, password: str | None, fields: Mapping[str, Any]) -> Credential:
    named = str(fields.get("credential", SignIn.PERSONAL_API_KEY.value))
    try:
        kind = SignIn(named)
    except ValueError:
        choices = ", ".join(kind.value for kind in SignIn)
        raise ConnectionFieldError(conn_id, "credential", f"must be one of {choices}, not {shown(named)}") from None
    if kind is SignIn.COOKIES:
        session = fields.get("session_token", fields.get("sessionid"))
        csrf = fields.get("csrftoken")
        for name, cookie in (("session_token", session), ("csrftoken", csrf)):
            if cookie is None:
                raise ConnectionFieldError(conn_id, name, "is missing; credential 'cookies' needs the pair")
        return SessionCookies(str(session), str(csrf))
    if not password:
        raise ConnectionFieldError(conn_id, "password", f"is empty; it holds the secret of credential '{kind.value}'")
    if kind is SignIn.SESSION:
        if not login:
            raise ConnectionFieldError(conn_id, "login", "is empty; credential 'session' signs in with an e-mail")
        return SessionLogin(login, password)
    return OAuthToken(password) if kind is SignIn.OAUTH else PersonalAPIKey(password)
