"""The writing operators parse, hand over and tell: everything else is tested where it is done."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import DAG, BaseOperator, ObjectStoragePath
from airflow.sdk.exceptions import AirflowException

from airflow_dashboards.operators import dashboards, tags, template, tiles
from airflow_dashboards.operators.rendered import as_id, as_ids, as_mapping, as_mappings, as_texts
from airflow_dashboards.refresh.effects import BoardChange, Effect
from airflow_dashboards.refresh.many import BoardChanges, BoardFailure
from airflow_dashboards.refresh.tags import TagChange, TagProblem, TagResult
from airflow_dashboards.refresh.template import TemplateError

TEMPLATE = {
    "template_name": "KPIs of {{ ds }}",
    "dashboard_description": "",
    "dashboard_filters": {},
    "tiles": [{"type": "TEXT", "body": "see notes.json"}],
}


class Hook:
    """Takes the place of the hook: knows what was asked, and answers what it is told to."""

    settings = SimpleNamespace(host="https://posthog.example", project_id=1)

    def __init__(self, answer: Any = None) -> None:
        self.answer = answer
        self.asked: list[Any] = []

    def run(self, build: Any) -> Any:
        self.asked.append(build)
        return self.answer


class TaskInstance:
    def __init__(self) -> None:
        self.pushed: dict[str, Any] = {}

    def xcom_push(self, key: str, value: Any) -> None:
        self.pushed[key] = value


def prepared(operator: BaseOperator, answer: Any = None) -> tuple[Any, Any, dict[str, Any]]:
    hook, context = Hook(answer), {"ti": TaskInstance(), "ds": "2026-06-01"}
    operator.__dict__["hook"] = hook
    return operator, hook, context


def result(**fields: Any) -> TagResult:
    return TagResult(action="add", tags=["etl"], via="dashboard updates", **fields)


ALL = [
    tags.PostHogBulkUpdateTagsOperator(task_id="t", dashboards=1, tags=["x"], dry_run=True),
    template.PostHogCreateFromTemplateOperator(task_id="t", template=TEMPLATE),
    tiles.PostHogTextTileOperator(task_id="t", dashboards=1, body="x", dry_run=True),
    tiles.PostHogCopyTileOperator(task_id="t", dashboard_id=1, from_dashboard_id=2, tile_id=3),
    tiles.PostHogMoveTileOperator(task_id="t", dashboard_id=1, tile_id=3, to_dashboard=2),
    tiles.PostHogReorderTilesOperator(task_id="t", dashboard_id=1, tile_order=[1, 2], dry_run=True),
    tiles.PostHogDeleteTileOperator(task_id="t", dashboard_id=1, tile_id=3),
    tiles.PostHogAddWidgetsOperator(task_id="t", dashboard_id=1, widgets=[], dry_run=True),
    dashboards.PostHogUpdateDashboardOperator(task_id="t", dashboards=1, fields={"name": "x"}, dry_run=True),
    dashboards.PostHogDeleteDashboardOperator(task_id="t", dashboards=1, dry_run=True),
    dashboards.PostHogRestoreDashboardOperator(task_id="t", dashboards=1, dry_run=True),
    dashboards.PostHogEnsureUnlistedDashboardOperator(task_id="t", tag="llm-analytics"),
]


@pytest.mark.parametrize("operator", ALL, ids=lambda operator: type(operator).__name__)
def test_every_templated_field_is_an_attribute_and_airflows_own_names_are_left_alone(operator: BaseOperator) -> None:
    assert all(hasattr(operator, name) for name in operator.template_fields)
    assert "posthog_conn_id" in operator.template_fields
    assert callable(operator.dry_run)
    assert "hook" not in operator.__dict__


# --- what Jinja leaves behind


def test_text_is_read_back() -> None:
    assert as_id(" 42 ", "x") == 42
    assert as_ids("[3, 1]", "x") == as_ids("3, 1", "x") == as_ids(("3", 1), "x") == [3, 1]
    assert as_texts("['etl', 'weekly']", "x") == as_texts("etl, weekly", "x") == ["etl", "weekly"]
    assert as_mapping('{"a": 1}', "x") == as_mapping({"a": 1}, "x") == {"a": 1}
    assert as_mapping(None, "x") == {}
    assert (
        as_mappings('[{"a": 1}]', "x") == as_mappings("[{'a': 1}]", "x") == as_mappings([{"a": 1}], "x") == [{"a": 1}]
    )


@pytest.mark.parametrize(
    ("read", "value", "words"),
    [
        (as_id, "4.2", "tile_id: must be the id"),
        (as_id, "4²", "tile_id: must be the id"),
        (as_mappings, "[1]", r"tile_id\[0\]: must be a dict"),
        (as_mappings, "x", r"tile_id\[0\]: must be a dict"),
        (as_id, True, "tile_id: must be the id"),
        (as_id, 0, "tile_id: must be the id"),
        (as_ids, [1, "x"], r"tile_id\[1\]: must be the id"),
        (as_ids, {"a": 1}, "must be a list, not dict"),
        (as_texts, [1], r"tile_id\[0\]: must be text"),
        (as_texts, None, "must be a list, not NoneType"),
        (as_mapping, "[1]", "must be a dict"),
        (as_mapping, "{a: [", "can't be read as JSON or YAML"),
    ],
)
def test_what_can_not_be_read_is_told(read: Any, value: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read(value, "tile_id")


# --- tags


def test_tags_are_told_line_by_line(capsys: pytest.CaptureFixture[str]) -> None:
    answer = result(
        changed=[TagChange(id=1, before=[], after=["etl"])],
        already_so=[2],
        skipped=[TagProblem(id=9, reason="Not found")],
    )
    operator, _, context = prepared(
        tags.PostHogBulkUpdateTagsOperator(task_id="t", dashboards=[1, 2, 9], tags="etl"), answer
    )
    told = operator.execute(context)
    log = capsys.readouterr().out
    assert "Dashboard 1: changed from no tags to etl" in log
    assert "Dashboard 9: skipped, Not found" in log
    assert "1 changed, 1 already so, 1 skipped, 0 failed (via dashboard updates)" in log
    assert json.loads(json.dumps(told)) == told
    assert told["changed"] == [{"id": 1, "before": [], "after": ["etl"]}]
    assert told["skipped"] == [{"id": 9, "reason": "Not found"}]
    assert told["via"] == "dashboard updates"


@pytest.mark.parametrize(
    ("fail_on", "fields", "fails"),
    [
        ("failed", {"failed": [TagProblem(id=9, reason="503")]}, True),
        ("failed", {"skipped": [TagProblem(id=9, reason="Not found")]}, False),
        ("skipped", {"skipped": [TagProblem(id=9, reason="Not found")]}, True),
        ("never", {"failed": [TagProblem(id=9, reason="503")]}, False),
    ],
)
def test_what_makes_tagging_fail(fail_on: str, fields: Any, fails: bool) -> None:
    operator, _, context = prepared(
        tags.PostHogBulkUpdateTagsOperator(task_id="t", dashboards=9, tags="etl", fail_on=fail_on), result(**fields)
    )
    if not fails:
        assert operator.execute(context)["via"]
        return
    with pytest.raises(AirflowException, match="dashboard 9: "):
        operator.execute(context)
    assert context["ti"].pushed["return_value"]["tags"] == ["etl"]  # what was done is kept, to undo it


@pytest.mark.parametrize(
    "options", [{"dashboards": 0}, {"dashboards": []}, {"action": "ad"}, {"tags": " "}, {"tags": ["a", 3]}]
)
def test_bad_tagging_arguments_are_refused_before_the_connection_is_read(options: Any) -> None:
    arguments = {"dashboards": 1, "tags": ["etl"], **options}
    operator, hook, context = prepared(tags.PostHogBulkUpdateTagsOperator(task_id="t", **arguments))
    with pytest.raises(ValueError, match=r"."):
        operator.execute(context)
    assert hook.asked == []


# --- templates


def read(value: Any, **options: Any) -> Any:
    operator, _, context = prepared(template.PostHogCreateFromTemplateOperator(task_id="t", template=value, **options))
    return operator._read(context)


@pytest.mark.parametrize("ending", ["json", "yaml"])
def test_a_template_file_is_found_beside_the_dag_or_anywhere_and_its_jinja_is_rendered(
    tmp_path: Any, ending: str
) -> None:
    file = tmp_path / "boards" / f"kpis.{ending}"
    file.parent.mkdir()
    file.write_text(json.dumps(TEMPLATE))
    assert read(str(file))["template_name"] == "KPIs of 2026-06-01"
    assert read(f"file://{file}")["template_name"] == "KPIs of 2026-06-01"
    assert read(ObjectStoragePath(f"file://{file}"))["template_name"] == "KPIs of 2026-06-01"
    with DAG("d", template_searchpath=str(tmp_path)):
        assert read(f"boards/kpis.{ending}")["template_name"] == "KPIs of 2026-06-01"


def test_a_template_may_be_an_object_or_text_of_one() -> None:
    assert read(TEMPLATE) is TEMPLATE
    assert read(json.dumps(TEMPLATE))["tiles"] == TEMPLATE["tiles"]
    assert read("template_name: x\ntiles: []") == {"template_name": "x", "tiles": []}


def test_yaml_with_comments_and_blocks(tmp_path: Any) -> None:
    file = tmp_path / "kpis.yml"
    file.write_text("# ours\ntemplate_name: KPIs\ntiles:\n  - type: TEXT\n    body: |\n      ## {{ ds }}\n")
    assert read(str(file))["tiles"][0]["body"] == "## 2026-06-01"


@pytest.mark.parametrize(
    ("content", "name", "words"),
    [("{", "a.json", "not JSON"), ("a: [", "a.yaml", "not YAML"), ("x", "a.txt", "does not end in .json")],
)
def test_a_file_that_is_no_template_is_told_with_its_place(tmp_path: Any, content: str, name: str, words: str) -> None:
    file = tmp_path / name
    file.write_text(content)
    with pytest.raises(ValueError, match=f"{name}.*{words}"):
        read(str(file))


def test_a_missing_file_is_told(tmp_path: Any) -> None:
    with pytest.raises(AirflowException, match=r"missing\.json can't be read"):
        read(str(tmp_path / "missing.json"))


def test_jinja_in_a_template_object_is_rendered_and_file_names_inside_it_are_not_read() -> None:
    operator = template.PostHogCreateFromTemplateOperator(task_id="t", template=TEMPLATE, name="{{ ds }}")
    operator.render_template_fields({"ds": "2026-06-01"})
    assert operator.template["template_name"] == "KPIs of 2026-06-01"
    assert operator.template["tiles"][0]["body"] == "see notes.json"
    assert operator.name == "2026-06-01"


def test_a_flawed_template_is_refused_before_the_connection_is_read() -> None:
    operator, hook, context = prepared(
        template.PostHogCreateFromTemplateOperator(task_id="t", template={**TEMPLATE, "tiles": [{"type": "TEXT"}]})
    )
    with pytest.raises(TemplateError, match=r"tiles\[0\]\.body: is required"):
        operator.execute(context)
    assert hook.asked == []


# --- small writes


def test_what_came_of_it_is_returned_per_dashboard() -> None:
    change = BoardChange(dashboard_id=1, effect=Effect.ALREADY_SO, detail="Not deleted.")
    operator, _, context = prepared(
        dashboards.PostHogRestoreDashboardOperator(task_id="t", dashboards=1), BoardChanges(changes=[change])
    )
    assert operator.execute(context) == [
        {"dashboard_id": 1, "effect": "already_so", "detail": "Not deleted.", "tile_ids": []}
    ]


def test_one_failing_dashboard_fails_the_task_after_the_others_are_done() -> None:
    change = BoardChange(dashboard_id=1, effect=Effect.DONE, detail="Removed.")
    answer = BoardChanges(changes=[change], failed=[BoardFailure(dashboard_id=2, reason="503")])
    operator, _, context = prepared(dashboards.PostHogDeleteDashboardOperator(task_id="t", dashboards=[1, 2]), answer)
    with pytest.raises(AirflowException, match=r"1 of 2 dashboards failed, the others are done: dashboard 2: 503"):
        operator.execute(context)
    assert context["ti"].pushed["return_value"][0]["effect"] == "done"


@pytest.mark.parametrize(
    "operator",
    [
        tiles.PostHogTextTileOperator(task_id="t", dashboards=1, body=" "),
        tiles.PostHogTextTileOperator(task_id="t", dashboards="x", body="a"),
        tiles.PostHogCopyTileOperator(task_id="t", dashboard_id=1, from_dashboard_id="", tile_id=3),
        tiles.PostHogMoveTileOperator(task_id="t", dashboard_id=1, tile_id=-3, to_dashboard=2),
        tiles.PostHogReorderTilesOperator(task_id="t", dashboard_id=1, tile_order={"a": 1}),
        tiles.PostHogDeleteTileOperator(task_id="t", dashboard_id=None, tile_id=3),
        tiles.PostHogAddWidgetsOperator(task_id="t", dashboard_id=1, widgets=["x"]),
        dashboards.PostHogUpdateDashboardOperator(task_id="t", dashboards=1, fields={"nmae": "x"}),
        dashboards.PostHogDeleteDashboardOperator(task_id="t", dashboards={"colour": "x"}),
    ],
    ids=lambda operator: type(operator).__name__,
)
def test_bad_arguments_are_refused_before_the_connection_is_read(operator: Any) -> None:
    operator, hook, context = prepared(operator)
    with pytest.raises(ValueError, match=r"."):
        operator.execute(context)
    assert hook.asked == []
