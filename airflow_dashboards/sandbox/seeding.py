"""Puts the demo content into an instance, as a user would through the API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_dashboards.sandbox.api.boards import new_dashboard, normalise_tags
from airflow_dashboards.sandbox.api.content import new_text
from airflow_dashboards.sandbox.api.insights import add_insight
from airflow_dashboards.sandbox.auth import Credential, CredentialKind
from airflow_dashboards.sandbox.call import Call
from airflow_dashboards.sandbox.demo import DASHBOARDS, DashboardSpec, TextSpec, history
from airflow_dashboards.sandbox.incoming import Incoming
from airflow_dashboards.sandbox.instance import OWNER_ID
from airflow_dashboards.sandbox.store import Tile

if TYPE_CHECKING:
    from airflow_dashboards.sandbox.instance import Instance


def seed_demo(instance: Instance) -> None:
    """Add the demo's history and dashboards to project 1."""
    now = instance.clock.now()
    name = f"demo before {now:%Y-%m-%d}"  # the history ends with a day, so it is the same all day
    if not instance.engine.bring_back(name):
        instance.engine.add_events(1, history(now))
        instance.engine.keep(name)
    with instance.lock:
        owner = Credential(CredentialKind.SESSION, instance.store.users[OWNER_ID])
        incoming = Incoming("POST", "/api/projects/1/dashboards/", {}, {}, {}, b"", "")
        call = Call(instance, incoming, owner, instance.store.projects[1], {})
        for spec in DASHBOARDS:
            _add_dashboard(call, spec)


def _add_dashboard(call: Call, spec: DashboardSpec) -> None:
    dashboard = new_dashboard(
        call,
        name=spec.name,
        description=spec.description,
        pinned=spec.pinned,
        tags=normalise_tags(spec.tags),
        filters=dict(spec.filters),
    )
    for entry in spec.tiles:
        content: dict[str, Any]
        if isinstance(entry, TextSpec):
            content = {"text_id": new_text(call, entry.body).id}
        else:
            named = {"name": entry.name, "description": entry.description}
            content = {"insight_id": add_insight(call, entry.query, **named, saved=True).id}
        layouts = {size: dict(box) for size, box in entry.layouts.items()}
        call.store.add_tile(Tile(id=call.store.new_id("tile"), dashboard_id=dashboard.id, layouts=layouts, **content))
