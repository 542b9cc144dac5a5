"""The exception tree crosses processes whole."""

from __future__ import annotations

import copy
import inspect
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_dashboards.posthog import errors

TREE = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, errors.PostHogError)]
REQUIRED = {errors.PostHogConnectionError: {"sent": True}, errors.MissingScopeError: {"scope": "dashboard:write"}}


@given(
    kind=st.sampled_from(TREE),
    message=st.text(),
    facts=st.fixed_dictionaries(
        {
            "status": st.none() | st.integers(100, 599),
            "code": st.none() | st.text(),
            "detail": st.none() | st.text(),
            "attr": st.none() | st.text(),
            "retry_after": st.none() | st.floats(0, 1e6),
            "extra": st.none() | st.dictionaries(st.text(), st.integers()),
        }
    ),
    attempts=st.integers(1, 9),
)
def test_pickled_errors_are_equal(kind, message, facts, attempts):
    error = kind(message, **facts, **REQUIRED.get(kind, {}))
    error.attempts = attempts
    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(twin) is kind
        assert vars(twin) == vars(error)
        assert str(twin) == str(error)
        assert twin.retryable == error.retryable


def test_the_tree():
    assert issubclass(errors.PostHogArgumentError, ValueError)
    assert issubclass(errors.KeyNotAccepted, errors.PermissionDeniedError)
    assert issubclass(errors.EndpointNotFoundError, errors.NotFoundError)
    assert not issubclass(errors.PostHogConnectionError, errors.PostHogAPIError)


@pytest.mark.parametrize(
    ("error", "retryable"),
    [
        (errors.PostHogConnectionError("", sent=True), True),
        (errors.RateLimitError("", status=429), True),
        (errors.ServerError("", status=500), True),
        (errors.ServerError("", status=503), True),
        (errors.ServerError("", status=512), False),
        (errors.PostHogProtocolError("", broken=True), True),
        (errors.PostHogProtocolError(""), False),
        (errors.NotFoundError("", status=404), False),
        (errors.AuthenticationError("", status=401), False),
        (errors.PostHogArgumentError(""), False),
    ],
)
def test_retryable(error, retryable):
    assert error.retryable is retryable
