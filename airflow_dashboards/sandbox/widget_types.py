"""The kinds of widgets: their configuration, what they need, the catalog (contract 3.16 to 3.18)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from airflow_dashboards.sandbox import uncertain
from airflow_dashboards.sandbox.errors import forbidden, invalid
from airflow_dashboards.sandbox.fields import Choice, Field, Integer, Mapped, Object, Text
from airflow_dashboards.sandbox.settings import CLOUD_ONLY, SINCE_MAY, Build
from airflow_dashboards.sandbox.store import Widget

if TYPE_CHECKING:
    from airflow_dashboards.sandbox.call import Call

_DATE_FROM: Final = ("-1h", "-3h", "-24h", "-7d", "-14d", "-30d", "-90d")
_LIMIT: Final = Integer(minimum=1, maximum=25, default=10)
_DATE_RANGE: Final = Object({"date_from": Choice(_DATE_FROM, required=False)}, required=False)
_DISABLED: Final = "Dashboard widgets are not enabled for this project."


@dataclass(frozen=True, slots=True)
class WidgetType:
    """One kind of widget."""

    name: str
    group: str
    label: str
    description: str
    product: str
    scope: str
    fields: dict[str, Field]
    builds: frozenset[Build]

    def clean(self, config: Any) -> dict[str, Any]:
        """The configuration with its defaults.

        Raises:
            RefusalError: 400 with an attr that starts with `config`.
        """
        return dict(Object(self.fields).clean(config, (uncertain.WIDGET_CONFIG_ATTR,)))

    @property
    def refusal(self) -> str:
        """What one is told without access to the product."""
        return f"You do not have access to {self.product.replace('_', ' ')}."


def _direction() -> Choice:
    return Choice(("ASC", "DESC"), default="DESC")


def _simple(name: str, group: str, label: str, product: str) -> WidgetType:
    description = f"The newest {label.lower()}."
    return WidgetType(name, group, label, description, product, f"{product}:read", {"limit": _LIMIT}, CLOUD_ONLY)


_TYPES: Final = (
    WidgetType(
        "error_tracking_list",
        "error_tracking",
        "Error tracking issues",
        "The issues that matter most now.",
        "error_tracking",
        "error_tracking:read",
        {
            "limit": _LIMIT,
            "orderBy": Choice(("last_seen", "first_seen", "occurrences", "users", "sessions"), default="occurrences"),
            "orderDirection": _direction(),
            "status": Choice(
                ("archived", "active", "resolved", "pending_release", "suppressed", "all"), default="active"
            ),
            "dateRange": _DATE_RANGE,
        },
        SINCE_MAY,
    ),
    WidgetType(
        "session_replay_list",
        "session_replay",
        "Session recordings",
        "The newest recordings.",
        "session_replay",
        "session_recording:read",
        {
            "limit": _LIMIT,
            "orderBy": Choice(("start_time",), default="start_time"),
            "orderDirection": _direction(),
            "dateRange": _DATE_RANGE,
        },
        SINCE_MAY,
    ),
    _simple("activity_events_list", "activity", "Events", "query"),
    _simple("logs_list", "logs", "Logs", "logs"),
    _simple("experiments", "experiments", "Experiments", "experiment"),
    _simple("surveys", "surveys", "Surveys", "survey"),
)


def widget_types(build: Build) -> dict[str, WidgetType]:
    """The kinds a build knows, by name."""
    return {kind.name: kind for kind in _TYPES if build in kind.builds}


def require_widgets_enabled(call: Call, *, status: int) -> None:
    """Refuse where the project's flag is off: 403 to run them, 400 to make them."""
    if not call.instance.settings.widgets_enabled:
        raise forbidden(_DISABLED) if status == 403 else invalid(_DISABLED)


def check_widget(call: Call, data: Any, path: tuple[str, ...], extra: dict[str, Field] | None = None) -> dict[str, Any]:
    """A widget's `widget_type`, `config`, `name` and `description`, and what `extra` names.

    Raises:
        RefusalError: 400 for what does not fit.
    """
    kinds = widget_types(call.build)
    shape = Object(
        {
            "widget_type": Choice(tuple(kinds)),
            "config": Mapped(),
            "name": Text(max_length=400, blank=True, null=True, required=False, default=None),
            "description": Text(blank=True, default=""),
            **(extra or {}),
        }
    )
    values: dict[str, Any] = shape.clean(data, path)
    values["config"] = kinds[values["widget_type"]].clean(values["config"])
    return values


def new_widget(call: Call, values: dict[str, Any]) -> Widget:
    """Make the content of a widget tile."""
    widget = Widget(
        id=str(uuid4()),
        project_id=call.project.id,
        widget_type=values["widget_type"],
        name=values["name"],
        description=values["description"],
        config=values["config"],
        created_by=call.user.id,
        last_modified_by=None,
        last_modified_at=call.instance.clock.now(),
    )
    call.store.widgets[widget.id] = widget
    return widget
