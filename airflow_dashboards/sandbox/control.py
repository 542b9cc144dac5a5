"""The control interface, `/_sandbox/…` (design section 5): plain HTTP, no credentials, this machine only.

Beyond the design's table: `GET`/`DELETE /_sandbox/faults`, `DELETE /_sandbox/log`, `kind` in keys (`oauth` makes a
`pha_` token), and `POST /_sandbox/access` `{"project", "insight" or "dashboard": id, "access": "none" | "viewer" |
"editor" | "manager", "user": id or null for everyone}` for tiles and dashboards somebody may not see or change.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from airflow_dashboards.sandbox.auth import CredentialKind
from airflow_dashboards.sandbox.engine import InvalidQueryError
from airflow_dashboards.sandbox.settings import Build, Settings
from airflow_dashboards.sandbox.store import Level

if TYPE_CHECKING:
    from starlette.requests import Request

    from airflow_dashboards.sandbox.instance import Instance

PREFIX: Final = "/_sandbox"

Body = dict[str, Any]


class ControlError(ValueError):
    """A control call that can't be carried out; becomes a 400 with its message."""


def handle(instance: Instance, request: Request, body: bytes) -> tuple[int, Any]:
    """Answer a control request: status and JSON."""
    if (reason := _foreign(request)) is not None:
        return 403, {"error": reason}
    try:
        data = json.loads(body) if body else {}
    except ValueError as error:
        return 400, {"error": f"not JSON: {error}"}
    if not isinstance(data, dict):
        return 400, {"error": "an object is expected"}
    return dispatch(instance, request.method, request.url.path[len(PREFIX) :].strip("/"), data)


def dispatch(instance: Instance, method: str, name: str, body: Body) -> tuple[int, Any]:
    """Carry out a control call: status and JSON.

    Example:
        >>> dispatch(instance, "POST", "clock", {"advance_seconds": 600})
        (200, {'now': '2026-06-01T00:10:00.000000Z'})
    """
    calls = _CALLS.get(name)
    if calls is None:
        return 404, {"error": f"no such control call; there are {', '.join(sorted(_CALLS))}"}
    if method not in calls:
        return 405, {"error": f"{method} is not possible here, only {', '.join(calls)}"}
    allowed, call = calls[method]
    if unknown := set(body) - allowed:
        known = f"known are {', '.join(sorted(allowed))}" if allowed else "none are expected"
        return 400, {"error": f"unknown field {', '.join(sorted(unknown))}; {known}"}
    try:
        return 200, call(instance, body)
    except ValueError as error:
        return 400, {"error": str(error)}


def _foreign(request: Request) -> str | None:
    """Why a request is not from this machine's own programs: another peer, or a page of another site."""
    if request.client is None or not _is_loopback(request.client.host):
        return "the control interface answers to this machine only"
    host = urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
    if host != "localhost" and not _is_loopback(host):
        return f"the control interface does not answer to the name {host!r}"
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        return "the control interface does not answer to pages of other sites"
    if request.headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
        return "the control interface does not answer to pages of other sites"
    return None


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _reset(instance: Instance, body: Body) -> Any:
    build = body.get("build")
    demo = body.get("demo", False)
    if not isinstance(demo, bool):
        raise ControlError(f"demo: true or false expected, got {demo!r}")
    if build is not None and build not in [item.value for item in Build]:
        raise ControlError(f"build: {build!r} is not one of {[item.value for item in Build]}")
    instance.reset(Build(build) if build else None)
    if demo:
        from airflow_dashboards.sandbox.seeding import seed_demo

        seed_demo(instance)
    return instance.settings.dump()


def _show_settings(instance: Instance, _body: Body) -> Any:
    return instance.settings.dump()


def _change_settings(instance: Instance, body: Body) -> Any:
    instance.change_settings(body)
    return instance.settings.dump()


def _new_key(instance: Instance, body: Body) -> Any:
    scopes, projects, user = body.get("scopes", ["*"]), body.get("projects"), body.get("user", 7)
    if not isinstance(scopes, list) or not all(_is_scope(scope) for scope in scopes):
        raise ControlError('scopes: a list such as ["dashboard:read"] or ["*"] expected')
    if projects is not None and (not isinstance(projects, list) or not set(projects) <= set(instance.store.projects)):
        raise ControlError(f"projects: null, or a list out of {sorted(instance.store.projects)}, expected")
    if user not in instance.store.users:
        raise ControlError(f"user: {user!r} is not one of {sorted(instance.store.users)}")
    kinds = {kind.value: kind for kind in (CredentialKind.PERSONAL_API_KEY, CredentialKind.OAUTH)}
    kind = body.get("kind", CredentialKind.PERSONAL_API_KEY.value)
    if kind not in kinds:
        raise ControlError(f"kind: {kind!r} is not one of {list(kinds)}")
    limited = None if projects is None else frozenset(projects)
    return {"key": instance.new_key(frozenset(scopes), limited, user, kinds[kind])}


def _is_scope(scope: Any) -> bool:
    return isinstance(scope, str) and (scope == "*" or scope.partition(":")[2] in ("read", "write"))


def _move_clock(instance: Instance, body: Body) -> Any:
    seconds = body.get("advance_seconds")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds <= 10**10:
        raise ControlError(f"advance_seconds: a number of seconds, 0 or more, expected, got {seconds!r}")
    with instance.lock:
        instance.clock.advance(seconds)
        return {"now": instance.clock.now()}


def _add_events(instance: Instance, body: Body) -> Any:
    events = body.get("events")
    if not isinstance(events, list) or not all(isinstance(event, dict) for event in events):
        raise ControlError("events: a list of objects expected")
    return {"count": instance.engine.add_events(_project(instance, body), events)}


def _delete_events(instance: Instance, body: Body) -> Any:
    where = body.get("where")
    if not isinstance(where, str) or not where.strip():
        raise ControlError("where: an SQL condition such as \"event = 'signup'\" expected")
    try:
        return {"count": instance.engine.delete_events(_project(instance, body), where, now=instance.clock.now())}
    except InvalidQueryError as error:
        raise ControlError(f"where: {error.message}") from None


def _project(instance: Instance, body: Body) -> int:
    project = body.get("project", 1)
    if isinstance(project, bool) or not isinstance(project, int) or project not in instance.store.projects:
        raise ControlError(f"project: {project!r} is not one of {sorted(instance.store.projects)}")
    return project


def _add_fault(instance: Instance, body: Body) -> Any:
    with instance.lock:
        return instance.faults.add(body).dump()


def _show_faults(instance: Instance, _body: Body) -> Any:
    with instance.lock:
        return {"faults": instance.faults.dump()}


def _clear_faults(instance: Instance, _body: Body) -> Any:
    with instance.lock:
        count = len(instance.faults)
        instance.faults.clear()
    return {"count": count}


def _show_log(instance: Instance, _body: Body) -> Any:
    with instance.lock:
        return {"requests": instance.log.dump()}


def _clear_log(instance: Instance, _body: Body) -> Any:
    with instance.lock:
        instance.log.clear()
    return {"requests": []}


def _set_access(instance: Instance, body: Body) -> Any:
    project = _project(instance, body)
    kinds = {"insight", "dashboard"} & set(body)
    if len(kinds) != 1:
        raise ControlError("exactly one of insight and dashboard expected")
    kind = kinds.pop()
    objects: dict[int, Any] = instance.store.insights if kind == "insight" else dict(instance.store.dashboards)
    found = objects.get(body[kind]) if isinstance(body[kind], int) else None
    if found is None or found.project_id != project:
        raise ControlError(f"{kind}: there is no {body[kind]!r} in project {project}")
    levels = {level.wire: level for level in Level}
    if body.get("access") not in levels:
        raise ControlError(f"access: {body.get('access')!r} is not one of {list(levels)}")
    user = body.get("user")
    if user is not None and user not in instance.store.users:
        raise ControlError(f"user: {user!r} is not one of {sorted(instance.store.users)}")
    with instance.lock:
        instance.store.access[kind, found.id, user] = levels[body["access"]]
    return {"project": project, kind: found.id, "access": body["access"], "user": user}


_Call = Callable[["Instance", Body], Any]
_SETTINGS: Final = frozenset(field.name for field in fields(Settings))
_NOTHING: Final[frozenset[str]] = frozenset()
_CALLS: Final[dict[str, dict[str, tuple[frozenset[str], _Call]]]] = {
    "reset": {"POST": (frozenset({"build", "demo"}), _reset)},
    "settings": {"GET": (_NOTHING, _show_settings), "PATCH": (_SETTINGS, _change_settings)},
    "keys": {"POST": (frozenset({"scopes", "projects", "user", "kind"}), _new_key)},
    "clock": {"POST": (frozenset({"advance_seconds"}), _move_clock)},
    "events": {
        "POST": (frozenset({"project", "events"}), _add_events),
        "DELETE": (frozenset({"project", "where"}), _delete_events),
    },
    "faults": {
        "POST": (frozenset({"match", "times", "fault"}), _add_fault),
        "GET": (_NOTHING, _show_faults),
        "DELETE": (_NOTHING, _clear_faults),
    },
    "log": {"GET": (_NOTHING, _show_log), "DELETE": (_NOTHING, _clear_log)},
    "access": {"POST": (frozenset({"project", "insight", "dashboard", "access", "user"}), _set_access)},
}
