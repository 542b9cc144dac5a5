"""Say what a load changed on dashboards, and stop the pipeline when it is something to be woken for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowFailException

from airflow_dashboards.operators.base import PostHogOperator

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context

    from airflow_dashboards.analysis import Analysis, RuleBook, Rules
    from airflow_dashboards.refresh.after import Comparison
    from airflow_dashboards.refresh.publication import AnalysisSummary

#: What may stop the pipeline: the verdict `fail`, already `warn`, or nothing.
FAIL_ON = ("fail", "warn", "never")
NARRATORS = ("posthog",)


class AnalysisFailedError(AirflowFailException):
    """The rules say that a change must stop the pipeline; a retry would find the same, so there is none."""


class PostHogAnalyzeRefreshOperator(PostHogOperator):
    """Compare what dashboards showed before a load with what they show now, judge it, and write a report.

    The comparison is our own: by query kind, against the history in each tile, the same answer for the same input.
    PostHog's AI text (`narrator="posthog"`) is an extra that never decides.

    Args:
        before: what the snapshot task returned. Templated.
        after: what the refresh task returned (its read is the after-picture), or another snapshot task's result;
            without it the dashboards are read now, from PostHog's cache. Templated.
        rules: what counts as harm: `Rules`, a `RuleBook` (overrides per tile, insight name or tag) or either as a dict;
            the default needs no tuning.
        fail_on: `fail` (default): the task fails on the verdict fail; `warn`: on warn too; `never`.
        narrator: `posthog` to ask for PostHog's own summary where build, credential and age of its snapshot allow it;
            the before task needs `server=True`. Says why when there is none.
        title: heading of the report. Templated.
        posthog_conn_id: id of the Connection. Templated.
        storage_path: where the report goes. Templated.

    Returns:
        A summary per dashboard as JSON: `status` (pass, warn, fail), `comparability` (nothing_captured,
        nothing_comparable, unchanged, changed), `summary`, `counts`, the `tiles` that need a look, `report_uri`,
        `analysis_uri`, `narrative`.

    Raises:
        AnalysisFailedError: the verdict is one of `fail_on`, or a dashboard could not be compared. The summaries are in
            the XCom and the report is written all the same.
        ValueError: an argument can't be used; nothing was sent.

    Example:
        >>> analyze = PostHogAnalyzeRefreshOperator(task_id="analyze", before=before.output, rules=Rules(max_drop=0.3))
    """

    template_fields: Sequence[str] = ("before", "after", "title", *PostHogOperator.template_fields)

    def __init__(
        self,
        *,
        before: Any,
        after: Any = None,
        rules: Rules | RuleBook | dict[str, Any] | None = None,
        fail_on: str = "fail",
        narrator: str | None = None,
        title: str = "Dashboards after {{ dag.dag_id }}",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if fail_on not in FAIL_ON:
            raise ValueError(f"fail_on must be one of {', '.join(FAIL_ON)}, not {fail_on!r}")
        if narrator is not None and narrator not in NARRATORS:
            raise ValueError(f"narrator must be None or one of {', '.join(NARRATORS)}, not {narrator!r}")
        self.before = before
        self.after = after
        self.rules = _as_data(rules)
        self.fail_on = fail_on
        self.narrator = narrator
        self.title = title

    def execute(self, context: Context) -> list[dict[str, Any]]:
        """Compare, write the report, and judge."""
        comparison = self._compare(context)
        summaries = self._publish(context, comparison)
        result = [summary.model_dump(mode="json") for summary in summaries]
        for summary in summaries:
            self.log.info("%s: %s. %s", summary.dashboard_name, summary.status.value, summary.summary)
        if problem := self._problem(comparison):
            # A failing task returns nothing; the next person to look needs the summaries most of all.
            context["ti"].xcom_push(key="return_value", value=result)
            raise AnalysisFailedError(problem + _where(summaries))
        return result

    def _compare(self, context: Context) -> Comparison:
        from airflow_dashboards.refresh.after import compare_all
        from airflow_dashboards.refresh.index import expand
        from airflow_dashboards.refresh.reference import SnapshotRef
        from airflow_dashboards.refresh.store import SnapshotStore

        store = SnapshotStore(self.hook.storage_root(self.storage_path))
        run = self.run_label(context)
        before = expand(self.before, store, SnapshotRef)
        self.note_dashboards([reference.dashboard_id for reference in before])
        after = _references(self.after, store)
        return self.hook.run(
            lambda flows: compare_all(
                flows,
                before,
                after,
                read=store.read,
                keep=lambda snapshot: store.write(snapshot, run=run),
                host=self.hook.settings.host,
                rules=_as_rules(self.rules),
                narrate=self.narrator == "posthog",
            )
        )

    def _publish(self, context: Context, comparison: Comparison) -> list[AnalysisSummary]:
        from airflow_dashboards.analysis.report import ReportContext
        from airflow_dashboards.refresh.publication import AnalysisSummary, publish

        ti = context["ti"]
        told = {each: narrative for each, narrative in comparison.narratives.items() if narrative.text}
        names = {analysis.dashboard_id: analysis.dashboard_name for analysis in comparison.analyses}
        report_context = ReportContext(
            dag_id=ti.dag_id,
            run_id=ti.run_id,
            logical_date=context.get("logical_date"),
            narrative="\n\n".join(f"{names[each]}: {narrative.text}" for each, narrative in told.items()) or None,
            narrative_source="PostHog" if told else None,
            notes=[
                f"PostHog's own analysis of {names[each]} is {narrative.reason}"
                for each, narrative in comparison.narratives.items()
                if not narrative.text
            ]
            + [f"Dashboard {each} could not be compared: {why}" for each, why in comparison.unreadable.items()],
        )
        folder = self.hook.storage_root(self.storage_path) / "reports" / self.run_label(context)
        published = publish(comparison.analyses, folder, title=self.title, context=report_context)
        return [
            AnalysisSummary.of(
                analysis,
                report_uri=published.report_uri,
                analysis_uri=published.analysis_uri,
                narrative=_narrative(comparison, analysis.dashboard_id),
            )
            for analysis in comparison.analyses
        ]

    def _problem(self, comparison: Comparison) -> str | None:
        from airflow_dashboards.analysis import Verdict

        stopping = {"fail": {Verdict.FAIL}, "warn": {Verdict.FAIL, Verdict.WARN}, "never": set[Verdict]()}[self.fail_on]
        lines = [
            f"{analysis.dashboard_name} ({analysis.dashboard_id}): {line}"
            for analysis in comparison.analyses
            if analysis.status in stopping
            for line in _reasons(analysis, stopping)
        ]
        lines += [f"dashboard {each} could not be compared: {why}" for each, why in comparison.unreadable.items()]
        return "The analysis stops the pipeline:\n  " + "\n  ".join(lines) if lines else None


def _reasons(analysis: Analysis, stopping: set[Any]) -> list[str]:
    return [f"{tile.name}: {tile.summary}" for tile in analysis.tiles_with(*stopping)] or [analysis.summary]


def _where(summaries: list[AnalysisSummary]) -> str:
    return f"\nReport: {summaries[0].report_uri}" if summaries else ""


def _narrative(comparison: Comparison, dashboard_id: int) -> str | None:
    found = comparison.narratives.get(dashboard_id)
    return None if found is None else found.text or found.reason


def _references(value: Any, store: Any) -> dict[int, Any]:
    """Read `after`: outcomes of a refresh, whose `after` may be missing where it failed, or snapshot references."""
    from airflow_dashboards.refresh.index import expand
    from airflow_dashboards.refresh.outcome import RefreshOutcome
    from airflow_dashboards.refresh.reference import SnapshotRef

    if value is None:
        return {}
    try:
        references = [outcome.after for outcome in expand(value, store, RefreshOutcome)]
    except ValueError:
        references = list(expand(value, store, SnapshotRef))
    return {reference.dashboard_id: reference for reference in references if reference is not None}


def _as_data(rules: Rules | RuleBook | dict[str, Any] | None) -> dict[str, Any]:
    """Return rules as plain data, which is what Airflow can put into a serialized DAG; checks a dict on the way."""
    if rules is None:
        return {}
    checked = _as_rules(rules) if isinstance(rules, dict) else rules
    return checked.model_dump(mode="json", exclude_defaults=True)


def _as_rules(data: dict[str, Any]) -> Rules | RuleBook:
    from airflow_dashboards.analysis import RuleBook, Rules

    return RuleBook.parse(data) if "default" in data or "overrides" in data else Rules.model_validate(data)
