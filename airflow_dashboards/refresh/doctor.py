"""What may this credential do, and what server is this? Found out by calls that change nothing.

PostHog checks scopes before it looks an object up (contract 1.3). So asking for an object that can't exist tells them
apart: 403 is a missing scope, 404 is a scope that is there.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_dashboards.posthog import (
    ConsentRequiredError,
    CredentialKind,
    EndpointNotFoundError,
    KeyNotAccepted,
    MissingScopeError,
    NotFoundError,
    PermissionDeniedError,
    PostHogConnectionError,
    ProjectNotFoundError,
    RetryPolicy,
)
from airflow_dashboards.posthog.flow import Flow, Gather

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_dashboards.posthog import AsyncClient, FlowClient

#: Largest number a 32-bit key can have; no dashboard or insight gets that far.
NOBODY = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a check may take: somebody sits before it, and a thread of Airflow's API server waits with them.

    Attributes:
        timeout: seconds to wait for an answer, where the connection's own timeout is not shorter.
        retry: how often a call is repeated.
        total: seconds for all calls together.
    """

    timeout: float
    retry: RetryPolicy
    total: float

    def client_arguments(self, timeout: float) -> dict[str, Any]:
        """Return what a client is made with; `timeout` is the connection's own."""
        return {"timeout": min(timeout, self.timeout), "retry": self.retry}


#: Two attempts at a server that says nothing, and the second ends before the whole does: so the error is its own.
QUICK = Patience(
    timeout=4.5, retry=RetryPolicy(attempts=2, total_seconds=5.0, max_delay=0.5, max_retry_after=2.0), total=10.0
)


@dataclass(frozen=True)
class Need:
    """A scope, and what of ours needs it."""

    scope: str
    purpose: str
    #: Whether snapshot, refresh and analyze can't do without it.
    essential: bool
    ask: Callable[[FlowClient], Flow[Any]]


NEEDS: tuple[Need, ...] = (
    Need(
        "dashboard:read", "reading dashboards: snapshot, refresh, analyze, sensor", True,
        lambda flows: flows.dashboards.get(NOBODY),
    ),
    Need(
        "query:read", "following a refresh while PostHog computes it", True,
        lambda flows: flows.query.status("airflow-dashboards-checkup"),
    ),
    Need(
        "insight:read", "refreshing tile by tile where a broken tile holds up the others", False,
        lambda flows: flows.insights.get(NOBODY),
    ),
    Need(
        "dashboard:write", "tags, templates, text tiles", False,
        lambda flows: flows.dashboards.update(NOBODY, name="airflow-dashboards checkup"),
    ),
    Need(
        "insight:write", "templates", False,
        lambda flows: flows.insights.update(NOBODY, name="airflow-dashboards checkup"),
    ),
)  # fmt: skip


#: Scopes that no call can tell without a chance of writing, and what of ours needs them. An annotation can only be
#: created (contract 3.23), and nothing says that a server refuses any body at all.
UNTRIED = {"annotation:write": "annotations at the load"}


@dataclass(frozen=True)
class Findings:
    """What was found out."""

    host: str
    project_id: int | str
    credential: str
    build: str
    granted: tuple[str, ...]
    #: Scope and the server's words.
    missing: tuple[tuple[str, str], ...]
    #: Scopes that were not tried: they may be there or not.
    untried: tuple[str, ...] = ()

    @property
    def usable(self) -> bool:
        """Whether snapshot, refresh and analyze will work."""
        absent = {scope for scope, _ in self.missing}
        return not any(need.essential and need.scope in absent for need in NEEDS)

    def describe(self) -> str:
        """Say it in words."""
        said = (
            f"Connected to {self.host}, project {self.project_id}, with {self.credential.replace('_', ' ')};"
            f" PostHog build {self.build}. Granted: {', '.join(self.granted) or 'nothing'}."
        )
        if self.missing:
            purposes = {need.scope: need.purpose for need in NEEDS}
            lacking = "; ".join(f"{scope} ({purposes[scope]}): {words}" for scope, words in self.missing)
            said += f" Missing: {lacking} Give the key these scopes in PostHog's settings if you need them."
        if self.untried:
            listed = ", ".join(f"{scope} ({UNTRIED[scope]})" for scope in self.untried)
            said += f" Not tried, since trying might write: {listed}."
        return said


def examine(flows: FlowClient) -> Flow[Findings]:
    """Find out what the credential may do and which build the server is. Changes nothing.

    Raises:
        PostHogError: the server can't be reached, the credential is wrong, or the project is not there for it.
    """
    # Alone and first: with a wrong key the others would only say the same again.
    first = yield from _granted(flows, NEEDS[0])
    answers = yield Gather([_granted(flows, need) for need in NEEDS[1:]], limit=3)
    build = yield from _build(flows)
    granted, missing = [], []
    for need, answer in zip(NEEDS, [first, *answers], strict=True):
        if isinstance(answer, BaseException):
            raise answer
        if answer is None:
            granted.append(need.scope)
        else:
            missing.append((need.scope, answer))
    return Findings(
        host=flows.host,
        project_id=flows.project_id,
        credential=flows.credential_kind.value,
        build=build,
        granted=tuple(granted),
        missing=tuple(missing),
        # A session has no scopes (contract 1.2).
        untried=() if flows.credential_kind is CredentialKind.SESSION else tuple(UNTRIED),
    )


async def examine_quickly(client: AsyncClient, patience: Patience = QUICK) -> Findings:
    """As `examine`, but given up after `patience.total` seconds.

    Args:
        client: made with `patience.client_arguments`.
        patience: how long this may take.

    Raises:
        PostHogError: as `examine`; also where not all was answered in time.
    """
    try:
        return await asyncio.wait_for(client.run(examine(client.flows)), patience.total)
    except asyncio.TimeoutError:
        raise PostHogConnectionError(
            f"{client.host} has not answered all that the check asks within {patience.total:g} seconds. Check host,"
            " proxy and firewall; a task waits longer and asks more often, as its `timeout` and `retries` say.",
            sent=True,
            timed_out=True,
        ) from None


def _granted(flows: FlowClient, need: Need) -> Flow[str | None]:
    """Return None if the scope is there, else the server's words."""
    try:
        yield from need.ask(flows)
    except ProjectNotFoundError:
        raise
    except PermissionDeniedError as error:
        if need is NEEDS[0] and not isinstance(error, MissingScopeError):
            raise  # not of the project, or not let in: no scope would help (contract 1.5)
        return error.detail or "refused"
    except NotFoundError:
        return None
    return None


def _build(flows: FlowClient) -> Flow[str]:
    """Tell the builds apart by the actions they have (contract 0.2)."""
    try:
        yield from flows.dashboards.snapshot(NOBODY)
    except EndpointNotFoundError:
        return "cloud"
    except (KeyNotAccepted, ConsentRequiredError, NotFoundError, PermissionDeniedError):
        pass
    try:
        yield from flows.dashboards.widget_catalog()
    except EndpointNotFoundError:
        return "2026-04"
    except PermissionDeniedError:
        return "2026-04 or 2026-05"
    return "2026-05"
