"""What an Airflow Connection's fields mean, and how it is said that one is wrong."""

from __future__ import annotations

import json
import pickle
from typing import Any

import pytest

from airflow_dashboards.hooks.connection import (
    FIELDS,
    SECRET_FIELDS,
    ConnectionFieldError,
    parse_connection,
    read_extra,
)
from airflow_dashboards.posthog import OAuthToken, PersonalAPIKey, SessionCookies, SessionLogin
from airflow_dashboards.provider_info import get_provider_info

SECRET = "phx_never_shown"


def test_the_smallest_connection_is_a_key_and_a_project() -> None:
    settings = parse_connection(conn_id="c", password=SECRET, extra={"project_id": 7})

    assert settings.host == "https://us.posthog.com"
    assert settings.project_id == 7
    assert isinstance(settings.credential, PersonalAPIKey)
    assert SECRET not in repr(settings)


@pytest.mark.parametrize(
    ("host", "port", "origin"),
    [
        ("eu.posthog.com", None, "https://eu.posthog.com"),
        ("https://posthog.example.com/", None, "https://posthog.example.com"),
        ("http://127.0.0.1", 8010, "http://127.0.0.1:8010"),
        ("", None, "https://us.posthog.com"),
    ],
)
def test_hosts_are_origins(host: str, port: int | None, origin: str) -> None:
    assert parse_connection(conn_id="c", host=host, port=port, password="x", extra={"project_id": 1}).host == origin


@pytest.mark.parametrize(
    ("login", "password", "extra", "kind"),
    [
        (None, "phx_1", {}, PersonalAPIKey),
        (None, "pha_1", {"credential": "oauth"}, OAuthToken),
        ("owner@example.com", "pw", {"credential": "session"}, SessionLogin),
        (None, None, {"credential": "cookies", "session_token": "abc", "csrftoken": "def"}, SessionCookies),
        (None, None, {"credential": "cookies", "sessionid": "abc", "csrftoken": "def"}, SessionCookies),  # the old name
    ],
)
def test_every_credential(login: str | None, password: str | None, extra: dict[str, str], kind: type) -> None:
    settings = parse_connection(conn_id="c", login=login, password=password, extra={"project_id": "3", **extra})
    assert isinstance(settings.credential, kind)


def test_fields_that_a_form_left_empty_count_as_absent() -> None:
    extra = read_extra("c", json.dumps({"project_id": 1, "timeout": "", "storage_path": None, "credential": ""}))
    settings = parse_connection(conn_id="c", password="x", extra=extra)
    assert settings.timeout == 60.0
    assert settings.storage_path is None


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"password": "x", "extra": {}}, ["'project_id'", "is missing", "extra"]),
        ({"password": "x", "extra": {"project_id": 0}}, ["'project_id'", "above 0", "0"]),
        ({"password": "x", "extra": {"project_id": True}}, ["'project_id'", "True"]),
        ({"password": "x", "extra": {"project_id": "abc"}}, ["'project_id'", "'abc'"]),
        ({"password": "", "extra": {"project_id": 1}}, ["'password'", "personal_api_key"]),
        ({"password": "x", "extra": {"project_id": 1, "credential": "key"}}, ["'credential'", "oauth", "'key'"]),
        ({"password": "x", "extra": {"project_id": 1, "credential": "session"}}, ["'login'", "e-mail"]),
        ({"extra": {"project_id": 1, "credential": "cookies", "session_token": "a"}}, ["'csrftoken'", "pair"]),
        ({"extra": {"project_id": 1, "credential": "cookies", "csrftoken": "a"}}, ["'session_token'", "pair"]),
        ({"password": "x", "extra": {"project_id": 1, "storagepath": "/x"}}, ["'storagepath'", "'storage_path'"]),
        ({"password": "x", "extra": {"Project-ID": 1}}, ["'Project-ID'", "'project_id'"]),
        ({"password": "x", "extra": {"project_id": 1, "time_out": 9}}, ["'time_out'", "'timeout'"]),
        ({"password": "x", "extra": {"project_id": 1, "timeout": 0}}, ["'timeout'", "above 0"]),
        ({"password": "x", "extra": {"project_id": 1, "timeout": "soon"}}, ["'timeout'", "'soon'"]),
        ({"password": "x", "extra": {"project_id": 1, "requests_per_minute": -1}}, ["'requests_per_minute'", "-1"]),
    ],
)
def test_a_wrong_field_is_named_with_what_to_do(fields: dict[str, object], words: list[str]) -> None:
    with pytest.raises(ConnectionFieldError) as caught:
        parse_connection(conn_id="my_conn", **fields)  # type: ignore[arg-type]
    for word in ["'my_conn'", *words]:
        assert word in str(caught.value)


@pytest.mark.parametrize("name", ["project_id", "credential", "timeout"])
def test_a_key_in_the_wrong_field_is_not_shown(name: str) -> None:
    with pytest.raises(ConnectionFieldError, match=name) as caught:
        parse_connection(conn_id="c", password="x", extra={"project_id": 1, name: SECRET})
    assert SECRET not in str(caught.value)


def test_a_field_like_none_of_ours_is_told_and_left(caplog: pytest.LogCaptureFixture) -> None:
    settings = parse_connection(conn_id="my_conn", password="x", extra={"project_id": 1, "owner": SECRET})

    assert settings.project_id == 1
    (record,) = caplog.records
    assert "'my_conn', field 'owner'" in record.getMessage()
    assert SECRET not in record.getMessage()


def test_the_fields_of_the_form_are_those_that_are_read() -> None:
    assert set(fields_of_the_form()) == set(FIELDS) - {"sessionid"}


def test_airflow_shows_no_secret_field_of_the_form() -> None:
    from airflow.api_fastapi.core_api.datamodels.connections import ConnectionResponse

    secrets = {name: f"{SECRET}_{name}" for name, field in fields_of_the_form().items() if _is_secret(field)}
    assert set(secrets) == set(SECRET_FIELDS) - {"sessionid"}

    shown = ConnectionResponse(
        conn_id="c", conn_type="posthog", description=None, host=None, login=None, schema=None, port=None,
        password=SECRET, extra=json.dumps({"project_id": 1, **secrets}), team_name=None,
    ).model_dump_json()  # fmt: skip

    assert SECRET not in shown
    assert "project_id" in shown


def fields_of_the_form() -> dict[str, Any]:
    (kind,) = get_provider_info()["connection-types"]
    return kind["conn-fields"]


def _is_secret(field: dict[str, Any]) -> bool:
    return field["schema"].get("format") == "password"


def test_the_error_survives_a_process_boundary() -> None:
    error = ConnectionFieldError("c", "timeout", "is odd")
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


@pytest.mark.parametrize("extra", ["{", "[1]", '"text"'])
def test_an_extra_that_is_no_object_is_refused(extra: str) -> None:
    with pytest.raises(ConnectionFieldError, match="extra"):
        read_extra("c", extra)
