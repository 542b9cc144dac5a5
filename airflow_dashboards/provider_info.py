"""What Airflow reads about this provider while its own configuration starts up.

A pure dict in a module that imports nothing: since Airflow 3.2 this runs before Airflow is importable.
"""

from __future__ import annotations

from typing import Any

_INTEGRATION = "PostHog"


def get_provider_info() -> dict[str, Any]:
    """Return the provider's metadata in the form of Airflow's `provider_info.schema.json`."""
    return {
        "package-name": "airflow-dashboards",
        "name": "PostHog dashboards",
        "description": "Snapshot, refresh, prove and analyze PostHog dashboards around your loads.",
        "integrations": [
            {"integration-name": _INTEGRATION, "external-doc-url": "https://posthog.com/docs/api", "tags": ["service"]}
        ],
        "hooks": [_modules("hooks.posthog")],
        "operators": [
            _modules(
                "operators.analyze_refresh",
                "operators.dashboards",
                "operators.run_insights",
                "operators.snapshot",
                "operators.tags",
                "operators.template",
                "operators.tiles",
            )
        ],
        "sensors": [_modules("sensors.refresh")],
        "triggers": [_modules("triggers.refresh", "triggers.watch")],
        "connection-types": [_CONNECTION],
        "asset-uris": [
            {
                "schemes": ["posthog"],
                "handler": "airflow_dashboards.assets.sanitize_uri",
                "factory": "airflow_dashboards.assets.dashboard_asset",
                "to_openlineage_converter": "airflow_dashboards.lineage.convert_asset_to_openlineage",
            }
        ],
        "cli": ["airflow_dashboards.cli.provider.get_posthog_cli_commands"],
        "extra-links": [
            "airflow_dashboards.links.PostHogLink",
            "airflow_dashboards.links.RefreshReportLink",
            "airflow_dashboards.links.BeforeSnapshotLink",
        ],
        "config": {"posthog": {"description": "The PostHog dashboards provider.", "options": _OPTIONS}},
    }


def _modules(*names: str) -> dict[str, Any]:
    return {"integration-name": _INTEGRATION, "python-modules": [f"airflow_dashboards.{name}" for name in names]}


def _field(label: str, description: str, **schema: Any) -> dict[str, Any]:
    return {"label": label, "description": description, "schema": schema}


#: Airflow's schema of fields knows patterns for texts; numbers have a `minimum`, and the host is no field of ours.
_NO_SPACES = r"^\S+$"

_CONNECTION: dict[str, Any] = {
    "connection-type": "posthog",
    "hook-class-name": "airflow_dashboards.hooks.posthog.PostHogHook",
    "hook-name": "PostHog",
    "ui-field-behaviour": {
        # Not the port, though it is part of the host: for an empty one the list of Airflow 3.3 sends 0, which its API
        # takes for another server than the stored one, and refuses to test. A 0 written here heals that.
        "hidden-fields": ["schema"],
        "relabeling": {"host": "Host", "login": "E-mail", "password": "Key, token or password", "port": "Port"},
        "placeholders": {
            "host": "https://us.posthog.com",
            "login": "only for a session login",
            "password": "phx_… (personal API key)",
            "port": "0 (it is part of the host)",
        },
    },
    "conn-fields": {
        "project_id": _field(
            "Project id",
            "The number in PostHog's address bar: /project/<number>/…",
            type=["integer", "null"],
            minimum=1,
        ),
        "credential": _field(
            "Credential",
            "What `Key, token or password` holds. A personal API key is what scheduled work should use; `session` signs"
            " in with the e-mail and password and fails with SSO or 2FA; `cookies` uses the pair below.",
            type=["string", "null"],
            default="personal_api_key",
            enum=["personal_api_key", "oauth", "session", "cookies"],
        ),
        # Airflow shows an extra in clear unless its name has a word such as `token` in it.
        "session_token": _field(
            "Cookie sessionid",
            "Only for credential `cookies`.",
            type=["string", "null"],
            format="password",
            pattern=_NO_SPACES,
        ),
        "csrftoken": _field(
            "Cookie posthog_csrftoken",
            "Only for credential `cookies`.",
            type=["string", "null"],
            format="password",
            pattern=_NO_SPACES,
        ),
        "storage_path": _field(
            "Storage path",
            "Where snapshots, verdicts and reports are kept: a folder or an object store that all workers reach,"
            " e.g. s3://aws_default@bucket/posthog. Empty: the [posthog] storage_path option.",
            type=["string", "null"],
            pattern=r"^\S(.*\S)?$",
        ),
        "timeout": _field(
            "Timeout", "Seconds one HTTP call may take.", type=["number", "null"], default=60, exclusiveMinimum=0
        ),
        "requests_per_minute": _field(
            "Requests per minute",
            "This deployment's share of the key's limit (480 a minute on PostHog Cloud). Empty: all of it. More than"
            " that: what a PostHog of your own allows.",
            type=["integer", "null"],
            minimum=1,
        ),
        "requests_per_hour": _field(
            "Requests per hour",
            "This deployment's share of the key's limit (4,800 an hour on PostHog Cloud). Empty: all of it. More than"
            " that: what a PostHog of your own allows.",
            type=["integer", "null"],
            minimum=1,
        ),
    },
}

_OPTIONS: dict[str, Any] = {
    "storage_path": {
        "description": "Where snapshots, verdicts and reports are kept unless an operator or a connection says"
        " otherwise; a folder or any object store path that all workers and the API server reach. Empty: [common.io]"
        " xcom_objectstorage_path, then the folder `posthog` in AIRFLOW_HOME.",
        "version_added": "0.1.0",
        "type": "string",
        "example": "s3://aws_default@bucket/posthog",
        "default": "",
    },
    "history_keep": {
        "description": "How many verdicts of earlier runs are kept beside the snapshots, per dashboard and analyzing"
        " task; they are what `third day in a row` in a report comes from.",
        "version_added": "0.1.0",
        "type": "integer",
        "example": "365",
        "default": "100",
    },
    "retention_days": {
        "description": "For how many days runs on the page `Dashboards`, reports and snapshots are kept; at least 7."
        " What is older an analyzing task removes, once a day; but not a task's last run, a dashboard's last two"
        " snapshots, and what a run or verdict that is kept refers to. 0: nothing is removed.",
        "version_added": "0.1.0",
        "type": "integer",
        "example": "120",
        "default": "0",
    },
}
