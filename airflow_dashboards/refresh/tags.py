"""Tags of many dashboards: plan, apply, read back.

PostHog has a server action for it that refuses every API key (contract 1.4, 3.19). With a key the same is done by one
update per dashboard, and both ways end in the same tags and the same report, because the plan is made before either
and the tags are read back after both.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

from airflow_dashboards.posthog import (
    AuthenticationError,
    EndpointNotFoundError,
    KeyNotAccepted,
    MissingScopeError,
    NotFoundError,
    PermissionDeniedError,
    PostHogArgumentError,
    PostHogError,
    ProjectNotFoundError,
    TagAction,
)
from airflow_dashboards.posthog.arguments import positive_id
from airflow_dashboards.posthog.flow import Flow, Gather

if TYPE_CHECKING:
    from airflow_dashboards.posthog import FlowClient

#: Dashboards per call of the server action, and dashboards times tags per call (contract 3.19).
SLICE, SLICE_PRODUCT = 500, 10_000
#: Tags per call, and characters per tag (contract 3.19).
MAX_TAGS, MAX_TAG = 100, 255
#: How many dashboards are updated at once where each is updated by itself.
_CONCURRENT_UPDATES = 4

VIA_SERVER_ACTION = "bulk_update_tags"
VIA_UPDATES = "dashboard updates"
VIA_NOTHING = "nothing to write"
VIA_DRY_RUN = "dry run"

_NOT_FOUND = "Not found"
_PERMISSION_DENIED = "Permission denied"


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True)


class TagChange(_Data):
    """The tags of one dashboard, before and after; `before` is all that is needed to undo it."""

    id: int
    before: list[str]
    after: list[str]


class TagProblem(_Data):
    """A dashboard whose tags were left as they are, and why."""

    id: int
    reason: str


class TagPlan(_Data):
    """What a tag action would do: `changes` need a write, `already_so` do not, `skipped` can't be done, and why."""

    action: TagAction
    tags: list[str]
    changes: list[TagChange] = Field(default_factory=list)
    already_so: list[int] = Field(default_factory=list)
    skipped: list[TagProblem] = Field(default_factory=list)


class TagResult(_Data):
    """What a tag action did, as read back from PostHog.

    `changed` carries each dashboard's earlier tags: give the whole result to `undo_tags` to put them back.
    """

    action: TagAction
    tags: list[str]
    via: str
    changed: list[TagChange] = Field(default_factory=list)
    already_so: list[int] = Field(default_factory=list)
    #: `Not found` or `Permission denied`.
    skipped: list[TagProblem] = Field(default_factory=list)
    #: What went wrong, in the server's words where there are any.
    failed: list[TagProblem] = Field(default_factory=list)

    @property
    def summary(self) -> str:
        """One plain sentence."""
        counts = f"{len(self.changed)} changed, {len(self.already_so)} already so"
        counts += f", {len(self.skipped)} skipped, {len(self.failed)} failed"
        return f"Tags ({self.action.value} {', '.join(self.tags) or 'none'}): {counts} (via {self.via})."


def normalised_tags(tags: Iterable[str]) -> list[str]:
    """Return the tags as PostHog keeps them: trimmed, lower-case, each once, sorted (contract 3.4, 3.19).

    Raises:
        PostHogArgumentError: a tag is not text, blank or too long, or there are too many.

    Example:
        >>> normalised_tags([" Weekly", "ETL", "etl "])
        ['etl', 'weekly']
    """
    if isinstance(tags, str | bytes | Mapping) or not isinstance(tags, Iterable):
        raise PostHogArgumentError(f"tags: must be a list of texts, such as ['etl'], not {type(tags).__name__}.")
    kept: set[str] = set()
    for tag in tags:
        if not isinstance(tag, str):
            raise PostHogArgumentError(f"tags: every tag must be text, not {type(tag).__name__} ({tag!r}).")
        plain = tag.strip().lower()
        if not plain:
            raise PostHogArgumentError("tags: a tag must not be blank.")
        if len(plain) > MAX_TAG:
            raise PostHogArgumentError(
                f"tags: a tag has at most {MAX_TAG} characters; {plain[:40]!r}… has {len(plain)}."
            )
        kept.add(plain)
    if len(kept) > MAX_TAGS:
        raise PostHogArgumentError(f"tags: at most {MAX_TAGS} tags at once, not {len(kept)}.")
    return sorted(kept)


def checked(action: TagAction | str, tags: Iterable[str]) -> tuple[TagAction, list[str]]:
    """Return the action and the normalised tags, or refuse them before anything is sent.

    Raises:
        PostHogArgumentError: unknown action, bad tags, or nothing to add or remove.
    """
    try:
        known = TagAction(action)
    except ValueError:
        choices = ", ".join(each.value for each in TagAction)
        raise PostHogArgumentError(f"action: must be one of {choices}, not {action!r}.") from None
    plain = normalised_tags(tags)
    if not plain and known is not TagAction.SET:
        raise PostHogArgumentError(
            f"tags: nothing to {known.value}; only `set` takes an empty list, and clears the tags."
        )
    return known, plain


def plan_tags(current: Mapping[int, Sequence[str]], action: TagAction | str, tags: Iterable[str]) -> TagPlan:
    """Return what `action` does to dashboards that have the tags of `current` (id -> tags).

    Example:
        >>> plan_tags({1: ["etl"], 2: ["etl", "kpi"]}, "add", ["KPI"]).changes
        [TagChange(id=1, before=['etl'], after=['etl', 'kpi'])]
    """
    known, plain = checked(action, tags)
    changes, already_so = [], []
    for dashboard_id, has in current.items():
        before = set(has)
        after = set(plain)
        if known is TagAction.ADD:
            after = before | after
        elif known is TagAction.REMOVE:
            after = before - after
        if after == before:
            already_so.append(dashboard_id)
        else:
            changes.append(TagChange(id=dashboard_id, before=sorted(before), after=sorted(after)))
    return TagPlan(action=known, tags=plain, changes=changes, already_so=already_so)


def read_tags(flows: FlowClient, ids: Sequence[int]) -> Flow[dict[int, list[str] | str]]:
    """Return id -> tags, in the order of `ids`; in the place of the tags why a dashboard can't be read.

    Reads the list, which is cheap and leaves no trace, and only what is not in it (unlisted dashboards) one by one.
    """
    listed = {each.id: list(each.tags) for each in (yield from flows.dashboards.list())}
    unlisted = [dashboard_id for dashboard_id in ids if dashboard_id not in listed]
    answers: list[Any] = yield Gather([flows.dashboards.get(dashboard_id) for dashboard_id in unlisted])
    found: dict[int, list[str] | str] = {}
    for dashboard_id, answer in zip(unlisted, answers, strict=True):
        if not isinstance(answer, Exception):
            found[dashboard_id] = list(answer.tags)
        elif (reason := _skip_reason(answer)) is not None:
            found[dashboard_id] = reason
        else:
            raise answer
    return {
        dashboard_id: listed[dashboard_id] if dashboard_id in listed else found[dashboard_id] for dashboard_id in ids
    }


def make_plan(flows: FlowClient, ids: Iterable[int], action: TagAction | str, tags: Iterable[str]) -> Flow[TagPlan]:
    """Read the dashboards and return what `action` would do; writes nothing.

    Raises:
        PostHogArgumentError: before anything is sent.
        PostHogError: the dashboards can't be read.
    """
    known, plain = checked(action, tags)
    wanted = list(dict.fromkeys(positive_id(each, f"ids[{index}]") for index, each in enumerate(ids)))
    current = yield from read_tags(flows, wanted)
    readable = {dashboard_id: has for dashboard_id, has in current.items() if not isinstance(has, str)}
    skipped = [TagProblem(id=each, reason=why) for each, why in current.items() if isinstance(why, str)]
    return plan_tags(readable, known, plain).model_copy(update={"skipped": skipped})


def update_tags(
    flows: FlowClient, ids: Iterable[int], action: TagAction | str, tags: Iterable[str], *, dry_run: bool = False
) -> Flow[TagResult]:
    """Add, remove or set tags on many dashboards, and report what PostHog says they have now.

    Safe to repeat: a dashboard that already has the wanted tags is not written. One that can't be written does not stop
    the others. Tags that somebody else sets between the reading and the writing of a dashboard may be lost where the
    credential is an API key, since the API replaces the whole set there (contract 3.4).

    Args:
        flows: the endpoints; `client.run(update_tags(client.flows, ...))` drives it.
        ids: dashboard ids, any number; repeated ones count once.
        action: `add`, `remove` or `set`; `set` with no tags clears them.
        tags: trimmed and lower-cased, as PostHog does.
        dry_run: read and plan only; `changed` then says what would be changed.

    Raises:
        PostHogArgumentError: before anything is sent.
        PostHogError: the dashboards can't be read, or the credential may not write any.
    """
    plan = yield from make_plan(flows, ids, action, tags)
    return (yield from apply_tags(flows, plan, dry_run=dry_run))


def apply_tags(flows: FlowClient, plan: TagPlan, *, dry_run: bool = False) -> Flow[TagResult]:
    """Carry out a plan of `make_plan`; see `update_tags`."""
    result = TagResult(
        action=plan.action, tags=plan.tags, via=VIA_NOTHING, already_so=plan.already_so, skipped=plan.skipped
    )
    if dry_run:
        return result.model_copy(update={"via": VIA_DRY_RUN, "changed": plan.changes})
    if not plan.changes:
        return result
    if server_action_worth_trying(flows, "bulk_update_tags"):
        try:
            problems = yield from _by_server_action(flows, plan)
            result = result.model_copy(update={"via": VIA_SERVER_ACTION})
        except (KeyNotAccepted, EndpointNotFoundError):
            problems = yield from _by_updates(flows, plan.changes)
            result = result.model_copy(update={"via": VIA_UPDATES})
    else:
        problems = yield from _by_updates(flows, plan.changes)
        result = result.model_copy(update={"via": VIA_UPDATES})
    return (yield from _read_back(flows, plan, result, problems))


def undo_tags(flows: FlowClient, result: TagResult) -> Flow[TagResult]:
    """Give the dashboards that `result` changed their earlier tags back; the rest is left alone."""
    back = [TagChange(id=change.id, before=change.after, after=change.before) for change in result.changed]
    plan = TagPlan(action=TagAction.SET, tags=[], changes=back)
    problems = yield from _by_updates(flows, back)
    undone = TagResult(action=TagAction.SET, tags=[], via=VIA_UPDATES)
    return (yield from _read_back(flows, plan, undone, problems))


def server_action_worth_trying(flows: FlowClient, action: str) -> bool:
    """Return False only where this connection has learnt that the server refuses the credential or lacks the action."""
    return flows.capabilities.allows(action, flows.credential_kind) is not False


def _by_server_action(flows: FlowClient, plan: TagPlan) -> Flow[dict[int, Exception | str]]:
    """Return the dashboards that were not written: id -> why."""
    problems: dict[int, Exception | str] = {}
    ids = [change.id for change in plan.changes]
    size = max(1, min(SLICE, SLICE_PRODUCT // max(1, len(plan.tags))))
    for start in range(0, len(ids), size):
        part = ids[start : start + size]
        try:
            answer = yield from flows.dashboards.bulk_update_tags(part, action=plan.action, tags=plan.tags)
        except PostHogError as error:
            if start == 0 and _concerns_all(error):
                raise
            problems.update(dict.fromkeys(part, error))
        else:
            problems.update({each.id: each.reason or "" for each in answer.skipped})
    return problems


def _by_updates(flows: FlowClient, changes: Sequence[TagChange]) -> Flow[dict[int, Exception | str]]:
    """Return the dashboards that were not written: id -> why."""
    writes = [flows.dashboards.update(change.id, tags=change.after) for change in changes]
    answers: list[Any] = yield Gather(writes, limit=_CONCURRENT_UPDATES)
    problems = {change.id: each for change, each in zip(changes, answers, strict=True) if isinstance(each, Exception)}
    for error in problems.values():
        nothing_written = len(problems) == len(changes)
        if not isinstance(error, PostHogError) or (nothing_written and _concerns_all(error)):
            raise error
    return dict(problems)


def _read_back(
    flows: FlowClient, plan: TagPlan, result: TagResult, problems: Mapping[int, Exception | str]
) -> Flow[TagResult]:
    now = yield from read_tags(flows, [change.id for change in plan.changes])
    changed, skipped, failed = [], list(result.skipped), []
    for change in plan.changes:
        has, problem = now[change.id], problems.get(change.id)
        if isinstance(has, str):
            skipped.append(TagProblem(id=change.id, reason=has))
        elif set(has) == set(change.after):  # also where the answer was lost on the way, but the write was not
            changed.append(change)
        elif problem is None:
            reason = (
                f"PostHog accepted the change, but the tags read back are {sorted(has)} and not {change.after}: "
                "somebody else may have changed them at the same time"
            )
            failed.append(TagProblem(id=change.id, reason=reason))
        elif (why := _skip_reason(problem)) is not None:
            skipped.append(TagProblem(id=change.id, reason=why))
        else:
            failed.append(TagProblem(id=change.id, reason=str(problem)))
    return result.model_copy(update={"changed": changed, "skipped": skipped, "failed": failed})


def _skip_reason(problem: Exception | str) -> str | None:
    """Return why one dashboard is left out, in one wording for all builds and ways; None where it is a failure."""
    if isinstance(problem, str):
        # Every dashboard that is written was read before, so the newest builds' common text means the second.
        return _NOT_FOUND if problem == _NOT_FOUND else _PERMISSION_DENIED
    if isinstance(problem, ProjectNotFoundError | EndpointNotFoundError | MissingScopeError | KeyNotAccepted):
        return None
    if isinstance(problem, NotFoundError):
        return _NOT_FOUND
    return _PERMISSION_DENIED if isinstance(problem, PermissionDeniedError) else None


def _concerns_all(error: PostHogError) -> bool:
    """Return whether an error says something of the credential or the project and not of one dashboard."""
    return isinstance(
        error, AuthenticationError | MissingScopeError | KeyNotAccepted | ProjectNotFoundError | EndpointNotFoundError
    )
