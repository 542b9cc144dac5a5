"""Which endpoints exist in which build, and what each asks of its caller.

An endpoint says so itself, where it is written:

    @endpoint("GET", "dashboards/{id}/run_insights", action="dashboards.run_insights", scopes=("query:read",))
    def run_insights(call: Call) -> Answer: ...

Paths are relative to `/api/projects/{project}/`. Whether a route exists is decided before anybody is authenticated
(contract 2.4), which is why there is one table and not a framework's router per resource.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_dashboards.sandbox.settings import ALL_BUILDS, Build
from airflow_dashboards.sandbox.throttle import Bucket

if TYPE_CHECKING:
    from airflow_dashboards.sandbox.call import Call

SESSION_ONLY = None


@dataclass(slots=True)
class Answer:
    """An answer: JSON, or nothing, or a stream of bytes."""

    payload: Any = None
    status: int = 200
    empty: bool = False
    stream: Iterator[bytes] | None = None
    cookies: dict[str, str] = field(default_factory=dict)


Handler = Callable[["Call"], Answer]


@dataclass(slots=True, frozen=True)
class Endpoint:
    """A method of a route. `scopes` None: every key is refused (contract 1.3)."""

    method: str
    segments: tuple[str, ...]
    action: str
    scopes: tuple[str, ...] | None
    builds: frozenset[Build]
    bucket: Bucket
    computes: Callable[[Call], bool] | None
    handler: Handler


ENDPOINTS: list[Endpoint] = []


def endpoint(
    method: str,
    path: str,
    *,
    action: str,
    scopes: tuple[str, ...] | None,
    builds: frozenset[Build] = ALL_BUILDS,
    bucket: Bucket = Bucket.DEFAULT,
    computes: Callable[[Call], bool] | None = None,
) -> Callable[[Handler], Handler]:
    """Declare a handler. With `computes` true for a call it runs in a thread and without the lock."""

    def declare(handler: Handler) -> Handler:
        segments = tuple(path.split("/"))
        ENDPOINTS.extend(
            Endpoint(one, segments, action, scopes, builds, bucket, computes, handler) for one in method.split("|")
        )
        return handler

    return declare


@dataclass(slots=True, frozen=True)
class Match:
    """A route that exists: its methods, and what its placeholders stand for."""

    methods: dict[str, Endpoint]
    params: dict[str, str]


class Router:
    """The routes of one build."""

    def __init__(self, build: Build) -> None:
        self._routes: dict[tuple[str, int], list[tuple[tuple[str, ...], dict[str, Endpoint]]]] = {}
        #: Action names of every build: where the build has no such action the name is not taken for an id.
        self._reserved = {(item.segments[0], item.segments[1]) for item in ENDPOINTS if len(item.segments) > 1}
        found: dict[tuple[str, ...], dict[str, Endpoint]] = {}
        for item in ENDPOINTS:
            if build in item.builds:
                found.setdefault(item.segments, {})[item.method] = item
        for segments in sorted(found, key=lambda segments: sum(part[0] == "{" for part in segments)):
            self._routes.setdefault((segments[0], len(segments)), []).append((segments, found[segments]))

    def match(self, parts: list[str]) -> Match | None:
        """The route of a path behind the project, None where the build has none."""
        if not parts:
            return None
        if len(parts) > 1 and (parts[0], parts[1]) in self._reserved:
            candidates = [route for route in self._routes.get((parts[0], len(parts)), ()) if route[0][1] == parts[1]]
        else:
            candidates = self._routes.get((parts[0], len(parts)), [])
        for segments, methods in candidates:
            params = {}
            for pattern, part in zip(segments, parts, strict=True):
                if pattern[0] == "{":
                    params[pattern[1:-1]] = part
                elif pattern != part:
                    break
            else:
                return Match(methods, params)
        return None
