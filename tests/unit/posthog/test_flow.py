"""Flows and their two drivers: whatever one does, the other does."""

from __future__ import annotations

import asyncio

import pytest

from airflow_dashboards.posthog import Flow, Gather, Now, PostHogConnectionError, Request, Send, Sleep

GET = Request("GET", "/api/x/")


def both(world, answers, make_flow):
    """Run a flow on both drivers; their results and traces must be equal."""
    outcomes = []
    sync, nonsync = world.Script(*answers), world.AsyncScript(*answers)
    for script, go in ((sync, sync.run), (nonsync, lambda flow: asyncio.run(nonsync.arun(flow)))):
        try:
            outcomes.append(("returned", go(make_flow())))
        except Exception as error:
            outcomes.append(("raised", type(error), str(error)))
        outcomes[-1] += (script.requests, script.slept)
    assert outcomes[0] == outcomes[1]
    return outcomes[0]


def test_steps_resume_with_their_outcome(world):
    def flow() -> Flow[tuple[int, float, None]]:
        first = yield Send(GET)
        waited = yield Sleep(1.5)
        now = yield Now()
        return first.status, now, waited

    assert both(world, [world.reply(204)], flow)[:2] == ("returned", (204, 1_000_001.5, None))


def test_a_flow_may_catch_what_its_driver_raises(world):
    def flow() -> Flow[str]:
        try:
            yield Send(GET)
        except PostHogConnectionError as error:
            return f"caught {error}"
        return "not caught"

    assert both(world, [PostHogConnectionError("gone", sent=True)], flow)[1] == "caught gone"


def test_what_a_flow_does_not_catch_reaches_the_caller(world):
    def flow() -> Flow[None]:
        yield Send(GET)

    assert both(world, [PostHogConnectionError("gone", sent=True)], flow)[:2] == ("raised", PostHogConnectionError)


def test_gather_keeps_order_and_puts_exceptions_in_their_place(world):
    def child(number: int) -> Flow[int]:
        if number == 2:
            raise ValueError("two")
        yield Sleep(float(number))
        return number * 10

    def flow() -> Flow[list[object]]:
        return (yield Gather([child(n) for n in (1, 2, 3)], limit=2))

    kind, result, *_ = both(world, [], lambda: _as_text(flow()))
    assert (kind, result) == ("returned", ["10", "two", "30"])


def _as_text(flow):
    return [str(item) for item in (yield from flow)]


def test_gather_works_on_at_most_limit_flows_at_once(world):
    running, most = 0, 0

    def child() -> Flow[None]:
        nonlocal running, most
        running += 1
        most = max(most, running)
        yield Sleep(0)
        running -= 1

    def flow() -> Flow[object]:
        return (yield Gather([child() for _ in range(9)], limit=3))

    class Yielding(world.AsyncScript):
        async def sleep(self, seconds):
            await asyncio.sleep(0)

    asyncio.run(Yielding().arun(flow()))
    assert most == 3


def test_a_flow_is_closed_when_its_driver_is_cancelled(world):
    closed = []

    def flow() -> Flow[None]:
        try:
            yield Sleep(1)
        finally:
            closed.append(True)

    class Stuck(world.AsyncScript):
        async def sleep(self, seconds):
            await asyncio.Event().wait()

    async def cancelled() -> None:
        task = asyncio.create_task(Stuck().arun(flow()))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    assert closed == [True]
