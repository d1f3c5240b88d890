"""Public: an HTTP server whose page is for this machine only.

Pages of other sites must neither read it nor change anything. Only requests for this exact address are answered, which
prevents DNS rebinding, none that a browser marks as cross-site, and none with the origin of another page.

Example::

    from http import HTTPStatus

    from zoo.reports.kit.local_server import LocalHandler, LocalServer


    class Handler(LocalHandler):
        def do_GET(self) -> None:
            if self.is_allowed():
                self.answer(HTTPStatus.OK, self.server.page, "text/html; charset=utf-8")


    LocalServer(Handler, page_of("zoo_acme"), port=8000).serve_forever()
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from zoo.errors import RequestError
from zoo.reports.pages import HEADERS, policy_for
from zoo.storage import dump_json

__all__ = ["HERE", "LocalHandler", "LocalServer"]

HERE = "127.0.0.1"
"""The address of the server: this machine's loopback."""


class LocalHandler(BaseHTTPRequestHandler):
    """Handler of the requests of one connection; a subclass has the methods ``do_GET`` …"""

    protocol_version = "HTTP/1.1"
    server_version, sys_version = "zoo", ""
    error_message_format, error_content_type = "%(message)s\n", "text/plain; charset=utf-8"
    timeout = 30  # seconds; an idle connection would occupy a thread

    server: LocalServer

    def is_allowed(self) -> bool:
        """Check where a request comes from, and refuse it unless it is the page of this server."""
        named, origin = self.headers.get_all("Host") or [], self.headers.get("Origin")
        here = len(named) == 1 and named[0].lower() in self.server.names
        same = origin is None or origin.lower().removeprefix("http://") in self.server.names
        if here and same and self.headers.get("Sec-Fetch-Site", "none") in ("none", "same-origin"):
            return True
        self.refuse(HTTPStatus.FORBIDDEN, "This page is available on this machine only.")
        return False

    def answer_json(self, status: HTTPStatus, found: Any) -> None:
        """Answer with a value as JSON."""
        self.answer(status, dump_json(found, indent=None), "application/json; charset=utf-8")

    def refuse(self, status: HTTPStatus, words: str, headers: Mapping[str, str] | None = None) -> None:
        """Answer ``{"detail": words}``, and close the connection: a body that was not read may follow."""
        self.close_connection = True
        self.answer(status, dump_json({"detail": words}, indent=None), "application/json; charset=utf-8", headers)

    def answer(
        self, status: HTTPStatus, content: str | bytes, kind: str, headers: Mapping[str, str] | None = None
    ) -> None:
        """Answer with a body.

        Args:
            status: the code of the answer.
            content: the body; text is sent as UTF-8.
            kind: its media type, such as ``text/html; charset=utf-8``.
            headers: further headers, or others in place of those of every answer.
        """
        body = content if isinstance(content, bytes) else content.encode("utf-8", "replace")
        self.send_response(status)
        for name, value in {
            "Content-Type": kind,
            "Content-Length": str(len(body)),
            "Content-Security-Policy": self.server.policy,
            **HEADERS,
            **(headers or {}),
        }.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def handle(self) -> None:
        try:
            super().handle()
        except (ConnectionError, TimeoutError):  # the browser disconnected
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """Suppress the log line per request, of which a page that asks for news makes one each second."""


class LocalServer(ThreadingHTTPServer):
    """An HTTP server of one page, on the loopback address.

    Args:
        handler: the handler of requests.
        page: HTML of the page.
        port: port number; 0 for any free one.
        images: sources of images that the page may show, as in a content security policy: ``'self' data:``.

    Raises:
        RequestError: the port is not available.
    """

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, handler: type[LocalHandler], page: str, port: int, images: str = "data:"):
        self.page, self.policy = page, policy_for(page, images)
        try:
            super().__init__((HERE, port), handler)
        except OSError as error:
            raise RequestError(
                f"Port {port} can't be used ({error.strerror or error}). Choose another, or any free one: --port 0"
            ) from error
        self.names = {f"{name}:{self.server_port}" for name in (HERE, "localhost")}
        if self.server_port == 80:  # browsers omit the default port
            self.names |= {HERE, "localhost"}

    @property
    def url(self) -> str:
        """Address of the page."""
        return f"http://{HERE}:{self.server_port}/"
