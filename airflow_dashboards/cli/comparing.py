"""The commands that look at captures: compare and report. They ask PostHog nothing."""

from __future__ import annotations

import gzip
import webbrowser
import zlib
from typing import TYPE_CHECKING, Any

from airflow_dashboards.cli.access import UsageError, path_of
from airflow_dashboards.cli.terminal import say, say_json

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence

    from airflow_dashboards.analysis import Analysis, RuleBook, Snapshot
    from airflow_dashboards.cli.access import Access

_CAPTURE = ".jsonl.gz"


def compare(options: Namespace, access: Access) -> int:
    """Judge what changed between two captures; 1 where the verdict is one of `--fail-on`."""
    from airflow_dashboards.analysis import Verdict
    from airflow_dashboards.analysis.report import render_text

    analyses = _analyses(options, access)
    if options.as_json:
        say_json([analysis.model_dump(mode="json") for analysis in analyses])
    else:
        say(render_text(analyses))
    stopping = {"fail": {Verdict.FAIL}, "warn": {Verdict.FAIL, Verdict.WARN}, "never": set[Verdict]()}[options.fail_on]
    return 1 if any(analysis.status in stopping for analysis in analyses) else 0


def report(options: Namespace, access: Access) -> int:
    """Write the report of two captures, and open it in the browser."""
    from airflow_dashboards.analysis.report import render_html
    from airflow_dashboards.refresh.files import on_disk

    analyses = _analyses(options, access)
    path = path_of(options.to)
    path.write_text(render_html(analyses, title=options.title), encoding="utf-8")
    say(str(path))
    if not options.no_open and on_disk(path):
        webbrowser.open(path.as_uri())
    return 0


def _analyses(options: Namespace, access: Access) -> Sequence[Analysis]:
    from airflow_dashboards.analysis import compare as judge

    files: list[str] = options.files
    if options.dashboard is not None and files:
        raise UsageError("Give files, or --dashboard, not both.")
    if options.dashboard is not None:
        before, after = _latest_two(access, options)
    elif len(files) == 1 and files[0].endswith(".json"):
        return _read_analyses(files[0])
    elif len(files) == 2:
        before, after = (path_of(file) for file in files)
    else:
        raise UsageError("What is to be compared? Give two captures, before and after, or --dashboard ID.")
    rules = _rules(options.rules)
    one, other = _read_capture(before), _read_capture(after)
    if (one.host, one.dashboard_id) != (other.host, other.dashboard_id):
        raise UsageError(f"These captures are of two dashboards: {one.url} and {other.url}.")
    return [judge(one, other, rules)]


def _latest_two(access: Access, options: Namespace) -> tuple[Any, Any]:
    from airflow_dashboards.refresh.files import names
    from airflow_dashboards.refresh.history import stamped_at

    host, project = access.read_place()
    folder = access.store(options.storage).folder(host=host, project_id=project, dashboard_id=options.dashboard)
    captures = [name for name in names(folder) if name.endswith(_CAPTURE) and stamped_at(name)]
    # Within one second the later file has a number behind its name.
    captures.sort(key=lambda name: (name.partition("-")[0], len(name), name))
    if len(captures) < 2:
        raise UsageError(
            f"There {'is one capture' if captures else 'are no captures'} of dashboard {options.dashboard} in {folder}."
            " `capture` and `refresh` each store one."
        )
    return folder / captures[-2], folder / captures[-1]


def _read_capture(path: Any) -> Snapshot:
    from airflow_dashboards.analysis.files import SnapshotFormatError, load

    try:
        with path.open("rb") as file:
            content = file.read()
        if content[:2] == b"\x1f\x8b":
            content = gzip.decompress(content)
        return load(content.splitlines())
    except FileNotFoundError:
        raise UsageError(f"There is no file {path}.") from None
    except (SnapshotFormatError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UsageError(f"{path}: {error}") from None


def _read_analyses(file: str) -> list[Analysis]:
    from pydantic import TypeAdapter, ValidationError

    from airflow_dashboards.analysis import Analysis

    try:
        return TypeAdapter(list[Analysis]).validate_json(path_of(file).read_bytes())
    except FileNotFoundError:
        raise UsageError(f"There is no file {file}.") from None
    except ValidationError:
        raise UsageError(f"{file} is no analysis.json, such as the analyze operator writes.") from None


def _rules(file: str | None) -> RuleBook:
    from airflow_dashboards.analysis import RuleBook

    if file is None:
        return RuleBook()
    try:
        return RuleBook.from_yaml(path_of(file).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(f"There is no file {file}.") from None
