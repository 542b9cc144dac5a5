"""The `rules` argument: wrong types when the DAG is parsed, wrong content when the task runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_dashboards.analysis import RuleBook, Rules, RulesError
from airflow_dashboards.operators.analyze_refresh import PostHogAnalyzeRefreshOperator
from airflow_dashboards.operators.rule_files import as_data, load

BOOK = RuleBook.parse({"default": {"max_drop": 0.3}, "overrides": [{"tag": "slow", "rules": {"max_drop": 0.9}}]})


@pytest.mark.parametrize("rules", [None, Rules(), Rules(max_drop=0.3), BOOK, {"max_drop": 0.3}])
def test_rules_survive_the_way_through_a_serialized_dag(rules):
    expected = RuleBook.parse(rules if rules is not None else {})
    assert load(as_data(rules), []) == expected


def test_a_file_is_read_on_the_worker_relative_to_the_dag(tmp_path):
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "kpis.yaml").write_text(
        "default: {max_drop: 0.3}\noverrides: [{tag: slow, rules: {max_drop: 0.9}}]"
    )
    for rules, folders in (
        ("rules/kpis.yaml", ["/nowhere", str(tmp_path)]),
        (tmp_path / "rules" / "kpis.yaml", ["/nowhere"]),
    ):
        assert load(as_data(rules), folders) == BOOK


def test_a_path_is_not_looked_for_when_the_dag_is_parsed():
    assert as_data("rules/kpis.yml") == "rules/kpis.yml"
    assert as_data(Path("rules/{{ params.team }}.yaml")) == "rules/{{ params.team }}.yaml"


@pytest.mark.parametrize(
    ("rules", "error", "message"),
    [
        (7, TypeError, "Rules, a RuleBook, a dict or the path of a YAML file, not int"),
        (["rules.yaml"], TypeError, "not list"),
        ("rules/kpis.json", ValueError, "must end with .yaml or .yml"),
        ({"max_drop": 3}, RulesError, r"max_drop: Input should be less than or equal to 1"),
    ],
)
def test_what_holds_no_rules_is_refused_when_the_dag_is_parsed(rules, error, message):
    with pytest.raises(error, match=message):
        PostHogAnalyzeRefreshOperator(task_id="analyze", before=[], rules=rules)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("default: {max_drop: 3}", r"kpis.yaml: rules.default.max_drop: Input should be less"),
        ("default: [", r"kpis.yaml: rules: not YAML"),
        ("- 1", r"kpis.yaml: rules: expected a mapping"),
        ("\udcff".encode("utf-8", "surrogateescape"), r"kpis.yaml: .*codec can't decode"),
    ],
)
def test_a_wrong_file_is_named_when_the_task_runs(tmp_path, text, message):
    path = tmp_path / "kpis.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(RulesError, match=message):
        load("kpis.yaml", [str(tmp_path)])


def test_a_missing_file_says_where_it_was_looked_for(tmp_path):
    with pytest.raises(RulesError, match=f"no file 'kpis.yaml'; looked for {tmp_path}/kpis.yaml. A path is relative"):
        load("kpis.yaml", [str(tmp_path)])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"narrator": "llm"}, "llm_conn_id go together"),
        ({"llm_conn_id": "llm_default"}, "llm_conn_id go together"),
        ({"narrator": "oracle"}, "narrator must be None or one of posthog, llm"),
        ({"fail_on": "always"}, "fail_on must be one of"),
    ],
)
def test_other_nonsense_is_refused_when_the_dag_is_parsed(arguments, message):
    with pytest.raises(ValueError, match=message):
        PostHogAnalyzeRefreshOperator(task_id="analyze", before=[], **arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"before": {"days_ago": 7}}, "must say of which dashboards"),
        ({"before": {"days_ago": -1}, "dashboards": 42}, "days_ago: Input should be greater than 0"),
    ],
)
def test_an_earlier_capture_that_can_not_be_meant_is_refused_when_the_dag_is_parsed(arguments, message):
    with pytest.raises(ValueError, match=message):
        PostHogAnalyzeRefreshOperator(task_id="analyze", **arguments)
    PostHogAnalyzeRefreshOperator(task_id="later", before={"at": "{{ prev_start_date_success }}"})
