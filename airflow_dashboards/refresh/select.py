"""Which dashboards: ids, or a selector that PostHog resolves when the task runs."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from airflow_dashboards.posthog.arguments import shown
from airflow_dashboards.refresh.patience import LONGEST, patiently

if TYPE_CHECKING:
    from airflow_dashboards.posthog import DashboardSummary, FlowClient
    from airflow_dashboards.posthog.flow import Flow

#: A folder that nobody has: a server that lists dashboards in it ignores folders.
NO_FOLDER = "airflow-dashboards/no such folder"


@dataclass(frozen=True)
class Selector:
    """Dashboards by what they are. All criteria must hold; several tags mean any of them (contract 3.1)."""

    tags: tuple[str, ...] = ()
    #: Text that name, description or a tag contains, whatever its case.
    search: str | None = None
    pinned: bool | None = None
    folder: str | None = None
    #: Every dashboard of the project. Must be said: a selector without criteria is refused.
    all: bool = False

    def __str__(self) -> str:
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        said = {name: value for name, value in given.items() if value != getattr(Selector, name)}
        return ", ".join(f"{name}={value!r}" for name, value in said.items())

    def matches(self, dashboard: DashboardSummary) -> bool:
        """Check again what the server may have ignored: builds without a filter list everything (contract 3.1)."""
        tags = {tag.strip().lower() for tag in dashboard.tags or []}
        if self.tags and not tags & {tag.strip().lower() for tag in self.tags}:
            return False
        if self.pinned is not None and bool(dashboard.pinned) is not self.pinned:
            return False
        texts = (dashboard.name, dashboard.description, *tags)
        return self.search is None or any(self.search.lower() in (text or "").lower() for text in texts)


def parse_dashboards(value: Any) -> list[int] | Selector:
    """Read a `dashboards` argument: an id, a list of ids, a selector, or any of these as text (templates yield text).

    Example:
        >>> parse_dashboards("42, 43")
        [42, 43]
        >>> parse_dashboards({"tags": ["etl"]})
        Selector(tags=('etl',), search=None, pinned=None, folder=None, all=False)

    Raises:
        ValueError: not an id (bool, 0, negative, a fraction), an empty list, a selector without criteria or with
            unknown ones.
    """
    if isinstance(value, Selector):
        return value
    if isinstance(value, str):
        value = _text(value)
    if isinstance(value, Mapping):
        return _selector(value)
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        if not value:
            raise ValueError("`dashboards` is an empty list: name at least one dashboard, or a selector")
        return list(dict.fromkeys(_id(each) for each in value))
    return [_id(value)]


def _text(text: str) -> Any:
    """Read a rendered template: JSON, Python's own notation (Jinja prints lists that way), or ids between commas."""
    text = text.strip()
    if not text:
        raise ValueError("`dashboards` is empty: name at least one dashboard, or a selector")
    if text[0] in "[{(":
        try:
            return json.loads(text)
        except ValueError:
            return _literal(text)
    parts = [part.strip() for part in text.split(",")]
    return parts[0] if len(parts) == 1 else parts


def _literal(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        raise ValueError(f"`dashboards` is neither JSON nor a Python literal: {text[:100]!r}") from None


def _id(value: Any) -> int:
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
        raise ValueError(
            f"{shown(value)} is not a dashboard id: a positive whole number, as in the dashboard's address"
        )
    return value


def _selector(value: Mapping[Any, Any]) -> Selector:
    known = [field.name for field in fields(Selector)]
    if unknown := sorted(str(key) for key in value if key not in known):
        raise ValueError(f"a dashboard selector has no {', '.join(unknown)}; it may have {', '.join(known)}")
    given = {key: each for key, each in value.items() if each is not None}
    tags = given.get("tags", ())
    tags = (tags,) if isinstance(tags, str) else tuple(tags)
    for tag in tags:
        if not isinstance(tag, str) or not tag.strip():
            raise ValueError(f"a dashboard selector's tags are non-empty texts, not {tag!r}")
    for key in ("search", "folder"):
        if key in given and (not isinstance(given[key], str) or not given[key].strip()):
            raise ValueError(f"a dashboard selector's {key} is a non-empty text, not {given[key]!r}")
    for key in ("pinned", "all"):
        if key in given and not isinstance(given[key], bool):
            raise ValueError(f"a dashboard selector's {key} is true or false, not {given[key]!r}")
    selector = Selector(**{**given, "tags": tags})
    if selector == Selector():
        raise ValueError(
            f"a dashboard selector needs a criterion ({', '.join(known)}); for every dashboard say {{'all': True}}"
        )
    return selector


def resolve(flows: FlowClient, value: Any, *, allow_empty: bool = False, patience: float = LONGEST) -> Flow[list[int]]:
    """Return the ids a `dashboards` argument stands for, in order, each once. Ids cost no request.

    Args:
        flows: `client.flows`.
        value: the argument, as `parse_dashboards` reads it.
        allow_empty: whether a selector may match nothing.
        patience: seconds that a spent request budget is waited out at most, each time as long as the server asks.

    Raises:
        ValueError: as `parse_dashboards`; or a selector that matches nothing, unless `allow_empty`; or one by folder,
            and this build of PostHog ignores folders.
        PostHogError: the list could not be read.
    """
    selection = parse_dashboards(value)
    if not isinstance(selection, Selector):
        return selection
    found = yield from patiently(
        lambda: flows.dashboards.list(
            search=selection.search, tags=selection.tags, pinned=selection.pinned, folder=selection.folder
        ),
        longest=patience,
    )
    ids = list(dict.fromkeys(each.id for each in found if selection.matches(each)))
    if (
        ids
        and selection.folder is not None
        and not (yield from patiently(lambda: _knows_folders(flows), longest=patience))
    ):
        raise ValueError(
            f"dashboards can't be selected by folder {selection.folder!r}: this build of PostHog ignores folders and "
            "lists every dashboard instead. Select them by tags"
        )
    if not ids and not allow_empty:
        raise ValueError(
            f"no dashboard matches {selection}. Check the selector; where a task may have nothing to do, its operator "
            "takes allow_empty=True"
        )
    return ids


def _knows_folders(flows: FlowClient) -> Flow[bool]:
    """Whether the server filters by folder: only newest builds do, and their answers name no folder (contract 3.1)."""
    page = yield from flows.dashboards.page(limit=1, folder=NO_FOLDER)
    return not page.results
