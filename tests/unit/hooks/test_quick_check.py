"""The check of a connection is quick whatever the server does: somebody and a thread of the API server wait for it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from dataclasses import replace

import pytest

from airflow_dashboards import PostHogHook
from airflow_dashboards.cli import main as cli
from airflow_dashboards.posthog import AsyncClient, PersonalAPIKey, PostHogConnectionError
from airflow_dashboards.refresh.doctor import QUICK, Patience, examine_quickly
from airflow_dashboards.sandbox import Sandbox

SHORT = replace(QUICK, timeout=0.05, retry=replace(QUICK.retry, first_delay=0.01))


class Silent:
    """A server that accepts every connection and says nothing."""

    def __init__(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=16)
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"

    def callers(self) -> int:
        """Count who has come so far."""
        self.socket.setblocking(False)
        count = 0
        while True:
            try:
                self.socket.accept()[0].close()
            except BlockingIOError:
                return count
            count += 1


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> Iterator[Silent]:
    server = Silent()
    monkeypatch.setenv(
        "AIRFLOW_CONN_POSTHOG_SILENT",
        f"posthog://:phx_x@{server.url.replace(':', '%3A').replace('/', '%2F')}/?project_id=1",
    )
    with server.socket:
        yield server


def test_two_attempts_and_what_is_between_them_take_less_than_the_whole() -> None:
    retry = QUICK.retry
    pause = retry.max_delay * (1 + retry.jitter)
    assert retry.attempts == 2
    assert QUICK.timeout * 2 + pause < QUICK.total <= 10


def test_the_connections_own_timeout_counts_where_it_is_shorter() -> None:
    assert QUICK.client_arguments(60.0)["timeout"] == QUICK.timeout
    assert QUICK.client_arguments(1.0)["timeout"] == 1.0


@pytest.mark.parametrize("in_a_loop", [False, True])
def test_a_silent_host_is_asked_twice_and_told(
    silent: Silent, monkeypatch: pytest.MonkeyPatch, in_a_loop: bool
) -> None:
    monkeypatch.setattr("airflow_dashboards.hooks.posthog.QUICK", SHORT)
    hook = PostHogHook("posthog_silent")

    async def inside() -> tuple[bool, str]:
        return hook.test_connection()

    usable, said = asyncio.run(inside()) if in_a_loop else hook.test_connection()

    assert not usable
    assert silent.url in said
    assert silent.callers() == 2


def test_the_command_is_as_quick(
    silent: Silent, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("airflow_dashboards.refresh.doctor.QUICK", SHORT)
    monkeypatch.setenv("POSTHOG_API_KEY", "phx_x")

    assert cli.main(["check", "--host", silent.url, "--project-id", "1"]) == 1
    assert silent.url in capsys.readouterr().err
    assert silent.callers() == 2


def test_a_server_that_answers_too_slowly_to_all_is_given_up(posthog_sandbox: Sandbox) -> None:
    patience = Patience(timeout=60.0, retry=QUICK.retry, total=0.0)

    async def check() -> None:
        async with AsyncClient(posthog_sandbox.url, 1, PersonalAPIKey(posthog_sandbox.personal_api_key)) as client:
            await examine_quickly(client, patience)

    with pytest.raises(PostHogConnectionError, match="within 0 seconds") as caught:
        asyncio.run(check())
    assert posthog_sandbox.url in str(caught.value)
