"""Reference to a stored snapshot: what an XCom holds instead of the snapshot itself."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field


class SnapshotRef(BaseModel):
    """Where a snapshot file is, what it must hash to, and the few facts a reader wants without opening it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    #: Address of the file, e.g. `s3://bucket/eu.posthog.com/1/42/20260601T060000Z-run.jsonl.gz`.
    uri: str
    #: SHA-256 of the file's bytes, hexadecimal.
    sha256: str
    dashboard_id: int
    dashboard_name: str = ""
    #: The server's clock when the tiles were read, UTC.
    taken_at: datetime
    #: Number of tiles per `TileStatus` value.
    counts: dict[str, int] = Field(default_factory=dict)
    #: Size of the file.
    bytes: int = 0
    #: The server's own snapshot, where one was asked for and taken (contract 3.6): its key and the time it was made.
    server_key: str | None = None
    server_key_at: datetime | None = None
    #: Why there is no server snapshot although one was asked for.
    server_reason: str | None = None
