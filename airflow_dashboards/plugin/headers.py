"""What every answer of the page tells the browser it may do. Strict by default; nothing is left to the answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

#: The page: its own script, its own style, its own data, the report in a frame; to be framed by Airflow alone.
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "frame-src 'self'; frame-ancestors 'self'; base-uri 'none'; form-action 'none'"
)
_REPORT = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'; base-uri 'none'; "
    "form-action 'none'; sandbox"
)
#: A report by itself: no script, no origin, nothing fetched. Its links open new windows.
REPORT_POLICY = f"{_REPORT} allow-popups allow-popups-to-escape-sandbox"
#: A report in the page's frame, which can't open windows within Airflow's: no script, no form, no window, nothing
#: fetched. It has the page's origin for one thing, that the page hears of a click on a link. With neither a script nor
#: a form nor a request of its own, there is nothing that it could do with an origin.
EMBEDDED_REPORT_POLICY = f"{_REPORT} allow-same-origin"
_ALWAYS = {
    b"content-security-policy": PAGE_POLICY.encode(),
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-resource-policy": b"same-origin",
    # Who signs out must not be followed by what he saw.
    b"cache-control": b"private, no-store",
}


class Headers:
    """Adds the headers to every answer, errors too, that does not say otherwise itself."""

    def __init__(self, application: Callable[..., Awaitable[None]]) -> None:
        self._application = application

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        """Serve a request."""

        async def send_with_headers(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                own = list(message.get("headers", ()))
                present = {name.lower() for name, _ in own}
                message["headers"] = own + [pair for pair in _ALWAYS.items() if pair[0] not in present]
            await send(message)

        await self._application(scope, receive, send_with_headers)
