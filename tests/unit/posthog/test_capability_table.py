"""The capability data against the contract (1.4; 3.23 for the rest), typed here on its own; and the page."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_dashboards.posthog import ACTIONS, Build, CredentialKind
from airflow_dashboards.posthog.capability_table import render_page, render_table

PAGE = Path(__file__).resolve().parents[3] / "docs" / "capabilities.md"

NONE = "none: 403 for personal API keys and for OAuth tokens"
GONE = "no such endpoint"
#: Section, then what a key needs in the builds A (2026-04), B (2026-05) and C (cloud).
CONTRACT: dict[str, tuple[str, str, str, str]] = {
    "list": ("3.1", "dashboard:read", "dashboard:read", "dashboard:read"),
    "get": ("3.2", "dashboard:read", "dashboard:read", "dashboard:read"),
    "create": ("3.3", "dashboard:write", "dashboard:write", "dashboard:write"),
    "update": ("3.4", "dashboard:write", "dashboard:write", "dashboard:write"),
    # Deleting and restoring are updates: DELETE itself is always 405 (3.5).
    "delete": ("3.4", "dashboard:write", "dashboard:write", "dashboard:write"),
    "restore": ("3.4", "dashboard:write", "dashboard:write", "dashboard:write"),
    "snapshot": ("3.6", NONE, NONE, GONE),
    "analyze_refresh_result": ("3.7", NONE, NONE, GONE),
    "generate_metadata": ("3.8", "dashboard:write", GONE, GONE),
    "stream_tiles": ("3.9", NONE, NONE, NONE),
    "move_tile": ("3.10", NONE, "dashboard:write", "dashboard:write"),
    "copy_tile": ("3.11", "dashboard:write", "dashboard:write", "dashboard:write"),
    "reorder_tiles": ("3.12", "dashboard:write", "dashboard:write", "dashboard:write"),
    "create_text_tile": ("3.13", GONE, "dashboard:write", "dashboard:write"),
    "update_text_tile": ("3.13", GONE, "dashboard:write", "dashboard:write"),
    "delete_tile": ("3.14", GONE, "dashboard:write", "dashboard:write"),
    "run_insights": ("3.15", "query:read", "query:read", "query:read"),
    "run_widgets": ("3.16", GONE, "dashboard:read", "dashboard:read"),
    "add_widgets": ("3.17", GONE, "dashboard:write", "dashboard:write"),
    "widget_catalog": ("3.18", GONE, "dashboard:read", "dashboard:read"),
    "bulk_update_tags": ("3.19", NONE, NONE, NONE),
    "create_from_template_json": ("3.20", NONE, NONE, NONE),
    "create_unlisted_dashboard": ("3.21", NONE, NONE, NONE),
    "data_color_themes.list": ("3.22", "project:read", "project:read", "project:read"),
    "data_color_themes.get": ("3.22", "project:read", "project:read", "project:read"),
    "data_color_themes.create": ("3.22", "project:write", "project:write", "project:write"),
    "data_color_themes.update": ("3.22", "project:write", "project:write", "project:write"),
    "data_color_themes.delete": ("3.22", "project:write", "project:write", "project:write"),
    "insights.get": ("3.23", "insight:read", "insight:read", "insight:read"),
    "insights.create": ("3.23", "insight:write", "insight:write", "insight:write"),
    "insights.update": ("3.23", "insight:write", "insight:write", "insight:write"),
    "query.status": ("3.23", "query:read", "query:read", "query:read"),
    "query.cancel": ("3.23", "query:read", "query:read", "query:read"),
    "annotations.create": ("3.23", "annotation:write", "annotation:write", "annotation:write"),
}
#: The scope is only half of what it takes: each widget's product has a scope of its own, checked inline (3.16).
AND_MORE = {"run_widgets": "product scope"}
KEYS = (CredentialKind.PERSONAL_API_KEY, CredentialKind.OAUTH)


def test_the_data_and_the_contract_know_the_same_actions():
    assert set(ACTIONS) == set(CONTRACT)


@pytest.mark.parametrize("name", CONTRACT)
def test_an_action_takes_what_the_contract_says(name):
    section, *needed = CONTRACT[name]
    action = ACTIONS[name]
    assert action.section == section
    for build, need in zip(("2026-04", "2026-05", "cloud"), needed, strict=True):
        where = Build(build)
        assert action.on(where, CredentialKind.SESSION) is (need != GONE), build
        for kind in KEYS:
            assert action.on(where, kind) is (need not in (NONE, GONE)), (build, kind)
        if need not in (NONE, GONE):
            scope, _, rest = action.support[where].partition(" ")
            assert scope == need, build
            assert rest.endswith(AND_MORE.get(name, "")), build
            assert bool(rest) is (name in AND_MORE), build


def test_what_the_contract_gives_a_substitute_has_an_equivalent():
    """Contract 1.4, last paragraph: tags, templates, streaming, snapshot and analysis can all be had with a key."""
    substituted = (
        "bulk_update_tags", "create_from_template_json", "stream_tiles", "snapshot", "analyze_refresh_result",
    )  # fmt: skip
    assert [name for name in substituted if not ACTIONS[name].equivalent] == []


def test_the_committed_page_is_current():
    assert PAGE.read_text(encoding="utf-8") == render_page(), (
        "run: python -m airflow_dashboards.posthog.capability_table > docs/capabilities.md"
    )


def test_a_row_says_it_in_full():
    rows = {row.split("`")[1]: row for row in render_table(ACTIONS.values()).splitlines()[2:]}
    assert len(rows) == len(ACTIONS)
    assert rows["snapshot"].startswith("| `snapshot` | session only | session only | absent | cap")
    assert rows["get"] == "| `get` |" + " `dashboard:read` |" * 3 + "  |"
    assert rows["generate_metadata"].endswith("| absent | absent | nothing |")
    assert "| `dashboard:read` and the widget's product scope |" in rows["run_widgets"]
