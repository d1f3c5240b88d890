"""The HTTP server of the dashboard: read-only, and for this machine only.

Pages of other sites must not read it either. Only requests for this exact address are answered, which prevents DNS
rebinding, and none that a browser marks as cross-site.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from zoo.errors import RequestError
from zoo.reports.kit.pages import HEADERS, page_of, policy_for
from zoo.storage import dump_json
from zoo_dashboard.reports import POLICY
from zoo_dashboard.scan import Runs

HERE = "127.0.0.1"
_LONGEST = 2048
_NUMBER = re.compile(r"\d{1,12}")


def page() -> str:
    """HTML of the dashboard."""
    return page_of("zoo_dashboard")


def policy() -> str:
    """Content security policy of the page."""
    return policy_for(page())


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "zoo", ""
    error_message_format, error_content_type = "%(message)s\n", "text/plain; charset=utf-8"
    timeout = 30  # seconds; an idle connection would occupy a thread

    server: Dashboard

    def do_GET(self) -> None:
        if not self._is_allowed():
            self._answer(HTTPStatus.FORBIDDEN, "This page is available on this machine only.")
            return
        asked = urlsplit(self.path)
        query = {key: values[-1] for key, values in parse_qs(asked.query, max_num_fields=8).items()}
        if len(self.path) > _LONGEST:
            self._answer(HTTPStatus.REQUEST_URI_TOO_LONG, "Too long.")
        elif asked.path == "/":
            self._answer(HTTPStatus.OK, page(), "text/html")
        elif asked.path == "/report":
            self._report(query.get("name", ""))
        elif asked.path == "/api/runs":
            self._json(self.server.runs.changes(_parse_int(query.get("since"))))
        elif asked.path == "/api/run":
            self._json(self.server.runs.run(query.get("name", ""), _parse_int(query.get("after"))))
        else:
            self._answer(HTTPStatus.NOT_FOUND, "Not found.")

    def _refuse(self) -> None:
        self.close_connection = True  # an unread body may follow
        self._answer(HTTPStatus.METHOD_NOT_ALLOWED, "This page is read-only.", allow=True)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):  # every other HTTP method
            return self._refuse
        raise AttributeError(name)

    def _is_allowed(self) -> bool:
        named = self.headers.get_all("Host") or []
        here = len(named) == 1 and named[0].lower() in self.server.names
        return here and self.headers.get("Sec-Fetch-Site", "none") in ("none", "same-origin")

    def _report(self, name: str) -> None:
        content = self.server.runs.report(name)
        if content is None:
            self._answer(HTTPStatus.NOT_FOUND, "There is no report of this run.")
        else:
            self._answer(HTTPStatus.OK, content, "text/html", csp=POLICY)

    def _json(self, found: dict[str, Any] | None) -> None:
        if found is None:
            self._answer(HTTPStatus.NOT_FOUND, "No such run.")
        else:
            self._answer(HTTPStatus.OK, dump_json(found, indent=None), "application/json")

    def _answer(
        self,
        status: HTTPStatus,
        content: str | bytes,
        kind: str = "text/plain",
        *,
        allow: bool = False,
        csp: str | None = None,
    ) -> None:
        body = content if isinstance(content, bytes) else content.encode("utf-8", "replace")
        headers = {
            "Content-Type": f"{kind}; charset=utf-8",
            "Content-Length": str(len(body)),
            "Content-Security-Policy": csp or policy(),
            **HEADERS,
            **({"Allow": "GET"} if allow else {}),
        }
        self.send_response(status)
        for name, value in headers.items():
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
        """Suppress the log line per request, of which there is one each second."""


class Dashboard(ThreadingHTTPServer):
    """An HTTP server of the runs in a folder.

    Args:
        out: the folder of the runs.
        port: port number; 0 for any free one.

    Raises:
        RequestError: the port is not available.
    """

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, out: Path, port: int):
        self.runs = Runs(out)
        try:
            super().__init__((HERE, port), _Handler)
        except OSError as error:
            raise RequestError(
                f"Port {port} can't be used ({error.strerror or error}). Choose another, or any free one: zoo "
                "dashboard --port 0"
            ) from error
        self.names = {f"{name}:{self.server_port}" for name in (HERE, "localhost")}
        if self.server_port == 80:  # browsers omit the default port
            self.names |= {HERE, "localhost"}

    @property
    def url(self) -> str:
        return f"http://{HERE}:{self.server_port}/"


def _parse_int(text: str | None) -> int:
    return int(text) if text and _NUMBER.fullmatch(text) else 0
