"""What Airflow reads about this provider while its own configuration starts up.

A pure dict in a module that imports nothing: since Airflow 3.2 this runs before Airflow is importable.
"""

from __future__ import annotations

from typing import Any


def get_provider_info() -> dict[str, Any]:
    """Return the provider's metadata in the form of Airflow's `provider_info.schema.json`."""
    return {
        "package-name": "airflow-dashboards",
        "name": "PostHog dashboards",
        "description": "Snapshot, refresh, prove and analyze PostHog dashboards around your loads.",
    }
