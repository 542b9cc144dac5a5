"""What an analysis leaves behind for people and machines: the report, the data, and messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from airflow_dashboards.analysis.report import (
    Medium,
    ReportContext,
    message,
    render_html,
    render_markdown,
    summary_line,
    to_json,
)
from airflow_dashboards.refresh.files import writing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_dashboards.analysis import Analysis


class Published(BaseModel):
    """Where the files are."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    report_uri: str
    analysis_uri: str
    markdown_uri: str


def publish(analyses: Sequence[Analysis], folder: Any, *, title: str, context: ReportContext) -> Published:
    """Write `report.html`, `report.md` and `analysis.json` into a folder, each of them whole or not at all.

    Args:
        analyses: one per dashboard.
        title: heading of the report.
        context: what the report says of the run.
        folder: `pathlib.Path` or anything that behaves like it, such as Airflow's `ObjectStoragePath`.
    """
    files = {
        "report.html": render_html(analyses, title=title, context=context),
        "report.md": render_markdown(analyses, title=title, context=context),
        "analysis.json": to_json(analyses),
    }
    for name, text in files.items():
        with writing(folder / name) as file:
            file.write(text.encode())
    return Published(
        report_uri=str(folder / "report.html"),
        markdown_uri=str(folder / "report.md"),
        analysis_uri=str(folder / "analysis.json"),
    )


def messages(analyses: Sequence[Analysis], *, context: ReportContext, problems: Sequence[str] = ()) -> dict[str, str]:
    """Return what notifiers send, by the XCom key under which they find it.

    Args:
        analyses: one per dashboard.
        context: its links end the messages.
        problems: what could not be compared, a sentence each; there the subject says FAIL whatever the rest does.

    Returns:
        `subject` (one line), `message` (Slack's mrkdwn), `message_html` and `message_text`.
    """
    return {
        "subject": summary_line(analyses, problems=problems),
        "message": message(analyses, medium=Medium.SLACK, context=context, problems=problems),
        "message_html": message(analyses, medium=Medium.HTML, context=context, problems=problems),
        "message_text": message(analyses, medium=Medium.TEXT, context=context, problems=problems),
    }
