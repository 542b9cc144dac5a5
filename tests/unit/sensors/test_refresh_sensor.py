"""The sensor beyond one process: its timeout and its count of faults go on over reschedules, deferrals and retries."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

try:
    from airflow.sdk.exceptions import AirflowRescheduleException, AirflowSkipException, TaskDeferred
except ImportError:  # Airflow 3.1
    from airflow.exceptions import (  # type: ignore[attr-defined, no-redef]
        AirflowRescheduleException,
        AirflowSkipException,
        TaskDeferred,
    )

from airflow_dashboards.compat import AirflowSensorTimeout
from airflow_dashboards.posthog import Dashboard, PostHogConnectionError, RateLimitError
from airflow_dashboards.posthog.flow import run
from airflow_dashboards.refresh.retention import prune
from airflow_dashboards.sensors.refresh import PostHogRefreshSensor

SINCE = "2026-06-01T06:00:00Z"
INSIGHT = {"id": 7, "short_id": "s", "name": "Sign-ups", "result": [], "query": {"kind": "InsightVizNode"}}
STALE = Dashboard.model_validate(
    {"id": 42, "tiles": [{"id": 1, "insight": {**INSIGHT, "last_refresh": "2026-06-01T05:00:00Z"}}]}
)
FRESH = Dashboard(id=42)
FAULT = PostHogConnectionError("Could not read dashboard 42: reset", sent=True)
THROTTLED = RateLimitError("Could not read dashboard 42: throttled", status=429, retry_after=1800.0)


class Store(dict[str, Any]):
    """Airflow's task state store, as far as the sensor uses it."""

    def set(self, key: str, value: Any) -> None:
        self[key] = value

    def delete(self, key: str) -> None:
        self.pop(key, None)


class BrokenStore(Store):
    def get(self, key: str, default: Any = None) -> Any:
        raise OSError("no storage")

    set = delete = get  # type: ignore[assignment]


class World:
    """What the processes of one task instance have in common."""

    def __init__(self, folder: Path, *, state_store: bool) -> None:
        self.answers: list[Any] = []
        self.folder = folder
        self.store = Store() if state_store else None
        self.patience: list[float] = []
        self.listing: Exception | None = None

    def hook(self) -> Any:
        driver: Any = SimpleNamespace(now=time.time, sleep=self.patience.append)
        flows = SimpleNamespace(dashboards=SimpleNamespace(get=self._get, list=self._list))
        return SimpleNamespace(run=lambda build: run(build(flows), driver), storage_root=lambda: self.folder)

    def _get(self, dashboard_id: int) -> Iterator[Any]:
        yield from ()
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _list(self, **_: Any) -> Iterator[Any]:
        yield from ()
        raise self.listing or AssertionError("nobody asked for a list")

    def sensor(self, **arguments: Any) -> PostHogRefreshSensor:
        """Return the sensor as a new process has it."""
        arguments = {"dashboards": 42, "fresher_than": SINCE, "deferrable": False, "timeout": 3600, **arguments}
        sensor = PostHogRefreshSensor(task_id="fresh", poke_interval=60, **arguments)
        sensor.__dict__["hook"] = self.hook()
        return sensor

    def context(self, *, started: float, try_number: int = 1, max_tries: int = 3) -> Any:
        ti = SimpleNamespace(
            dag_id="d", run_id="r", task_id="fresh", map_index=-1, try_number=try_number, max_tries=max_tries,
            start_date=datetime.fromtimestamp(started, tz=timezone.utc),
            # As a real one after a retry: Airflow has dropped the reschedules of the tries before.
            get_first_reschedule_date=lambda _: None,
        )  # fmt: skip
        return {"ti": ti, **({"task_state_store": self.store} if self.store is not None else {})}


@pytest.fixture(params=[True, False], ids=["state store", "files"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    return World(tmp_path, state_store=request.param)


def deadline(world: World, context: Any, **arguments: Any) -> float:
    """Let a deferrable sensor find the dashboard stale, and return until when it lets the triggerer wait."""
    world.answers = [STALE]
    with pytest.raises(TaskDeferred) as deferred:
        world.sensor(deferrable=True, **arguments).execute(context)
    return float(deferred.value.trigger.deadline)


def test_a_retry_of_a_deferred_sensor_goes_on_with_the_same_wait(world: World) -> None:
    now = time.time()
    first = deadline(world, world.context(started=now - 500))
    assert first == pytest.approx(now - 500 + 3600, abs=0.001)
    assert deadline(world, world.context(started=now, try_number=2)) == first


def test_whoever_clears_the_task_wants_a_wait_of_its_own(world: World) -> None:
    now = time.time()
    first = deadline(world, world.context(started=now - 500))
    assert deadline(world, world.context(started=now, try_number=2, max_tries=4)) == pytest.approx(first + 500)


def test_a_wait_that_ended_well_is_forgotten(world: World) -> None:
    now = time.time()
    deadline(world, world.context(started=now - 500))
    assert world.store or any(world.folder.rglob("*.json"))
    world.sensor(deferrable=True).resume(world.context(started=now - 500), {"status": "fresh"})
    assert not world.store
    assert not any(world.folder.rglob("*.json"))


def test_a_wait_that_failed_is_let_go_when_it_is_old(tmp_path: Path) -> None:
    world, now = World(tmp_path, state_store=False), datetime.now(timezone.utc)
    deadline(world, world.context(started=time.time()))
    assert str(prune(tmp_path, 30, now=now + timedelta(days=29))) == "nothing"
    assert str(prune(tmp_path, 30, now=now + timedelta(days=31))) == "1 file (1 of leftovers)"
    assert not any(tmp_path.rglob("*.json"))


def test_a_wait_that_goes_on_is_written_again_each_day(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    start, written = time.time(), []
    for hours in (0, 1, 23, 25, 26, 50):
        monkeypatch.setattr(time, "time", lambda hours=hours: start + hours * 3600)
        world.answers = [STALE]
        with pytest.raises(AirflowRescheduleException):
            world.sensor(mode="reschedule", timeout=timedelta(days=14)).execute(world.context(started=start))
        written.append((kept_at(world) - start) / 3600)
    assert written == pytest.approx([0, 0, 0, 25, 25, 50])


def kept_at(world: World) -> float:
    texts = list(world.store.values()) if world.store else [file.read_text() for file in world.folder.rglob("*.json")]
    return float(json.loads(*texts)["kept_at"])


def test_a_sensor_that_need_not_wait_keeps_nothing(world: World) -> None:
    world.answers = [FRESH]
    world.sensor(deferrable=True).execute(world.context(started=time.time()))
    assert not world.store
    assert not any(world.folder.rglob("*"))


@pytest.mark.parametrize("mode", ["poke", "reschedule"])
def test_a_retry_in_any_mode_times_out_with_the_first_try_and_names_the_tiles(world: World, mode: str) -> None:
    now = time.time()
    world.answers = [STALE]
    with pytest.raises(AirflowRescheduleException):
        world.sensor(mode="reschedule").execute(world.context(started=now - 3599))
    world.answers = [STALE]
    late = world.sensor(mode=mode, timeout=3500)
    with pytest.raises(AirflowSensorTimeout, match="Not fresh in time: dashboard 42: tile 'Sign-ups'"):
        late.execute(world.context(started=now, try_number=2))


def test_a_timeout_is_a_skip_for_a_soft_sensor(world: World) -> None:
    world.answers = [STALE]
    with pytest.raises(AirflowSkipException):
        world.sensor(mode="reschedule", soft_fail=True).execute(world.context(started=time.time() - 4000))


def rescheduled(world: World, answer: Any, **where: Any) -> None:
    """One poke of a rescheduled sensor, in a process of its own."""
    world.answers = [answer]
    with pytest.raises(AirflowRescheduleException):
        world.sensor(mode="reschedule").execute(world.context(started=time.time(), **where))


def failing(world: World, **where: Any) -> None:
    world.answers = [FAULT]
    with pytest.raises(PostHogConnectionError):
        world.sensor(mode="reschedule").execute(world.context(started=time.time(), **where))


def test_faults_in_a_row_are_counted_over_reschedules(world: World) -> None:
    for _ in range(5):
        rescheduled(world, FAULT)
    rescheduled(world, STALE)  # it answered: what comes now is another row
    for _ in range(5):
        rescheduled(world, FAULT)
    failing(world)
    for _ in range(5):  # the next try has a patience of its own
        rescheduled(world, FAULT, try_number=2)
    failing(world, try_number=2)


def test_a_spent_request_budget_is_no_fault(world: World) -> None:
    for _ in range(9):
        rescheduled(world, THROTTLED)


def test_a_selector_that_cant_be_resolved_is_a_look_that_failed(world: World) -> None:
    def poke() -> None:
        world.sensor(mode="reschedule", dashboards={"tags": ["etl"]}).execute(world.context(started=time.time()))

    world.listing = THROTTLED
    for _ in range(9):
        with pytest.raises(AirflowRescheduleException):
            poke()
    assert world.patience == []  # the slot is given back instead
    world.listing = FAULT
    for _ in range(5):
        with pytest.raises(AirflowRescheduleException):
            poke()
    with pytest.raises(PostHogConnectionError):
        poke()


def test_a_selector_waits_for_the_budget_as_long_as_the_sensor_may(world: World) -> None:
    world.listing = THROTTLED
    sensor = world.sensor(deferrable=True, dashboards={"tags": ["etl"]}, timeout=timedelta(minutes=100))
    now = time.time()
    ticks = iter(range(100))
    sensor.hook.run = lambda build: run(  # its waits take no time here, so the clock is moved with each
        build(SimpleNamespace(dashboards=SimpleNamespace(list=world._list))),
        SimpleNamespace(now=lambda: now + 1800.0 * next(ticks), sleep=world.patience.append),  # type: ignore[arg-type]
    )
    with pytest.raises(RateLimitError):
        sensor.execute(world.context(started=now))
    assert world.patience == [1800.0] * 2


def test_a_storage_that_fails_costs_no_more_than_the_memory(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.store = BrokenStore()
    world.answers = [STALE]
    with pytest.raises(AirflowRescheduleException):
        world.sensor(mode="reschedule").execute(world.context(started=time.time()))
    assert "the wait begins with this try: no storage" in caplog.text
    assert "can't be kept over a retry: no storage" in caplog.text
