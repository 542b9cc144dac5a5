"""Every error answer becomes one exception with one clear message, whatever its body."""

from __future__ import annotations

import json
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_dashboards.posthog import Reply, Request, errors
from airflow_dashboards.posthog.failures import failure, quote

READ = Request("GET", "/api/projects/7/dashboards/42/", intent="read dashboard 42", action="get")


def envelope(detail, *, type_="invalid_request", code="error", attr=None, **more):
    return {"type": type_, "code": code, "detail": detail, "attr": attr, **more}


def fail(status, body, *, request=READ, headers=None, kind="personal_api_key"):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    reply = Reply(status, headers or {}, content, request, url=f"https://posthog.test{request.path}")
    return failure(reply, now=0.0, credential_kind=kind, project_id=7)


NO_KEYS = "This action does not support personal API key access"


@pytest.mark.parametrize(
    ("status", "body", "expected", "said"),
    [
        (400, envelope("This field is required.", type_="validation_error", code="required", attr="tile__id"),
         errors.ValidationError, "about tile__id: This field is required."),
        (400, envelope("JSON parse error - x", code="parse_error"), errors.BadRequestError, "JSON parse error"),
        (400, {"error": "cache_key is required"}, errors.BadRequestError, "cache_key is required"),
        (400, {"detail": "tile_order must contain unique tile IDs"}, errors.BadRequestError, "unique tile IDs"),
        (401, envelope("Personal API key found in request Authorization header is invalid."),
         errors.AuthenticationError, "Check the key in the connection"),
        (402, envelope("Resource limit exceeded.", extra={"limit": 500}), errors.LimitExceededError, "limit exceeded"),
        (403, envelope(NO_KEYS), errors.KeyNotAccepted, "only a login session may"),
        (403, envelope(NO_KEYS.replace("personal api", "Personal API")), errors.KeyNotAccepted, "login session"),
        (403, envelope("API key missing required scope 'dashboard:write'"), errors.MissingScopeError,
         "the scope dashboard:write"),
        (403, envelope("AI data processing must be approved by your organization"), errors.ConsentRequiredError,
         "approve AI data processing"),
        (403, envelope("You do not have editor access to this resource."), errors.PermissionDeniedError, "editor"),
        (403, envelope("Authentication credentials were not provided.", code="not_authenticated"),
         errors.AuthenticationError, "Check the key"),
        (404, envelope("Not found."), errors.NotFoundError, "exists in project 7 and was not deleted"),
        (404, envelope("Project not found."), errors.ProjectNotFoundError, "project id in the connection (7)"),
        (404, envelope("Endpoint not found."), errors.EndpointNotFoundError, "no such endpoint"),
        (404, {"detail": "Tile IDs not found on this dashboard: [8, 9]"}, errors.NotFoundError, "[8, 9]"),
        (405, b"", errors.MethodNotAllowedError, "without saying why"),
        (406, envelope("Could not satisfy the request Accept header."), errors.PostHogAPIError, "Accept"),
        (409, {"error": "Unlisted dashboard with tag 'x' already exists"}, errors.ConflictError, "already exists"),
        (429, envelope("Request was throttled. Expected available in 37 seconds."), errors.RateLimitError,
         "Try again in 37 seconds"),
        (500, envelope("A server error occurred."), errors.ServerError, "A server error occurred."),
        (502, b"<html><head><title>502 Bad Gateway</title></head></html>", errors.ServerError, "502 Bad Gateway"),
        (512, envelope("Estimated query execution time is too long."), errors.ServerError, "too long"),
        (302, b"", errors.PostHogProtocolError, "redirect"),
        (404, b"<!doctype html><title>nginx</title>", errors.PostHogProtocolError, 'web page titled "nginx"'),
    ],
)  # fmt: skip
def test_the_tree_of_answers(status, body, expected, said):
    error = fail(status, body)
    assert type(error) is expected
    text = str(error)
    assert text.startswith("Could not read dashboard 42")
    assert "GET https://posthog.test/api/projects/7/dashboards/42/" in text
    assert said in text
    assert (error.status, error.method, error.path) == (status, "GET", READ.path)


def test_facts_are_attributes():
    error = fail(
        402,
        envelope("Resource limit exceeded.", code="limit_exceeded", extra={"limit_key": "dashboards", "limit": 500}),
        headers={"x-request-id": "r-1"},
    )
    assert (error.code, error.extra, error.request_id) == (
        "limit_exceeded",
        {"limit_key": "dashboards", "limit": 500},
        "r-1",
    )
    assert fail(403, envelope("API key missing required scope 'query:read'")).scope == "query:read"
    assert fail(500, envelope("x", error_event_id="e-9")).request_id == "e-9"
    assert fail(429, envelope("x"), headers={"retry-after": "12"}).retry_after == 12
    assert fail(503, b"", headers={"retry-after": "5"}).retry_after == 5


@pytest.mark.parametrize(
    ("action", "status", "detail", "said"),
    [
        ("bulk_update_tags", 403, NO_KEYS, "dashboards.update(id, tags=[...])"),
        ("stream_tiles", 403, NO_KEYS, "dashboards.get(id, refresh=...)"),
        ("create_from_template_json", 403, NO_KEYS, "PostHogCreateFromTemplateOperator"),
        ("snapshot", 404, "Endpoint not found.", "removed it in June 2026"),
        ("analyze_refresh_result", 404, "Endpoint not found.", "compare two captures"),
        ("create_text_tile", 404, "Endpoint not found.", "'text'"),
    ],
)
def test_a_refusal_names_the_equivalent(action, status, detail, said):
    request = Request("POST", f"/api/projects/7/dashboards/42/{action}/", intent="do it", action=action)
    assert said in str(fail(status, envelope(detail), request=request))


def test_a_delete_that_posthog_never_does_names_the_soft_one():
    assert "dashboards.restore" in str(fail(405, b"", request=Request("DELETE", READ.path)))


def test_a_redirect_names_where_to_and_no_more():
    error = fail(301, b"", headers={"location": "https://eu.posthog.com/login?next=/api&token=abc#x"})
    assert "https://eu.posthog.com/login." in str(error)
    assert "token" not in str(error)


def test_advice_fits_the_credential():
    unknown = envelope("Authentication credentials were not provided.", code="not_authenticated")
    assert "cookies" in str(fail(401, unknown, kind="session"))
    assert "OAuth token" in str(fail(401, unknown, kind="oauth"))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["type", "code", "detail", "attr", "error", "message", "extra", "error_event_id"])
            | st.text(),
            inner,
            max_size=6,
        )
    ),
    max_leaves=20,
)


@given(
    status=st.integers(300, 599),
    body=JSON.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=200) | st.just(b"[" * 5000),
    headers=st.dictionaries(st.sampled_from(["retry-after", "date", "location", "x-request-id"]), st.text()),
)
def test_any_body_becomes_an_error_of_ours(status, body, headers):
    error = fail(status, body, headers=headers)
    assert isinstance(error, errors.PostHogError)
    text = str(error)
    assert len(text) < 2500
    assert text == "".join(character for character in text if character.isprintable() or character == " ")
    assert vars(pickle.loads(pickle.dumps(error))) == vars(error)


@given(st.text(), st.integers(2, 50))
def test_quotes_are_one_short_line(text, limit):
    quoted = quote(text, limit)
    assert len(quoted) <= limit
    assert not any(character in quoted for character in "\n\r\t\x00\x1b\u2028\u202e")
