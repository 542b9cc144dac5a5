"""Annotations: notes at an instant of the charts (contract 3.23)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_dashboards.sandbox.api.paging import paginate
from airflow_dashboards.sandbox.errors import invalid
from airflow_dashboards.sandbox.fields import Choice, Instant, Integer, Object, Text
from airflow_dashboards.sandbox.routing import Answer, endpoint

if TYPE_CHECKING:
    from airflow_dashboards.sandbox.call import Call

_SCOPES = ("dashboard_item", "dashboard", "project", "organization")
_BODY = Object(
    {
        "content": Text(max_length=8192, blank=True, null=True, required=False),
        "date_marker": Instant(null=True, required=False),
        "dashboard_item": Integer(null=True, required=False),
        "dashboard_id": Integer(null=True, required=False),
        "scope": Choice(_SCOPES, default="dashboard_item"),
    }
)


@endpoint("GET", "annotations", action="annotations.list", scopes=("annotation:read",))
def list_annotations(call: Call) -> Answer:
    """The project's annotations, newest first."""
    own = [item for item in reversed(call.store.annotations.values()) if item["team_id"] == call.project.id]
    return Answer(paginate(call, own, lambda item: {key: value for key, value in item.items() if key != "team_id"}))


@endpoint("POST", "annotations", action="annotations.create", scopes=("annotation:write",))
def create(call: Call) -> Answer:
    """A note of the project, the organization, one dashboard or one insight."""
    body = _BODY.clean(call.data)
    now = call.instance.clock.now()
    dashboard = call.store.dashboards.get(body.get("dashboard_id") or 0)
    insight = call.store.insights.get(body.get("dashboard_item") or 0)
    for name, found in (("dashboard_id", dashboard), ("dashboard_item", insight)):
        if body.get(name) is not None and (found is None or found.project_id != call.project.id):
            raise invalid(f'Invalid pk "{body[name]}" - object does not exist.', code="does_not_exist", attr=name)
    annotation = {
        "id": call.store.new_id("annotation"),
        "content": body.get("content"),
        "date_marker": body.get("date_marker"),
        "creation_type": "USR",
        "dashboard_item": body.get("dashboard_item"),
        "dashboard_id": body.get("dashboard_id"),
        "dashboard_name": dashboard.name if dashboard else None,
        "insight_short_id": insight.short_id if insight else None,
        "insight_name": insight.name if insight else None,
        "insight_derived_name": insight.derived_name if insight else None,
        "created_by": call.serialize.user(call.user.id),
        "created_at": now,
        "updated_at": now,
        "deleted": False,
        "scope": body["scope"],
    }
    call.store.annotations[annotation["id"]] = {**annotation, "team_id": call.project.id}
    return Answer(annotation, status=201)
