"""Faults on demand: wrong statuses, delays, resets, cut answers, tiles that fail (design section 5).

A fault matches requests by `method` and `path_regex` (searched in the path, query excluded), both optional. A
`tile_error` also matches by `tile` and `insight` ids. `times` counts matches down; null means until reset.

Of the rest of the fault's keys: `status` may come with `body` (JSON; or a text, sent as HTML) and `headers` (null drops
one, as in a 429 without `Retry-After`); `tile_error` with `crash: true` is an unexpected failure rather than one that
PostHog explains: in-band in `cloud`, a 500 for the whole call before (contract 3.2);
`reset` may come with `when`: `"after"` (default: the request is carried out, its answer is lost) or `"before"`
(nothing is carried out).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import count
from typing import Any

KINDS = ("status", "delay", "reset", "truncate", "tile_error")


@dataclass(slots=True, frozen=True)
class Origin:
    """The request for which something happens."""

    method: str
    path: str


@dataclass(slots=True)
class Fault:
    """One rule. `left` None: for ever."""

    id: int
    kind: str
    value: Any
    options: dict[str, Any]
    match: dict[str, Any]
    left: int | None

    def matches(self, origin: Origin) -> bool:
        """Whether a request is meant."""
        method = self.match.get("method")
        pattern = self.match.get("path_regex")
        return (method is None or method.upper() == origin.method) and (
            pattern is None or re.search(pattern, origin.path) is not None
        )

    def dump(self) -> dict[str, Any]:
        """The rule as the control interface shows it."""
        return {
            "id": self.id,
            "match": self.match,
            "times": self.left,
            "fault": {self.kind: self.value, **self.options},
        }


@dataclass(slots=True, frozen=True)
class Effects:
    """What happens to one request: a pause, then at most one of the others."""

    delay: float = 0.0
    fault: Fault | None = None

    @property
    def kind(self) -> str | None:
        """The kind for the request log."""
        return self.fault.kind if self.fault else "delay" if self.delay else None


class Faults:
    """The rules, in the order they were added; the first that matches is used up first."""

    def __init__(self) -> None:
        self._rules: list[Fault] = []
        self._ids = count(1)

    def __len__(self) -> int:
        return len(self._rules)

    def add(self, body: dict[str, Any]) -> Fault:
        """Add a rule as the control interface takes it.

        Raises:
            ValueError: what is wrong with it.
        """
        match, times, fault = body.get("match") or {}, body.get("times", 1), body.get("fault")
        if not isinstance(match, dict) or set(match) - {"method", "path_regex", "tile", "insight"}:
            raise ValueError("match: an object with method, path_regex, tile, insight (all optional) expected")
        if isinstance(times, bool) or not (times is None or (isinstance(times, int) and times > 0)):
            raise ValueError("times: a whole number above 0, or null for ever, expected")
        if not isinstance(fault, dict) or len(kinds := set(fault) & set(KINDS)) != 1:
            raise ValueError(f"fault: an object with exactly one of {', '.join(KINDS)} expected")
        kind = kinds.pop()
        options = {name: value for name, value in fault.items() if name != kind}
        _check_match(match, kind)
        _check_fault(kind, fault[kind], options)
        rule = Fault(next(self._ids), kind, fault[kind], options, match, times)
        self._rules.append(rule)
        return rule

    def clear(self) -> None:
        """Drop all rules."""
        self._rules.clear()

    def dump(self) -> list[dict[str, Any]]:
        """The rules that are left."""
        return [rule.dump() for rule in self._rules]

    def on_request(self, origin: Origin) -> Effects:
        """The faults of a request, used up by this call."""
        if not self._rules:
            return Effects()
        pause = self._take(origin, lambda rule: rule.kind == "delay")
        other = self._take(origin, lambda rule: rule.kind in ("status", "reset", "truncate"))
        return Effects(float(pause.value) if pause else 0.0, other)

    def on_tile(self, origin: Origin, insight_id: int | None, tile_id: int | None) -> Fault | None:
        """The fault with whose message computing a tile fails, if it does."""
        if not self._rules:
            return None

        def meant(rule: Fault) -> bool:
            wanted = (rule.match.get("insight", insight_id), rule.match.get("tile", tile_id))
            return rule.kind == "tile_error" and wanted == (insight_id, tile_id)

        return self._take(origin, meant)

    def _take(self, origin: Origin, meant: Any) -> Fault | None:
        for rule in self._rules:
            if meant(rule) and rule.matches(origin):
                if rule.left is not None:
                    rule.left -= 1
                    if rule.left == 0:
                        self._rules.remove(rule)
                return rule
        return None


def _check_match(match: dict[str, Any], kind: str) -> None:
    for name in ("method", "path_regex"):
        if not isinstance(match.get(name, ""), str | None):
            raise ValueError(f"match.{name}: a text expected")  # noqa: TRY004 - control errors are ValueErrors
    for name in ("tile", "insight"):
        if name in match and (kind != "tile_error" or not isinstance(match[name], int)):
            raise ValueError(f"match.{name}: an id, for tile_error only")
    try:
        re.compile(match.get("path_regex") or "")
    except re.error as error:
        raise ValueError(f"match.path_regex: {error}") from None


def _check_fault(kind: str, value: Any, options: dict[str, Any]) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    allowed = {"status": {"body", "headers"}, "reset": {"when"}, "tile_error": {"crash"}}.get(kind, set())
    if unknown := set(options) - allowed:
        raise ValueError(f"fault: {', '.join(sorted(unknown))} does not go with {kind}")
    if kind == "status" and not (isinstance(value, int) and number and 200 <= value <= 599):
        raise ValueError("fault.status: a whole number from 200 to 599 expected")
    if kind == "delay" and not (number and 0 <= value <= 3600):
        raise ValueError("fault.delay: seconds from 0 to 3600 expected")
    if kind == "reset" and value is not True:
        raise ValueError("fault.reset: true expected")
    if kind == "reset" and options.get("when", "after") not in ("after", "before"):
        raise ValueError('fault.when: "after" or "before" expected')
    if kind == "truncate" and not (isinstance(value, int) and number and value >= 0):
        raise ValueError("fault.truncate: a number of bytes expected")
    if kind == "tile_error" and not (isinstance(value, str) and value):
        raise ValueError("fault.tile_error: a message expected")
    headers = options.get("headers", {})
    if not isinstance(headers, dict) or not all(isinstance(text, str | None) for text in headers.values()):
        raise ValueError("fault.headers: an object of texts expected")
    if not isinstance(options.get("crash", False), bool):
        raise ValueError("fault.crash: true or false expected")  # noqa: TRY004 - control errors are ValueErrors
