"""The threads that compute tiles. Their number is the instance's whole computing power."""

from __future__ import annotations

import threading
from collections import deque
from typing import Protocol


class Job(Protocol):
    """Something to compute."""

    def run(self) -> None:
        """Do it; must not raise."""

    def abandon(self) -> None:
        """It will never be done."""


class Workers:
    """A pool that can be resized while it works. Threads start when the first job comes."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._jobs: deque[Job] = deque()
        self._changed = threading.Condition()
        self._threads: set[threading.Thread] = set()
        self._closing = threading.Event()
        self._dropped = threading.Event()

    def submit(self, job: Job, *, urgent: bool = False) -> None:
        """Queue a job; an urgent one (somebody waits for it) goes first."""
        with self._changed:
            if self._closing.is_set():
                job.abandon()
                return
            if urgent:
                self._jobs.appendleft(job)
            else:
                self._jobs.append(job)
            if len(self._threads) < self._size:
                self._start_thread()
            self._changed.notify()

    def resize(self, size: int) -> None:
        """Change the number of threads; those too many end after their job."""
        with self._changed:
            self._size = size
            for _ in range(min(len(self._jobs), size - len(self._threads))):
                self._start_thread()
            self._changed.notify_all()

    def clear(self) -> None:
        """Drop what is queued; what runs goes on, without its pauses."""
        with self._changed:
            dropped = list(self._jobs)
            self._jobs.clear()
            self._dropped.set()
            self._dropped = threading.Event()
        for job in dropped:
            job.abandon()

    def pause(self, seconds: float) -> None:
        """Sleep inside a job, ended early by `clear` and `close`."""
        dropped = self._dropped
        if seconds > 0 and not self._closing.is_set():
            dropped.wait(seconds)

    def close(self) -> None:
        """End all threads."""
        self._closing.set()
        self.clear()
        with self._changed:
            self._changed.notify_all()
            threads = list(self._threads)
        for thread in threads:
            thread.join(timeout=10)

    def _start_thread(self) -> None:
        thread = threading.Thread(target=self._work, name="sandbox-worker", daemon=True)
        self._threads.add(thread)
        thread.start()

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._jobs and not self._closing.is_set() and len(self._threads) <= self._size:
                    self._changed.wait()
                if self._closing.is_set() or len(self._threads) > self._size:
                    self._threads.discard(threading.current_thread())
                    return
                job = self._jobs.popleft()
            job.run()
