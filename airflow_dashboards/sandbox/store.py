"""What the sandbox remembers: users, projects, dashboards and what hangs on them. Plain memory, lost on reset.

Not locked here: whoever uses it holds the instance's lock.
"""

from __future__ import annotations

import secrets
import string
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timezone
from enum import IntEnum
from itertools import count
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

if TYPE_CHECKING:
    from collections.abc import Iterator

_ALPHANUMERIC = string.ascii_letters + string.digits

RESTRICTION_EVERYONE = 21
RESTRICTION_COLLABORATORS = 37
CAN_VIEW = 21
CAN_EDIT = 37


class Level(IntEnum):
    """Access to a dashboard or insight (contract 1.5), lowest first."""

    NONE = 0
    VIEWER = 1
    EDITOR = 2
    MANAGER = 3

    @property
    def wire(self) -> str:
        """The level's name in answers."""
        return self.name.lower()


@dataclass(slots=True)
class Organization:
    """Owns projects."""

    id: str
    name: str


@dataclass(slots=True)
class Project:
    """A tenant: everything with a `project_id` belongs to one."""

    id: int
    name: str
    organization_id: str
    timezone: str = "UTC"


@dataclass(slots=True)
class User:
    """A person who logs in or owns a key. `admin` is an owner or admin of the organization."""

    id: int
    email: str
    password: str
    first_name: str
    organization_id: str
    current_project_id: int
    admin: bool
    uuid: str = field(default_factory=lambda: str(uuid4()))
    distinct_id: str = field(default_factory=lambda: secrets.token_urlsafe(16))

    def dump(self) -> dict[str, Any]:
        """The nine keys a user has inside other objects (contract 4.1)."""
        return {
            "id": self.id,
            "uuid": self.uuid,
            "distinct_id": self.distinct_id,
            "first_name": self.first_name,
            "last_name": "",
            "email": self.email,
            "is_email_verified": True,
            "hedgehog_config": None,
            "role_at_organization": "data",
        }


@dataclass(slots=True)
class Insight:
    """A saved query. `revision` moves with every change of what it computes."""

    id: int
    short_id: str
    project_id: int
    created_at: datetime
    created_by: int | None
    name: str | None = None
    derived_name: str | None = None
    description: str | None = ""
    query: dict[str, Any] | None = None
    filters: dict[str, Any] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    favorited: bool = False
    saved: bool = False
    is_sample: bool = False
    deleted: bool = False
    updated_at: datetime | None = None
    last_modified_at: datetime | None = None
    last_modified_by: int | None = None
    revision: int = 0


@dataclass(slots=True)
class TextCard:
    """The content of a text tile; a copied tile shares it."""

    id: int
    project_id: int
    body: str
    created_by: int | None
    last_modified_by: int | None
    last_modified_at: datetime


@dataclass(slots=True)
class Button:
    """The content of a button tile."""

    id: int
    project_id: int
    url: str
    text: str
    placement: str
    style: str
    created_by: int | None
    last_modified_by: int | None
    last_modified_at: datetime


@dataclass(slots=True)
class Widget:
    """The content of a widget tile."""

    id: str
    project_id: int
    widget_type: str
    name: str | None
    description: str
    config: dict[str, Any]
    created_by: int | None
    last_modified_by: int | None
    last_modified_at: datetime


@dataclass(slots=True)
class Tile:
    """A place on a dashboard, filled by exactly one of insight, text, button and widget."""

    id: int
    dashboard_id: int
    insight_id: int | None = None
    text_id: int | None = None
    button_id: int | None = None
    widget_id: str | None = None
    layouts: dict[str, Any] = field(default_factory=dict)
    color: str | None = None
    filters_overrides: dict[str, Any] = field(default_factory=dict)
    show_description: bool | None = None
    transparent_background: bool | None = None
    deleted: bool | None = None
    revision: int = 0


@dataclass(slots=True)
class Dashboard:
    """A dashboard. `revision` moves with every change of its filters or variables."""

    id: int
    project_id: int
    created_at: datetime
    created_by: int | None
    name: str | None = None
    description: str = ""
    pinned: bool = False
    last_accessed_at: datetime | None = None
    last_viewed_at: datetime | None = None
    last_refresh: datetime | None = None
    deleted: bool = False
    creation_mode: str = "default"
    filters: dict[str, Any] = field(default_factory=dict)
    variables: dict[str, Any] = field(default_factory=dict)
    breakdown_colors: list[Any] | None = field(default_factory=list)
    data_color_theme_id: int | None = None
    tags: list[str] = field(default_factory=list)
    restriction_level: int = RESTRICTION_EVERYONE
    quick_filter_ids: list[str] = field(default_factory=list)
    folder: str | None = None
    revision: int = 0


@dataclass(slots=True)
class Theme:
    """A data colour theme; a global one belongs to no project."""

    id: int
    project_id: int | None
    name: str
    colors: Any
    created_at: datetime
    created_by: int | None


class Store:
    """All objects of the instance, with the few indexes that answers need."""

    def __init__(self) -> None:
        self._ids: dict[str, count[int]] = defaultdict(lambda: count(1))
        self.organizations: dict[str, Organization] = {}
        self.projects: dict[int, Project] = {}
        self.users: dict[int, User] = {}
        self.dashboards: dict[int, Dashboard] = {}
        self.insights: dict[int, Insight] = {}
        self.insight_ids: dict[str, int] = {}
        self.texts: dict[int, TextCard] = {}
        self.buttons: dict[int, Button] = {}
        self.widgets: dict[str, Widget] = {}
        self.tiles: dict[int, Tile] = {}
        self.themes: dict[int, Theme] = {}
        self.annotations: dict[int, dict[str, Any]] = {}
        #: (kind, id, user or None for everyone) -> level, set over the control interface.
        self.access: dict[tuple[str, int, int | None], Level] = {}
        self._tiles_of_dashboard: dict[int, list[Tile]] = defaultdict(list)
        self._tiles_of_insight: dict[int, list[Tile]] = defaultdict(list)
        self._tiles_of_text: dict[int, list[Tile]] = defaultdict(list)

    def new_id(self, kind: str) -> int:
        """The next id of a kind, from 1."""
        return next(self._ids[kind])

    def add_insight(self, insight: Insight) -> Insight:
        """Remember an insight."""
        self.insights[insight.id] = insight
        self.insight_ids[insight.short_id] = insight.id
        return insight

    def add_tile(self, tile: Tile) -> Tile:
        """Remember a tile."""
        self.tiles[tile.id] = tile
        self._tiles_of_dashboard[tile.dashboard_id].append(tile)
        if tile.insight_id is not None:
            self._tiles_of_insight[tile.insight_id].append(tile)
        if tile.text_id is not None:
            self._tiles_of_text[tile.text_id].append(tile)
        return tile

    def place_tile(self, tile: Tile, dashboard_id: int) -> None:
        """Take a tile from its dashboard to another."""
        self._tiles_of_dashboard[tile.dashboard_id].remove(tile)
        tile.dashboard_id = dashboard_id
        self._tiles_of_dashboard[dashboard_id].append(tile)

    def own_text(self, tile: Tile, text: TextCard) -> None:
        """Give a text tile another text."""
        if tile.text_id is not None:
            self._tiles_of_text[tile.text_id].remove(tile)
        self.texts[text.id] = text
        tile.text_id = text.id
        self._tiles_of_text[text.id].append(tile)

    def purge_tile(self, tile: Tile) -> None:
        """Forget a tile altogether."""
        del self.tiles[tile.id]
        self._tiles_of_dashboard[tile.dashboard_id].remove(tile)
        if tile.insight_id is not None:
            self._tiles_of_insight[tile.insight_id].remove(tile)
        if tile.text_id is not None:
            self._tiles_of_text[tile.text_id].remove(tile)

    def purge_dashboard(self, dashboard_id: int) -> None:
        """Forget a dashboard and its tiles altogether."""
        for tile in self.all_tiles(dashboard_id):
            self.purge_tile(tile)
        del self.dashboards[dashboard_id]

    def all_tiles(self, dashboard_id: int) -> list[Tile]:
        """Every tile of a dashboard, deleted ones too."""
        return list(self._tiles_of_dashboard.get(dashboard_id, ()))

    def live_tiles(self, dashboard_id: int) -> list[Tile]:
        """The tiles a dashboard shows: not deleted, and not of a deleted insight."""
        return [tile for tile in self._tiles_of_dashboard.get(dashboard_id, ()) if self._shown(tile)]

    def _shown(self, tile: Tile) -> bool:
        return not tile.deleted and (tile.insight_id is None or not self.insights[tile.insight_id].deleted)

    def insight_tiles(self, insight_id: int) -> list[Tile]:
        """The live tiles of an insight, on live dashboards."""
        tiles = self._tiles_of_insight.get(insight_id, ())
        return [tile for tile in tiles if not tile.deleted and not self.dashboards[tile.dashboard_id].deleted]

    def text_tiles(self, text_id: int) -> list[Tile]:
        """Every tile that shows a text."""
        return list(self._tiles_of_text.get(text_id, ()))

    def project_dashboards(self, project_id: int) -> Iterator[Dashboard]:
        """The live dashboards of a project, in order of creation."""
        return (item for item in self.dashboards.values() if item.project_id == project_id and not item.deleted)

    def level(self, kind: str, key: int, user: User, creator: int | None) -> Level:
        """What a user may do with a dashboard or insight: what was set, else what the membership gives."""
        for who in (user.id, None):
            if (level := self.access.get((kind, key, who))) is not None:
                return level
        return Level.MANAGER if user.admin or user.id == creator else Level.EDITOR


def new_short_id() -> str:
    """An insight's eight characters."""
    return "".join(secrets.choice(_ALPHANUMERIC) for _ in range(8))


def standard_content() -> Store:
    """The content after an empty reset (design section 5).

    Beside what the design names there are a plain member of the first organization, who is no admin, and the owner
    of the other one, both with the password `sandbox`; and the global colour theme, which nobody may change.
    """
    store = Store()
    first = Organization(str(UUID(int=0x0190_0000_0000_7000_8000_0000_0000_0001)), "Sandbox")
    other = Organization(str(UUID(int=0x0190_0000_0000_7000_8000_0000_0000_0002)), "Other sandbox")
    store.organizations = {first.id: first, other.id: other}
    for project in (
        Project(1, "Shop", first.id),
        Project(2, "Second project", first.id),
        Project(3, "Elsewhere", other.id),
    ):
        store.projects[project.id] = project
    for user in (
        User(7, "owner@example.com", "sandbox", "Owner", first.id, current_project_id=1, admin=True),
        User(8, "member@example.com", "sandbox", "Member", first.id, current_project_id=1, admin=False),
        User(9, "outsider@example.com", "sandbox", "Outsider", other.id, current_project_id=3, admin=True),
    ):
        store.users[user.id] = user
    palette = ["#1d4aff", "#621da6", "#42827e", "#ce0e74", "#f14f58"]
    installed = datetime(2024, 11, 1, tzinfo=timezone.utc)
    standard = Theme(store.new_id("theme"), None, "Default Theme", palette, installed, created_by=None)
    store.themes[standard.id] = standard
    return store
