"""How `PostHogRefreshGroup` wires itself around whatever is declared inside."""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, TaskGroup, task

from airflow_dashboards import PostHogRefreshGroup


@task
def work() -> None: ...


def wired(declare: Any) -> dict[str, set[str]]:
    """Return the tasks before each task of a group with those that `declare` declares, without the group's name."""
    with DAG("wiring", schedule=None) as dag, PostHogRefreshGroup("kpis", dashboards=1):
        declare()
    return {
        each.task_id.removeprefix("kpis."): {name.removeprefix("kpis.") for name in each.upstream_task_ids}
        for each in dag.tasks
    }


def test_the_snapshot_comes_before_the_first_tasks_and_the_refresh_after_the_last() -> None:
    def declare() -> None:
        work.override(task_id="a")() >> [work.override(task_id="b")(), work.override(task_id="c")()]

    before = wired(declare)
    assert before["a"] == {"snapshot"}
    assert before["refresh"] == {"b", "c"}
    assert before["analyze"] == {"snapshot", "refresh"}


def test_an_empty_group_refreshes_after_its_snapshot() -> None:
    assert wired(lambda: None)["refresh"] == {"snapshot"}


def test_the_refresh_waits_for_the_work_and_never_for_a_teardown() -> None:
    """A teardown succeeds after a load that has failed: behind it, the refresh would announce broken data."""

    def declare() -> None:
        make = work.override(task_id="make")().as_setup()
        make >> work.override(task_id="load")() >> work.override(task_id="drop")().as_teardown(setups=make)

    before = wired(declare)
    assert before["refresh"] == {"load"}
    assert before["make"] == {"snapshot"}
    assert before["drop"] == {"load", "make"}


def test_work_behind_a_teardown_is_waited_for_too() -> None:
    def declare() -> None:
        drop = work.override(task_id="drop")().as_teardown()
        work.override(task_id="load")() >> drop >> work.override(task_id="tell")()

    assert wired(declare)["refresh"] == {"load", "tell"}


def test_a_group_inside_counts_by_its_own_first_and_last_tasks() -> None:
    def declare() -> None:
        with TaskGroup("marts"):
            work.override(task_id="one")() >> work.override(task_id="two")()

    before = wired(declare)
    assert before["marts.one"] == {"snapshot"}
    assert before["refresh"] == {"marts.two"}
