"""The page's own web application: four questions, a report, and the files of the front end.

No parameter is ever made into a path. A request names a run or a dashboard; the index says where the run's files are.
"""

from __future__ import annotations

import hashlib
import html
import logging
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn

from airflow.api_fastapi.core_api.security import get_user
from fastapi import APIRouter, Depends, FastAPI, HTTPException, Query, Request, Response, status
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.exceptions import HTTPException as StarletteHTTPException

from airflow_dashboards.plugin.access import ReadableDags, require
from airflow_dashboards.plugin.boards import Boards, look_facts, run_facts, strip, verdicts
from airflow_dashboards.plugin.headers import EMBEDDED_REPORT_POLICY, REPORT_POLICY, Headers
from airflow_dashboards.plugin.index import DAYS, RunIndex
from airflow_dashboards.plugin.storage import (
    OutsideStorageError,
    Storage,
    StorageUnavailableError,
    explanation,
    open_storage,
)

if TYPE_CHECKING:
    from airflow_dashboards.plugin.index import Run

log = logging.getLogger(__name__)

WWW = Path(__file__).parent / "www"
_TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}
#: Runs that a dashboard's page lists.
MOST_RUNS = 200

Text = Annotated[str, Query(max_length=200)]
Key = Annotated[str, Query(max_length=400)]
Days = Annotated[int, Query(ge=1, le=DAYS)]

router = APIRouter(dependencies=[Depends(get_user)])


class Page:
    """What the routes share: the index, and the dashboards of readers with the same permissions."""

    def __init__(self, storage: Storage, **index: Any) -> None:
        self.index = RunIndex(storage, **index)
        self._boards = lru_cache(maxsize=8)(self._make_boards)

    def boards(self, readable: frozenset[str]) -> Boards:
        """Return the dashboards as a user sees them who may read these DAGs."""
        runs = self.index.runs()
        return self._boards(self.index.generation, frozenset(run.dag_id for run in runs) & readable)

    def _make_boards(self, _generation: int, dags: frozenset[str]) -> Boards:
        return Boards(run for run in self.index.runs() if run.dag_id in dags)


def create_application(storage: Storage | None = None, **index: Any) -> Headers:
    """Make the application.

    Args:
        storage: where the runs are; default: what Airflow's configuration says (`settings.storage_root`).
        index: for `RunIndex`.
    """
    application = FastAPI(title="PostHog dashboards", docs_url=None, redoc_url=None, openapi_url=None)
    # Opened with the first question: an Airflow whose storage can't be opened still says so on the page.
    application.state.page = lru_cache(maxsize=1)(lambda: Page(storage or _configured_storage(), **index))
    application.include_router(router)
    application.add_exception_handler(StarletteHTTPException, _refuse)
    for error in (OSError, OutsideStorageError, StorageUnavailableError):
        application.add_exception_handler(error, _storage_fails)
    return Headers(application)


def _configured_storage() -> Storage:
    from airflow_dashboards.settings import storage_root

    try:
        return open_storage(storage_root())
    except Exception as error:
        raise StorageUnavailableError(explanation("", error)) from error


def _page(request: Request) -> Page:
    page: Page = request.app.state.page()
    return page


PageDep = Annotated[Page, Depends(_page)]


@router.get("/dashboards")
def show_page() -> Response:
    """Return the page itself; what it shows it asks for."""
    return HTMLResponse(_static("index.html")[0])


@router.get("/static/{name}")
def static_file(name: str, request: Request) -> Response:
    """Return a file of the front end; the browser may keep it as long as it asks whether it has changed."""
    if name not in _static_names() or Path(name).suffix not in _TYPES:
        raise HTTPException(status.HTTP_404_NOT_FOUND, "There is no such file.")
    content, tag = _static(name)
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=status.HTTP_304_NOT_MODIFIED, headers=headers)
    return Response(content, media_type=_TYPES[Path(name).suffix], headers=headers)


@router.get("/api/dashboards")
def list_dashboards(
    page: PageDep,
    readable: ReadableDags,
    text: Text = "",
    verdict: Text = "",
    dag: Key = "",
    tag: Key = "",
    days: Days = 30,
    number: Annotated[int, Query(ge=1, le=100_000)] = 1,
    size: Annotated[int, Query(ge=1, le=200)] = 50,
) -> dict[str, Any]:
    """Return the dashboards that pass the filters, one page of them, each with its last verdict and its days."""
    boards = page.boards(readable)
    matching = boards.chosen(text=text, dag=dag, tag=tag)
    chosen = [board for board in matching if not verdict or board.latest.look.status == verdict]
    shown = chosen[(number - 1) * size : number * size]
    today = page.index.today()
    return {
        "total": len(chosen),
        "all": len(boards.boards),
        "number": number,
        "size": size,
        "verdicts": verdicts(matching),
        "dags": boards.dags(),
        "tags": boards.tags(),
        "dashboards": [
            {
                **look_facts(board.latest.look),
                "latest": run_facts(board.latest.run),
                "days": strip(board, today=today, length=days),
            }
            for board in shown
        ],
    }


@router.get("/api/dashboard")
def one_dashboard(page: PageDep, readable: ReadableDags, dashboard: Key, days: Days = 90) -> dict[str, Any]:
    """Return a dashboard with its days and the runs that looked at it, the newest first."""
    board = page.boards(readable).boards.get(dashboard)
    if board is None:
        known = any(look.dashboard == dashboard for run in page.index.runs() for look in run.looks)
        _missing("dashboard", forbidden=known)
    runs = [
        {**run_facts(seen.run), "verdict": seen.look.status, "summary": seen.look.summary}
        for seen in islice(board.newest_first(), MOST_RUNS)
    ]
    return {
        **look_facts(board.latest.look),
        "latest": run_facts(board.latest.run),
        "days": strip(board, today=page.index.today(), length=days),
        "runs": runs,
    }


@router.get("/api/runs")
def list_runs(
    page: PageDep,
    readable: ReadableDags,
    dag_id: Key,
    run_id: Key,
    task_id: Key = "",
    map_index: int = -1,
) -> dict[str, Any]:
    """Return what the analyzing tasks of a DAG run said; of one task instance where a task is named.

    A task that analyzes nothing, such as a refresh, gets what the analyzing tasks of its run said.
    """
    require(dag_id, readable)
    of_run = [run for run in page.index.runs() if run.dag_id == dag_id and run.run_id == run_id]
    own = [run for run in of_run if run.task_id == task_id and run.map_index == map_index]
    return {"runs": [run_facts(run) for run in own or of_run], "whole_run": not own}


@router.get("/api/run")
def one_run(page: PageDep, readable: ReadableDags, run: Key) -> dict[str, Any]:
    """Return all that a run said."""
    found = _readable_run(page, readable, run)
    try:
        record = page.index.record(found)
    except (FileNotFoundError, OutsideStorageError, ValueError):
        _missing("run")
    return {
        **run_facts(found),
        "report": found.report is not None,
        "unreadable": [{"id": each, "why": why} for each, why in record.unreadable.items()],
        "dashboards": [
            {**look_facts(look), **verdict.model_dump(mode="json", include=_DETAILS)}
            for look, verdict in zip(found.looks, record.dashboards, strict=False)
        ],
    }


_DETAILS = {"counts", "tiles", "comparability", "before_at", "after_at"}


@router.get("/report")
def show_report(
    page: PageDep,
    readable: ReadableDags,
    run: Key,
    theme: Literal["system", "light", "dark"] = "system",
    embedded: bool = False,
) -> Response:
    """Return a run's report, as it was written, under a policy that allows it no script, no form and nothing fetched.

    By itself it opens its links in new windows. Embedded in the page it can't, since the shell's frame forbids that to
    all within; there the page sees which link was clicked, and lets the shell open it.

    A report follows the system's theme, and a frame of no origin can't be told otherwise. Where Airflow's theme is
    asked for, the report's question for the system's is answered here.
    """
    found = _readable_run(page, readable, run)
    gone = "The report of this run is not there any more: it was removed, or never written."
    if found.report is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, gone)
    try:
        content = page.index.storage.read(found.report)
    except (FileNotFoundError, NotADirectoryError):
        raise HTTPException(status.HTTP_404_NOT_FOUND, gone) from None
    except OutsideStorageError as error:
        log.warning("A report is not shown: %s", error)
        raise HTTPException(status.HTTP_404_NOT_FOUND, "The report of this run can't be shown.") from None
    policy = EMBEDDED_REPORT_POLICY if embedded else REPORT_POLICY
    return HTMLResponse(_themed(content, theme), headers={"Content-Security-Policy": policy})


def _themed(report: bytes, theme: str) -> bytes:
    if theme == "system":
        return report
    answer = b"all" if theme == "dark" else b"not all"
    return report.replace(b"(prefers-color-scheme: dark)", answer).replace(
        b"color-scheme: light dark", b"color-scheme: " + theme.encode()
    )


def _readable_run(page: Page, readable: frozenset[str], key: str) -> Run:
    found = page.index.run(key)
    if found is None:
        _missing("run")
    require(found.dag_id, readable)
    return found


def _missing(what: str, *, forbidden: bool = False) -> NoReturn:
    if forbidden:
        raise HTTPException(status.HTTP_403_FORBIDDEN, f"You may not read the DAGs that this {what} belongs to.")
    raise HTTPException(status.HTTP_404_NOT_FOUND, f"There is no such {what} among the runs of the last {DAYS} days.")


@lru_cache(maxsize=1)
def _static_names() -> frozenset[str]:
    return frozenset(file.name for file in WWW.iterdir() if file.is_file())


@lru_cache(maxsize=32)
def _static(name: str) -> tuple[bytes, str]:
    content = (WWW / name).read_bytes()
    return content, f'"{hashlib.sha256(content).hexdigest()[:20]}"'


async def _refuse(request: Request, error: Exception) -> Response:
    """Say no as JSON, or as a page where a person is looking at it."""
    assert isinstance(error, StarletteHTTPException)  # noqa: S101
    if "text/html" not in request.headers.get("accept", ""):
        return JSONResponse({"detail": error.detail}, error.status_code, headers=error.headers)
    text = {
        status.HTTP_401_UNAUTHORIZED: "Sign in to Airflow, then open this page again.",
        status.HTTP_403_FORBIDDEN: "You may not read the DAG that this belongs to.",
    }.get(error.status_code, str(error.detail))
    page = _static("message.html")[0].replace(b"{{ text }}", _escaped(text))
    return HTMLResponse(page, error.status_code, headers=error.headers)


async def _storage_fails(_request: Request, error: Exception) -> Response:
    """Say that the storage can't be read; why is for the log, since it names addresses."""
    log.error("The storage path of the PostHog dashboards can't be read: %r", error.__cause__ or error)
    unreadable = "The storage path can't be read from the API server; its log says why."
    detail = str(error) if isinstance(error, StorageUnavailableError) else unreadable
    return JSONResponse({"detail": detail}, status.HTTP_503_SERVICE_UNAVAILABLE)


def _escaped(text: str) -> bytes:
    return html.escape(text).encode()
