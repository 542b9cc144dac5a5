"""Lists in pages: `limit`, `offset`, and links to the neighbours (contract 3.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_dashboards.sandbox.call import Call


def paginate(call: Call, found: list[Any], serialize: Callable[[Any], Any]) -> dict[str, Any]:
    """The page a call asks for; only its items are serialized."""
    limit = _natural(call.argument("limit"), 100) or 100
    offset = _natural(call.argument("offset"), 0)

    def link(target: int) -> str:
        others = {name: values for name, values in call.incoming.query.items() if name not in ("limit", "offset")}
        return f"{call.incoming.base_url}?{urlencode({**others, 'limit': limit, 'offset': target}, doseq=True)}"

    return {
        "count": len(found),
        "next": link(offset + limit) if offset + limit < len(found) else None,
        "previous": link(max(offset - limit, 0)) if offset > 0 else None,
        "results": [serialize(item) for item in found[offset : offset + limit]],
    }


def _natural(text: str | None, default: int) -> int:
    return int(text) if text is not None and text.isdecimal() else default
