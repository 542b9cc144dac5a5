"""The `rules` argument: checked where a DAG is parsed, read where its task runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TypeGuard

    from airflow_dashboards.analysis import RuleBook, Rules

_SUFFIXES = (".yaml", ".yml")


def as_data(rules: Rules | RuleBook | dict[str, Any] | str | Path | None) -> dict[str, Any] | str:
    """Return rules as what Airflow can put into a serialized DAG: plain data, or the path of a file, unread.

    Raises:
        ValueError: a value in a dict is wrong (`RulesError` names the path to it), or a path is not one of YAML.
        TypeError: it is nothing that holds rules.

    Example:
        >>> as_data({"max_drop": 0.3})
        {'max_drop': 0.3}
    """
    if rules is None:
        return {}
    if isinstance(rules, (str, Path)):
        path = str(rules)
        if not path.endswith(_SUFFIXES):
            raise ValueError(f"rules: a path must end with {' or '.join(_SUFFIXES)}, not {path!r}")
        return path
    if isinstance(rules, dict):
        rules = from_data(rules)
    if not _are_rules(rules):
        raise TypeError(
            f"rules must be Rules, a RuleBook, a dict or the path of a YAML file, not {type(rules).__name__}"
        )
    return rules.model_dump(mode="json", exclude_defaults=True)


def _are_rules(given: object) -> TypeGuard[Rules | RuleBook]:
    from airflow_dashboards.analysis import Rules

    if isinstance(given, Rules):
        return True  # as most are, and those need no rule book
    from airflow_dashboards.analysis import RuleBook

    return isinstance(given, RuleBook)


def from_data(data: dict[str, Any]) -> RuleBook:
    """Return the rule book that plain data holds.

    Raises:
        RulesError: a value is wrong; the message names the path to it.
    """
    from airflow_dashboards.analysis import RuleBook

    return RuleBook.parse(data)


def load(rules: dict[str, Any] | str, folders: Sequence[str]) -> RuleBook:
    """Return the rules of an operator, on the worker.

    Args:
        rules: what `as_data` returned.
        folders: where a relative path is looked for, e.g. the folder of the DAG file.

    Raises:
        RulesError: there is no such file, or a value in it is wrong; the message names the file.
    """
    from airflow_dashboards.analysis import RuleBook, RulesError

    if not isinstance(rules, str):
        return from_data(rules)
    candidates = [Path(folder) / rules for folder in folders] if not Path(rules).is_absolute() else [Path(rules)]
    path = next((each for each in candidates if each.is_file()), None)
    if path is None:
        looked = ", ".join(map(str, candidates))
        raise RulesError(f"rules: there is no file {rules!r}; looked for {looked}. A path is relative to the DAG file.")
    try:
        return RuleBook.from_yaml(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RulesError(f"{path}: {error}") from error
