"""Real httpx, no network: what goes over the wire, and what of it never does."""

from __future__ import annotations

import asyncio
import html
import json
import logging
import pickle
import threading
import traceback
from urllib.parse import quote, quote_plus

import httpx
import pytest

from airflow_dashboards.posthog import (
    AsyncClient,
    AuthenticationError,
    Budget,
    Client,
    OAuthToken,
    PersonalAPIKey,
    PostHogArgumentError,
    PostHogConnectionError,
    PostHogError,
    PostHogProtocolError,
    RateLimitError,
    RetryPolicy,
    SessionCookies,
    SessionLogin,
    Window,
)
from airflow_dashboards.posthog.budget import MARGIN

HOST = "https://posthog.test"
SECRET = "phx_topsecret"
ONCE = RetryPolicy(attempts=1)


def client(handler, credential=None, **options):
    options.setdefault("retry", ONCE)
    return Client(HOST, 7, credential or PersonalAPIKey(SECRET), transport=httpx.MockTransport(handler), **options)


def ok(body=None, **headers):
    return httpx.Response(200, json={"id": 42} if body is None else body, headers=headers)


def test_a_request_as_posthog_sees_it():
    seen = []

    def handler(request):
        seen.append(request)
        return ok()

    client(handler).dashboards.update(42, name="Größe", tags=["etl"])
    (request,) = seen
    assert (request.method, str(request.url)) == ("PATCH", f"{HOST}/api/projects/7/dashboards/42/")
    assert request.headers["authorization"] == f"Bearer {SECRET}"
    assert request.headers["accept"] == "application/json"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["user-agent"].startswith("airflow-dashboards/")
    assert "cookie" not in request.headers
    assert json.loads(request.content) == {"name": "Größe", "tags": ["etl"]}


def test_params_are_written_as_posthog_reads_them():
    seen = []

    def handler(request):
        seen.append(request.url.params.multi_items())
        return ok({"count": 0, "next": None, "results": []} if request.url.path.endswith("dashboards/") else None)

    with client(handler) as posthog:
        posthog.dashboards.list(tags=["a", "b"], pinned=True, exclude_generated=True)
        posthog.dashboards.get(42, refresh="force_async", filters_override={"date_from": "-7d"})
    assert seen[0] == [
        ("tags", "a"),
        ("tags", "b"),
        ("exclude_generated", "true"),
        ("pinned", "true"),
        ("limit", "100"),
        ("offset", "0"),
    ]
    assert seen[1] == [("refresh", "force_async"), ("filters_override", '{"date_from":"-7d"}')]


def test_nothing_connects_before_the_first_call():
    posthog = client(lambda request: ok())
    assert posthog._driver._client is None
    posthog.close()


def test_a_client_reopens_after_close():
    posthog = client(lambda request: ok())
    assert posthog.dashboards.get(42).id == 42
    posthog.close()
    assert posthog.dashboards.get(42).id == 42


@pytest.mark.parametrize(
    ("raised", "sent", "timed_out", "said"),
    [
        (httpx.ConnectError("[Errno 111] Connection refused"), False, False, "can not be reached at https://posthog"),
        (httpx.ConnectTimeout("timed out"), False, True, "can not be reached"),
        (httpx.ReadTimeout("timed out"), True, True, "no answer within 60 seconds"),
        (httpx.ReadError("reset"), True, False, "broke before the answer was complete"),
        (httpx.RemoteProtocolError("peer closed connection"), True, False, "peer closed connection"),
        (httpx.LocalProtocolError(f"Illegal header value b'Bearer {SECRET}'"), True, False, r"Bearer \*\*\*"),
    ],
)
def test_no_answer(raised, sent, timed_out, said):
    def handler(request):
        raise raised

    with pytest.raises(PostHogConnectionError, match=said) as caught:
        client(handler).dashboards.get(42)
    error = caught.value
    assert (error.sent, error.timed_out, error.retryable) == (sent, timed_out, True)
    assert str(error).startswith("Could not read dashboard 42")
    assert SECRET not in "".join(traceback.format_exception(error))


def test_a_body_that_does_not_unpack_is_a_broken_connection():
    with pytest.raises(PostHogConnectionError, match="broke before"):
        client(
            lambda _: httpx.Response(200, stream=Body(b"not gzip"), headers={"content-encoding": "gzip"})
        ).dashboards.get(42)


@pytest.mark.parametrize("location", ["https://evil.test/collect", "/login?next=/api", "http://posthog.test/"])
def test_redirects_are_never_followed(location):
    seen = []

    def handler(request):
        seen.append(str(request.url))
        return httpx.Response(302, headers={"location": location})

    with pytest.raises(PostHogProtocolError, match="a redirect to"):
        client(handler).dashboards.get(42)
    assert len(seen) == 1


ECHOES = [
    httpx.Response(401, json={"type": "authentication_error", "detail": f"Key {SECRET} is invalid."}),
    httpx.Response(400, json={"error": SECRET, "code": SECRET, "attr": SECRET, "extra": {"key": SECRET}}),
    httpx.Response(302, headers={"location": f"https://evil.test/{SECRET}"}),
    httpx.Response(200, html=f"<title>{SECRET}</title>"),
    httpx.Response(500, text=f"<title>{SECRET}</title>", headers={"x-request-id": SECRET}),
    httpx.Response(429, text=SECRET, headers={"retry-after": SECRET}),
    httpx.Response(404, text=SECRET),
]


@pytest.mark.parametrize("echo", ECHOES, ids=lambda response: str(response.status_code))
@pytest.mark.parametrize("credential", [PersonalAPIKey(SECRET), OAuthToken(SECRET), SessionCookies("s-id", SECRET)])
def test_an_echoed_secret_reaches_no_message_log_or_pickle(echo, credential, caplog):
    caplog.set_level(logging.DEBUG)
    with pytest.raises(PostHogError) as caught:
        client(lambda _: echo, credential).dashboards.update(42, name="x")
    shown = "".join(traceback.format_exception(caught.value)) + caplog.text + repr(vars(caught.value))
    assert SECRET not in shown
    assert SECRET.encode() not in pickle.dumps(caught.value)


@pytest.mark.parametrize("within", [lambda text: json.dumps({"detail": text}), str], ids=["in JSON", "in text"])
@pytest.mark.parametrize("spell", [str, quote, quote_plus, html.escape])
def test_a_password_is_recognised_however_it_is_spelt(spell, within):
    password = 'pä"ss w&rd'
    echo = within(f"No user has the password {spell(password)}.").encode()
    with pytest.raises(AuthenticationError) as caught:
        client(lambda _: httpx.Response(401, content=echo), SessionLogin("owner@example.com", password)).login()
    assert caught.value.detail == "No user has the password **********."


# Sessions


class Login:
    """A server that knows one user, and whose sessions can be ended."""

    def __init__(self, password="sandbox"):
        self.password, self.logins, self.sessions, self.seen = password, 0, set(), []

    def __call__(self, request):
        self.seen.append(request)
        if request.url.path == "/api/login":
            self.logins += 1
            if json.loads(request.content)["password"] != self.password:
                return httpx.Response(400, json={"type": "validation_error", "detail": "Invalid email or password."})
            self.sessions = {f"s{self.logins}"}
            cookies = [("set-cookie", f"sessionid=s{self.logins}; Path=/; HttpOnly; Secure")]
            cookies.append(("set-cookie", f"posthog_csrftoken=c{self.logins}; Path=/"))
            return httpx.Response(200, json={"success": True}, headers=cookies)
        sent = dict(pair.split("=") for pair in request.headers.get("cookie", "").split("; ") if pair)
        if sent.get("sessionid") not in self.sessions:
            return httpx.Response(
                403,
                json={
                    "type": "authentication_error",
                    "code": "not_authenticated",
                    "detail": "Authentication credentials were not provided.",
                },
            )
        return ok()


OWNER = SessionLogin("owner@example.com", "sandbox")


def test_a_session_begins_at_first_need_and_once():
    server = Login()
    posthog = client(server, OWNER)
    assert server.logins == 0
    posthog.dashboards.get(42)
    posthog.dashboards.update(42, name="x")
    assert server.logins == 1
    patch = server.seen[-1]
    assert patch.headers["cookie"] == "sessionid=s1; posthog_csrftoken=c1"
    assert patch.headers["x-csrftoken"] == "c1"
    assert patch.headers["referer"] == f"{HOST}/"
    assert "authorization" not in patch.headers


def test_an_expired_session_is_renewed_once():
    server = Login()
    posthog = client(server, OWNER)
    posthog.dashboards.get(42)
    server.sessions.clear()
    assert posthog.dashboards.create(name="x").id == 42
    assert server.logins == 2

    class Forgetful(Login):
        def __call__(self, request):
            self.sessions.clear()
            return super().__call__(request)

    forgetful = Forgetful()
    with pytest.raises(AuthenticationError):
        client(forgetful, OWNER).dashboards.get(42)
    assert forgetful.logins == 2


def test_a_wrong_password_is_tried_once_and_named():
    server = Login(password="another")
    posthog = client(server, OWNER)
    for _ in range(3):
        with pytest.raises(
            AuthenticationError, match=r"Invalid email or password\. Check e-mail and password"
        ) as caught:
            posthog.dashboards.get(42)
    assert server.logins == 1
    assert "sandbox" not in str(caught.value)
    server.password = "sandbox"
    posthog.login()
    assert posthog.dashboards.get(42).id == 42


def test_a_login_without_a_session():
    with pytest.raises(AuthenticationError, match=r"gave no session.*second factor"):
        client(lambda _: httpx.Response(200, json={"success": True}), OWNER).login()


def test_only_e_mail_and_password_log_in():
    with pytest.raises(PostHogArgumentError, match="personal_api_key"):
        client(lambda _: ok()).login()


def test_cookies_that_ended_are_not_renewed():
    server = Login()
    with pytest.raises(AuthenticationError, match="Check the cookies"):
        client(server, SessionCookies("old", "c0")).dashboards.get(42)
    assert server.logins == 0


def test_many_at_once_log_in_once():
    server, begun = Login(), threading.Barrier(8)
    posthog = client(server, OWNER)

    def read():
        begun.wait()
        posthog.dashboards.get(42)

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert server.logins == 1

    async def many():
        aserver = Login()

        async def slowly(request):
            await asyncio.sleep(0)
            return aserver(request)

        async with AsyncClient(HOST, 7, OWNER, transport=httpx.MockTransport(slowly)) as aposthog:
            await asyncio.gather(*[aposthog.dashboards.get(42) for _ in range(8)])
        return aserver.logins

    assert asyncio.run(many()) == 1


def test_who_comes_late_to_a_login_does_not_log_in_again():
    server = Login()
    driver = client(server, OWNER)._driver
    driver.login(unless_after=0)
    driver.login(unless_after=0)
    assert server.logins == 1
    driver.login(unless_after=1)
    assert server.logins == 2


def test_one_async_client_in_several_loops():
    posthog = AsyncClient(HOST, 7, OWNER, transport=httpx.MockTransport(Login()))
    assert [asyncio.run(posthog.dashboards.get(42)).id for _ in range(2)] == [42, 42]


# Budget


class Clock:
    def __init__(self):
        self.now, self.slept = 1000.0, []

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds


def limited(handler, budget, credential=None):
    posthog, clock = client(handler, credential, budget=budget), Clock()
    posthog._driver.now, posthog._driver.sleep = lambda: clock.now, clock.sleep
    return posthog, clock


def test_a_key_waits_for_its_budget():
    posthog, clock = limited(lambda _: ok(), Budget({"dashboards": [Window(2, 60)]}))
    for _ in range(3):
        posthog.dashboards.get(42)
    assert clock.slept == [60.0 + MARGIN]


def test_a_wait_beyond_patience_is_refused_unsent():
    posthog, clock = limited(lambda _: ok(), Budget({"dashboards": [Window(1, 3600)]}))
    posthog.dashboards.get(42)
    with pytest.raises(RateLimitError, match="not sent, because this key's request budget") as caught:
        posthog.dashboards.get(42)
    assert (caught.value.retry_after, caught.value.status, clock.slept) == (3600.0 + MARGIN, None, [])


def test_sessions_and_tokens_are_not_limited():
    for credential in (OAuthToken("pha_x"), SessionCookies("s", "c")):
        posthog, clock = limited(lambda _: ok(), Budget({"dashboards": [Window(1, 3600)]}), credential)
        posthog.dashboards.get(42)
        posthog.dashboards.get(42)
        assert clock.slept == []


def test_a_refusal_is_obeyed_by_every_client_of_the_key():
    budget = Budget()
    refused, _ = limited(lambda _: httpx.Response(429, headers={"retry-after": "30"}), budget)
    with pytest.raises(RateLimitError):
        refused.dashboards.get(42)
    other, clock = limited(lambda _: ok(), budget)
    other.dashboards.get(42)
    assert clock.slept == [30.0]


# Streams


def events(*values):
    return "".join(f"data: {json.dumps(value)}\n\n" for value in values).encode()


class Body(httpx.SyncByteStream):
    def __init__(self, *chunks):
        self.chunks, self.read, self.closed = chunks, 0, False

    def __iter__(self):
        for chunk in self.chunks:
            self.read += 1
            if isinstance(chunk, Exception):
                raise chunk
            yield chunk

    def close(self):
        self.closed = True


def test_a_stream_that_is_left_early_is_closed():
    body = Body(events({"type": "metadata", "dashboard": {"id": 42}}), events({"type": "complete"}))
    tiles = client(lambda _: httpx.Response(200, stream=body)).dashboards.stream_tiles(42)
    next(tiles)
    tiles.close()
    assert (body.read, body.closed) == (1, True)


def test_a_stream_that_breaks():
    body = Body(events({"type": "metadata", "dashboard": {"id": 42}}), httpx.ReadError("reset"))
    tiles = client(lambda _: httpx.Response(200, stream=body)).dashboards.stream_tiles(42)
    next(tiles)
    with pytest.raises(PostHogConnectionError, match="Could not stream the tiles of dashboard 42"):
        next(tiles)
    assert body.closed
