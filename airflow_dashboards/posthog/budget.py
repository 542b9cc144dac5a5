"""How many requests a personal API key may still send (contract 2.3). Sans-I/O: says how long to wait, never waits."""

from __future__ import annotations

import hashlib
import math
import threading
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_dashboards.posthog.credentials import Credential


@dataclass(frozen=True, slots=True)
class Window:
    """At most `limit` requests within any `seconds`."""

    limit: int
    seconds: float


#: Seconds added to each window: the server counts a request when it arrives, a little after it was sent.
MARGIN = 0.5
#: PostHog's limits per class of endpoints and key.
LIMITS: Mapping[str, tuple[Window, ...]] = {
    "dashboards": (Window(480, 60), Window(4800, 3600)),
    "insights": (Window(240, 60), Window(1200, 3600)),
    "query": (Window(240, 60), Window(1200, 3600)),
}


class _Bucket:
    def __init__(self, windows: Sequence[Window]) -> None:
        # One log per window, each as long as its limit: the oldest entry is the one that has to leave.
        self.logs = [(window, deque[float](maxlen=window.limit)) for window in windows]
        self.blocked_until = -math.inf

    def next_slot(self, now: float) -> float:
        slot = max(now, self.blocked_until)
        for window, log in self.logs:
            if log:
                slot = max(slot, log[-1])
            if len(log) == window.limit:
                slot = max(slot, log[0] + window.seconds + MARGIN)
        return slot

    def book(self, slot: float) -> None:
        for _, log in self.logs:
            log.append(slot)


class Budget:
    """Sliding windows per endpoint class, shared by every client of this process that uses the same key.

    Thread-safe. Sessions and OAuth tokens are not limited; clients with such a credential ignore their budget.

    Example:
        >>> budget = Budget({"dashboards": [Window(1, 60)]})
        >>> budget.reserve("dashboards", now=0.0), budget.reserve("dashboards", now=0.0)
        (0.0, 60.5)
    """

    def __init__(self, limits: Mapping[str, Sequence[Window]] = LIMITS) -> None:
        self._buckets = {name: _Bucket(windows) for name, windows in limits.items()}
        # Re-entrant: a signal handler, such as Airflow's `on_kill`, sends requests while this thread may hold it.
        self._lock = threading.RLock()

    def reserve(self, bucket: str, now: float, *, patience: float = math.inf) -> float:
        """Book the next free slot and return the seconds until it.

        Args:
            bucket: Class of the endpoint; one that has no limits costs no wait.
            now: The caller's clock, in seconds.
            patience: The longest wait the caller accepts. If it takes longer, nothing is booked.
        """
        with self._lock:
            found = self._buckets.get(bucket)
            if found is None:
                return 0.0
            slot = found.next_slot(now)
            wait = slot - now
            if wait <= patience:
                found.book(slot)
            return wait

    def note_throttled(self, bucket: str, until: float) -> None:
        """PostHog said no: nobody sends to this class before `until`. Other processes use the key too."""
        with self._lock:
            found = self._buckets.get(bucket)
            if found is not None:
                found.blocked_until = max(found.blocked_until, until)


_shared: dict[str, Budget] = {}
_shared_lock = threading.RLock()


def shared_budget(host: str, credential: Credential, limits: Mapping[str, Sequence[Window]] = LIMITS) -> Budget:
    """The one budget of this process for a credential on a host, and for this share of its limits.

    Example:
        >>> client = Client(host, 7, key, budget=shared_budget(host, key))
    """
    secrets = (secret.get_secret_value() for secret in credential.secrets)
    identity = "\0".join([host, credential.kind.value, repr(sorted(limits.items())), *secrets])
    fingerprint = hashlib.sha256(identity.encode()).hexdigest()
    with _shared_lock:
        return _shared.setdefault(fingerprint, Budget(limits))
