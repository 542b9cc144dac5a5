"""What both drivers share: how a request is written, how an answer and a failure are read."""

from __future__ import annotations

import time
from copy import copy
from functools import lru_cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING, Any
from urllib.parse import quote as quote_param
from urllib.parse import urlencode

import httpx

from airflow_dashboards import __version__
from airflow_dashboards.posthog.arguments import json_text
from airflow_dashboards.posthog.call import succeeded
from airflow_dashboards.posthog.credentials import Authenticator, Credential, CredentialKind
from airflow_dashboards.posthog.errors import AuthenticationError, PostHogConnectionError, PostHogError, RateLimitError
from airflow_dashboards.posthog.failures import could_not, failure, quote, read_body
from airflow_dashboards.posthog.flow import Reply, Request
from airflow_dashboards.posthog.retry import RetryPolicy, retry_after

if TYPE_CHECKING:
    import ssl

    from airflow_dashboards.posthog.budget import Budget
    from airflow_dashboards.posthog.observer import Observer

#: Failures before a connection stood: the server certainly did not see the request.
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol, httpx.InvalidURL)
_LOGIN_PATH = "/api/login"


@lru_cache(maxsize=1)
def tls() -> ssl.SSLContext:
    """The trusted certificates."""
    # Reading the certificates takes tens of milliseconds: once per process is enough.
    return httpx.create_ssl_context()


@lru_cache(maxsize=1024)
def _address(text: str) -> httpx.URL:
    # Polling asks the same few addresses again and again, and parsing one costs as much as the rest of a request.
    return httpx.URL(text)


class Wire:
    """One client's way of writing requests and reading answers. Does no I/O."""

    def __init__(
        self,
        host: str,
        credential: Credential,
        *,
        timeout: float,
        retry: RetryPolicy,
        budget: Budget | None,
        observer: Observer | None = None,
    ) -> None:
        self.host = host
        self._observer = observer
        self.auth = Authenticator(credential, host)
        self.timeout = timeout
        self._extensions = {"timeout": httpx.Timeout(timeout, connect=min(timeout, 15.0)).as_dict()}
        self._headers = httpx.Headers(
            {
                "accept": "application/json",
                "accept-encoding": "gzip, deflate",
                "connection": "keep-alive",
                "user-agent": f"airflow-dashboards/{__version__}",
                **({} if credential.kind is CredentialKind.SESSION else self.auth.headers("GET")),
            }
        )
        self._json_headers = httpx.Headers({**self._headers, "content-type": "application/json"})
        self._refusal: AuthenticationError | None = None
        self.patience = retry.max_retry_after
        # Sessions and OAuth tokens are not limited (contract 2.3).
        self.budget = budget if credential.kind is CredentialKind.PERSONAL_API_KEY else None

    def options(self) -> dict[str, Any]:
        """Arguments of the httpx client."""
        return {
            "follow_redirects": False,
            # Sessions are followed by the authenticator; nobody else needs cookies.
            "cookies": CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            "verify": tls(),
        }

    def message(self, request: Request) -> httpx.Request:
        """A request as httpx sends it. Made here and not by the httpx client, which would parse the address twice."""
        content = None
        headers = self._headers
        if request.json is not None:
            content = json_text(request.json, "The request's body").encode()
            headers = self._json_headers
        if self.auth.credential.kind is CredentialKind.SESSION:
            headers = httpx.Headers(headers)
            headers.update(self.auth.headers(request.method))
        query = f"?{urlencode(request.params, doseq=True, quote_via=quote_param)}" if request.params else ""
        url = _address(f"{self.host}{request.path}{query}")
        return httpx.Request(request.method, url, headers=headers, content=content, extensions=self._extensions)

    def reply(self, request: Request, response: httpx.Response) -> Reply:
        """What a flow sees of an answer. Errors are cleaned of secrets, should the server have echoed one."""
        content = response.content
        headers: Any = response.headers
        if not response.is_success or "json" not in headers.get("content-type", ""):
            content = self.auth.redact(content)
            headers = {name: self.auth.redact(value.encode()).decode() for name, value in response.headers.items()}
        if self.auth.credential.kind is CredentialKind.SESSION:
            self.auth.remember({cookie.name: cookie.value or "" for cookie in response.cookies.jar})
        return Reply(response.status_code, headers, content, request, url=self.host + request.path)

    def reserve(self, request: Request, now: float) -> float:
        """Seconds to wait for the key's budget.

        Raises:
            RateLimitError: It would take longer than the retry policy waits for a server.
        """
        if self.budget is None:
            return 0.0
        wait = self.budget.reserve(request.bucket, now, patience=self.patience)
        if wait > self.patience:
            raise RateLimitError(
                f"{could_not(request)}: not sent, because this key's request budget for {request.bucket} is spent for "
                f"another {wait:.0f} seconds. Run fewer dashboards at once, or use a second key.",
                method=request.method,
                path=request.path,
                retry_after=wait,
            )
        if wait > 0 and self._observer is not None:
            self._observer.held_back(request, wait)
        return wait

    def note(self, reply: Reply, now: float) -> None:
        """Let every user of the budget know of a refusal."""
        if self.budget is not None and reply.status == 429:
            wait = retry_after(reply.headers, read_body(reply.content).words, now=now)
            if wait is not None:
                self.budget.note_throttled(reply.request.bucket, now + wait)

    def expired(self, reply: Reply) -> bool:
        """Whether an answer says that the session is no more, and a new log-in may help."""
        return (
            self.auth.can_log_in
            and reply.status in {401, 403}
            and isinstance(failure(reply, now=0.0), AuthenticationError)
        )

    def login_request(self, *, first_refusal_counts: bool) -> Request:
        """`POST /api/login` (contract 3.23).

        Raises:
            AuthenticationError: PostHog has refused this login before, and `first_refusal_counts`: many flows that
                each try a wrong password would lock the account.
        """
        if first_refusal_counts and self._refusal is not None:
            raise copy(self._refusal)
        body = self.auth.login_body()
        self.auth.forget_session()
        return Request("POST", _LOGIN_PATH, json=body, idempotent=False, intent="log in")

    def finish_login(self, reply: Reply) -> None:
        """Judge the answer to a log-in.

        Raises:
            PostHogError: There is no session.
        """
        advice = (
            "Check e-mail and password in the connection. Users with single sign-on or a second factor can not log in "
            "this way: use a personal API key, or the cookies of a browser session."
        )
        if reply.status in {400, 401, 403}:
            body = read_body(reply.content)
            self._refusal = AuthenticationError(
                f"Could not log in: PostHog answered {reply.status} to POST {self.host}{_LOGIN_PATH}: "
                f"{quote(body.words or 'without saying why')} {advice}",
                status=reply.status,
                code=body.code,
                detail=body.words,
                method="POST",
                path=_LOGIN_PATH,
            )
            raise copy(self._refusal)
        if not succeeded(reply):
            raise failure(reply, now=time.time())
        if not self.auth.logged_in():
            raise AuthenticationError(
                f"Could not log in: PostHog answered {reply.status} to POST {self.host}{_LOGIN_PATH} but gave no "
                f"session. {advice}",
                status=reply.status,
                method="POST",
                path=_LOGIN_PATH,
            )

    def failure(self, request: Request, error: Exception) -> PostHogError:
        """What became of a request that got no answer."""
        facts = {"method": request.method, "path": request.path}
        target = f"{request.method} {self.host}{request.path}"
        timed_out = isinstance(error, httpx.TimeoutException)
        sent = not isinstance(error, _NOT_SENT)
        words = self.auth.redact(quote(str(error), 200).encode()).decode() or type(error).__name__
        if not sent:
            said = f"{could_not(request)}: PostHog can not be reached at {self.host} ({target}): {words}. "
            advice = "Check the host in the connection, and that this machine may reach it."
        elif timed_out:
            said = f"{could_not(request)}: no answer within {self.timeout:g} seconds ({target}). "
            advice = (
                "The calculation may still finish: read it later with refresh=force_cache."
                if request.long_running
                else "Raise the timeout of the connection if the server is known to be slow."
            )
        else:
            said = f"{could_not(request)}: the connection broke before the answer was complete ({target}): {words}. "
            advice = "" if request.idempotent else "PostHog may have done it all the same: look before repeating it."
        return PostHogConnectionError((said + advice).strip(), sent=sent, timed_out=timed_out, **facts)
