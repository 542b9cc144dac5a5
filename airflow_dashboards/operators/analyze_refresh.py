"""Say what a load changed on dashboards, and stop the pipeline when it is something to be woken for."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow_dashboards.compat import AirflowFailException
from airflow_dashboards.links import BeforeSnapshotLink, PostHogLink, RefreshReportLink
from airflow_dashboards.operators.base import PostHogOperator
from airflow_dashboards.operators.rule_files import as_data, load

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import TypeAlias

    from airflow.sdk import Context

    from airflow_dashboards.analysis import Analysis, RuleBook, Rules
    from airflow_dashboards.analysis.report import PastVerdict, ReportContext
    from airflow_dashboards.posthog import FlowClient
    from airflow_dashboards.posthog.flow import Flow
    from airflow_dashboards.refresh.after import Comparison
    from airflow_dashboards.refresh.history import VerdictRecord
    from airflow_dashboards.refresh.narrate import Narrative
    from airflow_dashboards.refresh.store import SnapshotStore
    from airflow_dashboards.refresh.summary import AnalysisSummary

    #: The runs before, newest first, per dashboard that does not pass.
    Past: TypeAlias = dict[int, list[VerdictRecord]]

#: What may stop the pipeline: the verdict `fail`, already `warn`, or nothing.
FAIL_ON = ("fail", "warn", "never")
NARRATORS = ("posthog", "llm")
#: How long a task may spend on removing what is too old, once a day; what is left over waits for the next.
MOST_SECONDS_PRUNING = 60.0


class AnalysisFailedError(AirflowFailException):
    """The rules say that a change must stop the pipeline; a retry would find the same, so there is none."""


class PostHogAnalyzeRefreshOperator(PostHogOperator):
    """Compare what dashboards showed before a load with what they show now, judge it, write a report, and tell people.

    The comparison is our own: by query kind, against the history in each tile, the same answer for the same input.
    A narrative, the status tile and the annotation are extras: they never decide, and where one is not to be had a note
    in the report says why.

    Args:
        before: what the snapshot task returned; or which earlier run's capture to compare with, e.g. `{"days_ago": 7}`
            or `{"at": "{{ prev_start_date_success }}"}` (`tolerance_hours`, default 12, says how near it must be).
            Where there is none yet, nothing is said of the dashboard. Templated.
        after: what the refresh task returned (its read is the after-picture), or another snapshot task's result;
            without it the dashboards are read now, from PostHog's cache. Templated.
        dashboards: which ones, where neither `before` nor `after` names them: an id, a list, a selector. Templated.
        rules: what counts as harm: `Rules`, a `RuleBook` (overrides per tile, insight name or tag), either as a dict,
            or the path of a YAML file, relative to the DAG file, read when the task runs. The default needs no tuning.
            A path is templated.
        fail_on: `fail` (default): the task fails on the verdict fail; `warn`: on warn too; `never`: on no verdict, nor
            for a dashboard that PostHog doesn't show, which the report names all the same.
        narrator: who puts the findings into words. `posthog`: PostHog's own AI, where build, credential and age of its
            snapshot allow it; the before task needs `server=True`. `llm`: the model of `llm_conn_id`, which is given
            findings and small tables, never rows. Figures that the analysis does not have are marked.
        llm_conn_id: id of a Connection of apache-airflow-providers-common-ai, for `narrator="llm"`. Templated.
        status_tile: keep a text tile on each dashboard that says when it was refreshed, by which run, and what changed.
            Needs the scope dashboard:write.
        annotate: annotate each dashboard's charts at the load; once per run. Needs the scope annotation:write.
        title: heading of the report. Templated.
        emit_assets: announce every analyzed dashboard as an asset event through the alias
            `posthog_dashboards_analyzed`, if the task succeeds. Assets among `outlets` need no alias; see `assets`.

    Keyword Args:
        posthog_conn_id (str): id of the Connection. Templated.
        storage_path (str | None): where the report goes. Templated.

    Returns:
        list[dict[str, Any]]: A summary per dashboard, `refresh.summary.AnalysisSummary`: `status` (pass, warn, fail),
        `comparability` (nothing_captured, nothing_comparable, unchanged, changed), `summary`, `tags`, `counts`, the
        `tiles` that need a look, `runs_in_a_row`, `report_uri`, `analysis_uri`, `narrative`. Above 100 entries or
        40,000 bytes it is one reference to an index file; `read_results` reads both.

        Further XComs, there also when the task fails, for notifiers: `subject`, `message` (Slack), `message_html`
        (mail), `message_text`; `narrative` where one was asked for.

    Raises:
        AnalysisFailedError: the verdict is one of `fail_on`, or a dashboard could not be compared. The XComs and the
            report are written all the same. Airflow tries no such task again.
        PostHogError: a dashboard could not be read for a reason that passes, whatever the verdict on the others: a
            retry reads it. The XComs and the report are written all the same.
        RulesError: the rules can't be used; nothing was sent.
        ValueError: another argument can't be used; nothing was sent.

    Example:
        >>> analyze = PostHogAnalyzeRefreshOperator(task_id="analyze", before=before.output, rules=Rules(max_drop=0.3))
    """

    template_fields: Sequence[str] = (
        "before",
        "after",
        "dashboards",
        "rules",
        "llm_conn_id",
        "title",
        *PostHogOperator.template_fields,
    )

    operator_extra_links = (PostHogLink(), RefreshReportLink(), BeforeSnapshotLink())

    #: Names this run on the page "Dashboards", once it is written; the task's links need it.
    report_run: str | None = None
    _analyses: Sequence[Analysis] = ()

    def __init__(
        self,
        *,
        before: Any,
        after: Any = None,
        dashboards: Any = None,
        rules: Rules | RuleBook | dict[str, Any] | str | Path | None = None,
        fail_on: str = "fail",
        narrator: str | None = None,
        llm_conn_id: str | None = None,
        status_tile: bool = False,
        annotate: bool = False,
        title: str = "Dashboards after {{ dag.dag_id }}",
        emit_assets: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.emit_assets = emit_assets
        if emit_assets:
            from airflow_dashboards.assets import ANALYZED

            self.outlets = [*self.outlets, ANALYZED]
        if fail_on not in FAIL_ON:
            raise ValueError(f"fail_on must be one of {', '.join(FAIL_ON)}, not {fail_on!r}")
        if narrator is not None and narrator not in NARRATORS:
            raise ValueError(f"narrator must be None or one of {', '.join(NARRATORS)}, not {narrator!r}")
        if (narrator == "llm") is not bool(llm_conn_id):
            raise ValueError("narrator='llm' and llm_conn_id go together: the connection says which model to ask")
        if isinstance(before, dict):
            _check_earlier(before, named=after is not None or dashboards is not None)
        self.before = before
        self.after = after
        self.dashboards = dashboards
        self.rules = as_data(rules)
        self.fail_on = fail_on
        self.narrator = narrator
        self.llm_conn_id = llm_conn_id
        self.status_tile = status_tile
        self.annotate = annotate
        self.title = title

    def execute(self, context: Context) -> list[dict[str, Any]] | dict[str, Any]:
        """Compare, tell, write the report, and judge."""
        from airflow_dashboards.assets import analyzed_facts
        from airflow_dashboards.metrics import note_analyses
        from airflow_dashboards.refresh.index import pack
        from airflow_dashboards.refresh.publication import messages, publish
        from airflow_dashboards.refresh.store import SnapshotStore
        from airflow_dashboards.refresh.summary import AnalysisSummary

        ti = context["ti"]
        store = SnapshotStore(self.hook.storage_root(self.storage_path))
        dag = context["dag"]
        rules = load(self.rules, [dag.folder, *(dag.template_searchpath or ())])
        comparison = self._compare(context, store, rules)
        past = self._history(context, store, comparison, rules)
        note_analyses(comparison.analyses)
        self._analyses = comparison.analyses
        about = self._about(context, comparison, past)
        narrative = self._narrative(comparison)
        notes = [*comparison.notes, *narrative.notes, *self._mark_dashboards(context, comparison, about)]
        for note in notes:
            self.log.warning("%s", note)
        about = about.model_copy(
            update={
                "narrative": narrative.text,
                "narrative_source": narrative.source,
                "narrative_unverified": narrative.unverified,
                "notes": notes + comparison.problems,
            }
        )
        published = publish(comparison.analyses, self._folder(context), title=self.title, context=about)
        summaries = [
            AnalysisSummary.of(each, past.get(each.dashboard_id, ()), tags=comparison.tags.get(each.dashboard_id, ()))
            for each in comparison.analyses
        ]
        self._tell_the_page(context, store, comparison, summaries)
        for each in summaries:
            name = each.dashboard_name or f"dashboard {each.dashboard_id}"
            self.log.info("%s: %s. %s", name, each.status.value, each.summary)
        files = {"report_uri": published.report_uri, "analysis_uri": published.analysis_uri}
        summaries = [
            each.model_copy(update={**files, "narrative": _own_words(comparison, each.dashboard_id)})
            for each in summaries
        ]
        packed = pack(summaries, store, run=self.run_label(context), what="analyses")
        # Few enough for an XCom they stand there whole, with every field, so that a branch may ask for any.
        result = packed if isinstance(packed, dict) else [each.model_dump(mode="json") for each in summaries]
        for key, text in messages(comparison.analyses, context=about, problems=comparison.problems).items():
            ti.xcom_push(key=key, value=text)
        if self.narrator is not None:
            ti.xcom_push(key="narrative", value=narrative.text or " ".join(narrative.notes))
        self._let_go(store)
        if (ending := self._ending(comparison, report=published.report_uri)) is not None:
            # A failing task returns nothing; the next person to look needs the summaries most of all.
            ti.xcom_push(key="return_value", value=result)
            raise ending
        self.announce(
            context,
            {each.dashboard_id: analyzed_facts(each, report_uri=published.report_uri) for each in comparison.analyses},
        )
        return result

    def lineage(self) -> Any:
        """Return the dashboards as what was read, with the findings as their data quality assertions."""
        from airflow_dashboards.lineage import read

        names = {each.dashboard_id: each.dashboard_name for each in self._analyses}
        return read(self.hook.settings.host, self.hook.settings.project_id, names, self._analyses)

    def _compare(self, context: Context, store: SnapshotStore, rules: RuleBook) -> Comparison:
        from airflow_dashboards.refresh.after import compare_all
        from airflow_dashboards.refresh.patience import patiently
        from airflow_dashboards.refresh.pictures import BeforePictures, after_pictures
        from airflow_dashboards.refresh.select import resolve

        run, settings = self.run_label(context), self.hook.settings
        before = BeforePictures(self.before, store, host=settings.host, project_id=settings.project_id)
        after = after_pictures(self.after, store)
        named = list(after if before.earlier else before.references)

        def flow(flows: FlowClient) -> Flow[Comparison]:
            ids = named
            if before.earlier and self.after is None:
                ids = yield from patiently(partial(resolve, flows, self.dashboards))
            self.note_dashboards(ids)
            return (
                yield from compare_all(
                    flows,
                    ids,
                    before=before.load,
                    after=after,
                    read=partial(store.read, packed=True),
                    keep=lambda snapshot: store.write(snapshot, run=run),
                    host=settings.host,
                    rules=rules,
                    narrate=before.references if self.narrator == "posthog" else None,
                )
            )

        return replace(self.hook.run(flow), notes=before.notes)

    def _history(self, context: Context, store: SnapshotStore, comparison: Comparison, rules: RuleBook) -> Past:
        """Read what the runs before said, let the rules weigh it, and add what this one says.

        The report must not wait for either, and what can't be read keeps nothing from being written.
        """
        from airflow_dashboards.analysis.escalation import escalate
        from airflow_dashboards.refresh.history import VerdictHistory, tiles_lasting
        from airflow_dashboards.settings import history_keep

        ti = context["ti"]
        history = VerdictHistory(store, keep=history_keep())
        past: Past = {}
        source, run = f"{ti.dag_id}.{ti.task_id}", ti.run_id
        for place, analysis in enumerate(comparison.analyses):
            tags, earlier = comparison.tags.get(analysis.dashboard_id, ()), past.setdefault(analysis.dashboard_id, [])
            try:
                earlier += history.streak(analysis, source=source, run=run)
            except OSError as error:
                comparison.notes.append(f"The history of {analysis.dashboard_name} could not be read: {error}")
            lasting = {tile: each.runs for tile, each in tiles_lasting(analysis, earlier).items()}
            comparison.analyses[place] = judged = escalate(analysis, lasting, rules, tags=tags)
            try:
                history.add(judged, source=source, run=run, earlier=earlier)
            except OSError as error:
                comparison.notes.append(f"The history of {analysis.dashboard_name} could not be kept: {error}")
        comparison.notes.extend(f"An earlier verdict can't be read and is left out: {each}" for each in history.damaged)
        return past

    def _tell_the_page(
        self, context: Context, store: SnapshotStore, comparison: Comparison, summaries: list[AnalysisSummary]
    ) -> None:
        """Add this run to those that the page "Dashboards" shows; a page that does not show it must fail no load."""
        from airflow_dashboards.refresh.run_record import RunRecord, write_run

        ti = context["ti"]
        record = RunRecord.of(
            summaries,
            dag_id=ti.dag_id,
            run_id=ti.run_id,
            task_id=ti.task_id,
            map_index=ti.map_index,
            title=self.title,
            report=f"reports/{self.run_label(context)}/report.html",
            unreadable=comparison.unreadable,
        )
        try:
            self.report_run = write_run(store.root, record)
        except OSError as error:
            self.log.warning('The page "Dashboards" will not show this run: %s', error)

    def _let_go(self, store: SnapshotStore) -> None:
        """Remove what is too old, once a day; that it could not be removed must fail no load."""
        from airflow_dashboards.refresh.retention import prune_daily
        from airflow_dashboards.settings import retention_days

        try:
            days = retention_days()
            now = datetime.now(timezone.utc)
            gone = None if days is None else prune_daily(store.root, days, now=now, seconds=MOST_SECONDS_PRUNING)
        except Exception as error:
            self.log.warning("What is too old could not be removed from %s: %s", store.root, error)
        else:
            if gone is not None:
                self.log.info("Removed from %s what is more than %s days old: %s.", store.root, days, gone)

    def _about(self, context: Context, comparison: Comparison, past: Past) -> ReportContext:
        from airflow_dashboards.analysis.report import ReportContext
        from airflow_dashboards.refresh.history import past_verdicts

        ti = context["ti"]
        history: dict[str, list[PastVerdict]] = {}
        for analysis in comparison.analyses:
            history |= past_verdicts(analysis, past.get(analysis.dashboard_id, []))
        return ReportContext(
            dag_id=ti.dag_id,
            run_id=ti.run_id,
            logical_date=context.get("logical_date"),
            links={"Airflow task": ti.log_url},
            history=history,
        )

    def _narrative(self, comparison: Comparison) -> Narrative:
        from airflow_dashboards.refresh.narrate import MOST_TOKENS, Narrative, tell, told_by_posthog

        if self.narrator == "posthog":
            return told_by_posthog(comparison.analyses, comparison.narratives)
        if self.narrator == "llm":
            from airflow_dashboards.hooks.llm import asker

            ask = asker(str(self.llm_conn_id), max_tokens=MOST_TOKENS)
            return tell(comparison.analyses, ask, source=f"the language model of {self.llm_conn_id}")
        return Narrative()

    def _mark_dashboards(self, context: Context, comparison: Comparison, about: ReportContext) -> list[str]:
        """Write what was asked for onto the dashboards, and return what was in the way."""
        from airflow_dashboards.refresh.annotation import annotate
        from airflow_dashboards.refresh.once import Once
        from airflow_dashboards.refresh.status_note import write_status_notes

        notes: list[str] = []
        if self.status_tile:
            notes += self.hook.run(lambda flows: write_status_notes(flows, comparison.analyses, about))
        if self.annotate:
            once = Once(self._folder(context) / "done")
            notes += self.hook.run(lambda flows: annotate(flows, comparison.analyses, about, once))
        return notes

    def _folder(self, context: Context) -> Any:
        from airflow_dashboards.refresh.files import local

        return local(self.hook.storage_root(self.storage_path) / "reports" / self.run_label(context))

    def _ending(self, comparison: Comparison, *, report: str) -> Exception | None:
        """Return what the task fails with, if it does: what a retry may mend goes before the verdict."""
        from airflow_dashboards.operators.failures import most_telling
        from airflow_dashboards.refresh.batch import FATAL

        total = len(comparison.analyses) + len(comparison.unreadable)
        if any(error.retryable for error in comparison.errors.values()):
            self.log.error("Not all dashboards could be read, but what could is in the report: %s", report)
            return most_telling(comparison.errors, total=total, what="read")
        if self.fail_on == "never":
            # A refused credential is no dashboard's own, and a picture that is not there is the storage's fault.
            told = {each for each, error in comparison.errors.items() if not isinstance(error, FATAL)}
            for each in told:
                self.log.warning("Dashboard %d could not be compared: %s", each, comparison.unreadable[each])
        else:
            told = set()
        problem = self._problem(comparison, told)
        return None if problem is None else AnalysisFailedError(f"{problem}\nReport: {report}")

    def _problem(self, comparison: Comparison, told: set[int]) -> str | None:
        from airflow_dashboards.analysis import Verdict

        stopping = {"fail": {Verdict.FAIL}, "warn": {Verdict.FAIL, Verdict.WARN}, "never": set[Verdict]()}[self.fail_on]
        lines = [
            f"{analysis.dashboard_name} ({analysis.dashboard_id}): {line}"
            for analysis in comparison.analyses
            if analysis.status in stopping
            for line in _reasons(analysis, stopping)
        ]
        lines += [
            problem
            for each, problem in zip(comparison.unreadable, comparison.problems, strict=True)
            if each not in told
        ]
        return "The analysis stops the pipeline:\n  " + "\n  ".join(lines) if lines else None


def _check_earlier(before: dict[str, Any], *, named: bool) -> None:
    """Refuse what can't be used before any task runs; templates are not known yet."""
    from airflow_dashboards.refresh.earlier import parse_earlier

    if any("{{" in str(each) for each in before.values()):
        return
    if parse_earlier(before) is not None and not named:
        raise ValueError("before says which earlier capture, so after or dashboards must say of which dashboards")


def _reasons(analysis: Analysis, stopping: set[Any]) -> list[str]:
    return [f"{tile.name}: {tile.summary}" for tile in analysis.tiles_with(*stopping)] or [analysis.summary]


def _own_words(comparison: Comparison, dashboard_id: int) -> str | None:
    found = comparison.narratives.get(dashboard_id)
    return None if found is None else found.text or found.reason
