"""Where the CPU time of our own tasks goes: their `execute` and `resume` under cProfile, added up by who spends it.

The clock is the process's CPU time, so that waiting counts as nothing. A profiler makes calls dearer than they are: it
is the shares that tell, not the seconds.
"""

from __future__ import annotations

import cProfile
import pstats
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

#: What a function's file or, for one written in C, its name contains; the first that fits.
PARTS = {
    "importing modules and building models": (
        "<frozen importlib",
        "<module>",
        "marshal",
        "/pydantic/",
        "/dataclasses.py",
    ),
    "storing (fsync, gzip)": (
        "fsync",
        "zlib",
        "/gzip.py",
        "/refresh/files.py",
        "/refresh/store.py",
        "/analysis/files.py",
    ),
    "reading answers": ("validate_json", "/posthog/large.py", "/json/"),
    "HTTP (httpx, httpcore, asyncio)": (
        *("/httpx/", "/httpcore/", "/h11/", "/anyio/", "/asyncio/", "/selectors.py", "_socket", "epoll"),
        *("/ssl.py", "_ssl."),
    ),
    "the rest of this provider": ("/airflow_dashboards/",),
    "the rest of Airflow": ("/airflow/", "/structlog/"),
}
OTHER = "other"

Function = tuple[str, int, str]


def profiled(cls: type, methods: tuple[str, ...], folder: Path) -> type:
    """A subclass whose methods leave their profiles in a folder."""

    def wrap(name: str) -> Callable[..., Any]:
        def method(self: Any, *arguments: Any, **more: Any) -> Any:
            profile = cProfile.Profile(time.process_time)
            try:
                return profile.runcall(getattr(super(made, self), name), *arguments, **more)
            finally:
                profile.dump_stats(folder / f"{self.task_id}.{name}.prof")

        return method

    made: type = type(cls.__name__, (cls,), {name: wrap(name) for name in methods})
    return made


def shares(folder: Path) -> dict[str, float]:
    """Which part of the CPU time each of `PARTS` has, the largest first.

    Raises:
        ValueError: there is no profile in the folder.
    """
    files = sorted(str(file) for file in folder.glob("*.prof"))
    if not files:
        raise ValueError(f"No profile in {folder}.")
    spent: dict[str, float] = {}
    for function, (_, _, own, _, callers) in pstats.Stats(*files).stats.items():  # type: ignore[attr-defined]
        named = part(function)
        if named != OTHER or not callers:
            spent[named] = spent.get(named, 0.0) + own
            continue
        # What belongs to nobody, such as `isinstance`, counts for those who call it.
        for caller, (_, _, there, _) in callers.items():
            spent[part(caller)] = spent.get(part(caller), 0.0) + there
    whole = sum(spent.values())
    return {name: each / whole for name, each in sorted(spent.items(), key=lambda pair: -pair[1])}


def part(function: Function) -> str:
    """Whose a function is.

    Example:
        >>> part(("/lib/httpx/_client.py", 1, "send")), part(("~", 0, "<built-in method posix.fsync>"))
        ('HTTP (httpx, httpcore, asyncio)', 'storing (fsync, gzip)')
    """
    file, _, name = function
    told = f"{file} {name}"
    return next((named for named, signs in PARTS.items() if any(sign in told for sign in signs)), OTHER)
