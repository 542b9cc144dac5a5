"""Whole dashboards written from code: changed, removed, brought back, made once. All of it is safe to repeat."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_dashboards.posthog import (
    ConflictError,
    EndpointNotFoundError,
    NotFoundError,
    PostHogArgumentError,
    ProjectNotFoundError,
)
from airflow_dashboards.posthog.arguments import flag
from airflow_dashboards.posthog.resources.fields import DASHBOARD, body
from airflow_dashboards.refresh.effects import BoardChange, BoardStateError, Effect
from airflow_dashboards.refresh.tags import normalised_tags

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_dashboards.posthog import Dashboard, FlowClient
    from airflow_dashboards.posthog.flow import Flow

#: What `update_dashboard` may change (contract 3.4).
UPDATABLE = (
    "name",
    "description",
    "pinned",
    "tags",
    "filters",
    "variables",
    "breakdown_colors",
    "data_color_theme_id",
    "restriction_level",
    "quick_filter_ids",
)


def checked_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields with their tags normalised, or refuse what PostHog would refuse or ignore.

    Raises:
        PostHogArgumentError: an unknown field, none at all, or `{}` for filters, which PostHog ignores (contract 3.4).
    """
    if unknown := sorted(set(fields) - set(UPDATABLE)):
        raise PostHogArgumentError(f"{', '.join(unknown)}: can't be changed; these can: {', '.join(UPDATABLE)}.")
    if not fields:
        raise PostHogArgumentError("Nothing to change: name at least one field.")
    if "filters" in fields and not fields["filters"]:
        raise PostHogArgumentError("filters: PostHog ignores empty filters, so they can't be cleared this way.")
    checked = body(DASHBOARD, fields)
    if "tags" in checked:
        checked["tags"] = normalised_tags(checked["tags"])
    return checked


def update_dashboard(
    flows: FlowClient, dashboard_id: int, fields: Mapping[str, Any], *, dry_run: bool = False
) -> Flow[BoardChange]:
    """Change fields of a dashboard; only those that differ are sent.

    Raises:
        PostHogArgumentError: as `checked_fields`.
        BoardStateError: PostHog answered that it did, and left a field as it was; the others are changed.
        PostHogError: the dashboard could not be read or written.
    """
    wanted = checked_fields(fields)
    has = _fields((yield from flows.dashboards.get(dashboard_id)))
    different = {key: value for key, value in wanted.items() if has.get(key) != value}
    if not different:
        return _change(dashboard_id, Effect.ALREADY_SO, f"Already so: {', '.join(wanted)}.")
    if dry_run:
        return _change(dashboard_id, Effect.PLANNED, f"Would change {', '.join(different)}.")
    now = _fields((yield from flows.dashboards.update(dashboard_id, **different)))
    # A falsy value may be "no change" to the server (contract 3.4), which answers 200 all the same.
    if ignored := [key for key in different if now.get(key) == has.get(key)]:
        raise BoardStateError(
            f"PostHog left {', '.join(ignored)} of dashboard {dashboard_id} as it was, though it answered 200: "
            "it ignores such a value, e.g. an empty object. Give another value, or change it in PostHog."
        )
    return _change(dashboard_id, Effect.DONE, f"Changed {', '.join(different)}.")


def _fields(board: Dashboard) -> dict[str, Any]:
    """Return a dashboard's fields as they are stored, in the form of a request's body."""
    has = board.model_dump(mode="json", include={*UPDATABLE, "persisted_filters", "persisted_variables"})
    for key in ("filters", "variables"):  # without the overrides of a request
        has[key] = has.get(f"persisted_{key}") or has.get(key) or {}
    has["tags"] = sorted(board.tags)
    return has


def delete_dashboard(
    flows: FlowClient, dashboard_id: int, *, delete_insights: bool = False, dry_run: bool = False
) -> Flow[BoardChange]:
    """Delete a dashboard softly; `restore_dashboard` brings it back. One that is not there is fine.

    Args:
        flows: the endpoints.
        dashboard_id: the dashboard.
        delete_insights: also its insights that live on no other dashboard.
        dry_run: only say what would be deleted.
    """
    flag(delete_insights, "delete_insights")
    try:
        board = yield from flows.dashboards.get(dashboard_id)
        if dry_run:
            detail = f"Would delete {board.name!r} with {len(board.tiles)} tiles."
            return _change(dashboard_id, Effect.PLANNED, detail, [tile.id for tile in board.tiles])
        yield from flows.dashboards.delete(dashboard_id, delete_insights=delete_insights)
    except (ProjectNotFoundError, EndpointNotFoundError):
        raise
    except NotFoundError:
        return _change(dashboard_id, Effect.ALREADY_SO, "Already deleted, or there never was one.")
    return _change(dashboard_id, Effect.DONE, f"Deleted {board.name!r} (restorable).", [t.id for t in board.tiles])


def restore_dashboard(flows: FlowClient, dashboard_id: int, *, dry_run: bool = False) -> Flow[BoardChange]:
    """Bring a softly deleted dashboard back with all its tiles, even those removed earlier (contract 3.4).

    A dry run can't tell a deleted dashboard from one that never was: PostHog answers both alike.
    """
    try:
        yield from flows.dashboards.get(dashboard_id)
    except (ProjectNotFoundError, EndpointNotFoundError):
        raise
    except NotFoundError:
        if dry_run:
            return _change(dashboard_id, Effect.PLANNED, "Would be restored, if there ever was one.")
        board = yield from flows.dashboards.restore(dashboard_id)
        return _change(dashboard_id, Effect.DONE, f"Restored {board.name!r}.", [tile.id for tile in board.tiles])
    return _change(dashboard_id, Effect.ALREADY_SO, "Not deleted.")


def ensure_unlisted_dashboard(flows: FlowClient, tag: str) -> Flow[BoardChange]:
    """Make sure the project has its unlisted dashboard of a tag, e.g. `llm-analytics`, and return its id.

    Making one takes a session credential; finding one does not (contract 3.21).
    """
    if not isinstance(tag, str) or not tag.strip():
        raise PostHogArgumentError("tag: must name a template of PostHog's, e.g. llm-analytics.")
    wanted = tag.strip()
    if (found := (yield from _unlisted(flows, wanted))) is not None:
        return _change(found, Effect.ALREADY_SO, f"The unlisted dashboard {wanted!r} is already there.")
    try:
        board = yield from flows.dashboards.create_unlisted(wanted)
    except ConflictError:  # made by somebody else in between
        if (found := (yield from _unlisted(flows, wanted))) is None:
            raise
        return _change(found, Effect.ALREADY_SO, f"The unlisted dashboard {wanted!r} is already there.")
    return _change(board.id, Effect.DONE, f"Made the unlisted dashboard {wanted!r}.")


def _unlisted(flows: FlowClient, tag: str) -> Flow[int | None]:
    boards = yield from flows.dashboards.list(creation_mode="unlisted", tags=(tag,))
    return min((board.id for board in boards), default=None)


def _change(dashboard_id: int, effect: Effect, detail: str, tile_ids: Sequence[int] = ()) -> BoardChange:
    return BoardChange(dashboard_id=dashboard_id, effect=effect, detail=detail, tile_ids=list(tile_ids))
