"""The HTTP server of the dashboard: read-only, and for this machine only."""

from __future__ import annotations

import re
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from zoo.reports.kit.local_server import LocalHandler, LocalServer
from zoo.reports.kit.pages import page_of
from zoo_dashboard.reports import POLICY
from zoo_dashboard.scan import Runs

_LONGEST = 2048
_NUMBER = re.compile(r"\d{1,12}")


class _Handler(LocalHandler):
    server: Dashboard

    def do_GET(self) -> None:  # noqa: N802 - http.server's own name
        if not self.is_allowed():
            return
        asked = urlsplit(self.path)
        query = {key: values[-1] for key, values in parse_qs(asked.query, max_num_fields=8).items()}
        if len(self.path) > _LONGEST:
            self.refuse(HTTPStatus.REQUEST_URI_TOO_LONG, "Too long.")
        elif asked.path == "/":
            self.answer(HTTPStatus.OK, self.server.page, "text/html; charset=utf-8")
        elif asked.path == "/report":
            self._report(query.get("name", ""))
        elif asked.path == "/api/runs":
            self._found(self.server.runs.changes(_parse_int(query.get("since"))))
        elif asked.path == "/api/run":
            self._found(self.server.runs.run(query.get("name", ""), _parse_int(query.get("after"))))
        else:
            self.refuse(HTTPStatus.NOT_FOUND, "Not found.")

    def _refuse_method(self) -> None:
        self.refuse(HTTPStatus.METHOD_NOT_ALLOWED, "This page is read-only.", {"Allow": "GET"})

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):  # every other HTTP method
            return self._refuse_method
        raise AttributeError(name)

    def _report(self, name: str) -> None:
        content = self.server.runs.report(name)
        if content is None:
            self.refuse(HTTPStatus.NOT_FOUND, "There is no report of this run.")
        else:
            self.answer(HTTPStatus.OK, content, "text/html; charset=utf-8", {"Content-Security-Policy": POLICY})

    def _found(self, found: dict[str, Any] | None) -> None:
        if found is None:
            self.refuse(HTTPStatus.NOT_FOUND, "No such run.")
        else:
            self.answer_json(HTTPStatus.OK, found)


class Dashboard(LocalServer):
    """An HTTP server of the runs in a folder.

    Args:
        out: the folder of the runs.
        port: port number; 0 for any free one.

    Raises:
        RequestError: the port is not available.
    """

    def __init__(self, out: Path, port: int):
        self.runs = Runs(out)
        super().__init__(_Handler, page_of("zoo_dashboard"), port)


def _parse_int(text: str | None) -> int:
    return int(text) if text and _NUMBER.fullmatch(text) else 0
