"""What can be switched while the sandbox runs (design section 5, `GET`/`PATCH /_sandbox/settings`)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import Enum
from typing import Any


class Build(str, Enum):
    """The three PostHog builds of the contract (0.2), in their order of release."""

    APRIL = "2026-04"
    MAY = "2026-05"
    CLOUD = "cloud"


ALL_BUILDS = frozenset(Build)
APRIL_ONLY = frozenset({Build.APRIL})
UNTIL_MAY = frozenset({Build.APRIL, Build.MAY})
SINCE_MAY = frozenset({Build.MAY, Build.CLOUD})
CLOUD_ONLY = frozenset({Build.CLOUD})


class AI(str, Enum):
    """How the stand-in for PostHog's language model behaves."""

    OK = "ok"
    FAILING = "failing"


@dataclass
class Settings:
    """The sandbox's switches.

    Beside those of the design: `paid_features` (writing an own colour theme needs a paid plan, contract 3.22) and
    `dashboard_limit` (402 in `cloud` at so many dashboards in a project, contract 3.3; None for no limit).

    Attributes:
        rate_limits_enabled: Off by default, as on a self-hosted instance, so that a test is throttled only when it
            asks to be. Cloud has it on: switch it on to see what Cloud does.
        tile_seconds: Real seconds that computing one tile takes at least.
        workers: How many tiles compute at once, whoever asked: this is the instance's whole computing power.
    """

    build: Build = Build.CLOUD
    ai_consent: bool = True
    ai: AI = AI.OK
    widgets_enabled: bool = True
    rate_limits_enabled: bool = False
    tile_seconds: float = 0.05
    workers: int = 4
    paid_features: bool = True
    dashboard_limit: int | None = 500

    def dump(self) -> dict[str, Any]:
        """The settings as JSON-able values."""
        return {name: value.value if isinstance(value, Enum) else value for name, value in asdict(self).items()}

    def update(self, changes: dict[str, Any]) -> None:
        """Take over changed values, all or none.

        Raises:
            ValueError: an unknown name or a value of the wrong kind; the message says which and what is allowed.
        """
        checked = {name: _check(name, value) for name, value in changes.items()}
        for name, value in checked.items():
            setattr(self, name, value)


def _check(name: str, value: Any) -> Any:
    if name in ("build", "ai"):
        kind: type[Enum] = Build if name == "build" else AI
        try:
            return kind(value)
        except ValueError:
            raise ValueError(f"{name}: {value!r} is not one of {[member.value for member in kind]}") from None
    if name in ("ai_consent", "widgets_enabled", "rate_limits_enabled", "paid_features"):
        if not isinstance(value, bool):
            raise ValueError(f"{name}: true or false expected, got {value!r}")
        return value
    if name == "tile_seconds":
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 3600:
            raise ValueError(f"tile_seconds: a number of seconds from 0 to 3600 expected, got {value!r}")
        return float(value)
    if name == "workers":
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 256:
            raise ValueError(f"workers: a whole number from 1 to 256 expected, got {value!r}")
        return value
    if name == "dashboard_limit":
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
            raise ValueError(f"dashboard_limit: a whole number or null expected, got {value!r}")
        return value
    known = ", ".join(asdict(Settings()))
    raise ValueError(f"{name}: no such setting; there are {known}")
