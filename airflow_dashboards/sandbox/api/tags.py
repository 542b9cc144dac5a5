"""`bulk_update_tags`: contract 3.19."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_dashboards.sandbox.api import boards
from airflow_dashboards.sandbox.errors import invalid
from airflow_dashboards.sandbox.fields import Choice, Integer, Items, Object, Text
from airflow_dashboards.sandbox.routing import SESSION_ONLY, Answer, endpoint
from airflow_dashboards.sandbox.serializers import may_edit
from airflow_dashboards.sandbox.settings import Build

if TYPE_CHECKING:
    from airflow_dashboards.sandbox.call import Call

_IDS = Items(Integer(), empty=False, max_length=500)
_ACTION = Choice(("add", "remove", "set"))
_BODY = Object({"ids": _IDS, "action": _ACTION, "tags": Items(Text())})
_BODY_CLOUD = Object({"ids": _IDS, "action": _ACTION, "tags": Items(Text(max_length=255), max_length=100)})
_MOST_PAIRS = 10_000


@endpoint("POST", "dashboards/bulk_update_tags", action="dashboards.bulk_update_tags", scopes=SESSION_ONLY)
def bulk_update_tags(call: Call) -> Answer:
    """Each dashboard on its own: what can't be changed is skipped, with the reason."""
    newest = call.build is Build.CLOUD
    body = (_BODY_CLOUD if newest else _BODY).clean(call.data)
    tags = boards.normalise_tags(body["tags"])
    if not tags and body["action"] != "set":
        raise invalid("Tags cannot be empty for add and remove actions.", attr="tags")
    if newest and len(body["ids"]) * len(tags) > _MOST_PAIRS:
        raise invalid("Too many tag updates requested at once.", attr="tags")
    updated: dict[int, dict[str, Any]] = {}
    skipped = []
    for dashboard_id in body["ids"]:
        dashboard = call.store.dashboards.get(dashboard_id)
        if dashboard is None or dashboard.deleted or dashboard.project_id != call.project.id:
            skipped.append({"id": dashboard_id, "reason": "Not found or no edit access" if newest else "Not found"})
        elif not may_edit(call.instance, dashboard, call.user):
            skipped.append(
                {"id": dashboard_id, "reason": "Not found or no edit access" if newest else "Permission denied"}
            )
        else:
            dashboard.tags = _changed(dashboard.tags, body["action"], tags)
            updated[dashboard_id] = {"id": dashboard_id, "tags": sorted(dashboard.tags)}
    return Answer({"updated": list(updated.values()), "skipped": skipped})


def _changed(current: list[str], action: str, tags: list[str]) -> list[str]:
    if action == "set":
        return list(tags)
    if action == "add":
        return [*current, *(tag for tag in tags if tag not in current)]
    return [tag for tag in current if tag not in tags]
