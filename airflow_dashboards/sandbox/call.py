"""A request that passed the checks, as handlers see it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow_dashboards.sandbox import uncertain
from airflow_dashboards.sandbox.auth import CredentialKind
from airflow_dashboards.sandbox.errors import invalid, not_found, server_error
from airflow_dashboards.sandbox.queries import Overrides
from airflow_dashboards.sandbox.refreshing import Mode, mode_of
from airflow_dashboards.sandbox.serializers import Serializer

if TYPE_CHECKING:
    from airflow_dashboards.sandbox.auth import Credential
    from airflow_dashboards.sandbox.incoming import Incoming
    from airflow_dashboards.sandbox.instance import Instance
    from airflow_dashboards.sandbox.settings import Build
    from airflow_dashboards.sandbox.store import Project, Store, User


@dataclass
class Call:
    """Who asks (`credential`), where (`project`), for what (`params` of the path, `incoming`)."""

    instance: Instance
    incoming: Incoming
    credential: Credential
    project: Project
    params: dict[str, str]

    @property
    def store(self) -> Store:
        """All objects."""
        return self.instance.store

    @property
    def user(self) -> User:
        """The user behind the credential."""
        return self.credential.user

    @property
    def is_session(self) -> bool:
        """Whether the caller is logged in rather than holding a key."""
        return self.credential.kind is CredentialKind.SESSION

    @property
    def build(self) -> Build:
        """The build that answers."""
        return self.instance.settings.build

    @property
    def data(self) -> Any:
        """The body; see `Incoming.data`."""
        return self.incoming.data

    def argument(self, name: str) -> str | None:
        """The last value of a query parameter."""
        return self.incoming.argument(name)

    @cached_property
    def serialize(self) -> Serializer:
        """The serializer for this caller."""
        return Serializer(self.instance, self.user)

    def id(self, name: str = "id") -> int:
        """A numeric id of the path.

        Raises:
            RefusalError: for one that is not a number.
        """
        text = self.params[name]
        if not text.isdecimal():
            raise server_error() if uncertain.NON_NUMERIC_ID_STATUS == 500 else not_found()
        return int(text)

    @property
    def mode(self) -> Mode:
        """What the `refresh` parameter asks for."""
        return mode_of(self.argument("refresh"))

    def overrides(self, *, variables: bool = True) -> Overrides:
        """`filters_override` and, where the action reads it, `variables_override`.

        Raises:
            RefusalError: 400 for bad JSON, 500 for JSON that is no object (contract 2.5).
        """
        wanted = self._json_argument("variables_override") if variables else None
        return Overrides(self._json_argument("filters_override"), wanted)

    def _json_argument(self, name: str) -> dict[str, Any] | None:
        text = self.argument(name)
        if not text:
            return None
        try:
            value = json.loads(text)
        except ValueError:
            raise invalid(f"Invalid JSON passed in {name} parameter", attr=name) from None
        if not isinstance(value, dict):
            raise server_error()
        return value


def computes_in_request(call: Call) -> bool:
    """Whether a call waits for tiles to be computed."""
    return call.mode.computes_in_request
