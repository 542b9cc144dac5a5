"""The closed vocabularies of requests: values PostHog would otherwise misread in silence."""

from __future__ import annotations

from enum import Enum


class Refresh(str, Enum):
    """How far a read may or must calculate (contract 5.1). PostHog takes any other word as `force_cache`."""

    FORCE_CACHE = "force_cache"  # never calculates; stale or missing results are as they are
    BLOCKING = "blocking"  # calculates what the cache holds to be stale
    FORCE_BLOCKING = "force_blocking"  # calculates everything, inside this request
    ASYNC = "async"  # enqueues what is stale, answers what there is
    LAZY_ASYNC = "lazy_async"  # as async, with laxer staleness
    FORCE_ASYNC = "force_async"  # enqueues everything, answers at once without results

    @property
    def calculates_in_request(self) -> bool:
        """Whether the answer waits for calculations, so that giving up on it does not end them."""
        return self in {Refresh.BLOCKING, Refresh.FORCE_BLOCKING}

    @property
    def harmless_twice(self) -> bool:
        """Whether asking again costs nothing. A second `force_async` enqueues all of it anew."""
        return self is not Refresh.FORCE_ASYNC


class TagAction(str, Enum):
    """What to do with the given tags (contract 3.19)."""

    ADD = "add"
    REMOVE = "remove"
    SET = "set"


class CreationMode(str, Enum):
    """How a dashboard came to be; `unlisted` ones are listed only when asked for (contract 3.1)."""

    DEFAULT = "default"
    TEMPLATE = "template"
    DUPLICATE = "duplicate"
    UNLISTED = "unlisted"


class OutputFormat(str, Enum):
    """Shape of the results of `run_insights`: `optimized` is text for language models (contract 3.15)."""

    JSON = "json"
    OPTIMIZED = "optimized"


class TileArrangement(str, Enum):
    """How `reorder_tiles` places tiles (contract 3.12)."""

    PRESERVE = "preserve"
    TWO_COLUMN = "two_column"
    FULL_WIDTH = "full_width"


class LayoutSize(str, Enum):
    """Which breakpoint orders a tile stream (contract 3.9)."""

    SM = "sm"
    XS = "xs"


class AnnotationScope(str, Enum):
    """Where an annotation shows (contract 3.23)."""

    PROJECT = "project"
    ORGANIZATION = "organization"
    DASHBOARD = "dashboard"
    INSIGHT = "dashboard_item"


class Unset(Enum):
    """Type of `UNSET`, which stands for 'not given' where None has a meaning of its own."""

    UNSET = "unset"

    def __repr__(self) -> str:
        return "UNSET"


#: Leave this field as it is.
UNSET = Unset.UNSET
