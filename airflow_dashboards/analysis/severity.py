"""How much a finding matters: the one noun of the analysis that a DAG file needs, apart from the rules."""

from __future__ import annotations

from enum import Enum


class Severity(str, Enum):
    """How much a finding matters."""

    INFO = "info"
    WARN = "warn"
    FAIL = "fail"
