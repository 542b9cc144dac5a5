"""What the rows of a table are told apart by, worked out once for all of its columns, and put in words where asked."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from airflow_dashboards.analysis.judge.case import as_numbers, canonical
from airflow_dashboards.analysis.judge.columns import readable, readables
from airflow_dashboards.analysis.judge.lines import is_rest
from airflow_dashboards.analysis.judge.values import Named, Side, collect

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_dashboards.analysis.judge.columns import Column, Table

#: Letters of a part of a row's name.
_MOST = 30


class RowNames:
    """The rows of a table by the columns that identify them."""

    def __init__(self, table: Table, key: Sequence[str]) -> None:
        self._table = table
        self._key = key

    @cached_property
    def labels(self) -> Sequence[str]:
        """What each row is called."""
        return readables(self._table, self._key, most=_MOST)

    def sums(self, column: Column) -> dict[str, float]:
        """The values of a column by what the rows are called."""
        values = [0.0 + (value or 0.0) for value in as_numbers(column.values)]
        found = dict(zip(self.labels, values, strict=True))
        if len(found) == len(values):
            return found
        found = {}
        for label, value in zip(self.labels, values, strict=True):
            found[label] = found.get(label, 0.0) + value
        return found

    def side(self, column: Column) -> Side:
        """The values of a column by row; rows that are called the same are added up."""
        given = as_numbers(column.values)
        if len(self._places) < len(self._keys):
            named = zip(self._keys, self.labels, self._parts, given, strict=True)
            return Side.of(
                collect(
                    Named(key, label, value or 0.0, all(map(is_rest, parts)), missing=value is None)
                    for key, label, parts, value in named
                )
            )
        amounts = {key: given[index] or 0.0 for key, index in self._places.items()}

        def named_one(key: str) -> Named:
            index = self._places[key]
            parts = self._parts[index]
            label = readable(parts, most=_MOST)
            return Named(key, label, amounts[key], all(map(is_rest, parts)), missing=given[index] is None)

        return Side(amounts, named_one, missing=bool(amounts) and given.count(None) == len(given))

    @cached_property
    def _parts(self) -> list[tuple[str, ...]]:
        return self._table.keys(self._key)

    @cached_property
    def _keys(self) -> list[str]:
        if len(self._key) == 1:
            return [part for (part,) in self._parts]
        return [canonical(list(parts)) for parts in self._parts]

    @cached_property
    def _places(self) -> dict[str, int]:
        """The row of each key, in the order of keys."""
        found = {key: index for index, key in enumerate(self._keys)}
        return {key: found[key] for key in sorted(found)}
