"""Secrets go into headers and nowhere else."""

from __future__ import annotations

import pytest

from airflow_dashboards.posthog import OAuthToken, PersonalAPIKey, PostHogArgumentError, SessionCookies, SessionLogin
from airflow_dashboards.posthog.credentials import Authenticator

ORIGIN = "https://posthog.test"


@pytest.mark.parametrize(
    "credential",
    [
        PersonalAPIKey("phx_topsecret"),
        OAuthToken("pha_topsecret"),
        SessionLogin("owner@example.com", "topsecret"),
        SessionCookies("topsecret1", "topsecret2"),
    ],
)
def test_no_repr_shows_a_secret(credential):
    assert "topsecret" not in f"{credential!r} {credential} {vars(credential)}"


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: PersonalAPIKey(""), "is empty"),
        (lambda: PersonalAPIKey("   "), "is empty"),
        (lambda: PersonalAPIKey(None), "is empty"),
        (lambda: PersonalAPIKey("phx_top secret"), "can not be sent"),
        (lambda: PersonalAPIKey("phx_topsecret\nX-Evil: 1"), "can not be sent"),
        (lambda: PersonalAPIKey("phx_topsécret"), "can not be sent"),
        (lambda: PersonalAPIKey("phc_topsecret"), "public ingestion token"),
        (lambda: PersonalAPIKey("phs_topsecret"), "project secret key"),
        (lambda: OAuthToken(""), "is empty"),
        (lambda: SessionLogin("", "topsecret"), "e-mail"),
        (lambda: SessionLogin("owner", "topsecret"), "e-mail"),
        (lambda: SessionLogin("owner@example.com", ""), "password .* is empty"),
        (lambda: SessionCookies("", "topsecret"), "sessionid is empty"),
        (lambda: SessionCookies("topsecret; path=/", "x"), "can not be sent"),
        (lambda: SessionCookies("topsecret;path", "x"), "value only"),
    ],
)
def test_what_can_not_be_right_is_refused_without_being_shown(make, said):
    with pytest.raises(PostHogArgumentError, match=said) as caught:
        make()
    assert "topsecret" not in str(caught.value)


def test_keys_and_tokens_are_bearers():
    for credential in (PersonalAPIKey(" phx_k\n"), OAuthToken("phx_k")):
        assert Authenticator(credential, ORIGIN).headers("POST") == {"authorization": "Bearer phx_k"}


def test_unsafe_session_requests_carry_the_csrf_token_and_a_referer():
    auth = Authenticator(SessionCookies("s1", "c1"), ORIGIN)
    assert auth.headers("GET") == {"cookie": "sessionid=s1; posthog_csrftoken=c1"}
    assert auth.headers("PATCH") == {
        "cookie": "sessionid=s1; posthog_csrftoken=c1",
        "x-csrftoken": "c1",
        "referer": "https://posthog.test/",
    }
    auth.remember({"posthog_csrftoken": "c2", "other": "x"})
    assert auth.headers("POST")["x-csrftoken"] == "c2"


def test_a_key_ignores_cookies():
    auth = Authenticator(PersonalAPIKey("phx_k"), ORIGIN)
    auth.remember({"sessionid": "s1"})
    assert "cookie" not in auth.headers("GET")


def test_redaction_covers_every_secret_of_a_session():
    auth = Authenticator(SessionLogin("owner@example.com", "p4ss"), ORIGIN)
    auth.remember({"sessionid": "s3ssion", "posthog_csrftoken": "t0ken"})
    assert auth.redact(b"p4ss s3ssion t0ken rest") == b"********** ********** ********** rest"
