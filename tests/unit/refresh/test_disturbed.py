"""Two hundred dashboards, disturbed at random on a virtual clock: the outcomes of a quiet run, and no kick too many.

The whole Airflow of it is in `tests/e2e/chaos`; here hundreds of crashes take seconds.
"""

from __future__ import annotations

import json
import random
from collections import Counter

import pytest

from airflow_dashboards.posthog import FlowClient, PostHogConnectionError, PostHogError
from airflow_dashboards.posthog.flow import Reply
from airflow_dashboards.refresh.batch import advance
from airflow_dashboards.refresh.ledger import Ledger
from airflow_dashboards.refresh.plan import PollState, RefreshOptions, Watch
from airflow_dashboards.refresh.poll import poll

HOST = "https://posthog.example.com"
OPTIONS = RefreshOptions(host=HOST)
DASHBOARDS = 200


class KilledError(BaseException):
    """What SIGKILL looks like from inside."""


class Disturbed:
    """Stands before the server, and now and then in the way."""

    def __init__(self, posthog, dice: random.Random) -> None:
        self.carry_out = posthog.send
        self.posthog = posthog
        self.dice = dice
        self.kicks: Counter[str] = Counter()
        self.happened: Counter[str] = Counter()
        #: How likely a request is hit; and how many more the same thing then happens to.
        self.rate, self.burst, self.what = 0.02, 0, ""

    def send(self, request) -> Reply:
        if not self.burst and self.dice.random() < self.rate:
            self.what = self.dice.choice(["503", "429", "reset", "lost", "cut", "slow", "killed", "killed after"])
            self.burst = 1 if self.what.startswith("killed") else self.dice.randint(1, 6)
        if not self.burst:
            return self._carry_out(request)
        self.burst -= 1
        self.happened[self.what] += 1
        return self._hit(request)

    def _hit(self, request) -> Reply:
        if self.what == "killed":
            raise KilledError
        if self.what == "503":
            return self.posthog._reply(request, 503, b"<html>busy</html>")
        if self.what == "429":
            return self.posthog._reply(request, 429, {"detail": "Request was throttled."}, **{"retry-after": "2"})
        if self.what == "reset":
            raise PostHogConnectionError("reset", sent=True)
        reply = self._carry_out(request)
        if self.what == "killed after":
            raise KilledError
        if self.what == "lost":
            raise PostHogConnectionError("reset", sent=True)
        if self.what == "cut":
            return Reply(reply.status, reply.headers, reply.content[:40], request)
        self.posthog.sleep(5)
        return reply

    def _carry_out(self, request) -> Reply:
        if request.params.get("refresh") == "force_async":
            self.kicks[request.path] += 1
        return self.carry_out(request)


def attempt(posthog, ids: list[int], kept: list[str], dice: random.Random) -> Ledger:
    """One try, as the deferrable operator and its trigger make it; the worker's memory ends with each deferral."""

    def rebuilt() -> Ledger:
        return Ledger.from_changes(ids, [change for line in kept for change in json.loads(line)])

    def journal(changes) -> None:
        kept.append(json.dumps(changes))

    flows = FlowClient(1, host=HOST)
    ledger, ready = rebuilt(), []
    ledger.inherit(deadline=posthog.time + OPTIONS.timeout)
    while (planned := posthog.run(advance(flows, ledger, OPTIONS, ready=ready, journal=journal))) is not None:
        watch, state = Watch.from_json(json.loads(json.dumps(planned.to_json()))), PollState()
        while not state.over:
            try:
                state = posthog.run(poll(flows, watch, state))
            except KilledError:
                state = PollState()  # the next triggerer looks anew
            if dice.random() < 0.02:
                state = PollState()
            posthog.sleep(state.wait)
        ledger, ready = rebuilt(), state.done
    return ledger


def outcomes(ledger: Ledger) -> list[tuple]:
    return [
        (each.dashboard_id, each.status, each.counts, [tile.id for tile in each.tiles]) for each in ledger.outcomes()
    ]


def prepare(posthog, tile) -> list[int]:
    for board in range(1, DASHBOARDS + 1):
        posthog.board(board, *(tile(board * 1000 + number, seconds=0.2) for number in range(4)))
    posthog.boards[1].tiles[0].broken = "No."
    posthog.warm()
    posthog.version = 1
    return list(range(1, DASHBOARDS + 1))


@pytest.mark.parametrize("seed", range(10))
def test_disturbed_runs_end_as_a_quiet_one(posthog, tile, seed):
    ids = prepare(posthog, tile)
    dice = random.Random(seed)
    disturbed = Disturbed(posthog, dice)
    posthog.send = disturbed.send
    kept: list[str] = []
    for _ in range(60):
        try:
            ledger = attempt(posthog, ids, kept, dice)
            break
        except (KilledError, PostHogError):
            posthog.sleep(dice.choice([1, 30]))
    else:
        pytest.fail(f"seed {seed}: not done after 60 tries ({dict(disturbed.happened)})")

    told = outcomes(ledger)
    assert [each[:2] for each in told if each[1].value != "refreshed"] == [(1, told[0][1])]
    assert (told[0][1].value, told[0][3]) == ("partial", [1000])
    assert [each[0] for each in told] == ids
    assert {path: count for path, count in disturbed.kicks.items() if count > 1} == {}, dict(disturbed.happened)
    assert sum(disturbed.happened.values()) > 5
