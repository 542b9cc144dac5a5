"""What the ledger keeps stays small enough for where it is kept."""

from __future__ import annotations

import json

import pytest

from airflow_dashboards.refresh.ledger import MAX_FAILURES_BYTES, Ledger
from airflow_dashboards.refresh.outcome import MAX_MESSAGE
from airflow_dashboards.refresh.plan import Kick, Strategy

#: What Airflow's REST API takes as one value of the task state store.
REFUSED = 64 * 1024


def kicked(failures: dict[int, str], **facts) -> Kick:
    return Kick(
        dashboard_id=1,
        strategy=Strategy.FORCE_ASYNC,
        since=1.0,
        kicked_at=2.0,
        deadline=3.0,
        failures=failures,
        **facts,
    )


def kept(kick: Kick) -> tuple[Kick, int]:
    """Return what the ledger made of a kick, as a retry reads it, and the bytes it took."""
    ledger = Ledger([1])
    ledger.kicked(kick)
    changes = json.dumps(ledger.changes())
    return Ledger.from_changes([1], json.loads(changes)).in_flight()[0], len(changes)


def test_a_short_message_is_kept_as_it_is():
    failures = {7: "Unknown table", 8: "é" * MAX_MESSAGE}
    assert kept(kicked(failures))[0].failures == failures


def test_a_long_message_is_cut():
    message = kept(kicked({7: "x" * 1500}))[0].failures[7]
    assert message == "x" * (MAX_MESSAGE - 1) + "…"


@pytest.mark.parametrize("count", [60, 200, 300])
@pytest.mark.parametrize("letter", ["x", "é", '"', "\U0001f525", "\x00"])
def test_many_long_messages_share_the_room(count, letter):
    """All tiles stay known as failed: else each would be asked about again."""
    pending = [f"cache_1_{n:064}" for n in range(200)]
    found, size = kept(kicked(dict.fromkeys(range(count), letter * 1500), pending=pending))
    assert list(found.failures) == list(range(count))
    assert all(message[0] == letter and message[-1] == "…" for message in found.failures.values())
    assert sum(len(json.dumps(each)) for each in found.failures.values()) <= MAX_FAILURES_BYTES
    assert size < REFUSED


def test_short_messages_leave_their_room_to_long_ones():
    found = kept(kicked({**dict.fromkeys(range(200), "No."), 500: "x" * 390}))[0]
    assert found.failures[500] == "x" * 390


def test_of_very_many_the_reason_is_still_told():
    """A refusal for the moment has to be known as one after a crash too (contract 4.6)."""
    found, size = kept(kicked(dict.fromkeys(range(600), "concurrency_limit_exceeded")))
    assert set(found.failures.values()) == {"concurrency_limit_exceeded"}
    assert size < REFUSED
