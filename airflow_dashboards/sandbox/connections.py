"""The sockets under the requests, for faults that no HTTP answer can express: resets and cut bodies."""

from __future__ import annotations

import socket
import struct
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol

if TYPE_CHECKING:
    import asyncio

Peer = tuple[str, int]


class Connections:
    """Open connections by peer address."""

    def __init__(self) -> None:
        self._transports: dict[Peer, asyncio.Transport] = {}

    def protocol(self) -> type[asyncio.Protocol]:
        """Uvicorn's HTTP protocol, registering its connections here."""
        transports = self._transports

        class RegisteringProtocol(AutoHTTPProtocol):  # type: ignore[misc, valid-type]
            def connection_made(self, transport: asyncio.Transport) -> None:
                super().connection_made(transport)
                self._peer = transport.get_extra_info("peername")[:2]
                transports[self._peer] = transport

            def connection_lost(self, exc: Exception | None) -> None:
                transports.pop(self._peer, None)
                super().connection_lost(exc)

        return RegisteringProtocol

    def reset(self, peer: Any) -> None:
        """Break a connection off with a TCP reset."""
        transport = self._transports.get(tuple(peer)) if peer else None
        if transport is not None:
            # With a linger time of zero, closing the socket sends RST instead of FIN.
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            transport.abort()

    def close(self, peer: Any) -> None:
        """Close a connection after what is already written."""
        transport = self._transports.get(tuple(peer)) if peer else None
        if transport is not None:
            transport.close()
