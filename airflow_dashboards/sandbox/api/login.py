"""`POST /api/login`: the session and CSRF cookies (contract 3.23)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_dashboards.sandbox import uncertain
from airflow_dashboards.sandbox.errors import invalid, method_not_allowed
from airflow_dashboards.sandbox.fields import Object, Text
from airflow_dashboards.sandbox.routing import Answer

if TYPE_CHECKING:
    from airflow_dashboards.sandbox.incoming import Incoming
    from airflow_dashboards.sandbox.instance import Instance

_BODY = Object({"email": Text(), "password": Text(trim=False)})


def log_in(instance: Instance, incoming: Incoming) -> Answer:
    """Open a session for the right e-mail and password."""
    if incoming.method != "POST":
        raise method_not_allowed(incoming.method)
    body = _BODY.clean(incoming.data)
    for user in instance.store.users.values():
        if user.email == body["email"].lower() and user.password == body["password"]:
            session_id, session = instance.credentials.log_in(user.id, instance.clock.now())
            cookies = {"sessionid": session_id, "posthog_csrftoken": session.csrf_token}
            return Answer({"success": True}, cookies=cookies)
    raise invalid(uncertain.LOGIN_REFUSED, code="invalid_credentials")
