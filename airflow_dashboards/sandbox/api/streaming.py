"""`stream_tiles`: a dashboard as server-sent events, tile by tile (contract 3.9, 4.8)."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from airflow_dashboards.sandbox.api import boards
from airflow_dashboards.sandbox.encode import encode
from airflow_dashboards.sandbox.errors import RefusalError
from airflow_dashboards.sandbox.routing import SESSION_ONLY, Answer, endpoint
from airflow_dashboards.sandbox.serializers import in_layout_order

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_dashboards.sandbox.call import Call
    from airflow_dashboards.sandbox.queries import Overrides
    from airflow_dashboards.sandbox.store import Dashboard, Tile

_log = logging.getLogger(__name__)

_FIRST: Final = 2


@endpoint("GET", "dashboards/{id}/stream_tiles", action="dashboards.stream_tiles", scopes=SESSION_ONLY)
def stream_tiles(call: Call) -> Answer:
    """Metadata with the first two tiles, the other tiles one by one, and `complete`."""
    dashboard = boards.find(call)
    overrides = call.overrides()
    size = call.argument("layoutSize") or call.argument("layout_size")
    dashboard.last_accessed_at = call.instance.clock.now()
    tiles = in_layout_order(call.store.live_tiles(dashboard.id), "xs" if size == "xs" else "sm")
    return Answer(stream=_until_fatal(_events(call, dashboard, tiles, overrides)))


def _until_fatal(events: Iterator[bytes]) -> Iterator[bytes]:
    """The events; after a crash an error without a tile, and no `complete`."""
    try:
        yield from events
    except Exception:
        _log.exception("sandbox: stream_tiles crashed")
        yield _event({"type": "error", "error": "A server error occurred."})


def _events(call: Call, dashboard: Dashboard, tiles: list[Tile], overrides: Overrides) -> Iterator[bytes]:
    first = []
    for order, tile in enumerate(tiles[:_FIRST]):
        data, failure = _tile(call, dashboard, tile, order, overrides)
        first.append(data or {"id": tile.id, "error": {"type": "ValidationError", "message": failure}})
    with call.instance.lock:
        board = call.serialize.dashboard(dashboard, first, overrides)
    yield _event({"type": "metadata", "dashboard": board})
    for order, tile in enumerate(tiles[_FIRST:], start=_FIRST):
        data, failure = _tile(call, dashboard, tile, order, overrides)
        if data is None:
            yield _event({"type": "error", "tile_id": tile.id, "error": failure})
        else:
            yield _event({"type": "tile", "order": order, "tile": data})
    yield _event({"type": "complete"})


def _tile(
    call: Call, dashboard: Dashboard, tile: Tile, order: int, overrides: Overrides
) -> tuple[dict[str, Any] | None, str]:
    """The tile, or None and why not."""
    try:
        with call.instance.lock:
            prepared = boards.prepare_tile(call, dashboard, tile, overrides)
        shown = boards.show_tile(call, dashboard, tile, prepared, call.mode)
    except RefusalError as refusal:
        return None, _detail(refusal)
    with call.instance.lock:
        return call.serialize.tile(tile, order=order, dashboard=dashboard, prepared=prepared, shown=shown), ""


def _detail(refusal: RefusalError) -> str:
    return str((refusal.body or {}).get("detail", "A server error occurred."))


def _event(payload: dict[str, Any]) -> bytes:
    return b"data: " + encode(payload) + b"\n\n"
