"""The ways to prove to PostHog who asks (contract 1.2). Secrets are wrapped: no repr, log or traceback shows them."""

from __future__ import annotations

import html
import json
import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import quote, quote_plus

from pydantic import SecretStr

from airflow_dashboards.posthog.errors import PostHogArgumentError

if TYPE_CHECKING:
    from collections.abc import Mapping

_SENDABLE = re.compile(r"[\x21-\x7e]+")


class CredentialKind(str, Enum):
    """Keys and tokens are bound to scopes and refused by some actions; a session is bound to neither."""

    PERSONAL_API_KEY = "personal_api_key"
    OAUTH = "oauth"
    SESSION = "session"


def _secret(value: str | SecretStr, what: str) -> SecretStr:
    text = value.get_secret_value() if isinstance(value, SecretStr) else value
    if not isinstance(text, str) or not text.strip():
        raise PostHogArgumentError(f"The {what} is empty. Set it in the connection.")
    return SecretStr(text.strip())


def _header_secret(value: str | SecretStr, what: str) -> SecretStr:
    secret = _secret(value, what)
    if not _SENDABLE.fullmatch(secret.get_secret_value()):
        raise PostHogArgumentError(
            f"The {what} contains spaces or characters that can not be sent. Copy it again, without what surrounds it."
        )
    return secret


class Credential:
    """Base of the credentials; use one of the subclasses."""

    kind: ClassVar[CredentialKind]
    secrets: tuple[SecretStr, ...]

    def __repr__(self) -> str:
        return f"{type(self).__name__}(**********)"


class PersonalAPIKey(Credential):
    """A personal API key, `phx_…`. What it may do depends on its scopes; six actions refuse every key (contract 1.4).

    Example:
        >>> PersonalAPIKey("phx_secret")
        PersonalAPIKey(**********)
    """

    kind = CredentialKind.PERSONAL_API_KEY

    def __init__(self, key: str | SecretStr) -> None:
        secret = _header_secret(key, "personal API key")
        for prefix, what in (("phc_", "a project's public ingestion token"), ("phs_", "a project secret key")):
            if secret.get_secret_value().startswith(prefix):
                raise PostHogArgumentError(
                    f"This is {what} ({prefix}…), which the dashboards API does not take. "
                    "Create a personal API key (phx_…) in PostHog under Settings, Personal API keys."
                )
        self.secrets = (secret,)


class OAuthToken(Credential):
    """An OAuth access token, `pha_…`. Subject to scopes like a key; lives one hour."""

    kind = CredentialKind.OAUTH

    def __init__(self, token: str | SecretStr) -> None:
        self.secrets = (_header_secret(token, "OAuth token"),)


class SessionLogin(Credential):
    """E-mail and password: signs in at first need, and once more when the session has expired.

    Does not work for users who sign in by single sign-on or with a second factor.
    """

    kind = CredentialKind.SESSION

    def __init__(self, email: str, password: str | SecretStr) -> None:
        if not isinstance(email, str) or "@" not in email:
            raise PostHogArgumentError("The e-mail address for signing in to PostHog is missing or has no @.")
        self.email = email.strip()
        # A password may begin or end with a space.
        text = password.get_secret_value() if isinstance(password, SecretStr) else password
        if not isinstance(text, str) or not text:
            raise PostHogArgumentError("The password for signing in to PostHog is empty.")
        self.secrets = (SecretStr(text),)


class SessionCookies(Credential):
    """The cookies of a browser session: `sessionid` and `posthog_csrftoken`. They can not be renewed by this client."""

    kind = CredentialKind.SESSION

    def __init__(self, session_id: str | SecretStr, csrf_token: str | SecretStr) -> None:
        self.secrets = (_cookie_secret(session_id, "sessionid"), _cookie_secret(csrf_token, "posthog_csrftoken"))


def _cookie_secret(value: str | SecretStr, name: str) -> SecretStr:
    secret = _header_secret(value, f"cookie {name}")
    if set(secret.get_secret_value()) & set(';,"\\'):
        raise PostHogArgumentError(f"The cookie {name} contains characters that no cookie has. Give its value only.")
    return secret


@dataclass(slots=True)
class _Session:
    """Cookies as they stand now. Both drivers keep one; `generation` counts log-ins."""

    session_id: SecretStr | None = None
    csrf_token: SecretStr | None = None
    generation: int = 0


class Authenticator:
    """Turns a credential into headers, and follows a session through its cookies. Sans-I/O; one per client."""

    def __init__(self, credential: Credential, origin: str) -> None:
        self.credential = credential
        self._origin = origin
        self._session = _Session()
        if isinstance(credential, SessionCookies):
            self._session = _Session(credential.secrets[0], credential.secrets[1])

    @property
    def needs_login(self) -> bool:
        """Whether there is an e-mail and password, but no session yet."""
        return isinstance(self.credential, SessionLogin) and self._session.session_id is None

    @property
    def generation(self) -> int:
        """How often this client has logged in: whoever finds it higher than before need not log in again."""
        return self._session.generation

    @property
    def can_log_in(self) -> bool:
        """Whether an expired session can be renewed."""
        return isinstance(self.credential, SessionLogin)

    def headers(self, method: str) -> dict[str, str]:
        """Headers that authenticate a request."""
        if self.credential.kind is not CredentialKind.SESSION:
            return {"authorization": f"Bearer {self.credential.secrets[0].get_secret_value()}"}
        session = self._session
        cookies = {"sessionid": session.session_id, "posthog_csrftoken": session.csrf_token}
        pairs = [f"{name}={value.get_secret_value()}" for name, value in cookies.items() if value is not None]
        headers = {"cookie": "; ".join(pairs)} if pairs else {}
        if method not in {"GET", "HEAD", "OPTIONS"}:
            # Django checks the referer of unsafe requests on https (contract 1.2).
            headers["referer"] = f"{self._origin}/"
            if session.csrf_token is not None:
                headers["x-csrftoken"] = session.csrf_token.get_secret_value()
        return headers

    def login_body(self) -> dict[str, str]:
        """Body of `POST /api/login`."""
        if not isinstance(self.credential, SessionLogin):
            raise PostHogArgumentError(
                f"There is nothing to log in with: the credential is {self.credential.kind.value}. "
                "Use SessionLogin(email, password)."
            )
        return {"email": self.credential.email, "password": self.credential.secrets[0].get_secret_value()}

    def forget_session(self) -> None:
        """Before a log-in: old cookies would only confuse it."""
        self._session.session_id = None
        self._session.csrf_token = None

    def remember(self, cookies: Mapping[str, str]) -> None:
        """Keep the session's cookies as the server last set them."""
        if self.credential.kind is not CredentialKind.SESSION:
            return
        if cookies.get("sessionid"):
            self._session.session_id = SecretStr(cookies["sessionid"])
        if cookies.get("posthog_csrftoken"):
            self._session.csrf_token = SecretStr(cookies["posthog_csrftoken"])

    def logged_in(self) -> bool:
        """After a log-in: whether it has led to a session."""
        if self._session.session_id is None:
            return False
        self._session.generation += 1
        return True

    def redact(self, text: bytes) -> bytes:
        """Remove every secret of this client from a text, should a server echo one."""
        secrets = [*self.credential.secrets, self._session.session_id, self._session.csrf_token]
        for secret in secrets:
            for needle in _spellings(secret.get_secret_value()) if secret is not None else ():
                if needle in text:
                    text = text.replace(needle, b"**********")
        return text


def _spellings(secret: str) -> set[bytes]:
    """A text as it may come back: plain, in JSON, in an address, in a web page."""
    plain = {secret, quote(secret, safe=""), quote_plus(secret), html.escape(secret)}
    in_json = {json.dumps(text, ensure_ascii=ascii_only)[1:-1] for text in plain for ascii_only in (True, False)}
    return {spelling.encode(errors="replace") for spelling in plain | in_json}
