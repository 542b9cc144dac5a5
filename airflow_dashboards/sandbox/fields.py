"""Declarative validators that fail as Django REST framework does: one error, first field first (contract 2.1).

Example:
    >>> body = Object({"tile_id": Integer(), "color": Text(max_length=400, blank=True, null=True, required=False)})
    >>> body.clean({"tile_id": "7"})
    {'tile_id': 7}
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any, Final
from uuid import UUID

from airflow_dashboards.sandbox.errors import RefusalError, invalid

Path = tuple[str, ...]
_ABSENT: Final = object()
_TRUE = {"t", "y", "yes", "true", "on", "1"}
_FALSE = {"f", "n", "no", "false", "off", "0"}


class FormData(dict[str, Any]):
    """A form-encoded body: the last value of each name, all of them by `all`."""

    def __init__(self, values: Mapping[str, list[str]]) -> None:
        super().__init__({name: texts[-1] for name, texts in values.items()})
        self._values = values

    def all(self, name: str) -> list[str]:
        """Every value sent under a name."""
        return list(self._values[name])


def refuse(detail: str, code: str, path: Path) -> RefusalError:
    """A validation error at a path: `("tile", "id")` becomes attr `tile__id`."""
    return invalid(detail, code=code, attr="__".join(path) or None)


class Field:
    """A value of any kind. `null` and `required` as in Django REST framework."""

    def __init__(self, *, required: bool = True, null: bool = False, default: Any = _ABSENT) -> None:
        self.required = required and default is _ABSENT
        self.null = null
        self.default = default

    def clean(self, value: Any, path: Path = ()) -> Any:
        """The accepted value.

        Raises:
            RefusalError: 400 with the code, detail and attr of the first thing that is wrong.
        """
        if value is None:
            if self.null:
                return None
            raise refuse("This field may not be null.", "null", path)
        return self.check(value, path)

    def check(self, value: Any, path: Path) -> Any:
        """Judge a value that is not null."""
        return value


class Json(Field):
    """Any JSON."""


class Integer(Field):
    """A whole number, or a text that is one."""

    def __init__(self, *, minimum: int | None = None, maximum: int | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.minimum = minimum
        self.maximum = maximum

    def check(self, value: Any, path: Path) -> int:
        """Judge a value that is not null."""
        text = re.sub(r"\.0*\s*$", "", str(value)).strip()
        if isinstance(value, bool) or not re.fullmatch(r"[+-]?\d{1,1000}", text):
            raise refuse("A valid integer is required.", "invalid_input", path)
        number = int(text)
        if self.minimum is not None and number < self.minimum:
            raise refuse(f"Ensure this value is greater than or equal to {self.minimum}.", "min_value", path)
        if self.maximum is not None and number > self.maximum:
            raise refuse(f"Ensure this value is less than or equal to {self.maximum}.", "max_value", path)
        return number


class Boolean(Field):
    """True or false, or one of the texts for them."""

    def check(self, value: Any, path: Path) -> bool:
        """Judge a value that is not null."""
        text = str(value).lower()
        if isinstance(value, bool | int | str) and text in _TRUE | _FALSE:
            return text in _TRUE
        raise refuse("Must be a valid boolean.", "invalid_input", path)


class Text(Field):
    """A text; numbers are taken as their digits. Trimmed unless told otherwise."""

    def __init__(
        self,
        *,
        max_length: int | None = None,
        blank: bool = False,
        trim: bool = True,
        too_long: str = "Ensure this field has no more than {n} characters.",
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.max_length = max_length
        self.blank = blank
        self.trim = trim
        self.too_long = too_long

    def check(self, value: Any, path: Path) -> str:
        """Judge a value that is not null."""
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise refuse("Not a valid string.", "invalid_input", path)
        text = str(value).strip() if self.trim else str(value)
        if not text.strip() and not self.blank:
            raise refuse("This field may not be blank.", "blank", path)
        if "\x00" in text:
            raise refuse("Null characters are not allowed.", "null_characters_not_allowed", path)
        if self.max_length is not None and len(text) > self.max_length:
            raise refuse(self.too_long.format(n=self.max_length), "max_length", path)
        return text


class Choice(Field):
    """One of a few values; texts of numbers stand for the numbers."""

    def __init__(self, choices: Sequence[Any], **options: Any) -> None:
        super().__init__(**options)
        self.choices = {str(choice): choice for choice in choices}

    def check(self, value: Any, path: Path) -> Any:
        """Judge a value that is not null."""
        if isinstance(value, bool | list | dict) or str(value) not in self.choices:
            raise refuse(f'"{value}" is not a valid choice.', "invalid_choice", path)
        return self.choices[str(value)]


class Instant(Field):
    """An ISO 8601 instant; without an offset it is UTC."""

    def check(self, value: Any, path: Path) -> datetime:
        """Judge a value that is not null."""
        try:
            text = re.sub(r"\.(\d+)", lambda found: f".{found[1]:0<6.6}", re.sub(r"[zZ]$", "+00:00", value))
            instant = datetime.fromisoformat(text)
        except (TypeError, ValueError):
            formats = "YYYY-MM-DDThh:mm[:ss[.uuuuuu]][+HH:MM|-HH:MM|Z]"
            detail = f"Datetime has wrong format. Use one of these formats instead: {formats}."
            raise refuse(detail, "invalid_input", path) from None
        return instant if instant.tzinfo else instant.replace(tzinfo=timezone.utc)


class Identifier(Field):
    """A UUID, as its text."""

    def check(self, value: Any, path: Path) -> str:
        """Judge a value that is not null."""
        try:
            return str(UUID(value))
        except (AttributeError, TypeError, ValueError):
            raise refuse("Must be a valid UUID.", "invalid_input", path) from None


class Items(Field):
    """A list of one kind of values. `empty=False` fails with code `empty`, `min_length` with its own."""

    def __init__(
        self,
        child: Field,
        *,
        empty: bool = True,
        min_length: int | None = None,
        max_length: int | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.child = child
        self.empty = empty
        self.min_length = min_length
        self.max_length = max_length

    def check(self, value: Any, path: Path) -> list[Any]:
        """Judge a value that is not null."""
        if isinstance(value, str | Mapping) or not isinstance(value, list):
            detail = f'Expected a list of items but got type "{type(value).__name__}".'
            raise refuse(detail, "not_a_list", path)
        if not value and not self.empty:
            raise refuse("This list may not be empty.", "empty", path)
        if self.min_length is not None and len(value) < self.min_length:
            raise refuse(f"Ensure this field has at least {self.min_length} elements.", "min_length", path)
        if self.max_length is not None and len(value) > self.max_length:
            raise refuse(f"Ensure this field has no more than {self.max_length} elements.", "max_length", path)
        return [self.child.clean(item, (*path, str(index))) for index, item in enumerate(value)]


class Mapped(Field):
    """An object with any keys whose values are of one kind."""

    def __init__(self, child: Field | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.child = child or Json(null=True)

    def check(self, value: Any, path: Path) -> dict[str, Any]:
        """Judge a value that is not null."""
        if not isinstance(value, dict):
            detail = f'Expected a dictionary of items but got type "{type(value).__name__}".'
            raise refuse(detail, "not_a_dict", path)
        return {str(key): self.child.clean(item, (*path, str(key))) for key, item in value.items()}


class Object(Field):
    """An object with known keys; others are ignored. Absent optional keys stay absent."""

    def __init__(self, fields: Mapping[str, Field], *, partial: bool = False, **options: Any) -> None:
        super().__init__(**options)
        self.fields = fields
        self.partial = partial

    def check(self, value: Any, path: Path) -> dict[str, Any]:
        """Judge a value that is not null."""
        if not isinstance(value, dict):
            detail = f"Invalid data. Expected a dictionary, but got {type(value).__name__}."
            raise refuse(detail, "invalid_input", (*path, "non_field_errors") if path else ())
        cleaned: dict[str, Any] = {}
        for name, field in self.fields.items():
            if name not in value:
                if field.default is not _ABSENT:
                    cleaned[name] = field.default
                elif field.required and not self.partial:
                    raise refuse("This field is required.", "required", (*path, name))
                continue
            raw = value[name]
            if isinstance(value, FormData):
                raw = _from_form(value, name, field)
            cleaned[name] = field.clean(raw, (*path, name))
        return cleaned


def _from_form(form: FormData, name: str, field: Field) -> Any:
    """A form knows texts only: repeated names are a list, an empty text is null where null is allowed."""
    if isinstance(field, Items):
        return form.all(name)
    text = form[name]
    return None if text == "" and field.null and not isinstance(field, Text) else text
