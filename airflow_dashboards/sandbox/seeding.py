"""Puts the demo content into an instance, through the very endpoints a user would call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_dashboards.sandbox.api.boards import new_dashboard, normalise_tags
from airflow_dashboards.sandbox.api.content import new_text
from airflow_dashboards.sandbox.api.insights import add_insight
from airflow_dashboards.sandbox.auth import Credential, CredentialKind
from airflow_dashboards.sandbox.call import Call
from airflow_dashboards.sandbox.incoming import Incoming
from airflow_dashboards.sandbox.instance import OWNER_ID
from airflow_dashboards.sandbox.store import Tile

if TYPE_CHECKING:
    from airflow_dashboards.sandbox.instance import Instance


def seed_demo(instance: Instance) -> None:
    """Add the demo's history and dashboards to project 1."""
    from airflow_dashboards.sandbox import demo

    instance.engine.add_events(1, demo.history(instance.clock.now()))
    with instance.lock:
        owner = Credential(CredentialKind.SESSION, instance.store.users[OWNER_ID])
        incoming = Incoming("POST", "/api/projects/1/dashboards/", {}, {}, {}, b"", "")
        call = Call(instance, incoming, owner, instance.store.projects[1], {})
        for spec in demo.DASHBOARDS:
            _add_dashboard(call, spec)


def _add_dashboard(call: Call, spec: Any) -> None:
    dashboard = new_dashboard(
        call,
        name=spec["name"],
        description=spec["description"],
        tags=normalise_tags(spec["tags"]),
        filters=spec["filters"],
    )
    for entry in spec["tiles"]:
        content: dict[str, Any]
        if "text" in entry:
            content = {"text_id": new_text(call, entry["text"]).id}
        else:
            insight = add_insight(call, entry["query"], name=entry["name"], saved=True)
            content = {"insight_id": insight.id}
        tile_id = call.store.new_id("tile")
        call.store.add_tile(Tile(id=tile_id, dashboard_id=dashboard.id, layouts=entry.get("layouts", {}), **content))
