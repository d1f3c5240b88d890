"""The server process: its socket, connections and shutdown."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import signal
import socket
from collections.abc import Iterator
from http import HTTPStatus
from types import FrameType
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from zoo.errors import RequestError
from zoo.storage import dump_json
from zoo_serve.application import PATHS, make_app
from zoo_serve.host_check import Doorman
from zoo_serve.service import Service

__all__ = ["Server", "is_private", "listen", "url_of"]

_GRACE_S = 0.5  # seconds for requests in transit when the server shuts down
_BACKLOG = 2048
_PIECE = 4096  # bytes parsed at a time, the tolerance of the head's size limit


def listen(host: str, port: int) -> socket.socket:
    """Open a listening socket.

    Raises:
        RequestError: the host is not an address of this machine, or the port is not available.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind, protocol)
    except OSError as error:
        raise RequestError(f"{host!r} is not an address of this machine ({error.strerror or error}).") from error
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(_BACKLOG)
    except OSError as error:
        listening.close()
        raise RequestError(
            f"Port {port} of {host} can't be used ({error.strerror or error}). Choose another, or any free one: zoo "
            "serve RUN --port 0"
        ) from error
    listening.setblocking(False)
    return listening


def url_of(listening: socket.socket) -> str:
    """URL under which a browser reaches the socket."""
    host, port = listening.getsockname()[:2]
    if ipaddress.ip_address(host).is_unspecified:
        host = socket.gethostname()
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/"


def is_private(listening: socket.socket) -> bool:
    """Check for a loopback address, which only this machine reaches."""
    return ipaddress.ip_address(listening.getsockname()[0]).is_loopback


def _own_names(listening: socket.socket) -> frozenset[str] | None:
    """Accepted ``Host`` headers of a loopback address; None where other machines have access."""
    host, port = listening.getsockname()[:2]
    if not is_private(listening):
        return None
    names = {"localhost", f"[{host}]" if ":" in host else host}
    return frozenset({*(f"{name}:{port}" for name in names), *(names if port == 80 else ())})


class _Connection(HttpToolsProtocol):
    """A connection that limits the time and size of a request's head, so that stalled clients can't exhaust the server.

    Data is parsed in pieces, so that the limit applies to the head however many bytes arrive at once.
    """

    header_s: float
    max_connections: int
    max_head: int
    _head = 0  # bytes of the current head
    _in_body = _ended = False
    _refused = False  # discard all further input

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._start_head_timer()
        if len(self.connections) > self.max_connections:
            self._send_error(503, "Too many connections.")
            self.transport.close()

    def data_received(self, data: bytes) -> None:
        for start in range(0, len(data), _PIECE):
            if self._refused or self.transport.is_closing():
                return
            self._parse(data[start : start + _PIECE])

    def _parse(self, piece: bytes) -> None:
        of_body, self._ended = self._in_body, False
        super().data_received(piece)
        if of_body or self._in_body or self._ended:
            return
        self._head += len(piece)
        if self._head > self.max_head and not self.transport.is_closing():
            self._refuse_head()

    def on_headers_complete(self) -> None:
        self._in_body = True
        self._late.cancel()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._in_body, self._ended, self._head = False, True, 0
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if not self.transport.is_closing() and not self._answering():
            self._start_head_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._late.cancel()
        super().connection_lost(exc)

    def _answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _start_head_timer(self) -> None:
        self._late = self.loop.call_later(self.header_s, self.transport.close)

    def _refuse_head(self) -> None:
        self._refused = True
        if self._answering():  # finish the current answer, then close
            self.cycle.keep_alive = False
            return
        self._send_error(431, f"The headers of the request exceed {self.max_head:,} bytes.")
        if self.transport.can_write_eof():
            self.transport.write_eof()  # no full close: a client that still sends would lose the answer

    def _send_error(self, status: int, why: str) -> None:
        body = dump_json({"detail": why}, indent=None).encode()
        head = (
            f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\nContent-Type: application/json\r\nConnection: close\r\n"
        )
        self.transport.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)


class Server(uvicorn.Server):
    """An HTTP server that finishes accepted requests after a signal.

    Args:
        service: answers the requests.
        listening: socket from :func:`listen`.
        log_requests: write a log line for each request.
    """

    def __init__(self, service: Service, listening: socket.socket, *, log_requests: bool = False):
        self.service, self.listening = service, listening
        limits = service.limits
        self.doorman = Doorman(make_app(service), service.figures, PATHS, _own_names(listening))
        names = ("header_s", "max_connections", "max_head")
        own = {name: getattr(limits, name) for name in names}
        connection = type("_Connection", (_Connection,), own)
        super().__init__(
            uvicorn.Config(
                self.doorman,
                http=connection,
                ws="none",
                lifespan="off",
                proxy_headers=False,
                server_header=False,
                log_level="info" if log_requests else "warning",
                access_log=log_requests,
                timeout_keep_alive=max(1, round(limits.header_s)),
                timeout_graceful_shutdown=round(2 * limits.timeout_s),
            )
        )

    def serve_until_told(self) -> None:
        """Serve until SIGINT or SIGTERM, then finish accepted requests; must be called in the main thread."""
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            self.run(sockets=[self.listening])
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            self.service.close()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Disable uvicorn's handling, which raises the signal again at the end as if it were a failure."""
        yield

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self.should_exit and sig == signal.SIGINT:
            self.force_exit = True
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept the pending connections, then no more, and give each of them time to send its request."""
        self.doorman.leaving = True
        made = list(self._accept_pending())
        for server in self.servers:
            server.close()
        for connection in made:
            await asyncio.get_running_loop().connect_accepted_socket(self._protocol, connection)
        await asyncio.sleep(_GRACE_S)
        self.service.leaving = True
        await super().shutdown(sockets)

    def _accept_pending(self) -> Iterator[socket.socket]:
        """Accept connections still in the kernel's backlog, which closing the socket would reset."""
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listening.accept()
                connection.setblocking(False)
                yield connection

    def _protocol(self) -> asyncio.Protocol:
        make: Any = self.config.http_protocol_class
        protocol: asyncio.Protocol = make(config=self.config, server_state=self.server_state, app_state={})
        return protocol
