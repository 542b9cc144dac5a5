"""What this provider tells OpenLineage: dashboards as datasets, the project's events as what they are made of.

Loaded only where Airflow's OpenLineage provider is installed and asks; nothing here raises into a task. A snapshot
reads dashboards; a refresh reads the events and writes dashboards; an analysis reads dashboards, and its findings are
their data quality assertions.

| dataset | namespace | name |
| --- | --- | --- |
| a dashboard | `posthog://eu.posthog.com` | `1/dashboards/42` |
| the events of a project | `posthog://eu.posthog.com` | `1/events` |
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from airflow_dashboards.analysis.model import Severity, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from airflow.sdk import Asset

    from airflow_dashboards.analysis import Analysis, Finding

#: Assertions told per dashboard; the rest is in the report.
MAX_ASSERTIONS = 200
_SEVERITY = {Severity.FAIL: "error", Severity.WARN: "warn"}


def namespace(host: str) -> str:
    """Return the namespace of what lives in a PostHog, given the host of its connection.

    Example:
        >>> namespace("https://EU.posthog.com")
        'posthog://eu.posthog.com'
    """
    return f"posthog://{host.rpartition('://')[2].rstrip('/').lower()}"


def dashboard_name(project_id: int, dashboard_id: int) -> str:
    """Return the name of a dashboard in its namespace.

    Example:
        >>> dashboard_name(1, 42)
        '1/dashboards/42'
    """
    return f"{project_id}/dashboards/{dashboard_id}"


def convert_asset_to_openlineage(asset: Asset, lineage_context: Any) -> Any:
    """Return the OpenLineage dataset of a dashboard's asset; Airflow calls it for tasks with such inlets or outlets."""
    from airflow_dashboards.assets import DashboardKey

    key = DashboardKey.parse(asset.uri)
    return _events().Dataset(namespace=namespace(key.host), name=dashboard_name(key.project_id, key.dashboard_id))


def read(host: str, project_id: int, dashboards: Mapping[int, str], analyses: Iterable[Analysis] = ()) -> Any:
    """Return the lineage of a task that reads dashboards.

    Args:
        host: of the connection.
        project_id: of the connection.
        dashboards: names by id.
        analyses: what was found on them, for a task that judges.
    """
    assertions = {each.dashboard_id: _assertions(each) for each in analyses}
    inputs = [
        _events().InputDataset(
            namespace=namespace(host),
            name=dashboard_name(project_id, dashboard_id),
            facets=_facets(name),
            inputFacets={"dataQualityAssertions": assertions[dashboard_id]} if dashboard_id in assertions else {},
        )
        for dashboard_id, name in dashboards.items()
    ]
    return _lineage(inputs=inputs, outputs=[])


def written(host: str, project_id: int, dashboards: Mapping[int, str]) -> Any:
    """Return the lineage of a task that has dashboards computed anew; arguments as of `read`."""
    return _lineage(
        inputs=[
            _events().InputDataset(
                namespace=namespace(host),
                name=f"{project_id}/events",
                facets={"datasetType": _made("DatasetTypeDatasetFacet", datasetType="TABLE")},
            )
        ],
        outputs=[
            _events().OutputDataset(
                namespace=namespace(host),
                name=dashboard_name(project_id, dashboard_id),
                facets=_facets(name),
            )
            for dashboard_id, name in dashboards.items()
        ],
    )


def _lineage(*, inputs: list[Any], outputs: list[Any]) -> Any:
    return import_module("airflow.providers.openlineage.extractors").OperatorLineage(inputs=inputs, outputs=outputs)


def _facets(name: str) -> dict[str, Any]:
    facets = {"datasetType": _made("DatasetTypeDatasetFacet", datasetType="DASHBOARD")}
    if name:
        facets["documentation"] = _made("DocumentationDatasetFacet", description=name)
    return facets


def _assertions(analysis: Analysis) -> Any:
    told = []
    for tile in analysis.tiles:
        harm = [finding for finding in tile.findings if finding.severity in _SEVERITY]
        told += [_assertion(finding, tile.name) for finding in harm]
        if not harm and tile.verdict is Verdict.PASS:
            told.append(_made("Assertion", assertion="tile.as_expected", success=True, name=tile.name))
    told += [_assertion(finding, None) for finding in analysis.findings if finding.severity in _SEVERITY]
    # What failed comes first, so that a long dashboard keeps it.
    told.sort(key=lambda each: bool(each.success))
    return _made("DataQualityAssertionsDatasetFacet", assertions=told[:MAX_ASSERTIONS])


def _assertion(finding: Finding, tile: str | None) -> Any:
    expected = None
    if finding.expected_low is not None and finding.expected_high is not None:
        expected = f"{finding.expected_low:g} to {finding.expected_high:g}"
    return _made(
        "Assertion",
        assertion=finding.code,
        success=False,
        column=finding.subject,
        severity=_SEVERITY[finding.severity],
        name=tile,
        description=finding.message,
        expected=expected,
        actual=f"{finding.after:g}" if finding.after is not None else None,
    )


def _events() -> Any:
    return import_module("openlineage.client.event_v2")


def _made(class_name: str, **values: Any) -> Any:
    """Return a facet, or a part of one, without what an older client's class does not have yet."""
    facets = import_module("openlineage.client.facet_v2")
    modules = (
        facets.data_quality_assertions_dataset,
        facets.dataset_type_dataset,
        facets.documentation_dataset,
    )
    made = next(getattr(module, class_name) for module in modules if hasattr(module, class_name))
    known = {field.name for field in made.__attrs_attrs__}
    return made(**{name: value for name, value in values.items() if name in known and value is not None})
